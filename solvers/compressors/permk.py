"""Perm-k: a worker takes its places of a permutation that is drawn from the front, as far as it has to be."""

import numpy as np
from numba import njit, types

from ...theory.compressors import VALUE_LOW_BITS, PermK, index_bits
from ..signatures import INTS, OPTIONS, VECTOR
from .reductions import drawn, rounded
from .wire import Floats, Ints, Kernel

i8 = types.int64


@njit(types.void(VECTOR, i8, INTS), **OPTIONS)
def deal(coins, count, order):
    """Fisher and Yates: the first `count` places of a random permutation of 0, ..., order.size - 1."""
    places = order.size
    for i in range(places):
        order[i] = i
    for i in range(count):
        j = i + drawn(places - i, coins[2 * i], coins[2 * i + 1])
        order[i], order[j] = order[j], order[i]


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, n, k = x.shape[1], int(params[0]), int(params[1])
    first = ctx[1] % n * k
    order = np.empty(n * k, np.int64)
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        value_coins = coins[2 * n * k :]
        deal(coins, first + k, order)
        for j in range(dim):
            to[j] = 0.0
        for i in range(k):
            j = order[first + i]
            if j < dim:
                to[j] = rounded(row[j] * n, VALUE_LOW_BITS, value_coins[i])
        bits[r] = params[2]


def kernel(comp: PermK, dim: int) -> Kernel:
    n, k = comp.workers, comp.dealt(dim)
    return compress, np.array([n, k, 8 * -(-(index_bits(n) + 32 * k) // 8)], dtype=float), 0


def places(coins: Floats, n: int, k: int) -> Ints:
    """Coordinates of every worker, (n, k); those beyond the last one are zeros that were filled in."""
    order = np.empty(n * k, np.int64)
    deal(np.ascontiguousarray(coins), n * k, order)
    return order.reshape(n, k)
