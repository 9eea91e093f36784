"""Ternary dithering: one pass for the norm of a block, one branch-free pass for its coordinates."""

import math

import numpy as np
from numba import njit

from ...theory.compressors import SCALE_LOW_BITS, Ternary
from ..signatures import COMPRESS, OPTIONS
from .reductions import largest, rounded, total
from .wire import Kernel


@njit(COMPRESS, **OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, block, euclidean = x.shape[1], int(params[0]), params[1] != 0.0
    for r in range(x.shape[0]):
        row, row_u, row_out = x[r], u[r], out[r]
        scales_u = row_u[dim:]
        for b in range((dim + block - 1) // block):
            start, stop = b * block, min(dim, (b + 1) * block)
            part, coins, to = row[start:stop], row_u[start:stop], row_out[start:stop]
            norm = math.sqrt(total(part, 1)) if euclidean else largest(part)
            scale, nothing = rounded(norm, SCALE_LOW_BITS, scales_u[b]), 0.0 * norm  # NaN if x has diverged
            for j in range(part.size):
                signed = scale if part[j] > 0.0 else -scale
                to[j] = (signed if coins[j] * norm < abs(part[j]) else nothing) + 0.0  # never -0
        bits[r] = params[2]


def kernel(comp: Ternary, dim: int) -> Kernel:
    length = 8 * (4 * comp.blocks(dim) + -(-dim // 5))
    return compress, np.array([comp.block_size(dim), comp.norm == "l2", length], dtype=float), 0
