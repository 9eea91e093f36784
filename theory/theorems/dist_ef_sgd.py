"""dist-EF-SGD: DoubleSqueeze whose workers push a local Nesterov momentum.

Zheng, Huang, Kwok 2019 (arXiv 1905.10936), with a blockwise scaled sign on both sides.

    worker i :  m_i <- b m_i + g_i(x) ;  p_i = b m_i + g_i + e_i ;  send c_i = C_up(p_i) ;  e_i <- p_i - c_i
    server   :  v = avg c_i + e ;  broadcast c = C_down(v) ;  e <- v - c
    everyone :  x <- x - gamma c

z^t = x^t - gamma (e + avg e_i) - gamma (b^2/(1 - b)) avg m_i, all before round t, follows
z^{t+1} = z^t - g' avg g_i with g' = gamma/(1 - b), for any compressors.
"""

from __future__ import annotations

import math

from ..bounds import Interval
from ..compressors import Contractive
from ..families import Average, AverageTheorem, contraction_of_pair
from ..hypotheses import BOUNDED_GRADIENTS, NOISE, SMOOTH, ZERO_ERRORS
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, register

PAPER = "Zheng, Huang, Kwok 2019 (arXiv 1905.10936)"


@register
class Nonconvex(AverageTheorem):
    """dist-EF-SGD with contractive compressors and a constant step.

    Problem: f is L-smooth, E||g_i||^2 <= G^2. Algorithm: see the module; delta is the smaller constant of the two
    compressors, K_c = 1 if ||C_up(v)|| <= ||v|| always (scaled sign, top-k), else 2(2 - delta).

    Guarantee: g' = gamma/(1 - b) <= 1/(2L) gives, with
    E_2 = (8(1-delta) G^2/(delta^2 (1-b)^2))[1 + 2 K_c (1 + 4(1-delta)/delta^2)] >= E||e + avg e_i||^2,
    (1/T) sum_{t<T} E||grad f(x^t)||^2
        <= 4 Delta/(g' T) + 2 L g' sigma^2/n + 2 L^2 gamma^2 [sqrt(E_2) + b^2 G/(1-b)^2]^2.
    For b = 0 it is doublesqueeze.contractive, which is false for b > 0: the noise enters with gamma/(1 - b). The
    method's own lemma for decreasing steps is reported to be flawed; this proof is for constant steps.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, gap0=1.0, sigma_sq=0.0, G=1.0)
    >>> found = theorem("dist-ef-sgd.nonconvex").guarantee(known, up=Contractive(0.5, nonexpansive=True), b=0.5)
    >>> found.parameters, found.analysis
    ({'gamma': 0.25, 'b': 0.5}, {'delta': 0.5, 'K_c': 1.0, 'E_2': 1216.0})
    """

    name = "dist-ef-sgd.nonconvex"
    probe = Probe(fixed={"b": 0.6}, up=Contractive(0.3), down=Contractive(0.6))
    title = "dist-EF-SGD with momentum, contractive compressors"
    source = f"own proof, for the method of {PAPER}"
    provenance = "ours"
    method = "dist-ef-sgd"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq", "G")
    uplink = Contractive
    downlink = Contractive
    parameters = ("gamma", "b")
    assumes = (
        SMOOTH,
        NOISE,
        BOUNDED_GRADIENTS,
        ZERO_ERRORS,
    )
    setting = (
        r"Let $0 \le b < 1$, $\delta = \min\{\delta_u,\delta_d\}$, $K_c = 1$ if $\|C(v)\| \le \|v\|$ and $K_c "
        r"= 2(2-\delta)$ otherwise."
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{1-b}{2L}"),
        ("g", r"\frac{\gamma}{1-b}"),
        ("E_2", r"\frac{8(1-\delta)G^2}{\delta^2(1-b)^2}(1 + 2K_c(1 + \frac{4(1-\delta)}{\delta^2}))"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{4\Delta}{gT} + \frac{2Lg\sigma^2}{n} + 2L^2\gamma^2(\sqrt{E_2}+\frac{b^2G}{(1-b)^2})^2"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        still = request.fixed.get("b") == 0 and contraction_of_pair(request)[0] == 1
        return ("gap0", "sigma_sq") if still else self.bound_requires

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        b = choose("b", Interval(0.0, 1.0, "0 <= b < 1", low_open=False, high_open=True), 0.9)
        high = (1 - b) / (2 * request.c.L)
        choose("gamma", Interval(0.0, high, "0 < gamma <= (1 - b)/(2 L)"), high)

    def average(self, request: Request, p: Point) -> Average:
        c, b = request.c, p["b"]
        lag = b**2 * c.G / (1 - b) ** 2 if b > 0 else 0.0
        return Average(
            start=4 * c.gap0 * (1 - b),
            noise=2 * c.L * c.sigma_sq / c.n / (1 - b),
            drift=2 * c.L**2 * (math.sqrt(self._E2(request, b)) + lag) ** 2,
        )

    def details(self, request: Request, p: Point) -> Point:
        delta, K_c = contraction_of_pair(request)
        known = request.constants.G is not None or delta == 1
        return {"delta": delta, "K_c": K_c} | ({"E_2": self._E2(request, p["b"])} if known else {})

    def _E2(self, request: Request, b: float) -> float:
        delta, K_c = contraction_of_pair(request)
        if delta == 1:
            return 0.0
        pushed = request.c.G / (1 - b)
        return 8 * (1 - delta) * pushed**2 / delta**2 * (1 + 2 * K_c * (1 + 4 * (1 - delta) / delta**2))
