"""Scaled sign: the mean absolute value of a block, with the coordinate's sign; the sign of zero is plus."""

import numpy as np
from numba import njit

from ...theory.compressors import SCALE_LOW_BITS
from ...theory.compressors.sign import Sign
from ..signatures import BARE
from .codecs import SignCodec
from .reductions import mean_size, truncated
from .wire import Kernel


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    dim, block = x.shape[1], int(params[0])
    for r in range(x.shape[0]):
        row, row_out = x[r], out[r]
        for b in range((dim + block - 1) // block):
            start, stop = b * block, min(dim, (b + 1) * block)
            part, to = row[start:stop], row_out[start:stop]
            scale = truncated(mean_size(part), SCALE_LOW_BITS)
            for j in range(part.size):
                to[j] = (scale if part[j] >= 0.0 else -scale) + 0.0  # a scale of zero gives +0 everywhere
        bits[r] = params[1]


def kernel(comp: Sign, dim: int) -> Kernel:
    length = 8 * (4 * comp.blocks(dim) + -(-dim // 8))
    return compress, np.array([comp.block_size(dim), length], dtype=float), 0


CODEC = SignCodec()
