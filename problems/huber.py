"""Smoothed absolute values (pseudo-Huber loss): convex, smooth, with bounded gradients."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .base import FloatArray
from .linear import LinearModel


class Huber(LinearModel):
    """f_i(x) = (1/m_i) sum_j (sqrt(1 + r_j^2) - 1), r_j = a_j.x - b_j; options as in `LinearOptions`.

    The loss's second derivative lies in (0, 1] and its slope in (-1, 1), so that L_i = lambda_max(A_i^T A_i)/m_i, f is
    convex (mu = 0: there is no uniform modulus), and G, zeta_sq and the variance of row sampling are finite. With the
    default target_noise = 0 the synthetic targets are A x_true exactly: f_star = 0 is attained at x_star = x_true.
    Otherwise f_star is the certified lower bound 0.
    """

    name = "huber"
    loss, curvature = 3, (0.0, 1.0)
    bounded = LinearModel.bounded | {"L", "L_tilde", "L_max", "L_mean", "L_shared", "grad0_scaled"}

    without: ClassVar[tuple[str, ...]] = ("reg", "lam", "l1", "l2prox", "scale", "positive", "region")
    defaults: ClassVar[dict[str, Any]] = {"target_noise": 0.0}

    @property
    def realisable(self) -> bool:
        """Whether the targets are A x_true, without noise."""
        return self.x_true is not None and self.options.target_noise == 0

    def _loss(self, t: FloatArray, b: FloatArray) -> FloatArray:
        r_sq = (t - b) ** 2
        return r_sq / (1 + np.sqrt(1 + r_sq))

    def _slope(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return (t - b) / np.sqrt(1 + (t - b) ** 2)

    def _curvature(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return (1 + (t - b) ** 2) ** -1.5

    @property
    def slope_bound(self) -> float:
        """1."""
        return 1.0

    def convexity(self) -> dict[str, float]:
        """mu = mu_min = 0: convex, without a uniform modulus."""
        return {"mu": 0.0, "mu_min": 0.0}

    @cached_property
    def x_star(self) -> FloatArray | None:
        """x_true for realisable targets, else None."""
        return self.x_true if self.realisable else None

    @cached_property
    def f_star(self) -> float:
        """The minimum for realisable targets, else a certified lower bound of it: 0 either way."""
        return 0.0
