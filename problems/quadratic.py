"""Quadratics with a prescribed spectrum: every constant is exact."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..common.errors import InputError
from ..common.limits import require_memory
from ..common.options import choice, flag, integer, number
from .base import FloatArray, Noise, Problem, ProblemKernels, given_options
from .optimum import minimise

if TYPE_CHECKING:
    from ..theory.constants import Constants

SPECTRA = ("log", "linear", "two")


def spectrum_between(kind: str, mu: float, L: float, dim: int) -> FloatArray:
    """Return `dim` eigenvalues from mu to L, ascending: evenly in that scale, or half at each end."""
    if dim == 1:
        return np.array([L])
    if kind == "two":
        return np.where(np.arange(dim) < dim // 2, mu, L)
    values = np.geomspace(mu, L, dim) if kind == "log" else np.linspace(mu, L, dim)
    values[0], values[-1] = mu, L
    return values


class Quadratic(Problem):
    """f_i(x) = (1/2)(x - s_i)^T H_i (x - s_i).

    Parameters
    ----------
    dim, workers
        d and n.
    mu, L
        Smallest and largest eigenvalue of H (dim = 1 has only L).
    spectrum
        "log" (default) or "linear": eigenvalues evenly spaced in that scale; "two": half at each end.
    heterogeneity
        Size of the shift of minimisers: sqrt((1/n) sum ||s_i - mean s||^2). 0 with equal Hessians gives every
        worker the same f.
    hessians
        "same": H_i = H, so that zeta_sq is finite and exact. "scaled": H_i = c_i H with c_i evenly spaced
        from 1/2 to 3/2, so that L < L_tilde < L_max. "different": every H_i has the spectrum of H along axes
        of its own.
    rotate
        0: diagonal Hessians; 1: dense ones, in a random orthonormal basis.
    radius
        ||mean s_i||: with equal or scaled Hessians and no heterogeneity, the distance of x0 = 0 from the
        minimiser.
    noise, sigma_sq
        Additive gradient noise ("none", "gaussian", "uniform", "rademacher") and its total variance.
    region
        Where G is stated: E||g_i||^2 <= G^2 for ||x - x*|| <= region, for methods whose iterates stay there in the
        mean square. Left out, there is no G: the gradients of a quadratic have no bound.
    l1, l2prox
        Regulariser handled by prox.
    seed
        Of the random directions.

    Raises
    ------
    InputError
        For values out of range, and for l1 > 0 where f + R is not strongly convex.
    """

    name = "quadratic"
    quadratic = True
    bounded = frozenset({"G"})
    region_in_mean_square = True

    def __init__(
        self,
        dim: int = 20,
        mu: float = 0.1,
        L: float = 1.0,
        spectrum: str = "log",
        heterogeneity: float = 0.0,
        hessians: str = "same",
        rotate: int = 0,
        radius: float = 1.0,
        noise: str = "none",
        sigma_sq: float | None = None,
        region: float | None = None,
        l1: float = 0.0,
        l2prox: float = 0.0,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        options = given_options(type(self), locals())
        super().__init__(dim, workers, noise=Noise.read(noise, sigma_sq), l1=l1, l2prox=l2prox, options=options)
        L = number("L", L, strict=True)
        mu = number("mu", mu)
        if mu > L:
            raise InputError(f"mu={mu:g} exceeds L={L:g}: give mu <= L")
        choice("spectrum", spectrum, SPECTRA)
        if spectrum == "log" and mu == 0:
            raise InputError("mu=0 has no logarithmic spectrum: add spectrum=linear or spectrum=two")
        choice("hessians", hessians, ("same", "scaled", "different"))
        self.hessians, self.rotated = hessians, flag("rotate", rotate)
        self.heterogeneity = heterogeneity = number("heterogeneity", heterogeneity)
        if heterogeneity > 0 and self.workers == 1:
            raise InputError(
                f"heterogeneity={heterogeneity:g} needs at least 2 workers; take more workers or heterogeneity=0"
            )
        radius = number("radius", radius)
        self.region = None if region is None else number("region", region, strict=True)

        random = np.random.default_rng(integer("seed", seed, low=0))
        self._require_memory()
        self.eigenvalues = spectrum_between(spectrum, mu, L, self.dim)
        self.shifts = self._shifts(random, heterogeneity, radius)
        self.matrices = self._matrices(random)
        if self.regulariser[0] > 0 and self._modulus + self.regulariser[1] == 0:
            raise InputError("l1 needs a strongly convex problem here: give mu > 0 or l2prox > 0")

    def _require_memory(self) -> None:
        """The minimisers (twice, while they are drawn) and gradients at x*, and the Hessians, twice where rotated."""
        count = {"same": 1, "scaled": self.workers, "different": self.workers}[self.hessians]
        vectors, matrices = 3.0 * self.workers * self.dim, float(count) * self.dim
        if self.rotated:
            matrices *= 2 * self.dim
        require_memory(vectors + matrices, f"{self.workers} workers' quadratic functions of {self.dim} coordinates")

    def _shifts(self, random: np.random.Generator, heterogeneity: float, radius: float) -> FloatArray:
        """Draw the (n, d) minimisers s_i: mean of norm `radius`, spread `heterogeneity`."""
        centre = random.standard_normal(self.dim)
        spread = random.standard_normal((self.workers, self.dim))
        spread -= spread.mean(axis=0)
        size = np.sqrt(np.sum(spread**2) / self.workers)
        spread = spread * (heterogeneity / size) if heterogeneity else np.zeros_like(spread)
        return radius * centre / np.linalg.norm(centre) + spread

    def _matrices(self, random: np.random.Generator) -> FloatArray:
        """Return the distinct Hessians, (k, d) diagonals or (k, d, d) matrices; k = 1 where all share one."""
        count = self.workers if self.hessians == "different" else 1
        if self.rotated:
            bases = [np.linalg.qr(random.standard_normal((self.dim, self.dim)))[0] for _ in range(count)]
            matrices = np.stack([(Q * self.eigenvalues) @ Q.T for Q in bases])
            matrices = (matrices + matrices.transpose(0, 2, 1)) / 2
        elif self.hessians == "different":
            matrices = np.stack([random.permutation(self.eigenvalues) for _ in range(count)])
        else:
            matrices = self.eigenvalues[None, :]
        if self.hessians == "scaled":
            matrices = self._scales().reshape(-1, *[1] * (matrices.ndim - 1)) * matrices
        return matrices

    def _scales(self) -> FloatArray:
        """The c_i: one per worker where the Hessians are scaled, else a single 1."""
        if self.hessians == "scaled" and self.workers > 1:
            return np.linspace(0.5, 1.5, self.workers)
        return np.ones(1)

    def hessian(self, worker: int) -> FloatArray:
        """Return H_worker: its diagonal (d,), or the matrix (d, d)."""
        return self.matrices[worker if len(self.matrices) > 1 else 0]

    def _apply(self, H: FloatArray, Y: FloatArray) -> FloatArray:
        return Y @ H if self.rotated else H * Y

    def worker_gradient(self, worker: int, X: FloatArray) -> FloatArray:
        return self._apply(self.hessian(worker), X - self.shifts[worker])

    def worker_value(self, worker: int, X: FloatArray) -> FloatArray:
        return 0.5 * np.sum((X - self.shifts[worker]) * self.worker_gradient(worker, X), axis=-1)

    @cached_property
    def _mean_spectrum(self) -> FloatArray:
        """Eigenvalues of the mean Hessian, ascending."""
        if self.hessians != "different":
            return self.eigenvalues
        mean = self.matrices.mean(axis=0)
        return np.linalg.eigvalsh(mean) if self.rotated else np.sort(mean)

    @property
    def _modulus(self) -> float:
        """The strong convexity of f, with what is zero up to rounding taken as zero."""
        smallest = float(self._mean_spectrum[0])
        return smallest if smallest > self.dim * 2.0**-52 * float(self._mean_spectrum[-1]) else 0.0

    @cached_property
    def x_star(self) -> FloatArray:
        """The minimiser (d,) of F nearest to x0."""
        if self.heterogeneity == 0 and self._modulus > 0 and self.regulariser == (0.0, 0.0):
            return self.shifts[0]
        mean = self.matrices.mean(axis=0)
        if not self.rotated and self._modulus > 0 and not any(self.regulariser):
            return (self.matrices * self.shifts).mean(axis=0) / mean
        if not self.rotated and not any(self.regulariser):
            kept = mean > self.dim * 2.0**-52 * mean.max()
            return self.x0 - np.divide(1.0, mean, out=np.zeros(self.dim), where=kept) * self.gradient(self.x0)
        require_memory(2.0 * self.dim**2, f"the Hessian of {self.dim} coordinates, which the minimiser takes,")
        dense = mean if self.rotated else np.diag(mean)
        if self._modulus + self.regulariser[1] > 0:
            return minimise(self.gradient, lambda x: dense, float(self._mean_spectrum[-1]), self.x0, *self.regulariser)
        return self.x0 - np.linalg.pinv(dense, rcond=self.dim * 2.0**-52, hermitian=True) @ self.gradient(self.x0)

    @cached_property
    def infima(self) -> FloatArray:
        """The minima (n,) of the f_i: 0, at s_i."""
        return np.zeros(self.workers)

    def constants(self) -> Constants:
        scales = self._scales()
        largest, smallest = float(self.eigenvalues[-1]), float(self.eigenvalues[0])
        positive = self._mean_spectrum[self._mean_spectrum > self.dim * 2.0**-52 * self._mean_spectrum[-1]]
        zeta_sq = None
        if self.hessians == "same" or self.workers == 1:
            centred = self.shifts - self.shifts.mean(axis=0)
            zeta_sq = (
                float(np.sum(self._apply(self.hessian(0), centred) ** 2)) / self.workers if self.heterogeneity else 0.0
            )
        return self.known(
            largest * scales,
            mu_i=smallest * scales,
            G=self._largest_gradient(),
            L=float(self._mean_spectrum[-1]),
            L_tilde=largest * float(np.sqrt(np.mean(scales**2))),
            L_max=largest * float(scales[-1]),
            mu=self._modulus,
            mu_min=smallest * float(scales[0]),
            pl=None if self._modulus else float(positive[0]),
            zeta_sq=zeta_sq,
            overlap=self.workers,
            **({} if self.rotated else {"L_l1": float(self.matrices.mean(axis=0).sum())}),
        )

    def _largest_gradient(self) -> float | None:
        """G, from ||H_i (x - s_i)|| <= ||H_i|| (region + ||x* - s_i||) and the noise."""
        if self.region is None:
            return None
        reach = self.region + np.linalg.norm(self.x_star - self.shifts, axis=1)
        exact = float(self.eigenvalues[-1]) * float(np.max(self._scales() * reach))
        return float(np.hypot(exact, np.sqrt(self.noise.sigma_sq)))

    def magnitudes(self) -> tuple[float, float, int]:
        """Terms H_i (x - s_i) at x*: L_max (||x*|| + max ||s_i||)."""
        size = float(np.linalg.norm(self.x_star) + np.linalg.norm(self.shifts, axis=1).max())
        slope = size * float(self.eigenvalues[-1] * self._scales()[-1])
        return slope, slope * size, self.dim + self.workers if self.rotated else self.workers

    def kernels(self) -> ProblemKernels:
        from .kernels import quadratic as kernels

        gradient = kernels.dense_gradient if self.rotated else kernels.diagonal_gradient
        value = kernels.dense_value if self.rotated else kernels.diagonal_value
        rows = self.dim if self.rotated else 1
        index = np.arange(self.workers) * rows if len(self.matrices) > 1 else np.zeros(self.workers, dtype=np.int64)
        data = (
            np.ascontiguousarray(self.matrices.reshape(-1, self.dim)),
            np.ascontiguousarray(self.shifts.ravel()),
            index.astype(np.int64),
            np.arange(self.workers + 1, dtype=np.int64),
            np.zeros(1),
        )
        onto = None if self.rotated else kernels.add_diagonal_gradient
        return ProblemKernels(gradient, gradient, value, data, onto=onto)
