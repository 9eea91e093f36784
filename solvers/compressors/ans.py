"""Symbols in nearly as few bits as their entropy: asymmetric numeral systems (Duda 2013, arXiv 1311.2540).

A message coded so holds how often each symbol occurs, in Elias omega code words, then the symbols by the coder of the
library constriction (Bamler 2022, arXiv 2201.01741) in 32-bit words. The words are filled up to a number that the
histogram alone tells, so that kernels count the bits without coding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...common.optional import needed
from ..signatures import BARE, INNER
from .wire import Bits, Ints, Reader, fixed, omega_bits, omega_width

PRECISION = 24
"""Bits of a probability in the coder."""
WORD = 32


@njit(**BARE)
def coded_words(counts):
    """Words of the coded symbols: their entropy, what rounded probabilities may cost, and the coder's state."""
    total, present = 0, 0
    for count in counts:
        total += count
        present += count > 0
    if present < 2:
        return 0
    information = 0.0
    for count in counts:
        if count > 0:
            information += count * math.log2(total / count)
    return math.ceil((information + total * (present + 1) * 2.0 ** (1 - PRECISION)) / WORD) + 1


@njit(**INNER)
def coded_bits(counts, head):
    """Bits of a message: `head` bits and the histogram, filled up to whole bytes, and the words."""
    width, previous, present, last = head, -1, 0, 0
    for symbol, count in enumerate(counts):
        if count > 0:
            width += omega_width(symbol - previous) + omega_width(count)
            previous, last = symbol, count
            present += 1
    width += omega_width(present) - omega_width(last)  # the last count is what is left
    return 8 * math.ceil(width / 8) + WORD * coded_words(counts)


def encoded(symbols: NDArray[np.integer[Any]], size: int, *head: Bits) -> bytes:
    """Write the head and the symbols, each below `size`."""
    counts = np.bincount(symbols, minlength=size)
    present = np.flatnonzero(counts)
    numbers = np.concatenate([[present.size], np.diff(present, prepend=-1), counts[present[:-1]]])
    words = np.zeros(coded_words(counts), np.uint32)
    if words.size:
        stack = needed("constriction", "coder=ans").stream.stack.AnsCoder()
        stack.encode_reverse(np.searchsorted(present, symbols).astype(np.int32), _model(counts[present]))
        made = stack.get_compressed()
        if made.size > words.size:
            raise RuntimeError(f"the coder made {made.size} words where {words.size} were expected")
        words[: made.size] = made
    front = np.packbits(np.concatenate([*head, omega_bits(numbers)])).tobytes()
    return front + np.packbits(fixed(words.astype(np.int64), WORD)).tobytes()


def decoded(reader: Reader, count: int, size: int) -> Ints:
    """Read `count` symbols, each below `size`.

    Raises
    ------
    InputError
        If the histogram is not one of so many symbols, or the words hold something else.
    """
    kinds = int(reader.omega(1)[0])
    if kinds > min(size, count):
        raise reader.malformed(f"it announces {kinds} distinct symbols")
    numbers = reader.omega(2 * kinds - 1)
    present = np.cumsum(numbers[:kinds]) - 1
    counts = np.append(numbers[kinds:], count - numbers[kinds:].sum())
    if present[-1] >= size or counts[-1] < 1:
        raise reader.malformed(f"its histogram is not that of {count} symbols below {size}")
    reader.align()
    full = np.zeros(size, np.int64)
    full[present] = counts
    if kinds == 1:
        return np.full(count, present[0])
    words = np.trim_zeros(reader.fixed(coded_words(full), WORD).astype(np.uint32), "b")
    found = np.zeros(count, np.int64)
    if words.size:
        stack = needed("constriction", "coder=ans").stream.stack.AnsCoder(words)
        found = stack.decode(_model(counts), count).astype(np.int64)
        if not stack.is_empty():
            raise reader.malformed("its words hold more than its symbols")
    if np.any(np.bincount(found, minlength=kinds) != counts):
        raise reader.malformed("its symbols do not occur as often as it says")
    return present[found]


def _model(counts: Ints) -> object:
    """The distribution of the symbols that occur."""
    categorical = needed("constriction", "coder=ans").stream.model.Categorical
    return categorical(counts / counts.sum(), perfect=False)
