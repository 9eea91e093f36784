"""Top-k: the k largest coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import VALUE_LOW_BITS, VALUE_TRUNCATION, Contractive, Sparse, index_bits, truncate, vector


@dataclass(frozen=True)
class TopK(Sparse):
    """Top-k: the k entries of largest absolute value, ties to the lowest index.

    Source: Stich, Cordonnier, Jaggi 2018 (arXiv 1809.07599). delta = k/d, attained by equal entries; at x the
    error is the share of ||x||^2 in the other entries. Nonexpansive and orthogonal. Bits by formula: k (b_f +
    ceil log2 d).

    Parameters
    ----------
    k, ratio
        Entries sent, or their share of the coordinates.
    """

    name: ClassVar[str] = "topk"
    keeps_support: ClassVar[bool] = True
    why_not_unbiased: ClassVar[str] = "it always drops the same small entries, so its mean is not x"

    def contractive(self, dim: int) -> Contractive:
        delta = self.kept(dim) / dim * (1 - VALUE_TRUNCATION**2)
        return Contractive(delta, nonexpansive=True, orthogonal=True, keeps="largest")

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        kept = np.argsort(-np.abs(x), kind="stable")[: self.kept(x.size)]
        out = np.zeros(x.size)
        out[kept] = truncate(x[kept], VALUE_LOW_BITS)
        return out

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(self.kept(dim) * (float_bits + index_bits(dim)))
