"""Decisions by ever more replicas: looks that share an error probability, and fresh replicas that confirm a violation.

Nothing here runs a method: what is measured comes from callables, so that the error probabilities themselves can be
measured on samples of known laws (docs/calibration.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .decisions import ABOVE_ROUNDING, SHARES, Decision, decide, divergence
from .statistics import betting_limit, evidence, spent
from .verdict import Confirmation, Series

#: Replicas are doubled while undecided, up to this multiple of the first number.
MOST_REPLICAS_FACTOR = 16
#: Fresh replicas that confirm a violation: to start with, and at most (doubled in between).
CONFIRMING, MOST_CONFIRMING = 128, 2048
#: Fresh replicas of the confirmation at look k are numbered from k times this.
FRESH = 1 << 24

#: From (round, replicas, number of the first replica) to as many fresh values of the metric after that round.
Fresh = Callable[[int, int, int], np.ndarray]


@dataclass(frozen=True)
class Looks:
    """A look at replicas: twice as many as at the one before; one look at a deterministic run, of one replica."""

    start: int
    number: int = 1

    @property
    def replicas(self) -> int:
        """How many replicas this look is at."""
        return self.start * 2 ** (self.number - 1)

    @property
    def deterministic(self) -> bool:
        """Whether one replica is all there is."""
        return self.start == 1

    @property
    def last(self) -> bool:
        """Whether no further look follows."""
        return self.deterministic or self.replicas >= self.start * MOST_REPLICAS_FACTOR

    def next(self) -> Looks:
        """The look at twice as many replicas."""
        return replace(self, number=self.number + 1)

    def alpha(self, alpha: float, share: str) -> float:
        """What this look spends of a verdict's error probability on `share`."""
        return spent(alpha * SHARES[share], self.number)


@dataclass(frozen=True)
class Decided:
    """What the looks decided, the series of the last one, and the fresh replicas of the last confirmation."""

    decision: Decision
    series: Series
    confirmation: Confirmation | None = None


def decide_in_looks(
    measure: Callable[[Looks], tuple[Series, np.ndarray]], fresh: Fresh, replicas: int, alpha: float
) -> Decided:
    """Look at more and more replicas until a bound is decided.

    Parameters
    ----------
    measure
        From a look to the series of its replicas, with limits at the level ``look.alpha(alpha, "holds")``, and the (R,)
        rounds after which they diverged, 0 for those that did not.
    fresh
        Replicas that the looks have not seen.
    replicas, alpha
        At the first look, 1 for a deterministic run; the error probability of the whole verdict.
    """
    looks = Looks(replicas)
    while True:
        series, first_bad = measure(looks)
        found = _look(series, first_bad, looks, fresh, alpha)
        if found.decision.word != "inconclusive" or looks.last:
            return found
        looks = looks.next()


def _look(series: Series, first_bad: np.ndarray, looks: Looks, fresh: Fresh, alpha: float) -> Decided:
    bad = divergence(first_bad)
    decision = bad or decide(series)
    if looks.deterministic:
        return Decided(decision, series)
    worst = int(np.argmax(~np.isfinite(series.mean))) if bad else decision.worst
    if worst is None or (decision.word == "inconclusive" and not looks.last):
        return Decided(decision, series)
    found = confirm(series, worst, looks.alpha(alpha, "violated"), fresh, looks.number * FRESH)
    beside = f"{found.replicas} fresh replicas"
    if found.confirmed:
        least = f"the metric is at least {found.low:.4g}" if np.isfinite(found.mean) else "some of them have diverged"
        reason = f"confirmed by {beside}: at round {found.round} {least}, the bound {found.bound:.4g}"
        return Decided(Decision("violated", reason, decision.margin), series, found)
    reason = f"{decision.reason}; not confirmed by {beside}, whose mean is {found.mean:.4g}"
    return Decided(Decision("inconclusive", reason, decision.margin), series, found)


def confirm(series: Series, worst: int, alpha: float, fresh: Fresh, first: int) -> Confirmation:
    """Bet fresh replicas against the bound at one checkpoint, until the bet is won, hopeless or long enough.

    That the checkpoint was the worst one costs nothing: it was chosen by other replicas.
    """
    t, bound = int(series.rounds[worst]), float(series.bound[worst])
    rounding = series.rounding * (1.0 if bound > series.rounding else ABOVE_ROUNDING)
    allowed, wanted = bound * (1 + 1e-9) + rounding, math.log(1 / alpha)
    values, count = np.empty(0), CONFIRMING
    while True:
        values = np.append(values, fresh(t, count - values.size, first + values.size))
        capital, mean = evidence(values, allowed), float(values.mean())
        hopeless = mean < allowed and mean + 3 * float(values.std()) / math.sqrt(count) < allowed
        if capital >= wanted or hopeless or count >= MOST_CONFIRMING:
            won = capital >= wanted
            low = betting_limit(values, alpha) if won else 0.0
            return Confirmation(t, bound, count, first, mean, low, capital, alpha, won)
        count *= 2
