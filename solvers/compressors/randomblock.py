"""Random block: the coordinates between two borders, as they are or scaled by the number of blocks."""

import numpy as np
from numba import njit

from ...theory.compressors import VALUE_LOW_BITS, RandomBlock, index_bits
from ..signatures import OPTIONS
from .reductions import drawn, rounded, truncated
from .wire import Floats, Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, blocks, scaled = x.shape[1], int(params[0]), params[1] != 0.0
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        b = drawn(blocks, coins[0], coins[1])
        start, stop = b * dim // blocks, (b + 1) * dim // blocks
        for j in range(dim):
            to[j] = 0.0
        for j in range(start, stop):
            if scaled:
                to[j] = rounded(row[j] * blocks, VALUE_LOW_BITS, coins[2 + j - start])
            else:
                to[j] = truncated(row[j], VALUE_LOW_BITS)
        bits[r] = params[2]


def kernel(comp: RandomBlock, dim: int) -> Kernel:
    where = 0 if comp.shared_coins else index_bits(comp.blocks)
    length = 8 * -(-(where + 32 * comp.longest(dim)) // 8)
    return compress, np.array([comp.blocks, comp.scaled, length], dtype=float), 0


def block(coins: Floats, blocks: int) -> int:
    """The block that a message with these uniforms carries."""
    return drawn(blocks, coins[0], coins[1])
