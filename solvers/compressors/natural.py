"""Natural compression: one branch-free pass over the bits of the doubles."""

import numpy as np
from numba import njit

from ...theory.compressors.natural import Natural
from ..signatures import BARE, OPTIONS
from .ans import coded_bits, decoded, encoded
from .codecs import ShortenedCodec
from .reductions import power_of_two
from .symbols import pattern
from .wire import Floats, Kernel, Origin, Reader

LOW_BITS = 52
SYMBOLS = 1 << (64 - LOW_BITS)
"""Patterns of sign and exponent."""


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        for j in range(row.size):
            to[j] = power_of_two(row[j], coins[j])
        bits[r] = params[0]


@njit(**OPTIONS)
def compress_and_count(x, u, ctx, params, state, out, bits):
    compress(x, u, ctx, params, state, out, bits)
    for r in range(x.shape[0]):
        counts = np.zeros(SYMBOLS, np.int64)
        for j in range(x.shape[1]):
            counts[np.float64(out[r, j]).view(np.uint64) >> np.uint64(LOW_BITS)] += 1
        bits[r] = coded_bits(counts, 0.0)


def kernel(comp: Natural, dim: int) -> Kernel:
    comp.check(dim)
    if comp.coder == "ans":
        return compress_and_count, np.zeros(1), 0
    return compress, np.array([8 * -(-comp.entry_bits * dim // 8)], dtype=float), 0


class NaturalCodec:
    """Sign and exponent of every coordinate."""

    plain = ShortenedCodec()

    def encode(self, comp: Natural, message: Floats, origin: Origin) -> bytes:
        if comp.coder == "plain":
            return self.plain.encode(comp, message, origin)
        return encoded(pattern(message, LOW_BITS, comp.spec), SYMBOLS)

    def read(self, comp: Natural, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        if comp.coder == "plain":
            return self.plain.read(comp, reader, dim, coins)
        values = (decoded(reader, dim, SYMBOLS).astype(np.uint64) << np.uint64(LOW_BITS)).view(np.float64)
        if not np.isfinite(values).all():
            raise reader.malformed("it holds a number that is not finite")
        return values

    def entropy(self, comp: Natural, message: Floats, origin: Origin) -> float:
        return self.plain.entropy(comp, message, origin)


CODEC = NaturalCodec()
