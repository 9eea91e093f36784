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
from typing import ClassVar

from .bounds import Curve, LinearCurve, NotCovered, PowerCurve, Rate
from .theorem import Case, Choice, Point, Theorem, wants


class LinearTheorem(Theorem):
    """Bounds of the form rho^t V_0 + floor."""

    saturating: ClassVar[bool] = False
    """Whether the floor is multiplied by 1 - rho^t."""

    @abstractmethod
    def gains(self, case: Case, p: Point) -> dict[str, float]:
        """1 - entry for every entry of the max in rho, by what it describes."""

    @abstractmethod
    def start(self, case: Case, p: Point) -> float:
        """V_0."""

    @abstractmethod
    def floor(self, case: Case, p: Point) -> float:
        """The limit of the bound."""

    def _choose(self, case: Case, fixed: Mapping[str, float], rule: str) -> Choice:
        take = super()._choose(case, fixed, rule)
        if self.gain(case, take.values) <= 0.0:  # inside the intervals, but only by less than rounding
            raise NotCovered(f"there is no contraction for these parameters: {self.active(case, take.values)}")
        return take

    def gain(self, case: Case, p: Point) -> float:
        return min(1.0, *self.gains(case, p).values())

    def curve(self, case: Case, p: Point) -> LinearCurve:
        return LinearCurve(self.gain(case, p), self.start(case, p), self.floor(case, p), self.saturating)

    def details(self, case: Case, p: Point) -> Point:
        return {"rho": 1.0 - self.gain(case, p)}

    def active(self, case: Case, p: Point) -> str:
        gains = self.gains(case, p)
        least = min(gains.values())
        names = [name for name, value in gains.items() if value <= least * (1 + 1e-9)]
        return f"rho = {_near_one(least)} is set by {' and '.join(names)}"

    def rate(self, case: Case, p: Point, curve: Curve | None) -> Rate:
        gain, floor = self.gain(case, p), None if curve is None else curve.floor
        rho = _near_one(gain)
        if floor is None:
            text = f"contracts by {rho} a round, down to a floor that the missing constants decide"
        elif floor == 0.0:
            text = f"contracts by {rho} a round, without a floor"
        else:
            text = f"contracts by {rho} a round, down to {floor:.4g}, proportional to 1/n at one step"
        return Rate("linear", text, contraction=1.0 - gain, floor=floor, in_workers=-1.0 if floor else 0.0)


@dataclass(frozen=True)
class Average:
    """bound(T) = (start/(gamma T) + noise gamma + drift gamma^2)/(1 - damping gamma)."""

    start: float
    noise: float
    drift: float = 0.0
    damping: float = 0.0


class AverageTheorem(Theorem):
    """Bounds on an average over T rounds at a constant step."""

    @abstractmethod
    def average(self, case: Case, p: Point) -> Average:
        """The coefficients of the bound."""

    def curve(self, case: Case, p: Point) -> Curve:
        a, gamma = self.average(case, p), p["gamma"]
        left = 1.0 - a.damping * gamma
        return PowerCurve(((a.start / gamma / left, 1.0), ((a.noise * gamma + a.drift * gamma**2) / left, 0.0)))

    def active(self, case: Case, p: Point) -> str:
        return f"gamma = {p['gamma']:.6g}; the limit is {self._choose(case, p, '').intervals['gamma'].text}"

    def rate(self, case: Case, p: Point, curve: Curve | None) -> Rate:
        noisy = "1/T while the step is at its limit, then 1/sqrt(nT): linear speedup"
        if curve is None:
            return Rate("power", noisy + " (if there is noise)", in_rounds=(-1.0, -0.5), in_workers=-0.5)
        a = self.average(case, p)
        if a.noise == 0.0:
            slow, text = (-2 / 3, "1/T, then T^(-2/3)") if a.drift > 0 else (-1.0, "1/T, without a floor")
            return Rate("power", f"{text}, with the step tuned for T", in_rounds=(-1.0, slow))
        until = None
        if case.rounds is not None:
            others = {name: value for name, value in p.items() if name != "gamma"}
            until = speedup_until(a, case.c.n, case.rounds, self._choose(case, others, "").values["gamma"])
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
    def powers(self, case: Case) -> tuple[tuple[float, float], ...]:
        """Pairs (coefficient, power) of the bound; the first one is the linear speedup's term, 1/sqrt(nT)."""

    def curve(self, case: Case, p: Point) -> PowerCurve:
        return PowerCurve(self.powers(case))

    def horizon(self, case: Case) -> int:
        if case.rounds is not None:
            return case.rounds
        if case.eps is None:
            raise NotCovered(f"{self.name} tunes the step for T; give rounds or eps")
        if missing := [name for name in self.bound_needs(case) if getattr(case.constants, name) is None]:
            raise NotCovered(f"{wants(self.name, missing)} to find T from eps")
        rounds = PowerCurve(self.powers(case)).rounds_to(case.eps)
        if rounds is None:
            raise NotCovered(f"{self.name} needs more than 1e300 rounds to reach eps = {case.eps:.4g}")
        return rounds

    def rate(self, case: Case, p: Point, curve: Curve | None) -> Rate:
        if curve is None:
            return Rate("power", "1/T, then 1/sqrt(nT): linear speedup", in_rounds=(-1.0, -0.5), in_workers=-0.5)
        powers = self.powers(case)
        slow = -min(power for coefficient, power in powers if coefficient > 0 or power == 1.0)
        if powers[0][0] == 0.0:
            return Rate("power", f"T^({slow:.3g}) for large T, no noise", in_rounds=(-1.0, slow))
        return Rate(
            "power",
            "1/T first, 1/sqrt(nT) for large T: linear speedup while that term dominates",
            in_rounds=(-1.0, slow),
            in_workers=-0.5,
            speedup_until=self._speedup_until(case),
        )

    def _speedup_until(self, case: Case) -> float:
        """The largest n at which the 1/sqrt(nT) term is still the largest one, at the horizon."""
        rounds = self.horizon(case)

        def dominates(n: int) -> bool:
            terms = self.powers(replace(case, constants=replace(case.constants, n=n, overlap=None)))
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

    def curve(self, case: Case, p: Point) -> None:  # type: ignore[override]
        return None

    def _score(self, case: Case) -> None:
        return None

    def active(self, case: Case, p: Point) -> str:
        return f"gamma = {p['gamma']:.6g}"


def _near_one(gain: float) -> str:
    """1 - gain as text that does not round to 1."""
    return f"{1.0 - gain:.6g}" if gain > 1e-4 else f"1 - {gain:.3g}"
