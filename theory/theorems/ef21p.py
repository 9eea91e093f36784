"""EF21-P: error feedback in the space of models, alone and with DIANA on the uplink.

Gruntkowska, Tyurin, Richtarik 2023, arXiv 2209.15218.

    worker i :  m_i = Q(grad f_i(w) - h_i) ;  send m_i ;  h_i <- h_i + beta m_i      (EF21-P: sends grad f_i(w) itself)
    server   :  v = h + avg m_i, with the old h ;  h <- h + beta avg m_i ;  x <- x - gamma v ;
                p = C(x - w) ;  broadcast p
    everyone :  w <- w + p

w starts at x^0, h_i at 0. C is contractive with constant delta_d, Q unbiased with constant omega and coins independent
over workers. The bounds are about the server's model x, the gradients are taken at w. Gradients are exact.
"""

from __future__ import annotations

from ..bounds import Interval, Weights
from ..compressors import Contractive, Unbiased
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import (
    CONVEX,
    CONVEX_WORKERS,
    EXACT,
    OWN_COINS,
    SMOOTH,
    SMOOTH_WORKERS,
    STRONGLY_CONVEX,
    ZERO_MEMORIES,
)
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, Theorem, register

PAPER = "Gruntkowska, Tyurin, Richtarik 2023 (arXiv 2209.15218)"


@register
class StronglyConvex(LinearTheorem):
    """EF21-P with uncompressed gradients, f strongly convex.

    Problem: f L-smooth and mu-strongly convex; exact gradients. Algorithm: x <- x - gamma grad f(w), w <- w + C(x - w).

    Guarantee: gamma <= delta_d/(16 L) gives
    (1/(2 gamma)) E||x^T - x*||^2 + E f(x^T) - f* <= (1 - gamma mu/2)^T [R_0^2/(2 gamma) + Delta].

    Source: the paper. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=1, L=1.0, mu=0.5, dist0_sq=1.0, gap0=1.0)
    >>> found = theorem("ef21-p.strongly-convex").guarantee(known, down=Contractive(0.5))
    >>> found.parameters, found.rate.contraction, float(found.bound(0))
    ({'gamma': 0.03125}, 0.9921875, 17.0)
    """

    name = "ef21-p.strongly-convex"
    probe = Probe(down=Contractive(0.3))
    title = "EF21-P, strongly convex"
    source = PAPER
    provenance = "published"
    method = "ef21-p"
    requires = ("n", "L", "mu")
    bound_requires = ("dist0_sq", "gap0")
    downlink = Contractive
    assumes = (
        SMOOTH,
        STRONGLY_CONVEX,
        EXACT,
    )
    setting = r"Let $w^0 = x^0$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{\delta_d}{16L}"), (r"\rho", r"1-\frac{\gamma\mu}{2}"))
    measures = ((r"\frac{1}{2\gamma}", "dist_sq"), ("", "gap"))
    bound_latex = r"\rho^t(\frac{R_0^2}{2\gamma} + \Delta)"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        high = request.down.delta / (16 * request.c.L)
        choose("gamma", Interval(0.0, high, "0 < gamma <= delta/(16 L)"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma mu/2": p["gamma"] * request.c.mu / 2}

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        return 1 / (2 * p["gamma"]), 1.0

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq / (2 * p["gamma"]) + request.c.gap0

    def floor(self, request: Request, p: Point) -> float:
        return 0.0


class _WithDiana(Theorem):
    """What both cases of EF21-P + DIANA share."""

    method = "ef21-p-diana"
    requires = ("n", "L", "L_max", "mu")
    bound_requires = ("dist0_sq", "gap0", "zeta_star_sq")
    uplink = Unbiased
    downlink = Contractive
    parameters = ("gamma", "beta")
    conditions = r"0 < \gamma \le \gamma_{\max}"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("dist0_sq", "gap0")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, omega, delta = request.c, request.up.omega, request.down.delta
        beta = 1 / (1 + omega)
        choose("beta", Interval(beta, beta, "beta = 1/(1 + omega)", low_open=False), beta)
        limits = {"delta/(100 L)": delta / (100 * c.L)}
        if omega > 0:
            limits["n/(160 omega L_max)"] = c.n / (160 * omega * c.L_max)
        if STRONGLY_CONVEX in self.assumes:
            limits["1/((1 + omega) mu)"] = 1 / ((1 + omega) * c.mu)
        text = min(limits, key=lambda name: limits[name])
        choose("gamma", Interval(0.0, limits[text], f"0 < gamma <= {text}"), limits[text])

    @staticmethod
    def memories(request: Request) -> float:
        """omega (1 + omega) zeta_star^2/n, for which gamma times 8 or 16 is the memories' part of the start."""
        omega = request.up.omega
        return omega * (1 + omega) * request.c.zeta_star_sq / request.c.n if omega > 0 else 0.0


@register
class DianaStronglyConvex(_WithDiana, LinearTheorem):
    """EF21-P + DIANA, f strongly convex: both directions compressed, no floor.

    Problem: f_i convex and L_max-smooth, f L-smooth and mu-strongly convex; exact gradients. Algorithm: see the module.

    Guarantee: beta = 1/(1+omega) and gamma <= min{n/(160 omega L_max), delta_d/(100 L), 1/((1+omega) mu)} give
    (1/(2 gamma)) E||x^T - x*||^2 + E f(x^T) - f* <= (1 - gamma mu/2)^T V^0,
    V^0 = R_0^2/(2 gamma) + Delta + (8 gamma omega (1+omega)/n) avg||grad f_i(x*)||^2.
    omega = 0: the first limit is infinite.

    Source: the paper. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, Unbiased, theorem
    >>> known = Constants(n=4, L=1.0, L_max=1.0, mu=0.5)
    >>> found = theorem("ef21-p-diana.strongly-convex").guarantee(known, up=Unbiased(1.0), down=Contractive(0.5))
    >>> found.parameters, found.active
    ({'gamma': 0.005, 'beta': 0.5}, 'rho = 0.99875 is set by 1 - gamma mu/2')
    """

    name = "ef21-p-diana.strongly-convex"
    probe = Probe(up=Unbiased(2.0), down=Contractive(0.3))
    title = "EF21-P + DIANA, strongly convex"
    source = PAPER
    provenance = "published"
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        SMOOTH,
        STRONGLY_CONVEX,
        EXACT,
        OWN_COINS,
        ZERO_MEMORIES,
    )
    setting = (
        r"Let $\beta = \frac{1}{1+\omega}$ and $w^0 = x^0$ (for $\omega = 0$ the first entry of the minimum is"
        r" infinite)."
    )
    definitions = (
        (r"\gamma_{\max}", r"\min\{\frac{n}{160\omega L_{\max}},\frac{\delta_d}{100L},\frac{1}{(1+\omega)\mu}\}"),
        (r"\rho", r"1-\frac{\gamma\mu}{2}"),
        ("V_0", r"\frac{R_0^2}{2\gamma}+\Delta+\frac{8\gamma\omega(1+\omega)\zeta_\star^2}{n}"),
    )
    measures = ((r"\frac{1}{2\gamma}", "dist_sq"), ("", "gap"))
    bound_latex = r"\rho^t V_0"

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma mu/2": p["gamma"] * request.c.mu / 2}

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        return 1 / (2 * p["gamma"]), 1.0

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq / (2 * p["gamma"]) + request.c.gap0 + 8 * p["gamma"] * self.memories(request)

    def floor(self, request: Request, p: Point) -> float:
        return 0.0


@register
class DianaConvex(_WithDiana, AverageTheorem):
    """EF21-P + DIANA, f merely convex.

    Problem: f_i convex and L_max-smooth, f L-smooth; exact gradients. Algorithm: see the module.

    Guarantee: beta = 1/(1+omega) and gamma <= min{n/(160 omega L_max), delta_d/(100 L)} give, for the mean of
    x^1, ..., x^T,
    E f(mean) - f* <= R_0^2/(gamma T) + Delta/T + (16 gamma omega (1+omega)/(n T)) avg||grad f_i(x*)||^2.
    omega = 0: the first limit is infinite.

    Source: the paper. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=1, L=1.0, mu=0.0, dist0_sq=1.0, gap0=1.0)
    >>> found = theorem("ef21-p-diana.convex").guarantee(known, down=Contractive(0.5))
    >>> found.parameters["gamma"], found.weights, round(float(found.bound(201)), 10)
    (0.005, ('after',), 1.0)
    """

    name = "ef21-p-diana.convex"
    probe = Probe(up=Unbiased(2.0), down=Contractive(0.3))
    title = "EF21-P + DIANA, convex"
    source = PAPER
    provenance = "published"
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        SMOOTH,
        CONVEX,
        EXACT,
        OWN_COINS,
        ZERO_MEMORIES,
    )
    setting = (
        r"Let $\beta = \frac{1}{1+\omega}$, $w^0 = x^0$ (for $\omega = 0$ the first entry of the minimum is "
        r"infinite), and $\bar x^T$ be the mean of $x^1, \dots, x^T$."
    )
    definitions = ((r"\gamma_{\max}", r"\min\{\frac{n}{160\omega L_{\max}},\frac{\delta_d}{100L}\}"),)
    measures = (("", "gap_avg"),)
    bound_latex = r"\frac{R_0^2}{\gamma T} + \frac{\Delta}{T} + \frac{16\gamma\omega(1+\omega)\zeta_\star^2}{nT}"

    def weights(self, request: Request, p: Point) -> Weights:
        return ("after",)

    def average(self, request: Request, p: Point) -> Average:
        gamma = p["gamma"]
        start = request.c.dist0_sq + gamma * request.c.gap0 + 16 * gamma**2 * self.memories(request)
        return Average(start=start, noise=0.0)
