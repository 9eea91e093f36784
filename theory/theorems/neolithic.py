"""NEOLITHIC: DoubleSqueeze with R-fold compression and averaged gradients.

Huang, Chen, Yin, Yuan 2022, arXiv 2206.03665; reconstructed.

    R-fold compressor :  v_0 = 0 ;  v_r = v_{r-1} + C(u - v_{r-1}), r = 1, ..., R ;  C_R(u) = v_R
    round             :  DoubleSqueeze with C_R on both sides and gradients averaged over R fresh samples

C_R is a contraction with constant 1 - (1 - delta)^R. A round sends R messages each way, so a run of T messages has
T/R rounds.
"""

from __future__ import annotations

import math

from ..bounds import Curve, Interval, Rate
from ..compressors import Contractive
from ..families import OrderTheorem, order_of_tuned_step
from ..hypotheses import NOISE, SMOOTH
from ..theorem import ParameterChoice, Point, Request, choose_whole, register

PAPER = "Huang, Chen, Yin, Yuan 2022 (arXiv 2206.03665)"


def repeats(delta: float) -> int:
    """The smallest R for which C_R loses at most 1/16 of the squared norm: about (4 ln 2)/delta."""
    return 1 if delta == 1 else max(1, math.ceil(math.log(1 / 16) / math.log1p(-delta)))


@register
class Nonconvex(OrderTheorem):
    """NEOLITHIC, nonconvex: nearly the lower bound of all compressed methods.

    Problem: f is L-smooth. Algorithm: see the module; delta is the smaller constant of the two compressors.

    Guarantee, T counting rounds times R: the average of E||grad f||^2 is of the order
    sqrt(L Delta sigma^2/(nT)) + L Delta/(delta T), up to logarithms; the lower bound of every method with such
    compressors is of the same order. Our step rule, for K = T/R rounds:
    gamma = 1/(4L + sqrt(L sigma^2 K/(n R Delta))), R the smallest for which C_R loses a sixteenth.

    Provenance: order (the constants are not known here).

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, gap0=1.0, sigma_sq=0.0)
    >>> found = theorem("neolithic.nonconvex").guarantee(known, Contractive(0.5), Contractive(0.5), rounds=100)
    >>> found.parameters
    {'gamma': 0.25, 'R': 4.0}
    """

    name = "neolithic.nonconvex"
    title = "NEOLITHIC, nonconvex"
    source = f"{PAPER}; the step rule is ours"
    method = "neolithic"
    requires = ("n", "L", "gap0", "sigma_sq")
    uplink = Contractive
    downlink = Contractive
    parameters = ("gamma", "R")
    assumes = (
        SMOOTH,
        NOISE,
    )
    setting = r"Let $\delta = \min\{\delta_u,\delta_d\}$ and let $T$ count messages, $R$ in a round."
    conditions = r"0 < \gamma \le \frac{1}{4L}"
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"O(\sqrt{\frac{L\Delta\sigma^2}{nT}} + \frac{L\Delta}{\delta T})"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, high = request.c, 1 / (4 * request.c.L)
        R = choose_whole(choose, "R", repeats(min(request.up.delta, request.down.delta)))
        noise = c.sigma_sq * (request.rounds or 1) / (c.n * R)
        step = 1 / (4 * c.L + math.sqrt(c.L * noise / c.gap0)) if c.gap0 > 0 else high
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(4 L)"), step)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return order_of_tuned_step(request)

    def bits_per_round(self, up: float, down: float, dense: float, p: Point) -> float:
        return p["R"] * (up + down)
