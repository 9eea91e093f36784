"""Natural dithering: levels that halve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import (
    DITHERING_EXPANDS,
    SCALE_LOW_BITS,
    SCALE_VARIANCE,
    Blockwise,
    Unbiased,
    beside,
    centred,
    relative,
    rounding_variance,
)


@dataclass(frozen=True)
class NaturalDithering(Blockwise):
    r"""Natural dithering: C(x)_j = N sign(x_j) xi_j, xi_j = |x_j|/N rounded at random to 1, 1/2, ..., 2^(1-s), 0.

    Source: Horvath, Ho, Horvath, Sahu, Canini, Richtarik 2019 (arXiv 1905.10988). N is the p-norm of the block.
    Published: omega = 1/8 + a min(1, a) with a = b^(1/r) 2^(1-s), r = min(p, 2), b the size of the largest block.
    The constant here is sharper (ours): omega = 1/8 + (2/9) a^2 if a <= 9/4, else a - 1. For entries below the lowest
    level t = 2^(1-s) the variance is N^2 y (t - y), y = |x_j|/N; if they hold the share sigma of ||x||^2, their sum is
    at most (a sqrt(sigma) - sigma) ||x||^2 by Cauchy's inequality and N <= b^(1/r - 1/2) ||x||; the others add at most
    (1 - sigma)/8; the largest value over 0 <= sigma <= 1 is the constant.

    Bits by formula: b_f per block and 1 + ceil log2(s+1) per coordinate.

    Parameters
    ----------
    levels
        s, 1 to 64.
    norm
        "l1", "l2" or "linf".
    block
        Coordinates per scale; the whole vector by default.
    """

    name: ClassVar[str] = "natural-dithering"
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = DITHERING_EXPANDS
    block: int | None = None
    levels: int = 8
    norm: str = "l2"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.whole_option("levels", 1, 64)
        self.word_option("norm", "l1", "l2", "linf")

    def unbiased(self, dim: int) -> Unbiased:
        b = self.block_size(dim)
        a = (b if self.norm == "l1" else math.sqrt(b)) * 2.0 ** (1 - self.levels)
        omega = 1 / 8 + 2 / 9 * a**2 if a <= 9 / 4 else a - 1
        return Unbiased((1 + SCALE_VARIANCE) * (1 + omega) - 1)

    def pointwise(self, x: ArrayLike) -> float:
        x = centred(x)
        error, lowest = 0.0, 2.0 ** (1 - self.levels)
        for part in self.split(x):
            size = np.abs(part)
            scale = float(np.linalg.norm(part, {"l1": 1, "l2": 2, "linf": np.inf}[self.norm]))
            if scale == 0:
                continue
            y = np.minimum(size / scale, 1)
            variance = np.where(y < lowest, y * (lowest - y), rounding_variance(y, 52))
            rounded = float(rounding_variance(np.array([scale]), SCALE_LOW_BITS)[0])
            error += float(scale**2 * np.sum(variance) + rounded * np.sum(y**2 + variance))
        return relative(error, x)

    def ties(self, dim: int) -> list[NDArray[np.float64]]:
        return beside(2.0 ** -(np.arange(dim) % (self.levels + 1)))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(float_bits * self.blocks(dim) + dim * (1 + self.levels.bit_length()))

    def draws(self, dim: int) -> int:
        return dim + self.blocks(dim)
