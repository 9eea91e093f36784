"""What a verdict is: the records that judging makes, and that tables, pictures and certificates read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..common.jsonable import plain
from ..solvers.bits import BitsPerRound
from ..theory.bounds import Metric

#: The metric of a verdict about which nothing was compared.
NO_METRIC = Metric("", "", ())


@dataclass(frozen=True)
class Event:
    """Progress: how much of a theorem's verdict is done."""

    theorem: str
    done: float
    text: str


@dataclass(frozen=True)
class Series:
    """What a verdict compares: (K,) arrays over rounds.

    Attributes
    ----------
    rounds, mean, low, high, bound
        Rounds done, the mean over replicas with its simultaneous confidence limits, the theorem's bound.
    start
        The metric at x^0.
    floor
        What the bound tends to; None where it tends to nothing that is known.
    rounding
        The level below which the metric is rounding error.
    """

    rounds: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    bound: np.ndarray
    start: float
    floor: float | None = None
    rounding: float = 0.0


@dataclass(frozen=True)
class Points:
    """A metric after T rounds for several T, each with its own step: measured means, and the bounds if all have one."""

    x: tuple[int, ...]
    y: tuple[float, ...]
    bound: tuple[float, ...] | None = None


@dataclass(frozen=True)
class MeasuredRate:
    """A fitted rate beside the promised one.

    Attributes
    ----------
    kind
        "linear" (contraction of the metric a round) or "power in rounds" (slope of log metric against log T).
    predicted
        The promised contraction, or the promised slopes (first regime, last regime).
    fitted, low, high
        The fit with its confidence interval.
    seen
        Whether the measurement shows what is promised.
    text
        The promise in words.
    allowed
        The range of slopes that counts as the promised one; None for contractions, which only have to be small enough.
    points
        Where each T took a run of its own.
    """

    kind: str
    predicted: float | tuple[float, float]
    fitted: float
    low: float
    high: float
    seen: bool
    text: str
    allowed: tuple[float, float] | None = None
    points: Points | None = None


@dataclass(frozen=True)
class MeasuredSpeedup:
    """How the metric, or the level of its noise floor, falls with the number of workers.

    Attributes
    ----------
    workers, measured, low, high
        Numbers of workers, means over replicas and their confidence limits.
    predicted
        The bounds; empty for an order.
    slope, slope_low, slope_high
        The fitted slope of log measured against log n with its confidence interval.
    predicted_slope
        The range of slopes that counts as the promised one.
    until
        The largest n for which the speedup is promised; None if it is promised for all.
    seen
        Whether the fitted slope is the promised one.
    text, problem, up, down
        What was measured, on what.
    """

    workers: tuple[int, ...]
    measured: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    predicted: tuple[float, ...]
    slope: float
    slope_low: float
    slope_high: float
    predicted_slope: tuple[float, float]
    until: float | None
    seen: bool
    text: str
    problem: str = ""
    up: str = ""
    down: str = ""


@dataclass(frozen=True)
class Verdict:
    """The outcome for one theorem, with everything that is needed to repeat it."""

    theorem: str
    title: str
    method: str
    verdict: str
    reason: str
    source: str
    provenance: str
    statement: str
    problem: str
    workers: int
    up: str
    down: str
    rounds: int
    replicas: int
    seed: int
    alpha: float
    command: str
    margin: float | None = None
    constants: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    active: str = ""
    metric: Metric = NO_METRIC
    rate: MeasuredRate | None = None
    speedup: MeasuredSpeedup | None = None
    bits: BitsPerRound | None = None
    series: Series | None = None
    notes: tuple[str, ...] = ()
    hypotheses: tuple[dict[str, str], ...] = ()
    on_your_word: tuple[str, ...] = ()
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)

    def certificate(self) -> dict[str, Any]:
        """Return the verdict as a JSON-able document with stable keys."""
        keys = (
            "theorem", "verdict", "reason", "margin", "method", "problem", "workers", "up", "down", "alpha", "replicas",
            "rounds", "constants", "parameters", "active", "metric", "rate", "speedup", "bits", "provenance", "source",
            "title", "statement", "notes", "hypotheses", "on_your_word", "command", "seed", "versions", "seconds",
        )  # fmt: skip
        return {key: plain(getattr(self, key)) for key in keys}


class Judged(Protocol):
    """A verdict or the result of a claim: whatever has one of the verdicts' words."""

    @property
    def verdict(self) -> str:
        """The word."""
        ...


def exit_status(verdicts: Sequence[Judged]) -> int:
    """Return 0 if every bound and claim held, 1 if one was violated, 3 if one was undecided, vacuous or not covered."""
    words = {v.verdict for v in verdicts}
    if "violated" in words:
        return 1
    return 0 if words == {"holds"} else 3
