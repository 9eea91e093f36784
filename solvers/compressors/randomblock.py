"""Random block: the coordinates between two borders, as they are or scaled by the number of blocks."""

import numpy as np
from numba import njit

from ...common.errors import InputError
from ...theory.compressors import VALUE_LOW_BITS, index_bits
from ...theory.compressors.randomblock import RandomBlock
from ..signatures import BARE
from .codecs import needed, unfolded
from .reductions import drawn, rounded, truncated
from .symbols import pattern
from .wire import Floats, Ints, Kernel, Origin, Reader, fixed, packed


@njit(**BARE)
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


@njit(**BARE)
def select(x, u, ctx, params, state, places, values, bits):
    dim, blocks, scaled = x.shape[1], int(params[0]), params[1] != 0.0
    row, coins = x[0], u[0]
    b = drawn(blocks, coins[0], coins[1])
    start, stop = b * dim // blocks, (b + 1) * dim // blocks
    for i in range(stop - start):
        places[i] = start + i
        if scaled:
            values[i] = rounded(row[start + i] * blocks, VALUE_LOW_BITS, coins[2 + i])
        else:
            values[i] = truncated(row[start + i], VALUE_LOW_BITS)
    bits[0] = params[2]
    return stop - start


def kernel(comp: RandomBlock, dim: int) -> Kernel:
    where = 0 if comp.shared_coins else index_bits(comp.blocks)
    length = 8 * -(-(where + 32 * comp.longest(dim)) // 8)
    return compress, np.array([comp.blocks, comp.scaled, length], dtype=float), 0


def block(coins: Floats, blocks: int) -> int:
    """The block that a message with these uniforms carries."""
    return drawn(blocks, coins[0], coins[1])


class RandomBlockCodec:
    """Which block, unless the seed is shared, then its values in 32 bits, as many as the largest block has."""

    def borders(self, comp: RandomBlock, dim: int) -> Ints:
        return np.arange(comp.blocks + 1) * dim // comp.blocks

    def encode(self, comp: RandomBlock, message: Floats, origin: Origin) -> bytes:
        used = np.flatnonzero(message)
        return self.encode_entries(comp, used, message[used], message.size, origin.coins)

    def encode_entries(self, comp: RandomBlock, used: Ints, values: Floats, dim: int, coins: Floats | None) -> bytes:
        borders = self.borders(comp, dim)
        sent = int(np.searchsorted(borders, used[0], side="right")) - 1 if used.size else 0
        where = fixed(np.array([sent]), index_bits(comp.blocks))
        if comp.shared_coins:
            where, chosen = where[:0], block(needed(comp, coins, dim), comp.blocks)
            sent = chosen if used.size == 0 else sent
            if sent != chosen:
                raise InputError(f"this vector is not a message of {comp.spec}: the seed chose another block")
        start, stop = borders[sent], borders[sent + 1]
        if used.size and used[-1] >= stop:
            raise InputError(f"this vector is not a message of {comp.spec}: it has entries in two blocks")
        sent_values = np.zeros(comp.longest(dim))
        sent_values[used - start] = values
        return packed(where, fixed(pattern(sent_values, VALUE_LOW_BITS, comp.spec), 32))

    def read(self, comp: RandomBlock, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        return unfolded(*self.read_entries(comp, reader, dim, coins), dim)

    def read_entries(self, comp: RandomBlock, reader: Reader, dim: int, coins: Floats | None) -> tuple[Ints, Floats]:
        if comp.shared_coins:
            sent = block(needed(comp, coins, dim), comp.blocks)
        else:
            sent = int(reader.fixed(1, index_bits(comp.blocks))[0])
        if sent >= comp.blocks:
            raise reader.malformed(f"there is no block {sent} among {comp.blocks}")
        start, stop = self.borders(comp, dim)[sent : sent + 2]
        values = reader.floats(comp.longest(dim), VALUE_LOW_BITS, signed=True)
        if np.any(values[stop - start :]):
            raise reader.malformed("its block is too long")
        return np.arange(start, stop), values[: stop - start]

    def entropy(self, comp: RandomBlock, message: Floats, origin: Origin) -> float:
        return self.entropy_of_entries(comp, message, message.size)

    def entropy_of_entries(self, comp: RandomBlock, values: Floats, dim: int) -> float:
        where = 0.0 if comp.shared_coins else float(np.log2(comp.blocks))
        return 32.0 * comp.longest(dim) + where


CODEC = RandomBlockCodec()
