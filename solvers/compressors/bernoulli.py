"""Bernoulli: one coin for the whole vector."""

import numpy as np
from numba import njit

from ...theory.compressors import VALUE_LOW_BITS, Bernoulli
from ..signatures import OPTIONS
from .reductions import rounded
from .wire import Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, p, factor = x.shape[1], params[0], params[1]
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        value_coins = coins[1:]
        bits[r] = 8.0
        if coins[0] < p:
            something = 0
            for j in range(dim):
                to[j] = rounded(row[j] * factor, VALUE_LOW_BITS, value_coins[j])
                something |= to[j] != 0.0
            if something:
                bits[r] = params[2]
        else:
            for j in range(dim):
                to[j] = 0.0


def kernel(comp: Bernoulli, dim: int) -> Kernel:
    comp.check(dim)
    p = comp.probability
    return compress, np.array([p, 1 / p, 8 * -(-(1 + 32 * dim) // 8)], dtype=float), 0
