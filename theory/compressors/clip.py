"""Mantissa clipping: numbers with a shorter fraction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import Compressor, Contractive, exponent_bits, truncate, vector


@dataclass(frozen=True)
class Clip(Compressor):
    """Mantissa clipping: sign, exponent and the first `bits` bits of every entry's fraction, the rest cut off.

    A relative error below 2^-m in every entry, hence delta = 1 - 4^-m (published form); sharper (ours), since the
    fraction that is cut off belongs to a number of at least 1: delta = 1 - 1/(2^m + 1)^2, approached by entries just
    below 1 + 2^-m. Nonexpansive and orthogonal. It is the class of relative errors, not DoubleSqueeze's absolute one.
    m = 0 keeps powers of two: the deterministic counterpart of natural compression, delta = 3/4. Bits by formula: 1 + 8
    + m a coordinate for floats of 32 bits, 1 + 11 + m for those of 64. Numbers below 2^-1022 are beyond its guarantee.

    Parameters
    ----------
    bits
        m, 0 to 52.
    """

    name: ClassVar[str] = "clip"
    keeps_support: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    why_not_unbiased: ClassVar[str] = "it rounds towards zero, so its mean is not x"
    bits: int = 8

    def __post_init__(self) -> None:
        self.whole_option("bits", 0, 52)

    def contractive(self, dim: int) -> Contractive:
        self.check(dim)
        return Contractive(1 - 1 / (2**self.bits + 1) ** 2, nonexpansive=True, orthogonal=True)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        return truncate(vector(x), 52 - self.bits)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(dim * (1 + exponent_bits(float_bits) + self.bits))
