"""Compressors: what a theorem may assume of one, and the constants of each.

Assumption classes (Beznosikov, Horvath, Richtarik, Safaryan 2020, arXiv 2002.12410, collects them):

- `Unbiased`: E C(x) = x and E||C(x) - x||^2 <= omega ||x||^2;
- `Contractive`: E||C(x) - x||^2 <= (1 - delta) ||x||^2;
- `AbsoluteError`: E||C(x) - x||^2 <= eps^2 (DoubleSqueeze, arXiv 1905.05957).

A class is never converted into another silently: `Unbiased.scaled` states the contraction of C/(1 + omega),
which is a different compressor from C.

Numbers on the wire
-------------------
A scale or a value travels in 32 bits: the upper half of its double (the exponent of a double keeps the full
range, 20 fraction bits remain for a signed value, 21 for a scale, which needs no sign bit). The rounding is
part of C, so that every theorem is about what is really sent:

- unbiased compressors round at random with the right probabilities, which keeps E C(x) = x and turns omega
  into (1 + r)(1 + omega) - 1 with r = 2^-44 (scales) or 2^-42 (values);
- contractive compressors round towards zero, which keeps ||C(x)|| <= ||x|| and <C(x), x - C(x)> >= 0 and
  turns delta into delta (1 - r^2) with r = 2^-20 (values) or 2^-21 (scales);
- the hard threshold and the identity carry full doubles: their guarantee leaves no room for a relative error.

All constants below contain these factors. Probabilities are compared with uniforms of 32 bits, so that they
are exact to 2^-33.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError
from .spec import build, format_spec

SCALE_LOW_BITS = 31
"""Low bits of a double that a scale on the wire does not carry."""
VALUE_LOW_BITS = 32
"""Low bits of a double that a signed value on the wire does not carry."""
SCALE_VARIANCE = 2.0**-44
"""Largest relative variance of a scale rounded at random to the wire."""
VALUE_VARIANCE = 2.0**-42
"""Largest relative variance of a value rounded at random to the wire."""
SCALE_TRUNCATION = 2.0**-21
"""Largest relative error of a scale rounded towards zero."""
VALUE_TRUNCATION = 2.0**-20
"""Largest relative error of a value rounded towards zero."""
MAX_LEVELS = 2**20
"""Most levels of a quantiser: level times step stays exact in a double."""
MAX_DIM = 2**31 - 1
"""Longest vector: its indices fit in 31 bits."""


@dataclass(frozen=True)
class Unbiased:
    """E C(x) = x and E||C(x) - x||^2 <= omega ||x||^2.

    Parameters
    ----------
    omega
        Relative variance, >= 0.
    shared_coins
        True when all workers use the same coins: the error of an average of n messages is then omega, not
        omega/n.
    """

    omega: float
    shared_coins: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.omega) and self.omega >= 0):
            raise InputError(f"omega = {self.omega} is not a relative variance; it must be finite and at least 0")

    def averaged(self, n: int) -> float:
        """Constant c in E||avg (C(x_i) - x_i)||^2 <= c avg ||x_i||^2 over n workers."""
        return self.omega if self.shared_coins else self.omega / n

    def scaled(self) -> Contractive:
        """The contraction of C/(1 + omega): delta = 1/(1 + omega)."""
        return Contractive(1.0 / (1.0 + self.omega))


@dataclass(frozen=True)
class Contractive:
    """E||C(x) - x||^2 <= (1 - delta) ||x||^2.

    Parameters
    ----------
    delta
        In (0, 1].
    nonexpansive
        ||C(x)|| <= ||x|| for every x and every coin.
    orthogonal
        <C(x), x - C(x)> >= 0 for every x and every coin.
    """

    delta: float
    nonexpansive: bool = False
    orthogonal: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.delta <= 1:
            raise InputError(f"delta = {self.delta} is no contraction; it must lie in (0, 1]")


@dataclass(frozen=True)
class AbsoluteError:
    """E||C(x) - x||^2 <= eps^2 for every x, however large."""

    eps: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.eps) and self.eps >= 0):
            raise InputError(f"eps = {self.eps} is not an error bound; it must be finite and at least 0")


def whole(value: Any, what: str, low: int, high: int) -> int:
    """Return `value` if it is an integer in [low, high]; otherwise raise `InputError` naming it."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputError(f"{what} = {value} must be a whole number")
    if value < low or value > high:
        raise InputError(f"{what} = {value} is out of range; it must be at least {low} and at most {high}")
    return int(value)


def index_bits(dim: int) -> int:
    """Bits of one index of a vector of `dim` coordinates: ceil(log2 dim)."""
    return (dim - 1).bit_length()


def truncate(value: NDArray[np.float64], low_bits: int) -> NDArray[np.float64]:
    """Round doubles towards zero by clearing their `low_bits` lowest bits; a vanishing value gives +0."""
    kept = np.ascontiguousarray(value, dtype=np.float64).view(np.int64) & -(1 << low_bits)
    return kept.view(np.float64) + 0.0


def rounding_variance(value: NDArray[np.float64], low_bits: int) -> NDArray[np.float64]:
    """Variance of rounding doubles at random to multiples of 2^low_bits units in the last place."""
    value = np.ascontiguousarray(value, dtype=np.float64)
    low = (value.view(np.int64) & -(1 << low_bits)).view(np.float64)
    high = (low.view(np.int64) + (1 << low_bits)).view(np.float64)
    return np.where(value == 0, 0.0, np.abs(high - value) * np.abs(value - low))


@dataclass(frozen=True)
class Compressor:
    """A compressor's name, options and constants; its kernel and its codec live in ``solvers.compressors``.

    Your own compressor derives from this class, sets `name`, overrides what it can promise, and brings its
    kernel and codec as methods (see ``solvers.compressors``).
    """

    name: ClassVar[str]
    why_not_unbiased: ClassVar[str] = ""
    """Why `unbiased` is None, as a sentence; empty when it is not."""
    why_not_contractive: ClassVar[str] = ""
    why_not_absolute: ClassVar[str] = "its error grows with the vector that it compresses"

    @property
    def spec(self) -> str:
        """The text form, ``name:key=value,...``, with the options that differ from their defaults."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return format_spec(self.name, given)

    @property
    def shared_coins(self) -> bool:
        """Whether all workers (and the receiver) use the same uniforms in a round."""
        return False

    def check(self, dim: int) -> None:
        """Raise `InputError` unless the compressor works on vectors of `dim` coordinates."""
        whole(dim, "dim", 1, MAX_DIM)

    def unbiased(self, dim: int) -> Unbiased | None:
        """The worst-case unbiased constant on vectors of `dim` coordinates, or None (`why_not_unbiased`)."""
        return None

    def contractive(self, dim: int) -> Contractive | None:
        """The worst-case contraction on vectors of `dim` coordinates, or None (`why_not_contractive`)."""
        return None

    def absolute(self, dim: int) -> AbsoluteError | None:
        """The absolute error on vectors of `dim` coordinates, or None (`why_not_absolute`)."""
        return None

    def pointwise(self, x: ArrayLike) -> float:
        """E||C(x) - x||^2 / ||x||^2, exactly, at this x of shape (dim,); 0 at x = 0."""
        raise NotImplementedError(f"{self.name} has no exact pointwise constant")

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        """Bits of one message as the papers count them, with floats of `float_bits` bits."""
        raise NotImplementedError(f"{self.name} has no formula for its bits")

    def draws(self, dim: int) -> int:
        """Uniforms that one message uses."""
        return 0


def vector(x: ArrayLike) -> NDArray[np.float64]:
    """Return x as a finite vector of doubles; raise `InputError` for anything else."""
    values = np.ascontiguousarray(x, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.all(np.isfinite(values)):
        raise InputError(f"an array of shape {values.shape} is not a vector of finite numbers")
    return values


def relative(error: float, x: NDArray[np.float64]) -> float:
    """error/||x||^2, 0 at x = 0."""
    square = float(x @ x)
    return error / square if square > 0 else 0.0


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
class Blockwise(Compressor):
    """A compressor that sends one scale for every block of `block` coordinates (the last one may be
    shorter)."""

    block: int | None = None

    def __post_init__(self) -> None:
        if self.block is not None:
            whole(self.block, f"{self.name}: block", 1, MAX_DIM)

    def block_size(self, dim: int) -> int:
        """Coordinates of the largest block; the whole vector when no block is given."""
        self.check(dim)
        return dim if self.block is None else min(self.block, dim)

    def blocks(self, dim: int) -> int:
        """Number of blocks, which is the number of scales in a message."""
        return -(-dim // self.block_size(dim))

    def split(self, x: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Views of the blocks of x."""
        size = self.block_size(x.size)
        return [x[start : start + size] for start in range(0, x.size, size)]


def choice(value: Any, what: str, known: tuple[str, ...]) -> None:
    """Raise `InputError` unless `value` is one of `known`."""
    if value not in known:
        raise InputError(f"{what} = {value} is unknown; it must be one of {', '.join(known)}")


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

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float_bits * self.blocks(dim) + 1.5 * dim

    def draws(self, dim: int) -> int:
        return dim + self.blocks(dim)


@dataclass(frozen=True)
class Sparse(Compressor):
    """A compressor that sends k entries: `k` itself or `ratio` = k/d, rounded, at least one."""

    k: int | None = None
    ratio: float | None = None

    def __post_init__(self) -> None:
        if (self.k is None) == (self.ratio is None):
            raise InputError(f"{self.name} needs exactly one of k and ratio: write {self.name}:k=10 or ratio=0.01")
        if self.k is not None:
            whole(self.k, f"{self.name}: k", 1, MAX_DIM)
        elif isinstance(self.ratio, str) or not 0 < self.ratio <= 1:  # type: ignore[operator]
            raise InputError(f"{self.name}: ratio = {self.ratio} must lie in (0, 1]")

    def check(self, dim: int) -> None:
        super().check(dim)
        if self.k is not None and self.k > dim:
            raise InputError(f"{self.name}: k = {self.k} is more than the {dim} coordinates; take k <= {dim}")

    def kept(self, dim: int) -> int:
        """Entries sent, k."""
        self.check(dim)
        return self.k if self.k is not None else max(1, math.floor(float(self.ratio or 0) * dim + 0.5))


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
        return Contractive(k / dim * (1 - VALUE_TRUNCATION**2), nonexpansive=True, orthogonal=True)

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
        return Contractive(delta, nonexpansive=True, orthogonal=True)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        kept = np.argsort(-np.abs(x), kind="stable")[: self.kept(x.size)]
        error = x.copy()
        error[kept] -= truncate(x[kept], VALUE_LOW_BITS)
        return relative(float(error @ error), x)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(self.kept(dim) * (float_bits + index_bits(dim)))


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
        return Contractive(delta, nonexpansive=True, orthogonal=True)

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


COMPRESSORS: dict[str, Callable[..., Compressor]] = {
    kind.name: kind for kind in (Identity, QSGD, Ternary, RandK, TopK, Sign, Threshold)
}
"""Every compressor by its name on the command line."""


def compressor(spec: str | Compressor) -> Compressor:
    """Build a compressor from its text form, such as ``topk:ratio=0.01``; a compressor passes through.

    Raises
    ------
    InputError
        Unknown name or option, or a value out of range.
    """
    return spec if isinstance(spec, Compressor) else build("compressor", spec, COMPRESSORS)
