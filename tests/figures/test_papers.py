"""The pictures of the papers: facts that can be seen in them, read from the tables that are written as CSV."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from tersegrad.figures import FIGURES

Curves = dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def curves() -> Callable[[str], Curves]:
    """(panel, line) -> (x, y) of a figure, measured once."""

    def read(name: str) -> Curves:
        _, rows = FIGURES[name].table(FIGURES[name].measure(True, 0))
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for panel, line, _, x, y, *_ in rows:
            found.setdefault((panel, line), []).append((x, y))
        return {key: (np.array(points).T[0], np.array(points).T[1]) for key, points in found.items()}

    return cache(read)


# ------------------------------------------------------------------------------------------------------ DoubleSqueeze


def test_one_way_compression_saves_half_at_most_and_one_bit_both_ways_up_to_32(curves) -> None:
    """At a slow link the saving is that of the bits; at a fast one the gradient's time is all there is."""
    _, one_way = curves("doublesqueeze-time")["b", "MEM-SGD, 1 bit"]
    _, two_way = curves("doublesqueeze-time")["b", "DoubleSqueeze, 1 bit"]
    assert 1.8 < one_way.max() < 2
    assert 28 < two_way.max() < 32
    assert two_way[-1] < 2
    assert np.all(np.diff(two_way) < 0)


def test_the_time_of_an_iteration_is_a_line_in_the_inverse_bandwidth(curves) -> None:
    x, y = curves("doublesqueeze-time")["a", "SGD"]
    slope, start = np.polyfit(x, y, 1)
    assert start == pytest.approx(0.1 + 2 * 5e-5, rel=1e-6)
    assert slope == pytest.approx(8 * 64 * 11.2e6 / 1e9, rel=1e-9)  # 8 workers, 32 bits both ways


# --------------------------------------------------------------------------------------------------------------- DORE


def test_dore_saves_95_percent_of_the_communication_time_and_one_way_methods_less_than_half() -> None:
    _, rows = FIGURES["dore-time"].table(FIGURES["dore-time"].measure(True, 0))
    talking = {(method, link): total - computing for method, link, total, computing in rows}
    for link in ("1 Gbit/s", "200 Mbit/s"):
        assert talking["DORE", link] / talking["SGD", link] == pytest.approx((1.5 + 32 / 256) / 32, rel=1e-3)
        assert talking["DIANA", link] / talking["SGD", link] > 0.5
    assert talking["DORE", "200 Mbit/s"] / talking["DORE", "1 Gbit/s"] == pytest.approx(5, rel=1e-2)


# ---------------------------------------------------------------------------------------------------- Khirirat et al.


def test_the_explicit_step_is_safe_and_the_limit_that_of_delayed_descent(curves) -> None:
    found = curves("khirirat-step")
    for panel in "ab":
        assert np.all(found[panel, "rule, $a=1$"][1] < found[panel, "largest stable, $a=1$"][1])
    _, limit = found["a", "largest stable, $a=1$"]
    np.testing.assert_allclose(limit, [2 * np.sin(np.pi / (2 * v)) for v in (1, 3, 7)], rtol=5e-3)


def test_sparse_data_need_fewer_rounds_and_no_run_needs_more_than_its_theorem_says(curves) -> None:
    """The step for s = 1 is n/s = 4 times that for s = n, conditioning aside; QSGD pays in rounds and gains in bits."""
    found = curves("khirirat-communication")
    for panel in "abcd":
        for name in ("no compression", "QSGD, 8 levels"):
            assert np.all(found[panel, name][1] <= found[panel, f"{name}: theorem"][1])
    for name in ("no compression", "QSGD, 8 levels"):
        assert np.all(found["a", name][1] < found["b", name][1])
        assert np.all(np.diff(found["b", f"{name}: theorem"][1]) > 0)  # a delay costs
    assert np.all(found["b", "QSGD, 8 levels"][1] > found["b", "no compression"][1])
    assert np.all(found["d", "QSGD, 8 levels"][1] < found["d", "no compression"][1])


# ---------------------------------------------------------------------------------------------------------------- GMC


def test_gmc_is_as_fast_as_dense_momentum_at_an_eighth_of_the_bits_and_dgc_stalls(curves) -> None:
    """3 of 30 entries with 5 bits of index each are 111 bits against 960."""
    found = curves("gmc-learning")
    t, dense = found["a", "DMSGD"]
    _, mine = found["a", "GMC, top 3"]
    _, local = found["a", "DGC, top 3"]
    assert t[-1] == 1500
    assert mine[-1] < 2 * dense[-1]
    assert local[-1] > 50 * mine[-1]
    assert found["b", "GMC, top 3"][0][-1] / found["b", "DMSGD"][0][-1] == pytest.approx(111 / 960)


def test_local_momentum_ends_highest_where_workers_differ_and_lambda_lowers_gmc(curves) -> None:
    found = curves("gmc-plus")
    _, local = found["b", "DGC"]
    _, mine = found["b", "GMC"]
    _, plus = found["b", r"GMC+, $\lambda=0.9$"]
    assert np.all(local > 10 * mine)
    assert np.all(plus < mine)
    assert found["a", r"$\lambda=0$ (GMC)"][1][-1] > found["a", r"$\lambda=0.9$"][1][-1]


# --------------------------------------------------------------------------------------------------------------- LIEC


def test_longer_periods_cost_progress_and_larger_blocks_save_bits(curves) -> None:
    found = curves("liec-periods")
    short, long = (found["a", f"LIEC, $H={H}$"][1][-1] for H in (32, 100))
    assert found["a", "SGD"][1][-1] < short < long
    blocks, bits = found["d", "LIEC, $H=100$"]
    assert tuple(blocks) == (8, 64, 512)
    assert bits[0] > 2 * bits[-1]
    assert bits[-1] < 0.06  # both ways, the dense averages of every 100th round counted
    assert np.all(found["d", "LIEC, $H=32$"][1] > bits)


def test_double_compression_with_memory_follows_sgd_and_without_it_does_not(curves) -> None:
    found = curves("doublesqueeze-loss")
    losses = {name: found["a", name][1] for panel, name in found if panel == "a"}
    assert losses["DoubleSqueeze, 1 bit"][-1] == pytest.approx(losses["SGD"][-1], rel=0.02)
    assert losses["top 2 %, no memory"][-1] > 1.2 * losses["DoubleSqueeze, top 2 %"][-1]
    spent = {name: found["b", name][0][-1] for name in losses}
    assert spent["DoubleSqueeze, 1 bit"] < spent["MEM-SGD, 1 bit"] / 10 < spent["SGD"] / 10


def test_dore_needs_rounds_inverse_to_beta_and_the_block_hardly_matters(curves) -> None:
    """The model moves by beta times what is sent."""
    found = curves("dore-sensitivity")
    (name,) = {line for _, line in found}
    beta, rounds = found["c", name]
    assert tuple(beta) == (0.2, 0.4, 1.0)
    np.testing.assert_allclose(rounds * beta, rounds[-1], rtol=0.05)
    _, over_blocks = found["a", name]
    assert over_blocks.max() < 1.1 * over_blocks.min()
