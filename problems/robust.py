"""Robust regression: a bounded nonconvex loss."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from .base import FloatArray
from .linear import BOUNDED_SLOPE, LinearModel


class Robust(LinearModel):
    """f_i(x) = (1/m_i) sum_j r_j^2/(1 + r_j^2), r_j = a_j.x - b_j; options as in `LinearOptions`.

    The loss's second derivative lies in [-1/2, 2] and its slope in +-3 sqrt(3)/8, so that
    L_i = 2 lambda_max(A_i^T A_i)/m_i, and G, zeta_sq and the variance of row sampling are finite. With the
    default target_noise = 0 the synthetic targets are A x_true exactly: f_star = 0 is attained at
    x_star = x_true. Otherwise f_star is the certified lower bound 0.
    """

    name = "robust"
    loss, curvature = 2, (-0.5, 2.0)
    bounded = LinearModel.bounded | {"L", "L_tilde", "L_max", "L_mean", "L_shared", "grad0_scaled"}

    without: ClassVar[tuple[str, ...]] = ("reg", "lam", "l1", "l2prox", "scale", "positive", "region")
    defaults: ClassVar[dict[str, Any]] = {"target_noise": 0.0}

    @property
    def realisable(self) -> bool:
        """Whether the targets are A x_true, without noise."""
        return self.x_true is not None and self.options.target_noise == 0

    def _loss(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return (t - b) ** 2 / (1 + (t - b) ** 2)

    def _slope(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return 2 * (t - b) / (1 + (t - b) ** 2) ** 2

    def _curvature(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return (2 - 6 * (t - b) ** 2) / (1 + (t - b) ** 2) ** 3

    @property
    def slope_bound(self) -> float:
        """3 sqrt(3)/8."""
        return BOUNDED_SLOPE

    @cached_property
    def x_star(self) -> FloatArray | None:
        """x_true for realisable targets, else None."""
        return self.x_true if self.realisable else None

    @cached_property
    def f_star(self) -> float:
        """The minimum for realisable targets, else a certified lower bound of it: 0 either way."""
        return 0.0
