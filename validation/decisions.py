"""What a verdict says, decided from arrays alone: the words and the rules, and nothing that runs.

holds         every upper limit is at or below the bound;
violated      some lower limit is above the bound, or a replica diverged;
inconclusive  neither;
vacuous       the bound is never below the metric's value at x^0, so that holding says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .statistics import Fit, fit_path_slope
from .verdict import MeasuredRate, Series

#: A linear rate is fitted where the metric is above this multiple of its level in the last tenth of the run.
ABOVE_FLOOR = 30.0
#: A metric this many times above its rounding level is above a bound that is below that level (10 times in length).
ABOVE_ROUNDING = 100.0
#: The share of a promised slope (in T or in n) that is left to the lower-order terms which the promise neglects.
LOWER_ORDER = 0.2


@dataclass(frozen=True)
class Decision:
    """A verdict's word, its reason in a sentence, and the smallest ratio of bound to upper limit."""

    word: str
    reason: str
    margin: float | None = None


def decide(series: Series) -> Decision:
    """Compare limits with the bound, at the checkpoints where the bound is above rounding error.

    Elsewhere the metric only has to be at a level that rounding explains.
    """
    use = series.bound > series.rounding
    if beyond := _above_rounding(series, ~use):
        return Decision("violated", beyond, 0.0)
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
        return Decision(
            "violated",
            f"at round {int(rounds[k])} the metric is at least {low[k]:.4g}, the bound {bound[k]:.4g}",
            margin,
        )
    if np.any(high > bound + slack):
        k = int(np.argmax(high / bound))
        reason = f"at round {int(rounds[k])} the upper limit {high[k]:.4g} is above the bound {bound[k]:.4g}"
        return Decision("inconclusive", reason, margin)
    if np.min(bound) >= series.start > 0:  # a memory starts at 0, which no bound can beat
        return Decision("vacuous", f"the bound is never below the value {series.start:.4g} at x^0", margin)
    return Decision("holds", f"every upper limit is at or below the bound; smallest margin {margin:.3g}", margin)


def _above_rounding(series: Series, where: np.ndarray) -> str:
    """Where a bound below double precision is missed by more than rounding explains, or an empty string."""
    far = where & (series.low > series.bound + ABOVE_ROUNDING * series.rounding)
    if not far.any():
        return ""
    k = int(np.argmax(far))
    return (
        f"at round {int(series.rounds[k])} the metric is at least {series.low[k]:.4g}, the bound "
        f"{series.bound[k]:.4g}, and rounding explains {series.rounding:.3g}"
    )


def divergence(first_bad: np.ndarray) -> Decision | None:
    """Violated if a replica diverged: (R,) the round after which it did, 0 if it never did."""
    bad = first_bad[first_bad > 0]
    if not bad.size:
        return None
    reason = f"{bad.size} of {first_bad.size} replicas diverged, the first at round {bad.min()}"
    return Decision("violated", reason, 0.0)


def decide_order(rate: MeasuredRate) -> Decision:
    """Judge an order by its slope: there is no bound to compare with."""
    assert rate.allowed is not None
    slowest = rate.allowed[1]
    words = f"fitted slope {rate.fitted:.3g} in [{rate.low:.3g}, {rate.high:.3g}], the order allows {slowest:.3g}"
    word = "holds" if rate.seen else "violated" if rate.low > slowest else "inconclusive"
    return Decision(word, f"an order has no bound, but a slope: {words}")


def linear_rate(samples: np.ndarray, series: Series, rho: float | None, text: str) -> MeasuredRate | None:
    """Fit the contraction a round to the (R, K) samples above the level at which the run ends; None if too short."""
    level = max(float(series.mean[series.rounds >= 0.9 * series.rounds[-1]].mean()), series.rounding)
    use = series.mean > ABOVE_FLOOR * level
    if rho is None or use.sum() < 4:
        return None
    fit = fit_path_slope(series.rounds[use].astype(float), samples[:, use])
    contraction = Fit(*(float(np.exp(s)) for s in (fit.slope, fit.low, fit.high)))
    return MeasuredRate(
        "linear", rho, contraction.slope, contraction.low, contraction.high, contraction.low <= rho, text
    )


def allowed_slopes(predicted: tuple[float, float]) -> tuple[float, float]:
    """The slopes that count as those predicted (first and last regime, in any order): a range, lower end first."""
    fast, slow = sorted(predicted)
    return (1 + LOWER_ORDER) * fast, (1 - LOWER_ORDER) * slow


def meets(fit: Fit, allowed: tuple[float, float]) -> bool:
    """Whether the fitted interval meets the range (widened by rounding only)."""
    return bool(fit.low <= allowed[1] + 1e-9 and fit.high >= allowed[0] - 1e-9)
