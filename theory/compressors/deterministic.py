"""Deterministic quantisers: signs and shortened numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.errors import InputError
from .base import (
    SCALE_LOW_BITS,
    SCALE_TRUNCATION,
    AbsoluteError,
    Blockwise,
    Compressor,
    Contractive,
    Correlated,
    Unbiased,
    choice,
    exponent_bits,
    index_bits,
    truncate,
    vector,
    whole,
)


@dataclass(frozen=True)
class Identity(Compressor):
    """C(x) = x: omega = 0, delta = 1, no error; 64 bits a coordinate are really sent, the formula counts b_f
    d."""

    name: ClassVar[str] = "identity"
    keeps_support: ClassVar[bool] = True
    separable: ClassVar[bool] = True
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

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        return vector(x)

    def keep_probability(self, dim: int) -> float:
        return 1.0

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

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        return np.concatenate([self.scale(part) * np.where(part >= 0, 1.0, -1.0) for part in self.split(x)]) + 0.0

    def scale(self, part: NDArray[np.float64]) -> float:
        """Absolute value of the entries sent for a block."""
        return float(truncate(np.array([np.abs(part).mean()]), SCALE_LOW_BITS)[0])

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(dim + float_bits * self.blocks(dim))


@dataclass(frozen=True)
class NormSign(Sign):
    """Norm-preserving sign: (||x||/sqrt b) sign(x) in every block of b coordinates, sign(0) = +1.

    Source: the one-bit compressor of the DoubleSqueeze experiments (Tang, Lian, Yu, Zhang, Liu 2019, arXiv 1905.05957),
    not of its theory. At x, one block: error 2 - 2 ||x||_1/(sqrt b ||x||).

    It is no contraction: it keeps the length of x, and where the direction is far off, ||x||_1 < sqrt(b) ||x||/2, the
    error exceeds ||x||. One entry of b > 4 does that. What holds (ours): <C(x), x> >= ||x||^2/sqrt b and
    ||C(x)||^2 <= sqrt(b) <C(x), x>, so that C/sqrt(b) is a contraction with delta = 1/b: the scaled sign would have had
    that from the start.

    Parameters
    ----------
    block
        Coordinates per scale; the whole vector by default.
    """

    name: ClassVar[str] = "normsign"
    why_not_unbiased: ClassVar[str] = "it sends the root mean square in every coordinate, so its mean is not x"
    why_not_contractive: ClassVar[str] = (
        "it keeps the length of x, and its error exceeds ||x|| where ||x||_1 < sqrt(d) ||x||/2; sign is a contraction"
    )

    def contractive(self, dim: int) -> None:  # type: ignore[override]
        self.check(dim)

    def correlated(self, dim: int) -> Correlated:
        root = math.sqrt(self.block_size(dim))
        return Correlated((1 - SCALE_TRUNCATION) / root, root)

    def scale(self, part: NDArray[np.float64]) -> float:
        return float(truncate(np.array([np.linalg.norm(part) / math.sqrt(part.size)]), SCALE_LOW_BITS)[0])


@dataclass(frozen=True)
class Dynamic(Compressor):
    """Dynamic quantiser: the fewest largest entries whose absolute values add up to ||x||, each sent as
    ||x|| sign(x_j).

    Sources: Alistarh, Grubic, Li, Tomioka, Vojnovic 2017 (arXiv 1610.02132), and Khirirat, Johansson, Alistarh 2018
    (Gradient compression for communication-limited convex optimization, CDC). Published: at most q = ceil(sqrt d)
    entries, <C(x), x> >= ||x||^2, ||C(x)||^2 <= q ||x||^2; indeed ||C(x)||^2 <= q <C(x), x>, so that C/q is a
    contraction with delta = 1/q (`scaled:of=dynamic`). Bits by formula: b_f + q (1 + ceil log2 d).
    """

    name: ClassVar[str] = "dynamic"
    keeps_support: ClassVar[bool] = True
    REACH: ClassVar[float] = 1 - 2.0**-40
    """Share of ||x|| that counts as all of it: sums that differ by rounding alone must not differ by an entry."""
    why_not_unbiased: ClassVar[str] = "it always drops the same small entries, so its mean is not x"
    why_not_contractive: ClassVar[str] = (
        "every entry that it sends is as large as the whole vector; scaled:of=dynamic is a contraction"
    )

    def correlated(self, dim: int) -> Correlated:
        return Correlated(self.REACH * (1 - SCALE_TRUNCATION), self.most(dim))

    def most(self, dim: int) -> int:
        """Most entries sent, ceil(sqrt d)."""
        self.check(dim)
        return math.isqrt(dim - 1) + 1

    def nonzeros(self, dim: int) -> float:
        return float(self.most(dim))

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        norm = float(np.linalg.norm(x))
        kept = np.argsort(-np.abs(x), kind="stable")[: self.most(x.size)]
        count = 1 + int(np.count_nonzero(np.cumsum(np.abs(x[kept])) < self.REACH * norm))
        out = np.zeros(x.size)
        kept = kept[:count]
        out[kept] = float(truncate(np.array([norm]), SCALE_LOW_BITS)[0]) * np.sign(x[kept])
        return out

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(float_bits + self.most(dim) * (1 + index_bits(dim)))


@dataclass(frozen=True)
class Clip(Compressor):
    """Mantissa clipping: sign, exponent and the first `bits` bits of every entry's fraction, the rest cut off.

    A relative error below 2^-m in every entry, hence delta = 1 - 4^-m (published form); sharper (ours), since the
    fraction that is cut off belongs to a number of at least 1: delta = 1 - 1/(2^m + 1)^2, approached by entries just
    below 1 + 2^-m. Nonexpansive and orthogonal. It is the class of relative errors, not DoubleSqueeze's absolute one.
    m = 0 keeps powers of two: the deterministic relative of natural compression, delta = 3/4. Bits by formula: 1 + 8 +
    m a coordinate for floats of 32 bits, 1 + 11 + m for those of 64. Numbers below 2^-1022 are beyond its guarantee.

    Parameters
    ----------
    bits
        m, 0 to 52.
    """

    name: ClassVar[str] = "clip"
    keeps_support: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    why_not_unbiased: ClassVar[str] = "it rounds towards zero, so its mean is not x"
    bits: int = 8

    def __post_init__(self) -> None:
        whole(self.bits, "clip: bits", 0, 52)

    def contractive(self, dim: int) -> Contractive:
        self.check(dim)
        return Contractive(1 - 1 / (2**self.bits + 1) ** 2, nonexpansive=True, orthogonal=True)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        return truncate(vector(x), 52 - self.bits)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(dim * (1 + exponent_bits(float_bits) + self.bits))


@dataclass(frozen=True)
class Adversary(Compressor):
    """The worst contraction: ||C(x) - x||^2 = (1 - delta) ||x||^2 at every x, in a direction chosen against the method.

    For tightness studies (for instance Berg Thomsen, Taylor, Dieuleveut 2025). With r = sqrt(1 - delta) and y
    orthogonal to x, ||y|| = ||x||:

    - shrink: C(x) = (1 - r) x, which is nonexpansive and orthogonal;
    - grow: C(x) = (1 + r) x;
    - orthogonal: C(x) = x + r y;
    - sphere: C(x) = delta x + sqrt(delta (1 - delta)) y, nonexpansive with <C(x), x - C(x)> = 0.

    y turns pairs of coordinates by a right angle, (x_1, x_2, x_3, ...) to (-x_2, x_1, -x_4, ...); in an odd dimension
    the last entry gives its length to the others. Deterministic; the message is a dense vector of doubles.

    Parameters
    ----------
    delta
        In (0, 1].
    direction
        "shrink", "grow", "orthogonal" or "sphere"; the last two need two coordinates.
    """

    name: ClassVar[str] = "adversary"
    why_not_unbiased: ClassVar[str] = "it errs on purpose, always in the same direction"
    delta: float = 0.5
    direction: str = "shrink"

    def __post_init__(self) -> None:
        if isinstance(self.delta, str) or not 0 < self.delta <= 1:
            raise InputError(f"adversary: delta = {self.delta} must lie in (0, 1]")
        choice(self.direction, "adversary: direction", ("shrink", "grow", "orthogonal", "sphere"))

    def check(self, dim: int) -> None:
        super().check(dim)
        if dim == 1 and self.factors[1]:
            raise InputError(
                f"adversary: direction = {self.direction} needs 2 coordinates, there is 1; take shrink or grow"
            )

    @property
    def factors(self) -> tuple[float, float]:
        """(a, b) in C(x) = a x + b y."""
        delta, r = float(self.delta), math.sqrt(1 - self.delta)
        return {
            "shrink": (1 - r, 0.0),
            "grow": (1 + r, 0.0),
            "orthogonal": (1.0, r),
            "sphere": (delta, math.sqrt(delta) * r),
        }[self.direction]

    def contractive(self, dim: int) -> Contractive:
        self.check(dim)
        inward = self.direction in ("shrink", "sphere") or self.delta == 1
        return Contractive(float(self.delta), nonexpansive=inward, orthogonal=inward)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        self.check(x.size)
        a, b = self.factors
        if b == 0:
            return a * x
        y = np.zeros(x.size)
        pairs = x.size // 2 * 2
        y[0:pairs:2], y[1:pairs:2] = -x[1:pairs:2], x[0:pairs:2]
        length, norm = float(np.linalg.norm(y)), float(np.linalg.norm(x))
        if length == 0:
            y[0] = length = 1.0
        return a * x + b * (norm / length) * y

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(float_bits * dim)
