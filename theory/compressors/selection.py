"""What compressors share that keep every coordinate with one probability: their errors and constants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .base import (
    VALUE_LOW_BITS,
    VALUE_TRUNCATION,
    VALUE_VARIANCE,
    Contractive,
    General,
    Unbiased,
    relative,
    rounding_variance,
    truncate,
)


def selection_error(x: NDArray[np.float64], p: float, scaled: bool) -> float:
    """Pointwise error of a compressor that keeps every coordinate with probability p, rounded to the wire."""
    if scaled:
        rounded = float(np.sum(rounding_variance(x / p, VALUE_LOW_BITS)))
        return relative((1 / p - 1) * float(x @ x) + p * rounded, x)
    lost = x - truncate(x, VALUE_LOW_BITS)
    return relative((1 - p) * float(x @ x) + p * float(lost @ lost), x)


def selection_unbiased(p: float, shared_coins: bool = False) -> Unbiased:
    """omega = 1/p - 1 of a compressor that keeps every coordinate with probability p, scaled by 1/p."""
    return Unbiased((1 + VALUE_VARIANCE) / p - 1, shared_coins)


def selection_contractive(p: float, shared_coins: bool) -> Contractive:
    """delta = p of a compressor that keeps every coordinate with probability p, as it is."""
    delta = p * (1 - VALUE_TRUNCATION**2)
    return Contractive(delta, nonexpansive=True, orthogonal=True, keeps="random", shared_coins=shared_coins)


def selection_general(p: float, scaled: bool) -> General:
    """Bias 1 - p and variance p (1 - p) of a compressor that keeps every coordinate with probability p, as it is."""
    if scaled:
        return General(0.0, selection_unbiased(p).omega)
    return General(1 - p * (1 - VALUE_TRUNCATION), p * (1 - p))
