"""Kernels of f(x) = sum_j x_j^2 + 3 sin^2(x_j), the same on every worker."""

import math

from numba import njit

from .signatures import BARE, OPTIONS


@njit(**BARE)
def gradient(worker, X, u, data, G):
    """Write 2 x + 3 sin(2 x) for every row x of X."""
    for r in range(X.shape[0]):
        x, g = X[r], G[r]
        for j in range(x.size):
            g[j] = 2.0 * x[j] + 3.0 * math.sin(2.0 * x[j])


@njit(**OPTIONS)
def value(worker, X, data, F):
    """Write sum_j x_j^2 + 3 sin^2(x_j) for every row x of X."""
    for r in range(X.shape[0]):
        x, total = X[r], 0.0
        for j in range(x.size):
            s = math.sin(x[j])
            total += x[j] * x[j] + 3.0 * s * s
        F[r] = total
