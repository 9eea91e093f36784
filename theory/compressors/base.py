"""What a theorem may assume of a compressor, the base of all compressors, and the rounding to the wire."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import wraps
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.door import checked, require_types, shown
from ...common.errors import InputError, counted, nearest
from ...common.hooks import COUNT, NOTHING, NUMBER, SIZE, TEXT, TRUTH, Promise, array, instance, perhaps, watch
from ...common.options import choice, integer, number
from ...common.specs import format_spec

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
DITHERING_EXPANDS = "dithering is unbiased; only C/(1 + omega) is a contraction"
"""Why dithering is not contractive."""
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
    dealt
        (n, c) where the messages of n workers complement each other: made of one and the same vector, they have a mean
        of relative variance c only.
    """

    omega: float
    shared_coins: bool = False
    dealt: tuple[int, float] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        require_types(self)
        if not (math.isfinite(self.omega) and self.omega >= 0):
            raise InputError(f"omega = {self.omega} is not a relative variance; it must be finite and at least 0")

    def averaged(self, n: int) -> float:
        """Constant c in E||avg (C(x_i) - x_i)||^2 <= c avg ||x_i||^2 over n workers."""
        return self.omega if self.shared_coins else self.omega / n

    def of_one_vector(self, n: int) -> float:
        """Constant c in E||avg C_i(x) - x||^2 <= c ||x||^2 over n messages of one vector."""
        return self.dealt[1] if self.dealt is not None and self.dealt[0] == n else self.averaged(n)

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
    keeps
        What the message is, but for the rounding of every value towards zero: "random" entries, each kept with
        probability delta whatever x is; the "largest" entries, at least delta of ||x||_1; a "projection" of x on a
        direction, in every block, of at least delta ||x||^2; "" says none of it.
    shared_coins
        True when all workers use the same coins.
    """

    delta: float
    nonexpansive: bool = False
    orthogonal: bool = False
    keeps: str = ""
    shared_coins: bool = False

    def __post_init__(self) -> None:
        require_types(self)
        if self.keeps not in ("", "random", "largest", "projection"):
            raise InputError(f"keeps = {self.keeps} is unknown; it must be random, largest, projection or empty")
        if not 0 < self.delta <= 1:
            raise InputError(f"delta = {self.delta} is not a contraction constant; it must lie in (0, 1]")


@dataclass(frozen=True)
class AbsoluteError:
    """E||C(x) - x||^2 <= eps^2 for every x, however large."""

    eps: float

    def __post_init__(self) -> None:
        require_types(self)
        if not (math.isfinite(self.eps) and self.eps >= 0):
            raise InputError(f"eps = {self.eps} is not an error bound; it must be finite and at least 0")


@dataclass(frozen=True)
class General:
    """||E C(x) - x|| <= eta ||x|| and E||C(x) - E C(x)||^2 <= omega ||x||^2.

    Source: Condat, Li, Richtarik 2022 (EF-BV, arXiv 2205.04180).

    Parameters
    ----------
    eta
        Relative bias, 0 <= eta < 1.
    omega
        Relative variance, >= 0.
    """

    eta: float
    omega: float

    def __post_init__(self) -> None:
        require_types(self)
        if not 0 <= self.eta < 1:
            raise InputError(f"eta = {self.eta} is not a relative bias; it must lie in [0, 1)")
        if not (math.isfinite(self.omega) and self.omega >= 0):
            raise InputError(f"omega = {self.omega} is not a relative variance; it must be finite and at least 0")

    def scaling(self) -> float:
        """The factor that makes the best contraction: lambda* = min{(1 - eta)/((1 - eta)^2 + omega), 1}."""
        return min((1 - self.eta) / ((1 - self.eta) ** 2 + self.omega), 1.0)

    def scaled(self) -> Contractive:
        """The contraction of lambda* C: delta = 1 - (1 - lambda + lambda eta)^2 - lambda^2 omega."""
        factor = self.scaling()
        return Contractive(1 - (1 - factor * (1 - self.eta)) ** 2 - factor**2 * self.omega)


@dataclass(frozen=True)
class Correlated:
    """E<C(x), x> >= gamma ||x||^2 and E||C(x)||^2 <= beta E<C(x), x>.

    Source: the class B2(gamma, beta) of Beznosikov, Horvath, Richtarik, Safaryan 2020 (arXiv 2002.12410).
    """

    gamma: float
    beta: float

    def __post_init__(self) -> None:
        require_types(self)
        if not 0 < self.gamma <= self.beta:
            raise InputError(f"gamma = {self.gamma} and beta = {self.beta} must satisfy 0 < gamma <= beta")

    def scaling(self) -> float:
        """The factor that makes a contraction: 1/beta."""
        return 1 / self.beta

    def scaled(self) -> Contractive:
        """The contraction of C/beta: delta = gamma/beta."""
        return Contractive(self.gamma / self.beta)


def index_bits(dim: int) -> int:
    """Bits of one index of a vector of `dim` coordinates: ceil(log2 dim)."""
    return (int(dim) - 1).bit_length()


def exponent_bits(float_bits: int) -> int:
    """Bits of the exponent of a float of so many bits: 8 of 32, 11 of 64."""
    return 8 if float_bits <= 32 else 11


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

    Your own compressor derives from this class, sets `name`, overrides what it can promise, and defines
    ``compress(self, x, u)`` for one vector, or has a kernel (see ``solvers.compressors``). A `compress` so defined
    is kept as `compress_vector`; the name `compress` always means what is documented here.
    """

    name: ClassVar[str]
    compress_vector: ClassVar[Callable[[NDArray[np.float64], NDArray[np.float64]], ArrayLike] | None] = None
    """C(x) of one vector x (d,) from uniforms u (draws,), in plain Python; None where there is a kernel."""
    why_not_unbiased: ClassVar[str] = ""
    """Why `unbiased` is None, as a sentence; empty when it is not."""
    why_not_contractive: ClassVar[str] = ""
    why_not_absolute: ClassVar[str] = "its error grows with the vector that it compresses"
    stateful: ClassVar[bool] = False
    """Whether C(x) depends on earlier messages."""
    separable: ClassVar[bool] = False
    """Whether every coordinate is compressed by itself, by one rule for all, zero to zero."""
    keeps_support: ClassVar[bool] = False
    """Whether C(x) is zero wherever x is."""
    together: ClassVar[bool] = False
    """Whether one coin decides about many coordinates, so that errors do not average out over them."""
    entry_bits: ClassVar[int] = 0
    """Bits of one nonzero entry on the wire, if it has a word of its own and a zero needs none; else 0."""

    def whole_option(self, name: str, low: int, high: int) -> None:
        """Check that the option `name` is a whole number from `low` to `high`."""
        object.__setattr__(self, name, integer(f"{self.name}: {name}", self._option(name), low, high))

    def number_option(self, name: str, low: float, high: float | None = None, *, strict: bool = False) -> None:
        """Check that the option `name` is a finite number from `low` to `high`, above `low` when `strict`."""
        given = self._option(name)
        checked = number(f"{self.name}: {name}", given, low, high, strict=strict)
        object.__setattr__(self, name, given if isinstance(given, int) else checked)

    def word_option(self, name: str, *words: str) -> None:
        """Check that the option `name` is one of `words`."""
        choice(f"{self.name}: {name}", self._option(name), words)

    def _option(self, name: str) -> Any:
        options = [option.name for option in fields(self)]
        if name not in options:
            raise InputError(
                f"{type(self).__name__} has no option '{name}'{nearest(name, options)}: its options are the fields of "
                "the class, under @dataclass(frozen=True)"
            )
        return getattr(self, name)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        watch(cls, HOOKS)
        _check_dims(cls)
        if "formula_bits" in vars(cls):
            setattr(cls, "formula_bits", checked(cls.formula_bits))  # noqa: B010 - a method is replaced
        if "compress" in vars(cls):
            cls.compress_vector = vars(cls)["compress"]
            del cls.compress

    @checked
    def compress(
        self, x: ArrayLike, u: ArrayLike | None = None, *, seed: int = 0, worker: int = 0, workers: int = 1
    ) -> NDArray[np.float64]:
        """Return C(x), as it would be received, with the shape of x.

        Parameters
        ----------
        x
            A vector (d,) or several (B, d), of any real numbers: integers, floats of any width, strided.
        u
            Uniforms in (0, 1), (draws,) or (B, draws), that decide; by default they are drawn from `seed`.
        worker, workers
            Who sends, and of how many; perm-k depends on it.

        Raises
        ------
        InputError
            x is empty or not made of real numbers, or the compressor does not take vectors of its length.
        """
        # The kernels belong to the solvers, on which nothing else in the theory depends.
        kernels = import_module("...solvers.compressors", __package__)
        return kernels.compress(self, x, u, seed=seed, worker=worker, workers=workers)

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
        integer("dim", dim, 1, MAX_DIM)

    def unbiased(self, dim: int) -> Unbiased | None:
        """The worst-case unbiased constant on vectors of `dim` coordinates, or None (`why_not_unbiased`)."""
        return None

    def contractive(self, dim: int) -> Contractive | None:
        """The worst-case contraction on vectors of `dim` coordinates, or None (`why_not_contractive`)."""
        return None

    def absolute(self, dim: int) -> AbsoluteError | None:
        """The absolute error on vectors of `dim` coordinates, or None (`why_not_absolute`)."""
        return None

    def general(self, dim: int) -> General | None:
        """Bias and variance apart, worst case; what the other two classes imply unless overridden."""
        if (unbiased := self.unbiased(dim)) is not None:
            return General(0.0, unbiased.omega)
        if (contractive := self.contractive(dim)) is not None:
            error = 1 - contractive.delta
            return General(math.sqrt(error), error if self.draws(dim) else 0.0)
        return None

    def correlated(self, dim: int) -> Correlated | None:
        """How C(x) and x are correlated, stated for those that belong to no other class."""
        return None

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        """C(x) of a deterministic compressor, in NumPy; the kernel's may differ by the rounding of its sums."""
        raise NotImplementedError(f"{self.name} has no exact pointwise constant")

    @checked
    def pointwise(self, x: ArrayLike) -> float:
        """E||C(x) - x||^2 / ||x||^2, exactly, at this x of shape (dim,); 0 at x = 0."""
        x = vector(x)
        error = self.image(x) - x
        exponent = math.frexp(float(np.abs(x).max()))[1]
        error, x = np.ldexp(error, -exponent), np.ldexp(x, -exponent)
        return relative(float(error @ error), x)

    def ties(self, dim: int) -> list[NDArray[np.float64]]:
        """Vectors (dim,) on the thresholds of the compressor's own decisions, and a digit beside them."""
        return []

    def keep_probability(self, dim: int) -> float | None:
        """p, if every coordinate is kept with probability p and scaled by 1/p; else None."""
        return None

    def nonzeros(self, dim: int) -> float:
        """The most that the expected number of nonzero entries of C(x) can be."""
        self.check(dim)
        return float(dim)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        """Bits of one message as the papers count them, with floats of `float_bits` bits."""
        raise NotImplementedError(f"{self.name} has no formula for its bits")

    def draws(self, dim: int) -> int:
        """Uniforms that one message uses."""
        return 0

    def work(self, dim: int) -> float:
        """Numbers that are handled for one message, at least."""
        return float(dim)


OF_DIM = (
    "unbiased", "contractive", "absolute", "general", "correlated", "nonzeros", "keep_probability", "draws", "work",
    "ties", "formula_bits", "block_size", "blocks", "kept",
)  # fmt: skip
"""What is asked about vectors of `dim` coordinates."""


def _check_dims(cls: type) -> None:
    """Have what a class says about vectors of `dim` coordinates refuse lengths that no vector has."""
    for name in OF_DIM:
        if name in vars(cls) and inspect.isfunction(vars(cls)[name]):
            setattr(cls, name, _of_dim(vars(cls)[name]))


def _of_dim(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(self: Compressor, dim: int, *more: Any, **named: Any) -> Any:
        if type(dim) is not int or not 0 < dim <= MAX_DIM:
            dim = integer("dim", dim, 1, MAX_DIM)
        return function(self, dim, *more, **named)

    return call


def _lengths(value: Any, _: Any, dim: int, *more: Any) -> bool:
    return isinstance(value, list | tuple) and all(np.shape(entry) == (dim,) for entry in value)


def _is_kernel(value: Any, *_: Any) -> bool:
    if not isinstance(value, tuple) or len(value) != 3:
        return False
    compress, params, state_size = value
    return callable(compress) and np.asarray(params).dtype.kind in "iuf" and COUNT.kept(state_size)


HOOKS: dict[str, Promise] = {
    "spec": TEXT,
    "unbiased": instance(Unbiased, none=True),
    "contractive": instance(Contractive, none=True),
    "absolute": instance(AbsoluteError, none=True),
    "general": instance(General, none=True),
    "correlated": instance(Correlated, none=True),
    "check": NOTHING,
    "shared_coins": TRUTH,
    "draws": COUNT,
    "work": SIZE,
    "nonzeros": SIZE,
    "formula_bits": SIZE,
    "keep_probability": perhaps(
        Promise("a probability above 0", lambda value, *_: NUMBER.kept(value) and 0 < value <= 1)
    ),
    "ties": Promise("a list of vectors of dim coordinates", _lengths),
    "image": array("a vector as long as x", lambda _, x, *more: np.shape(x)),
    "pointwise": SIZE,
    "blocks": COUNT,
    "block_size": COUNT,
    "kept": COUNT,
    "split": Promise("a list of vectors", lambda value, *_: isinstance(value, list | tuple)),
    "kernel": Promise(
        "(compress, params, state_size): a numba function of the signature COMPRESS, an array of numbers and a whole "
        "number of at least 0",
        _is_kernel,
    ),
    "encode": Promise("bytes", lambda value, *_: isinstance(value, bytes)),
    "decode": array("a vector of dim numbers", lambda _, data, dim, *more: (dim,)),
    "entropy_bits": SIZE,
}  # fmt: skip
"""What classes of a user's own may define, and what that must return."""
_check_dims(Compressor)


def vector(x: ArrayLike) -> NDArray[np.float64]:
    """Return x as a finite vector of doubles; raise `InputError` for anything else."""
    try:
        values = np.ascontiguousarray(x, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{shown(x)} is not a vector of finite numbers") from None
    if values.ndim != 1 or values.size == 0 or not np.all(np.isfinite(values)):
        raise InputError(f"an array of shape {values.shape} is not a vector of finite numbers")
    return values


def beside(x: ArrayLike) -> list[NDArray[np.float64]]:
    """Return x, and twice x with one entry of three a digit smaller and one a digit larger; zeros stay."""
    x = np.asarray(x, dtype=np.float64)
    smaller, larger = np.nextafter(x, 0.0), np.nextafter(x, np.copysign(np.inf, x))
    place = np.where(x == 0, 2, np.arange(x.size) % 3)
    return [
        x,
        np.where(place == 0, smaller, np.where(place == 1, larger, x)),
        np.where(place == 0, larger, np.where(place == 1, smaller, x)),
    ]


def centred(x: ArrayLike) -> NDArray[np.float64]:
    """Return x times the power of two that brings its largest entry into [1, 2): its digits, without its size."""
    x = vector(x)
    top = float(np.abs(x).max())
    return np.ldexp(x, 1 - math.frexp(top)[1]) if top > 0 else x


def length(x: NDArray[np.float64]) -> float:
    """||x||, also where squares overflow or vanish; inf where the norm itself does."""
    with np.errstate(over="ignore"):
        square = float(x @ x)
    if 2.0**-900 < square < math.inf:
        return float(np.linalg.norm(x))
    exponent = math.frexp(float(np.abs(x).max()))[1]
    norm = float(np.linalg.norm(np.ldexp(x, -exponent)))
    return float(np.ldexp(norm, exponent))


def mean_size(x: NDArray[np.float64]) -> float:
    """The mean absolute value, also where the sum overflows."""
    with np.errstate(over="ignore"):
        mean = float(np.abs(x).mean())
    return mean if math.isfinite(mean) else float(np.abs(x * 2.0**-64).mean()) * 2.0**64


def relative(error: float, x: NDArray[np.float64]) -> float:
    """error/||x||^2, 0 at x = 0."""
    square = float(x @ x)
    return error / square if square > 0 else 0.0


@dataclass(frozen=True)
class Blockwise(Compressor):
    """A compressor that sends one scale for every block of `block` coordinates (the last one may be
    shorter)."""

    block: int | None = None

    def __post_init__(self) -> None:
        if self.block is not None:
            self.whole_option("block", 1, MAX_DIM)

    def block_size(self, dim: int) -> int:
        """Coordinates of the largest block; the whole vector when no block is given."""
        self.check(dim)
        return dim if self.block is None else min(self.block, dim)

    def blocks(self, dim: int) -> int:
        """Number of blocks, which is the number of scales in a message."""
        return -(-dim // self.block_size(dim))

    def split(self, x: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Views of the blocks of x."""
        x = vector(x)
        size = self.block_size(x.size)
        return [x[start : start + size] for start in range(0, x.size, size)]


@dataclass(frozen=True)
class Sparse(Compressor):
    """A compressor that sends k entries: `k` itself or `ratio` = k/d, rounded, at least one."""

    k: int | None = None
    ratio: float | None = None

    def __post_init__(self) -> None:
        if (self.k is None) == (self.ratio is None):
            raise InputError(
                f"{self.name} needs exactly one of k and ratio: write {self.name}:k=10 or {self.name}:ratio=0.01"
            )
        if self.k is not None:
            self.whole_option("k", 1, MAX_DIM)
        else:
            self.number_option("ratio", 0.0, 1.0, strict=True)

    def check(self, dim: int) -> None:
        super().check(dim)
        if self.k is not None and self.k > dim:
            raise InputError(
                f"{self.name}: k = {self.k} is more than the {counted(dim, 'coordinate')}; take k <= {dim}"
            )

    def kept(self, dim: int) -> int:
        """Entries sent, k."""
        self.check(dim)
        return self.k if self.k is not None else max(1, math.floor(float(self.ratio or 0) * dim + 0.5))

    def nonzeros(self, dim: int) -> float:
        return float(self.kept(dim))
