"""What a theorem says about a request: a guarantee, with its bound, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.card import card, pairs
from ..common.door import checked
from ..common.errors import InputError, counted
from ..common.options import integer, number
from .bounds import Curve, Interval, Metric, Rate, Weights, near_one
from .compressors import AbsoluteError, Compressor, Contractive, Unbiased, compressor
from .constants import Constants
from .hypothesis import Checked, wants

if TYPE_CHECKING:
    from .theorem import Theorem

Assumption = Unbiased | Contractive | AbsoluteError


class NoGuaranteeError(InputError, AttributeError):
    """Something was asked of a guarantee that there is not."""


@dataclass(frozen=True, repr=False)
class NoGuarantee:
    """The theorem says nothing about this request; falsy.

    Attributes
    ----------
    reason
        One sentence: the missing constant, the parameter outside its interval, the wrong compressor class.
    """

    theorem: Theorem
    reason: str

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return f"<NoGuarantee of {self.theorem.name}: {self.reason}>"

    def _repr_html_(self) -> str:
        return card(f"{self.theorem.name}: no guarantee", self.theorem.title, [("reason", self.reason)])

    def __getattr__(self, name: str) -> Any:
        """Whatever a `Guarantee` has: there is none, and the sentence says why."""
        if not name.startswith("_") and (name in Guarantee.__dataclass_fields__ or hasattr(Guarantee, name)):
            raise NoGuaranteeError(f"there is no guarantee, and so no {name}: {vars(self).get('reason')}")
        raise AttributeError(f"NoGuarantee has no attribute '{name}'")


@dataclass(frozen=True, repr=False)
class Guarantee:
    """A theorem applied to constants, compressors and parameters.

    Attributes
    ----------
    constants
        With what they imply filled in.
    up, down
        The compressors as given; None where the messages are not compressed.
    parameters
        Every parameter of the method.
    analysis
        The constants of the proof that are not parameters of the method (c, M), and named parts of the bound.
    intervals
        Admissible interval of each parameter, given those chosen before it.
    active_words
        Which term limits the step or the rate; {gamma}, {limit} and {eps} stand for the step, the text of its
        interval and the accuracy asked for (`active` fills them in).
    metric
        What the bound is about.
    hypotheses
        All that the theorem assumes, each with what decided that it holds here.
    missing
        Constants that the bound's value needs and that are unknown; the step needs none of them.
    eps
        The accuracy that the step is tuned for, if it is.
    horizon
        If not None, the parameters are tuned for this T: `bound(T)` is about a run with parameters tuned for
        T.
    weights
        Of the averages over iterates that the metric is about, None if it is about none.
    """

    theorem: Theorem
    constants: Constants
    up: Compressor | Assumption | None
    down: Compressor | Assumption | None
    parameters: dict[str, float]
    analysis: dict[str, float]
    intervals: dict[str, Interval]
    active_words: str
    metric: Metric
    rate: Rate
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    hypotheses: tuple[Checked, ...] = field(default=(), repr=False)
    eps: float | None = None
    horizon: int | None = None
    curve: Curve | None = field(default=None, repr=False)
    fixed: dict[str, float] = field(default_factory=dict, repr=False)
    weights: Weights | None = None

    def __bool__(self) -> Literal[True]:
        return True

    def __repr__(self) -> str:
        rho = self.rate.contraction
        rate = "" if rho is None else f", contraction {near_one(self.rate.contraction_gap or 1 - rho)}"
        return f"<Guarantee of {self.theorem.name}: {pairs(self.parameters)}{rate}>"

    def _repr_html_(self) -> str:
        rows = [
            ("parameters", pairs(self.parameters)), ("active", self.active), ("rate", self.rate.text),
            ("about", f"E[{self.metric.name}]"), ("up", self.up and getattr(self.up, "spec", self.up)),
            ("down", self.down and getattr(self.down, "spec", self.down)),
            ("bits per worker and round", self.bits_per_round),
            ("taken on your word", "; ".join(self.on_your_word) or None), ("missing", self.needs or None),
        ]  # fmt: skip
        return card(f"{self.theorem.name}: {self.theorem.title}", self.theorem.source, rows)

    @property
    def active(self) -> str:
        """Which term limits the step or the rate, in words."""
        gamma, limit = self.parameters.get("gamma"), self.intervals.get("gamma")
        return self.active_words.format(
            gamma="" if gamma is None else f"{gamma:.6g}",
            limit="" if limit is None else limit.text,
            eps="" if self.eps is None else f"{self.eps:.4g}",
        )

    @property
    def on_your_word(self) -> tuple[str, ...]:
        """What nothing in the request decides, a sentence each."""
        return tuple(h.sentence for h in self.hypotheses if h.sentence)

    @property
    def needs(self) -> str:
        """The sentence that asks for the `missing` constants; empty when the bound has a value."""
        if self.missing:
            return f"the bound of {wants(self.theorem.name, self.missing)}"
        return f"{self.theorem.name} states an order only: it has a slope, but no bound" if self.curve is None else ""

    @checked
    def bound(self, t: ArrayLike) -> NDArray[np.float64]:
        """The bound on the expected metric after t rounds, for an array of integers t.

        nan at t = 0 where the bound begins later (an average over the first t models), so that it can be drawn over a
        run from its start.

        Raises
        ------
        InputError
            If constants are missing (`needs`), or a t is not a number of rounds the bound is about.
        """
        curve, t = self._curve(), np.asarray(t)
        unknown = (t == 0) & (curve.first > 0)
        asked = np.where(unknown, curve.whole(0), t)
        if curve.every > 1 and (left := t[~curve.covers(asked)]).size:
            raise InputError(
                f"t = {left.ravel()[0]}: the bound of {self.theorem.name} holds after whole epochs, multiples of m = "
                f"{curve.every} rounds"
            )
        if t.size and (np.any(asked != np.floor(asked)) or np.min(asked) < curve.first):
            raise InputError(
                f"t = {np.min(t)}: the bound of {self.theorem.name} holds for whole numbers t >= {curve.first}"
            )
        bound = curve.at(asked)
        return np.where(unknown, np.nan, bound) if np.any(unknown) else bound

    @checked
    def whole(self, t: float) -> int:
        """The first number of rounds from t on that the bound is about: t, but for bounds about whole epochs."""
        return self._curve().whole(number("t", t))

    @property
    def start(self) -> float | None:
        """The value of the metric at x^0, or the least bound of it that the constants give; None if they give none."""
        c = self.constants
        slopes = [c.grad0_sq, None if not c.L or c.gap0 is None else 2 * c.L * c.gap0]
        slope = min((value for value in slopes if value is not None), default=None)
        values: dict[str, float | None] = {
            **dict.fromkeys(("dist_sq", "shadow_dist_sq"), c.dist0_sq),
            **dict.fromkeys(("gap", "gap_mean", "gap_avg"), c.gap0),
            **dict.fromkeys(("grad_sq", "grad_sq_mean", "grad_sq_avg", "shadow_grad_sq_mean"), slope),
            "grad_norm_mean": None if slope is None else math.sqrt(slope),
        }
        if len(self.metric.terms) == 1 and not c.composite:
            ((column, coefficient),) = self.metric.terms
            value = values.get(column)
            return None if value is None else coefficient * value
        return float(self.curve.at(0)) if self.curve is not None and self.curve.first == 0 else None

    @checked
    def vacuous(self, rounds: int | None = None) -> bool:
        """Whether the bound is worth nothing: never below the metric's value at x^0, or not after so many rounds.

        False where that cannot be told because a constant is unknown.
        """
        if self.curve is None or (start := self.start) is None:
            return False
        if rounds is not None:
            return float(self.bound(self.curve.whole(integer("rounds", rounds, 0)))) >= start > 0
        return self.curve.floor >= start > 0

    @checked
    def rounds_to(self, eps: float) -> int | None:
        """The smallest t from which on the bound is at most eps; None if the floor is too high."""
        return self._curve().rounds_to(positive("eps", eps))

    @checked
    def unreachable(self, eps: float) -> str | None:
        """None if the bound reaches eps, else the floor and a step that would do, in a sentence."""
        curve = self._curve()
        if self.rounds_to(eps) is not None:
            return None
        text = (
            f"the bound of {self.theorem.name} does not reach {eps:.4g}: its floor is {curve.floor:.6g} for these "
            f"parameters"
        )
        free = {name: value for name, value in self.fixed.items() if name != "gamma"}
        other = self.theorem.unprescribed().guarantee(self.constants, self.up, self.down, None, eps, **free)
        if isinstance(other, Guarantee) and (rounds := other.rounds_to(eps)) is not None:
            gamma = other.parameters["gamma"]
            text += f"; {other.theorem.name} with gamma = {gamma:.6g} reaches it in {counted(rounds, 'round')}"
        return text

    @property
    def bits_per_round(self) -> float | None:
        """Formula bits per worker and round, uplink plus broadcast; None if a format or dim is unknown."""
        sizes = self._sizes()
        return None if sizes is None else self.theorem.bits_per_round(*sizes, self.parameters)

    @checked
    def bits_to(self, eps: float) -> float | None:
        """Formula bits per worker, both ways, until the bound is at most eps; None if unknown or never."""
        rounds, sizes = self.rounds_to(eps), self._sizes()
        if rounds is None or sizes is None:
            return None
        first = self.theorem.bits_of_first_round(*sizes, self.parameters)
        return first + (rounds - 1) * self.theorem.bits_per_round(*sizes, self.parameters) if rounds else 0.0

    @checked
    def seconds(self, rounds: int) -> float | None:
        """Seconds in which so many rounds are done at most; None where compute times are unknown or do not decide.

        Virtual time: of computing alone, at most `Constants.seconds` for a gradient of each worker.
        """
        return self.theorem.seconds(self.constants, {**self.parameters, **self.analysis}, rounds)

    @checked
    def seconds_to(self, eps: float) -> float | None:
        """Seconds until the bound is at most eps; None if unknown or never."""
        rounds = self.rounds_to(eps)
        return None if rounds is None else self.seconds(rounds)

    def _sizes(self) -> tuple[float, float, float] | None:
        """Formula bits of a message, of a broadcast and of a dense vector; None if a format or dim is unknown."""
        if self.constants.dim is None:
            return None
        dense = compressor("identity")
        sizes = []
        for message in (self.up, self.down, dense):
            if isinstance(message, Unbiased | Contractive | AbsoluteError):
                return None
            try:
                sizes.append((message or dense).formula_bits(self.constants.dim))
            except NotImplementedError:  # a compressor of one's own that states none
                return None
        up, down, vector = sizes
        return up, down, vector

    def _curve(self) -> Curve:
        if self.curve is None:
            raise InputError(self.needs)
        return self.curve


def positive(name: str, value: float) -> float:
    if isinstance(value, bool | str) or not (math.isfinite(value) and value > 0):
        raise InputError(f"{name} = {value} must be a number above 0")
    return float(value)
