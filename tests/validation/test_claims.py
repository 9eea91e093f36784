"""The claims of the papers: their measurements hold, and say "violated" where what is claimed is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tersegrad.problems import problem
from tersegrad.solvers import simulate
from tersegrad.solvers.context import context
from tersegrad.validation.claims import CLAIMS, Settings, dore, examine, khirirat
from tersegrad.validation.claims.grid import Grid
from tersegrad.validation.claims.measuring import bits, tuned, verdict

QUICK = Settings(quick=True)


@pytest.mark.parametrize("identity", CLAIMS)
def test_a_claim_holds_and_is_documented(identity: str, certificate: Callable[[str], dict[str, Any]]) -> None:
    found = certificate(identity)
    assert found["verdict"] == "holds", found["reason"]
    assert "t holds if" in found["text"]
    assert "violated" in found["text"]
    assert "arXiv" in found["source"]
    assert found["margin"] is None or found["margin"] >= 1
    assert found["rows"]
    assert all(len(row) == len(found["columns"]) for row in found["rows"])
    json.dumps(found, allow_nan=False)


def test_every_claim_has_two_controls() -> None:
    assert {name: len(subject.controls) for name, subject in CLAIMS.items()} == dict.fromkeys(CLAIMS, 2)


@pytest.mark.parametrize(("identity", "k"), [(identity, k) for identity in CLAIMS for k in range(2)])
def test_a_control_is_rejected(identity: str, k: int) -> None:
    control = CLAIMS[identity].controls[k]
    found = control.measure(QUICK)
    assert found.verdict != "holds", f"{control.name}: {found.reason}"
    for panel in found.panels:
        assert all(np.size(curve.x) == np.size(curve.y) for curve in panel.curves)


def test_a_full_examination_runs_the_controls() -> None:
    (found,) = examine(["dore.claim-bits"])
    assert [word for _, word in found.controls] == ["violated", "violated"]
    assert found.rejected == 2
    assert examine(["dore.claim-bits"], quick=True)[0].controls == ()


def test_a_step_that_falls_too_fast_with_the_delay_has_the_wrong_dependence() -> None:
    """Safe, and yet violated: the room that it leaves depends on the delay."""
    found = khirirat.step(QUICK, rule=lambda found: found.largest / (1 + 2 * found.tau))
    assert found.verdict == "violated"
    assert min(row[5] for row in found.rows) > 1


def test_the_saving_by_the_papers_count_is_its_formula() -> None:
    """1 - (64/b + 3)/64 with blocks that divide the dimension: 94.92 % at b = 256."""
    found = dore.savings(QUICK)
    for block, formula, *_ in found.rows:
        assert formula == pytest.approx(1 - 1 / block - 3 / 64, abs=1e-12)


def test_no_block_saves_95_percent_in_bytes_of_five_trits() -> None:
    assert all(encoded < 0.95 for *_, encoded in dore.savings(QUICK).rows)


def test_the_grid_is_unbiased_and_its_error_bounded() -> None:
    """C(x) - x has mean 0 and variance p(1 - p) h^2 in every coordinate, p the fractional part of x/h."""
    grid, x, draws = Grid(0.5), np.array([0.1, -1.3, 0.25, 2.0, -0.01]), 20000
    compress, params, _ = grid.kernel(x.size)
    uniforms = np.random.default_rng(0).random((draws, x.size))
    out, counted = np.empty((draws, x.size)), np.empty(draws)
    compress(np.tile(x, (draws, 1)), uniforms, context(), params, np.empty((draws, 0)), out, counted)
    error, p = out - x, x / 0.5 - np.floor(x / 0.5)
    variance = 0.25 * p * (1 - p)
    assert np.all(np.abs(error.mean(axis=0)) <= 5 * np.sqrt(variance / draws) + 1e-12)  # five standard deviations
    assert np.allclose((error**2).mean(axis=0), variance, rtol=0.1, atol=1e-12)
    assert variance.sum() <= grid.absolute(x.size).eps ** 2
    assert np.all(counted == 32 * x.size)
    assert grid.entropy_bits(np.array([0.5, 0.5, 1.0, 1.0])) == 4.0


def test_dense_vectors_count_32_bits_and_messages_what_is_sent() -> None:
    on = problem("quadratic:dim=20", workers=2)
    trace = simulate("dore", on, "ternary", "identity", rounds=3, parameters={"gamma": 0.1, **dore.PARAMETERS})
    per_round = 8 * (4 + 4)  # a scale and 20 trits in 4 bytes
    assert bits(trace)[-1] == 3 * (per_round + 32 * 20)
    assert bits(trace, "formula")[-1] == 3 * (32 + 1.5 * 20 + 32 * 20)


def test_tuned_takes_the_best_step_for_every_length() -> None:
    """Gradient descent on x^2/2 in closed form: mean over t < T of (1 - gamma)^(2t)."""
    on = problem("quadratic:dim=1,mu=1,L=1,radius=1", workers=1)
    found = tuned(QUICK, "sgd", on, "identity", "identity", rounds=[1, 4], steps=[0.5, 1.0, 1.9], replicas=1)
    assert found.steps[1] == 1.0
    assert found.mean == pytest.approx([1.0, 0.25], rel=1e-12)


def test_the_verdicts_words() -> None:
    assert [verdict(True, False), verdict(False, True), verdict(False, False)] == ["holds", "violated", "inconclusive"]
