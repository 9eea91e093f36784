"""Least squares (ridge) regression; every constant is exact."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ..common.errors import InputError
from .base import FloatArray
from .linear import LinearModel
from .rows import DIRECT, gram, is_sparse, scaled

#: From this ratio of extreme eigenvalues on, the Gram matrix gives the smallest one to half the digits or better.
WELL_CONDITIONED = 1e-8


class LeastSquares(LinearModel):
    """f_i(x) = (1/(2 m_i))||A_i x - b_i||^2 + (reg/2)||x||^2; options as in `LinearOptions`.

    The DORE paper's regression (Liu, Li, Tang, Yan 2020, arXiv 1910.07561) is rows=1200, dim=500, reg=0.05 on
    20 workers. The paper does not print the scaling of A; here A has standard normal entries, so that L = 2.7
    and the paper's alpha = 0.1, beta = eta = 1 converge with gamma = 0.025. With scale=0.5 (L = 0.7) they
    converge with the paper's other step 0.05, too, and the memoryless and error-feedback methods stall, as in
    the paper's picture.

    Row sampling has no uniform variance (sigma_sq is None), only sigma_star_sq. With reg = 0 and fewer rows
    than coordinates f is not strongly convex but satisfies the Polyak-Lojasiewicz inequality with the
    smallest non-zero eigenvalue of its Hessian, and x_star is the minimiser nearest to x0.

    Targets of files are used as they are, those of bundled sets as scikit-learn gives them.
    """

    name = "least-squares"
    quadratic = True
    loss, curvature = 0, (1.0, 1.0)
    bounded = frozenset({"L_l1", "zeta_sq", "G", "G_mean", "G_sq_mean"})

    without: ClassVar[tuple[str, ...]] = ("lam", "positive")
    defaults: ClassVar[dict[str, Any]] = {"reg": 0.05}

    def _loss(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return 0.5 * (t - b) ** 2

    def _slope(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return t - b

    def _curvature(self, t: FloatArray, b: FloatArray) -> FloatArray:
        return np.ones_like(t)

    @cached_property
    def _hessian(self) -> FloatArray:
        """The Hessian (d, d), the same everywhere."""
        return super().hessian(self.x0)

    def hessian(self, x: FloatArray) -> FloatArray:
        return self._hessian

    @cached_property
    def _factors(self) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """(U, s, V^T) of the weighted rows, without what is zero up to rounding; None where reg makes it superfluous.

        The one place where the rank is decided: mu, pl, x* and f* follow from the singular values that are kept. The
        Gram matrix, whose eigenvalues are the squares, could not tell those below 1e-8 of the largest from zero.
        """
        if self.reg > 0 or self.spectrum.smallest(self.dim) > WELL_CONDITIONED * self.spectrum.largest:
            return None
        rows = scaled(self.A, np.sqrt(self.weights))
        if min(rows.shape) > DIRECT:
            raise InputError(
                f"reg=0 with {rows.shape[0]} x {rows.shape[1]} rows takes a singular value decomposition; "
                f"the limit is {DIRECT} on the smaller side: give reg > 0"
            )
        U, s, Vt = np.linalg.svd(rows.toarray() if is_sparse(rows) else rows, full_matrices=False)
        kept = s > max(rows.shape) * 2.0**-52 * s[0]
        return U[:, kept], s[kept], Vt[kept]

    @property
    def modulus(self) -> float:
        """mu: the smallest eigenvalue of the data part plus reg."""
        if self._factors is None:
            return self.spectrum.smallest(self.dim) + self.reg
        s = self._factors[1]
        return float(s[-1] ** 2) if s.size == self.dim else 0.0

    @cached_property
    def x_star(self) -> FloatArray | None:
        """The minimiser (d,) of F nearest to x0."""
        if self._factors is None or self.regulariser[1] > 0:
            return super().x_star
        U, s, Vt = self._factors
        residual = np.sqrt(self.weights) * (self.b - self.A @ self.x0)
        return np.asarray(self.x0 + Vt.T @ ((U.T @ residual) / s))

    @cached_property
    def infima(self) -> FloatArray:
        """The minima (n,) of the f_i, each evaluated at the minimiser (which an error enters to second order only)."""
        minima = []
        for share in self.shares:
            root = np.sqrt(share.stop - share.start)
            A, b = self.A[share] / root, self.b[share] / root
            x = _ridge(A, b, self.reg)
            minima.append(0.5 * float(np.sum((A @ x - b) ** 2) + self.reg * (x @ x)))
        return np.array(minima)[self.index]

    def convexity(self) -> dict[str, float]:
        """mu and mu_min exactly; pl where f is convex only."""
        smallest = min(spectrum.smallest(self.dim) for spectrum in self.worker_spectra)
        exact = {"mu": self.modulus, "mu_min": min(smallest + self.reg, self.modulus)}
        if self.modulus > 0 or self._factors is None:
            return exact
        return exact | {"pl": float(self._factors[1][-1] ** 2)}


def _ridge(A: Any, b: FloatArray, reg: float) -> FloatArray:
    """Return a minimiser of ||A x - b||^2 + reg ||x||^2 from the smaller one of A A^T and A^T A."""
    rows, columns = A.shape
    if min(rows, columns) > DIRECT:
        from scipy.sparse.linalg import lsqr

        return np.asarray(lsqr(A, b, damp=np.sqrt(reg), atol=1e-15, btol=1e-15)[0])
    if reg == 0.0:
        x = np.linalg.lstsq(A.toarray() if is_sparse(A) else A, b, rcond=None)[0]
    elif rows <= columns:
        x = A.T @ np.linalg.solve(gram(A) + reg * np.eye(rows), b)
    else:
        x = np.linalg.solve(gram(A) + reg * np.eye(columns), A.T @ b)
    return np.asarray(x, dtype=np.float64)
