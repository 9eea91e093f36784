"""What a theorem is asked: constants, promises of compressors, and the parameters that are chosen one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..common import front
from ..common.errors import InputError, nearest
from .bounds import Interval, NotCovered
from .constants import FLAGS, LISTS, NAMES, Constants

Point = dict[str, float]


class NoSuchError(InputError):
    """A function of a theorem asks for something that does not exist, at whatever constants."""


KNOWABLE = frozenset((*NAMES, *FLAGS, *LISTS))
"""What a theorem may ask of constants."""


class KnownConstants:
    """The constants as numbers; only for names that were checked to be known."""

    def __init__(self, constants: Constants) -> None:
        self._constants = constants

    def __getattr__(self, name: str) -> float:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in KNOWABLE:
            raise NoSuchError(f"there is no constant c.{name}{nearest(name, NAMES)}; constants: {', '.join(NAMES)}")
        value = getattr(self._constants, name)
        if value is None:
            raise NotCovered(f"{name} is unknown; give {front.constants(name)}")
        self.__dict__[name] = number = value if name in LISTS else float(value)  # asked again it is at hand
        return number


@dataclass(frozen=True)
class Request:
    """A request matched with a theorem's assumptions: constants, assumptions on the compressors, horizon."""

    constants: Constants
    up: Any
    down: Any
    rounds: int | None
    eps: float | None
    fixed: Mapping[str, float] = field(default_factory=dict)
    """Parameters that the caller fixed."""

    @cached_property
    def c(self) -> KnownConstants:
        """The constants as numbers."""
        return KnownConstants(self.constants)


@dataclass
class ParameterChoice:
    """Collects one value after the other, with its admissible interval.

    ``choose(name, interval, default)`` returns the fixed value, if there is one, after checking it.
    """

    fixed: Mapping[str, float]
    rule: str = ""
    values: Point = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)

    def __call__(self, name: str, interval: Interval, default: float) -> float:
        value = float(self.fixed.get(name, default))
        if math.isnan(value):
            raise InputError(f"{name} is chosen as {value}: a theorem must choose a number")
        if refusal := interval.refusal(name, value):
            raise NotCovered(refusal)
        self.values[name], self.intervals[name] = value, interval
        return value
