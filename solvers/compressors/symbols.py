"""What the codecs share: short numbers, entropies, blocks. Pure NumPy."""

from __future__ import annotations

import numpy as np

from ...common.errors import InputError
from ...theory.compressors import Blockwise
from .wire import Floats, Ints


def pattern(values: Floats, low_bits: int, what: str) -> Ints:
    """Bits of doubles without their lowest ones, which must be clear."""
    whole = values.view(np.uint64)
    if np.any(whole & np.uint64((1 << low_bits) - 1)):
        raise InputError(f"this vector is not a message of {what}: it holds a number that 32 bits cannot carry")
    return (whole >> np.uint64(low_bits)).astype(np.int64)


def undone(message: Floats, factor: float) -> Floats:
    """The vector that times `factor` is the message: of those that round to it, the one with the shortest fractions.

    What travels is short, so that is what was sent, but for vectors of full doubles, whose digits do not matter here.
    """
    guess = message / factor
    candidates = [guess]
    for way in (-np.inf, np.inf):
        near = guess
        for _ in range(3):
            near = np.nextafter(near, way)
            candidates.append(near)
    tried = np.stack(candidates)
    pattern_of = tried.view(np.int64)
    zeros = np.where(tried * factor == message, pattern_of & -pattern_of, 0)
    found = np.take_along_axis(tried, np.argmax(np.abs(zeros), axis=0)[None], axis=0)[0]
    return np.where(message == 0, 0.0, found)


def entropy_of(counts: Ints) -> float:
    """Empirical entropy in bits of as many symbols as the counts sum to."""
    present = counts[counts > 0].astype(float)
    return float(-(present * np.log2(present / present.sum())).sum()) + 0.0


def block_maxima(comp: Blockwise, message: Floats) -> Floats:
    """Largest absolute value of every block."""
    return np.maximum.reduceat(np.abs(message), np.arange(0, message.size, comp.block_size(message.size)))


def expand(comp: Blockwise, scales: Floats, dim: int) -> Floats:
    """Every block's scale at its coordinates."""
    return np.repeat(scales, comp.block_size(dim))[:dim]
