"""Artemis: memories on the uplink, unbiased compression on both sides.

Philippenko, Dieuleveut 2020, arXiv 2006.14591.

    worker i :  D_i = g_i(x) - h_i ;  send Q_i = C_up(D_i) ;  h_i <- h_i + alpha Q_i
    server   :  v = h + avg Q_i, with the old h ;  broadcast C_down(v) ;  h <- h + alpha avg Q_i
    everyone :  x <- x - gamma C_down(v)

C_up and C_down are unbiased with constants omega_u and omega_d, with independent coins.
"""

from __future__ import annotations

from ..bounds import Interval
from ..compressors import Unbiased
from ..families import LinearTheorem
from ..hypotheses import CONVEX_WORKERS, NOISE, OWN_COINS, SMOOTH, SMOOTH_WORKERS, STRONGLY_CONVEX, ZERO_MEMORIES
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, register


@register
class StronglyConvex(LinearTheorem):
    """Artemis on convex f_i, f strongly convex.

    Problem: f_i convex and L_max-smooth, f L-smooth and mu-strongly convex. Algorithm: see the module, h_i^0 = 0.

    Guarantee: alpha <= 1/(1+omega_u), M = 4 (1+omega_d) omega_u/(n alpha) and
    gamma <= 1/((1+omega_d)(L + 6 omega_u L_max/n)) give, for V^k = ||x^k - x*||^2 + M gamma^2 avg||h_i^k - grad
    f_i(x*)||^2,
    E V^k <= max{1 - gamma mu, 1 - alpha/2}^k V^0
             + (1+omega_d)(1+5 omega_u) sigma^2 gamma^2/(n min{gamma mu, alpha/2}).
    Without noise the convergence is to x* itself, with both directions compressed: grad f(x*) = 0, so the noise of
    C_down vanishes there, too. omega_u = 0: M = 0, and the second entries drop out.

    Source: own proof for the method of the paper, by the lemma of Gorbunov, Hanzely, Richtarik 2020 (arXiv 1905.11261).
    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=4, L=1.0, L_max=2.0, mu=0.05)
    >>> found = theorem("artemis.strongly-convex").guarantee(known, up=Unbiased(3.0), down=Unbiased(1.0))
    >>> found.parameters, found.rate.contraction
    ({'gamma': 0.05, 'alpha': 0.25}, 0.9975)
    """

    name = "artemis.strongly-convex"
    probe = Probe(fixed={"alpha": 0.05})
    title = "Artemis, strongly convex"
    source = "own proof, for the method of Philippenko, Dieuleveut 2020 (arXiv 2006.14591)"
    provenance = "ours"
    method = "artemis"
    requires = ("n", "L", "L_max", "mu")
    bound_requires = ("dist0_sq", "zeta_star_sq", "sigma_sq")
    uplink = Unbiased
    downlink = Unbiased
    parameters = ("gamma", "alpha")
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        SMOOTH,
        STRONGLY_CONVEX,
        OWN_COINS,
        NOISE,
        ZERO_MEMORIES,
    )
    setting = (
        r"Let $0 < \alpha \le \frac{1}{1+\omega_u}$ (for $\omega_u = 0$ the terms with $\frac{\alpha}{2}$ drop"
        r" out)."
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{1}{(1+\omega_d)(L+\frac{6\omega_u L_{\max}}{n})}"),
        ("M", r"\frac{4(1+\omega_d)\omega_u}{n\alpha}"),
        (r"\rho", r"\max\{1-\gamma\mu,1-\frac{\alpha}{2}\}"),
        ("V_0", r"R_0^2+M\gamma^2\zeta_\star^2"),
    )
    measures = (("", "dist_sq"), (r"M\gamma^2", "memory_error_sq"))
    bound_latex = r"\rho^t V_0 + \frac{(1+\omega_d)(1+5\omega_u)\sigma^2\gamma^2}{n\min\{\gamma\mu,\frac{\alpha}{2}\}}"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("dist0_sq", "sigma_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, up, down = request.c, request.up.omega, request.down.omega
        choose("alpha", Interval(0.0, 1 / (1 + up), "0 < alpha <= 1/(1 + omega_u)"), 1 / (1 + up))
        high = 1 / ((1 + down) * (c.L + 6 * up * c.L_max / c.n))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/((1 + omega_d)(L + 6 omega_u L_max/n))"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        contraction_gaps = {"the model, 1 - gamma mu": p["gamma"] * request.c.mu}
        if request.up.omega > 0:
            contraction_gaps["the workers' memories, 1 - alpha/2"] = p["alpha"] / 2
        return contraction_gaps

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        return 1.0, self._M(request, p) * p["gamma"] ** 2

    def start(self, request: Request, p: Point) -> float:
        memories = self.coefficients(request, p)[1]
        return request.c.dist0_sq + (memories * request.c.zeta_star_sq if memories > 0 else 0.0)

    def floor(self, request: Request, p: Point) -> float:
        up, down = request.up.omega, request.down.omega
        return (
            (1 + down)
            * (1 + 5 * up)
            * request.c.sigma_sq
            / request.c.n
            * p["gamma"] ** 2
            / self.contraction_gap(request, p)
        )

    def details(self, request: Request, p: Point) -> Point:
        return super().details(request, p) | {"M": self._M(request, p)}

    @staticmethod
    def _M(request: Request, p: Point) -> float:
        return 4 * (1 + request.down.omega) * request.up.omega / (request.c.n * p["alpha"])
