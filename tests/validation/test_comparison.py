"""The comparison at equal bits: counts, coefficients and what the theorems promise."""

from __future__ import annotations

import pytest

from tersegrad.common.errors import InputError
from tersegrad.problems import problem as build
from tersegrad.theory import Constants, theorem
from tersegrad.validation.comparison import RIVALS, compare, measure

KNOWN = Constants(n=4, dim=1000, L=1.0, L_max=2.0, gap0=1.0, sigma_sq=1.0, zeta_sq=0.1, G=2.0)


def rows(constants=KNOWN, up="sign", down="sign", budget=1e9, **more):
    return {row.method: row for row in compare(constants, up, down, budget=budget, **more)}


def test_bits_of_a_round_are_those_of_the_messages():
    found, sign, dense = rows(H=8), 1000 + 32, 32 * 1000
    assert found["sgd"].bits_per_round == 2 * dense
    assert found["error-feedback"].bits_per_round == sign + dense
    assert found["doublesqueeze"].bits_per_round == 2 * sign
    assert found["cser"].bits_per_round == sign + dense + (sign + dense) / 8
    assert found["liec"].bits_per_round == (7 * 2 * sign + 2 * dense) / 8
    assert found["neolithic"].bits_per_round == 2 * sign * found["neolithic"].parameters["R"]
    assert all(row.rounds == 10**9 // row.bits_per_round for row in found.values())


def test_the_error_terms_are_those_of_the_theorems():
    found = rows(up="topk:k=100", down="topk:k=100", H=8)
    delta = theorem("doublesqueeze.contractive").guarantee(KNOWN, "topk:k=100", "topk:k=100").analysis["delta"]
    lost = 1 - delta
    E_2 = 8 * lost * 4 / delta**2 * (1 + 2 * (1 + 4 * lost / delta**2))
    q = lost**0.5
    expected = {
        "sgd": 0.0,
        "error-feedback": 4 * lost * (1 / delta + 0.2 / delta**2),
        "doublesqueeze": 2 * E_2,
        "cser": 4 * lost * 4 * (8 * q / (1 - q) + 7) ** 2,
        "liec": 2 * 4 * lost * 4 * (49 + 2 * min(4 / delta**2, 49)),
    }
    assert {name: found[name].error for name in expected} == pytest.approx(expected, rel=1e-6, abs=1e-6)
    for name, factor in (("sgd", 1), ("cser", 1), ("liec", 2), ("doublesqueeze", 2), ("error-feedback", 2)):
        assert found[name].noise == pytest.approx(factor * 1.0 / 4, rel=1e-6), name


@pytest.mark.parametrize("budget", [1e10, 1e11, 1e12])
@pytest.mark.parametrize("spec", ["sign", "topk:k=10", "sign:block=100"])
def test_liec_has_the_best_bound_at_equal_bits_among_the_compressed_methods(spec, budget):
    """The rate of one-way methods at the bits of two-way methods: its period is free, and its error has no 1/delta."""
    found = rows(up=spec, down=spec, budget=budget)
    rivals = [found[name].bound for name in ("error-feedback", "doublesqueeze", "cser", "neolithic")]
    assert found["liec"].bound < min(rivals)
    assert found["liec"].parameters["H"] > 1


def test_with_bits_enough_liec_beats_sgd_too():
    """The noise decides in the end, and a round of LIEC costs less, which outweighs the 2 in its bound."""
    late = rows(up="topk:k=10", down="topk:k=10", budget=1e13)
    assert late["liec"].bound < late["sgd"].bound
    assert late["liec"].rounds > 10 * late["sgd"].rounds


def test_the_period_that_is_chosen_is_the_best_power_of_two():
    best = rows(budget=1e12)["liec"]
    for H in (1, 2, 4, 8, 16, 64, 1024):
        assert best.bound <= rows(budget=1e12, H=H, methods=("liec",))["liec"].bound * (1 + 1e-12)
    assert best.parameters["H"] == 8


def test_more_bits_buy_more_and_what_cannot_be_compared_says_why():
    few, many = rows(budget=1e7), rows(budget=1e9)
    assert all(many[name].bound < few[name].bound for name in RIVALS)
    with pytest.raises(InputError, match="does not pay for a round"):
        compare(KNOWN, "sign", "sign", budget=100)
    with pytest.raises(InputError, match="not contractive"):
        compare(KNOWN, "ternary", "sign", budget=1e9, methods=("liec",))
    with pytest.raises(InputError, match="needs G"):
        compare(Constants(n=4, dim=10, L_max=1.0, gap0=1.0, sigma_sq=1.0), "sign", "sign", budget=1e9, methods=["liec"])


def test_the_measurement_is_below_the_bound_and_spends_the_budget():
    """Every method at its theorem's step; limits that fail together with probability 1e-3."""
    problem = build("robust:rows=40,dim=10,split=sorted,noise=gaussian,sigma_sq=1", workers=4)
    for row in measure(problem, "topk:k=5", "topk:k=5", budget=4e5, H=4, replicas=8):
        assert row.rounds * row.bits_per_round <= 4e5 < (row.rounds + 1) * row.bits_per_round
        assert row.low <= row.bound
        assert 0 < row.mean < row.bound
        assert row.high < 1.5 * row.mean


def test_the_measured_step_is_the_best_of_those_offered():
    problem = build("robust:rows=40,dim=10,split=sorted,noise=gaussian,sigma_sq=1", workers=4)
    ask = {"budget": 2e5, "H": 4, "replicas": 8, "methods": ("liec", "doublesqueeze")}
    plain = measure(problem, "topk:k=5", "topk:k=5", **ask)
    tuned = measure(problem, "topk:k=5", "topk:k=5", steps=(1e-6, 0.05), **ask)
    for a, b in zip(plain, tuned, strict=True):
        assert b.mean < a.low  # the theorems' steps are careful
        assert b.parameters["gamma"] == 0.05
