"""Confidence limits and fits. Every limit states its error probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def mean_limits(samples: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Student limits for the mean of every column, simultaneously over the columns.

    Parameters
    ----------
    samples
        (R, K): R independent replicas at K checkpoints.
    alpha
        Probability that any of the 2 K one-sided limits is wrong (Bonferroni; Student's t, that is, the mean of R
        replicas is taken to be nearly normal, which the doubling of R makes ever truer).

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
    from scipy.stats import t as student

    with np.errstate(invalid="ignore"):  # replicas that diverged hold inf
        half = student.isf(alpha / (2 * columns), replicas - 1) * samples.std(axis=0, ddof=1) / np.sqrt(replicas)
    return mean, mean - half, mean + half


@dataclass(frozen=True)
class Fit:
    """A slope with its bootstrap interval."""

    slope: float
    low: float
    high: float


def fit_slope(x: np.ndarray, samples: list[np.ndarray], *, log_x: bool, seed: int = 0, resamples: int = 400) -> Fit:
    """Fit log(mean of samples[k]) against x[k] (or log x[k]) by least squares, replicas resampled.

    Parameters
    ----------
    x
        (K,) abscissae.
    samples
        K arrays of replicas (of any sizes), all values positive.

    Returns
    -------
    Fit
        The slope with a 95 % bootstrap interval (percentiles); without spread the interval is a point.
    """
    abscissa = np.log(np.asarray(x, float)) if log_x else np.asarray(x, float)
    centred = abscissa - abscissa.mean()
    weights = centred / (centred @ centred)
    rng = np.random.default_rng(seed)
    slope = float(weights @ np.log([s.mean() for s in samples]))
    means = np.array([_resampled_means(s, resamples, rng) for s in samples])
    low, high = np.quantile(weights @ np.log(means), [0.025, 0.975])
    return Fit(slope, float(low), float(high))


def fit_path_slope(x: np.ndarray, samples: np.ndarray, *, seed: int = 0, resamples: int = 400) -> Fit:
    """Fit log(mean over replicas) against x for one run: samples (R, K), replicas resampled as whole paths."""
    centred = x - x.mean()
    weights = centred / (centred @ centred)
    slope = float(weights @ np.log(samples.mean(axis=0)))
    if samples.shape[0] == 1:
        return Fit(slope, slope, slope)
    rng = np.random.default_rng(seed)
    picks = rng.integers(samples.shape[0], size=(resamples, samples.shape[0]))
    slopes = np.log(samples[picks].mean(axis=1)) @ weights
    low, high = np.quantile(slopes, [0.025, 0.975])
    return Fit(slope, float(low), float(high))


def _resampled_means(values: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    picks = rng.integers(values.size, size=(resamples, values.size))
    return values[picks].mean(axis=1)
