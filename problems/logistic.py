"""Logistic regression, with the convex and with the nonconvex regulariser."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..common.errors import InputError
from ..common.options import number
from .base import FloatArray, Noise, given_options
from .data import SYNTHETIC, signs
from .linear import LinearModel


def sigmoid(z: FloatArray) -> FloatArray:
    """Return 1/(1 + exp(-z)) without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


class _Logistic(LinearModel):
    """The loss log(1 + exp(-b t)) with labels b = -1, +1; its slope is bounded by 1, its curvature by 1/4."""

    loss, curvature = 1, (0.0, 0.25)
    # Without it, classes of centred rows are mirror images with equal gradients: sorting would do nothing.
    intercept = True

    def _targets(self, targets: FloatArray, source: str) -> FloatArray:
        return np.where(targets >= 0, 1.0, -1.0) if source == SYNTHETIC else signs(targets, source)

    def _loss(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return np.logaddexp(0.0, -b * t)

    def _slope(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return -b * sigmoid(-b * t)

    def _curvature(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return sigmoid(t) * sigmoid(-t)

    @property
    def slope_bound(self) -> float:
        """1."""
        return 1.0


class Logistic(_Logistic):
    """f_i(x) = (1/m_i) sum_j log(1 + exp(-b_j a_j.x)) + (reg/2)||x||^2; options as in `LinearModel`.

    mu = reg, which must be positive: separable data have no minimiser without it. L_i = lambda_max(A_i^T
    A_i)/(4 m_i) + reg. x_star comes from Newton's method and is certified by its gradient. Slopes are
    bounded, so that row sampling has a uniform sigma_sq.

    Labels: the smaller of two classes is -1, the larger +1; digits are even (+1) against odd (-1). Synthetic
    labels are the signs of a_j.x_true + target_noise * normal, with a constant first feature in every row.
    """

    name = "logistic"

    def __init__(
        self,
        data: str = "synthetic",
        rows: int | None = None,
        dim: int | None = None,
        reg: float = 0.01,
        homogeneous: int = 0,
        split: str = "shuffled",
        standardise: int | None = None,
        batch: int | None = None,
        noise: str = "none",
        sigma_sq: float | None = None,
        l1: float = 0.0,
        l2prox: float = 0.0,
        target_noise: float = 1.0,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        options = given_options(type(self), locals())
        if number("reg", reg) == 0:
            raise InputError("logistic needs reg > 0: without it separable data have no minimiser")
        super().__init__(
            data, rows, dim, reg, 0.0, homogeneous, split, standardise, target_noise, seed, workers,
            Noise.read(noise, sigma_sq, batch), l1, l2prox, options,
        )  # fmt: skip

    def convexity(self) -> dict[str, float]:
        """mu = mu_min = reg."""
        return {"mu": self.reg, "mu_min": self.reg}


class LogisticNonconvex(_Logistic):
    """f_i(x) = (1/m_i) sum_j log(1 + exp(-b_j a_j.x)) + lam sum_k x_k^2/(1+x_k^2).

    The regulariser's second derivative lies in [-lam/2, 2 lam], so that L_i = lambda_max(A_i^T A_i)/(4 m_i) +
    2 lam. All terms are nonnegative: f_star is the certified lower bound 0, not the minimum, which makes gap0
    an upper bound. Gradients are bounded: G is finite. Options as in `LinearModel`.
    """

    name = "logistic-nonconvex"

    def __init__(
        self,
        data: str = "synthetic",
        rows: int | None = None,
        dim: int | None = None,
        lam: float = 0.1,
        homogeneous: int = 0,
        split: str = "shuffled",
        standardise: int | None = None,
        batch: int | None = None,
        noise: str = "none",
        sigma_sq: float | None = None,
        target_noise: float = 1.0,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        options = given_options(type(self), locals())
        super().__init__(
            data, rows, dim, 0.0, lam, homogeneous, split, standardise, target_noise, seed, workers,
            Noise.read(noise, sigma_sq, batch), options=options,
        )  # fmt: skip

    @cached_property
    def f_star(self) -> float:
        """A certified lower bound of the minimum: 0."""
        return 0.0
