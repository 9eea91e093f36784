"""Bernoulli: one coin for the whole vector."""

import numpy as np
from numba import njit

from ...theory.compressors import VALUE_LOW_BITS
from ...theory.compressors.bernoulli import Bernoulli
from ..signatures import BARE
from .codecs import WholeEntries
from .reductions import rounded
from .symbols import pattern
from .wire import Floats, Kernel, Origin, Reader, fixed, packed


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    dim, p, factor = x.shape[1], params[0], params[1]
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        value_coins = coins[1:]
        bits[r] = 8.0
        if coins[0] < p:
            something = 0
            for j in range(dim):
                to[j] = rounded(row[j] * factor, VALUE_LOW_BITS, value_coins[j])
                something |= to[j] != 0.0
            if something:
                bits[r] = params[2]
        else:
            for j in range(dim):
                to[j] = 0.0


@njit(**BARE)
def select(x, u, ctx, params, state, places, values, bits):
    row, coins, dim, factor = x[0], u[0], x.shape[1], params[1]
    bits[0] = 8.0
    if not coins[0] < params[0]:
        return 0
    value_coins, something = coins[1:], 0
    for j in range(dim):
        places[j] = j
        values[j] = rounded(row[j] * factor, VALUE_LOW_BITS, value_coins[j])
        something |= values[j] != 0.0
    if something:
        bits[0] = params[2]
    return dim


def kernel(comp: Bernoulli, dim: int) -> Kernel:
    comp.check(dim)
    p = comp.probability
    return compress, np.array([p, 1 / p, 8 * -(-(1 + 32 * dim) // 8)], dtype=float), 0


class BernoulliCodec(WholeEntries):
    """A flag, then every value in 32 bits if it is set."""

    def encode(self, comp: Bernoulli, message: Floats, origin: Origin) -> bytes:
        if not np.any(message):
            return packed(np.zeros(1, np.uint8))
        return packed(np.ones(1, np.uint8), fixed(pattern(message, VALUE_LOW_BITS, comp.spec), 32))

    def read(self, comp: Bernoulli, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        return reader.floats(dim, VALUE_LOW_BITS, signed=True) if reader.take(1)[0] else np.zeros(dim)

    def entropy_of_entries(self, comp: Bernoulli, values: Floats, dim: int) -> float:
        """The coin's entropy, and the values if they are there."""
        p = comp.probability
        coin = -p * np.log2(p) - (1 - p) * np.log2(1 - p) if p < 1 else 0.0
        return float(coin) + (32.0 * dim if np.any(values) else 0.0)


CODEC = BernoulliCodec()
