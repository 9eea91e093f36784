"""Dynamic quantiser: the fewest largest entries that make up the norm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import SCALE_LOW_BITS, SCALE_TRUNCATION, Compressor, Correlated, beside, index_bits, length, truncate, vector


@dataclass(frozen=True)
class Dynamic(Compressor):
    """Dynamic quantiser: the fewest largest entries whose absolute values add up to ||x||, each sent as
    ||x|| sign(x_j).

    Sources: Alistarh, Grubic, Li, Tomioka, Vojnovic 2017 (arXiv 1610.02132), and Khirirat, Johansson, Alistarh 2018
    (Gradient compression for communication-limited convex optimization, CDC). Published: at most q = ceil(sqrt d)
    entries, <C(x), x> >= ||x||^2, ||C(x)||^2 <= q ||x||^2; indeed ||C(x)||^2 <= q <C(x), x>, so that C/q is a
    contraction with delta = 1/q (`scaled:of=dynamic`). Bits by formula: b_f + q (1 + ceil log2 d).
    """

    name: ClassVar[str] = "dynamic"
    keeps_support: ClassVar[bool] = True
    REACH: ClassVar[float] = 1 - 2.0**-40
    """Share of ||x|| that counts as all of it: sums that differ by rounding alone must not differ by an entry."""
    why_not_unbiased: ClassVar[str] = "it always drops the same small entries, so its mean is not x"
    why_not_contractive: ClassVar[str] = (
        "every entry that it sends is as large as the whole vector; scaled:of=dynamic is a contraction"
    )

    def correlated(self, dim: int) -> Correlated:
        return Correlated(self.REACH * (1 - SCALE_TRUNCATION), self.most(dim))

    def most(self, dim: int) -> int:
        """Most entries sent, ceil(sqrt d)."""
        self.check(dim)
        return math.isqrt(dim - 1) + 1

    def nonzeros(self, dim: int) -> float:
        return float(self.most(dim))

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        norm = length(x)
        kept = np.argsort(-np.abs(x), kind="stable")[: self.most(x.size)]
        count = 1 + int(np.count_nonzero(np.cumsum(np.abs(x[kept])) < self.REACH * norm))
        out = np.zeros(x.size)
        kept = kept[:count]
        out[kept] = float(truncate(np.array([norm]), SCALE_LOW_BITS)[0]) * np.sign(x[kept])
        return out

    def ties(self, dim: int) -> list[NDArray[np.float64]]:
        return beside(np.where(np.arange(dim) < math.isqrt(dim) ** 2, -0.7, 0.0))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(float_bits + self.most(dim) * (1 + index_bits(dim)))
