"""Delayed Q-SGD, every step averages M compressed stochastic gradients of some age.

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573; notation and proofs as in `_overlapping`.
"""

from __future__ import annotations

import math

from ..bounds import Interval, NotCovered
from ..families import Average
from ..theorem import ParameterChoice, Point, Request, register
from ._overlapping import OWN, AnyStep, second_moment


@register
class DelayedQSGD(AnyStep):
    """Delayed Q-SGD on a convex f.

    Problem: f is convex and L-smooth (mu = 0 says that it is convex), E||g||^2 <= G^2 at every point met. Algorithm:
    every step averages M compressed stochastic gradients, each at most tau rounds old: x <- x - gamma avg_m
    C(g_m(x^(t - tau_m))). Each sample and its coins are used once, by one worker; the delays are independent of samples
    and coins; the workers have equal f_i, or the worker of every message is drawn uniformly and independently of the
    past, or every step averages one message of every worker, all of the same age.

    Guarantee: any gamma > 0 gives
    (1/T) sum_{t<T} E[f(x^t) - f*] <= R_0^2/(2 gamma T) + gamma a G^2/2 + L gamma^2 tau^2 a G^2/2.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=4, L=1.0, mu=0.0, tau=2, dist0_sq=4.0, G=1.0, zeta_sq=0.0)
    >>> found = theorem("khirirat.delayed-q-sgd").guarantee(known, Unbiased(1.0), gamma=0.5)
    >>> float(found.bound(4))
    2.5
    """

    name = "khirirat.delayed-q-sgd"
    title = "Delayed Q-SGD, convex"
    source = OWN
    provenance = "ours"
    method = "delayed-q-sgd"
    asynchronous = True
    requires = ("L", "mu", "tau")
    bound_requires = ("dist0_sq", "G")
    needs_curvature = False
    exact = False
    parameters = ("gamma", "M")
    assumptions = (
        r"Let $f$ be convex and $L$-smooth, $\mathbb{E}\|g\|^2 \le G^2$ for the stochastic gradients at every point "
        r"met, each step average $M$ of them that are at most $\tau$ rounds old and compressed by an unbiased $C$ with "
        r"$\mathbb{E}\|C(v)\|^2 \le a\|v\|^2$, $a = 1+\omega$, each sample be used once, the delays be independent of "
        r"samples and coins, and all $f_i$ be equal, or the worker of each message drawn uniformly, or $M=n$ messages "
        r"of all workers and of one age make a step."
    )
    conditions = r"0 < \gamma"
    measures = (("", "gap_mean"),)
    bound_latex = r"\frac{R_0^2}{2\gamma T} + \frac{\gamma aG^2}{2} + \frac{L\gamma^2\tau^2aG^2}{2}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.constants
        M = choose("M", Interval(1.0, c.n or math.inf, "1 <= M <= n", low_open=False), 1.0)
        together = c.n == M and c.same_age
        if c.zeta_sq != 0 and not c.uniform_draws and not together:
            raise NotCovered(
                f"{self.name} needs messages whose mean is a gradient of f, and workers that differ (zeta_sq is not 0) "
                f"report as often as they are fast; draw the worker of every message uniformly (--clock drawn, --set "
                f"uniform_draws=1), or --set zeta_sq=0 if all workers sample the same f"
            )
        super().choose_parameters(request, choose)

    def _smoothness(self, request: Request) -> float:
        return request.c.L

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        moment = second_moment(request) * c.G**2 / 2
        return Average(start=c.dist0_sq / 2, noise=moment, drift=moment * c.L * c.tau**2)
