"""Least squares (ridge) regression; every constant is exact."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .base import FloatArray
from .linear import LinearModel
from .rows import (
    DIRECT,
    FEW,
    ITERATIONS,
    MUCH,
    RESIDUAL,
    Lift,
    factors,
    gram,
    gram_spectrum,
    is_sparse,
    occurring,
    scaled,
)


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

    def _certainty(self, name: str) -> str:
        exact = True
        if name in ("mu", "mu_min"):
            exact = all(s.complete for s in (self.spectrum, *(self.worker_spectra if name == "mu_min" else ())))
        elif name == "gap_star":
            exact = self._minima[1]
        return super()._certainty(name) if exact else "bound"

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
    def _factors(self) -> tuple[FloatArray, FloatArray, Lift] | None:
        """The `factors` of the weighted rows; None where reg makes them superfluous, or no eigenvalue is near zero.

        mu, pl, x* and f* all follow from the singular values that are kept.
        """
        if self.reg > 0 or self.spectrum.well_conditioned:
            return None
        return factors(scaled(self.A, np.sqrt(self.weights)))

    @property
    def modulus(self) -> float:
        """mu: the smallest eigenvalue of the data part plus reg."""
        if self._factors is None:
            return self.spectrum.smallest + self.reg
        s = self._factors[1]
        return float(s[-1] ** 2) if s.size == self.dim else 0.0

    @cached_property
    def x_star(self) -> FloatArray | None:
        """The minimiser (d,) of F nearest to x0."""
        if self._factors is None or self.regulariser[1] > 0:
            return super().x_star
        U, s, lift = self._factors
        residual = np.sqrt(self.weights) * (self.b - self.A @ self.x0)
        return self.x0 + lift((U.T @ residual) / s)

    @cached_property
    def infima(self) -> FloatArray:
        """Lower bounds (n,) of the minima of the f_i, to rounding the minima themselves where `_minima` says so."""
        return self._minima[0]

    @cached_property
    def _minima(self) -> tuple[FloatArray, bool]:
        """(values of the f_i near their minimisers, less what may lie below; whether that is lost in rounding)."""
        minima, exact = [], True
        for share in self.shares:
            root = np.sqrt(share.stop - share.start)
            A, b = occurring(self.A[share])[0] / root, self.b[share] / root
            x = _ridge(A, b, self.reg)
            residual = A @ x - b
            below = float(np.sum((A.T @ residual + self.reg * x) ** 2)) / (2 * self.reg) if self.reg > 0 else 0.0
            exact &= below <= RESIDUAL * float(b @ b)
            minima.append(0.5 * float(residual @ residual + self.reg * (x @ x)) - below)
        return np.maximum(np.array(minima)[self.index], 0.0), exact

    def convexity(self) -> dict[str, float]:
        """mu and mu_min exactly; pl where f is convex only."""
        smallest = min(spectrum.smallest for spectrum in self.worker_spectra)
        exact = {"mu": self.modulus, "mu_min": min(smallest + self.reg, self.modulus)}
        if self.modulus > 0 or self._factors is None:
            return exact
        return exact | {"pl": float(self._factors[1][-1] ** 2)}


def _ridge(A: Any, b: FloatArray, reg: float) -> FloatArray:
    """Return a minimiser of ||A x - b||^2 + reg ||x||^2: by the smaller Gram matrix, or where that is large by LSQR."""
    rows, columns = A.shape
    if reg == 0.0 and not (rows > columns and rows * columns > MUCH and gram_spectrum(A).well_conditioned):
        U, s, lift = factors(A)
        return lift((U.T @ b) / s)
    if min(rows, columns) > (FEW if is_sparse(A) and reg > 0 else DIRECT):
        from scipy.sparse.linalg import lsqr

        x = lsqr(A, b, damp=np.sqrt(reg), atol=RESIDUAL, btol=RESIDUAL, iter_lim=ITERATIONS)[0]
    elif rows <= columns:
        x = A.T @ np.linalg.solve(gram(A) + reg * np.eye(rows), b)
    else:
        x = np.linalg.solve(gram(A) + reg * np.eye(columns), A.T @ b)
    return np.asarray(x, dtype=np.float64)
