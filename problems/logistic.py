"""Logistic regression, with the convex and with the nonconvex regulariser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError
from .base import TINY, FloatArray
from .data import SYNTHETIC, signs
from .linear import LinearModel
from .optimum import newton, solver
from .rows import (
    Lift,
    combine,
    factors,
    gram_spectrum,
    is_sparse,
    occurring,
    scaled,
    weighted_gram,
)

#: Up to so many features the minimum of every f_i is computed.
SMALL = 500


def sigmoid(z: FloatArray) -> FloatArray:
    """Return 1/(1 + exp(-z)) without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


class _Logistic(LinearModel):
    """The loss log(1 + exp(-b t)) with labels b = -1, +1; its slope is bounded by 1, its curvature by 1/4."""

    loss, curvature = 1, (0.0, 0.25)
    # Without it, classes of centred rows are mirror images with equal gradients: sorting would do nothing.
    constant_feature = True

    @staticmethod
    def targets_of(targets: NDArray[Any], source: str, positive: Any = None) -> FloatArray:
        if source == SYNTHETIC:
            return np.where(targets >= 0, 1.0, -1.0)
        return signs(targets, source, positive)

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

    def slope_lines(self, at: FloatArray, reach: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Between the tangent at `at` and the secant over the reach; the slope is sigmoid(t) and a constant.

        What a line leaves is largest at an end, or where the curvature is kappa.
        """
        tangent = self._curvature(at, self.b)
        secant = (sigmoid(at + reach) - sigmoid(at - reach)) / (2 * np.maximum(reach, TINY))
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            kappa = np.clip(tangent + share * (secant - tangent), TINY, 0.25)
            root = np.sqrt(1 - 4 * kappa)
            turn = np.log1p(root) - np.log(np.maximum(1 - root, TINY))
            points = np.clip([-reach, reach, turn - at, -turn - at], -reach, reach)
            yield kappa, np.abs(sigmoid(at + points) - sigmoid(at) - kappa * points).max(axis=0)

    @property
    def slope_centres(self) -> tuple[FloatArray, float]:
        """-b_j/2, and 1/2: the slope -b sigmoid(-b t) lies between 0 and -b."""
        return -self.b / 2, 0.5


class Logistic(_Logistic):
    """f_i(x) = (1/m_i) sum_j log(1 + exp(-b_j a_j.x)) + (reg/2)||x||^2; options as in `LinearOptions`.

    mu = reg. L_i = lambda_max(A_i^T A_i)/(4 m_i) + reg. x_star comes from Newton's method and is certified by its
    gradient. Slopes are bounded, so that row sampling has a uniform sigma_sq.

    With reg = 0 the problem is convex (mu = 0). Whether it has a minimiser is then a question to the data: it has one
    unless some hyperplane separates the classes, points on it allowed (Albert and Anderson 1984). `minimiser` says
    which; x_star is then the minimiser nearest to x0, or None. Where every point is strictly on its side, f* = 0 is
    not attained.

    Labels: the smaller of two classes is -1, the larger +1; digits are even (+1) against odd (-1). Synthetic
    labels are the signs of a_j.x_true + target_noise * normal, with a constant first feature in every row.
    """

    name = "logistic"

    without: ClassVar[tuple[str, ...]] = ("lam", "scale")
    defaults: ClassVar[dict[str, Any]] = {"reg": 0.01}

    def convexity(self) -> dict[str, Any]:
        """mu = mu_min = reg; what is known of the minimiser where there is no regulariser."""
        known: dict[str, Any] = {"mu": self.reg, "mu_min": self.reg}
        if self.modulus + self.regulariser[1] == 0:
            known["notes"] = (self.minimiser,)
        return known

    @property
    def minimiser(self) -> str:
        """Whether f has a minimiser, in a sentence."""
        if self.modulus + self.regulariser[1] > 0:
            return "f has exactly one minimiser: it is strongly convex"
        return self._unregularised[1]

    @cached_property
    def x_star(self) -> FloatArray | None:
        """The minimiser (d,) of F nearest to x0; None where there is none, or none is known."""
        return super().x_star if self.modulus + self.regulariser[1] > 0 else self._unregularised[0]

    @cached_property
    def f_star(self) -> float:
        """The infimum of F; a lower bound of it, 0, where it is not known."""
        return 0.0 if self.x_star is None else float(self.objective(self.x_star))

    @property
    def f_star_certified(self) -> bool:
        """Whether f_star is the infimum itself (to rounding error)."""
        return self.x_star is not None or self._unregularised[2]

    @cached_property
    def _unregularised(self) -> tuple[FloatArray | None, str, bool]:
        """(minimiser without a regulariser, what is known of it, whether f_star is then the infimum).

        A point x with b_j a_j.x > 0 for all rows proves that there is none. A small Newton decrement proves that
        there is one: sqrt(g^T H^{-1} g) max ||a_j|| <= sqrt(lambda_min(H))/2 on the span of the rows (Bach 2010, "Self-
        concordant analysis for logistic regression", Proposition 2). What lies between is decided by linear
        programming: the largest sum_j b_j a_j.w under 0 <= b_j a_j.w <= 1 is 0 just where no w separates.
        """
        try:
            rows, lift = self._coordinates
        except InputError:
            m, d = self.A.shape
            return None, f"f may have a minimiser: with {m} x {d} rows it is not computed", False
        z = self._newton_on(rows)
        x = self.x0 + lift(z)
        margins = self.b * (self.A @ x)
        if margins.min() > 0:
            return None, "f has no minimiser: a hyperplane separates the classes, and f* = 0 is not attained", True
        g, H = self._gradient_on(rows, z), self._hessian_on(rows, z)
        smallest = float(np.linalg.eigvalsh(H)[0])
        if smallest > 0:
            decrement = float(np.sqrt(max(float(g @ np.linalg.solve(H, g)), 0.0)))
            if decrement * float(np.sqrt(self.row_norms_sq.max())) <= 0.5 * np.sqrt(smallest):
                return x, "f has a minimiser: no hyperplane separates the classes", True
        if self._separable():
            return None, "f has no minimiser: a hyperplane separates the classes, with some points on it", False
        return None, "f has a minimiser, but it lies too far out to be computed: give reg > 0", False

    @cached_property
    def _coordinates(self) -> tuple[Any, Lift]:
        """(rows (m, r) in r orthonormal coordinates of their span, what lifts these coordinates to R^d).

        Raises
        ------
        InputError
            If the rows are too large for that.
        """
        if self.A.shape[0] > self.A.shape[1] and gram_spectrum(self.A).well_conditioned:
            return self.A, np.asarray
        U, s, lift = factors(self.A)
        return U * s, lift

    def _gradient_on(self, rows: Any, z: FloatArray) -> FloatArray:
        """The gradient (r,) of z -> f(x0 + lift(z))."""
        return combine(self._slope(self.A @ self.x0 + rows @ z, self.b) * self.weights, rows)

    def _hessian_on(self, rows: Any, z: FloatArray) -> FloatArray:
        """The Hessian (r, r) of z -> f(x0 + lift(z))."""
        return weighted_gram(rows, self._curvature(self.A @ self.x0 + rows @ z, self.b) * self.weights)

    def _newton_on(self, rows: Any) -> FloatArray:
        """Newton's method in those coordinates (r,), as far as it gets; in one step where the rows are independent.

        Independent rows have a point with a_j.x = b_j for all of them, which separates the classes.
        """
        if rows.shape[0] == rows.shape[1]:
            return np.asarray(np.linalg.solve(rows, self.b - self.A @ self.x0))

        def solve(z: FloatArray) -> Callable[[FloatArray], FloatArray]:
            H = self._hessian_on(rows, z)
            # Far out the Hessian vanishes; what is added is below the rounding of one that does not.
            H += 2.0**-52 * np.trace(H) * np.eye(len(z))
            return lambda g: np.asarray(np.linalg.solve(H, g))

        start = np.zeros(rows.shape[1])
        try:
            return newton(partial(self._gradient_on, rows), solve, start)
        except np.linalg.LinAlgError:
            return start

    def _separable(self) -> bool:
        """Whether a hyperplane separates the classes, points on it allowed but not all of them."""
        from scipy.optimize import linprog

        signed = scaled(occurring(self.A)[0], self.b)
        found = linprog(
            -np.asarray(signed.sum(axis=0)).ravel(), A_ub=_stacked(signed), b_ub=np.repeat([1.0, 0.0], self.b.size),
            bounds=(None, None), method="highs",
        )  # fmt: skip
        return bool(found.status == 0 and -found.fun > 1e-7)

    @cached_property
    def infima(self) -> FloatArray:
        """Lower bounds (n,) of inf f_i, with reg > 0 to rounding: f_i(z) - ||grad f_i(z)||^2/(2 reg), z by Newton."""
        steepest = max(float(self.smoothness(spectrum.largest)) for spectrum in self.worker_spectra)
        if self.reg == 0 or self.reg < 2.0**-52 * self.dim * steepest or self.dim > SMALL:
            return np.zeros(self.workers)
        lowest = []
        for i in range(len(self.shares)):
            z = newton(partial(self.worker_gradient, i), solver(partial(self.worker_hessian, i)), self.x0)
            g = self.worker_gradient(i, z)
            lowest.append(float(self.worker_value(i, z)) - float(g @ g) / (2 * self.reg))
        return np.maximum(np.array(lowest)[self.index], 0.0)


def _stacked(rows: Any) -> Any:
    """The rows above their negatives."""
    from scipy.sparse import vstack

    return vstack([rows, -rows], format="csr") if is_sparse(rows) else np.vstack([rows, -rows])


class LogisticNonconvex(_Logistic):
    """f_i(x) = (1/m_i) sum_j log(1 + exp(-b_j a_j.x)) + lam sum_k x_k^2/(1+x_k^2).

    The regulariser's second derivative lies in [-lam/2, 2 lam], so that L_i = lambda_max(A_i^T A_i)/(4 m_i) +
    2 lam. All terms are nonnegative: f_star is the certified lower bound 0, not the minimum, which makes gap0
    an upper bound. Gradients are bounded: G is finite. Options as in `LinearOptions`.
    """

    name = "logistic-nonconvex"

    without: ClassVar[tuple[str, ...]] = ("reg", "l1", "l2prox", "scale", "region")
    defaults: ClassVar[dict[str, Any]] = {"lam": 0.1}

    @cached_property
    def f_star(self) -> float:
        """A certified lower bound of the minimum: 0."""
        return 0.0
