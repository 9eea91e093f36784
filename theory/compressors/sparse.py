"""Sparsifiers: few coordinates are sent, the others are dropped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from .base import (
    VALUE_LOW_BITS,
    VALUE_TRUNCATION,
    VALUE_VARIANCE,
    AbsoluteError,
    Compressor,
    Contractive,
    Sparse,
    Unbiased,
    choice,
    index_bits,
    relative,
    rounding_variance,
    truncate,
    vector,
    whole,
)


@dataclass(frozen=True)
class RandK(Sparse):
    """Rand-k: k coordinates chosen uniformly without replacement; scaled by d/k, or kept as they are.

    Source: Stich, Cordonnier, Jaggi 2018 (arXiv 1809.07599) for the unscaled one. Scaled: omega = d/k - 1,
    attained by every x. Unscaled (scaled=0): delta = k/d, attained by every x; nonexpansive and orthogonal.

    Parameters
    ----------
    k, ratio
        Entries sent, or their share of the coordinates.
    seed
        "own": every worker chooses its own coordinates and sends their indices; "shared": one seed serves all
        workers and the receiver, so that indices are free, but the workers' errors are not independent.
    scaled
        1 (unbiased) or 0 (contractive).
    """

    name: ClassVar[str] = "randk"
    seed: str = "own"
    scaled: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        choice(self.seed, f"{self.name}: seed", ("own", "shared"))
        whole(self.scaled, f"{self.name}: scaled", 0, 1)

    @property
    def shared_coins(self) -> bool:
        return self.seed == "shared"

    @property
    def why_not_unbiased(self) -> str:  # type: ignore[override]
        return "" if self.scaled else "without the factor d/k its mean is (k/d) x; scaled=1 makes it unbiased"

    @property
    def why_not_contractive(self) -> str:  # type: ignore[override]
        return "with the factor d/k it expands vectors; scaled=0 makes it a contraction" if self.scaled else ""

    def unbiased(self, dim: int) -> Unbiased | None:
        k = self.kept(dim)
        if not self.scaled:
            return None
        return Unbiased(dim / k * (1 + VALUE_VARIANCE) - 1, self.shared_coins)

    def contractive(self, dim: int) -> Contractive | None:
        k = self.kept(dim)
        if self.scaled:
            return None
        delta = k / dim * (1 - VALUE_TRUNCATION**2)
        return Contractive(
            delta, nonexpansive=True, orthogonal=True, keeps="random", shared_coins=self.shared_coins
        )

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        share = self.kept(x.size) / x.size
        if self.scaled:
            rounded = float(np.sum(rounding_variance(x / share, VALUE_LOW_BITS)))
            return relative((1 / share - 1) * float(x @ x) + share * rounded, x)
        lost = x - truncate(x, VALUE_LOW_BITS)
        return relative((1 - share) * float(x @ x) + share * float(lost @ lost), x)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(self.kept(dim) * (float_bits + (0 if self.shared_coins else index_bits(dim))))

    def draws(self, dim: int) -> int:
        return (3 if self.scaled else 2) * self.kept(dim)


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
    why_not_unbiased: ClassVar[str] = "it always drops the same small entries, so its mean is not x"

    def contractive(self, dim: int) -> Contractive:
        delta = self.kept(dim) / dim * (1 - VALUE_TRUNCATION**2)
        return Contractive(delta, nonexpansive=True, orthogonal=True, keeps="largest")

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        kept = np.argsort(-np.abs(x), kind="stable")[: self.kept(x.size)]
        error = x.copy()
        error[kept] -= truncate(x[kept], VALUE_LOW_BITS)
        return relative(float(error @ error), x)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(self.kept(dim) * (float_bits + index_bits(dim)))


@dataclass(frozen=True)
class Threshold(Compressor):
    """Hard threshold: entries of absolute value above `level` are sent as they are, the others dropped.

    Absolute error sqrt(d) level, the class that DoubleSqueeze assumes (Tang et al. 2019, arXiv 1905.05957),
    approached by entries equal to the level. Nothing limits the number of entries sent: the formula is the
    dense vector b_f d.

    Parameters
    ----------
    level
        Above 0.
    """

    name: ClassVar[str] = "threshold"
    why_not_unbiased: ClassVar[str] = "it always drops the entries below its level, so its mean is not x"
    why_not_contractive: ClassVar[str] = "a vector whose entries are all below the level is dropped whole"
    why_not_absolute: ClassVar[str] = ""
    level: float = 0.01

    def __post_init__(self) -> None:
        if isinstance(self.level, str) or not (self.level > 0 and math.isfinite(self.level)):
            raise InputError(f"threshold: level = {self.level} must be a finite number above 0")

    def absolute(self, dim: int) -> AbsoluteError:
        self.check(dim)
        return AbsoluteError(math.sqrt(dim) * self.level)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        self.check(x.size)
        dropped = x[np.abs(x) <= self.level]
        return relative(float(dropped @ dropped), x)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(float_bits * dim)
