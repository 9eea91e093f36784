"""Codecs: what the bytes of each compressor's message are. Pure NumPy.

A message is the vector C(x) itself. ``encode`` turns it into bytes, ``decode`` turns the bytes into the same
vector bit for bit, ``entropy`` gives the empirical entropy of the message's symbols plus the bits of its
scales and values. A message means something given (spec, dim) alone, except for rand-k with a shared seed,
whose receiver needs the round's uniforms, as the sender did.

| compressor | message |
|---|---|
| identity | doubles |
| ternary | 32 bits per block, then 5 symbols in a byte |
| sign | 32 bits per block, then 1 bit a coordinate |
| qsgd | a flag, 32 + ceil log2 s bits per block, then the shorter of (a), (b) |
| topk, randk | which coordinates (c), 32 bits per value; a shared seed saves (c) |
| threshold | the number of entries, which coordinates (c), doubles |

(a) sign and level of every coordinate in 1 + ceil log2(s + 1) bits; (b) the number of nonzero entries, their
gaps and their levels in Elias omega code, then their signs; (c) indices of ceil log2 d bits, or one bit a
coordinate if that is shorter.
"""

from __future__ import annotations

import numpy as np

from ...theory.compressors import (
    QSGD,
    SCALE_LOW_BITS,
    VALUE_LOW_BITS,
    Blockwise,
    Identity,
    RandK,
    Sign,
    Sparse,
    Ternary,
    Threshold,
)
from ...theory.errors import InputError
from .wire import Bits, Floats, Ints, Reader, fixed, indices, omega_bits, packed

TRITS = 3 ** np.arange(5)


def pattern(values: Floats, low_bits: int, what: str) -> Ints:
    """Bits of doubles without their lowest ones, which must be clear."""
    whole = values.view(np.uint64)
    if np.any(whole & np.uint64((1 << low_bits) - 1)):
        raise InputError(f"this vector is no message of {what}: it holds a number that 32 bits cannot carry")
    return (whole >> np.uint64(low_bits)).astype(np.int64)


def entropy_of(counts: Ints) -> float:
    """Empirical entropy in bits of as many symbols as the counts sum to."""
    present = counts[counts > 0].astype(float)
    return float(-(present * np.log2(present / present.sum())).sum()) + 0.0


def block_maxima(comp: Blockwise, message: Floats) -> Floats:
    """Largest absolute value of every block."""
    return np.maximum.reduceat(np.abs(message), np.arange(0, message.size, comp.block_size(message.size)))


def spread(comp: Blockwise, scales: Floats, dim: int) -> Floats:
    """Every block's scale at its coordinates."""
    return np.repeat(scales, comp.block_size(dim))[:dim]


class Dense:
    """Doubles as they are."""

    def encode(self, comp: Identity, message: Floats, coins: Floats | None) -> bytes:
        return message.astype(">f8").tobytes()

    def decode(self, comp: Identity, data: bytes, dim: int, coins: Floats | None) -> Floats:
        reader = Reader(data, comp.spec)
        values = reader.floats(dim, 0, signed=True)
        reader.finish()
        return values

    def entropy(self, comp: Identity, message: Floats) -> float:
        return 64.0 * message.size


class Trits:
    """A scale per block, then the symbols 0, +, - five in a byte."""

    def symbols(self, comp: Ternary, message: Floats) -> tuple[Floats, Ints]:
        scales = block_maxima(comp, message)
        if np.any((message != 0) & (np.abs(message) != spread(comp, scales, message.size))):
            raise InputError(f"this vector is no message of {comp.spec}: a block holds two different magnitudes")
        return scales, np.where(message > 0, 1, np.where(message < 0, 2, 0))

    def encode(self, comp: Ternary, message: Floats, coins: Floats | None) -> bytes:
        scales, symbols = self.symbols(comp, message)
        padded = np.concatenate([symbols, np.zeros(-symbols.size % 5, np.int64)])
        return packed(fixed(pattern(scales, SCALE_LOW_BITS, comp.spec), 32), fixed(padded.reshape(-1, 5) @ TRITS, 8))

    def decode(self, comp: Ternary, data: bytes, dim: int, coins: Floats | None) -> Floats:
        reader = Reader(data, comp.spec)
        scales = reader.floats(comp.blocks(dim), SCALE_LOW_BITS)
        symbols = reader.fixed(-(-dim // 5), 8)
        reader.finish()
        trits = (symbols[:, None] // TRITS % 3).ravel()
        if np.any(symbols >= 243) or np.any(trits[dim:]):
            raise reader.malformed("a byte holds no five symbols")
        return spread(comp, scales, dim) * np.array([0.0, 1.0, -1.0])[trits[:dim]] + 0.0

    def entropy(self, comp: Ternary, message: Floats) -> float:
        return 32.0 * comp.blocks(message.size) + entropy_of(np.bincount(self.symbols(comp, message)[1]))


class Signs:
    """A scale per block, then a bit a coordinate."""

    def encode(self, comp: Sign, message: Floats, coins: Floats | None) -> bytes:
        scales = block_maxima(comp, message)
        if np.any(np.abs(message) != spread(comp, scales, message.size)):
            raise InputError(f"this vector is no message of {comp.spec}: a block holds two different magnitudes")
        return packed(fixed(pattern(scales, SCALE_LOW_BITS, comp.spec), 32), (message < 0).astype(np.uint8))

    def decode(self, comp: Sign, data: bytes, dim: int, coins: Floats | None) -> Floats:
        reader = Reader(data, comp.spec)
        scales = reader.floats(comp.blocks(dim), SCALE_LOW_BITS)
        negative = reader.take(dim)
        reader.finish()
        return spread(comp, scales, dim) * (1.0 - 2.0 * negative) + 0.0

    def entropy(self, comp: Sign, message: Floats) -> float:
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

    def encode(self, comp: QSGD, message: Floats, coins: Floats | None) -> bytes:
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

    def decode(self, comp: QSGD, data: bytes, dim: int, coins: Floats | None) -> Floats:
        reader = Reader(data, comp.spec)
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
        reader.finish()
        if np.any(np.abs(levels) > comp.levels):
            raise reader.malformed(f"a level exceeds {comp.levels}")
        return spread(comp, steps, dim) * levels + 0.0

    def entropy(self, comp: QSGD, message: Floats) -> float:
        steps, levels = self.lattice(comp, message)
        return steps.size * (63.0 - self.low_bits(comp)) + entropy_of(np.unique(levels, return_counts=True)[1])


class Entries:
    """Which k coordinates, then their values in 32 bits."""

    def chosen(self, comp: Sparse, message: Floats, coins: Floats | None) -> Ints:
        """The k coordinates sent: a shared seed's, else the nonzero ones, filled up with zeros."""
        k, dim = comp.kept(message.size), message.size
        if isinstance(comp, RandK) and comp.shared_coins:
            if coins is None or coins.size < comp.draws(dim):
                raise InputError(f"{comp.spec}: the seed is shared, so its messages need the round's uniforms (coins=)")
            from .randk import positions

            return positions(coins, dim, k)
        used = np.flatnonzero(message)
        if used.size < k:
            spare = np.ones(dim, bool)
            spare[used] = False
            used = np.sort(np.concatenate([used, np.flatnonzero(spare)[: k - used.size]]))
        return used

    def encode(self, comp: Sparse, message: Floats, coins: Floats | None) -> bytes:
        chosen = self.chosen(comp, message, coins)
        if chosen.size != comp.kept(message.size) or np.count_nonzero(message[chosen]) < np.count_nonzero(message):
            raise InputError(f"this vector is no message of {comp.spec}: it has entries that are not sent")
        where = np.zeros(0, np.uint8) if comp.shared_coins else indices(chosen, message.size)
        return packed(where, fixed(pattern(message[chosen], VALUE_LOW_BITS, comp.spec), 32))

    def decode(self, comp: Sparse, data: bytes, dim: int, coins: Floats | None) -> Floats:
        reader = Reader(data, comp.spec)
        message = np.zeros(dim)
        chosen = self.chosen(comp, message, coins) if comp.shared_coins else reader.indices(comp.kept(dim), dim)
        message[chosen] = reader.floats(chosen.size, VALUE_LOW_BITS, signed=True)
        reader.finish()
        return message

    def entropy(self, comp: Sparse, message: Floats) -> float:
        k, dim = comp.kept(message.size), message.size
        return 32.0 * k + (0.0 if comp.shared_coins else entropy_of(np.array([k, dim - k])))


class Kept:
    """How many coordinates, which, then doubles."""

    def encode(self, comp: Threshold, message: Floats, coins: Floats | None) -> bytes:
        used = np.flatnonzero(message)
        count = fixed(np.array([used.size]), message.size.bit_length())
        return packed(count, indices(used, message.size), fixed(message[used].view(np.uint64), 64))

    def decode(self, comp: Threshold, data: bytes, dim: int, coins: Floats | None) -> Floats:
        reader = Reader(data, comp.spec)
        count = int(reader.fixed(1, dim.bit_length())[0])
        if count > dim:
            raise reader.malformed(f"it announces {count} entries of {dim}")
        message = np.zeros(dim)
        chosen = reader.indices(count, dim)
        message[chosen] = reader.floats(count, 0, signed=True)
        reader.finish()
        return message

    def entropy(self, comp: Threshold, message: Floats) -> float:
        count, dim = int(np.count_nonzero(message)), message.size
        return 64.0 * count + entropy_of(np.array([count, dim - count]))


CODECS = {
    "identity": Dense(),
    "qsgd": Levels(),
    "ternary": Trits(),
    "randk": Entries(),
    "topk": Entries(),
    "sign": Signs(),
    "threshold": Kept(),
}
"""Every codec by its compressor's name."""
