"""Statistics: limits that cover as stated, fits that find exponents and rates."""

import numpy as np
import pytest
from scipy import stats

from tersegrad.validation.statistics import fit_path_slope, fit_slope, mean_limits


def test_limits_cover_all_means_at_once_as_often_as_stated():
    """500 experiments with alpha = 0.1; more than 76 misses have probability 1e-4 if the limits keep their word."""
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(500):
        _, low, high = mean_limits(rng.normal(1.0, 2.0, size=(12, 5)), 0.1)
        missed += bool((low > 1).any() or (high < 1).any())
    assert missed <= stats.binom.isf(1e-4, 500, 0.1)
    assert missed > 5  # Bonferroni is nearly exact for independent columns: limits much too wide would show here


def test_one_replica_has_no_spread():
    mean, low, high = mean_limits(np.array([[1.0, 2.0]]), 0.1)
    assert np.array_equal(mean, low)
    assert np.array_equal(mean, high)


def test_a_power_law_is_fitted_with_its_exponent():
    rng = np.random.default_rng(1)
    x = np.array([1, 2, 4, 8, 16])
    fit = fit_slope(x, [3 * n**-0.5 * rng.gamma(50, 1 / 50, 200) for n in x], log_x=True)
    assert fit.low < -0.5 < fit.high
    assert fit.high - fit.low < 0.05


def test_a_contraction_is_fitted_with_its_rate():
    t = np.arange(0, 100, 5.0)
    paths = np.exp(-0.05 * t) * np.linspace(0.5, 1.5, 9)[:, None]
    fit = fit_path_slope(t, paths)
    assert fit.slope == pytest.approx(-0.05, rel=1e-12)
    assert fit.low == pytest.approx(-0.05, rel=1e-12)
