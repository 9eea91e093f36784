"""Error probabilities, measured: what `sequential` and `statistics` promise, on samples of known laws.

The fast tests try the promises that hold for every law. The slow ones (``pytest -m slow -s``) print the figures of
docs/calibration.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import beta
from scipy.stats import t as student

from tersegrad.validation.sequential import Decided, Looks, decide_in_looks
from tersegrad.validation.statistics import betting_limit, evidence, mean_limits
from tersegrad.validation.verdict import Series

CHECKPOINTS = 20
Law = Callable[[np.random.Generator, int], np.ndarray]


def gaussian(rng: np.random.Generator, count: int) -> np.ndarray:
    """Mean 1, standard deviation 0.2."""
    return 1 + 0.2 * rng.standard_normal((count, CHECKPOINTS))


def lognormal(rng: np.random.Generator, count: int) -> np.ndarray:
    """Mean 1, skewness 1.75."""
    return np.exp(0.5 * rng.standard_normal((count, CHECKPOINTS)) - 0.125)


def left_skewed(rng: np.random.Generator, count: int) -> np.ndarray:
    """Mean 1, skewness -1.2: beta(5, 1)."""
    return rng.beta(5, 1, (count, CHECKPOINTS)) / (5 / 6)


def rare(rng: np.random.Generator, count: int) -> np.ndarray:
    """Mean 1: 0 once in 33 times; eight of them are equal in four of five samples."""
    return (rng.random((count, CHECKPOINTS)) < 0.97) / 0.97


def correlated(rng: np.random.Generator, count: int) -> np.ndarray:
    """Mean 1, standard deviation 0.2, correlation 0.95 from one checkpoint to the next: what a run looks like."""
    steps = 0.2 * rng.standard_normal((count, CHECKPOINTS))
    for k in range(1, CHECKPOINTS):
        steps[:, k] = 0.95 * steps[:, k - 1] + np.sqrt(1 - 0.95**2) * steps[:, k]
    return 1 + steps


LAWS: tuple[Law, ...] = (gaussian, lognormal, left_skewed, rare, correlated)
REPLICAS = (8, 16, 32)


def verdict(law: Law, excess: float, replicas: int, alpha: float, rng: np.random.Generator) -> Decided:
    """Decide whether means of 1 + excess are below the bound 1, as a verification does."""
    kept = np.empty((0, CHECKPOINTS))

    def measure(looks: Looks) -> tuple[Series, np.ndarray]:
        nonlocal kept
        kept = np.vstack([kept, (1 + excess) * law(rng, looks.replicas - len(kept))])
        mean, low, high = mean_limits(kept, looks.alpha(alpha, "holds"))
        rounds = np.arange(1, CHECKPOINTS + 1)
        return Series(rounds, mean, low, high, np.ones(CHECKPOINTS), 10.0), np.zeros(len(kept))

    def fresh(t: int, count: int, first: int) -> np.ndarray:
        return (1 + excess) * law(rng, count)[:, t - 1]

    return decide_in_looks(measure, fresh, replicas, alpha)


def words(law: Law, excess: float, replicas: int, alpha: float, repetitions: int) -> Counter[str]:
    rng = np.random.default_rng(replicas)
    return Counter(verdict(law, excess, replicas, alpha, rng).decision.word for _ in range(repetitions))


def at_most(hits: int, trials: int, probability: float) -> bool:
    """Whether so many hits agree with a probability: the lower limit of Clopper and Pearson at 99.9 % is below it."""
    return hits == 0 or float(beta.ppf(1e-3, hits, trials - hits + 1)) <= probability


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_bet_against_a_true_bound_wins_as_rarely_as_stated(law: Law) -> None:
    rng = np.random.default_rng(0)
    won = sum(evidence(law(rng, 300)[:, 0], 1.0) >= np.log(10) for _ in range(400))
    assert at_most(won, 400, 0.1)


def test_a_bet_against_a_false_bound_wins() -> None:
    rng = np.random.default_rng(0)
    assert all(evidence(1.3 * law(rng, 300)[:, 0], 1.0) >= np.log(1e3) for law in LAWS)
    assert evidence(np.array([1.0, np.inf]), 5.0) > 100  # a replica that diverged


def test_the_betting_limit_is_the_largest_bound_that_is_rejected() -> None:
    sample = gaussian(np.random.default_rng(1), 200)[:, 0]
    low = betting_limit(sample, 0.01)
    assert 0.8 < low < 1
    assert evidence(sample, 0.999 * low) >= np.log(100) > evidence(sample, 1.001 * low)
    assert betting_limit(np.zeros(5), 0.01) == 0


def test_student_limits_of_eight_equal_values_violate_nothing() -> None:
    """Eight values of `rare` are mostly equal: no spread, a lower limit above the bound, and yet no violation."""
    found = words(rare, 0.0, 8, 0.05, 40)
    assert found["violated"] <= 8  # of an event of probability 0.05/4 or less: 8 or more have probability 1e-6


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_bound_missed_by_a_third_is_found_out(law: Law) -> None:
    assert words(law, 1 / 3, 8, 0.05, 10) == {"violated": 10}


@pytest.mark.slow
@pytest.mark.parametrize("replicas", REPLICAS)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_false_violations_are_at_most_alpha(law: Law, replicas: int) -> None:
    alpha, repetitions = 0.05, 400
    at_the_bound = words(law, 0.0, replicas, alpha, repetitions)
    print(f"\nfalse violations, {law.__name__}, {replicas} replicas: {at_the_bound['violated'] / repetitions:.4f}")
    assert at_most(at_the_bound["violated"], repetitions, alpha)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", REPLICAS)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_power_against_five_percent_once_decided(law: Law, replicas: int) -> None:
    repetitions = 100
    found = words(law, 0.05, replicas, 0.05, repetitions)
    decided = found["violated"] + found["holds"]
    print(
        f"\npower against 5 %, {law.__name__}, {replicas} replicas: {found['violated'] / decided:.3f} of the "
        f"{decided / repetitions:.2f} that are decided"
    )
    assert decided > repetitions / 5
    assert found["violated"] >= 0.95 * decided


@pytest.mark.slow
@pytest.mark.parametrize("replicas", REPLICAS)
@pytest.mark.parametrize("law", [law for law in LAWS if law is not rare], ids=lambda law: law.__name__)
def test_limits_cover_within_two_points(law: Law, replicas: int) -> None:
    """Two-sided 95 % limits of one mean."""
    rng = np.random.default_rng(replicas)
    samples = np.stack([law(rng, replicas)[:, 0] for _ in range(20_000)], axis=1)
    _, low, high = mean_limits(samples, 0.05 * samples.shape[1])  # Bonferroni's inequality undone
    covered = float(np.mean((low <= 1) & (high >= 1)))
    print(f"\ncoverage, {law.__name__}, {replicas} replicas: {covered:.4f}")
    assert 0.93 <= covered <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("replicas", REPLICAS)
def test_upper_limits_are_as_sure_as_stated_for_symmetric_laws_and_surer_than_students_for_skewed_ones(
    replicas: int,
) -> None:
    """One-sided limits at the level 0.001, of which "holds" is made."""
    level, repetitions = 1e-3, 200_000
    too_low = {}
    for law in (gaussian, lognormal):
        rng = np.random.default_rng(replicas)
        samples = np.concatenate([law(rng, replicas) for _ in range(repetitions // CHECKPOINTS)], axis=1)
        _, _, high = mean_limits(samples, 2 * level * repetitions)
        too_low[law] = int(np.sum(high < 1))
    error = samples.std(axis=0, ddof=1) / np.sqrt(replicas)
    of_student = float(np.mean(samples.mean(axis=0) + student.isf(level, replicas - 1) * error < 1))
    corrected = too_low[lognormal] / repetitions
    print(f"\nupper limits below a lognormal mean, {replicas} replicas: {corrected:.4f}; Student's: {of_student:.4f}")
    assert at_most(too_low[gaussian], repetitions, level)
    assert corrected < of_student
