"""Dynamic quantiser: the ceil(sqrt d) largest entries are selected, then taken one by one until they reach the norm."""

import math

import numpy as np
from numba import njit

from ...common.errors import InputError
from ...theory.compressors import SCALE_LOW_BITS, index_bits
from ...theory.compressors.dynamic import Dynamic
from ..signatures import OPTIONS
from .reductions import length, magnitude, truncated
from .symbols import entropy_of, pattern
from .topk import SHORT, kth_largest
from .wire import Floats, Kernel, Origin, Reader, fixed, indices, packed


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, most, index, head, reach = x.shape[1], int(params[0]), int(params[1]), int(params[2]), params[3]
    keys, counts = np.empty(dim + SHORT, np.int64), np.empty(2048, np.int64)
    candidates = np.empty(most, np.int64)
    for r in range(x.shape[0]):
        row, to = x[r], out[r]
        norm = length(row)
        for j in range(dim):
            to[j] = 0.0
            keys[j] = magnitude(row[j])
        least, ties = kth_largest(keys, dim, most, counts)
        left = 0
        for j in range(dim):
            key = magnitude(row[j])
            if key > least or (key == least and ties > 0):
                candidates[left] = j
                left += 1
            ties -= key == least
        scale = truncated(norm, SCALE_LOW_BITS)
        reached, count = 0.0, 0
        while left > 0 and not reached >= reach * norm:
            best = 0
            for i in range(1, left):
                best = i if magnitude(row[candidates[i]]) > magnitude(row[candidates[best]]) else best
            j = candidates[best]
            left -= 1
            for i in range(best, left):
                candidates[i] = candidates[i + 1]
            reached += abs(row[j])
            to[j] = (scale if row[j] > 0.0 else -scale) + 0.0
            count += to[j] != 0.0
        where = 0 if count == dim else min(count * index, dim)
        bits[r] = 8 * math.ceil((head + where + count) / 8)


def kernel(comp: Dynamic, dim: int) -> Kernel:
    most = comp.most(dim)
    return compress, np.array([most, index_bits(dim), 32 + most.bit_length(), comp.REACH], dtype=float), 0


class DynamicCodec:
    """The norm in 32 bits, how many coordinates, which, their signs."""

    def encode(self, comp: Dynamic, message: Floats, origin: Origin) -> bytes:
        used = np.flatnonzero(message)
        norm = np.abs(message).max(keepdims=True)
        if np.any(np.abs(message[used]) != norm) or used.size > comp.most(message.size):
            raise InputError(f"this vector is not a message of {comp.spec}: two magnitudes, or too many entries")
        return packed(
            fixed(pattern(norm, SCALE_LOW_BITS, comp.spec), 32),
            fixed(np.array([used.size]), comp.most(message.size).bit_length()),
            indices(used, message.size),
            (message[used] < 0).astype(np.uint8),
        )

    def read(self, comp: Dynamic, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        norm = reader.floats(1, SCALE_LOW_BITS)
        count = int(reader.fixed(1, comp.most(dim).bit_length())[0])
        if count > comp.most(dim):
            raise reader.malformed(f"it announces {count} entries, at most {comp.most(dim)} are sent")
        message = np.zeros(dim)
        chosen = reader.indices(count, dim)
        message[chosen] = norm * (1.0 - 2.0 * reader.take(count)) + 0.0
        return message

    def entropy(self, comp: Dynamic, message: Floats, origin: Origin) -> float:
        return 32.0 + entropy_of(np.unique(np.sign(message), return_counts=True)[1])


CODEC = DynamicCodec()
