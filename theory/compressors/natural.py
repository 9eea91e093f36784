"""Natural compression: every coordinate rounded at random to a power of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .base import Compressor, Unbiased, centred, exponent_bits, relative, rounding_variance


@dataclass(frozen=True)
class Natural(Compressor):
    """Natural compression: every entry rounded at random to one of the two powers of two around it.

    Source: Horvath, Ho, Horvath, Sahu, Canini, Richtarik 2019 (arXiv 1905.10988). omega = 1/8 (published), attained
    by entries 4/3 times a power of two. At x the variance is sum over j of (b - |x_j|)(|x_j| - a) with the powers a <=
    |x_j| <= b. Sign and exponent travel: bits by formula 9 d for floats of 32 bits, 12 d for doubles, which are really
    sent. Numbers below 2^-1022 or above 2^1023 are beyond its guarantee.

    Parameters
    ----------
    coder
        "plain", or "ans": an entropy coder writes signs and exponents.
    """

    name: ClassVar[str] = "natural"
    keeps_support: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    entry_bits: ClassVar[int] = 12
    why_not_contractive: ClassVar[str] = "its errors are random; clip:bits=0 cuts down to a power of two"
    coder: str = "plain"

    def __post_init__(self) -> None:
        self.word_option("coder", "plain", "ans")

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        return Unbiased(1 / 8)

    def pointwise(self, x: ArrayLike) -> float:
        x = centred(x)
        return relative(float(np.sum(rounding_variance(x, 52))), x)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(dim * (1 + exponent_bits(float_bits)))

    def draws(self, dim: int) -> int:
        return dim
