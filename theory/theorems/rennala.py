"""Rennala SGD: batches of whoever is fast, at the current model alone.

Tyurin, Richtarik 2023, arXiv 2305.12387.

    server : collects B gradients g(x) of the current x (older ones are dropped), then x <- x - gamma avg g(x)
    worker : starts anew at once, at the newest x

A gradient takes worker i at most tau_i seconds, tau_1 <= ... <= tau_n, and H_m is the harmonic mean of the m smallest.
"""

from __future__ import annotations

import math

from ...common.options import MOST
from ..bounds import Interval, PowerCurve
from ..constants import Constants
from ..families import Average
from ..hypotheses import COMPUTE_TIMES, CURRENT, EQUAL_WORKERS, FREE_DELAYS, NOISE, SMOOTH, USED_ONCE
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, choose_whole, register
from .ringmaster import AverageInSeconds, Time, window

PAPER = "Tyurin, Richtarik 2023 (arXiv 2305.12387)"


def choose_batch(request: Request, choose: ParameterChoice) -> int:
    """Take B: for an accuracy the best one, else n."""
    known, eps = request.constants, request.eps
    best = int(request.c.n)
    if eps is not None and known.sigma_sq is not None:
        enough = max(
            1, math.ceil(min(2 * known.sigma_sq / eps, MOST))
        )  # half of the accuracy is noise, at the longest step
        best = max(best, enough)
        if known.seconds is not None:
            tried = sorted({enough, *(round(2 ** (k / 4)) for k in range(math.ceil(4 * math.log2(2 * enough)) + 1))})
            seconds, ratio = known.seconds, known.sigma_sq / eps
            best = min(tried, key=lambda B: _steps(ratio / B) * window(seconds, B))
    return choose_whole(choose, "B", best)


def _steps(noise: float) -> float:
    """Steps to the accuracy in units of 2 L Delta/eps, where the longest step has so many times its noise."""
    share = min(1.0, 0.5 / noise) if noise else 1.0  # of the longest step
    return 1 / (share * (1 - share * noise))


@register
class Nonconvex(AverageInSeconds):
    """Rennala SGD on a smooth nonconvex f.

    Problem: f is L-smooth, every worker samples the same f, noise sigma^2. Algorithm: see the module.

    Guarantee: gamma <= 1/L gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T) + gamma L sigma^2/B after T steps, which take at most
    T min over m of H_m (1 + B/m) seconds. For an accuracy eps, B = 2 sigma^2/eps or n, or, where the compute times are
    known, what takes the fewest seconds.

    Source: sgd.nonconvex with the noise of B samples; seconds as in rennala.time. Provenance: restated.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=3, L=1.0, gap0=1.0, sigma_sq=1.0, zeta_sq=0.0, seconds=(1, 1, 1000))
    >>> found = theorem("rennala.nonconvex").guarantee(known, eps=0.1)
    >>> found.parameters, found.rounds_to(0.1), round(found.seconds_to(0.1))
    ({'gamma': 1.0, 'B': 20.0}, 40, 440)
    """

    name = "rennala.nonconvex"
    probe = Probe(fixed={"B": 4.0})
    title = "Rennala SGD, nonconvex"
    source = PAPER
    provenance = "restated"
    method = "rennala"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq")
    parameters = ("gamma", "B")
    assumes = (
        EQUAL_WORKERS,
        SMOOTH,
        NOISE,
        CURRENT,
        FREE_DELAYS,
        USED_ONCE,
    )
    setting = r"Delays and compute times need no bound."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T} + \frac{\gamma L\sigma^2}{B}"
    late_slope = "1/sqrt(BT)"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose_batch(request, choose)
        choose("gamma", Interval(0.0, 1 / request.c.L, "0 < gamma <= 1/L"), 1 / request.c.L)

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        return Average(start=2 * c.gap0, noise=c.L * c.sigma_sq / p["B"])

    def seconds(self, constants: Constants, p: Point, rounds: int) -> float | None:
        return None if constants.seconds is None else rounds * window(constants.seconds, p["B"])


@register
class BatchTime(Time):
    """How long the steps of Rennala SGD take.

    Problem: any. A gradient takes worker i at most tau_i seconds. Algorithm: see the module.

    Guarantee: T steps take s_T <= T min over m of H_m (1 + B/m) seconds. (A single step may take
    min over m of H_m (2 + B/m): the first gradient of a worker may be dropped.) n = 1: a step of B gradients takes B
    seconds of B + 1.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> found = theorem("rennala.time").guarantee(Constants(n=3, seconds=(1, 1, 1000)), B=4)
    >>> found.seconds(5), float(found.bound(5))
    (15.0, 3.0)
    """

    name = "rennala.time"
    probe = Probe(fixed={"B": 4.0}, symbols={"t_B": lambda found, s: window(found.constants.seconds, s["B"])})
    title = "Time of Rennala SGD"
    source = "own proof"
    provenance = "ours"
    method = "rennala"
    requires = ("n",)
    parameters = ("gamma", "B")
    assumes = (COMPUTE_TIMES, CURRENT)
    setting = r"Let $t_B = \min_m H_m(1+\frac{B}{m})$, and $s_T$ the seconds after $T$ steps."
    conditions = r"0 < \gamma"
    measures = (("", "seconds_per_round"),)
    bound_latex = r"t_B"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose_batch(request, choose)
        self.choose_step(choose)

    def curve(self, request: Request, p: Point) -> PowerCurve:
        return PowerCurve(((window(request.constants.seconds or (), p["B"]), 0.0),))

    def seconds(self, constants: Constants, p: Point, rounds: int) -> float | None:
        return None if constants.seconds is None else rounds * window(constants.seconds, p["B"])
