"""Ternary dithering: every coordinate becomes 0 or plus or minus the norm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .base import (
    DITHERING_EXPANDS,
    SCALE_LOW_BITS,
    SCALE_VARIANCE,
    Blockwise,
    Unbiased,
    centred,
    relative,
    rounding_variance,
)


@dataclass(frozen=True)
class Ternary(Blockwise):
    """Ternary dithering: C(x)_j = N sign(x_j) with probability |x_j|/N, else 0; N the norm of j's block.

    Sources: TernGrad (Wen et al. 2017, arXiv 1705.07878) and DORE (Liu, Li, Tang, Yan 2020, arXiv 1910.07561)
    for linf, QSGD with one level for l2. Worst case (ours), b the size of the largest block:

    - linf: omega = (sqrt(b) - 1)/2, attained by one entry 1 and the others 1/(1 + sqrt b);
    - l2: omega = sqrt(b) - 1, attained by equal entries.

    At x, one block: N ||x||_1/||x||_2^2 - 1.

    Bits by formula: b_f per block and 3/2 per coordinate, as the DORE paper counts; five symbols share a byte
    on the wire (1.6 bits each), or are coded close to their entropy.

    Parameters
    ----------
    norm
        "linf" or "l2".
    block
        Coordinates per scale; the whole vector by default.
    coder
        "plain", or "ans": an entropy coder writes the symbols.
    """

    name: ClassVar[str] = "ternary"
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = DITHERING_EXPANDS
    block: int | None = None
    norm: str = "linf"
    coder: str = "plain"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.word_option("norm", "linf", "l2")
        self.word_option("coder", "plain", "ans")

    def unbiased(self, dim: int) -> Unbiased:
        root = math.sqrt(self.block_size(dim))
        omega = (root - 1) / 2 if self.norm == "linf" else root - 1
        return Unbiased((1 + SCALE_VARIANCE) * (1 + omega) - 1)

    def pointwise(self, x: ArrayLike) -> float:
        x = centred(x)
        error = 0.0
        for part in self.split(x):
            size = np.abs(part)
            scale = float(np.linalg.norm(part) if self.norm == "l2" else size.max())
            if scale == 0:
                continue
            rounded = float(rounding_variance(np.array([scale]), SCALE_LOW_BITS)[0])
            error += float(np.sum(size * np.maximum(scale - size, 0)) + rounded * np.sum(size) / scale)
        return relative(error, x)

    def nonzeros(self, dim: int) -> float:
        if self.norm == "linf":
            return float(dim)
        return min(float(dim), self.blocks(dim) * math.sqrt(self.block_size(dim)))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float_bits * self.blocks(dim) + 1.5 * dim

    def draws(self, dim: int) -> int:
        return dim + self.blocks(dim)
