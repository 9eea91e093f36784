"""EControl: EF21 whose workers feed a part of their error back.

Gao, Islamov, Stich 2023, arXiv 2311.05645.

    worker i :  c_i = C(g_i(x) - h_i + eta e_i) ;  send c_i ;  e_i <- e_i + g_i - h_i - c_i ;  h_i <- h_i + c_i
    everyone :  x <- x - gamma avg h_i, with the new h_i

C is contractive with constant delta; h_i and e_i start at zero.
"""

from __future__ import annotations

import math

from ..bounds import Curve, Interval, Rate
from ..compressors import Contractive
from ..families import OrderTheorem, order_of_tuned_step
from ..hypotheses import NOISE, SMOOTH, SMOOTH_ON_AVERAGE
from ..theorem import ParameterChoice, Point, Request, register

PAPER = "Gao, Islamov, Stich 2023 (arXiv 2311.05645)"


@register
class Nonconvex(OrderTheorem):
    """EControl on smooth nonconvex f: linear speedup without large batches, bounded gradients or similar workers.

    Problem: f is L-smooth, f_i is L_i-smooth, L_tilde^2 = avg L_i^2, noise of variance sigma^2. Algorithm: see the
    module.

    Guarantee: with eta of the order delta, the average of E||grad f||^2 over T rounds is of the order
    sqrt(L Delta sigma^2/(nT)) + (L Delta sigma/(delta^2 T))^{2/3} + L_tilde Delta/(delta T).
    Our step rule makes each of the three parts of 1/gamma the cause of one term:
    1/gamma = 8 L_tilde/delta + sqrt(L sigma^2 T/(n Delta)) + (L^2 sigma^2 T/(delta^4 Delta))^{1/3}, and eta = delta/8.

    Provenance: order (the paper's constants are not restated here).

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=1.0, gap0=1.0, sigma_sq=0.0)
    >>> theorem("econtrol.nonconvex").guarantee(known, Contractive(0.5), rounds=100).parameters
    {'gamma': 0.0625, 'eta': 0.0625}
    """

    name = "econtrol.nonconvex"
    title = "EControl, nonconvex"
    source = f"{PAPER}; the step rule is ours"
    method = "econtrol"
    requires = ("n", "L", "L_tilde", "gap0", "sigma_sq")
    uplink = Contractive
    parameters = ("gamma", "eta")
    assumes = (SMOOTH, SMOOTH_ON_AVERAGE, NOISE)
    setting = r"Let $h_i^0 = e_i^0 = 0$."
    conditions = r"0 < \gamma \le \frac{\delta}{8\tilde L}"
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"O(\sqrt{\frac{L\Delta\sigma^2}{nT}} + (\frac{L\Delta\sigma}{\delta^2T})^{\frac{2}{3}} "
        r"+ \frac{\tilde L\Delta}{\delta T})"
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, delta = request.c, request.up.delta
        slowest = 8 * c.L_tilde / delta
        noise = c.L * c.sigma_sq * (request.rounds or 1) / c.gap0 if c.gap0 > 0 else 0.0
        step = 1 / (slowest + math.sqrt(noise / c.n) + (c.L * noise / delta**4) ** (1 / 3))
        choose("gamma", Interval(0.0, 1 / slowest, "0 < gamma <= delta/(8 L_tilde)"), step)
        choose("eta", Interval(0.0, 1.0, "0 <= eta <= 1"), delta / 8)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return order_of_tuned_step(request)
