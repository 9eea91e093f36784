"""Rank-r approximation of the vector as a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import VALUE_LOW_BITS, Contractive, truncate, vector
from .lowrank import RANK_LOSS, LowRank


@dataclass(frozen=True)
class RankR(LowRank):
    """Rank-r approximation: the r largest singular values of the vector as an m x n matrix, with their directions.

    Source: Vogels, Karimireddy, Jaggi 2019 (PowerSGD, arXiv 1905.13727), and before them the atoms of Wang, Sievert,
    Charles, Liu, Wright, Papailiopoulos 2018 (arXiv 1806.04090). delta = r/min(m, n), attained by equal singular
    values; at x the error is the share of ||x||^2 in the other singular values. Nonexpansive and orthogonal. Bits by
    formula: b_f r (m + n).

    Parameters
    ----------
    rank
        r, at most min(m, n).
    rows
        m, a divisor of d, for matrices of m x d/m. By default m = ceil(sqrt d), n = ceil(d/m), and zeros fill the rest.
    """

    name: ClassVar[str] = "rankr"
    why_not_unbiased: ClassVar[str] = "it always drops the same directions, so its mean is not x"

    def contractive(self, dim: int) -> Contractive:
        self.check(dim)
        delta = self.rank / min(self.shape(dim)) - self.rank * RANK_LOSS
        return Contractive(delta, nonexpansive=True, orthogonal=True)

    def work(self, dim: int) -> float:
        """The Gram matrix of the smaller side, and a few sweeps of Jacobi's rotations."""
        side = min(self.shape(dim))
        return float(dim) * side + 8.0 * side**3

    def ties(self, dim: int) -> list[NDArray[np.float64]]:
        """Equal singular values."""
        return [np.eye(*self.shape(dim)).ravel()[:dim]]

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        self.check(x.size)
        matrix = np.zeros(self.shape(x.size))
        matrix.ravel()[: x.size] = x
        p = truncate(np.linalg.svd(matrix, full_matrices=False)[0][:, : self.rank], VALUE_LOW_BITS)
        q = truncate(self.shrink * (matrix.T @ p), VALUE_LOW_BITS)
        return (p @ q.T).ravel()[: x.size] + 0.0
