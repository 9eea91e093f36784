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
    for link in ("1 Gbps", "200 Mbps"):
        assert talking["DORE", link] / talking["SGD", link] == pytest.approx((1.5 + 32 / 256) / 32, rel=1e-3)
        assert talking["DIANA", link] / talking["SGD", link] > 0.5
    assert talking["DORE", "200 Mbps"] / talking["DORE", "1 Gbps"] == pytest.approx(5, rel=1e-2)


# ---------------------------------------------------------------------------------------------------- Khirirat et al.


def test_the_explicit_step_is_safe_and_the_limit_that_of_delayed_descent(curves) -> None:
    found = curves("khirirat-step")
    for panel in "ab":
        assert np.all(found[panel, "rule, $a=1$"][1] < found[panel, "largest stable, $a=1$"][1])
    _, limit = found["a", "largest stable, $a=1$"]
    np.testing.assert_allclose(limit, [2.0, 2 * np.sin(np.pi / 14)], rtol=5e-3)
