"""Natural dithering: one pass for the norm of a block, one branch-free pass for its coordinates."""

import math

import numpy as np
from numba import njit

from ...theory.compressors import SCALE_LOW_BITS, NaturalDithering
from ..signatures import OPTIONS
from .reductions import largest, power_of_two, rounded, total
from .wire import Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, block, kind, lowest = x.shape[1], int(params[0]), params[1], params[2]
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        scale_coins = coins[dim:]
        for b in range((dim + block - 1) // block):
            start, stop = b * block, min(dim, (b + 1) * block)
            part, part_coins, part_out = row[start:stop], coins[start:stop], to[start:stop]
            norm = largest(part) if kind == 0.0 else total(part, kind == 2.0)
            norm = math.sqrt(norm) if kind == 2.0 else norm
            scale = rounded(norm, SCALE_LOW_BITS, scale_coins[b])
            divisor = norm if norm != 0.0 else 1.0
            for j in range(part.size):
                y = abs(part[j]) / divisor
                y = 1.0 if y > 1.0 else y
                low = lowest if part_coins[j] * lowest < y else 0.0
                level = low if y < lowest else power_of_two(y, part_coins[j])
                part_out[j] = (scale * level if part[j] > 0.0 else -scale * level) + 0.0
        bits[r] = params[3]


def kernel(comp: NaturalDithering, dim: int) -> Kernel:
    length = 8 * -(-(32 * comp.blocks(dim) + dim * (1 + comp.levels.bit_length())) // 8)
    kind = {"l1": 1, "l2": 2, "linf": 0}[comp.norm]
    return compress, np.array([comp.block_size(dim), kind, 2.0 ** (1 - comp.levels), length], dtype=float), 0
