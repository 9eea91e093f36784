"""What a verdict says, decided from arrays alone: the words and the rules, and nothing that runs.

holds         every upper limit is at or below the bound; a promised rate or speedup that the measurement does not show
              is part of the word ("holds, rate not seen");
violated      some lower limit is above the bound, or a replica diverged, and fresh replicas confirm it;
inconclusive  neither;
vacuous       the bound is never below the metric's value at x^0, so that holding says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..common.errors import counted, together
from .statistics import Fit, betting_limit, fit_path_slope
from .verdict import MeasuredRate, MeasuredSpeedup, Series, Strength

#: A linear rate is fitted where the metric is above this multiple of its level in the last tenth of the run.
ABOVE_FLOOR = 30.0
#: A metric this many times above its rounding level is above a bound that is below that level (10 times in length).
ABOVE_ROUNDING = 100.0
#: The share of a promised slope (in T or in n) that is left to the lower-order terms which the promise neglects.
LOWER_ORDER = 0.2
#: How the error probability of a verdict is shared.
SHARES = {"holds": 0.5, "violated": 0.25, "rate": 0.125, "speedup": 0.125}
#: The first round at which measured/bound counts for the tightness: at x^0 many bounds are equal by definition.
EARLIEST = 10
#: Largest known measured/bound from which on a theorem counts as tight, and below which it counts as loose.
TIGHT, LOOSE = 0.5, 0.1


@dataclass(frozen=True)
class Decision:
    """A verdict's word, its reason in a sentence, the smallest ratio of bound to upper limit, the worst checkpoint."""

    word: str
    reason: str
    margin: float | None = None
    worst: int | None = None


def decide(series: Series) -> Decision:
    """Compare limits with the bound, at the checkpoints where the bound is above rounding error.

    Elsewhere the metric only has to be at a level that rounding explains.
    """
    use = series.bound > series.rounding
    if beyond := _above_rounding(series, ~use):
        return Decision("violated", beyond, 0.0, int(np.argmax(~use & _far_above(series))))
    if not use.any():
        reason = (
            f"the bound is below double precision at every checkpoint; the upper limits are at most "
            f"{series.high.max():.3g}, and rounding explains {series.rounding:.3g}"
        )
        return Decision("holds" if np.all(series.high <= series.bound + series.rounding) else "inconclusive", reason)
    rounds, bound, low, high = series.rounds[use], series.bound[use], series.low[use], series.high[use]
    slack = 1e-9 * bound + series.rounding
    margin = float(np.min(bound / np.maximum(high, np.finfo(float).tiny)))
    if np.any(low > bound + slack):
        k = int(np.argmax(low / bound))
        reason = f"at round {int(rounds[k])} the metric is at least {low[k]:.4g}, the bound {bound[k]:.4g}"
        return Decision("violated", reason, margin, int(np.flatnonzero(use)[k]))
    if np.any(high > bound + slack):
        k = int(np.argmax(high / bound))
        reason = f"at round {int(rounds[k])} the upper limit {high[k]:.4g} is above the bound {bound[k]:.4g}"
        over = np.where(use, series.mean / np.maximum(series.bound, np.finfo(float).tiny), 0.0)
        worst = int(np.argmax(over))
        return Decision("inconclusive", reason, margin, worst if over[worst] > 1 else None)
    if np.min(bound) >= series.start > 0:  # a memory starts at 0, which no bound can beat
        return Decision("vacuous", f"the bound is never below the value {series.start:.4g} at x^0", margin)
    return Decision("holds", f"every upper limit is at or below the bound; smallest margin {margin:.3g}", margin)


def _above_rounding(series: Series, where: np.ndarray) -> str:
    """Where a bound below double precision is missed by more than rounding explains, or an empty string."""
    far = where & _far_above(series)
    if not far.any():
        return ""
    k = int(np.argmax(far))
    return (
        f"at round {int(series.rounds[k])} the metric is at least {series.low[k]:.4g}, the bound "
        f"{series.bound[k]:.4g}, and rounding explains {series.rounding:.3g}"
    )


def _far_above(series: Series) -> np.ndarray:
    return series.low > series.bound + ABOVE_ROUNDING * series.rounding


def divergence(first_bad: np.ndarray) -> Decision | None:
    """Violated if a replica diverged: (R,) the round after which it did, 0 if it never did."""
    bad = first_bad[first_bad > 0]
    if not bad.size:
        return None
    reason = f"{bad.size} of {counted(first_bad.size, 'replica')} diverged, the first in round {bad.min()}"
    return Decision("violated", reason, 0.0)


def decide_order(rate: MeasuredRate) -> Decision:
    """Judge an order by its slope: there is no bound to compare with."""
    assert rate.allowed is not None
    slowest = rate.allowed[1]
    words = f"fitted slope {rate.fitted:.3g} in [{rate.low:.3g}, {rate.high:.3g}], the order allows {slowest:.3g}"
    word = "holds" if rate.seen else "violated" if rate.low > slowest else "inconclusive"
    return Decision(word, f"an order has no bound, only a slope: {words}")


def linear_rate(samples: np.ndarray, series: Series, rho: float | None, text: str, alpha: float) -> MeasuredRate | None:
    """Fit the contraction a round to the (R, K) samples above the level at which the run ends; None if too short."""
    level = max(float(series.mean[series.rounds >= 0.9 * series.rounds[-1]].mean()), series.rounding)
    use = series.mean > ABOVE_FLOOR * level
    if rho is None or use.sum() < 4:
        return None
    fit = fit_path_slope(series.rounds[use].astype(float), samples[:, use], alpha=alpha)
    contraction = Fit(*(float(np.exp(s)) for s in (fit.slope, fit.low, fit.high)))
    seen = bool(contraction.low <= rho and contraction.high < 1)
    return MeasuredRate("linear", rho, contraction.slope, contraction.low, contraction.high, seen, text)


def allowed_slopes(predicted: tuple[float, float]) -> tuple[float, float]:
    """The slopes that count as those predicted (first and last regime, in any order): a range, lower end first."""
    fast, slow = sorted(predicted)
    return (1 + LOWER_ORDER) * fast, (1 - LOWER_ORDER) * slow


def meets(fit: Fit, allowed: tuple[float, float]) -> bool:
    """Whether a falling slope was seen, and one of the range: the interval excludes 0 and meets it, up to rounding."""
    return bool(fit.high < 0 and fit.low <= allowed[1] + 1e-9 and fit.high >= allowed[0] - 1e-9)


def with_promises(word: str, rate: MeasuredRate | None, speedup: MeasuredSpeedup | None) -> str:
    """The verdict's word, and which promised slopes were not seen."""
    missing = [name for name, found in (("rate", rate), ("speedup", speedup)) if found is not None and not found.seen]
    return f"{word}, {together(missing)} not seen" if missing and word == "holds" else word


def strength(series: Series, samples: np.ndarray, alpha: float, instance: str) -> Strength | None:
    """How much it says that a bound holds: see `Strength`; None where no checkpoint can be compared.

    Parameters
    ----------
    samples
        (R, K) replicas behind the series; one replica stands for a deterministic run.
    alpha
        Probability that `Strength.rejects` is too large.
    instance
        What the series was measured on.
    """
    use = (series.bound > series.rounding) & np.isfinite(series.mean)
    if not use.any():
        return None
    late = use & (series.rounds >= EARLIEST)
    use = late if late.any() else use
    where = np.flatnonzero(use)
    ratio = np.where(use, series.mean / np.where(use, series.bound, 1.0), -np.inf)
    k, last = int(np.argmax(ratio)), int(where[-1])
    end = series.bound[last] / series.mean[last] if series.mean[last] > series.rounding else None
    smallest = np.inf
    for j in where[np.argsort(-ratio[where])[:3]]:  # of the limits at all checkpoints, those that can matter
        low = series.mean[j] if len(samples) == 1 else betting_limit(samples[:, j], alpha / where.size)
        if low > series.rounding:
            smallest = min(smallest, float(series.bound[j] / low))
    promised, needed = _rounds_to_half(series, use)
    return Strength(
        tightness=float(ratio[k]), instance=instance, at_round=int(series.rounds[k]),
        end_ratio=None if end is None else float(end), rounds_promised=promised, rounds_needed=needed,
        rejects=smallest if np.isfinite(smallest) else None, word=strength_word(float(ratio[k])),
    )  # fmt: skip


def strength_word(tightness: float) -> str:
    """Whether a bound is tight, moderate or loose: by the largest known ratio of the metric to it."""
    return "tight" if tightness >= TIGHT else "loose" if tightness < LOOSE else "moderate"


def _rounds_to_half(series: Series, use: np.ndarray) -> tuple[int | None, int | None]:
    """The rounds after which bound and mean are below the value half way down the bound, on a logarithmic axis."""
    rounds, bound, mean = series.rounds[use], series.bound[use], series.mean[use]
    target = float(np.sqrt(bound[0] * bound[-1]))
    if not bound[-1] < target:
        return None, None
    promised = int(rounds[np.argmax(bound <= target)])
    needed = int(rounds[np.argmax(mean <= target)]) if np.any(mean <= target) else None
    return promised, needed
