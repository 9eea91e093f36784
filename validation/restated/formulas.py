"""What stands of a theorem a second time, and what the formulas of several papers share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

Number = Callable[..., float]


@dataclass(frozen=True)
class Restated:
    """A theorem's formulas.

    Parameters
    ----------
    step
        The longest step, or the one that is prescribed.
    bound
        After T rounds; of an order the formula inside O( ).
    weights
        Of the terms of the metric, where they are not all 1.
    limits
        The ends of the intervals of other parameters: (low, high), each may be None.
    chosen
        What is recommended where no parameter is fixed; of an order for T rounds. A parameter that is left out is at an
        end of its interval, at half of one that is open.
    best
        Parameters whose recommended value contracts faster than values near it.
    wanted
        What is recommended for an accuracy eps.
    seconds
        In which T rounds are done, where the compute times say so.
    """

    step: Number
    bound: Number
    weights: tuple[Number, ...] = ()
    limits: Mapping[str, tuple[Number | None, Number | None]] = field(default_factory=dict)
    chosen: Mapping[str, Number] = field(default_factory=dict)
    best: tuple[str, ...] = ()
    wanted: Mapping[str, Number] = field(default_factory=dict)
    seconds: Number | None = None


def over(x: float, y: float) -> float:
    """x/y; nothing divided by nothing is nothing."""
    return x / y if y else inf if x else 0.0


def one(**_: float) -> float:
    """The weight, or the end of an interval, that is 1 whatever the constants."""
    return 1.0


def positive() -> float:
    """The lower end of an interval of positive numbers."""
    return 0.0


def geometric_sum(rho: float, T: float) -> float:
    """1 + rho + ... + rho^(T-1)."""
    if T * math.log(rho or 1) > 700:
        return inf
    return T if rho == 1 else -math.expm1(T * math.log(rho)) / (1 - rho) if rho > 0 else 1.0


def soonest(times: Sequence[float], messages: float) -> float:
    """min over m of (m + messages)/(1/tau_1 + ... + 1/tau_m): when the m fastest have sent so many, and m more."""
    fastest = sorted(times)
    return min((m + messages) / sum(1 / tau for tau in fastest[:m]) for m in range(1, len(fastest) + 1))
