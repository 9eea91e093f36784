"""Scaled sign: one bit a coordinate, and a scale per block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import SCALE_LOW_BITS, SCALE_TRUNCATION, Blockwise, Contractive, mean_size, truncate, vector


@dataclass(frozen=True)
class Sign(Blockwise):
    """Scaled sign: (||x||_1/b) sign(x) in every block of b coordinates, sign(0) = +1.

    Source: Karimireddy, Rebjock, Stich, Jaggi 2019 (arXiv 1901.09847). At x, one block:
    delta = ||x||_1^2/(b ||x||_2^2); worst case 1/b with b the largest block (published), attained by one
    entry. Nonexpansive and orthogonal. Bits by formula: b_f per block and one per coordinate.

    Parameters
    ----------
    block
        Coordinates per scale; the whole vector by default.
    """

    name: ClassVar[str] = "sign"
    why_not_unbiased: ClassVar[str] = "it sends the mean absolute value in every coordinate, so its mean is not x"

    def contractive(self, dim: int) -> Contractive:
        delta = (1 - SCALE_TRUNCATION**2) / self.block_size(dim)
        return Contractive(delta, nonexpansive=True, orthogonal=True, keeps="projection")

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        return np.concatenate([self.scale(part) * np.where(part >= 0, 1.0, -1.0) for part in self.split(x)]) + 0.0

    def scale(self, part: NDArray[np.float64]) -> float:
        """Absolute value of the entries sent for a block."""
        return float(truncate(np.array([mean_size(part)]), SCALE_LOW_BITS)[0])

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(dim + float_bits * self.blocks(dim))
