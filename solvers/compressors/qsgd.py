"""QSGD dithering: a vectorised pass for the levels, a sparse one for the length of their Elias code."""

import math

import numpy as np
from numba import njit, types

from ...common.errors import InputError
from ...theory.compressors import SCALE_LOW_BITS
from ...theory.compressors.qsgd import QSGD
from ..signatures import INNER, OPTIONS
from .ans import coded_bits, decoded, encoded
from .reductions import largest, length, rounded, spoil
from .symbols import entropy_of, expand, pattern
from .wire import Bits, Floats, Ints, Kernel, Origin, Reader, fixed, omega_bits, omega_width, packed

f8, i8 = types.float64, types.int64
CHUNK = 1024


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, block, euclidean, s = x.shape[1], int(params[0]), params[1] != 0.0, params[2]
    head, plain = params[3], params[4]
    level, used = np.empty(CHUNK), np.empty(CHUNK, np.int64)
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        scale_coins = coins[dim:]
        elias, previous, entries = 0.0, -1, 0
        for b in range((dim + block - 1) // block):
            first, stop = b * block, min(dim, (b + 1) * block)
            norm = length(row[first:stop]) if euclidean else largest(row[first:stop])
            if not norm < np.inf:
                spoil(to[first:stop])
                continue
            step = rounded(norm / s, SCALE_LOW_BITS, scale_coins[b])
            stretch = s / norm if norm > s * 2.0**-1000 else 2.0**1000  # a zero block gives zero levels
            divisor, level_bits = 0, 0.0
            for start in range(first, stop, CHUNK):
                end = min(stop, start + CHUNK)
                part, part_coins, part_out = row[start:end], coins[start:end], to[start:end]
                for j in range(part.size):
                    exact = abs(part[j]) * stretch
                    low = math.floor(exact)
                    high = low + 1.0 if part_coins[j] < exact - low else low
                    high = s if high > s else high
                    level[j] = high
                    part_out[j] = (step * high if part[j] > 0.0 else -step * high) + 0.0
                count = 0
                for j in range(part.size):
                    used[count] = j
                    count += level[j] > 0.0
                for i in range(count):
                    j, number = used[i], int(level[used[i]])
                    elias += omega_width(start + j - previous)
                    level_bits += omega_width(number)
                    previous = start + j
                    while divisor != 1 and number != 0:
                        divisor, number = number, divisor % number
                entries += count
            if divisor > 1:
                level_bits = 0.0
                for j in range(first, stop):
                    number = int(abs(to[j]) / step) // divisor
                    level_bits += omega_width(number) if number > 0 else 0.0
            elias += level_bits
        elias += entries + omega_width(entries + 1)
        bits[r] = 8 * math.ceil((head + min(elias, plain)) / 8)


@njit(**INNER)
def count_levels(part, s, counts):
    """Add the signed levels of a block's message to the histogram: multiples of the largest step that divides it."""
    unit = 2048
    for value in part:
        if value != 0.0:
            fraction, exponent = math.frexp(value)
            digits = int(math.ldexp(abs(fraction), 53))
            unit = min(unit, exponent - 54 + math.frexp(float(digits & -digits))[1])
    divisor = 0
    for value in part:
        number = int(math.ldexp(abs(value), -unit)) if value != 0.0 else 0
        while number != 0:
            divisor, number = number, divisor % number
    for value in part:
        counts[s + (int(math.ldexp(value, -unit)) // divisor if value != 0.0 else 0)] += 1


@njit(**OPTIONS)
def compress_and_count(x, u, ctx, params, state, out, bits):
    compress(x, u, ctx, params, state, out, bits)
    dim, block, s = x.shape[1], int(params[0]), int(params[2])
    for r in range(x.shape[0]):
        counts = np.zeros(2 * s + 1, np.int64)
        if np.isfinite(out[r]).all():
            for start in range(0, dim, block):
                count_levels(out[r, start : start + block], s, counts)
        bits[r] = coded_bits(counts, params[3] - 1.0)


def kernel(comp: QSGD, dim: int) -> Kernel:
    s = comp.levels
    head = 1 + comp.blocks(dim) * (63 - SCALE_LOW_BITS + (s - 1).bit_length())
    numbers = [comp.block_size(dim), comp.norm == "l2", s, head, dim * (1 + s.bit_length())]
    return compress_and_count if comp.coder == "ans" else compress, np.array(numbers, dtype=float), 0


class QSGDCodec:
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
                raise InputError(f"this vector is not a message of {comp.spec}: its entries have no common step")
            whole = np.ldexp(part[used], -unit).astype(np.int64)
            divisor = int(np.gcd.reduce(whole))
            to[used] = whole // divisor
            steps[b] = np.ldexp(float(divisor), unit)
        if np.any(np.abs(levels) > comp.levels):
            raise InputError(f"this vector is not a message of {comp.spec}: a level exceeds {comp.levels}")
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
        if comp.coder == "ans":
            return encoded(levels + comp.levels, 2 * comp.levels + 1, head)
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
        short = comp.coder == "plain" and bool(reader.take(1)[0])
        steps = reader.floats(comp.blocks(dim), self.low_bits(comp))
        levels = np.zeros(dim, np.int64)
        if comp.coder == "ans":
            levels = decoded(reader, dim, 2 * comp.levels + 1) - comp.levels
        elif short:
            count = int(reader.omega(1)[0]) - 1
            if count > dim:
                raise reader.malformed(f"it announces {count} entries, and there are {dim} coordinates")
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
        return expand(comp, steps, dim) * levels + 0.0

    def entropy(self, comp: QSGD, message: Floats, origin: Origin) -> float:
        steps, levels = self.lattice(comp, message)
        return steps.size * (63.0 - self.low_bits(comp)) + entropy_of(np.unique(levels, return_counts=True)[1])


CODEC = QSGDCodec()
