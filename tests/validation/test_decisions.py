"""Decisions from arrays alone: each word where it belongs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from support.verdict_examples import linear
from tersegrad.validation.decisions import allowed_slopes, decide, divergence, meets, strength, with_promises
from tersegrad.validation.statistics import Fit
from tersegrad.validation.verdict import MeasuredRate, Series, exit_status


def series(low: list[float], high: list[float], bound: list[float], **more: Any) -> Series:
    a, b = np.array(low), np.array(high)
    return Series(np.arange(1, a.size + 1), (a + b) / 2, a, b, np.array(bound), **{"start": 10.0, **more})


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        ([4.0, 1.0], [5.0, 1.5], "holds"),
        ([4.0, 1.0], [5.0, 2.5], "inconclusive"),
        ([4.0, 2.1], [5.0, 2.5], "violated"),
    ],
)
def test_limits_decide(low: list[float], high: list[float], word: str) -> None:
    assert decide(series(low, high, [6.0, 2.0])).word == word


def test_a_bound_that_never_leaves_the_start_is_vacuous() -> None:
    assert decide(series([1.0, 1.0], [2.0, 2.0], [20.0, 10.0])).word == "vacuous"
    assert decide(series([1.0, 1.0], [2.0, 2.0], [20.0, 9.0])).word == "holds"


def test_below_rounding_a_metric_only_has_to_be_at_a_level_that_rounding_explains() -> None:
    """A limit above the bound counts where the bound is above rounding error; below, 100 roundings count."""
    assert decide(series([4.0, 3e-9], [5.0, 4e-9], [6.0, 1e-9], rounding=1e-8)).word == "holds"
    assert decide(series([4.0, 2e-6], [5.0, 3e-6], [6.0, 1e-9], rounding=1e-8)).word == "violated"
    assert decide(series([4.0, 3e-7], [5.0, 4e-7], [6.0, 1e-7], rounding=1e-8)).word == "violated"
    nothing = decide(series([4e-8], [4e-8], [1e-9], rounding=1e-8))
    assert nothing.word == "inconclusive"
    assert "below double precision" in nothing.reason


def test_a_replica_that_diverged_violates() -> None:
    assert divergence(np.array([0, 0])) is None
    found = divergence(np.array([0, 7, 5]))
    assert found is not None
    assert found.word == "violated"
    assert found.reason == "2 of 3 replicas diverged, the first in round 5"


def test_allowed_slopes_leave_a_fifth_to_lower_order_terms() -> None:
    assert allowed_slopes((-0.5, -1.0)) == pytest.approx((-1.2, -0.4))


def test_a_slope_is_seen_if_its_interval_excludes_zero_and_meets_the_range() -> None:
    assert meets(Fit(-0.5, -0.7, -0.3), (-0.6, -0.4))
    assert not meets(Fit(-0.5, -1.2, 0.2), (-0.6, -0.4))
    assert not meets(Fit(-0.3, -0.39, -0.2), (-0.6, -0.4))


def test_a_promised_slope_that_was_not_seen_is_part_of_the_word() -> None:
    seen = MeasuredRate("power in rounds", (-1.0, -0.5), -0.6, -0.7, -0.5, True, "")
    unseen = MeasuredRate("power in rounds", (-1.0, -0.5), -0.1, -0.2, 0.0, False, "")
    assert with_promises("holds", seen, None) == "holds"
    assert with_promises("holds", unseen, None) == "holds, rate not seen"
    assert with_promises("vacuous", unseen, None) == "vacuous"

    assert exit_status([replace(linear(), verdict="holds, rate not seen")]) == 3


def test_strength_looks_away_from_the_start_and_finds_the_bound_that_would_be_rejected() -> None:
    """A run that ends ten times below its bound: 1/10 at round 10 and later, whatever holds at the first rounds."""
    rounds = np.array([1, 5, 10, 100])
    mean, bound = np.array([9.9, 5.0, 0.9, 0.1]), np.array([10.0, 10.0, 9.0, 1.0])
    exact = Series(rounds, mean, mean, mean, bound, 10.0)
    found = strength(exact, mean[None, :], 1e-3, "here")
    assert found is not None
    assert (found.tightness, found.at_round, found.instance) == (pytest.approx(0.1), 10, "here")
    assert found.end_ratio == pytest.approx(10)
    assert found.rejects == pytest.approx(10)
    assert (found.rounds_promised, found.rounds_needed) == (100, 10)
    noisy = strength(exact, np.tile(mean, (32, 1)), 1e-3, "here")
    assert noisy is not None
    assert noisy.rejects is not None
    assert 10 < noisy.rejects < 20  # 32 replicas know less than a deterministic run
