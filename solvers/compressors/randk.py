"""Rand-k: k different coordinates by Floyd's method, in O(k) steps after the zeros are written.

Source of the method: Bentley and Floyd 1987, Programming Pearls, Communications of the ACM 30(9).
"""

import numpy as np
from numba import njit

from ...theory.compressors import VALUE_LOW_BITS
from ...theory.compressors.randk import RandK
from ..signatures import OPTIONS, context
from .codecs import EntriesCodec, needed
from .reductions import drawn, rounded, truncated
from .wire import Floats, Ints, Kernel, index_length


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, k, factor, scaled = x.shape[1], int(params[0]), params[1], params[2] != 0.0
    chosen = np.empty(k, np.int64)
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        for j in range(dim):
            to[j] = 0.0
        for i in range(k):
            last = dim - k + i
            j = drawn(last + 1, coins[2 * i], coins[2 * i + 1])
            j = last if to[j] != 0.0 else j
            to[j] = 1.0
            chosen[i] = j
        for i in range(k):
            j = chosen[i]
            if scaled:
                to[j] = rounded(row[j] * factor, VALUE_LOW_BITS, coins[2 * k + i])
            else:
                to[j] = truncated(row[j], VALUE_LOW_BITS)
        bits[r] = params[3]


@njit(**OPTIONS)
def select(x, u, ctx, params, state, places, values, bits):
    dim, k, factor, scaled = x.shape[1], int(params[0]), params[1], params[2] != 0.0
    row, coins = x[0], u[0]
    taken = np.zeros(dim, np.bool_)
    for i in range(k):
        last = dim - k + i
        j = drawn(last + 1, coins[2 * i], coins[2 * i + 1])
        j = last if taken[j] else j
        taken[j] = True
        places[i] = j
        if scaled:
            values[i] = rounded(row[j] * factor, VALUE_LOW_BITS, coins[2 * k + i])
        else:
            values[i] = truncated(row[j], VALUE_LOW_BITS)
    bits[0] = params[3]
    return k


def kernel(comp: RandK, dim: int) -> Kernel:
    k = comp.kept(dim)
    where = 0 if comp.shared_coins else index_length(k, dim)
    return compress, np.array([k, dim / k, comp.scaled, 8 * -(-(32 * k + where) // 8)], dtype=float), 0


def positions(coins: Floats, dim: int, k: int) -> Ints:
    """Coordinates, in order, that a message with these uniforms carries."""
    out, bits, none = np.empty((1, dim)), np.empty(1), np.zeros((1, 0))
    row = np.ascontiguousarray(coins).reshape(1, -1)
    compress(np.ones((1, dim)), row, context(), np.array([k, 1.0, 0.0, 0.0]), none, out, bits)
    return np.flatnonzero(out)


class RandKCodec(EntriesCodec):
    """Which k coordinates, unless the seed is shared, then their values in 32 bits."""

    def chosen(self, comp: RandK, used: Ints, dim: int, coins: Floats | None) -> Ints:  # type: ignore[override]
        if not comp.shared_coins:
            return super().chosen(comp, used, dim, coins)
        return positions(needed(comp, coins, dim), dim, comp.kept(dim))


CODEC = RandKCodec()
