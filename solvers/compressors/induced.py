"""Induced compressor: the first message, and the second one of what it left."""

import numpy as np
from numba import njit

from ...theory.compressors.induced import Induced
from ..signatures import OPTIONS
from .parts import MessagesCodec, after, as_numbers, compress_part
from .wire import Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim = x.shape[1]
    first, rest, length = np.empty((1, dim)), np.empty((1, dim)), np.empty(1)
    at, coin = after(params, 0, 0)
    for r in range(x.shape[0]):
        to, bit = out[r : r + 1], bits[r : r + 1]
        compress_part(params, 0, x[r : r + 1], u[r], 0, ctx, state[r : r + 1], first, length)
        for j in range(dim):
            rest[0, j] = x[r, j] - first[0, j]
        compress_part(params, at, rest, u[r], coin, ctx, state[r : r + 1], to, bit)
        for j in range(dim):
            to[0, j] = first[0, j] + to[0, j]
        bit[0] += length[0]


def kernel(comp: Induced, dim: int) -> Kernel:
    comp.check(dim)
    return compress, np.array([*as_numbers(comp.first, dim), *as_numbers(comp.second, dim)], dtype=float), 0


CODEC = MessagesCodec()
