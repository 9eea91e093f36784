"""Ringmaster ASGD: asynchronous SGD that drops gradients which are R or more steps old.

Maranjyan, Tyurin, Richtarik 2025, arXiv 2501.16168.

    server : g(x^s) arrives at step t: if t - s < R then x <- x - gamma g(x^s), else it is dropped
    worker : starts anew at once, at the newest x

A gradient takes worker i at most tau_i seconds, tau_1 <= ... <= tau_n, and H_m is the harmonic mean of the m smallest.
A worker that is slow beyond all measure costs nothing more: the minima over m leave it out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from ...common.options import MOST
from ..bounds import Curve, FunctionCurve, Interval, PowerCurve, Rate
from ..constants import Constants
from ..families import Average, AverageTheorem
from ..hypotheses import COMPUTE_TIMES, DROPPED, EQUAL_WORKERS, FREE_DELAYS, NOISE, SMOOTH, USED_ONCE
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, Theorem, choose_whole, register

PAPER = "Maranjyan, Tyurin, Richtarik 2025 (arXiv 2501.16168)"


def harmonic_means(seconds: Sequence[float]) -> list[float]:
    """H_m of the m smallest, m = 1, ..., n."""
    means, speed = [], 0.0
    for m, taken in enumerate(sorted(seconds), start=1):
        speed += 1 / taken
        means.append(m / speed)
    return means


def window(seconds: Sequence[float], messages: float) -> float:
    """min over m of H_m (1 + messages/m): so long, or twice as long, take so many messages of who is fast."""
    return min(H * (1 + messages / m) for m, H in enumerate(harmonic_means(seconds), start=1))


def updates(seconds: Sequence[float], R: float, rounds: float) -> float:
    """min over m of H_m (1 + T/m + T/R): in so many seconds T updates are done."""
    return min(H * (1 + rounds / m + rounds / R) for m, H in enumerate(harmonic_means(seconds), start=1))


class AverageInSeconds(AverageTheorem):
    """Averages over rounds whose noise does not depend on n, and whose rounds have a bound in seconds."""

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return replace(super().rate(request, p, curve), in_workers=0.0, speedup_until=None)


class Time(Theorem):
    """Seconds an update takes on average: what bounds time says nothing of the step."""

    bound_requires = ()

    def choose_step(self, choose: ParameterChoice) -> None:
        """Take any step: it does not change when who reports."""
        choose("gamma", Interval(0.0, math.inf, "gamma > 0"), 1.0)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        assert curve is not None
        return Rate("power", f"down to {curve.floor:.4g} seconds a step, whatever gamma")

    def active(self, request: Request, p: Point) -> str:
        return "gamma = {gamma} does not matter"

    def _score(self, request: Request) -> None:  # no step changes the bound
        return None


@register
class Nonconvex(AverageInSeconds):
    """Ringmaster ASGD on a smooth nonconvex f.

    Problem: f is L-smooth, every worker samples the same f, noise sigma^2. Algorithm: see the module.

    Guarantee: gamma <= 1/(2 L max{1, R - 1}) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T) + 2 L gamma sigma^2 after T updates, which take at most
    min over m of H_m (1 + T/m + T/R) seconds. For an accuracy eps, R = 1 + 2 sigma^2/eps: the largest R that leaves the
    step as long as the noise lets it be.

    Source: delayed-sgd.nonconvex with tau = R - 1, for a method that keeps to it; seconds as in
    ringmaster.time-sharper. Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=3, L=1.0, gap0=1.0, sigma_sq=1.0, zeta_sq=0.0, seconds=(1, 1, 1000))
    >>> found = theorem("ringmaster.nonconvex").guarantee(known, eps=0.1)
    >>> found.parameters, found.rounds_to(0.1), round(found.seconds_to(0.1))
    ({'gamma': 0.025, 'R': 21.0}, 1600, 877)
    """

    name = "ringmaster.nonconvex"
    probe = Probe(fixed={"R": 4.0})
    title = "Ringmaster ASGD, nonconvex"
    source = f"own proof, for the method of {PAPER}"
    provenance = "ours"
    method = "ringmaster"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq")
    parameters = ("gamma", "R")
    assumes = (
        EQUAL_WORKERS,
        SMOOTH,
        NOISE,
        DROPPED,
        FREE_DELAYS,
        USED_ONCE,
    )
    setting = r"Delays and compute times need no bound."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{2L\max\{1,R-1\}}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T} + 2L\gamma\sigma^2"
    late_slope = "1/sqrt(T)"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, eps = request.c, request.eps
        noise = request.constants.sigma_sq
        most = int(c.n) if eps is None or noise is None else math.floor(min(1 + 2 * noise / eps, MOST))
        R = choose_whole(choose, "R", most)
        high = 1 / (2 * c.L * max(1, R - 1))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(2 L max(1, R - 1))"), high)

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        return Average(start=2 * c.gap0, noise=2 * c.L * c.sigma_sq)

    def seconds(self, constants: Constants, p: Point, rounds: int) -> float | None:
        return None if constants.seconds is None else updates(constants.seconds, p["R"], rounds)


class _RingmasterTime(Time):
    """Time of the updates of Ringmaster ASGD."""

    method = "ringmaster"
    requires = ("n",)
    parameters = ("gamma", "R")
    assumes = (COMPUTE_TIMES, DROPPED)
    conditions = r"0 < \gamma"
    measures = (("", "seconds_per_round"),)

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose_whole(choose, "R", int(request.c.n))
        self.choose_step(choose)


@register
class PublishedTime(_RingmasterTime):
    """How long R updates of Ringmaster ASGD take.

    Problem: any. A gradient takes worker i at most tau_i seconds. Algorithm: see the module.

    Guarantee: any R updates in a row take at most t(R) = 2 min over m of H_m (1 + R/m) seconds, so that T of them take
    s_T <= ceil(T/R) t(R), and s_T/T <= (t(R)/R)(1 + (R - 1)/T).

    Source: Lemma 4.1 of the paper. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> found = theorem("ringmaster.time").guarantee(Constants(n=3, seconds=(1, 1, 1000)), R=4)
    >>> found.seconds(4), found.seconds(5), float(found.bound(4))
    (6.0, 12.0, 2.625)
    """

    name = "ringmaster.time"
    probe = Probe(fixed={"R": 4.0}, symbols={"t_R": lambda found, s: 2 * window(found.constants.seconds, s["R"])})
    title = "Time of Ringmaster ASGD"
    source = f"{PAPER}, Lemma 4.1"
    provenance = "published"
    setting = r"Let $t_R = 2\min_m H_m(1+\frac{R}{m})$, and $s_T$ the seconds after $T$ updates."
    bound_latex = r"\frac{t_R}{R}(1+\frac{R-1}{T})"

    def curve(self, request: Request, p: Point) -> PowerCurve:
        R = p["R"]
        longest = 2 * window(request.constants.seconds or (), R)
        return PowerCurve(((longest * (R - 1) / R, 1.0), (longest / R, 0.0)))

    def seconds(self, constants: Constants, p: Point, rounds: int) -> float | None:
        if constants.seconds is None:
            return None
        return math.ceil(rounds / p["R"]) * 2 * window(constants.seconds, p["R"])


@register
class SharperTime(_RingmasterTime):
    """How long T updates of Ringmaster ASGD take: half as long, for T far above R, as the published lemma says.

    Problem: any. A gradient takes worker i at most tau_i seconds. Algorithm: see the module.

    Guarantee: the first T updates take s_T <= min over m of H_m (1 + T/m + T/R) seconds. The published lemma,
    ceil(T/R) 2 min over m of H_m (1 + R/m), is never below this. Equal workers and R to infinity: equality up to H_n.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> found = theorem("ringmaster.time-sharper").guarantee(Constants(n=3, seconds=(1, 1, 1000)), R=4)
    >>> found.seconds(4), found.seconds(5), float(found.bound(4))
    (4.0, 4.75, 1.0)
    """

    name = "ringmaster.time-sharper"
    probe = Probe(fixed={"R": 4.0}, symbols={"u_T": lambda found, s: updates(found.constants.seconds, s["R"], s["T"])})
    title = "Time of Ringmaster ASGD, sharper"
    source = "own proof"
    provenance = "ours"
    setting = r"Let $u_T = \min_m H_m(1+\frac{T}{m}+\frac{T}{R})$, and $s_T$ the seconds after $T$ updates."
    bound_latex = r"\frac{u_T}{T}"

    def curve(self, request: Request, p: Point) -> FunctionCurve:
        means, R = harmonic_means(request.constants.seconds or ()), p["R"]
        lines = [(H, H / m + H / R) for m, H in enumerate(means, start=1)]
        return minimum_of(lines)

    def seconds(self, constants: Constants, p: Point, rounds: int) -> float | None:
        return None if constants.seconds is None else updates(constants.seconds, p["R"], rounds)


def minimum_of(lines: Sequence[tuple[float, float]]) -> FunctionCurve:
    """The curve min over pairs (a, b) of a/T + b."""
    return FunctionCurve(
        lambda T: reduce(np.minimum, (a / T + b for a, b in lines)), min(b for _, b in lines)
    )  # fmt: skip
