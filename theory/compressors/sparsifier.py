"""The sparsifier of least variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import (
    SCALE_LOW_BITS,
    VALUE_LOW_BITS,
    Sparse,
    Unbiased,
    beside,
    centred,
    index_bits,
    relative,
    rounding_variance,
)
from .selection import selection_unbiased


@dataclass(frozen=True)
class Sparsifier(Sparse):
    """Sparsifier with the best probabilities: x_j/p_j with probability p_j = min(1, |x_j|/lambda), sum p_j = k.

    Source: Wangni, Wang, Liu, Zhang 2018 (arXiv 1710.09854). Among all ways to send k entries in expectation this has
    the least variance, sum x_j^2/p_j - ||x||^2 at x. Worst case omega = d/k - 1 (ours: uniform probabilities k/d are
    among those that it beats), attained by equal entries. Where x has at most k nonzero entries all are sent. An entry
    with p_j < 1 is sent as lambda sign(x_j): one number for all of them, and a sign. Bits by formula: b_f + k (b_f +
    ceil log2 d).

    Parameters
    ----------
    k, ratio
        Entries sent in expectation, or their share of the coordinates.
    """

    name: ClassVar[str] = "sparsifier"
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = "divided by p_j it expands vectors; scaled:of=sparsifier is a contraction"

    def unbiased(self, dim: int) -> Unbiased:
        return selection_unbiased(self.kept(dim) / dim)

    def lam(self, x: NDArray[np.float64]) -> float:
        """lambda, for which sum min(1, |x_j|/lambda) = k; 0 if k entries or fewer are not zero."""
        sizes = np.sort(np.abs(x[x != 0]))
        k = self.kept(x.size)
        if sizes.size <= k:
            return 0.0
        # With the m largest sent for certain, lambda = (sum of the others)/(k - m) is above all others.
        sums = np.cumsum(sizes)[::-1][:k] / (k - np.arange(k))
        return float(sums[np.argmax(sums >= sizes[::-1][:k])])

    def pointwise(self, x: ArrayLike) -> float:
        x = centred(x)
        lam, size = self.lam(x), np.abs(x)
        certain = size >= lam
        error = float(np.sum(rounding_variance(x[certain], VALUE_LOW_BITS)))
        if lam > 0:
            rare = size[~certain]
            rounded = float(rounding_variance(np.array([lam]), SCALE_LOW_BITS)[0])
            error += float(np.sum(rare * (lam - rare)) + rounded * np.sum(rare) / lam)
        return relative(error, x)

    def ties(self, dim: int) -> list[NDArray[np.float64]]:
        k = self.kept(dim)
        share = (dim - 1) // max(k - 1, 1)
        if share < 2 or k < 2:
            return []
        # One entry as large as lambda, the others so small that k - 1 of `share` of them are as much.
        x = np.where(np.arange(dim) <= share * (k - 1), 0.3, 0.0)
        x[0] = 0.3 * share
        return beside(x)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(float_bits + self.kept(dim) * (float_bits + index_bits(dim)))

    def draws(self, dim: int) -> int:
        return dim + 1
