"""Fair noise of one size: what is added to a coordinate is decided by its coin."""

import numpy as np
from numba import njit

from ...theory.compressors.additive import Additive
from ..signatures import BARE
from .codecs import DenseCodec
from .wire import Kernel


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    dim, size = x.shape[1], params[0]
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        bits[r] = 64.0 * dim
        for j in range(dim):
            to[j] = row[j] + (size if coins[j] < 0.5 else -size) + 0.0


def kernel(comp: Additive, dim: int) -> Kernel:
    comp.check(dim)
    return compress, np.array([comp.size(dim)], dtype=float), 0


CODEC = DenseCodec()
