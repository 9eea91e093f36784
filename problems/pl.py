"""A nonconvex function that satisfies the Polyak-Lojasiewicz inequality."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..common.options import integer, number
from .base import FloatArray, Noise, Problem, ProblemKernels, given_options

if TYPE_CHECKING:
    from ..theory.constants import Constants

# min over x of (2x + 3 sin 2x)^2/(2 (x^2 + 3 sin^2 x)), rounded down; attained at x = 2.2017.
MU_PL = 0.17553098


class PolyakLojasiewicz(Problem):
    """f(x) = sum_j x_j^2 + 3 sin^2(x_j), the same on every worker.

    An example of Karimi, Nutini and Schmidt 2016 (arXiv 1608.04636). f* = 0 at x* = 0, L = 8, and
    ||grad f||^2 >= 2 mu_PL f with mu_PL = 0.17553 (ours; the paper's 1/32 is valid, loose).

    Parameters
    ----------
    dim, workers
        d and n.
    start
        Every coordinate of x0; on the way from the default, 3, to 0 lies a stretch where f is concave.
    noise, sigma_sq
        Additive gradient noise ("none", "gaussian", "uniform", "rademacher") and its total variance.
    """

    name = "pl"

    def __init__(
        self,
        dim: int = 20,
        start: float = 3.0,
        noise: str = "none",
        sigma_sq: float | None = None,
        workers: int = 1,
    ) -> None:
        options = given_options(type(self), locals())
        x0 = np.full(integer("dim", dim), number("start", start, low=-np.inf))
        super().__init__(dim, workers, x0=x0, noise=Noise.read(noise, sigma_sq), options=options)

    def worker_value(self, worker: int, X: FloatArray) -> FloatArray:
        return np.sum(X**2 + 3 * np.sin(X) ** 2, axis=-1)

    def worker_gradient(self, worker: int, X: FloatArray) -> FloatArray:
        return 2 * X + 3 * np.sin(2 * X)

    @cached_property
    def x_star(self) -> FloatArray:
        """The minimiser, zero."""
        return np.zeros(self.dim)

    def constants(self) -> Constants:
        return self.known(8.0, L=8.0, L_tilde=8.0, L_max=8.0, pl=MU_PL, zeta_sq=0.0, overlap=self.workers)

    def kernels(self) -> ProblemKernels:
        from .kernels import pl as kernels

        data = (
            np.zeros((1, 1)),
            np.zeros(1),
            *(np.zeros(1, dtype=np.int64) for _ in range(2)),
            np.zeros(1),
        )
        return ProblemKernels(kernels.gradient, kernels.gradient, kernels.value, data)
