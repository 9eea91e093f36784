"""What a verdict is: the records that judging makes, and that tables, pictures and certificates read."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..common.card import card, pairs
from ..common.door import checked
from ..common.jsonable import plain
from ..common.version import __version__
from ..solvers.bits import BitsPerRound
from ..theory.bounds import Metric

if TYPE_CHECKING:
    from .conformance import Conformance
    from .exact.worst import WorstStep
    from .statements import StatementCheck

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
class Confirmation:
    """Fresh replicas that a suspected violation was put to, at one round: see `statistics.evidence`.

    Attributes
    ----------
    round, bound
        Where the first replicas were worst, and the bound there.
    replicas, first_replica
        How many fresh ones, and the number of the first of them.
    mean, low
        Their mean; the largest bound that they reject at level alpha, 0 if not even this one.
    evidence
        The logarithm of the bet's capital.
    alpha
        The level: a true bound is rejected with at most this probability.
    confirmed
        Whether the evidence reached log(1/alpha).
    """

    round: int
    bound: float
    replicas: int
    first_replica: int
    mean: float
    low: float
    evidence: float
    alpha: float
    confirmed: bool


@dataclass(frozen=True)
class MeasuredSeconds:
    """The clock's seconds after so many rounds, and within which these are promised: (K,) arrays."""

    rounds: np.ndarray
    measured: np.ndarray
    promised: np.ndarray

    @property
    def late(self) -> int | None:
        """Where the promise is broken most, beyond rounding; None if it is kept."""
        over = self.measured - (1 + 1e-9) * self.promised
        return int(np.argmax(over)) if np.any(over > 0) else None

    def __str__(self) -> str:
        k = -1 if self.late is None else self.late
        return (
            f"{int(self.rounds[k])} rounds took {self.measured[k]:.4g} seconds of the clock, and at most "
            f"{self.promised[k]:.4g} are promised"
        )


@dataclass(frozen=True)
class Strength:
    """How much it says that a bound holds.

    Attributes
    ----------
    tightness, instance, at_round
        The largest known ratio of measured mean to bound, from round 10 on (at x^0 many are equal by definition); what
        it was measured on, and after how many rounds.
    end_ratio
        Bound over measured mean at the end of the default run; None if the metric ends below rounding error.
    rounds_promised, rounds_needed
        After how many rounds of the default run the bound and the mean are at the value half way down the bound (on a
        logarithmic axis).
    rejects
        A bound so many times smaller would have been rejected by the replicas at hand; None if none would.
    word
        "tight", "moderate" or "loose".
    """

    tightness: float
    instance: str
    at_round: int
    end_ratio: float | None
    rounds_promised: int | None
    rounds_needed: int | None
    rejects: float | None
    word: str


@dataclass(frozen=True)
class ControlResult:
    """A wrong variant and what rejected it.

    Attributes
    ----------
    name, changed
        The variant; what was changed (channel, rule, coin, constant, metric, schedule, parameter).
    rejected_by
        "conformance", "moments", "bound" or "claim"; empty if nothing rejected it.
    reason
        In a sentence.
    seconds
        How long it took.
    """

    name: str
    changed: str
    rejected_by: str
    reason: str
    seconds: float

    @property
    def rejected(self) -> bool:
        """Whether the variant was told from the right one."""
        return bool(self.rejected_by)

    def __str__(self) -> str:
        return (
            f"{self.name} ({self.changed}): {f'rejected by {self.rejected_by}: ' if self.rejected else ''}{self.reason}"
        )


@dataclass(frozen=True, repr=False)
class Verdict:
    """The outcome for one theorem, with everything that is needed to repeat it.

    `experiment` holds the fields of the `Experiment`; `own` names what no certificate holds, `needs` says, in one
    sentence each, what it takes to repeat the run.
    """

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
    strength: Strength | None = None
    clock: MeasuredSeconds | None = None
    confirmation: Confirmation | None = None
    conformance: Conformance | None = None
    controls: tuple[ControlResult, ...] = ()
    one_step: WorstStep | None = None
    statement_check: StatementCheck | None = None
    bits: BitsPerRound | None = None
    series: Series | None = None
    notes: tuple[str, ...] = ()
    hypotheses: tuple[dict[str, str], ...] = ()
    on_your_word: tuple[str, ...] = ()
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    experiment: dict[str, Any] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Verdict {self.theorem}: {self.verdict}; {self.reason}>"

    def _repr_html_(self) -> str:
        rows = [
            ("reason", self.reason), ("method", self.method), ("problem", self.problem), ("workers", self.workers),
            ("up", self.up), ("down", self.down), ("rounds", self.rounds), ("replicas", self.replicas),
            ("parameters", pairs(self.parameters)), ("margin", self.margin),
            ("speedup", None if self.speedup is None else f"slope {self.speedup.slope:.3g}"),
            ("what ran is the method", None if self.conformance is None else self.conformance.word),
            ("to repeat it", self.command or None), ("notes", "; ".join(self.notes) or None),
        ]  # fmt: skip
        return card(f"{self.theorem}: {self.verdict}", self.title, rows)

    @property
    def differs(self) -> bool:
        """Whether what ran was found to be another method."""
        return self.conformance is not None and self.conformance.word == "differs"

    @property
    def rejected(self) -> int:
        """How many of the wrong variants that were run were rejected."""
        return sum(control.rejected for control in self.controls)

    def certificate(self) -> dict[str, Any]:
        """Return the verdict as a JSON-able document with stable keys: every field, the curves included."""
        return plain(self)


def versions() -> dict[str, str]:
    """What the bits of a result depend on besides its certificate."""
    return {"tersegrad": __version__, "numpy": np.__version__, "machine": platform.machine()}


class Judged(Protocol):
    """A verdict or the result of a claim: whatever has one of the verdicts' words."""

    @property
    def verdict(self) -> str:
        """The word."""
        ...


@checked
def exit_status(verdicts: Sequence[Judged]) -> int:
    """Return 0 if every bound, claim and promised slope held, 1 if one was violated or what ran is another method.

    3 if one was undecided, vacuous, not covered or not seen.

    Parameters
    ----------
    verdicts
        Of theorems, claims, or both.
    """
    words = {v.verdict for v in verdicts}
    if "violated" in words or any(isinstance(v, Verdict) and v.differs for v in verdicts):
        return 1
    return 0 if words == {"holds"} else 3
