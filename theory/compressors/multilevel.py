"""Multilevel top-k: one of the groups of k that a vector falls into by size, chosen at random."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import (
    VALUE_LOW_BITS,
    VALUE_VARIANCE,
    Sparse,
    Unbiased,
    beside,
    centred,
    index_bits,
    relative,
    rounding_variance,
)


@dataclass(frozen=True)
class Multilevel(Sparse):
    r"""Multilevel top-k: level l of x with probability p_l = ||s_l||/sum_m ||s_m||, sent as s_l/p_l; unbiased.

    Source of the idea: multilevel Monte Carlo, for compressors Zukerman, Hamoud, Levy 2025 (Beyond communication
    overhead: a multilevel Monte Carlo approach for mitigating compression bias in distributed learning). With x^l the
    l k largest entries, ties to the lowest index, s_l = x^l - x^(l-1): the k largest, the k next, ..., L = ceil(d/k)
    levels. Given x these probabilities are the best, and exactly omega(x) = (sum_l ||s_l||)^2/||x||^2 - 1.

    Worst case (ours): at most L - 1 by Cauchy's inequality; the last level holds r = d - (L-1) k entries, the smallest,
    so that ||s_L|| <= sqrt(r/k) ||s_(L-1)||, and omega = (L - 1 + sqrt(r/k))^2/(L - 1 + r/k) - 1, attained by equal
    entries. A vector whose sizes fall quickly costs next to nothing. Bits by formula: k (b_f + ceil log2 d), as top-k.

    Parameters
    ----------
    k, ratio
        Entries of a level, or their share of the coordinates.
    """

    name: ClassVar[str] = "multilevel"
    keeps_support: ClassVar[bool] = True
    together: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = "divided by p_l it expands vectors; scaled:of=multilevel/... is a contraction"

    def levels(self, dim: int) -> int:
        """L."""
        return -(-dim // self.kept(dim))

    def unbiased(self, dim: int) -> Unbiased:
        whole = self.levels(dim) - 1
        share = dim / self.kept(dim) - whole
        omega = (whole + math.sqrt(share)) ** 2 / (whole + share) - 1
        return Unbiased((1 + VALUE_VARIANCE) * (1 + omega) - 1)

    def pointwise(self, x: ArrayLike) -> float:
        x = centred(x)
        order, k = np.argsort(-np.abs(x), kind="stable"), self.kept(x.size)
        parts = [x[order[start : start + k]] for start in range(0, x.size, k)]
        norms = np.array([np.linalg.norm(part) for part in parts])
        rounded = sum(
            norm / norms.sum() * float(np.sum(rounding_variance(part * (norms.sum() / norm), VALUE_LOW_BITS)))
            for part, norm in zip(parts, norms, strict=True)
            if norm > 0
        )
        return relative(float(norms.sum() ** 2 - norms @ norms) + rounded, x)

    def ties(self, dim: int) -> list[NDArray[np.float64]]:
        """Levels whose borders lie within equal entries."""
        return beside(1.0 / (1 + np.arange(dim) // (self.kept(dim) + 1)))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(self.kept(dim) * (float_bits + index_bits(dim)))

    def draws(self, dim: int) -> int:
        return 2 + self.kept(dim)
