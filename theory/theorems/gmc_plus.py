"""GMC+: global momentum compression whose workers compute at points of their own.

Zhao, Xie, Gao, Li 2019 (arXiv 1905.12948), with Shi 2024 in its third version.

    worker i : x_i^t = x^t - lambda gamma e_i, lambda in [0, 1] ;  all else as in GMC, with g_i(x_i^t) for g_i(x^t)

The printed form of GMC+ was not at hand: this one is reconstructed. With lambda = 0 it is GMC (`gmc`). The bound U on
the memory is that of `_global_momentum`, y^t the shadow sequence there.
"""

from __future__ import annotations

import math

from ..bounds import Interval
from ..compressors import VALUE_TRUNCATION
from ..families import Average, AverageTheorem
from ..hypotheses import BOUNDED_MEMORY, NOISE, SMOOTH, SMOOTH_WORKERS, ZERO_ERRORS
from ..probe import Probe, parameter
from ..theorem import ParameterChoice, Point, Request, register
from ._global_momentum import MOMENTUM, GlobalMomentum, room


class _Detached(GlobalMomentum):
    """GMC+."""

    method = "gmc-plus"
    parameters = ("gamma", "beta", "lam")
    requires = ("n", "L", "L_max")
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1-\beta}{L}"), ("g", r"\frac{\gamma}{1-\beta}"))

    def largest(self, request: Request) -> tuple[float, str]:
        return 1 / request.c.L, "L"

    def detach(self, choose: ParameterChoice) -> float:
        return choose("lam", Interval(0.0, 1.0, "0 <= lam <= 1", low_open=False), 1.0)


@register
class Plus(_Detached, AverageTheorem):
    """GMC+ on a smooth nonconvex f: what the shadow sequence reaches, and what its distance to the workers costs.

    Problem: f is L-smooth, every f_i L_max-smooth; the workers may differ. Algorithm: see the module; the form of
    GMC+ is reconstructed (gradients at x_i^t = x^t - lambda gamma e_i).

    Guarantee, for any compressor: g' = gamma/(1 - beta) <= 1/L gives
    (1/T) sum_{t<T} E||grad f(y^t)||^2 - (L_max^2/T) sum_{t<T} (1/n) sum_i E||y^t - x_i^t||^2
        <= 2 Delta/(g' T) + L g' sigma^2/n.
    Both sums are measured. `PlusBounded` bounds the second one. Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, dim=9, L=1.0, L_max=2.0, gap0=1.0, sigma_sq=0.0)
    >>> found = theorem("gmc-plus.nonconvex").guarantee(known, up="topk:k=3", beta=0.5)
    >>> found.metric.terms, float(found.bound(4))
    ((('shadow_grad_sq_mean', 1.0), ('shadow_spread_mean', -4.0)), 0.5)
    """

    name = "gmc-plus.nonconvex"
    probe = Probe(fixed={"beta": 0.6})
    title = "GMC+, nonconvex, measured spread"
    analysis = ()
    bound_requires = ("gap0", "sigma_sq")
    assumes = (
        SMOOTH,
        SMOOTH_WORKERS,
        NOISE,
        ZERO_ERRORS,
    )
    setting = r"Let $0 \le \beta < 1$, $y^t$ be the shadow sequence and $x_i^t = x^t - \lambda\gamma e_i^t$."
    measures = (("", "shadow_grad_sq_mean"), (r"-L_{\max}^2", "shadow_spread_mean"))
    bound_latex = r"\frac{2\Delta}{gT} + \frac{Lg\sigma^2}{n}"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires

    def beta(self, request: Request) -> float:
        return request.fixed.get("beta", MOMENTUM)

    def origin(self, request: Request) -> str:
        return ""

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        interval = Interval(0.0, 1.0, "0 <= beta < 1", low_open=False, high_open=True)
        beta = choose("beta", interval, self.beta(request))
        self.detach(choose)
        high, text = self.largest(request)
        choose("gamma", Interval(0.0, (1 - beta) * high, f"0 < gamma <= (1 - beta)/{text}"), (1 - beta) * high)

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        return 1.0, -(request.c.L_max**2)

    def average(self, request: Request, p: Point) -> Average:
        c, slow = request.c, 1 - p["beta"]
        return Average(start=2 * c.gap0 * slow, noise=c.L * c.sigma_sq / c.n / slow)

    def details(self, request: Request, p: Point) -> Point:
        return {}


@register
class PlusBounded(_Detached, AverageTheorem):
    """GMC+ with the spread bounded in advance.

    Guarantee: `Plus` with E(avg_i ||y^t - x_i^t||)^2 <= g'^2 (U + lambda (1 - beta) V)^2, where
    E(avg_i ||e_i^t||)^2 <= V^2: g' = gamma/(1 - beta) <= 1/L gives
    (1/T) sum_{t<T} E||grad f(y^t)||^2 <= 2 Delta/(g' T) + L g' sigma^2/n + L_max^2 g'^2 (U + lambda (1 - beta) V)^2.

    V follows from U: V = s (U + G) with s = sqrt(1-delta) for one worker and where the memory contracts (r < 1),
    V = (1 - kappa)(U + G_l1) for the largest entries, and V = s/(1-s) (G + beta (2U + G)/(1 - beta)) always.
    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=1, dim=4, L=1.0, gap0=1.0, sigma_sq=0.0, G=1.0)
    >>> found = theorem("gmc-plus.nonconvex-bounded").guarantee(known, up="topk:k=2", beta=0.0)
    >>> round(found.analysis["U"], 3), round(found.analysis["V"], 3)
    (2.0, 2.0)
    """

    name = "gmc-plus.nonconvex-bounded"
    probe = Probe(fixed={"beta": 0.6, "U": 3.0, "lam": 0.4}, symbols={r"\lambda": parameter("lam")})
    title = "GMC+, nonconvex"
    bound_requires = ("gap0", "sigma_sq", "G")
    assumes = (
        SMOOTH,
        SMOOTH_WORKERS,
        NOISE,
        BOUNDED_MEMORY,
    )
    setting = (
        r"Let $0 \le \beta < 1$, $\mathbb{E}(\frac{1}{n}\sum_i\|e_i^t\|)^2 \le V^2$ and $y^t$ be the shadow "
        r"sequence."
    )
    measures = (("", "shadow_grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{gT} + \frac{Lg\sigma^2}{n} + L_{\max}^2g^2(U+\lambda(1-\beta)V)^2"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        needs = super().bound_needs(request)
        return needs if "G" in needs or request.up.delta == 1 else (*needs, "G")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        super().choose_parameters(request, choose)
        self.detach(choose)

    def V(self, request: Request, beta: float, U: float) -> float:
        """The smallest bound on the workers' errors."""
        if request.up.delta == 1:
            return 0.0
        G, s = request.c.G, math.sqrt(1 - request.up.delta)
        bounds = [s * (1 + s) / request.up.delta * (G + beta * (2 * U + G) / (1 - beta))]
        if request.c.n == 1:
            bounds.append(s * (U + G))
        if (left := room(request.up, beta)) > 0:
            bounds.append(s * G / left)
        if request.up.keeps == "largest" and request.constants.G_l1 is not None:
            kappa = request.up.delta / (1 + VALUE_TRUNCATION)
            bounds.append((1 / kappa - 1) / (1 - beta) * request.c.G_l1)
        return min(bounds)

    def average(self, request: Request, p: Point) -> Average:
        c, slow = request.c, 1 - p["beta"]
        spread = p["U"] + p["lam"] * slow * self.V(request, p["beta"], p["U"])
        return Average(
            start=2 * c.gap0 * slow, noise=c.L * c.sigma_sq / c.n / slow, drift=(c.L_max * spread / slow) ** 2
        )

    def details(self, request: Request, p: Point) -> Point:
        if request.constants.G is None and request.up.delta < 1:
            return {"delta": request.up.delta}
        return {"delta": request.up.delta, "V": self.V(request, p["beta"], p["U"])}
