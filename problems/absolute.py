"""Sums of absolute values: convex, with bounded subgradients, and not smooth."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..common.errors import InputError
from ..common.options import integer, number
from ..theory.constants import Constants
from .base import FloatArray, Noise, Problem, ProblemKernels, given_options


class Absolute(Problem):
    """f_i(x) = ||x - s_i||_1; the minimiser is the median of the s_i in every coordinate.

    The oracle gives the subgradient sign(x - s_i), with sign(0) = 0: its norm is at most sqrt(d), so that G^2 = d +
    sigma_sq. f is convex and has no smoothness constant.

    Parameters
    ----------
    dim, workers
        d and n.
    radius, heterogeneity
        ||mean s_i||, and sqrt((1/n) sum ||s_i - mean s||^2); 0 gives every worker the same f.
    noise, sigma_sq
        Additive gradient noise and its total variance.
    seed
        Of the s_i.
    """

    name = "absolute"
    bounded = frozenset({"G", "zeta_sq"})

    def __init__(
        self,
        dim: int = 20,
        radius: float = 1.0,
        heterogeneity: float = 0.0,
        noise: str = "none",
        sigma_sq: float | None = None,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        options = given_options(type(self), locals())
        super().__init__(dim, workers, noise=Noise.read(noise, sigma_sq), options=options)
        self.heterogeneity = number("heterogeneity", heterogeneity)
        if self.heterogeneity > 0 and self.workers == 1:
            raise InputError(
                f"heterogeneity={heterogeneity:g} needs at least 2 workers; take more workers or heterogeneity=0"
            )
        random = np.random.default_rng(integer("seed", seed, low=0))
        centre = random.standard_normal(self.dim)
        spread = random.standard_normal((self.workers, self.dim))
        spread -= spread.mean(axis=0)
        size = np.sqrt(np.sum(spread**2) / self.workers)
        spread = spread * (self.heterogeneity / size) if self.heterogeneity else np.zeros_like(spread)
        self.shifts = number("radius", radius) * centre / np.linalg.norm(centre) + spread

    def worker_value(self, worker: int, X: FloatArray) -> FloatArray:
        return np.sum(np.abs(X - self.shifts[worker]), axis=-1)

    def worker_gradient(self, worker: int, X: FloatArray) -> FloatArray:
        return np.sign(X - self.shifts[worker])

    @cached_property
    def x_star(self) -> FloatArray:
        """The median of the s_i in every coordinate; of an interval of medians the point nearest to x0."""
        ordered = np.sort(self.shifts, axis=0)
        return np.clip(self.x0, ordered[(self.workers - 1) // 2], ordered[self.workers // 2])

    def optimality(self) -> float:
        """Return the distance of 0 to the subdifferential of f at x_star."""
        low = np.mean(np.where(self.x_star > self.shifts, 1.0, -1.0), axis=0)
        high = np.mean(np.where(self.x_star < self.shifts, -1.0, 1.0), axis=0)
        return float(np.linalg.norm(np.maximum(low, 0.0) + np.maximum(-high, 0.0)))

    @cached_property
    def infima(self) -> FloatArray:
        """The minima (n,) of the f_i: 0, at s_i."""
        return np.zeros(self.workers)

    def constants(self) -> Constants:
        # Of n signs in a coordinate, the variance is largest for halves as equal as they can be.
        variance = 1.0 - (self.workers % 2) / self.workers**2
        return self.known(
            mu=0.0,
            mu_min=0.0,
            G=float(np.sqrt(self.dim + self.noise.sigma_sq)),
            G_mean=float(np.sqrt(self.dim)),
            G_sq_mean=float(self.dim),
            zeta_sq=self.dim * variance if self.heterogeneity else 0.0,
            overlap=self.workers,
        )

    def magnitudes(self) -> tuple[float, float, int]:
        """Signs are exact: sizes sqrt(d) of the gradient, and of the terms |x_j| + |s_ij| of the value."""
        level = float(np.sum(np.abs(self.x_star)) + np.abs(self.shifts).sum(axis=1).max())
        return float(np.sqrt(self.dim)), level, self.dim + self.workers

    def kernels(self) -> ProblemKernels:
        from .kernels import absolute as kernels

        data = (
            self.shifts,
            np.zeros(1),
            np.arange(self.workers, dtype=np.int64),
            np.arange(self.workers + 1, dtype=np.int64),
            np.zeros(1),
        )
        return ProblemKernels(kernels.gradient, kernels.gradient, kernels.value, data)
