"""Kernels of f_i(x) = ||x - s_i||_1; ``data = (s (n, d), ...)``."""

from numba import njit

from .signatures import BARE, OPTIONS


@njit(**BARE)
def gradient(worker, X, u, data, G):
    """Write sign(x - s_i) for every row x of X; NaN passes through."""
    s = data[0][worker]
    for r in range(X.shape[0]):
        x, g = X[r], G[r]
        for j in range(x.size):
            z = x[j] - s[j]
            g[j] = 1.0 if z > 0.0 else -1.0 if z < 0.0 else z


@njit(**OPTIONS)
def value(worker, X, data, F):
    """Write sum_j |x_j - s_ij| for every row x of X."""
    s = data[0][worker]
    for r in range(X.shape[0]):
        x, total = X[r], 0.0
        for j in range(x.size):
            total += abs(x[j] - s[j])
        F[r] = total
