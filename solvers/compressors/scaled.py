"""Scaled compressor: the part's message times lambda."""

import numpy as np
from numba import njit

from ...theory.compressors.scaled import Scaled
from ..signatures import BARE
from .parts import MessagesCodec, as_numbers, compress_part
from .wire import Kernel


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    factor = params[0]
    for r in range(x.shape[0]):
        compress_part(params, 1, x[r : r + 1], u[r], 0, ctx, state[r : r + 1], out[r : r + 1], bits[r : r + 1])
        to = out[r]
        for j in range(to.size):
            to[j] *= factor


def kernel(comp: Scaled, dim: int) -> Kernel:
    return compress, np.array([comp.factor(dim), *as_numbers(comp.of, dim)], dtype=float), 0


CODEC = MessagesCodec()
