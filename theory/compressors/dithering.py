"""Unbiased quantisers: every coordinate rounded at random to few values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .base import (
    MAX_LEVELS,
    SCALE_LOW_BITS,
    SCALE_VARIANCE,
    Blockwise,
    Compressor,
    Unbiased,
    choice,
    exponent_bits,
    relative,
    rounding_variance,
    vector,
    whole,
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
    """

    name: ClassVar[str] = "qsgd"
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = "dithering is unbiased; only C/(1 + omega) is a contraction"
    block: int | None = None
    levels: int = 1
    norm: str = "l2"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self.levels, f"{self.name}: levels", 1, MAX_LEVELS)
        choice(self.norm, f"{self.name}: norm", ("l2", "linf"))

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
        x = vector(x)
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


@dataclass(frozen=True)
class Ternary(Blockwise):
    """Ternary dithering: C(x)_j = N sign(x_j) with probability |x_j|/N, else 0; N the norm of j's block.

    Sources: TernGrad (Wen et al. 2017, arXiv 1705.07878) and DORE (Liu, Li, Tang, Yan 2020, arXiv 1910.07561)
    for linf, QSGD with one level for l2. Worst case (ours), b the size of the largest block:

    - linf: omega = (sqrt(b) - 1)/2, attained by one entry 1 and the others 1/(1 + sqrt b);
    - l2: omega = sqrt(b) - 1, attained by equal entries.

    At x, one block: N ||x||_1/||x||_2^2 - 1.

    Bits by formula: b_f per block and 3/2 per coordinate, as the DORE paper counts; five symbols share a byte
    on the wire (1.6 bits each).

    Parameters
    ----------
    norm
        "linf" or "l2".
    block
        Coordinates per scale; the whole vector by default.
    """

    name: ClassVar[str] = "ternary"
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = "dithering is unbiased; only C/(1 + omega) is a contraction"
    block: int | None = None
    norm: str = "linf"

    def __post_init__(self) -> None:
        super().__post_init__()
        choice(self.norm, f"{self.name}: norm", ("linf", "l2"))

    def unbiased(self, dim: int) -> Unbiased:
        root = math.sqrt(self.block_size(dim))
        omega = (root - 1) / 2 if self.norm == "linf" else root - 1
        return Unbiased((1 + SCALE_VARIANCE) * (1 + omega) - 1)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
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


@dataclass(frozen=True)
class Natural(Compressor):
    """Natural compression: every entry rounded at random to one of the two powers of two around it.

    Source: Horvath, Ho, Horvath, Sahu, Canini, Richtarik 2019 (arXiv 1905.10988). omega = 1/8 (published), attained
    by entries 4/3 times a power of two. At x the variance is sum over j of (b - |x_j|)(|x_j| - a) with the powers a <=
    |x_j| <= b. Sign and exponent travel: bits by formula 9 d for floats of 32 bits, 12 d for doubles, which are really
    sent. Numbers below 2^-1022 or above 2^1023 are beyond its guarantee.
    """

    name: ClassVar[str] = "natural"
    keeps_support: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    entry_bits: ClassVar[int] = 12
    why_not_contractive: ClassVar[str] = "its errors are random; clip:bits=0 cuts down to a power of two"

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        return Unbiased(1 / 8)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        return relative(float(np.sum(rounding_variance(x, 52))), x)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(dim * (1 + exponent_bits(float_bits)))

    def draws(self, dim: int) -> int:
        return dim


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
    why_not_contractive: ClassVar[str] = "dithering is unbiased; only C/(1 + omega) is a contraction"
    block: int | None = None
    levels: int = 8
    norm: str = "l2"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self.levels, f"{self.name}: levels", 1, 64)
        choice(self.norm, f"{self.name}: norm", ("l1", "l2", "linf"))

    def unbiased(self, dim: int) -> Unbiased:
        b = self.block_size(dim)
        a = (b if self.norm == "l1" else math.sqrt(b)) * 2.0 ** (1 - self.levels)
        omega = 1 / 8 + 2 / 9 * a**2 if a <= 9 / 4 else a - 1
        return Unbiased((1 + SCALE_VARIANCE) * (1 + omega) - 1)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
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

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(float_bits * self.blocks(dim) + dim * (1 + self.levels.bit_length()))

    def draws(self, dim: int) -> int:
        return dim + self.blocks(dim)
