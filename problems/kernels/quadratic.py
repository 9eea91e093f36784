"""Kernels of f_i(x) = (1/2)(x - s_i)^T H_i (x - s_i): H_i diagonal (a vector loop) or dense (a product).

``data = (Hessians, minimisers s (n d,), index (n,), offsets, parameters)``; index[i] is the row of the
Hessians where worker i's begins: one row of a (k, d) matrix of diagonals, or d rows of a (k d, d) matrix.
"""

import numpy as np
from numba import njit

from .products import combine
from .signatures import BARE, OPTIONS


@njit(**BARE)
def diagonal_gradient(worker, X, u, data, G):
    """Write h_i * (x - s_i) for every row x of X."""
    matrix, minimisers, index = data[0], data[1], data[2]
    d = X.shape[1]
    h = matrix[index[worker]]
    s = minimisers[worker * d : (worker + 1) * d]
    for r in range(X.shape[0]):
        x, g = X[r], G[r]
        for j in range(d):
            g[j] = h[j] * (x[j] - s[j])


@njit(**BARE)
def add_diagonal_gradient(worker, X, first, last, data, G):
    """Add h_i * (x - s_i) to every row of G, from coordinate `first` on, before `last`."""
    matrix, minimisers, index = data[0], data[1], data[2]
    d = X.shape[1]
    h = matrix[index[worker], first:last]
    s = minimisers[worker * d + first : worker * d + last]
    for r in range(X.shape[0]):
        x, g = X[r, first:last], G[r, first:last]
        for j in range(s.size):
            g[j] += h[j] * (x[j] - s[j])


@njit(**BARE)
def diagonal_value(worker, X, data, F):
    """Write (1/2) sum_j h_ij (x_j - s_ij)^2 for every row x of X."""
    matrix, minimisers, index = data[0], data[1], data[2]
    d = X.shape[1]
    h = matrix[index[worker]]
    s = minimisers[worker * d : (worker + 1) * d]
    for r in range(X.shape[0]):
        x, total = X[r], 0.0
        for j in range(d):
            total += h[j] * (x[j] - s[j]) * (x[j] - s[j])
        F[r] = 0.5 * total


@njit(**OPTIONS)
def dense_gradient(worker, X, u, data, G):
    """Write (x - s_i) H_i for every row x of X."""
    matrix, minimisers, index = data[0], data[1], data[2]
    d = X.shape[1]
    s = minimisers[worker * d : (worker + 1) * d]
    Y = np.empty((X.shape[0], d))
    for r in range(X.shape[0]):
        x, y = X[r], Y[r]
        for j in range(d):
            y[j] = x[j] - s[j]
    combine(Y, matrix[index[worker] : index[worker] + d], G)


@njit(**OPTIONS)
def dense_value(worker, X, data, F):
    """Write (1/2)(x - s_i)^T H_i (x - s_i) for every row x of X."""
    minimisers = data[1]
    d = X.shape[1]
    s = minimisers[worker * d : (worker + 1) * d]
    G = np.empty((X.shape[0], d))
    dense_gradient(worker, X, X, data, G)
    for r in range(X.shape[0]):
        x, g, total = X[r], G[r], 0.0
        for j in range(d):
            total += g[j] * (x[j] - s[j])
        F[r] = 0.5 * total
