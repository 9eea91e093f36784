"""Repeated compressor: what the messages so far have left is compressed again."""

import numpy as np
from numba import njit

from ...theory.compressors.repeated import Repeated
from ..signatures import OPTIONS
from .parts import MessagesCodec, as_numbers, compress_part
from .wire import Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, times, draws = x.shape[1], int(params[0]), int(params[2])
    rest, message, length = np.empty((1, dim)), np.empty((1, dim)), np.empty(1)
    for r in range(x.shape[0]):
        row, to = x[r], out[r]
        bits[r] = 0.0
        for j in range(dim):
            to[j] = 0.0
        for time in range(times):
            for j in range(dim):
                rest[0, j] = row[j] - to[j]
            compress_part(params, 1, rest, u[r], time * draws, ctx, state[r : r + 1], message, length)
            for j in range(dim):
                to[j] += message[0, j]
            bits[r] += length[0]


def kernel(comp: Repeated, dim: int) -> Kernel:
    comp.check(dim)
    return compress, np.array([comp.times, *as_numbers(comp.of, dim)], dtype=float), 0


CODEC = MessagesCodec()
