"""Least squares (ridge) regression; every constant is exact."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..common.errors import InputError
from .base import FloatArray, Noise, given_options
from .linear import LinearModel


class LeastSquares(LinearModel):
    """f_i(x) = (1/(2 m_i))||A_i x - b_i||^2 + (reg/2)||x||^2; options as in `LinearModel`.

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

    def __init__(
        self,
        data: str = "synthetic",
        rows: int | None = None,
        dim: int | None = None,
        reg: float = 0.05,
        homogeneous: int = 0,
        split: str = "shuffled",
        standardise: int | None = None,
        batch: int | None = None,
        noise: str = "none",
        sigma_sq: float | None = None,
        l1: float = 0.0,
        l2prox: float = 0.0,
        target_noise: float = 1.0,
        scale: float = 1.0,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        options = given_options(type(self), locals())
        super().__init__(
            data, rows, dim, reg, 0.0, homogeneous, split, standardise, target_noise, seed, workers,
            Noise.read(noise, sigma_sq, batch), l1, l2prox, options, scale,
        )  # fmt: skip
        if self.regulariser[0] > 0 and self.modulus + self.regulariser[1] == 0:
            raise InputError("l1 needs a strongly convex problem here: give reg > 0 or l2prox > 0")

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
    def _positive(self) -> FloatArray:
        """The eigenvalues of (1/n) sum A_i^T A_i/m_i that are not zero up to rounding, ascending."""
        return self.spectrum[self.spectrum > max(self.A.shape) * 2.0**-52 * self.spectrum[-1]]

    @property
    def modulus(self) -> float:
        """mu: the smallest eigenvalue of the data part plus reg."""
        smallest = float(self._positive[0]) if self._positive.size == self.dim else 0.0
        return smallest + self.reg

    @cached_property
    def x_star(self) -> FloatArray | None:
        """The minimiser (d,) of F nearest to x0."""
        if self.modulus + self.regulariser[1] > 0:
            return super().x_star
        root = np.sqrt(self.weights)
        residual = root * (self.b - self.A @ self.x0)
        return self.x0 + np.linalg.lstsq(self.A * root[:, None], residual, rcond=None)[0]

    @cached_property
    def infima(self) -> FloatArray:
        """The minima (n,) of the f_i, each evaluated at the minimiser (which an error enters to second order only)."""
        minima = []
        for share in self.shares:
            A, b = self.A[share] / np.sqrt(share.stop - share.start), self.b[share] / np.sqrt(share.stop - share.start)
            x = _ridge(A, b, self.reg)
            minima.append(0.5 * float(np.sum((A @ x - b) ** 2) + self.reg * (x @ x)))
        return np.array(minima)[self.index]

    def convexity(self) -> dict[str, float]:
        """mu and mu_min exactly; pl where f is convex only."""
        smallest = [spectrum[0] if spectrum.size == self.dim else 0.0 for spectrum in self.worker_spectra]
        exact = {"mu": self.modulus, "mu_min": min(float(min(smallest)) + self.reg, self.modulus)}
        return exact if self.modulus > 0 else exact | {"pl": float(self._positive[0])}


def _ridge(A: FloatArray, b: FloatArray, reg: float) -> FloatArray:
    """Return the minimiser of ||A x - b||^2 + reg ||x||^2 from the smaller one of A A^T and A^T A."""
    rows, columns = A.shape
    if reg == 0.0:
        x = np.linalg.lstsq(A, b, rcond=None)[0]
    elif rows <= columns:
        x = A.T @ np.linalg.solve(A @ A.T + reg * np.eye(rows), b)
    else:
        x = np.linalg.solve(A.T @ A + reg * np.eye(columns), A.T @ b)
    return np.asarray(x, dtype=np.float64)
