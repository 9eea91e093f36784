"""Multilevel top-k: the coordinates sorted by size, the norm of every k of them, and one level by two uniforms."""

import numpy as np
from numba import njit

from ...theory.compressors import VALUE_LOW_BITS
from ...theory.compressors.multilevel import Multilevel
from ..signatures import OPTIONS
from .codecs import EntriesCodec
from .reductions import largest, length, magnitude, rounded, spoil
from .wire import Kernel, index_length


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, k = x.shape[1], int(params[0])
    levels = (dim + k - 1) // k
    keys, norms, part = np.empty(dim, np.int64), np.empty(levels), np.empty(k)
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        bits[r] = params[1]
        if not largest(row) < np.inf:
            spoil(to)
            continue
        for j in range(dim):
            keys[j] = -magnitude(row[j])
            to[j] = 0.0
        order = np.argsort(keys, kind="mergesort")
        for level in range(levels):
            size = min(k, dim - level * k)
            for i in range(size):
                part[i] = row[order[level * k + i]]
            norms[level] = length(part[:size])
        # The norms fall; taken relative to the first, their sum is a double.
        top, total = norms[0], 0.0
        if top == 0.0:
            continue
        for level in range(levels):
            norms[level] /= top
            total += norms[level]
        # Two uniforms make one that is fine enough for levels of next to no probability.
        left = (coins[0] + (coins[1] - 0.5) * 2.0**-32) * total
        chosen = 0
        while chosen + 1 < levels and left >= norms[chosen] and norms[chosen + 1] > 2.0**-64 * total:
            left -= norms[chosen]
            chosen += 1
        factor = total / norms[chosen]
        for i in range(min(k, dim - chosen * k)):
            j = order[chosen * k + i]
            to[j] = rounded(row[j] * factor, VALUE_LOW_BITS, coins[2 + i])


def kernel(comp: Multilevel, dim: int) -> Kernel:
    k = comp.kept(dim)
    return compress, np.array([k, 8 * -(-(32 * k + index_length(k, dim)) // 8)], dtype=float), 0


CODEC = EntriesCodec()
