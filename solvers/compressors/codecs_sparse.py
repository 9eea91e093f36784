"""Codecs of the sparsifiers: which coordinates are sent, and what they hold."""

from __future__ import annotations

import numpy as np

from ...common.errors import InputError
from ...theory.compressors import (
    SCALE_LOW_BITS,
    VALUE_LOW_BITS,
    Bernoulli,
    Compressor,
    Dynamic,
    PermK,
    RandK,
    RandomBlock,
    Sparse,
    Sparsifier,
    Threshold,
    index_bits,
)
from .symbols import entropy_of, pattern
from .wire import Floats, Ints, Origin, Reader, fixed, indices, packed


def needed(comp: Compressor, coins: Floats | None, dim: int) -> Floats:
    """The uniforms of a seed that the receiver shares."""
    if coins is None or coins.size < comp.draws(dim):
        raise InputError(f"{comp.spec}: the seed is shared, so its messages need the round's uniforms (coins=)")
    return coins


class Entries:
    """Which k coordinates, then their values in 32 bits."""

    def chosen(self, comp: Sparse, message: Floats, coins: Floats | None) -> Ints:
        """The k coordinates sent: a shared seed's, else the nonzero ones, filled up with zeros."""
        k, dim = comp.kept(message.size), message.size
        if isinstance(comp, RandK) and comp.shared_coins:
            from .randk import positions

            return positions(needed(comp, coins, dim), dim, k)
        used = np.flatnonzero(message)
        if used.size < k:
            spare = np.ones(dim, bool)
            spare[used] = False
            used = np.sort(np.concatenate([used, np.flatnonzero(spare)[: k - used.size]]))
        return used

    def encode(self, comp: Sparse, message: Floats, origin: Origin) -> bytes:
        chosen = self.chosen(comp, message, origin.coins)
        if chosen.size != comp.kept(message.size) or np.count_nonzero(message[chosen]) < np.count_nonzero(message):
            raise InputError(f"this vector is no message of {comp.spec}: it has entries that are not sent")
        where = np.zeros(0, np.uint8) if comp.shared_coins else indices(chosen, message.size)
        return packed(where, fixed(pattern(message[chosen], VALUE_LOW_BITS, comp.spec), 32))

    def read(self, comp: Sparse, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        message = np.zeros(dim)
        chosen = self.chosen(comp, message, coins) if comp.shared_coins else reader.indices(comp.kept(dim), dim)
        message[chosen] = reader.floats(chosen.size, VALUE_LOW_BITS, signed=True)
        return message

    def entropy(self, comp: Sparse, message: Floats, origin: Origin) -> float:
        k, dim = comp.kept(message.size), message.size
        return 32.0 * k + (0.0 if comp.shared_coins else entropy_of(np.array([k, dim - k])))


class Kept:
    """How many coordinates, which, then doubles."""

    def encode(self, comp: Threshold, message: Floats, origin: Origin) -> bytes:
        used = np.flatnonzero(message)
        count = fixed(np.array([used.size]), message.size.bit_length())
        return packed(count, indices(used, message.size), fixed(message[used].view(np.uint64), 64))

    def read(self, comp: Threshold, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        count = reader.count(dim)
        message = np.zeros(dim)
        chosen = reader.indices(count, dim)
        message[chosen] = reader.floats(count, 0, signed=True)
        return message

    def entropy(self, comp: Threshold, message: Floats, origin: Origin) -> float:
        count, dim = int(np.count_nonzero(message)), message.size
        return 64.0 * count + entropy_of(np.array([count, dim - count]))


class Block:
    """Which block, unless the seed is shared, then its values in 32 bits, as many as the largest block has."""

    def borders(self, comp: RandomBlock, dim: int) -> Ints:
        return np.arange(comp.blocks + 1) * dim // comp.blocks

    def encode(self, comp: RandomBlock, message: Floats, origin: Origin) -> bytes:
        dim, used = message.size, np.flatnonzero(message)
        borders = self.borders(comp, dim)
        sent = int(np.searchsorted(borders, used[0], side="right")) - 1 if used.size else 0
        where = fixed(np.array([sent]), index_bits(comp.blocks))
        if comp.shared_coins:
            from .randomblock import block

            where, chosen = where[:0], block(needed(comp, origin.coins, dim), comp.blocks)
            sent = chosen if used.size == 0 else sent
            if sent != chosen:
                raise InputError(f"this vector is no message of {comp.spec}: the seed chose another block")
        start, stop = borders[sent], borders[sent + 1]
        if used.size and used[-1] >= stop:
            raise InputError(f"this vector is no message of {comp.spec}: it has entries in two blocks")
        values = np.zeros(comp.longest(dim))
        values[: stop - start] = message[start:stop]
        return packed(where, fixed(pattern(values, VALUE_LOW_BITS, comp.spec), 32))

    def read(self, comp: RandomBlock, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        if comp.shared_coins:
            from .randomblock import block

            sent = block(needed(comp, coins, dim), comp.blocks)
        else:
            sent = int(reader.fixed(1, index_bits(comp.blocks))[0])
        if sent >= comp.blocks:
            raise reader.malformed(f"there is no block {sent} of {comp.blocks}")
        start, stop = self.borders(comp, dim)[sent : sent + 2]
        values = reader.floats(comp.longest(dim), VALUE_LOW_BITS, signed=True)
        if np.any(values[stop - start :]):
            raise reader.malformed("its block is too long")
        message = np.zeros(dim)
        message[start:stop] = values[: stop - start]
        return message

    def entropy(self, comp: RandomBlock, message: Floats, origin: Origin) -> float:
        where = 0.0 if comp.shared_coins else float(np.log2(comp.blocks))
        return 32.0 * comp.longest(message.size) + where


class Whole:
    """A flag, then every value in 32 bits if it is set."""

    def encode(self, comp: Bernoulli, message: Floats, origin: Origin) -> bytes:
        if not np.any(message):
            return packed(np.zeros(1, np.uint8))
        return packed(np.ones(1, np.uint8), fixed(pattern(message, VALUE_LOW_BITS, comp.spec), 32))

    def read(self, comp: Bernoulli, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        return reader.floats(dim, VALUE_LOW_BITS, signed=True) if reader.take(1)[0] else np.zeros(dim)

    def entropy(self, comp: Bernoulli, message: Floats, origin: Origin) -> float:
        """The coin's entropy, and the values if they are there."""
        p = comp.probability
        coin = -p * np.log2(p) - (1 - p) * np.log2(1 - p) if p < 1 else 0.0
        return float(coin) + (32.0 * message.size if np.any(message) else 0.0)


class Dealt:
    """The worker's number, then the values of its places in 32 bits; the seed tells the places."""

    def places(self, comp: PermK, dim: int, coins: Floats | None) -> Ints:
        from .permk import places

        return places(needed(comp, coins, dim), comp.workers, comp.dealt(dim))

    def encode(self, comp: PermK, message: Floats, origin: Origin) -> bytes:
        dim = message.size
        places = self.places(comp, dim, origin.coins)
        values = np.append(message, np.zeros(places.size - dim))[places]
        worker = int(np.argmax(np.any(values != 0, axis=1)))
        if np.count_nonzero(values[worker]) < np.count_nonzero(message):
            raise InputError(f"this vector is no message of {comp.spec}: it has entries of two workers")
        number = fixed(np.array([worker]), index_bits(comp.workers))
        return packed(number, fixed(pattern(values[worker], VALUE_LOW_BITS, comp.spec), 32))

    def read(self, comp: PermK, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        places = self.places(comp, dim, coins)
        worker = int(reader.fixed(1, index_bits(comp.workers))[0])
        values = reader.floats(comp.dealt(dim), VALUE_LOW_BITS, signed=True)
        if worker >= comp.workers:
            raise reader.malformed(f"there is no worker {worker} of {comp.workers}")
        message = np.zeros(places.size)
        message[places[worker]] = values
        if np.any(message[dim:]):
            raise reader.malformed(f"it reaches beyond coordinate {dim}")
        return message[:dim]

    def entropy(self, comp: PermK, message: Floats, origin: Origin) -> float:
        return 32.0 * comp.dealt(message.size)


class Chosen:
    """How many coordinates, which, the least magnitude in 32 bits; a flag for each: its sign, or a value in 32 bits.

    The least magnitude is lambda, unless no entry with a probability below 1 is sent.
    """

    def encode(self, comp: Sparsifier, message: Floats, origin: Origin) -> bytes:
        used = np.flatnonzero(message)
        count = fixed(np.array([used.size]), message.size.bit_length())
        if used.size == 0:
            return packed(count)
        values = message[used]
        least = np.abs(values).min(keepdims=True)
        short = np.abs(values) == least
        return packed(
            count,
            indices(used, message.size),
            fixed(pattern(least, SCALE_LOW_BITS, comp.spec), 32),
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
        least = reader.floats(1, SCALE_LOW_BITS)
        short = reader.take(count).astype(bool)
        values = np.empty(count)
        values[short] = least * (1.0 - 2.0 * reader.take(int(short.sum())))
        values[~short] = reader.floats(int((~short).sum()), VALUE_LOW_BITS, signed=True)
        message[chosen] = values + 0.0
        return message

    def entropy(self, comp: Sparsifier, message: Floats, origin: Origin) -> float:
        size = np.abs(message[message != 0])
        if size.size == 0:
            return 0.0
        short = int(np.count_nonzero(size == size.min()))
        symbols = np.array([message.size - size.size, size.size - short, np.count_nonzero(message == size.min())])
        symbols = np.append(symbols, short - symbols[2])
        return 32.0 * (1 + size.size - short) + entropy_of(symbols)


class Largest:
    """The norm in 32 bits, how many coordinates, which, their signs."""

    def encode(self, comp: Dynamic, message: Floats, origin: Origin) -> bytes:
        used = np.flatnonzero(message)
        norm = np.abs(message).max(keepdims=True)
        if np.any(np.abs(message[used]) != norm) or used.size > comp.most(message.size):
            raise InputError(f"this vector is no message of {comp.spec}: two magnitudes, or too many entries")
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
