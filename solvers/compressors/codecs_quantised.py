"""Codecs of the quantisers: every coordinate has a symbol."""

from __future__ import annotations

import numpy as np

from ...common.errors import InputError
from ...theory.compressors import (
    QSGD,
    SCALE_LOW_BITS,
    Clip,
    Compressor,
    Natural,
    NaturalDithering,
    Sign,
    Ternary,
)
from .symbols import block_maxima, entropy_of, pattern, spread
from .wire import Bits, Floats, Ints, Origin, Reader, fixed, omega_bits, packed

#: What a symbol counts at each of the five places in a byte, and the signs that stand in each of the 243 bytes.
TRITS = (3 ** np.arange(5)).astype(np.uint8)
SIGNS = np.array([0.0, 1.0, -1.0])[np.arange(243)[:, None] // TRITS % 3]


class Dense:
    """Doubles as they are."""

    def encode(self, comp: Compressor, message: Floats, origin: Origin) -> bytes:
        return message.astype(">f8").tobytes()

    def read(self, comp: Compressor, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        return reader.floats(dim, 0, signed=True)

    def entropy(self, comp: Compressor, message: Floats, origin: Origin) -> float:
        return 64.0 * message.size


class Trits:
    """A scale per block, then the symbols 0, +, - five in a byte."""

    def symbols(self, comp: Ternary, message: Floats) -> tuple[Floats, Bits]:
        scales = block_maxima(comp, message)
        if np.any((message != 0) & (np.abs(message) != spread(comp, scales, message.size))):
            raise InputError(f"this vector is no message of {comp.spec}: a block holds two different magnitudes")
        return scales, (message > 0) + np.uint8(2) * (message < 0)

    def encode(self, comp: Ternary, message: Floats, origin: Origin) -> bytes:
        scales, symbols = self.symbols(comp, message)
        padded = np.concatenate([symbols, np.zeros(-symbols.size % 5, np.uint8)])
        fives = (padded.reshape(-1, 5) * TRITS).sum(axis=1, dtype=np.uint8)
        return packed(fixed(pattern(scales, SCALE_LOW_BITS, comp.spec), 32)) + fives.tobytes()

    def read(self, comp: Ternary, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        scales = reader.floats(comp.blocks(dim), SCALE_LOW_BITS)
        fives = reader.fixed(-(-dim // 5), 8)
        if np.any(fives >= SIGNS.shape[0]):
            raise reader.malformed("a byte holds no five symbols")
        signs = SIGNS[fives].ravel()
        if np.any(signs[dim:]):
            raise reader.malformed("a byte holds no five symbols")
        return spread(comp, scales, dim) * signs[:dim] + 0.0

    def entropy(self, comp: Ternary, message: Floats, origin: Origin) -> float:
        return 32.0 * comp.blocks(message.size) + entropy_of(np.bincount(self.symbols(comp, message)[1]))


class Signs:
    """A scale per block, then a bit a coordinate."""

    def encode(self, comp: Sign, message: Floats, origin: Origin) -> bytes:
        scales = block_maxima(comp, message)
        if np.any(np.abs(message) != spread(comp, scales, message.size)):
            raise InputError(f"this vector is no message of {comp.spec}: a block holds two different magnitudes")
        return packed(fixed(pattern(scales, SCALE_LOW_BITS, comp.spec), 32), (message < 0).astype(np.uint8))

    def read(self, comp: Sign, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        scales = reader.floats(comp.blocks(dim), SCALE_LOW_BITS)
        negative = reader.take(dim)
        return spread(comp, scales, dim) * (1.0 - 2.0 * negative) + 0.0

    def entropy(self, comp: Sign, message: Floats, origin: Origin) -> float:
        return 32.0 * comp.blocks(message.size) + entropy_of(np.bincount((message < 0).astype(np.int64)))


class Levels:
    """A step per block, then integer levels, in the shorter of two codes.

    The entries of a block are integer multiples of a step. The step sent is the largest that divides them
    all, so that a message has one encoding; it is a level times a 32-bit number, hence ceil(log2 s) more
    bits.
    """

    def lattice(self, comp: QSGD, message: Floats) -> tuple[Floats, Ints]:
        """Largest step and signed integer levels of every block."""
        steps, levels = np.zeros(comp.blocks(message.size)), np.zeros(message.size, np.int64)
        for b, (part, to) in enumerate(
            zip(comp.split(message), np.split(levels, self.cuts(comp, message)), strict=True)
        ):
            used = np.flatnonzero(part)
            if used.size == 0:
                continue
            fraction, exponent = np.frexp(part[used])
            digits = np.ldexp(fraction, 53).astype(np.int64)
            lowest = exponent - 53 + np.frexp((digits & -digits).astype(float))[1] - 1
            unit = int(lowest.min())
            if int(exponent.max()) - unit > 53:
                raise InputError(f"this vector is no message of {comp.spec}: its entries have no common step")
            whole = np.ldexp(part[used], -unit).astype(np.int64)
            divisor = int(np.gcd.reduce(whole))
            to[used] = whole // divisor
            steps[b] = np.ldexp(float(divisor), unit)
        if np.any(np.abs(levels) > comp.levels):
            raise InputError(f"this vector is no message of {comp.spec}: a level exceeds {comp.levels}")
        return steps, levels

    def cuts(self, comp: QSGD, message: Floats) -> Ints:
        size = comp.block_size(message.size)
        return np.arange(size, message.size, size)

    def low_bits(self, comp: QSGD) -> int:
        return SCALE_LOW_BITS - (comp.levels - 1).bit_length()

    def encode(self, comp: QSGD, message: Floats, origin: Origin) -> bytes:
        steps, levels = self.lattice(comp, message)
        low = self.low_bits(comp)
        head = fixed(pattern(steps, low, comp.spec), 63 - low)
        plain = np.concatenate(
            [
                (levels < 0).astype(np.uint8)[:, None],
                fixed(np.abs(levels), comp.levels.bit_length()).reshape(levels.size, -1),
            ],
            axis=1,
        ).ravel()
        elias = self.elias(levels)
        if elias.size < plain.size:
            return packed(np.ones(1, np.uint8), head, elias)
        return packed(np.zeros(1, np.uint8), head, plain)

    def elias(self, levels: Ints) -> Bits:
        used = np.flatnonzero(levels)
        gaps = np.diff(used, prepend=-1)
        numbers = np.concatenate([[used.size + 1], gaps, np.abs(levels[used])])
        return np.concatenate([omega_bits(numbers), (levels[used] < 0).astype(np.uint8)])

    def read(self, comp: QSGD, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        short = bool(reader.take(1)[0])
        steps = reader.floats(comp.blocks(dim), self.low_bits(comp))
        levels = np.zeros(dim, np.int64)
        if short:
            count = int(reader.omega(1)[0]) - 1
            if count > dim:
                raise reader.malformed(f"it announces {count} entries of {dim}")
            numbers = reader.omega(2 * count)
            used = np.cumsum(numbers[:count]) - 1
            if count and used[-1] >= dim:
                raise reader.malformed(f"its entries reach beyond coordinate {dim}")
            levels[used] = numbers[count:] * (1 - 2 * reader.take(count).astype(np.int64))
        else:
            width = comp.levels.bit_length()
            words = reader.fixed(dim, 1 + width)
            levels = (words & ((1 << width) - 1)) * (1 - 2 * (words >> width))
        if np.any(np.abs(levels) > comp.levels):
            raise reader.malformed(f"a level exceeds {comp.levels}")
        return spread(comp, steps, dim) * levels + 0.0

    def entropy(self, comp: QSGD, message: Floats, origin: Origin) -> float:
        steps, levels = self.lattice(comp, message)
        return steps.size * (63.0 - self.low_bits(comp)) + entropy_of(np.unique(levels, return_counts=True)[1])


class Shortened:
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


class Halvings:
    """A scale per block, then sign and number of halvings of every coordinate; s halvings mean zero.

    The scale sent is the largest entry of the block, so that a message has one encoding.
    """

    def symbols(self, comp: NaturalDithering, message: Floats) -> tuple[Floats, Ints]:
        scales = block_maxima(comp, message)
        size, top = np.abs(message), spread(comp, scales, message.size)
        halvings = np.where(size > 0, np.frexp(top)[1] - np.frexp(size)[1], comp.levels).astype(np.int64)
        if np.any(np.ldexp(top, -halvings)[size > 0] != size[size > 0]) or np.any(halvings > comp.levels):
            raise InputError(f"this vector is no message of {comp.spec}: an entry is no scale halved below s times")
        return scales, halvings

    def encode(self, comp: NaturalDithering, message: Floats, origin: Origin) -> bytes:
        scales, halvings = self.symbols(comp, message)
        if np.any((halvings == comp.levels) & (message != 0)):
            raise InputError(f"this vector is no message of {comp.spec}: an entry is no scale halved below s times")
        width = comp.levels.bit_length()
        words = ((message < 0).astype(np.int64) << width) | halvings
        return packed(fixed(pattern(scales, SCALE_LOW_BITS, comp.spec), 32), fixed(words, 1 + width))

    def read(self, comp: NaturalDithering, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        width = comp.levels.bit_length()
        scales = reader.floats(comp.blocks(dim), SCALE_LOW_BITS)
        words = reader.fixed(dim, 1 + width)
        halvings, negative = words & ((1 << width) - 1), words >> width
        if np.any(halvings > comp.levels) or np.any(negative[halvings == comp.levels]):
            raise reader.malformed(f"an entry is halved more than {comp.levels} times")
        sizes = np.where(halvings < comp.levels, np.ldexp(spread(comp, scales, dim), -halvings), 0.0)
        return sizes * (1.0 - 2.0 * negative) + 0.0

    def entropy(self, comp: NaturalDithering, message: Floats, origin: Origin) -> float:
        _, halvings = self.symbols(comp, message)
        signed = np.where(message < 0, -1 - halvings, halvings)
        return 32.0 * comp.blocks(message.size) + entropy_of(np.unique(signed, return_counts=True)[1])
