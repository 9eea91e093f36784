"""Quadratics whose Hessians, minimisers and starting point are given as arrays."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ..common.errors import InputError
from ..theory.constants import Constants
from .base import FloatArray, Noise, Problem, ProblemKernels


class ExplicitQuadratic(Problem):
    """f_i(x) = (1/2)(x - s_i)^T H_i (x - s_i) from arrays: a problem of one's own, in no list.

    Parameters
    ----------
    hessians
        (n, d, d), symmetric; eigenvalues may be negative as long as those of the mean are not.
    minimisers
        (n, d): the s_i, points where grad f_i vanishes.
    x0
        (d,); zeros by default.
    noise
        Additive gradient noise.
    """

    name = "explicit-quadratic"
    quadratic = True

    def __init__(
        self,
        hessians: ArrayLike,
        minimisers: ArrayLike,
        x0: ArrayLike | None = None,
        noise: Noise | None = None,
    ) -> None:
        H, s = np.array(hessians, dtype=np.float64), np.array(minimisers, dtype=np.float64)
        if H.ndim != 3 or H.shape[1] != H.shape[2] or s.shape != H.shape[:2]:
            raise InputError(
                f"Hessians of shape {H.shape} and minimisers of shape {s.shape} do not match: give (n, d, d) and (n, d)"
            )
        if not (np.isfinite(H).all() and np.isfinite(s).all()):
            raise InputError("Hessians and minimisers must be finite numbers")
        super().__init__(H.shape[1], H.shape[0], x0=x0, noise=noise)
        self.hessians, self.minimisers = (H + H.transpose(0, 2, 1)) / 2, s
        if self._spectrum[0] < -1e-12 * max(float(self._spectrum[-1]), 1.0):
            raise InputError(f"the mean Hessian has the eigenvalue {self._spectrum[0]:.4g}: f has no minimum")

    @cached_property
    def _spectrum(self) -> FloatArray:
        """Eigenvalues of the mean Hessian, ascending."""
        return np.linalg.eigvalsh(self.hessians.mean(axis=0))

    def worker_gradient(self, worker: int, X: FloatArray) -> FloatArray:
        return (X - self.minimisers[worker]) @ self.hessians[worker]

    def worker_value(self, worker: int, X: FloatArray) -> FloatArray:
        return 0.5 * np.sum((X - self.minimisers[worker]) * self.worker_gradient(worker, X), axis=-1)

    @cached_property
    def x_star(self) -> FloatArray:
        """The minimiser (d,) nearest to x0."""
        gradient = self.gradient(self.x0)
        return self.x0 - np.linalg.pinv(self.hessians.mean(axis=0), rcond=1e-12, hermitian=True) @ gradient

    @cached_property
    def infima(self) -> FloatArray | None:
        """The minima (n,) of the f_i; None if one of them has none."""
        return np.zeros(self.workers) if np.linalg.eigvalsh(self.hessians).min() >= 0 else None

    def constants(self) -> Constants:
        own = np.linalg.eigvalsh(self.hessians)
        smooth = np.abs(own).max(axis=1)
        largest = float(self._spectrum[-1])
        mu = float(self._spectrum[0]) if self._spectrum[0] > 1e-12 * largest else 0.0
        positive = self._spectrum[self._spectrum > 1e-12 * largest]
        alike = bool(np.all(self.hessians == self.hessians[0]))
        zeta_sq = None
        if alike:
            slopes = np.einsum("njk,nk->nj", self.hessians, self.minimisers)
            zeta_sq = float(np.sum((slopes - slopes.mean(axis=0)) ** 2)) / self.workers
        return self.known(
            smooth,
            mu_i=own.min(axis=1),
            L=largest,
            L_tilde=max(float(np.sqrt(np.mean(smooth**2))), largest),
            L_max=max(float(smooth.max()), largest),
            mu=mu,
            mu_min=float(own.min()),
            pl=mu or (float(positive[0]) if positive.size else None),
            zeta_sq=zeta_sq,
            overlap=self.workers,
        )

    def kernels(self) -> ProblemKernels:
        from .kernels import quadratic as kernels

        n, d = self.workers, self.dim
        data = (
            np.ascontiguousarray(self.hessians.reshape(n * d, d)), np.ascontiguousarray(self.minimisers.ravel()),
            np.arange(n, dtype=np.int64) * d, np.arange(n + 1, dtype=np.int64), np.zeros(1),
        )  # fmt: skip
        return ProblemKernels(kernels.dense_gradient, kernels.dense_gradient, kernels.dense_value, data)
