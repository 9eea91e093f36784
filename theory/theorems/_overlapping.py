"""What the theorems on quantised gradients with explicit steps share: Q-GD, D-QGD, Q-IAG, delayed Q-SGD.

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573.

    Q-GD           :  x <- x - gamma C(grad f(x)), one node
    D-QGD          :  x <- x - gamma avg C(grad f_i(x)), the model is broadcast as it is
    Q-IAG          :  the server stores h_i; a report of worker i replaces h_i by C(grad f_i(x^(t - tau_i)));
                      x <- x - gamma avg h_i in every step
    delayed Q-SGD  :  x <- x - gamma C(g(x^(t - tau_t)))

C is unbiased, E||C(v)||^2 <= a ||v||^2 with a = 1 + omega, and supp C(v) lies in supp v: it sends no coordinate
that is zero (`Compressor.keeps_support`). tau bounds the age of a gradient when it is used, not its transport:
round robin over n workers has tau = n - 1. The delays are independent of the coins.

f_i depends on the coordinates in S_i only. s (the constant ``overlap``) says how much the S_i overlap: the
paper's min{sqrt(n (1 + deg_ave)), 1 + deg_max} of the conflict graph, or, which is never larger, the largest number
of workers that share a coordinate. Then ||sum v_i||^2 <= s sum ||v_i||^2 for v_i supported in S_i, and f is
(s/n) L_max-smooth. A term that all f_i share, such as an l2 regulariser, makes s = n; s = n is always right, and is
taken where ``overlap`` is unknown.

The paper minimises the sum of the f_i; everything here is about the average f, with gamma = n gamma_paper
(`sum_form` converts). The proofs are in ``docs/proofs/khirirat.md``.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import numpy as np

from ..bounds import Curve, Interval, Rate
from ..compressors import Unbiased
from ..constants import Constants
from ..families import AverageTheorem, LinearTheorem
from ..hypotheses import OVERLAP
from ..search import refined
from ..theorem import ParameterChoice, Point, Request, Theorem

PAPER = "Khirirat, Feyzmahdavian, Johansson 2018 (arXiv 1806.06573)"
SECOND_MOMENT = (
    r"the workers' compressor is unbiased given the vector that it compresses, with "
    r"$\mathbb{E}\|C(v)\|^2 \le a\|v\|^2$, $a = 1+\omega$"
)
OWN = f"own proof, for the method of {PAPER}"


class Overlapping(Theorem):
    """Workers whose supports overlap: s replaces n where compressors send no coordinate that is zero."""

    uplink = Unbiased
    messages_latex = SECOND_MOMENT
    floor_falls_with = "s/n"
    late_slope = "1/sqrt(T), with the step tuned for T"

    def prepared(self, constants: Constants) -> Constants:
        """The constants, with n for an unknown overlap."""
        if OVERLAP in self.assumes and constants.overlap is None and constants.n is not None:
            note = f"overlap = {constants.n}: at most n"
            constants = replace(constants, overlap=constants.n, notes=(*constants.notes, note))
        return super().prepared(constants)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        """The slopes of the family of bounds; what is left of the floor falls with s/n, not with 1/n."""
        return replace(super().rate(request, p, curve), in_workers=0.0, speedup_until=None)  # type: ignore[safe-super]


def second_moment(request: Request) -> float:
    """a: E||C(v)||^2 <= a ||v||^2."""
    return 1.0 + request.up.omega


class FreeTheta(Overlapping, LinearTheorem):
    """Linear bounds with a free theta > 0: a small one for the contraction, a larger one for the floor.

    zeta_star = 0 makes theta = 0 right: nothing of the floor is left. Otherwise theta is chosen with the step, for the
    smallest bound at T or the fewest rounds to eps; with neither, for the lowest floor.
    """

    requires: ClassVar[tuple[str, ...]] = ("n", "L_max", "mu")
    bound_requires = ("dist0_sq", "zeta_star_sq")
    analysis = ("theta",)
    measures = (("", "dist_sq"),)
    bound_latex = r"\rho^t R_0^2 + F"

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        if request.c.zeta_star_sq == 0:
            return 0.0
        return self._trade(request, p["gamma"])(p["theta"])[1] * request.c.zeta_star_sq

    @abstractmethod
    def _trade(self, request: Request, gamma: float) -> Callable[[float], tuple[float, float]]:
        """From theta to the gain 1 - rho and the floor for zeta_star = 1, at this step."""

    @staticmethod
    def _interpolating(request: Request) -> bool:
        return request.constants.zeta_star_sq == 0

    @staticmethod
    def _aims(request: Request) -> bool:
        """Whether theta can be tuned for T or eps: the bound's constants are known, and one of them is given."""
        known = request.constants.dist0_sq is not None and request.constants.zeta_star_sq is not None
        return known and (request.rounds is not None or request.eps is not None)

    def _tuned_theta(self, request: Request, gamma: float, low: float, high: float) -> float:
        """theta in [low, high] for this step, by what is asked for."""

        trade = self._trade(request, gamma)
        aims = self._aims(request)
        start, level = (request.c.dist0_sq, request.c.zeta_star_sq) if aims else (0.0, 1.0)
        rounds, eps = request.rounds, request.eps or 0.0

        def score(theta: float) -> float:
            contraction_gap, floor = trade(theta)
            if contraction_gap <= 0:
                return math.inf
            floor *= level
            if not aims:
                return floor
            if rounds is not None:
                return (math.exp(rounds * math.log1p(-contraction_gap)) if contraction_gap < 1 else 0.0) * start + floor
            room = eps - floor
            if room <= 0:
                return math.inf
            if start <= room:
                return 0.0
            return math.log(room / start) / math.log1p(-contraction_gap) if contraction_gap < 1 else 1.0

        grid = np.linspace(math.log(low), math.log(high), 10)
        at = lambda log_theta: score(math.exp(log_theta))  # noqa: E731
        return math.exp(refined(at, grid, [at(x) for x in grid], 1e-5))

    def _choose_theta(self, request: Request, choose: ParameterChoice, default: Callable[[], float]) -> float:
        closed = self._interpolating(request)
        text = "0 <= theta" if closed else "0 < theta (theta = 0 if zeta_star_sq = 0)"
        chosen = choose.fixed["theta"] if "theta" in choose.fixed else default()
        return choose("theta", Interval(0.0, math.inf, text, low_open=not closed), chosen)


class AnyStep(Overlapping, AverageTheorem):
    """Bounds without a condition on the step: it is a matter of T or eps alone."""

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose("gamma", Interval(0.0, math.inf, "0 < gamma, any step", high_open=True), self._largest(request))

    def _largest(self, request: Request) -> float:
        """A step that no better one exceeds for this T or eps; with neither, 1/smoothness."""
        aimed = request.rounds is not None or request.eps is not None
        if aimed and not any(getattr(request.constants, name) is None for name in self.bound_needs(request)):
            a = self.average(request, {})
            if a.noise > 0 and a.start > 0:
                if request.rounds is not None:
                    return math.sqrt(a.start / (a.noise * request.rounds))
                return (request.eps or 0.0) / a.noise
        return 1 / self._smoothness(request)

    @abstractmethod
    def _smoothness(self, request: Request) -> float:
        """The smoothness that the family of bounds uses."""

    def active(self, request: Request, p: Point) -> str:
        return "every gamma is covered, {gamma} is chosen; the best one depends on T"

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        """1/sqrt(T) for the best step, and drift/T."""
        return replace(super().rate(request, p, curve), words="1/sqrt(T), after 1/T, with the step tuned for T")
