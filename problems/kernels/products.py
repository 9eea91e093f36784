"""The two matrix products of the linear models, compiled once for all kernels that need one."""

import numpy as np
from numba import njit

from .signatures import OPTIONS


@njit(**OPTIONS)
def scores(X, rows, T):
    """Write a_j.x for every point x and every row a_j: T = X rows^T."""
    np.dot(X, rows.T, T)


@njit(**OPTIONS)
def combine(S, rows, G):
    """Write sum_j s_j a_j for every row s of S: G = S rows."""
    np.dot(S, rows, G)
