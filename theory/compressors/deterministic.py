"""Deterministic quantisers: signs and shortened numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .base import (
    SCALE_LOW_BITS,
    SCALE_TRUNCATION,
    AbsoluteError,
    Blockwise,
    Compressor,
    Contractive,
    Unbiased,
    relative,
    truncate,
    vector,
)


@dataclass(frozen=True)
class Identity(Compressor):
    """C(x) = x: omega = 0, delta = 1, no error; 64 bits a coordinate are really sent, the formula counts b_f
    d."""

    name: ClassVar[str] = "identity"
    why_not_absolute: ClassVar[str] = ""

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        return Unbiased(0.0)

    def contractive(self, dim: int) -> Contractive:
        self.check(dim)
        return Contractive(1.0, nonexpansive=True, orthogonal=True)

    def absolute(self, dim: int) -> AbsoluteError:
        self.check(dim)
        return AbsoluteError(0.0)

    def pointwise(self, x: ArrayLike) -> float:
        self.check(vector(x).size)
        return 0.0

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(float_bits * dim)


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

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        error = 0.0
        for part in self.split(x):
            size = np.abs(part)
            gap = size - truncate(np.array([size.mean()]), SCALE_LOW_BITS)[0]
            error += float(gap @ gap)
        return relative(error, x)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(dim + float_bits * self.blocks(dim))
