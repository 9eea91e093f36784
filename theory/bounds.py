"""What a bound is made of: the metric that it is about, its curve, the predicted rate, the admissible parameters."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.specs import is_number

Weights = tuple[Any, ...]
"""Weights w_t of an average over iterates: ("polynomial", shift, power) for (shift + t)^power and ("geometric", q) for
q^-(t+1), both on x^0, ..., x^{T-1}; ("after",) for equal ones on x^1, ..., x^T."""

COLUMNS: dict[str, str] = {
    "dist_sq": r"\|x^t-x^\star\|^2",
    "shadow_dist_sq": r"\|x^t-e^t-x^\star\|^2",
    "gap": r"f(x^t)-f^\star",
    "gap_avg": r"f(\bar x^t)-f^\star",
    "grad_sq": r"\|\nabla f(x^t)\|^2",
    "grad_sq_avg": r"\sum_{t<T}w_t\|\nabla f(x^t)\|^2/\sum_{t<T}w_t",
    "grad_l1_mean": r"\frac{1}{T}\sum_{t<T}\|\nabla f(x^t)\|_1",
    "grad_norm_mean": r"\frac{1}{T}\sum_{t<T}\|\nabla f(x^t)\|",
    "grad_sq_mean": r"\frac{1}{T}\sum_{t<T}\|\nabla f(x^t)\|^2",
    "gap_mean": r"\frac{1}{T}\sum_{t<T}(f(x^t)-f^\star)",
    "memory_error_sq": r"\frac{1}{n}\sum_i\|h_i^t-\nabla f_i(x^\star)\|^2",
    "down_residual_sq": r"\|q^{t-1}\|^2",
    "shadow_grad_sq_mean": r"\frac{1}{T}\sum_{t<T}\|\nabla f(y^t)\|^2",
    "shadow_spread_mean": r"\frac{1}{T}\sum_{t<T}\frac{1}{n}\sum_i\|y^t-x_i^t\|^2",
    "sample_memory_error_sq": r"\frac{1}{nm}\sum_{i,j}\|h_{ij}^t-\nabla f_{ij}(x^\star)\|^2",
    "memory_sq": r"\frac{1}{n}\sum_i\|h_i^t\|^2",
    "memory_gap_sq": r"\frac{1}{n}\sum_i\|h_i^t-\nabla f_i(x^t)\|^2",
    "error_sq": r"\|e^t+\frac{1}{n}\sum_i e_i^t\|^2",
    "worker_error_sq": r"\frac{1}{n}\sum_i\|e_i^t\|^2",
    "seconds_per_round": r"\frac{1}{T}s_T",
    "consensus_sq": r"\frac{1}{n}\sum_i\|x_i^t-x^t\|^2",
}
"""LaTeX of the trace columns that a metric may combine."""


class NotCovered(Exception):  # noqa: N818 - it reports a limit of the theorem, not an error
    """The theorem does not cover the request; `Theorem.guarantee` turns the sentence into a `NoGuarantee`."""


@dataclass(frozen=True)
class Interval:
    """Admissible values of a parameter; unpacks as ``low, high, text``."""

    low: float
    high: float
    text: str
    low_open: bool = True
    high_open: bool = False

    def __iter__(self) -> Iterator[Any]:
        return iter((self.low, self.high, self.text))

    def __getitem__(self, index: int) -> Any:
        return (self.low, self.high, self.text)[index]

    def __contains__(self, value: float) -> bool:
        return not self.refusal("", value)

    def refusal(self, name: str, value: float) -> str:
        """Why `value` is not admissible, or an empty string; closed ends allow for rounding (1e-12)."""
        low, high = self.low - 1e-12 * abs(self.low), self.high + 1e-12 * abs(self.high)
        if value <= self.low if self.low_open else value < low:
            relation = "above" if self.low_open else "at least"
            return f"{name} = {value:.6g} is not {relation} {self.low:.4g} ({self.text})"
        if value >= self.high if self.high_open else value > high:
            return f"{name} = {value:.6g} is {'not below' if self.high_open else 'above'} {self._limit()}"
        return ""

    def _limit(self) -> str:
        formula = re.split("<=?", self.text)[-1].strip()
        return f"{formula} = {self.high:.4g}" if not is_number(formula) else f"{self.high:.4g}"


@dataclass(frozen=True)
class Metric:
    """What a bound is about: a linear combination of trace columns.

    Attributes
    ----------
    terms
        Pairs (trace column, coefficient).
    """

    name: str
    latex: str
    terms: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Rate:
    """The slopes that a theorem predicts.

    Attributes
    ----------
    kind
        "linear" (the metric contracts by `contraction` a round, down to `floor`) or "power".
    words
        The slopes of a power rate in words; empty for a linear rate, which its numbers describe.
    contraction, floor
        Of a linear rate; `floor` is None while the noise constants are unknown.
    contraction_gap
        1 - contraction, which has all its digits where the contraction is close to 1.
    floor_falls_with
        What the floor of a linear rate is proportional to at one step; empty if more workers do not lower it.
    in_rounds
        Slopes (fast, slow) of log bound against log T with the step tuned for each T: first and last regime.
    in_workers
        Slope against log n of the term that noise causes; 0 without noise.
    speedup_until
        The largest n for which the linear speedup is promised at the given number of rounds; None if not
        asked for.
    """

    kind: str
    words: str = ""
    contraction: float | None = None
    floor: float | None = None
    in_rounds: tuple[float, float] | None = None
    in_workers: float = 0.0
    speedup_until: float | None = None
    contraction_gap: float | None = None
    floor_falls_with: str = "1/n"

    @classmethod
    def linear(cls, contraction_gap: float, floor: float | None, floor_falls_with: str = "1/n") -> Rate:
        """The rate of rho^t start + floor, rho = 1 - contraction_gap."""
        return cls(
            "linear",
            contraction=1.0 - contraction_gap,
            floor=floor,
            in_workers=-1.0 if floor and floor_falls_with else 0.0,
            contraction_gap=contraction_gap,
            floor_falls_with=floor_falls_with,
        )

    @property
    def text(self) -> str:
        """The rate as a sentence.

        Examples
        --------
        >>> Rate.linear(1e-6, 0.25).text
        'contracts by 1 - 1e-06 a round, down to 0.25, proportional to 1/n at a fixed step'
        """
        if self.words or self.contraction_gap is None:
            return self.words
        if self.floor is None:
            end = "down to a floor that depends on the missing constants"
        elif self.floor == 0.0:
            end = "without a floor"
        else:
            share = f", proportional to {self.floor_falls_with} at a fixed step" if self.floor_falls_with else ""
            end = f"down to {self.floor:.4g}{share}"
        return f"contracts by {near_one(self.contraction_gap)} a round, {end}"


def near_one(contraction_gap: float) -> str:
    """1 - contraction_gap as text that does not round to 1."""
    return f"{1.0 - contraction_gap:.6g}" if contraction_gap > 1e-4 else f"1 - {contraction_gap:.3g}"


class Curve(ABC):
    """A bound as a function of the number of rounds, and its inverse."""

    first: ClassVar[int]
    """The first t that the bound is about."""
    every: int = 1
    """The bound is about every multiple of this number of rounds, an epoch."""

    def whole(self, t: float) -> int:
        """The first number of rounds from t on that the bound is about."""
        return self.every * max(math.ceil(t / self.every), -(-self.first // self.every))

    def covers(self, t: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether the bound is about t rounds."""
        return (t == np.floor(t)) & (t >= self.first) & (t % self.every == 0)

    @property
    @abstractmethod
    def floor(self) -> float:
        """The limit of the bound for t to infinity."""

    @abstractmethod
    def at(self, t: ArrayLike) -> NDArray[np.float64]:
        """The bound after t rounds."""

    @abstractmethod
    def time_to(self, eps: float) -> float:
        """The real t at which the bound has come down to eps; infinite if it never does."""

    def rounds_to(self, eps: float) -> int | None:
        """The smallest t with bound(t') <= eps for all t' >= t that it is about, or None. Bounds are monotone in t."""
        time = self.time_to(eps)
        if not math.isfinite(time) or time > 1e300:
            return None
        low, high = self.first - 1, max(self.first, 2 * math.ceil(time) + 2)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.at(middle) <= eps else (middle, high)
        return self.whole(high) if self.at(high) <= eps else None


@dataclass(frozen=True)
class LinearCurve(Curve):
    """rho^t start + floor with rho = 1 - contraction_gap; floor is multiplied by 1 - rho^t if `saturating`.

    It is about t = 0, every, 2 every, ...
    """

    contraction_gap: float
    start: float
    limit: float
    saturating: bool = False
    every: int = 1

    first: ClassVar[int] = 0

    @property
    def floor(self) -> float:
        return self.limit

    def at(self, t: ArrayLike) -> NDArray[np.float64]:
        t = np.asarray(t, dtype=np.float64)
        log_decay = t * math.log1p(-self.contraction_gap) if self.contraction_gap < 1 else np.where(t > 0, -np.inf, 0.0)
        kept = -np.expm1(log_decay) if self.saturating else 1.0
        return np.exp(log_decay) * self.start + self.limit * kept

    def time_to(self, eps: float) -> float:
        excess = self.start - self.limit if self.saturating else self.start
        if excess <= min(0.0, eps - self.limit):
            return 0.0 if self.limit <= eps else math.inf
        if excess <= eps - self.limit:
            return 0.0
        if self.limit >= eps:
            return 1.0 if self.contraction_gap >= 1 and self.limit == eps else math.inf
        return (
            1.0
            if self.contraction_gap >= 1
            else math.log((eps - self.limit) / excess) / math.log1p(-self.contraction_gap)
        )


@dataclass(frozen=True)
class PowerCurve(Curve):
    """Sum of coefficient T^(-power) over `terms`."""

    terms: tuple[tuple[float, float], ...]

    first: ClassVar[int] = 1

    @property
    def floor(self) -> float:
        return math.fsum(coefficient for coefficient, power in self.terms if power == 0)

    def at(self, t: ArrayLike) -> NDArray[np.float64]:
        t = np.asarray(t, dtype=np.float64)
        return sum((coefficient * t**-power for coefficient, power in self.terms), np.zeros_like(t))

    def time_to(self, eps: float) -> float:
        room = eps - self.floor
        decaying = [(coefficient, power) for coefficient, power in self.terms if power > 0 and coefficient > 0]
        if not decaying:
            return 1.0 if room >= 0 else math.inf
        if room <= 0:
            return math.inf
        # A term alone needs (coefficient/room)^(1/power) rounds; with equal shares of the room, all are done.
        low, high = (
            max(math.log(share * coefficient / room) / power for coefficient, power in decaying)
            for share in (1, len(decaying))
        )
        while high - low > 1e-15 * max(1.0, abs(high)):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            needed = sum(math.exp(math.log(coefficient) - power * middle) for coefficient, power in decaying)
            low, high = (low, middle) if needed <= room else (middle, high)
        return max(1.0, math.exp(high)) if high < 690 else math.inf


@dataclass(frozen=True)
class FunctionCurve(Curve):
    """Any bound that falls with t, t >= 1, to `limit`.

    Attributes
    ----------
    function
        From a float array of t to the bound.
    """

    function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    limit: float

    first: ClassVar[int] = 1

    @property
    def floor(self) -> float:
        return self.limit

    def at(self, t: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(self.function(np.asarray(t, dtype=np.float64)), dtype=np.float64)

    def time_to(self, eps: float) -> float:
        if float(self.at(1.0)) <= eps:
            return 1.0
        if not eps > self.limit:
            return math.inf
        low, high = 0.0, 1.0  # in log t
        while not float(self.at(math.exp(high))) <= eps:
            low, high = high, 2 * high
            if high > 690:
                return math.inf
        while high - low > 1e-15 * max(1.0, high):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            low, high = (low, middle) if float(self.at(math.exp(middle))) <= eps else (middle, high)
        return math.exp(high)
