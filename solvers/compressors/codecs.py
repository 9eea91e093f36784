"""Codecs that several compressors share."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...common.errors import InputError
from ...theory.compressors import SCALE_LOW_BITS, VALUE_LOW_BITS, Compressor, Sparse
from ...theory.compressors.clip import Clip
from ...theory.compressors.natural import Natural
from ...theory.compressors.sign import Sign
from .symbols import block_maxima, entropy_of, expand, pattern
from .wire import Floats, Ints, Origin, Reader, fixed, indices, packed


def needed(comp: Compressor, coins: Floats | None, dim: int) -> Floats:
    """The uniforms of a seed that the receiver shares."""
    if coins is None or coins.size < comp.draws(dim):
        raise InputError(f"{comp.spec}: the seed is shared, so its messages need the round's uniforms (coins=)")
    return coins


def unfolded(places: Ints, values: Floats, dim: int) -> Floats:
    """The vector (dim,) with these values at these places and zeros elsewhere."""
    message = np.zeros(dim)
    message[places] = values
    return message


class DenseCodec:
    """Doubles as they are."""

    def encode(self, comp: Compressor, message: Floats, origin: Origin) -> bytes:
        return message.astype(">f8").tobytes()

    def read(self, comp: Compressor, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        return reader.floats(dim, 0, signed=True)

    def entropy(self, comp: Compressor, message: Floats, origin: Origin) -> float:
        return 64.0 * message.size


class SignCodec:
    """A scale per block, then a bit a coordinate."""

    def encode(self, comp: Sign, message: Floats, origin: Origin) -> bytes:
        scales = block_maxima(comp, message)
        if np.any(np.abs(message) != expand(comp, scales, message.size)):
            raise InputError(f"this vector is not a message of {comp.spec}: a block holds two different magnitudes")
        return packed(fixed(pattern(scales, SCALE_LOW_BITS, comp.spec), 32), (message < 0).astype(np.uint8))

    def read(self, comp: Sign, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        scales = reader.floats(comp.blocks(dim), SCALE_LOW_BITS)
        negative = reader.take(dim)
        return expand(comp, scales, dim) * (1.0 - 2.0 * negative) + 0.0

    def entropy(self, comp: Sign, message: Floats, origin: Origin) -> float:
        return 32.0 * comp.blocks(message.size) + entropy_of(np.bincount((message < 0).astype(np.int64)))


class ShortenedCodec:
    """Doubles without the lowest bits of their fraction: natural compression keeps none of them, clipping some."""

    def low_bits(self, comp: Natural | Clip) -> int:
        return 52 - (comp.bits if isinstance(comp, Clip) else 0)

    def encode(self, comp: Natural | Clip, message: Floats, origin: Origin) -> bytes:
        low = self.low_bits(comp)
        return packed(fixed(pattern(message, low, comp.spec), 64 - low))

    def read(self, comp: Natural | Clip, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        return reader.floats(dim, self.low_bits(comp), signed=True)

    def entropy(self, comp: Natural | Clip, message: Floats, origin: Origin) -> float:
        return entropy_of(np.unique(message, return_counts=True)[1])


class WholeEntries:
    """What a codec whose messages are no shorter by their entries makes of these: the vector."""

    def encode_entries(self: Any, comp: Any, used: Ints, values: Floats, dim: int, coins: Floats | None) -> bytes:
        return self.encode(comp, unfolded(used, values, dim), Origin(coins=coins))

    def read_entries(self: Any, comp: Any, reader: Reader, dim: int, coins: Floats | None) -> tuple[Ints, Floats]:
        message = self.read(comp, reader, dim, coins)
        used = np.flatnonzero(message)
        return used, message[used]

    def entropy(self: Any, comp: Any, message: Floats, origin: Origin) -> float:
        return self.entropy_of_entries(comp, message, message.size)


class EntriesCodec:
    """Which k coordinates, then their values in 32 bits."""

    def chosen(self, comp: Sparse, used: Ints, dim: int, coins: Floats | None) -> Ints:
        """The k coordinates sent: those of the nonzero entries, filled up with the first others."""
        spare = comp.kept(dim) - used.size
        if spare <= 0:
            return used
        return np.union1d(used, np.setdiff1d(np.arange(comp.kept(dim)), used, assume_unique=True)[:spare])

    def encode(self, comp: Sparse, message: Floats, origin: Origin) -> bytes:
        used = np.flatnonzero(message)
        return self.encode_entries(comp, used, message[used], message.size, origin.coins)

    def encode_entries(self, comp: Sparse, used: Ints, values: Floats, dim: int, coins: Floats | None) -> bytes:
        chosen = self.chosen(comp, used, dim, coins)
        if chosen.size != comp.kept(dim) or np.setdiff1d(used, chosen, assume_unique=True).size:
            raise InputError(f"this vector is not a message of {comp.spec}: it is not zero where nothing is sent")
        sent = np.zeros(chosen.size)
        sent[np.searchsorted(chosen, used)] = values
        where = np.zeros(0, np.uint8) if comp.shared_coins else indices(chosen, dim)
        return packed(where, fixed(pattern(sent, VALUE_LOW_BITS, comp.spec), 32))

    def read(self, comp: Sparse, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        return unfolded(*self.read_entries(comp, reader, dim, coins), dim)

    def read_entries(self, comp: Sparse, reader: Reader, dim: int, coins: Floats | None) -> tuple[Ints, Floats]:
        none = np.zeros(0, np.int64)
        chosen = self.chosen(comp, none, dim, coins) if comp.shared_coins else reader.indices(comp.kept(dim), dim)
        return chosen, reader.floats(chosen.size, VALUE_LOW_BITS, signed=True)

    def entropy(self, comp: Sparse, message: Floats, origin: Origin) -> float:
        return self.entropy_of_entries(comp, message, message.size)

    def entropy_of_entries(self, comp: Sparse, values: Floats, dim: int) -> float:
        k = comp.kept(dim)
        return 32.0 * k + (0.0 if comp.shared_coins else entropy_of(np.array([k, dim - k])))
