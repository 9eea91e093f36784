"""Delayed Q-SGD, every step averages M compressed stochastic gradients of some age.

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573; notation and proofs as in `_overlapping`.
"""

from __future__ import annotations

import math

from ..bounds import Interval
from ..families import Average
from ..hypotheses import BOUNDED_GRADIENTS, CONVEX, DELAYS, DRAWN, FREE_DELAYS, FRESH_COINS, SAMPLED, SMOOTH, USED_ONCE
from ..probe import Probe
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
    probe = Probe(constants={"uniform_draws": True})
    title = "Delayed Q-SGD, convex"
    source = OWN
    provenance = "ours"
    method = "delayed-q-sgd"
    messages = "one"
    requires = ("L", "mu", "tau")
    bound_requires = ("dist0_sq", "G")
    parameters = ("gamma", "M")
    assumes = (
        CONVEX,
        SMOOTH,
        BOUNDED_GRADIENTS,
        SAMPLED,
        DELAYS,
        FREE_DELAYS,
        FRESH_COINS,
        DRAWN,
        USED_ONCE,
    )
    setting = r"$M$ messages make a step."
    conditions = r"0 < \gamma"
    measures = (("", "gap_mean"),)
    bound_latex = r"\frac{R_0^2}{2\gamma T} + \frac{\gamma aG^2}{2} + \frac{L\gamma^2\tau^2aG^2}{2}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        high = request.constants.n or math.inf
        choose("M", Interval(1.0, high, "1 <= M <= n", low_open=False), 1.0)
        super().choose_parameters(request, choose)

    def _smoothness(self, request: Request) -> float:
        return request.c.L

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        moment = second_moment(request) * c.G**2 / 2
        return Average(start=c.dist0_sq / 2, noise=moment, drift=moment * c.L * c.tau**2)
