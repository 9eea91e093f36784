"""Minimisers to machine precision: Newton's method, and for an l1 term a search for the active set first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError

FloatArray = NDArray[np.float64]

# A Newton iteration either halves the gradient norm a few hundred times or has reached rounding.
NEWTON_ITERATIONS = 200
# Accelerated steps between two attempts to guess the active set, and how many attempts are worth while.
BLOCK, BLOCKS = 200, 250


def solver(hessian: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray], Callable[[FloatArray], FloatArray]]:
    """Return what `newton` takes, for Hessians that can be written down: x -> (g -> H(x)^{-1} g), by Cholesky.

    A Hessian that is the same at the next point, a quadratic's, is not factored again.
    """
    from scipy.linalg import cho_factor, cho_solve

    known: list[tuple[FloatArray, Any]] = []

    def at(x: FloatArray) -> Callable[[FloatArray], FloatArray]:
        H = hessian(x)
        if not known or not np.array_equal(H, known[0][0]):
            try:
                known[:] = [(H, cho_factor(H))]
            except np.linalg.LinAlgError:
                raise InputError(
                    "the Hessian is singular to rounding, so that the minimiser cannot be computed: "
                    "give a larger reg, or rescale the features"
                ) from None
        factor = known[0][1]
        return lambda g: cho_solve(factor, g)

    return at


def newton(
    gradient: Callable[[FloatArray], FloatArray],
    solve: Callable[[FloatArray], Callable[[FloatArray], FloatArray]],
    x: FloatArray,
) -> FloatArray:
    """Return the zero of `gradient` to rounding error, for a strongly convex function.

    Parameters
    ----------
    solve
        x -> (g -> H(x)^{-1} g), H the Hessian (`solver`).
    x
        Starting point (d,).

    Notes
    -----
    Damped by backtracking on the norm of the gradient, for which the Newton direction is always one of
    descent. It stops when no step lowers that norm any more, which is where rounding takes over.
    """
    g = gradient(x)
    for _ in range(NEWTON_ITERATIONS):
        norm = np.linalg.norm(g)
        if norm == 0.0:
            break
        direction = solve(x)(g)
        step = 1.0
        while step > 1e-8:
            candidate = x - step * direction
            g_candidate = gradient(candidate)
            if np.linalg.norm(g_candidate) < (1.0 - step / 4) * norm:
                break
            step /= 2
        else:
            break
        x, g = candidate, g_candidate
    return x


def soft_threshold(x: FloatArray, threshold: float) -> FloatArray:
    """Return the prox of threshold * ||.||_1 at x."""
    return np.sign(x) * np.maximum(np.abs(x) - threshold, 0.0)


def minimise(
    gradient: Callable[[FloatArray], FloatArray],
    hessian: Callable[[FloatArray], FloatArray],
    L: float,
    x: FloatArray,
    l1: float = 0.0,
    l2: float = 0.0,
) -> FloatArray:
    """Return the minimiser of f(x) + l1 ||x||_1 + (l2/2)||x||^2 to rounding error.

    Parameters
    ----------
    gradient, hessian
        Those of f, which is L-smooth; f + (l2/2)||.||^2 must be strongly convex.
    x
        Starting point (d,).

    Notes
    -----
    Without l1, Newton's method. With it, accelerated proximal gradient steps until they guess the support and
    the signs, Newton's method on that support, and the guess stands if the signs hold and every coordinate
    outside meets its optimality condition |grad_j f| <= l1; otherwise the steps go on.

    Raises
    ------
    InputError
        If the support is not found within BLOCK * BLOCKS steps.
    """

    def smooth(z: FloatArray) -> FloatArray:
        return gradient(z) + l2 * z

    identity = l2 * np.eye(x.size)
    if l1 == 0.0:
        return newton(smooth, solver(lambda z: hessian(z) + identity), x)

    step, y, momentum = 1.0 / (L + l2), x, 1.0
    for _ in range(BLOCKS):
        for _ in range(BLOCK):
            x_next = soft_threshold(y - step * smooth(y), step * l1)
            if (y - x_next) @ (x_next - x) > 0:  # the momentum points uphill: restart it
                momentum = 1.0
            momentum_next = (1.0 + np.sqrt(1.0 + 4.0 * momentum**2)) / 2
            y = x_next + (momentum - 1.0) / momentum_next * (x_next - x)
            x, momentum = x_next, momentum_next
        guess = _polish(smooth, lambda z: hessian(z) + identity, x, l1)
        if guess is not None:
            return guess
    raise InputError(
        f"no certified minimiser of the l1 problem within {BLOCK * BLOCKS} steps; give a larger reg or l2prox"
    )


def _polish(
    smooth: Callable[[FloatArray], FloatArray],
    hessian: Callable[[FloatArray], FloatArray],
    x: FloatArray,
    l1: float,
) -> FloatArray | None:
    """Return the minimiser with the support and signs of x, or None if that is not the solution."""
    support, signs = x != 0, np.sign(x)

    def lift(z: FloatArray) -> FloatArray:
        full = np.zeros_like(x)
        full[support] = z
        return full

    if support.any():
        z = newton(
            lambda z: smooth(lift(z))[support] + l1 * signs[support],
            solver(lambda z: hessian(lift(z))[np.ix_(support, support)]),
            x[support],
        )
        x = lift(z)
    optimal = np.array_equal(np.sign(x), signs) and np.all(np.abs(smooth(x)[~support]) <= l1)
    return x if optimal else None


def subgradient_norm(g: FloatArray, x: FloatArray, l1: float) -> float:
    """Return the distance of 0 to g + l1 * (subdifferential of ||.||_1 at x): zero at a minimiser."""
    off_zero = np.where(x != 0, g + l1 * np.sign(x), soft_threshold(g, l1))
    return float(np.linalg.norm(off_zero))
