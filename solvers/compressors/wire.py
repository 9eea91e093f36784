"""Bits and bytes: the pieces that messages are made of. NumPy, but for code words that have to be read one after the
other; everything big-endian within a bit string."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...common.errors import InputError, counted
from ...theory.compressors import index_bits
from ..context import context
from ..signatures import BARE, INNER

Bits = NDArray[np.uint8]
"""A bit string: an array of zeros and ones."""
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kernel = tuple[Callable[..., None], Floats, int]
"""A kernel, its numbers for one dimension, and how many floats it keeps between rounds."""


@dataclass(frozen=True)
class Origin:
    """What a message was made of, as far as it is known.

    Parameters
    ----------
    x
        The vector compressed, (dim,).
    coins
        The uniforms.
    state
        What the compressor keeps, as the message left it.
    ctx
        As the kernel was handed it (`solvers.context`).
    """

    x: Floats | None = None
    coins: Floats | None = None
    state: Floats | None = None
    ctx: Ints = field(default_factory=context)


def packed(*strings: Bits) -> bytes:
    """Join bit strings and fill the last byte with zeros."""
    return np.packbits(np.concatenate(strings)).tobytes()


def fixed(values: Ints, width: int) -> Bits:
    """Write integers in `width` bits each."""
    whole = _container(width)
    octets = values.astype(whole).view(np.uint8).reshape(values.size, whole.itemsize)
    return np.unpackbits(octets[:, whole.itemsize - -(-width // 8) :], axis=1)[:, -width % 8 :].ravel()


def _container(width: int) -> np.dtype:
    """The smallest unsigned integer, its highest byte first, that has room for `width` bits."""
    return np.dtype(next(f">u{size}" for size in (1, 2, 4, 8) if 8 * size >= width))


def variable(values: Ints, widths: Ints) -> Bits:
    """Write integers in as many bits as `widths` says."""
    starts = np.cumsum(widths) - widths
    shifts = np.repeat(widths + starts, widths) - 1 - np.arange(int(widths.sum()))
    return ((np.repeat(values, widths) >> shifts) & 1).astype(np.uint8)


def index_length(count: int, dim: int) -> int:
    """Bits that tell which `count` of `dim` coordinates are sent: indices, or a bit each if shorter."""
    return 0 if count == dim else min(count * index_bits(dim), dim)


def indices(chosen: Ints, dim: int) -> Bits:
    """Write increasing indices in `index_length` bits."""
    if chosen.size == dim:
        return np.zeros(0, np.uint8)
    if chosen.size * index_bits(dim) < dim:
        return fixed(chosen, index_bits(dim))
    bitmap = np.zeros(dim, np.uint8)
    bitmap[chosen] = 1
    return bitmap


def omega(values: Ints) -> tuple[Ints, Ints]:
    """Elias omega code words of integers in [1, 2^31], as (word, width)."""
    word, width = np.zeros(values.size, np.int64), np.ones(values.size, np.int64)
    rest = values.astype(np.int64)
    while np.any(rest > 1):
        size = np.where(rest > 1, np.frexp(rest.astype(float))[1], 0).astype(np.int64)
        word += np.where(size > 0, rest << width, 0)
        width += size
        rest = np.where(size > 0, size - 1, 1)
    return word, width


def omega_bits(values: Ints) -> Bits:
    """Elias omega code words one after the other."""
    return variable(*omega(values))


WIDTHS = omega(np.arange(256))[1]
"""Lengths of the code words below 256; a message of QSGD has mostly such numbers."""


@njit(**INNER)
def omega_width(number):
    """Length of the Elias omega code word of an integer >= 1."""
    width = 0
    while number >= WIDTHS.size:
        size = 0
        while number >> size:
            size += 1
        width += size
        number = size - 1
    return width + WIDTHS[number]


@njit(**BARE)
def omega_values(bits, at, values):
    """Read as many code words as there is room for, from bit `at` on; return where they end, or -1 if they do not."""
    for i in range(values.size):
        number = 1
        while at < bits.size and bits[at]:
            size = number + 1
            if size > 32 or at + size > bits.size:
                return -1
            number = 0
            for k in range(size):
                number = 2 * number + bits[at + k]
            at += size
        if at >= bits.size:
            return -1
        at += 1
        values[i] = number
    return at


#: Up to so many numbers are taken out of one long number, one after the other.
FEW = 64


class Reader:
    """Reads a message's bits from the front; anything that does not fit raises `InputError`."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data = data
        self.size = 8 * len(data)
        self.at = 0
        self.what = what

    def malformed(self, why: str) -> InputError:
        """The error to raise: the message is not one of this compressor because of `why`."""
        return InputError(f"a string of {counted(len(self.data), 'byte')} is not a message of {self.what}: {why}")

    @cached_property
    def bits(self) -> Bits:
        """All bits."""
        return np.unpackbits(np.frombuffer(self.data, np.uint8))

    def _advance(self, count: int) -> None:
        if self.at + count > self.size:
            raise self.malformed(f"it is cut off after {self.size} bits")
        self.at += count

    def take(self, count: int) -> Bits:
        """The next `count` bits."""
        self._advance(count)
        return self.bits[self.at - count : self.at]

    def fixed(self, count: int, width: int) -> Ints:
        """The next `count` integers of `width` bits."""
        self._advance(count * width)
        if not width:
            return np.zeros(count, np.int64)
        first = self.at - count * width
        if count <= FEW:
            whole = int.from_bytes(self.data[first // 8 : -(-self.at // 8)], "big") >> (-self.at % 8)
            numbers = [whole >> place & (1 << width) - 1 for place in range(width * (count - 1), -1, -width)]
            return np.array(numbers, np.uint64).astype(np.int64)
        data = np.frombuffer(self.data[first // 8 : -(-self.at // 8)] + bytes(width + 9), np.uint8)
        eights = -(-count // 8)
        values = np.zeros((eights, 8), np.uint64)
        for j in range(8):  # eight numbers fill `width` bytes: the j-th of each eight has its bits in the same places
            byte, skipped = divmod(first % 8 + j * width, 8)
            octets = -(-(skipped + width) // 8)
            for k in range(octets):
                column = data[byte + k :: width][:eights].astype(np.uint64)
                up = skipped + width - 8 * (k + 1)
                values[:, j] |= column << np.uint64(up) if up >= 0 else column >> np.uint64(-up)
        return (values.ravel()[:count] & np.uint64((1 << width) - 1)).astype(np.int64)

    def floats(self, count: int, low_bits: int, signed: bool = False) -> Floats:
        """The next `count` numbers, sent without `low_bits` lowest bits and, unless `signed`, the sign."""
        width = (64 if signed else 63) - low_bits
        if width == 64 and self.at % 8 == 0:  # whole doubles need not be taken to pieces
            self._advance(64 * count)
            values = np.frombuffer(self.data, ">f8", count, self.at // 8 - 8 * count).astype(np.float64)
        else:
            pattern = self.fixed(count, width).astype(np.uint64) << np.uint64(low_bits)
            values = pattern.view(np.float64)
        if not np.isfinite(values).all():
            raise self.malformed("it holds a number that is not finite")
        return values

    def indices(self, count: int, dim: int) -> Ints:
        """The next `count` increasing indices of `dim` coordinates."""
        if count == dim:
            return np.arange(dim)
        if count * index_bits(dim) >= dim:
            chosen = np.flatnonzero(self.take(dim))
        else:
            chosen = self.fixed(count, index_bits(dim))
        if chosen.size != count or np.any(np.diff(chosen) <= 0) or np.any(chosen >= dim):
            raise self.malformed(f"its indices are not {count} distinct coordinates of {dim} in increasing order")
        return chosen

    def omega(self, count: int) -> Ints:
        """The next `count` Elias omega code words."""
        values = np.empty(count, np.int64)
        end = omega_values(self.bits, self.at, values)
        if end < 0:
            raise self.malformed("it is cut off inside a code word")
        self.at = end
        return values

    def count(self, dim: int) -> int:
        """How many of `dim` coordinates follow."""
        count = int(self.fixed(1, dim.bit_length())[0])
        if count > dim:
            raise self.malformed(f"it announces {count} entries, and there are {dim} coordinates")
        return count

    def align(self) -> None:
        """Go on at the next whole byte."""
        if np.any(self.take(-self.at % 8)):
            raise self.malformed("its padding is not all zeros")

    def finish(self) -> None:
        """Check that only the zeros that fill the last byte are left."""
        if self.at == self.size:
            return
        left = self.bits[self.at :]
        if left.size >= 8 or np.any(left):
            raise self.malformed(f"it has {self.size} bits, and the message ends after {self.at}")
