"""Composed compressor: the second one's message of the first one's message."""

import math

import numpy as np
from numba import njit

from ...theory.compressors import index_bits
from ...theory.compressors.composed import Composed
from ..signatures import OPTIONS
from .parts import after, as_numbers, compress_part
from .remake import compressed
from .symbols import pattern
from .wire import Floats, Kernel, Origin, Reader, fixed, indices, packed


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, word, index, count_width = x.shape[1], int(params[0]), int(params[1]), int(params[2])
    first = np.empty((1, dim))
    at, coin = after(params, 3, 0)
    for r in range(x.shape[0]):
        compress_part(params, 3, x[r : r + 1], u[r], 0, ctx, state[r : r + 1], first, bits[r : r + 1])
        compress_part(params, at, first, u[r], coin, ctx, state[r : r + 1], out[r : r + 1], bits[r : r + 1])
        if word > 0:
            count = 0
            for j in range(dim):
                count += out[r, j] != 0.0
            where = 0 if count == dim else min(count * index, dim)
            bits[r] = 8 * math.ceil((count_width + where + word * count) / 8)


def kernel(comp: Composed, dim: int) -> Kernel:
    comp.check(dim)
    numbers = [comp.second.entry_bits, index_bits(dim), dim.bit_length()]
    return compress, np.array([*numbers, *as_numbers(comp.first, dim), *as_numbers(comp.second, dim)], dtype=float), 0


class ComposedCodec:
    """The second part's message; if its entries have words of their own, those of the nonzero entries."""

    def own(self, comp: Composed, message: Floats, origin: Origin) -> Origin:
        """What the second part's message is made of."""
        used = comp.first.draws(message.size)
        x = None if origin.x is None else compressed(comp.first, origin.x, origin)[0]
        return Origin(x, None if origin.coins is None else origin.coins[used:], ctx=origin.ctx)

    def encode(self, comp: Composed, message: Floats, origin: Origin) -> bytes:
        from . import encode

        dim, second = message.size, comp.second
        if second.entry_bits == 0:
            return encode(second, message, origin=self.own(comp, message, origin))
        used = np.flatnonzero(message)
        count = fixed(np.array([used.size]), dim.bit_length())
        low = 64 - second.entry_bits
        return packed(count, indices(used, dim), fixed(pattern(message[used], low, comp.spec), 64 - low))

    def read(self, comp: Composed, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        from . import codec

        second = comp.second
        if second.entry_bits == 0:
            return codec(second).read(second, reader, dim, None if coins is None else coins[comp.first.draws(dim) :])
        message = np.zeros(dim)
        count = reader.count(dim)
        chosen = reader.indices(count, dim)
        message[chosen] = reader.floats(count, 64 - second.entry_bits, signed=True)
        return message

    def entropy(self, comp: Composed, message: Floats, origin: Origin) -> float:
        from . import entropy_bits

        return entropy_bits(comp.second, message, self.own(comp, message, origin))


CODEC = ComposedCodec()
