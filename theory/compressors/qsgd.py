"""QSGD dithering: every coordinate rounded at random to one of s levels of the norm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import (
    DITHERING_EXPANDS,
    MAX_LEVELS,
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
class QSGD(Blockwise):
    r"""QSGD dithering: C(x)_j = (N/s) sign(x_j) xi_j, xi_j = s |x_j|/N rounded at random, N the block's norm.

    Source: Alistarh, Grubic, Li, Tomioka, Vojnovic 2017 (arXiv 1610.02132). Published for the l2 norm:
    omega = min(d/s^2, sqrt(d)/s). The constants here are sharper (ours), b the size of the largest block:

    - l2: omega = sqrt(b)/s - 1 if s <= sqrt(b)/2, attained by equal entries, else b/(4 s^2); sqrt(b) - 1 for
      s = 1;
    - linf: omega = (sqrt(1 + (b-1)/s^2) - 1)/2, attained by one entry 1 and the others 1/(s (1 + sqrt(1 +
      (b-1)/s^2))).

    At x, with a_j = s |x_j|/N and p_j its fractional part, the variance is sum over j of (N/s)^2 p_j (1 -
    p_j).

    Bits by formula: the smaller of the fixed length b_f + b (1 + ceil log2(s+1)) per block and, for the l2
    norm, the published expected length (3 + (3/2) log2(2(s^2+b)/(s(s+sqrt b)))) s(s+sqrt b) + b_f of the
    Elias code, its o(1) left out.

    Parameters
    ----------
    levels
        s, at least 1.
    norm
        "l2" or "linf".
    block
        Coordinates per scale; the whole vector by default.
    coder
        "plain": fixed length or Elias code, whichever is shorter; "ans": an entropy coder writes the levels.
    """

    name: ClassVar[str] = "qsgd"
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = DITHERING_EXPANDS
    block: int | None = None
    levels: int = 1
    norm: str = "l2"
    coder: str = "plain"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.whole_option("levels", 1, MAX_LEVELS)
        self.word_option("norm", "l2", "linf")
        self.word_option("coder", "plain", "ans")

    def unbiased(self, dim: int) -> Unbiased:
        b, s = self.block_size(dim), self.levels
        if self.norm == "linf":
            omega = (math.sqrt(1 + (b - 1) / s**2) - 1) / 2
        elif b == 1 or s == 1 or 2 * s <= math.sqrt(b):
            omega = max(math.sqrt(b) / s, 1.0) - 1
        else:
            omega = b / (4 * s**2)
        return Unbiased((1 + SCALE_VARIANCE) * (1 + omega) - 1)

    def pointwise(self, x: ArrayLike) -> float:
        x = centred(x)
        error = 0.0
        for part in self.split(x):
            size = np.abs(part)
            scale = float(np.linalg.norm(part) if self.norm == "l2" else size.max())
            if scale == 0:
                continue
            step = scale / self.levels
            level = np.minimum(size / scale * self.levels, self.levels)
            p = level - np.floor(level)
            rounded = float(rounding_variance(np.array([step]), SCALE_LOW_BITS)[0])
            error += float(step**2 * np.sum(p * (1 - p)) + rounded * np.sum(level**2 + p * (1 - p)))
        return relative(error, x)

    def ties(self, dim: int) -> list[NDArray[np.float64]]:
        return beside((np.arange(dim) % (self.levels + 1)) / self.levels - 0.0)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        s, size = self.levels, self.block_size(dim)
        full, last = divmod(dim, size)
        total = 0.0
        for count, b in ((full, size), (1, last)):
            if b == 0:
                continue
            bits = b * (1.0 + s.bit_length())
            if self.norm == "l2":
                density = s * (s + math.sqrt(b))
                bits = min(bits, (3 + 1.5 * math.log2(2 * (s**2 + b) / density)) * density)
            total += count * (float_bits + bits)
        return total

    def nonzeros(self, dim: int) -> float:
        if self.norm == "linf":
            return float(dim)
        b, s = self.block_size(dim), self.levels
        return min(float(dim), self.blocks(dim) * s * (s + math.sqrt(b)))

    def draws(self, dim: int) -> int:
        return dim + self.blocks(dim)
