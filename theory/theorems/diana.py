"""DIANA: gradient differences are compressed, so that the compression noise vanishes at the solution.

Mishchenko, Gorbunov, Takac, Richtarik 2019, arXiv 1901.09269.

    worker i :  D_i = g_i(x) - h_i ;  send Q(D_i)
    server   :  v = h + avg Q(D_i), with the old h ;  x <- prox_{gamma R}(x - gamma v)
    then     :  h_i <- h_i + alpha Q(D_i),  h <- h + alpha avg Q(D_i)
"""

from __future__ import annotations

import math

from ..bounds import Interval
from ..compressors import Unbiased
from ..families import LinearTheorem
from ..hypotheses import (
    CONVEX_WORKERS,
    EXACT,
    NOISE,
    OWN_COINS,
    POLYAK_LOJASIEWICZ,
    PROX,
    SMOOTH,
    SMOOTH_ON_AVERAGE,
    SMOOTH_WORKERS,
    STRONGLY_CONVEX,
    ZERO_MEMORIES,
)
from ..probe import AVERAGED, Probe
from ..theorem import ParameterChoice, Point, Request, register
from . import ef_bv


@register
class StronglyConvex(LinearTheorem):
    """DIANA on convex f_i, f strongly convex.

    Problem: f_i convex and L_i-smooth, f L-smooth and mu-strongly convex, R closed and convex. Q is unbiased
    with constant omega and coins independent over workers. Algorithm: see the module, h_i^0 = 0.

    Guarantee: alpha <= 1/(1+omega), M > 2 omega/(n alpha), gamma <= 1/(L + 2 omega L_max/n + M L_max alpha)
    give, for V^k = ||x^k - x*||^2 + M gamma^2 avg||h_i^k - grad f_i(x*)||^2,
    E V^k <= max{1 - gamma mu, 1 + 2 omega/(n M) - alpha}^k V^0
             + ((1+omega)/n + M alpha) sigma^2 gamma^2/min{gamma mu, alpha - 2 omega/(n M)}.
    Without noise the convergence is to x* itself. omega = 0: M = 0 and the second entries drop out.

    Recommended: alpha = 1/(1+omega) with the M of the smallest rho, or the usual M = 4 omega(omega+1)/n
    where that gives the smaller bound.

    Source: Gorbunov, Hanzely, Richtarik 2020 (arXiv 1905.11261), Theorem 4.1 for DIANA. Provenance:
    published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=4, L=1.0, L_max=2.0, mu=0.05)
    >>> found = theorem("diana.strongly-convex").guarantee(known, up=Unbiased(3.0), M=12.0)
    >>> found.parameters, found.rate.contraction
    ({'gamma': 0.1, 'alpha': 0.25}, 0.995)
    """

    name = "diana.strongly-convex"
    probe = Probe(fixed={"M": 60.0, "alpha": 0.09})
    title = "DIANA, strongly convex"
    source = "Gorbunov, Hanzely, Richtarik 2020 (arXiv 1905.11261), Theorem 4.1, for DIANA"
    provenance = "published"
    method = "diana"
    requires = ("n", "L", "L_max", "mu")
    bound_requires = ("dist0_sq", "zeta_star_sq", "sigma_sq")
    uplink = Unbiased
    parameters = ("gamma", "alpha")
    analysis = ("M",)
    rules = ("standard", "fast")
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        SMOOTH,
        STRONGLY_CONVEX,
        PROX,
        OWN_COINS,
        NOISE,
        ZERO_MEMORIES,
    )
    setting = (
        r"Let $0 < \alpha \le \frac{1}{1+\omega}$ and $M > \frac{2\omega}{n\alpha}$ (for $\omega = 0$: $M = "
        r"0$, and the terms with $\frac{\omega}{M}$ drop out)."
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{1}{L+\frac{2\omega L_{\max}}{n}+ML_{\max}\alpha}"),
        (r"\rho", r"\max\{1-\gamma\mu,1+\frac{2\omega}{nM}-\alpha\}"),
        ("V_0", r"R_0^2+M\gamma^2\zeta_\star^2"),
    )
    measures = (("", "dist_sq"), (r"M\gamma^2", "memory_error_sq"))
    bound_latex = (
        r"\rho^t V_0 + "
        r"\frac{(\frac{1+\omega}{n}+M\alpha)\sigma^2\gamma^2}{\min\{\gamma\mu,\alpha-\frac{2\omega}{nM}\}}"
    )

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("dist0_sq", "sigma_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, omega = request.c, request.up.omega
        alpha = choose("alpha", Interval(0.0, 1 / (1 + omega), "0 < alpha <= 1/(1 + omega)"), 1 / (1 + omega))
        if omega > 0:
            limit = Interval(2 * omega / (c.n * alpha), math.inf, "2 omega/(n alpha) < M")
        else:
            limit = Interval(0.0, math.inf, "0 <= M", low_open=False)
        M = choose("M", limit, self._weight(request, choose) / alpha)
        high = 1 / (c.L + 2 * omega * c.L_max / c.n + M * c.L_max * alpha)
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L + 2 omega L_max/n + M L_max alpha)"), high)

    def _weight(self, request: Request, choose: ParameterChoice) -> float:
        """m = M alpha: twice its limit p = 2 omega/n, or for the rule "fast" the m with the smallest rho."""
        c, p, alpha = request.c, 2 * request.up.omega / request.c.n, choose.values["alpha"]
        if choose.rule != "fast" or p == 0:
            return 2 * p
        gamma = choose.fixed.get("gamma")
        if gamma is None:  # gamma mu = alpha(1 - p/m) at the largest gamma
            b = (alpha * c.L - c.mu) / (2 * alpha * c.L_max)
            q = p * (c.L + p * c.L_max) / c.L_max
            return q / (math.hypot(b, math.sqrt(q)) + b) if b > 0 else math.hypot(b, math.sqrt(q)) - b
        room = (1 / gamma - c.L) / c.L_max - p if gamma > 0 else math.inf
        if room <= p:
            limit = 1 / (c.L + 2 * p * c.L_max)
            choose("gamma", Interval(0.0, limit, "0 < gamma < 1/(L + 4 omega L_max/n)", high_open=True), gamma)
        if gamma * c.mu >= alpha:
            return room
        # The memories as fast as the model, but with a margin: alpha - 2 omega/(n M) must not cancel.
        return min(room, max(p / (1 - gamma * c.mu / alpha), 1.01 * p))

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        contraction_gaps = {"the model, 1 - gamma mu": p["gamma"] * request.c.mu}
        if request.up.omega > 0:
            memories = p["alpha"] - 2 * request.up.omega / (request.c.n * p["M"])
            contraction_gaps["the workers' memories, 1 + 2 omega/(n M) - alpha"] = memories
        return contraction_gaps

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        return 1.0, p["M"] * p["gamma"] ** 2

    def start(self, request: Request, p: Point) -> float:
        memories = p["M"] * p["gamma"] ** 2
        return request.c.dist0_sq + (memories * request.c.zeta_star_sq if memories > 0 else 0.0)

    def floor(self, request: Request, p: Point) -> float:
        c, omega, gamma = request.c, request.up.omega, p["gamma"]
        return ((1 + omega) / c.n + p["M"] * p["alpha"]) * c.sigma_sq * gamma**2 / self.contraction_gap(request, p)


@register
class PolyakLojasiewicz(ef_bv.Contracting):
    """DIANA under the Polyak-Lojasiewicz inequality, without convexity.

    Problem: f is L-smooth with ||grad f||^2 >= 2 pl (f - f*), f_i is L_i-smooth, L_tilde^2 = avg L_i^2; exact
    gradients. Algorithm: see the module, h_i^0 = 0.

    Guarantee: with r = (1 - alpha)^2 + alpha^2 omega < 1, q = sqrt r, Q = sqrt((1 + r)/2), the average of the messages
    of variance omega_av (omega/n for independent coins) and gamma <= 1/(L + L_tilde sqrt(omega_av)/(Q - q)),
    E Psi^T <= max{1 - gamma pl, (1 + r)/2}^T Psi^0 for
    Psi^t = f(x^t) - f* + (gamma omega_av/(2 Q (Q - q))) avg||h_i^t - grad f_i(x^t)||^2.
    omega = 0: gamma <= 1/L, and the memories drop out.

    Recommended: alpha = 1/(1+omega), which makes r smallest.

    Source: Condat, Yi, Richtarik 2022 (arXiv 2205.04180), Theorem 4, with nu = 1. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=3, L=1.0, L_tilde=2.0, pl=0.1, gap0=1.0, grad0_sq=0.5)
    >>> found = theorem("diana.pl").guarantee(known, up=Unbiased(1.0))
    >>> found.parameters["alpha"], round(found.parameters["gamma"], 4), found.rate.floor
    (0.5, 0.121, 0.0)
    """

    name = "diana.pl"
    probe = Probe(fixed={"alpha": 0.05}, symbols=AVERAGED)
    title = "DIANA, Polyak-Lojasiewicz"
    source = f"{ef_bv.PAPER}, Theorem 4, with nu = 1"
    provenance = "published"
    method = "diana"
    requires = ("n", "L", "L_tilde", "pl")
    bound_requires = ("gap0", "grad0_sq")
    uplink = Unbiased
    parameters = ("gamma", "alpha")
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        POLYAK_LOJASIEWICZ,
        EXACT,
        ZERO_MEMORIES,
    )
    setting = (
        r"Let $r < 1$ and $g_0^2 = \frac{1}{n}\sum_i\|\nabla f_i(x^0)\|^2$ (for $\omega_{av} = 0$ the second "
        r"entry of $\rho$ drops out)."
    )
    messages_latex = (
        r"the workers' compressor is unbiased given the vector that it compresses, with variance $\omega$, and"
        r" the average of $n$ messages of variance $\omega_{av}$ ($\frac{\omega}{n}$ with independent coins)"
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        ("r", r"(1-\alpha)^2+\alpha^2\omega"),
        ("q", r"\sqrt{r}"),
        ("Q", r"\sqrt{\frac{1+r}{2}}"),
        (r"\gamma_{\max}", r"\frac{1}{L+\frac{\tilde L\sqrt{\omega_{av}}}{Q-q}}"),
        (r"\rho", r"\max\{1-\gamma\mu_{PL},\frac{1+r}{2}\}"),
    )
    measures = (("", "gap"), (r"\frac{\gamma\omega_{av}}{2Q(Q-q)}", "memory_gap_sq"))
    bound_latex = r"\rho^t(\Delta + \frac{\gamma\omega_{av}}{2Q(Q-q)}g_0^2)"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("gap0",)

    def scalings(self, p: Point) -> tuple[float, float]:
        return p["alpha"], 1.0

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        omega = request.up.omega
        limit = 2 / (1 + omega)
        text = "0 < alpha < 2/(1 + omega)"
        choose("alpha", Interval(0.0, limit, text, high_open=True), 1 / (1 + omega))
        self.step(request, choose)

    def start(self, request: Request, p: Point) -> float:
        memories = self.coefficients(request, p)[1]
        return request.c.gap0 + (memories * request.c.grad0_sq if memories > 0 else 0.0)
