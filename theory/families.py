"""The families of bounds: a theorem of one of them says its coefficients, and the rest is done here.

- `LinearTheorem`: rho^t V_0 + floor;
- `AverageTheorem`: an average over T rounds at a constant step, 1/(gamma T) + noise;
- `TunedTheorem`: a step tuned for T, a sum of powers of T;
- `OrderTheorem`: a rate known up to constants only, without a bound.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..common.errors import together
from ..common.hooks import instance, watch
from .bounds import Curve, LinearCurve, NotCovered, PowerCurve, Rate, near_one
from .hypothesis import wants
from .theorem import ParameterChoice, Point, Request, Theorem

SPEEDUP = Rate("power", "1/T, then 1/sqrt(nT): linear speedup", in_rounds=(-1.0, -0.5), in_workers=-0.5)
"""Of a step tuned for T, under noise."""


def order_of_tuned_step(request: Request) -> Rate:
    """The rate of a step tuned for T, where its order is all that is known."""
    if request.c.sigma_sq == 0:
        return Rate("power", "1/T, without noise", in_rounds=(-1.0, -1.0))
    return SPEEDUP


def contraction_of_pair(request: Request) -> tuple[float, float]:
    """delta of the uplink and the downlink together, and K_c of the uplink."""
    delta = min(request.up.delta, request.down.delta)
    return delta, 1.0 if request.up.nonexpansive else 2 * (2 - delta)


class LinearTheorem(Theorem):
    """Bounds of the form rho^t V_0 + floor."""

    saturating: ClassVar[bool] = False
    """Whether the floor is multiplied by 1 - rho^t."""
    floor_falls_with: ClassVar[str] = "1/n"
    """What the floor is proportional to at one step; empty if more workers do not lower it."""

    @abstractmethod
    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        """1 - entry for every entry of the max in rho, by what it describes."""

    @abstractmethod
    def start(self, request: Request, p: Point) -> float:
        """V_0."""

    @abstractmethod
    def floor(self, request: Request, p: Point) -> float:
        """The limit of the bound."""

    def epoch(self, request: Request) -> int:
        """The bound is about every multiple of this number of rounds."""
        return 1

    def _parameters_at(self, request: Request, fixed: Mapping[str, float], rule: str) -> ParameterChoice:
        choose = super()._parameters_at(request, fixed, rule)
        if self.contraction_gap(request, choose.values) <= 0.0:  # inside the intervals, but only by less than rounding
            raise NotCovered(f"there is no contraction for these parameters: {self.active(request, choose.values)}")
        return choose

    def contraction_gap(self, request: Request, p: Point) -> float:
        return min(1.0, *self.contraction_gaps(request, p).values())

    def curve(self, request: Request, p: Point) -> LinearCurve:
        return LinearCurve(
            self.contraction_gap(request, p), self.start(request, p), self.floor(request, p), self.saturating,
            self.epoch(request),
        )  # fmt: skip

    def details(self, request: Request, p: Point) -> Point:
        return {"rho": 1.0 - self.contraction_gap(request, p)}

    def active(self, request: Request, p: Point) -> str:
        contraction_gaps = self.contraction_gaps(request, p)
        least = min(contraction_gaps.values())
        names = [name for name, value in contraction_gaps.items() if value <= least * (1 + 1e-9)]
        return f"rho = {near_one(least)} is set by {together(names)}"

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        floor = None if curve is None else curve.floor
        return Rate.linear(self.contraction_gap(request, p), floor, self.floor_falls_with)


@dataclass(frozen=True)
class Average:
    """bound(T) = (start/(gamma T) + noise gamma + drift gamma^2)/(1 - damping gamma)."""

    start: float
    noise: float
    drift: float = 0.0
    damping: float = 0.0


class AverageTheorem(Theorem):
    """Bounds on an average over T rounds at a constant step."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        watch(cls, {"average": instance(Average)}, passing=(NotCovered,))

    late_slope: ClassVar[str] = "1/sqrt(nT): linear speedup"
    """The slope once the noise dominates, in words."""

    @abstractmethod
    def average(self, request: Request, p: Point) -> Average:
        """The coefficients of the bound."""

    def curve(self, request: Request, p: Point) -> Curve:
        a, gamma = self.average(request, p), p["gamma"]
        left = 1.0 - a.damping * gamma
        return PowerCurve(((a.start / gamma / left, 1.0), ((a.noise * gamma + a.drift * gamma**2) / left, 0.0)))

    def active(self, request: Request, p: Point) -> str:
        return "gamma = {gamma}; the limit is {limit}"

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        noisy = f"1/T while the step is at its limit, then {self.late_slope}"
        if curve is None:
            return Rate("power", noisy + " (if there is noise)", in_rounds=(-1.0, -0.5), in_workers=-0.5)
        a = self.average(request, p)
        if a.noise == 0.0:
            slow, text = (-2 / 3, "1/T, then T^(-2/3)") if a.drift > 0 else (-1.0, "1/T, without a floor")
            return Rate("power", f"{text}, with the step tuned for T", in_rounds=(-1.0, slow))
        until = None
        if request.rounds is not None:
            others = {name: value for name, value in p.items() if name != "gamma"}
            until = speedup_until(
                a, request.c.n, request.rounds, self._parameters_at(request, others, "").values["gamma"]
            )
        return Rate("power", noisy, in_rounds=(-1.0, -0.5), in_workers=-0.5, speedup_until=until)


def speedup_until(a: Average, n: float, rounds: int, largest: float) -> float:
    """Largest n for which the tuned step is below its limit and the drift below the two leading terms.

    The noise is proportional to 1/n; the tuned step sqrt(start/(noise T)) grows as sqrt(n).
    """
    noise = n * a.noise
    if a.start == 0.0:
        return math.inf
    limits = [noise * rounds * largest**2 / a.start]
    if a.drift > 0.0:
        limits.append((2.0 * noise**1.5 * math.sqrt(rounds / a.start) / a.drift) ** (2 / 3))
    return float(math.floor(min(limits)))


class TunedTheorem(Theorem):
    """Bounds for a step that depends on T: a sum of powers of T."""

    @abstractmethod
    def powers(self, request: Request) -> tuple[tuple[float, float], ...]:
        """Pairs (coefficient, power) of the bound; the first one is the linear speedup's term, 1/sqrt(nT)."""

    def curve(self, request: Request, p: Point) -> PowerCurve:
        return PowerCurve(self.powers(request))

    def horizon(self, request: Request) -> int:
        if request.rounds is not None:
            return request.rounds
        if request.eps is None:
            raise NotCovered(f"{self.name} tunes the step for T; give rounds or eps")
        if missing := [name for name in self.bound_needs(request) if getattr(request.constants, name) is None]:
            raise NotCovered(f"{wants(self.name, missing)} to find T from eps")
        rounds = PowerCurve(self.powers(request)).rounds_to(request.eps)
        if rounds is None:
            raise NotCovered(f"{self.name} needs more than 1e300 rounds to reach eps = {request.eps:.4g}")
        return rounds

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        if curve is None:
            return SPEEDUP
        powers = self.powers(request)
        slow = -min(power for coefficient, power in powers if coefficient > 0 or power == 1.0)
        if powers[0][0] == 0.0:
            return Rate("power", f"T^({slow:.3g}) for large T, no noise", in_rounds=(-1.0, slow))
        return Rate(
            "power",
            "1/T first, 1/sqrt(nT) for large T: linear speedup while that term dominates",
            in_rounds=(-1.0, slow),
            in_workers=-0.5,
            speedup_until=self._speedup_until(request),
        )

    def _speedup_until(self, request: Request) -> float:
        """The largest n at which the 1/sqrt(nT) term is still the largest one, at the horizon."""
        rounds = self.horizon(request)

        def dominates(n: int) -> bool:
            terms = self.powers(replace(request, constants=replace(request.constants, n=n, overlap=None)))
            first, *rest = (coefficient * rounds**-power for coefficient, power in terms)
            return first >= max(rest)

        if not dominates(1):
            return 0.0
        low, high = 1, 2
        while dominates(high):
            low, high = high, 2 * high
            if high > 2**60:
                return math.inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if dominates(middle) else (low, middle)
        return float(low)


class OrderTheorem(Theorem):
    """A rate known up to constants only: a step rule and slopes, but no bound."""

    provenance = "order"
    bound_requires = ()

    def curve(self, request: Request, p: Point) -> None:  # type: ignore[override]
        return None

    def _score(self, request: Request) -> None:
        return None

    def active(self, request: Request, p: Point) -> str:
        return "gamma = {gamma}"
