"""Confidence limits, evidence and fits. Every limit states its error probability.

Three things share the error probability of a verdict (`decisions.SHARES`), so that all of it is spent once:

- Looks. Replicas are doubled while a comparison is undecided; look k = 1, 2, ... spends alpha/(k(k + 1)), which sums to
  alpha whatever is seen (alpha spending: Lan and DeMets, Biometrika 1983, with the union bound in place of a joint
  law of the looks).
- Limits of means (`mean_limits`): Student's t with Johnson's correction for skewness (JASA 1978), simultaneous over
  checkpoints by Bonferroni's inequality. They are nearly right for moderately skewed samples; how nearly is measured
  (docs/calibration.md).
- Evidence against a bound (`evidence`): a bet against "the mean is at most b" whose capital never exceeds 1/alpha with
  probability more than alpha, for every distribution on [0, inf) and every rule of stopping (Ville 1939; Waudby-Smith
  and Ramdas, JRSSB 2024, arXiv:2010.09686). No normality is assumed: the verdict "violated" rests on this alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: Johnson's correction is an expansion for moderate quantiles; beyond this one its quantile is kept.
MODERATE_QUANTILE = 4.0
#: The shares of the capital that are bet; the capital is the mean over them.
STAKES = np.array([0.01, 0.03, 0.1, 0.3, 0.6, 0.99])


def spent(alpha: float, look: int) -> float:
    """What look 1, 2, ... spends of alpha."""
    return alpha / (look * (look + 1))


def mean_limits(samples: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Limits for the mean of every column, simultaneously over the columns.

    Parameters
    ----------
    samples
        (R, K): R independent replicas at K checkpoints.
    alpha
        Probability that any of the 2 K one-sided limits is wrong (Bonferroni; Student's t corrected for skewness).

    Returns
    -------
    mean, low, high
        (K,) each. One replica has no spread to estimate: then all three are equal, which is right for a
        deterministic run only.
    """
    replicas, columns = samples.shape
    mean = samples.mean(axis=0)
    if replicas == 1:
        return mean, mean, mean
    quantile = student(alpha / (2 * columns), replicas - 1)
    with np.errstate(invalid="ignore"):  # replicas that diverged hold inf
        error = samples.std(axis=0, ddof=1) / np.sqrt(replicas)
        shift = _skewness(samples) * (1 + 2 * min(quantile, MODERATE_QUANTILE) ** 2) / (6 * np.sqrt(replicas))
        low = mean - error * (quantile + np.maximum(-shift, 0.0))
        high = mean + error * (quantile + np.maximum(shift, 0.0))
    return mean, low, high


def student(tail: float, freedom: float) -> float:
    """The value above which Student's t is with the probability `tail`; `scipy.stats` takes half a second to import."""
    from scipy.special import stdtrit

    return -float(stdtrit(freedom, tail))


def _skewness(samples: np.ndarray) -> np.ndarray:
    """(K,) adjusted skewness of the columns, 0 where there is no spread or nothing finite, or too few replicas."""
    replicas = samples.shape[0]
    if replicas < 3:
        return np.zeros(samples.shape[1])
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scale = np.abs(samples).max(axis=0)
        relative = samples / np.where((scale > 0) & np.isfinite(scale), scale, 1.0)
        spread = relative.std(axis=0) > 1e-12
        found = np.zeros(samples.shape[1])
        if spread.any():
            centred = relative[:, spread] - relative[:, spread].mean(axis=0)
            squares = centred**2
            adjusted = np.sqrt((replicas - 1.0) * replicas) / (replicas - 2.0)
            found[spread] = adjusted * (squares * centred).mean(axis=0) / squares.mean(axis=0) ** 1.5
    return np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0)


def evidence(samples: np.ndarray, bound: float) -> float:
    """The logarithm of the largest capital, over the replicas so far, of a bet against "the mean is at most bound".

    Parameters
    ----------
    samples
        (R,) independent values, none negative, in the order in which they came; infinite ones are those of replicas
        that diverged.
    bound
        The positive bound.

    Returns
    -------
    float
        For a true bound it is log(1/alpha) or more with probability at most alpha, for every distribution.
    """
    if not samples.size:
        return 0.0
    if not bound > 0:
        return math.inf if np.any(samples > 0) else 0.0
    with np.errstate(over="ignore"):
        ratio = np.clip(np.nan_to_num(samples, nan=np.inf, posinf=np.inf) / bound, 0.0, 1e300)
    capital = np.cumsum(np.log1p(STAKES[:, None] * (ratio[None, :] - 1.0)), axis=1)
    return float(np.max(np.logaddexp.reduce(capital, axis=0)) - math.log(STAKES.size))


def betting_limit(samples: np.ndarray, alpha: float) -> float:
    """The largest bound that the evidence rejects at level alpha: a lower limit of the mean; 0 if it rejects none."""
    most, wanted = float(np.max(samples, initial=0.0)), math.log(1 / alpha)
    if not 0 < most < math.inf:
        return most
    low, high = 1e-12 * most, most
    if evidence(samples, low) < wanted:
        return 0.0
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if evidence(samples, middle) >= wanted else (low, middle)
    return low


@dataclass(frozen=True)
class Fit:
    """A slope with its confidence interval."""

    slope: float
    low: float
    high: float


def fit_slope(x: np.ndarray, samples: list[np.ndarray], *, log_x: bool, alpha: float = 0.05) -> Fit:
    """Fit log(mean of samples[k]) against x[k] (or log x[k]) by least squares.

    Parameters
    ----------
    x
        (K,) abscissae.
    samples
        K independent arrays of replicas (of any sizes), all values positive.
    alpha
        Probability that the interval is wrong: Student's, for the slope linearised in the means (delta method), with
        the degrees of freedom of Welch and Satterthwaite. Without spread the interval is a point.
    """
    weights = _weights(np.log(np.asarray(x, float)) if log_x else np.asarray(x, float))
    means = np.array([s.mean() for s in samples])
    slope = float(weights @ np.log(means))
    parts = np.array([s.var(ddof=1) / s.size if s.size > 1 else 0.0 for s in samples]) * (weights / means) ** 2
    variance = float(parts.sum())
    if not variance > 0:
        return Fit(slope, slope, slope)
    freedom = variance**2 / sum(p**2 / (s.size - 1) for p, s in zip(parts, samples, strict=True) if p > 0)
    return _interval(slope, variance, float(freedom), alpha)


def fit_path_slope(x: np.ndarray, samples: np.ndarray, *, alpha: float = 0.05) -> Fit:
    """Fit log(mean over replicas) against x for one run: samples (R, K), each replica a whole path."""
    weights, means = _weights(x), samples.mean(axis=0)
    slope = float(weights @ np.log(means))
    replicas = samples.shape[0]
    if replicas == 1:
        return Fit(slope, slope, slope)
    influence = (samples / means) @ weights
    variance = float(influence.var(ddof=1)) / replicas
    return _interval(slope, variance, replicas - 1.0, alpha)


def _weights(x: np.ndarray) -> np.ndarray:
    """(K,) weights w with w @ y the slope of y against x by least squares."""
    centred = x - x.mean()
    return centred / (centred @ centred)


def _interval(slope: float, variance: float, freedom: float, alpha: float) -> Fit:
    half = student(alpha / 2, freedom) * math.sqrt(variance)
    return Fit(slope, slope - half, slope + half)
