"""Codecs that several compressors share."""

from __future__ import annotations

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
            raise InputError(f"this vector is no message of {comp.spec}: a block holds two different magnitudes")
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


class EntriesCodec:
    """Which k coordinates, then their values in 32 bits."""

    def chosen(self, comp: Sparse, message: Floats, coins: Floats | None) -> Ints:
        """The k coordinates sent: the nonzero ones, filled up with zeros."""
        k, dim = comp.kept(message.size), message.size
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
        return self.entropy_of_entries(comp, message, message.size)

    def entropy_of_entries(self, comp: Sparse, values: Floats, dim: int) -> float:
        k = comp.kept(dim)
        return 32.0 * k + (0.0 if comp.shared_coins else entropy_of(np.array([k, dim - k])))
