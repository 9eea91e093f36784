"""Hard threshold: entries above the level as full doubles."""

import numpy as np
from numba import njit

from ...theory.compressors import Threshold, index_bits
from ..signatures import OPTIONS
from .wire import Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, level, index, count_width = x.shape[1], params[0], int(params[1]), int(params[2])
    for r in range(x.shape[0]):
        row, to = x[r], out[r]
        kept = 0
        for j in range(dim):
            above = not abs(row[j]) <= level  # keeps a NaN
            to[j] = row[j] if above else 0.0
            kept += above
        where = 0 if kept == dim else (kept * index if kept * index < dim else dim)
        bits[r] = 8 * ((count_width + where + 64 * kept + 7) // 8)


def kernel(comp: Threshold, dim: int) -> Kernel:
    comp.check(dim)
    return compress, np.array([comp.level, index_bits(dim), dim.bit_length()], dtype=float), 0
