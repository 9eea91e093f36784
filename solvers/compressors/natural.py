"""Natural compression: one branch-free pass over the bits of the doubles."""

import numpy as np
from numba import njit

from ...theory.compressors.natural import Natural
from ..signatures import OPTIONS
from .codecs import ShortenedCodec
from .reductions import power_of_two
from .wire import Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        for j in range(row.size):
            to[j] = power_of_two(row[j], coins[j])
        bits[r] = params[0]


def kernel(comp: Natural, dim: int) -> Kernel:
    comp.check(dim)
    return compress, np.array([8 * -(-comp.entry_bits * dim // 8)], dtype=float), 0


CODEC = ShortenedCodec()
