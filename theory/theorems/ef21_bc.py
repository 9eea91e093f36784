"""EF21-BC: EF21 in both directions.

Fatkhullin, Sokolov, Gorbunov, Li, Richtarik 2021, arXiv 2110.03294.

    worker i :  c_i = C_w(grad f_i(x) - h_i) ;  send c_i ;  h_i <- h_i + c_i
    server   :  b = C_M(avg h_i - v), with the new h_i ;  broadcast b
    everyone :  v <- v + b ;  x <- x - gamma v

The messages of round 0 are dense: h_i = grad f_i(x^0) and v = grad f(x^0) after it. Both compressors are contractive,
with constants delta_u (up) and delta_d (down). Gradients are exact.
"""

from __future__ import annotations

import math

from ..bounds import Interval
from ..compressors import Contractive
from ..families import Average, AverageTheorem
from ..hypotheses import DENSE_START, EXACT, SMOOTH, SMOOTH_ON_AVERAGE
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, register
from .ef21 import beta, theta


@register
class Nonconvex(AverageTheorem):
    """EF21-BC on smooth nonconvex f.

    Problem: f is L-smooth, f_i is L_i-smooth, L_tilde^2 = avg L_i^2; exact gradients. Algorithm: see the module.

    Guarantee: with theta = 1 - sqrt(1 - delta), beta = (1 - delta)/theta for each side and k = 8 beta_d/theta_d,
    gamma <= 1/(L + L_tilde sqrt(2 ((beta_u/theta_u)(1 + k) + k))) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T).

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=1.0, gap0=1.0)
    >>> found = theorem("ef21-bc.nonconvex").guarantee(known, up=Contractive(0.75), down=Contractive(0.75))
    >>> round(1 / found.parameters["gamma"], 6)  # k = 8, sqrt(2 (9 + 8)) = 5.830952
    6.830952
    """

    name = "ef21-bc.nonconvex"
    probe = Probe(up=Contractive(0.3), down=Contractive(0.6))
    title = "EF21-BC, two-way, nonconvex"
    source = "own proof, for the method of Fatkhullin, Sokolov, Gorbunov, Li, Richtarik 2021 (arXiv 2110.03294)"
    provenance = "ours"
    method = "ef21-bc"
    requires = ("n", "L", "L_tilde")
    bound_requires = ("gap0",)
    uplink = Contractive
    downlink = Contractive
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        EXACT,
        DENSE_START,
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        ("r", r"(\frac{\sqrt{1-\delta_u}}{1-\sqrt{1-\delta_u}})^2"),
        ("k", r"8(\frac{\sqrt{1-\delta_d}}{1-\sqrt{1-\delta_d}})^2"),
        (r"\gamma_{\max}", r"\frac{1}{L+\tilde L\sqrt{2(r(1+k)+k)}}"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T}"

    def bits_of_first_round(self, up: float, down: float, dense: float, p: Point) -> float:
        return 2 * dense

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        up, down = request.up.delta, request.down.delta
        r, k = beta(up) / theta(up), 8 * beta(down) / theta(down)
        high = 1 / (request.c.L + request.c.L_tilde * math.sqrt(2 * (r * (1 + k) + k)))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L + L_tilde sqrt(2 (r (1 + k) + k)))"), high)

    def average(self, request: Request, p: Point) -> Average:
        return Average(start=2 * request.c.gap0, noise=0.0)
