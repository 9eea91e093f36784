"""Dynamic quantiser: the ceil(sqrt d) largest entries are selected, then taken one by one until they reach the norm."""

import math

import numpy as np
from numba import njit

from ...theory.compressors import SCALE_LOW_BITS, Dynamic, index_bits
from ..signatures import OPTIONS
from .reductions import magnitude, total, truncated
from .topk import SHORT, kth_largest
from .wire import Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, most, index, head, reach = x.shape[1], int(params[0]), int(params[1]), int(params[2]), params[3]
    keys, counts = np.empty(dim + SHORT, np.int64), np.empty(2048, np.int64)
    candidates = np.empty(most, np.int64)
    for r in range(x.shape[0]):
        row, to = x[r], out[r]
        norm = math.sqrt(total(row, 1))
        for j in range(dim):
            to[j] = 0.0
            keys[j] = magnitude(row[j])
        least, ties = kth_largest(keys, dim, most, counts)
        left = 0
        for j in range(dim):
            key = magnitude(row[j])
            if key > least or (key == least and ties > 0):
                candidates[left] = j
                left += 1
            ties -= key == least
        scale = truncated(norm, SCALE_LOW_BITS)
        reached, count = 0.0, 0
        while left > 0 and not reached >= reach * norm:
            best = 0
            for i in range(1, left):
                best = i if magnitude(row[candidates[i]]) > magnitude(row[candidates[best]]) else best
            j = candidates[best]
            left -= 1
            for i in range(best, left):
                candidates[i] = candidates[i + 1]
            reached += abs(row[j])
            to[j] = (scale if row[j] > 0.0 else -scale) + 0.0
            count += to[j] != 0.0
        where = 0 if count == dim else min(count * index, dim)
        bits[r] = 8 * math.ceil((head + where + count) / 8)


def kernel(comp: Dynamic, dim: int) -> Kernel:
    most = comp.most(dim)
    return compress, np.array([most, index_bits(dim), 32 + most.bit_length(), comp.REACH], dtype=float), 0
