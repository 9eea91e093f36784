"""Sums, maxima and 32-bit rounding shared by the compressors' kernels; the order of summation is fixed."""

import math

import numpy as np
from numba import njit, types

from ..signatures import BARE, INNER

f8, i8 = types.float64, types.int64

MAGNITUDE = 0x7FFFFFFFFFFFFFFF
"""All bits of a double but its sign."""
CHUNK = 64
"""Entries that `sift` passes over at once."""
FRACTION = 0x000FFFFFFFFFFFFF
"""The fraction of a double."""


@njit(**INNER)
def magnitude(value):
    """Bits of |value|: as integers they are ordered as the numbers are, with NaN above all."""
    return np.float64(value).view(np.int64) & MAGNITUDE


@njit(**INNER)
def sift(x, first, last, least, places, left):
    """Write those of the places first, ..., last - 1 of x whose magnitude is not below `least` behind the first `left`.

    Returns how many there are then.
    """
    for start in range(first, last, CHUNK):
        part = x[start : min(start + CHUNK, last)]
        found = 0
        for j in range(part.size):
            found += magnitude(part[j]) >= least
        if found > 0:
            for j in range(part.size):
                places[left] = start + j
                left += magnitude(part[j]) >= least
    return left


@njit(**INNER)
def largest(x):
    """Largest absolute value; integer comparisons vectorise, and keep a NaN."""
    top = 0
    for j in range(x.size):
        key = magnitude(x[j])
        top = key if key > top else top
    return np.int64(top).view(np.float64)


@njit(**INNER)
def total(x, squares):
    """Sum of |x_j|, or of x_j^2 if `squares`, in eight interleaved partial sums."""
    s0, s1, s2, s3, s4, s5, s6, s7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    eights = x.size // 8
    if squares:
        for i in range(eights):
            j = 8 * i
            s0 += x[j] * x[j]
            s1 += x[j + 1] * x[j + 1]
            s2 += x[j + 2] * x[j + 2]
            s3 += x[j + 3] * x[j + 3]
            s4 += x[j + 4] * x[j + 4]
            s5 += x[j + 5] * x[j + 5]
            s6 += x[j + 6] * x[j + 6]
            s7 += x[j + 7] * x[j + 7]
        for j in range(8 * eights, x.size):
            s0 += x[j] * x[j]
    else:
        for i in range(eights):
            j = 8 * i
            s0 += abs(x[j])
            s1 += abs(x[j + 1])
            s2 += abs(x[j + 2])
            s3 += abs(x[j + 3])
            s4 += abs(x[j + 4])
            s5 += abs(x[j + 5])
            s6 += abs(x[j + 6])
            s7 += abs(x[j + 7])
        for j in range(8 * eights, x.size):
            s0 += abs(x[j])
    return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))


@njit(**INNER)
def dot(x, y):
    """Sum of x_j y_j in four interleaved partial sums."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    fours = x.size // 4
    for i in range(fours):
        j = 4 * i
        s0 += x[j] * y[j]
        s1 += x[j + 1] * y[j + 1]
        s2 += x[j + 2] * y[j + 2]
        s3 += x[j + 3] * y[j + 3]
    for j in range(4 * fours, x.size):
        s0 += x[j] * y[j]
    return (s0 + s2) + (s1 + s3)


@njit(**INNER)
def length(x):
    """The Euclidean norm, right over the whole range of doubles; inf or NaN where an entry is or where it is too long.

    Where the sum of squares overflows, or is so small that squares may have vanished, the entries are brought to the
    middle of the range by a power of two, which changes no digit.
    """
    square = total(x, 1)
    if 2.0**-900 < square < np.inf:
        return math.sqrt(square)
    top = largest(x)
    if top == 0.0 or not top < np.inf:
        return top
    factor = 2.0**-700 if top > 1.0 else 2.0**700
    square = 0.0
    for j in range(x.size):
        square += (x[j] * factor) * (x[j] * factor)
    return math.sqrt(square) / factor


@njit(**INNER)
def mean_size(x):
    """The mean absolute value, also where the sum overflows."""
    mean = total(x, 0) / x.size
    if mean < np.inf or not largest(x) < np.inf:
        return mean
    mean = 0.0
    for j in range(x.size):
        mean += abs(x[j]) * 2.0**-64
    return mean / x.size * 2.0**64


@njit(**INNER)
def spoil(x):
    """Fill a block with NaN: an entry or the norm is not finite, and no message may hide that."""
    for j in range(x.size):
        x[j] = np.nan


@njit(**INNER)
def truncated(value, low_bits):
    """Round towards zero by clearing the lowest bits; never -0."""
    bits = np.float64(value).view(np.int64) & -(1 << low_bits)
    return np.int64(bits).view(np.float64) + 0.0


@njit(**INNER)
def rounded(value, low_bits, u):
    """Round at random without bias to a double whose lowest bits are clear; never -0.

    Within a binade a double is linear in its bits, so adding a uniform integer below 2^low_bits before
    clearing the bits rounds away from zero with exactly the right probability.
    """
    bits = np.float64(value).view(np.int64) + np.int64(u * (1 << low_bits))
    return np.int64(bits & -(1 << low_bits)).view(np.float64) + 0.0


@njit(**BARE)
def drawn(choices, high, low):
    """One of 0, ..., choices - 1: two uniforms make 64 random bits; their product with the range, shifted down."""
    return (int(high * 4294967296.0) * choices + ((int(low * 4294967296.0) * choices) >> 32)) >> 32


@njit(**INNER)
def power_of_two(value, u):
    """Round at random without bias to one of the two powers of two around a number; never -0; a NaN stays one.

    As `rounded` with all 52 bits of the fraction, the random ones read off the fraction of 1 + u, which vectorises.
    """
    bits = np.float64(value).view(np.int64) + (np.float64(1.0 + u).view(np.int64) & FRACTION)
    return (np.int64(bits & ~FRACTION).view(np.float64) if value == value else value) + 0.0
