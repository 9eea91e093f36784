"""Linear models: f_i(x) = (1/m_i) sum_j loss(a_j.x, b_j) + (reg/2)||x||^2 + lam sum_k x_k^2/(1+x_k^2).

The sum runs over the m_i rows of worker i, and f = (1/n) sum_i f_i: with shares of unequal size a row's
weight in f is 1/(n m_i), and all constants are those of this f. Least squares, logistic and robust regression
differ in the scalar loss only: its value, slope and curvature.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common.errors import InputError
from ..common.options import choice, flag, integer, number
from .base import FloatArray, Noise, Problem, ProblemKernels
from .data import BUNDLED, SYNTHETIC, gaussian, load, split, standardised
from .optimum import minimise
from .sparsity import multiplicity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..theory.constants import Constants

# max |d/dr r^2/(1+r^2)|, attained at r = 1/sqrt(3).
BOUNDED_SLOPE = 3.0 * np.sqrt(3.0) / 8.0


def gram_spectrum(rows: FloatArray) -> FloatArray:
    """Return the eigenvalues of rows^T rows, ascending; those of a wide matrix without the zeros beyond m."""
    gram = rows.T @ rows if rows.shape[0] >= rows.shape[1] else rows @ rows.T
    return np.asarray(np.linalg.eigvalsh(gram), dtype=np.float64)


class LinearModel(Problem):
    """Common part of the linear models; the options that they share are described here.

    Parameters
    ----------
    data
        "synthetic" (default); "breast_cancer" or "digits", bundled with scikit-learn; or the path of a LIBSVM
        file.
    rows, dim
        Size of the synthetic data, 400 x 20 by default.
    reg
        lambda of (lambda/2)||x||^2, a part of every f_i.
    homogeneous
        1: every worker holds all rows, so that all f_i are equal.
    split
        "shuffled" or "sorted" (by target) shares of the rows.
    standardise
        1: features get mean 0 and variance 1. Default 1 for the bundled sets, whose features have different
        units, and 0 for files and synthetic data.
    batch
        Rows that a worker draws, with replacement, per gradient. Left out: all its rows, the exact gradient.
    noise, sigma_sq
        Additive gradient noise and its total variance, in place of batch.
    target_noise
        Standard deviation of the noise in the synthetic targets.
    scale
        Standard deviation of the entries of the synthetic A (least squares only; 1 elsewhere).
    seed
        Of the synthetic data and of the shuffle.
    """

    # Code of the loss in the kernels, and the range of its second derivative.
    loss: int
    curvature: tuple[float, float]
    # Whether synthetic rows begin with a constant feature.
    intercept = False
    # The ways in which rows can be shared.
    splits: tuple[str, ...] = ("shuffled", "sorted")

    def __init__(
        self,
        data: str,
        rows: int | None,
        dim: int | None,
        reg: float,
        lam: float,
        homogeneous: int,
        split_kind: str,
        standardise: int | None,
        target_noise: float,
        seed: int,
        workers: int,
        noise: Noise,
        l1: float = 0.0,
        l2prox: float = 0.0,
        options: Mapping[str, Any] | None = None,
        scale: float = 1.0,
    ) -> None:
        seed = integer("seed", seed, low=0)
        choice("split", split_kind, self.splits)
        self.homogeneous = flag("homogeneous", homogeneous)
        self.reg, self.lam = number("reg", reg), number("lam", lam)
        self.x_true: FloatArray | None = None
        data = str(data)
        if data == SYNTHETIC:
            m = integer("rows", 400 if rows is None else rows)
            d = integer("dim", 20 if dim is None else dim)
            A, targets, self.x_true = self._synthetic(
                m, d, number("target_noise", target_noise), seed, number("scale", scale, strict=True)
            )
        elif rows is not None or dim is not None:
            raise InputError(f"rows and dim are those of data={data}; leave them out, or leave data out")
        else:
            A, targets = load(data)
        if flag("standardise", data in BUNDLED if standardise is None else standardise):
            A = standardised(A)
            self.x_true = None
        targets = self._targets(targets, data)
        super().__init__(A.shape[1], workers, noise=noise, l1=l1, l2prox=l2prox, options=options)
        share = split(targets, self.workers, split_kind, self.homogeneous, seed)
        self.A = np.ascontiguousarray(A[share.order])
        self.b = np.ascontiguousarray(targets[share.order])
        self.index, self.offsets = share.index, share.offsets

    def _synthetic(
        self, rows: int, dim: int, target_noise: float, seed: int, scale: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Draw rows, targets and the parameters that the targets were made of."""
        return gaussian(rows, dim, target_noise, seed, self.intercept, scale)

    def _targets(self, targets: FloatArray, source: str) -> FloatArray:
        """Make the model's targets of the data's."""
        return targets

    @abstractmethod
    def _loss(self, t: FloatArray, b: FloatArray) -> FloatArray:
        """Return the scalar loss at scores t and targets b."""

    @abstractmethod
    def _slope(self, t: FloatArray, b: FloatArray) -> FloatArray:
        """Return its derivative with respect to t."""

    @abstractmethod
    def _curvature(self, t: FloatArray, b: FloatArray) -> FloatArray:
        """Return its second derivative with respect to t."""

    def span(self, worker: int) -> slice:
        """Return the rows of `worker`."""
        return self.shares[self.index[worker]]

    @cached_property
    def shares(self) -> list[slice]:
        """The distinct shares of the rows: one per worker, or a single one that all hold."""
        return [slice(low, high) for low, high in pairwise(self.offsets.tolist())]

    @cached_property
    def weights(self) -> FloatArray:
        """The weight (m,) of every row in f: 1/(n m_i), or 1/m where every worker holds all rows."""
        sizes = np.diff(self.offsets)
        return np.repeat(1.0 / (sizes.size * sizes), sizes)

    def _regulariser_value(self, X: FloatArray) -> FloatArray:
        return 0.5 * self.reg * np.sum(X**2, axis=-1) + self.lam * np.sum(X**2 / (1 + X**2), axis=-1)

    def _regulariser_gradient(self, X: FloatArray) -> FloatArray:
        return self.reg * X + 2 * self.lam * X / (1 + X**2) ** 2

    def worker_value(self, worker: int, X: FloatArray) -> FloatArray:
        A, b = self.A[self.span(worker)], self.b[self.span(worker)]
        return self._loss(X @ A.T, b).mean(axis=-1) + self._regulariser_value(X)

    def worker_gradient(self, worker: int, X: FloatArray) -> FloatArray:
        A, b = self.A[self.span(worker)], self.b[self.span(worker)]
        return self._slope(X @ A.T, b) @ A / b.size + self._regulariser_gradient(X)

    def value(self, X: Any) -> FloatArray:
        X = np.asarray(X, dtype=np.float64)
        return self._loss(X @ self.A.T, self.b) @ self.weights + self._regulariser_value(X)

    def gradient(self, X: Any) -> FloatArray:
        X = np.asarray(X, dtype=np.float64)
        return (self._slope(X @ self.A.T, self.b) * self.weights) @ self.A + self._regulariser_gradient(X)

    def hessian(self, x: FloatArray) -> FloatArray:
        """Return the Hessian (d, d) of f at x (d,)."""
        curved = self._curvature(self.A @ x, self.b) * self.weights
        diagonal = self.reg + 2 * self.lam * (1 - 3 * x**2) / (1 + x**2) ** 3
        return (self.A * curved[:, None]).T @ self.A + np.diag(diagonal)

    @cached_property
    def row_norms_sq(self) -> FloatArray:
        """||a_j||^2 (m,)."""
        return np.einsum("jk,jk->j", self.A, self.A)

    @cached_property
    def worker_spectra(self) -> list[FloatArray]:
        """Eigenvalues of A_i^T A_i/m_i for every distinct share; for a wide A_i only the first m_i."""
        return [np.maximum(gram_spectrum(self.A[p]), 0.0) / (p.stop - p.start) for p in self.shares]

    @cached_property
    def spectrum(self) -> FloatArray:
        """Eigenvalues of (1/n) sum A_i^T A_i/m_i."""
        return np.maximum(gram_spectrum(self.A * np.sqrt(self.weights)[:, None]), 0.0)

    @property
    def modulus(self) -> float:
        """A strong convexity that f certainly has; 0 if none is known."""
        return self.reg

    def convexity(self) -> dict[str, float]:
        """Return mu, mu_min and pl as far as the model has them."""
        return {}

    def smoothness(self, largest: Any) -> Any:
        """Return the smoothness of a function whose data part has the largest eigenvalue `largest`."""
        return self.curvature[1] * largest + self.reg + 2 * self.lam

    def gradient_spread(self, x: FloatArray) -> float:
        """Return the mean over workers of E||g_i - grad f_i||^2 at x (d,) for row sampling."""
        slope = self._slope(self.A @ x, self.b)
        second = np.sum(self.weights * slope**2 * self.row_norms_sq)
        means = [slope[p] @ self.A[p] / (p.stop - p.start) for p in self.shares]
        first = np.sum(np.square(means)) / len(means)
        return max(float(second - first), 0.0) / (self.noise.batch or 1)

    @property
    def slope_bound(self) -> float | None:
        """The largest |loss'|, or None where it has no bound."""
        return None

    def _bounds_of_gradients(self) -> dict[str, float]:
        """Return sigma_sq, zeta_sq and G where the loss has bounded slope s.

        With rows a_j: a row's gradient has norm at most s||a_j||, and the mean over a worker's rows at most
        B_i = s min(mean ||a_j||, sqrt(lambda_max(A_i^T A_i/m_i))), which the l2 term leaves untouched in
        differences. sigma_sq is the largest worker's E||row gradient||^2/batch; zeta_sq <= (1/n) sum B_i^2; G and
        the means of the workers' exact bounds add the nonconvex regulariser and are finite for reg = 0 only.
        """
        s = self.slope_bound
        if s is None:
            return {}
        norms = np.sqrt(self.row_norms_sq)
        mean = np.array([norms[p].mean() for p in self.shares])
        operator = np.sqrt([spectrum[-1] for spectrum in self.worker_spectra])
        largest = s * np.minimum(mean, operator)
        second = s**2 * np.array([self.row_norms_sq[p].mean() for p in self.shares])
        batch = self.noise.batch
        variance = self.noise.sigma_sq if batch is None else float(second.max()) / batch
        bounds = {"sigma_sq": variance}
        if self.reg == 0:
            exact = largest + self.lam * BOUNDED_SLOPE * np.sqrt(self.dim)
            bounds["G"] = float(np.sqrt(exact.max() ** 2 + variance))
            bounds |= {"G_mean": float(exact.mean()), "G_sq_mean": float(np.mean(exact**2))}
        if not self.homogeneous:
            bounds["zeta_sq"] = float(np.mean(largest**2))
        return bounds

    def constants(self) -> Constants:
        L_i = self.smoothness(np.array([spectrum[-1] for spectrum in self.worker_spectra]))
        known: dict[str, Any] = {
            "L": float(self.smoothness(self.spectrum[-1])),
            "L_tilde": float(np.sqrt(np.mean(L_i**2))),
            "L_max": float(L_i.max()),
            "overlap": multiplicity(self.supports()),
        } | self.convexity()
        if self.homogeneous or self.workers == 1:
            known["zeta_sq"] = 0.0
        known = self._bounds_of_gradients() | known
        if self.noise.batch is not None:
            known["L_sample"] = float(self.smoothness(self.row_norms_sq.max()))
            if self.x_star is not None:
                known["sigma_star_sq"] = self.gradient_spread(self.x_star)
        return self.known(**known)

    def supports(self) -> NDArray[np.bool_]:
        """Return the coordinates (n, d) that worker i's gradient can move: those of its rows, or all."""
        if self.reg > 0 or self.lam > 0:
            return np.ones((self.workers, self.dim), dtype=np.bool_)
        return np.stack([(self.A[self.span(i)] != 0).any(axis=0) for i in range(self.workers)])

    @cached_property
    def infima(self) -> FloatArray:
        """Lower bounds (n,) of inf f_i: no term is negative."""
        return np.zeros(self.workers)

    @cached_property
    def x_star(self) -> FloatArray | None:
        """The minimiser (d,) of F, where F is known to be strongly convex; None otherwise."""
        modulus, L = self.modulus + self.regulariser[1], float(self.smoothness(self.spectrum[-1]))
        if modulus == 0:
            return None
        if modulus < 2.0**-52 * L:
            raise InputError(
                f"reg={self.reg:g} is lost in rounding next to the smoothness {L:.3g}; give at least {1e-15 * L:.1g}"
            )
        return minimise(self.gradient, self.hessian, L, self.x0, *self.regulariser)

    def magnitudes(self) -> tuple[float, float, int]:
        """Sizes at x* (at a point of size sqrt(d) where it is unknown).

        A score is known up to |a_j|.|x| + |b_j|, which the curvature passes on to its slope; an error e_j in
        every slope moves the gradient by at most sqrt(lambda_max sum_j w_j e_j^2), lambda_max that of (1/n)
        sum A_i^T A_i/m_i.
        """
        x = np.ones(self.dim) if self.x_star is None else self.x_star
        slope = np.abs(self._slope(self.A @ x, self.b))
        score = np.abs(self.A) @ np.abs(x) + np.abs(self.b)
        spread = float(np.sqrt(self.spectrum[-1] * (self.weights @ (slope + self.curvature[1] * score) ** 2)))
        terms = self.dim + self.workers + int(np.diff(self.offsets).max())
        gradient = spread + (self.reg + 2 * self.lam) * float(np.linalg.norm(x))
        return gradient, float(self.weights @ (slope * score) + self.value(x)), terms

    def kernels(self) -> ProblemKernels:
        from .kernels import linear as kernels

        batch = self.noise.batch or 0
        parameters = np.array([self.loss, self.reg, self.lam, batch], dtype=np.float64)
        return ProblemKernels(
            kernels.sampled_gradient if batch else kernels.gradient,
            kernels.gradient,
            kernels.value,
            (self.A, self.b, self.index, self.offsets, parameters),
            batch,
        )
