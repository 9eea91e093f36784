"""The sparsifier of least variance: lambda by Newton's method, exact after finitely many passes over what is left."""

import math

import numpy as np
from numba import njit, types

from ...theory.compressors import SCALE_LOW_BITS, VALUE_LOW_BITS, index_bits
from ...theory.compressors.sparsifier import Sparsifier
from ..signatures import INNER, OPTIONS
from .codecs import WholeEntries
from .reductions import largest, rounded, spoil, total
from .symbols import entropy_of, pattern
from .wire import Floats, Kernel, Origin, Reader, fixed, indices, packed

f8, i8 = types.float64, types.int64


@njit(**INNER)
def threshold(sizes, left, k):
    """The lambda for which the first `left` > k sizes have sum min(1, size/lambda) = k. Spoils `sizes`.

    If the sum overflows, lambda is found for sizes that are smaller by a power of two.
    """
    if total(sizes[:left], 0) == np.inf:
        for i in range(left):
            sizes[i] *= 2.0**-64
        return threshold_in_range(sizes, left, k) * 2.0**64
    return threshold_in_range(sizes, left, k)


@njit(**INNER)
def threshold_in_range(sizes, left, k):
    """The lambda of sizes whose sum is a double."""
    while True:
        lam = total(sizes[:left], 0) / k
        inside = 0
        for i in range(left):
            size = sizes[i]
            sizes[inside] = size
            inside += size < lam
        k -= left - inside
        if inside == left or inside == 0 or k <= 0:
            return lam
        left = inside


@njit(**INNER)
def is_odd(value):
    """Whether a scale needs its last bit, for which a signed value has no room."""
    return (np.float64(value).view(np.int64) >> SCALE_LOW_BITS) & 1


@njit(**INNER)
def level(row, sizes, k):
    """The lambda of a row; 0 where all its entries may be sent. Spoils `sizes` (d + 1,).

    It is inf where an entry is no finite number, and where it is larger than every double.
    """
    if not largest(row) < np.inf:
        return np.inf
    left = 0
    for j in range(row.size):
        sizes[left] = abs(row[j])
        left += sizes[left] != 0.0
    return threshold(sizes, left, k) if left > k else 0.0


@njit(**INNER)
def sent_once(rare, scale, least):
    """The magnitude sent once: a value may be rounded below lambda, which is sent if it needs its last bit."""
    return scale if rare > 0 and is_odd(scale) else least


@njit(**INNER)
def message_bits(values, count, once, dim, params):
    """The length of a message with `count` entries that are not zero, among `values`."""
    length = params[2]
    if count > 0:
        short = 0
        for i in range(values.size):
            short += abs(values[i]) == once
        where = 0 if count == dim else min(count * int(params[1]), dim)
        length += where + 32 + count + short + 32 * (count - short)
    return 8.0 * math.ceil(length / 8)


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, k = x.shape[1], int(params[0])
    sizes = np.empty(dim + 1)
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        lam = level(row, sizes, k)
        if not lam < np.inf:
            spoil(to)
            bits[r] = 64.0 * dim
            continue
        scale = rounded(lam, SCALE_LOW_BITS, coins[dim])
        count, least, rare = 0, np.inf, 0
        for j in range(dim):
            size = abs(row[j])
            if size < lam:
                signed = scale if row[j] > 0.0 else -scale
                to[j] = (signed if coins[j] * lam < size else 0.0) + 0.0
                rare += to[j] != 0.0
            else:
                to[j] = rounded(row[j], VALUE_LOW_BITS, coins[j])
            sent = to[j] != 0.0
            count += sent
            least = abs(to[j]) if sent and abs(to[j]) < least else least
        bits[r] = message_bits(to, count, sent_once(rare, scale, least), dim, params)


@njit(**OPTIONS)
def select(x, u, ctx, params, state, places, values, bits):
    row, coins, dim, k = x[0], u[0], x.shape[1], int(params[0])
    sizes = np.empty(dim + 1)
    lam = level(row, sizes, k)
    if not lam < np.inf:
        for j in range(dim):
            places[j] = j
        spoil(values)
        bits[0] = 64.0 * dim
        return dim
    scale = rounded(lam, SCALE_LOW_BITS, coins[dim])
    count, least, rare = 0, np.inf, 0
    for j in range(dim):
        size = abs(row[j])
        if size < lam and coins[j] * lam >= size:
            continue
        value = rounded(row[j], VALUE_LOW_BITS, coins[j])
        if size < lam:
            value = scale if row[j] > 0.0 else -scale
        if value != 0.0:
            places[count], values[count] = j, value
            count += 1
            rare += size < lam
            least = abs(value) if abs(value) < least else least
    bits[0] = message_bits(values[:count], count, sent_once(rare, scale, least), dim, params)
    return count


def kernel(comp: Sparsifier, dim: int) -> Kernel:
    return compress, np.array([comp.kept(dim), index_bits(dim), dim.bit_length()], dtype=float), 0


class SparsifierCodec(WholeEntries):
    """How many coordinates, which, a magnitude in 32 bits; a flag for each: its sign, or a value in 32 bits.

    The magnitude sent once is lambda where that needs the 32nd bit, for which a value with a sign has no room; else the
    least, which is lambda, too, unless a value was rounded below it or no entry of a probability below 1 is sent.
    """

    def once(self, message: Floats) -> Floats:
        """The magnitude sent once, (1,)."""
        sizes = np.abs(message[message != 0])
        odd = sizes[(sizes.view(np.int64) >> SCALE_LOW_BITS) & 1 == 1]
        return (odd if odd.size else sizes).min(keepdims=True)

    def encode(self, comp: Sparsifier, message: Floats, origin: Origin) -> bytes:
        used = np.flatnonzero(message)
        count = fixed(np.array([used.size]), message.size.bit_length())
        if used.size == 0:
            return packed(count)
        values = message[used]
        once = self.once(message)
        short = np.abs(values) == once
        return packed(
            count,
            indices(used, message.size),
            fixed(pattern(once, SCALE_LOW_BITS, comp.spec), 32),
            short.astype(np.uint8),
            (values[short] < 0).astype(np.uint8),
            fixed(pattern(values[~short], VALUE_LOW_BITS, comp.spec), 32),
        )

    def read(self, comp: Sparsifier, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        message = np.zeros(dim)
        count = reader.count(dim)
        if count == 0:
            return message
        chosen = reader.indices(count, dim)
        once = reader.floats(1, SCALE_LOW_BITS)
        short = reader.take(count).astype(bool)
        values = np.empty(count)
        values[short] = once * (1.0 - 2.0 * reader.take(int(short.sum())))
        values[~short] = reader.floats(int((~short).sum()), VALUE_LOW_BITS, signed=True)
        message[chosen] = values + 0.0
        return message

    def entropy_of_entries(self, comp: Sparsifier, values: Floats, dim: int) -> float:
        size = np.abs(values[values != 0])
        if size.size == 0:
            return 0.0
        once = self.once(values)
        short = int(np.count_nonzero(size == once))
        symbols = np.array([dim - size.size, size.size - short, np.count_nonzero(values == once)])
        symbols = np.append(symbols, short - symbols[2])
        return 32.0 * (1 + size.size - short) + entropy_of(symbols)


CODEC = SparsifierCodec()
