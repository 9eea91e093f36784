"""Composed compressor: the second one's message of the first one's message."""

import math

import numpy as np
from numba import njit

from ...theory.compressors import Composed, index_bits
from ..signatures import OPTIONS
from .parts import after, packed, run
from .wire import Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, word, index, count_width = x.shape[1], int(params[0]), int(params[1]), int(params[2])
    first = np.empty((1, dim))
    at, coin = after(params, 3, 0)
    for r in range(x.shape[0]):
        run(params, 3, x[r : r + 1], u[r], 0, ctx, state[r : r + 1], first, bits[r : r + 1])
        run(params, at, first, u[r], coin, ctx, state[r : r + 1], out[r : r + 1], bits[r : r + 1])
        if word > 0:
            count = 0
            for j in range(dim):
                count += out[r, j] != 0.0
            where = 0 if count == dim else min(count * index, dim)
            bits[r] = 8 * math.ceil((count_width + where + word * count) / 8)


def kernel(comp: Composed, dim: int) -> Kernel:
    comp.check(dim)
    numbers = [comp.second.entry_bits, index_bits(dim), dim.bit_length()]
    return compress, np.array([*numbers, *packed(comp.first, dim), *packed(comp.second, dim)], dtype=float), 0
