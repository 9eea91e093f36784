"""MURANA with compression both ways: gradient differences up, the model's increment down.

Condat, Richtarik 2021, arXiv 2106.03056.   minimise f(x) + R(x)

    worker i :  d_i = C(grad f_i(x) - h_i) ;  send d_i ;  h_i <- h_i + lam d_i
    server   :  xt = prox_{gamma R}(x - gamma (h + avg d_i)), with the old h ;  broadcast r = C_down(xt - x) ;
                h <- h + lam avg d_i
    everyone :  x <- x + beta r

lam = 1/(1 + omega_u) and beta = 1/(1 + omega_d), which the paper calls rho. Both compressors are unbiased, with
constants omega_u and omega_d and independent coins. Gradients are exact.
"""

from __future__ import annotations

import math

from ..bounds import Interval, NotCovered
from ..compressors import Unbiased
from ..families import LinearTheorem
from ..hypotheses import CONVEX_WORKERS, EXACT, OWN_COINS, PROX, SMOOTH_WORKERS, STRONGLY_CONVEX, ZERO_MEMORIES
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, register


@register
class StronglyConvex(LinearTheorem):
    """MURANA with two-way compression converges linearly to the exact solution.

    Problem: f_i convex and L_max-smooth, f mu-strongly convex, R closed and convex; exact gradients. Algorithm: see the
    module, h_i^0 = 0.

    Guarantee: b > 1 and gamma <= 1/(L_max (1 + (1+b)^2 omega_u/n)) give
    E Psi^T <= (1 - min{gamma mu/(1+omega_d), (1 - b^-2)/(1+omega_u)})^T Psi^0 for
    Psi^t = ||x^t - x*||^2 + c avg||h_i^t - grad f_i(x*)||^2, c = (b^2+b) gamma^2 omega_u (1+omega_u)/(n (1+omega_d)).
    omega_u = 0: c = 0, and the second entry drops out.

    Recommended: the b at which both entries are equal, at the largest gamma for it.

    Source: the paper, Theorem 5. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=4, L_max=1.0, mu=0.1)
    >>> found = theorem("murana.strongly-convex").guarantee(known, up=Unbiased(1.0), down=Unbiased(3.0), b=2.0)
    >>> {name: round(value, 4) for name, value in found.parameters.items()}
    {'gamma': 0.3077, 'lam': 0.5, 'beta': 0.25}
    >>> found.active
    'rho = 0.992308 is set by the model, 1 - gamma mu/(1 + omega_d)'
    """

    name = "murana.strongly-convex"
    probe = Probe(fixed={"b": 1.7})
    title = "MURANA, two-way, strongly convex"
    source = "Condat, Richtarik 2021 (arXiv 2106.03056), Theorem 5"
    provenance = "published"
    method = "murana"
    requires = ("n", "L_max", "mu")
    bound_requires = ("dist0_sq", "zeta_star_sq")
    uplink = Unbiased
    downlink = Unbiased
    parameters = ("gamma", "lam", "beta")
    analysis = ("b",)
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        STRONGLY_CONVEX,
        PROX,
        EXACT,
        OWN_COINS,
        ZERO_MEMORIES,
    )
    setting = (
        r"Let $\lambda = \frac{1}{1+\omega_u}$, $\beta = \frac{1}{1+\omega_d}$ and $b > 1$ (for $\omega_u = 0$"
        r" the second entry of the minimum drops out)."
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{1}{L_{\max}(1+\frac{(1+b)^2\omega_u}{n})}"),
        ("c", r"\frac{(b^2+b)\gamma^2\omega_u(1+\omega_u)}{n(1+\omega_d)}"),
        (r"\rho", r"1-\min\{\frac{\gamma\mu}{1+\omega_d},\frac{1-b^{-2}}{1+\omega_u}\}"),
    )
    measures = (("", "dist_sq"), ("c", "memory_error_sq"))
    bound_latex = r"\rho^t(R_0^2 + c\zeta_\star^2)"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("dist0_sq",)

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        up, down = request.up.omega, request.down.omega
        lam, beta = 1 / (1 + up), 1 / (1 + down)
        choose("lam", Interval(lam, lam, "lam = 1/(1 + omega_u)", low_open=False), lam)
        choose("beta", Interval(beta, beta, "beta = 1/(1 + omega_d)", low_open=False), beta)
        b = choose("b", Interval(1.0, math.inf, "1 < b"), self._balanced(request, choose))
        high = self._largest(request, b)
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L_max (1 + (1 + b)^2 omega_u/n))"), high)

    @staticmethod
    def _largest(request: Request, b: float) -> float:
        return 1 / (request.c.L_max * (1 + (1 + b) ** 2 * request.up.omega / request.c.n))

    def _balanced(self, request: Request, choose: ParameterChoice) -> float:
        """The b at which the memories contract as fast as the model, as far as gamma leaves room for it."""
        c, up, down = request.c, request.up.omega, request.down.omega
        if up == 0:
            return 2.0
        room = math.inf
        if (gamma := choose.fixed.get("gamma")) is not None:
            limit = 1 / (c.L_max * (1 + 4 * up / c.n))
            if not 0 < gamma < limit:
                choose("gamma", Interval(0.0, limit, "0 < gamma < 1/(L_max (1 + 4 omega_u/n))", high_open=True), gamma)
            room = math.sqrt((1 / (gamma * c.L_max) - 1) * c.n / up) - 1
        if not room > 1:
            raise NotCovered("no b above 1 leaves an admissible gamma")

        def model(b: float) -> float:
            return (self._largest(request, b) if gamma is None else gamma) * c.mu / (1 + down)

        low, high = 0.0, 40.0  # in log(b - 1) + 30
        for _ in range(100):
            middle = (low + high) / 2
            excess = math.exp(middle - 30)
            memories = excess * (2 + excess) / (1 + excess) ** 2 / (1 + up)
            low, high = (low, middle) if memories >= model(1 + excess) else (middle, high)
        # At least 1.01, so that 1 - b^-2 does not cancel.
        return min(max(1 + math.exp(high - 30), 1.01), room)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        contraction_gaps = {"the model, 1 - gamma mu/(1 + omega_d)": p["gamma"] * request.c.mu * p["beta"]}
        if request.up.omega > 0:
            contraction_gaps["the workers' memories, 1 - (1 - b^-2)/(1 + omega_u)"] = (1 - p["b"] ** -2) * p["lam"]
        return contraction_gaps

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        b, up = p["b"], request.up.omega
        return 1.0, (b**2 + b) * p["gamma"] ** 2 * up * (1 + up) * p["beta"] / request.c.n

    def start(self, request: Request, p: Point) -> float:
        memories = self.coefficients(request, p)[1]
        return request.c.dist0_sq + (memories * request.c.zeta_star_sq if memories > 0 else 0.0)

    def floor(self, request: Request, p: Point) -> float:
        return 0.0
