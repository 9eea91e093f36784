"""Q-IAG, the server keeps every worker's last report: x <- x - gamma avg h_i, in every step.

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573; notation and proofs as in `_overlapping`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from ..bounds import Interval
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import (
    BOUNDED_WORKERS,
    CONVEX,
    CONVEX_WORKERS,
    EXACT,
    FIRST_REPORTS,
    FREE_DELAYS,
    FRESH_COINS,
    OVERLAP,
    SMOOTH_WORKERS,
    STORED,
    STRONGLY_CONVEX,
)
from ..probe import Probe, parameter
from ..theorem import ParameterChoice, Point, Request, register
from ._overlapping import OWN, AnyStep, FreeTheta, Overlapping, second_moment


class _StoredConvex(Overlapping):
    """Q-IAG on convex f_i: the step, and what the stored reports add to the floor."""

    source = OWN
    provenance = "ours"
    method = "q-iag"
    requires = ("n", "L_max", "mu", "tau")
    bound_requires = ("dist0_sq", "zeta_star_sq")
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions: ClassVar[tuple[tuple[str, str], ...]] = (
        (r"\gamma_{\max}", r"\frac{3n}{8saL_{\max}(1+2\tau)}"),
        ("u", r"\frac{\gamma saL_{\max}}{n}"),
        (r"\beta_\tau", r"1 + 2\tau\sqrt{\frac{a-1}{a}} + \frac{u\tau^2}{a}"),
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        high = 3 / (8 * self._unit(request) * (1 + 2 * request.c.tau))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 3 n/(8 s a L_max (1 + 2 tau))"), high)

    @staticmethod
    def _unit(request: Request) -> float:
        """s a L_max/n: u = gamma times this."""
        return request.c.overlap * second_moment(request) * request.c.L_max / request.c.n

    def _beta(self, request: Request, gamma: float) -> float:
        a, tau = second_moment(request), request.c.tau
        return 1 + 2 * tau * math.sqrt(request.up.omega / a) + gamma * self._unit(request) * tau**2 / a

    def details(self, request: Request, p: Point) -> Point:
        return {**super().details(request, p), "beta_tau": self._beta(request, p["gamma"])}


@register
class QIAGConvex(_StoredConvex, AverageTheorem):
    """Q-IAG on convex f_i.

    Problem: f_i convex, L_max-smooth and dependent on the coordinates S_i only (mu = 0 says that f is convex), s as in
    the module, delays at most tau. Algorithm: see the module; every worker reports in round 0.

    Guarantee: gamma <= 3 n/(8 s a L_max (1 + 2 tau)) gives, with u = gamma s a L_max/n and
    beta_tau = 1 + 2 tau sqrt((a-1)/a) + u tau^2/a,
    (1/T) sum_{t<T} E[f(x^t) - f*] <= R_0^2/(2 gamma T) + gamma s a beta_tau zeta_star^2/n.
    beta_tau <= 1 + 35 tau/16, and <= 1 + 17 tau/8 up to the step n/(4 s a L_max (1 + 2 tau)).

    A stored report is not an unbiased gradient at x^t, because x^t depends on its coins: this is the term with
    sqrt((a-1)/a). For a = 1 (IAG) the method converges exactly; this floor is true, but loose.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=8, L_max=2.0, mu=0.0, overlap=2, tau=1, dist0_sq=1.0, zeta_star_sq=0.0)
    >>> found = theorem("khirirat.q-iag-convex").guarantee(known, up=Unbiased(1.0))
    >>> found.parameters, float(found.bound(16))
    ({'gamma': 0.125}, 0.25)
    """

    name = "khirirat.q-iag-convex"
    title = "Q-IAG, convex"
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        CONVEX,
        EXACT,
        OVERLAP,
        STORED,
        FIRST_REPORTS,
        FREE_DELAYS,
        FRESH_COINS,
    )
    measures = (("", "gap_mean"),)
    bound_latex = r"\frac{R_0^2}{2\gamma T} + \frac{\gamma sa\beta_\tau\zeta_\star^2}{n}"

    def average(self, request: Request, p: Point) -> Average:
        c, still = request.c, self._beta(request, 0.0)
        spread = c.overlap * second_moment(request) * c.zeta_star_sq / c.n
        return Average(start=c.dist0_sq / 2, noise=spread * still, drift=spread * (self._beta(request, 1.0) - still))


@register
class QIAGStronglyConvex(_StoredConvex, LinearTheorem):
    """Q-IAG on convex f_i, f strongly convex.

    Problem and algorithm: as for ``khirirat.q-iag-convex``, f mu-strongly convex.

    Guarantee: gamma <= 3 n/(8 s a L_max (1 + 2 tau)) gives, with u = gamma s a L_max/n and
    beta_tau = 1 + 2 tau sqrt((a-1)/a) + u tau^2/a,
    E||x^T - x*||^2 <= (1 - gamma mu)^T R_0^2 + 2 gamma s a beta_tau zeta_star^2/(n mu).
    beta_tau <= 1 + 35 tau/16, and <= 1 + 17 tau/8 up to the step n/(4 s a L_max (1 + 2 tau)).

    The recommended step is the largest one: both the contraction and the floor are proportional to gamma, so that it
    is a matter of T or eps, for which it is tuned.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=8, L_max=2.0, mu=0.5, overlap=2, tau=1, dist0_sq=1.0, zeta_star_sq=0.0)
    >>> found = theorem("khirirat.q-iag-strongly-convex").guarantee(known, up=Unbiased(1.0))
    >>> found.parameters, found.rate.contraction
    ({'gamma': 0.125}, 0.9375)
    """

    name = "khirirat.q-iag-strongly-convex"
    title = "Q-IAG, strongly convex"
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        STRONGLY_CONVEX,
        EXACT,
        OVERLAP,
        STORED,
        FIRST_REPORTS,
        FREE_DELAYS,
        FRESH_COINS,
    )
    definitions = (*_StoredConvex.definitions, (r"\rho", r"1-\gamma\mu"))
    measures = (("", "dist_sq"),)
    bound_latex = r"\rho^t R_0^2 + \frac{2\gamma sa\beta_\tau\zeta_\star^2}{n\mu}"

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma mu": p["gamma"] * request.c.mu}

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        c, gamma = request.c, p["gamma"]
        return (
            2 * gamma * c.overlap * second_moment(request) * self._beta(request, gamma) * c.zeta_star_sq / (c.n * c.mu)
        )


@register
class QIAGDelayLemma(FreeTheta):
    """Q-IAG with f_i that need not be convex, f strongly convex, by a lemma on delayed recursions.

    Problem: f_i L_max-smooth and dependent on the coordinates S_i only, f mu-strongly convex, s as in the module,
    delays at most tau. Algorithm: see the module.

    Guarantee: with A = s a (1 + theta) L_max^2/n, nu = sqrt((a-1)/a) and
    Q = A (1 + 2 tau nu) + 2 tau (s/n) L_max sqrt(A), gamma < 2 mu/Q and gamma <= 1/(2 mu) give
    E||x^T - x*||^2 <= (1 - gamma (2 mu - gamma Q))^(T/(1 + 2 tau)) R_0^2
        + gamma s a (1 + 1/theta) (zeta_star^2/n) (1 + 2 tau nu + tau (s/n) L_max/sqrt(A))/(2 mu - gamma Q).
    zeta_star = 0: theta = 0 and no floor. The contraction is best at gamma = mu/Q.

    Lemma (Feyzmahdavian, Aytekin, Johansson 2014): p, q >= 0, p + q < 1 and
    V_{k+1} <= p V_k + q max_{k-t <= l <= k} V_l + e give V_k <= (p + q)^(k/(1+t)) V_0 + e/(1 - p - q).

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L_max=2.0, mu=0.5, overlap=4, tau=1, dist0_sq=1.0, zeta_star_sq=0.0)
    >>> found = theorem("khirirat.q-iag-delay-lemma").guarantee(known)
    >>> round(found.parameters["gamma"], 6), found.analysis["theta"], round(found.rate.contraction, 6)
    (0.041667, 0.0, 0.993007)
    """

    name = "khirirat.q-iag-delay-lemma"
    probe = Probe(fixed={"theta": 0.7}, symbols={r"\theta": parameter("theta")})
    title = "Q-IAG, strongly convex, with nonconvex workers"
    source = f"{OWN}; the lemma is that of Feyzmahdavian, Aytekin, Johansson 2014"
    provenance = "ours"
    method = "q-iag"
    requires = ("n", "L_max", "mu", "tau")
    assumes = (
        SMOOTH_WORKERS,
        STRONGLY_CONVEX,
        EXACT,
        OVERLAP,
        STORED,
        FIRST_REPORTS,
        FREE_DELAYS,
        FRESH_COINS,
    )
    setting = r"Let $\theta > 0$."
    conditions = r"0 < \gamma < \gamma_{\max}"
    definitions = (
        ("A", r"\frac{sa(1+\theta)L_{\max}^2}{n}"),
        (r"\nu", r"\sqrt{\frac{a-1}{a}}"),
        ("Q", r"A(1+2\tau\nu) + \frac{2\tau sL_{\max}\sqrt{A}}{n}"),
        (r"\gamma_{\max}", r"\min\{\frac{2\mu}{Q},\frac{1}{2\mu}\}"),
        (r"\rho", r"(1-2\gamma\mu+\gamma^2Q)^{\frac{1}{1+2\tau}}"),
        (r"\beta_\tau", r"1+2\tau\nu+\frac{\tau sL_{\max}}{n\sqrt{A}}"),
        ("F", r"\frac{\gamma sa(1+\frac{1}{\theta})\beta_\tau\zeta_\star^2}{n(2\mu-\gamma Q)}"),
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        mu = request.c.mu
        best = self._aims(request) or self._interpolating(request)
        theta = choose.fixed.get("theta", 0.0 if best else 1.0)
        gamma = choose.fixed.get("gamma", min(mu / self._Q(request, theta), 1 / (2 * mu)))
        theta = self._choose_theta(request, choose, lambda: self._theta(request, gamma, theta, "gamma" in choose.fixed))
        limit = 2 * mu / self._Q(request, theta)
        text = "0 < gamma < 2 mu/(A (1 + 2 tau nu) + 2 tau (s/n) L_max sqrt(A))"
        if limit > 1 / (2 * mu):
            choose("gamma", Interval(0.0, 1 / (2 * mu), "0 < gamma <= 1/(2 mu)"), gamma)
        else:
            choose("gamma", Interval(0.0, limit, text, high_open=True), gamma)

    def _theta(self, request: Request, gamma: float, standard: float, fixed: bool) -> float:
        if self._interpolating(request):
            return 0.0
        return self._tuned_theta(request, gamma, 1e-9, 1e9) if fixed or self._aims(request) else standard

    @staticmethod
    def _stale(request: Request) -> tuple[float, float, float]:
        """A for theta = 0, 1 + 2 tau nu, and tau (s/n) L_max."""
        c, a = request.c, second_moment(request)
        share = c.overlap / c.n
        coins = 1 + 2 * c.tau * math.sqrt(request.up.omega / a)
        return share * a * c.L_max**2, coins, c.tau * share * c.L_max

    def _Q(self, request: Request, theta: float) -> float:
        A, coins, stale = self._stale(request)
        A *= 1 + theta
        return A * coins + 2 * stale * math.sqrt(A)

    def _trade(self, request: Request, gamma: float) -> Callable[[float], tuple[float, float]]:
        c = request.c
        A_0, coins, stale = self._stale(request)
        mu, power = c.mu, 1 / (1 + 2 * c.tau)
        spread = gamma * c.overlap * second_moment(request) / c.n

        def trade(theta: float) -> tuple[float, float]:
            A = A_0 * (1 + theta)
            root = math.sqrt(A)
            margin = 2 * mu - gamma * (A * coins + 2 * stale * root)
            left = gamma * margin  # 1 - p - q of the lemma
            contraction_gap = -math.expm1(math.log1p(-left) * power) if left < 1 else 1.0
            if theta <= 0 or margin <= 0:
                return contraction_gap, math.inf
            return contraction_gap, spread * (1 + 1 / theta) * (coins + stale / root) / margin

        return trade

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        contraction_gap, _ = self._trade(request, p["gamma"])(p["theta"])
        return {"(1 - gamma (2 mu - gamma Q))^(1/(1 + 2 tau))": contraction_gap}


@register
class QIAGNonconvex(AnyStep):
    """Q-IAG on smooth nonconvex f_i with bounded gradients.

    Problem: f_i L_max-smooth and dependent on the coordinates S_i only, ||grad f_i(x)|| <= C_i at every point met,
    C_1 = avg C_i, C_2 = avg C_i^2, s as in the module, delays at most tau. Algorithm: see the module.

    Guarantee: any gamma > 0 gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T)
        + a (s/n)^2 C_2 [gamma L_max + gamma^2 L_max^2 tau^2 s/n]
        + 2 gamma L_max tau (s/n)^(3/2) sqrt(a (a-1) C_2) C_1.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L_max=1.0, overlap=4, tau=2, gap0=1.0, G_mean=1.0, G_sq_mean=1.0)
    >>> found = theorem("khirirat.q-iag-nonconvex").guarantee(known, gamma=0.5)
    >>> float(found.bound(8)), found.rate.in_rounds
    (2.0, (-1.0, -0.5))
    """

    name = "khirirat.q-iag-nonconvex"
    title = "Q-IAG, nonconvex"
    source = OWN
    provenance = "ours"
    method = "q-iag"
    requires = ("n", "L_max", "tau")
    bound_requires = ("gap0", "G_mean", "G_sq_mean")
    assumes = (
        SMOOTH_WORKERS,
        BOUNDED_WORKERS,
        EXACT,
        OVERLAP,
        STORED,
        FIRST_REPORTS,
        FREE_DELAYS,
        FRESH_COINS,
    )
    conditions = r"0 < \gamma"
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{2\Delta}{\gamma T} + a(\frac{s}{n})^2C_2(\gamma L_{\max}+\frac{\gamma^2L_{\max}^2\tau^2s}{n}) "
        r"+ 2\gamma L_{\max}\tau(\frac{s}{n})^{\frac{3}{2}}\sqrt{a(a-1)C_2}C_1"
    )

    def _smoothness(self, request: Request) -> float:
        return request.c.overlap / request.c.n * request.c.L_max

    def average(self, request: Request, p: Point) -> Average:
        c, a, share = request.c, second_moment(request), request.c.overlap / request.c.n
        moment = a * share**2 * c.G_sq_mean
        coins = 2 * c.L_max * c.tau * share**1.5 * math.sqrt(a * request.up.omega * c.G_sq_mean) * c.G_mean
        return Average(start=2 * c.gap0, noise=moment * c.L_max + coins, drift=moment * share * (c.L_max * c.tau) ** 2)
