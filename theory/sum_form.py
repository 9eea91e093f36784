"""The sum form: minimise F = sum_i f_i with x <- x - gamma sum_i (...), as some papers write it.

Everything else here is about the average f = F/n with x <- x - gamma avg_i (...). One run of a method is both: the
average's gamma is n times the sum's. This is the one place where the two are converted, constants on the way in, the
answer on the way back.

Constants of the sum: L, mu, pl, gap0 and L_l1 belong to F; where a constant of the average has (1/n) sum_i, that of
the sum has sum_i (zeta_star_sq = sum ||grad f_i(x*)||^2, G_mean = sum C_i, L_tilde^2 = sum L_i^2, ...). What belongs
to one worker or one coordinate (L_max, L_shared, L_sample, mu_min, sigma_sq, G, sigma_l1) and what has nothing to do
with the scale of f (n, dim, dist0_sq, overlap, tau) is the same in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common import front
from ..common.errors import InputError
from .bounds import Curve, Interval
from .constants import NAMES, Constants
from .guarantee import Guarantee, NoGuarantee
from .theorem import Given, Theorem

POWERS: dict[str, float] = {
    **dict.fromkeys(("L", "L_mean", "mu", "pl", "gap0", "L_l1", "gap_star"), 1.0),
    **dict.fromkeys(
        ("zeta_sq", "zeta_star_sq", "sigma_star_sq", "grad0_sq", "grad0_scaled", "G_mean", "G_sq_mean", "G_l1"), 1.0
    ),
    "L_tilde": 0.5,
}
"""Power of n by which a constant of the sum is larger than that of the average; 0 for the others."""

METRIC_POWERS: dict[str, float] = {
    "dist_sq": 0.0,
    **dict.fromkeys(("gap", "gap_mean", "gap_avg"), 1.0),
    **dict.fromkeys(("grad_sq", "grad_sq_mean", "grad_sq_avg"), 2.0),
}
"""The same for the metrics that a bound in the sum form may be about."""


def average_constants(constants: Mapping[str, Any]) -> Constants:
    """From constants of the sum, by name, to those of the average.

    Raises
    ------
    InputError
        If n is missing, or `Constants.read` refuses a name or a value.

    Examples
    --------
    >>> average_constants({"n": 4, "L_max": 2.0, "mu": 2.0, "zeta_star_sq": 0.4}).known()
    {'n': 4, 'L_max': 2.0, 'mu': 0.5, 'zeta_star_sq': 0.1}
    """
    if constants.get("n") is None:
        raise InputError(f"the sum form needs n, the number of terms of the sum; give {front.constants('n')}")
    n = Constants(n=constants["n"]).n or 1
    checked = {name: getattr(Constants.read({name: value}), name) for name, value in constants.items()}
    return Constants.read({name: value / n ** POWERS[name] if name in POWERS else value
                           for name, value in checked.items()})  # fmt: skip


def sum_constants(constants: Constants) -> dict[str, float]:
    """From constants of the average to those of the sum, by name; only those that are known."""
    n = constants.n or 1
    return {name: value * n ** POWERS[name] if name in POWERS else value for name, value in constants.known().items()}


@dataclass(frozen=True)
class ScaledCurve(Curve):
    """A bound times a constant."""

    curve: Curve
    factor: float

    @property
    def first(self) -> int:  # type: ignore[override]
        return self.curve.first

    @property
    def every(self) -> int:  # type: ignore[override]
        return self.curve.every

    @property
    def floor(self) -> float:
        return self.factor * self.curve.floor

    def at(self, t: ArrayLike) -> NDArray[np.float64]:
        return self.factor * self.curve.at(t)

    def time_to(self, eps: float) -> float:
        return self.curve.time_to(eps / self.factor)


@dataclass(frozen=True, repr=False)
class SumGuarantee(Guarantee):
    """A guarantee whose step, intervals, bound and floor are those of the sum form.

    Attributes
    ----------
    average
        The guarantee about the average, which `constants` belong to; `sum_constants` converts them.
    factor
        By which the metric of the sum is larger.
    """

    average: Guarantee = field(default=None, repr=False)  # type: ignore[assignment]
    factor: float = 1.0

    def unreachable(self, eps: float) -> str | None:
        """None if the bound reaches eps, else its floor in a sentence."""
        if self.rounds_to(eps) is not None:
            return None
        return (
            f"the bound of {self.theorem.name} in the sum form does not reach {eps:.4g}: its floor is "
            f"{self._curve().floor:.6g} for these parameters; leave gamma free, and it is chosen for eps"
        )


def guarantee(
    theorem: Theorem,
    constants: Mapping[str, Any],
    up: Given = None,
    down: Given = None,
    rounds: int | None = None,
    eps: float | None = None,
    **parameters: float,
) -> SumGuarantee | NoGuarantee:
    """Apply a theorem in the sum form: as `Theorem.guarantee`, everything in and out in the units of the sum.

    Raises
    ------
    InputError
        For a theorem with more parameters of the method than the step (and M), or another metric than the distance,
        the gap or the squared gradient; and what `average_constants` and `Theorem.guarantee` refuse.

    Examples
    --------
    >>> from tersegrad.theory import Unbiased, theorem
    >>> known = {"n": 4, "L_max": 2.0, "mu": 2.0, "overlap": 2, "tau": 1}
    >>> found = guarantee(theorem("khirirat.q-iag-strongly-convex"), known, Unbiased(1.0))
    >>> found.parameters["gamma"] == 3 / (8 * 2 * 2 * 2 * 3), found.rate.contraction == 1 - 2 * 3 / 192
    (True, True)
    """
    columns = [column for _, column in theorem.measures]
    if set(theorem.parameters) - {"gamma", "M"} or len(columns) != 1 or columns[0] not in METRIC_POWERS:
        raise InputError(
            f"{theorem.name} has no sum form here: that is for methods whose parameter is the step alone, and bounds "
            f"on the distance, the gap or the squared gradient"
        )
    known = average_constants(constants)
    n = known.n or 1
    factor = n ** METRIC_POWERS[columns[0]]
    if "gamma" in parameters:
        parameters = {**parameters, "gamma": n * parameters["gamma"]}
    found = theorem.guarantee(known, up, down, rounds, None if eps is None else eps / factor, **parameters)
    if not found:
        return NoGuarantee(theorem, f"{found.reason} (in the units of the average f = F/n, whose step is n gamma)")
    return _in_sum_form(found, n, factor)


def _in_sum_form(found: Guarantee, n: int, factor: float) -> SumGuarantee:
    step = found.parameters["gamma"]
    floor = found.rate.floor
    limit = found.intervals["gamma"]
    text = re.sub(r"\bgamma\b", "n gamma", limit.text)
    values = {f.name: getattr(found, f.name) for f in fields(found)} | {
        "parameters": {**found.parameters, "gamma": step / n},
        "intervals": {
            **found.intervals,
            "gamma": Interval(limit.low / n, limit.high / n, text, limit.low_open, limit.high_open),
        },
        "eps": None if found.eps is None else found.eps * factor,
        "rate": found.rate if floor is None else replace(found.rate, floor=floor * factor),
        "notes": (
            "sum form: constants, step and bound belong to F = sum f_i and x <- x - gamma sum (...); formulas in words "
            "are those of the average f = F/n, whose step is n gamma",
            *(f"for f = F/n: {note}" if note.split(" = ")[0] in NAMES else note for note in found.notes),
        ),
        "curve": None if found.curve is None else ScaledCurve(found.curve, factor),
    }  # fmt: skip
    return SumGuarantee(**values, average=found, factor=factor)
