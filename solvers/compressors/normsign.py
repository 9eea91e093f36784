"""Norm-preserving sign: the root mean square of a block, with the coordinate's sign; the sign of zero is plus."""

import math

from numba import njit

from ...theory.compressors import SCALE_LOW_BITS
from ...theory.compressors.normsign import NormSign
from ..signatures import BARE
from . import sign
from .codecs import SignCodec
from .reductions import length, truncated
from .wire import Kernel


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    dim, block = x.shape[1], int(params[0])
    for r in range(x.shape[0]):
        row, row_out = x[r], out[r]
        for b in range((dim + block - 1) // block):
            start, stop = b * block, min(dim, (b + 1) * block)
            part, to = row[start:stop], row_out[start:stop]
            scale = truncated(length(part) / math.sqrt(part.size), SCALE_LOW_BITS)
            for j in range(part.size):
                to[j] = (scale if part[j] >= 0.0 else -scale) + 0.0
        bits[r] = params[1]


def kernel(comp: NormSign, dim: int) -> Kernel:
    return compress, sign.kernel(comp, dim)[1], 0


CODEC = SignCodec()
