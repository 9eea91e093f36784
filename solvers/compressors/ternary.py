"""Ternary dithering: one pass for the norm of a block, one branch-free pass for its coordinates."""

import math

import numpy as np
from numba import njit, uint64

from ...theory.compressors import SCALE_LOW_BITS, Ternary
from ..signatures import OPTIONS
from .reductions import magnitude, rounded, total
from .wire import Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, block, euclidean = x.shape[1], int(params[0]), params[1] != 0.0
    for r in range(x.shape[0]):
        row, row_u, row_out = x[r], u[r], out[r]
        bits[r] = params[2]
        for b in range((dim + block - 1) // block):
            # Unsigned indices into a row vectorise as a slice would, without its cost, which is that of a short block.
            start, stop = uint64(b * block), uint64(min(dim, (b + 1) * block))
            if euclidean:
                norm = math.sqrt(total(row[start:stop], 1))
            else:
                top = 0
                for j in range(start, stop):
                    key = magnitude(row[j])
                    top = key if key > top else top
                norm = np.int64(top).view(np.float64)
            scale = rounded(norm, SCALE_LOW_BITS, row_u[dim + b])
            for j in range(start, stop):
                signed = scale if row[j] > 0.0 else -scale
                # Never -0; written so that a NaN stays one.
                row_out[j] = (0.0 if row_u[j] * norm >= abs(row[j]) else signed) + 0.0


def kernel(comp: Ternary, dim: int) -> Kernel:
    length = 8 * (4 * comp.blocks(dim) + -(-dim // 5))
    return compress, np.array([comp.block_size(dim), comp.norm == "l2", length], dtype=float), 0
