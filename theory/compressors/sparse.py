"""Sparsifiers: few coordinates are sent, the others are dropped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.errors import InputError
from .base import (
    MAX_DIM,
    SCALE_LOW_BITS,
    VALUE_LOW_BITS,
    VALUE_TRUNCATION,
    VALUE_VARIANCE,
    AbsoluteError,
    Compressor,
    Contractive,
    General,
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


def selection_error(x: NDArray[np.float64], p: float, scaled: bool) -> float:
    """Pointwise error of a compressor that keeps every coordinate with probability p, rounded to the wire."""
    if scaled:
        rounded = float(np.sum(rounding_variance(x / p, VALUE_LOW_BITS)))
        return relative((1 / p - 1) * float(x @ x) + p * rounded, x)
    lost = x - truncate(x, VALUE_LOW_BITS)
    return relative((1 - p) * float(x @ x) + p * float(lost @ lost), x)


def selection_unbiased(p: float, shared_coins: bool = False) -> Unbiased:
    """omega = 1/p - 1 of a compressor that keeps every coordinate with probability p, scaled by 1/p."""
    return Unbiased((1 + VALUE_VARIANCE) / p - 1, shared_coins)


def selection_contractive(p: float, shared_coins: bool) -> Contractive:
    """delta = p of a compressor that keeps every coordinate with probability p, as it is."""
    delta = p * (1 - VALUE_TRUNCATION**2)
    return Contractive(delta, nonexpansive=True, orthogonal=True, keeps="random", shared_coins=shared_coins)


def selection_general(p: float, scaled: bool) -> General:
    """Bias 1 - p and variance p (1 - p) of a compressor that keeps every coordinate with probability p, as it is."""
    if scaled:
        return General(0.0, selection_unbiased(p).omega)
    return General(1 - p * (1 - VALUE_TRUNCATION), p * (1 - p))


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
    keeps_support: ClassVar[bool] = True
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
        return selection_unbiased(k / dim, self.shared_coins) if self.scaled else None

    def contractive(self, dim: int) -> Contractive | None:
        k = self.kept(dim)
        return None if self.scaled else selection_contractive(k / dim, self.shared_coins)

    def general(self, dim: int) -> General:
        return selection_general(self.kept(dim) / dim, bool(self.scaled))

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        return selection_error(x, self.kept(x.size) / x.size, bool(self.scaled))

    def keep_probability(self, dim: int) -> float | None:
        return self.kept(dim) / dim if self.scaled else None

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
    keeps_support: ClassVar[bool] = True
    why_not_unbiased: ClassVar[str] = "it always drops the same small entries, so its mean is not x"

    def contractive(self, dim: int) -> Contractive:
        delta = self.kept(dim) / dim * (1 - VALUE_TRUNCATION**2)
        return Contractive(delta, nonexpansive=True, orthogonal=True, keeps="largest")

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        kept = np.argsort(-np.abs(x), kind="stable")[: self.kept(x.size)]
        out = np.zeros(x.size)
        out[kept] = truncate(x[kept], VALUE_LOW_BITS)
        return out

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
    keeps_support: ClassVar[bool] = True
    separable: ClassVar[bool] = True
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

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        self.check(x.size)
        return np.where(np.abs(x) > self.level, x, 0.0)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(float_bits * dim)


@dataclass(frozen=True)
class RandomBlock(Compressor):
    """Random block: one of `blocks` blocks of neighbouring coordinates, kept as it is, or scaled by their number.

    Source: the globally randomised blockwise sparsifier (RBGS) of Xie, Zheng, Koyejo, Gupta, Li, Lin 2020 (CSER, arXiv
    2007.13221). Kept as it is: delta = 1/B, attained by every x; nonexpansive and orthogonal. Scaled: omega = B - 1,
    attained by every x. The blocks differ by one coordinate at most; B blocks of d coordinates have the borders
    floor(b d/B). Bits by formula: b_f d/B, and ceil log2 B without a shared seed.

    Parameters
    ----------
    blocks
        B, at most the number of coordinates.
    seed
        "shared": all workers send the same block, so that messages can be summed on their way and the block's number is
        free, but the workers' errors are not independent; "own": every worker chooses its block.
    scaled
        0 (contractive) or 1 (unbiased).
    """

    name: ClassVar[str] = "randomblock"
    together: ClassVar[bool] = True
    keeps_support: ClassVar[bool] = True
    blocks: int
    seed: str = "shared"
    scaled: int = 0

    def __post_init__(self) -> None:
        whole(self.blocks, f"{self.name}: blocks", 1, MAX_DIM)
        choice(self.seed, f"{self.name}: seed", ("own", "shared"))
        whole(self.scaled, f"{self.name}: scaled", 0, 1)

    def check(self, dim: int) -> None:
        super().check(dim)
        if self.blocks > dim:
            raise InputError(
                f"{self.name}: blocks = {self.blocks} is more than the {dim} coordinates; take blocks <= {dim}"
            )

    @property
    def shared_coins(self) -> bool:
        return self.seed == "shared"

    @property
    def why_not_unbiased(self) -> str:  # type: ignore[override]
        return "" if self.scaled else "without the factor B its mean is x/B; scaled=1 makes it unbiased"

    @property
    def why_not_contractive(self) -> str:  # type: ignore[override]
        return "with the factor B it expands vectors; scaled=0 makes it a contraction" if self.scaled else ""

    def longest(self, dim: int) -> int:
        """Coordinates of the largest block."""
        self.check(dim)
        return -(-dim // self.blocks)

    def unbiased(self, dim: int) -> Unbiased | None:
        self.check(dim)
        return selection_unbiased(1 / self.blocks, self.shared_coins) if self.scaled else None

    def contractive(self, dim: int) -> Contractive | None:
        self.check(dim)
        return None if self.scaled else selection_contractive(1 / self.blocks, self.shared_coins)

    def general(self, dim: int) -> General:
        self.check(dim)
        return selection_general(1 / self.blocks, bool(self.scaled))

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        self.check(x.size)
        return selection_error(x, 1 / self.blocks, bool(self.scaled))

    def keep_probability(self, dim: int) -> float | None:
        return 1 / self.blocks if self.scaled else None

    def nonzeros(self, dim: int) -> float:
        return float(self.longest(dim))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float_bits * dim / self.blocks + (0 if self.shared_coins else index_bits(self.blocks))

    def draws(self, dim: int) -> int:
        return 2 + (self.longest(dim) if self.scaled else 0)


@dataclass(frozen=True)
class Bernoulli(Compressor):
    """Bernoulli: the whole vector over p with probability p, else nothing.

    Folklore, the coin of lazy senders. omega = 1/p - 1, attained by every x. The probability is the multiple of 2^-32
    nearest to `p`, and C divides by just that. Bits by formula: 1 + p b_f d in expectation.

    Parameters
    ----------
    p
        In [2^-32, 1].
    """

    name: ClassVar[str] = "bernoulli"
    together: ClassVar[bool] = True
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = "divided by p it expands vectors; scaled:of=bernoulli is a contraction"
    p: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.p, str) or not 2.0**-32 <= self.p <= 1:
            raise InputError(f"bernoulli: p = {self.p} must lie in [2^-32, 1]")

    @property
    def probability(self) -> float:
        """The probability of sending, a multiple of 2^-32."""
        return math.floor(self.p * 2**32 + 0.5) / 2**32

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        return selection_unbiased(self.probability)

    def pointwise(self, x: ArrayLike) -> float:
        return selection_error(vector(x), self.probability, True)

    def keep_probability(self, dim: int) -> float:
        return self.probability

    def nonzeros(self, dim: int) -> float:
        self.check(dim)
        return self.probability * dim

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return 1 + self.probability * float_bits * dim

    def draws(self, dim: int) -> int:
        return dim + 1


@dataclass(frozen=True)
class PermK(Compressor):
    """Perm-k: the coordinates are dealt out to the n workers at random; each sends n times what it was dealt.

    Source: Szlendak, Tyurin, Richtarik 2021 (arXiv 2110.03300). One permutation serves all workers and the receiver.
    Each message alone is unbiased with omega = n - 1, attained by every x; together, published: the error of the
    average is avg||x_i||^2 - ||avg x_i||^2 in expectation, zero for equal inputs. If n does not divide d, zeros are
    dealt out too: worker i gets places i k, ..., (i + 1) k - 1 of a permutation of n k coordinates, k =
    ceil(d/n).

    Worker i is the engine's worker number modulo n. With another number of workers than n every message is still
    unbiased with omega = n - 1; the identity of the average is lost. `averaged` of the stated class is n - 1, as for
    any coins that are shared. Bits by formula: b_f d/n.

    Parameters
    ----------
    workers
        n, the number of workers of the run.
    """

    name: ClassVar[str] = "permk"
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = "with the factor n it expands vectors; scaled:of=permk is a contraction"
    workers: int

    def __post_init__(self) -> None:
        whole(self.workers, "permk: workers", 1, 2**20)

    @property
    def shared_coins(self) -> bool:
        return True

    def dealt(self, dim: int) -> int:
        """Places of one worker, ceil(d/n)."""
        self.check(dim)
        return -(-dim // self.workers)

    def check(self, dim: int) -> None:
        super().check(dim)
        whole(
            -(-dim // self.workers) * self.workers,
            "permk: coordinates, filled up to a multiple of workers,",
            1,
            MAX_DIM,
        )

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        return selection_unbiased(1 / self.workers, shared_coins=True)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        self.check(x.size)
        return selection_error(x, 1 / self.workers, True)

    def keep_probability(self, dim: int) -> float:
        return 1 / self.workers

    def nonzeros(self, dim: int) -> float:
        self.check(dim)
        return dim / self.workers

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float_bits * dim / self.workers

    def draws(self, dim: int) -> int:
        return 2 * self.workers * self.dealt(dim) + self.dealt(dim)


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
        x = vector(x)
        lam, size = self.lam(x), np.abs(x)
        certain = size >= lam
        error = float(np.sum(rounding_variance(x[certain], VALUE_LOW_BITS)))
        if lam > 0:
            rare = size[~certain]
            rounded = float(rounding_variance(np.array([lam]), SCALE_LOW_BITS)[0])
            error += float(np.sum(rare * (lam - rare)) + rounded * np.sum(rare) / lam)
        return relative(error, x)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(float_bits + self.kept(dim) * (float_bits + index_bits(dim)))

    def draws(self, dim: int) -> int:
        return dim + 1
