"""Three quadratics on which compressed gradient descent with top-1 diverges for every step."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..common.options import number
from ..theory.constants import Constants
from .base import FloatArray, Noise, Problem, ProblemKernels, given_options

DIRECTIONS = np.array([[-3.0, 2.0, 2.0], [2.0, -3.0, 2.0], [2.0, 2.0, -3.0]])


class ThreeQuadratics(Problem):
    """f_i(x) = <a_i, x>^2 + ||x||^2/4 in three dimensions, a_i the permutations of (-3, 2, 2) in turn.

    From x = start (1, 1, 1) every worker's largest coordinate points the wrong way: with three workers, top-1 and
    no error feedback, x^1 = (1 + 11 gamma/6) x^0 for every step gamma > 0 (Beznosikov, Horvath, Richtarik, Safaryan
    2020, arXiv 2002.12410), though f is strongly convex with minimiser 0 and every f_i has its minimum there. The
    example is the one of three workers; worker i of more holds f_(i mod 3).

    Parameters
    ----------
    start
        x0 = start (1, 1, 1).
    noise, sigma_sq
        Additive gradient noise and its total variance.
    """

    name = "three-quadratics"
    quadratic = True

    def __init__(
        self, start: float = 1.0, noise: str = "none", sigma_sq: float | None = None, workers: int = 3
    ) -> None:
        options = given_options(type(self), locals())
        x0 = np.full(3, number("start", start, low=-np.inf))
        super().__init__(3, workers, x0=x0, noise=Noise.read(noise, sigma_sq), options=options)
        self.hessians = np.stack([2 * np.outer(a, a) + np.eye(3) / 2 for a in DIRECTIONS])
        self.index = np.arange(self.workers) % 3

    def worker_value(self, worker: int, X: FloatArray) -> FloatArray:
        return (X @ DIRECTIONS[self.index[worker]]) ** 2 + np.sum(X**2, axis=-1) / 4

    def worker_gradient(self, worker: int, X: FloatArray) -> FloatArray:
        return X @ self.hessians[self.index[worker]]

    @cached_property
    def x_star(self) -> FloatArray:
        """The minimiser, zero."""
        return np.zeros(3)

    @cached_property
    def infima(self) -> FloatArray:
        """The minima (n,) of the f_i: 0, at 0."""
        return np.zeros(self.workers)

    def constants(self) -> Constants:
        spectrum = np.linalg.eigvalsh(self.hessians[self.index].mean(axis=0))
        largest = 2.0 * 17.0 + 0.5  # 2 ||a_i||^2 + 1/2
        return self.known(
            largest,
            L=float(spectrum[-1]),
            L_tilde=largest,
            L_max=largest,
            mu=float(spectrum[0]),
            mu_min=0.5,
            zeta_sq=0.0 if self.workers == 1 else None,
            overlap=self.workers,
        )

    def kernels(self) -> ProblemKernels:
        from .kernels import quadratic as kernels

        data = (
            self.hessians.reshape(9, 3),
            np.zeros(3 * self.workers),
            (3 * self.index).astype(np.int64),
            np.arange(self.workers + 1, dtype=np.int64),
            np.zeros(1),
        )
        return ProblemKernels(kernels.dense_gradient, kernels.dense_gradient, kernels.dense_value, data)
