"""Top-k by radix selection on the bits of the magnitudes: exact, O(d), ties to the lowest index.

A long vector is first thinned out: a floor estimated from a sample of its entries leaves a few more than k
candidates. If it leaves fewer (a vector whose order matches the sample's stride), every entry is a candidate.
"""

import math

import numpy as np
from numba import njit, types

from ...theory.compressors import VALUE_LOW_BITS
from ...theory.compressors.topk import TopK
from ..signatures import INNER, OPTIONS
from .codecs import EntriesCodec
from .reductions import CHUNK, MAGNITUDE, magnitude, sift, truncated
from .wire import Kernel, index_length

i8 = types.int64
LONG, STRIDE, SHORT = 16384, 128, 32
#: Of a longer vector `select` does not look at more entries than this many to estimate the floor.
SAMPLED = 16384


@njit(**INNER)
def kth_largest(keys, left, need, counts):
    """The need-th largest of the first `left` keys, and how many equal to it are among the need largest.

    Spoils `keys`, which has room for at least SHORT. Of no keys the largest is above all.
    """
    if left == 0:
        return MAGNITUDE, 0
    while True:
        if left <= SHORT:
            for i in range(left, SHORT):
                keys[i] = -1
            for i in range(left):
                greater, equal = 0, 0
                for j in range(SHORT):
                    greater += keys[j] > keys[i]
                    equal += keys[j] == keys[i]
                if greater < need <= greater + equal:
                    return keys[i], need - greater
        low, high = MAGNITUDE, 0
        for i in range(left):
            low = keys[i] if keys[i] < low else low
            high = keys[i] if keys[i] > high else high
        if low == high:
            return low, need
        bins = 64 if left < 1024 else 2048
        shift = 0
        while (high - low) >> shift >= bins:
            shift += 1
        for i in range(bins):
            counts[i] = 0
        for i in range(left):
            counts[(keys[i] - low) >> shift] += 1
        digit = bins - 1
        while counts[digit] < need:
            need -= counts[digit]
            digit -= 1
        inside = 0
        for i in range(left):
            key = keys[i]
            keys[inside] = key
            inside += (key - low) >> shift == digit
        left = inside


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, k, sampled, margin = x.shape[1], int(params[0]), int(params[2]), int(params[3])
    candidates, keys = np.empty(dim, np.int64), np.empty(dim + SHORT, np.int64)
    counts = np.empty(2048, np.int64)
    for r in range(x.shape[0]):
        row, to = x[r], out[r]
        bits[r] = params[1]
        for i in range(sampled):
            keys[i] = magnitude(row[i * STRIDE])
        left, need, thinning = sampled, margin, sampled > 0
        while True:
            if not thinning:
                if left < k:
                    left = dim
                    for j in range(dim):
                        to[j] = 0.0
                        candidates[j] = j
                for i in range(left):
                    keys[i] = magnitude(row[candidates[i]])
                need = k
            least, ties = kth_largest(keys, left, need, counts)
            if not thinning:
                break
            thinning = False
            left = 0
            for start in range(0, dim, CHUNK):
                part, part_out = row[start : start + CHUNK], to[start : start + CHUNK]
                found = 0
                for j in range(part.size):
                    part_out[j] = 0.0
                    found += magnitude(part[j]) >= least
                if found > 0:
                    for j in range(part.size):
                        candidates[left] = start + j
                        left += magnitude(part[j]) >= least
        for i in range(left):
            j = candidates[i]
            key = magnitude(row[j])
            if key > least or (key == least and ties > 0):
                to[j] = truncated(row[j], VALUE_LOW_BITS)
            ties -= key == least


@njit(**OPTIONS, no_cpython_wrapper=True)
def floor(row, k, counts):
    """A magnitude that about k of the entries, and most likely at least k, are not below; 0 of a short vector."""
    if row.size < LONG:
        return 0
    stride = max(STRIDE, row.size // SAMPLED)
    sampled = row.size // stride
    keys = np.empty(sampled + SHORT, np.int64)
    for i in range(sampled):
        keys[i] = magnitude(row[i * stride])
    expected = k / stride
    margin = int(expected + 4.0 * math.sqrt(expected) + 8.0)
    return kth_largest(keys, sampled, margin, counts)[0] if margin < sampled else 0


@njit(**OPTIONS, no_cpython_wrapper=True)
def largest_of(row, k, left, places, values, counts):
    """Write which of the entries at the first `left` >= k places, in order, are the k largest, and their values."""
    keys = np.empty(left + SHORT, np.int64)
    for i in range(left):
        keys[i] = magnitude(row[places[i]])
    least, ties = kth_largest(keys, left, k, counts)
    count = 0
    for i in range(left):
        j = places[i]
        key = magnitude(row[j])
        if key > least or (key == least and ties > 0):
            places[count] = j
            values[count] = truncated(row[j], VALUE_LOW_BITS)
            count += 1
        ties -= key == least
    return count


@njit(**OPTIONS)
def select(x, u, ctx, params, state, places, values, bits):
    row, dim, k = x[0], x.shape[1], int(params[0])
    counts = np.empty(2048, np.int64)
    bits[0] = params[1]
    left = sift(row, 0, dim, floor(row, k, counts), places, 0)
    if left < k:
        left = dim
        for j in range(dim):
            places[j] = j
    return largest_of(row, k, left, places, values, counts)


@njit(**OPTIONS)
def among(x, u, ctx, params, state, left, places, values, bits):
    k = int(params[0])
    if left < k:
        return -1
    bits[0] = params[1]
    return largest_of(x[0], k, left, places, values, np.empty(2048, np.int64))


def kernel(comp: TopK, dim: int) -> Kernel:
    k = comp.kept(dim)
    length = 8 * -(-(32 * k + index_length(k, dim)) // 8)
    sampled = dim // STRIDE if dim >= LONG else 0
    expected = k / STRIDE
    margin = min(sampled, int(expected + 4 * math.sqrt(expected) + 8))
    return compress, np.array([k, length, sampled, margin], dtype=float), 0


CODEC = EntriesCodec()
