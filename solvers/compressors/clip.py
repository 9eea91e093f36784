"""Mantissa clipping: one pass over the bits of the doubles."""

import numpy as np
from numba import njit

from ...theory.compressors.clip import Clip
from ..signatures import BARE
from .codecs import ShortenedCodec
from .reductions import truncated
from .wire import Kernel


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    low_bits = int(params[0])
    for r in range(x.shape[0]):
        row, to = x[r], out[r]
        for j in range(row.size):
            to[j] = truncated(row[j], low_bits)
        bits[r] = params[1]


def kernel(comp: Clip, dim: int) -> Kernel:
    comp.check(dim)
    return compress, np.array([52 - comp.bits, 8 * -(-(12 + comp.bits) * dim // 8)], dtype=float), 0


CODEC = ShortenedCodec()
