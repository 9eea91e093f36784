"""QSGD dithering: a vectorised pass for the levels, a sparse one for the length of their Elias code."""

import math

import numpy as np
from numba import njit, types

from ...theory.compressors import QSGD, SCALE_LOW_BITS
from ..signatures import INNER, OPTIONS, VECTOR
from .reductions import largest, rounded, total
from .wire import Kernel, omega

f8, i8 = types.float64, types.int64
CHUNK, TABLE = 1024, 256


@njit(f8(i8, VECTOR), **INNER)
def omega_length(number, lengths):
    """Length of the Elias omega code word of an integer >= 1; `lengths` holds those below TABLE."""
    length = 0.0
    while number >= TABLE:
        size = 0
        while number >> size:
            size += 1
        length += size
        number = size - 1
    return length + lengths[number]


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, block, euclidean, s = x.shape[1], int(params[0]), params[1] != 0.0, params[2]
    head, plain, lengths = params[3], params[4], params[5:]
    level, used = np.empty(CHUNK), np.empty(CHUNK, np.int64)
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        scale_coins = coins[dim:]
        elias, previous, entries = 0.0, -1, 0
        for b in range((dim + block - 1) // block):
            first, stop = b * block, min(dim, (b + 1) * block)
            norm = math.sqrt(total(row[first:stop], 1)) if euclidean else largest(row[first:stop])
            step = rounded(norm / s, SCALE_LOW_BITS, scale_coins[b])
            stretch = s / norm if step > 0.0 else s * norm  # a zero block gives zero levels, a NaN stays one
            divisor, level_bits = 0, 0.0
            for start in range(first, stop, CHUNK):
                end = min(stop, start + CHUNK)
                part, part_coins, part_out = row[start:end], coins[start:end], to[start:end]
                for j in range(part.size):
                    exact = abs(part[j]) * stretch
                    low = math.floor(exact)
                    high = low + 1.0 if part_coins[j] < exact - low else low
                    high = s if high > s else high
                    level[j] = high
                    part_out[j] = (step * high if part[j] > 0.0 else -step * high) + 0.0
                count = 0
                for j in range(part.size):
                    used[count] = j
                    count += level[j] > 0.0
                for i in range(count):
                    j, number = used[i], int(level[used[i]])
                    elias += omega_length(start + j - previous, lengths)
                    level_bits += omega_length(number, lengths)
                    previous = start + j
                    while divisor != 1 and number != 0:
                        divisor, number = number, divisor % number
                entries += count
            if divisor > 1:
                level_bits = 0.0
                for j in range(first, stop):
                    number = int(abs(to[j]) / step) // divisor
                    level_bits += omega_length(number, lengths) if number > 0 else 0.0
            elias += level_bits
        elias += entries + omega_length(entries + 1, lengths)
        bits[r] = 8 * math.ceil((head + min(elias, plain)) / 8)


def kernel(comp: QSGD, dim: int) -> Kernel:
    s = comp.levels
    head = 1 + comp.blocks(dim) * (63 - SCALE_LOW_BITS + (s - 1).bit_length())
    lengths = np.concatenate([[0], omega(np.arange(1, TABLE))[1]])
    numbers = [comp.block_size(dim), comp.norm == "l2", s, head, dim * (1 + s.bit_length()), *lengths]
    return compress, np.array(numbers, dtype=float), 0
