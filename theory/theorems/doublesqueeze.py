"""DoubleSqueeze: error feedback on both sides.

Tang, Lian, Yu, Zhang, Liu, ICML 2019, arXiv 1905.05957.

    worker i :  v_i = g_i(x) + e_i ;  send c_i = C_up(v_i) ;  e_i <- v_i - c_i
    server   :  v = avg c_i + e ;  broadcast c = C_down(v) ;  e <- v - c
    everyone :  x <- x - gamma c

Asynchronously, the server averages the M messages that have arrived, each computed at a model of its own age.

y^t = x^t - gamma (e + avg e_i) follows exact SGD for any compressor, so only the size of the errors matters:
E||e + avg e_i||^2 <= eps^2, assumed (`Nonconvex`, `NonconvexTuned`) or computed from G (`ContractiveErrors`).
"""

from __future__ import annotations

import math

from ..bounds import Curve, Interval, Rate
from ..compressors import AbsoluteError, Contractive
from ..families import Average, AverageTheorem, TunedTheorem, contraction_of_pair
from ..hypotheses import (
    ANY_MESSAGES,
    BOUNDED_GRADIENTS,
    DELAYS,
    FREE_DELAYS,
    FRESH_COINS,
    IN_ORDER,
    NOISE,
    SMOOTH,
    SMOOTH_ON_AVERAGE,
    USED_ONCE,
    ZERO_ERRORS,
)
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, prescribe, register
from .delays import choose_messages, speedup_from_messages

PAPER = "Tang, Lian, Yu, Zhang, Liu 2019 (arXiv 1905.05957)"


def error(request: Request) -> float:
    """Bound eps on the root mean square of e + avg e_i: the absolute errors of both sides add."""
    return request.up.eps + request.down.eps


@register
class Nonconvex(AverageTheorem):
    """DoubleSqueeze with bounded errors, nonconvex, any step below 1/L.

    Problem: f is L-smooth. Algorithm: see the module. Both compressors have an absolute error; eps is their
    sum.

    Guarantee: L gamma < 1 gives
    (gamma/2)(1 - L gamma) sum_{t<T} E||grad f(x^t)||^2 <= Delta + gamma^3 L^2 eps^2 T/2 + L gamma^2 sigma^2
    T/(2n).

    Source: Theorem 1 of the paper; its constant before eps^2 re-derived (1/2). Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import AbsoluteError, Constants, theorem
    >>> known = Constants(n=4, L=1.0, gap0=1.0, sigma_sq=0.0)
    >>> ask, half = theorem("doublesqueeze.nonconvex").guarantee, AbsoluteError(0.5)
    >>> found = ask(known, up=half, down=half)
    >>> found.parameters, found.rate.in_rounds
    ({'gamma': 0.5}, (-1.0, -0.6666666666666666))
    >>> ask(known, up=half, gamma=1.0).reason
    'gamma = 1 is not below 1/L = 1'
    """

    name = "doublesqueeze.nonconvex"
    title = "DoubleSqueeze, bounded errors"
    source = f"{PAPER}, Theorem 1; the constant of the error term re-derived"
    provenance = "ours"
    method = "doublesqueeze"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq")
    uplink = AbsoluteError
    downlink = AbsoluteError
    assumes = (
        SMOOTH,
        NOISE,
        ZERO_ERRORS,
    )
    setting = (
        r"Let $\varepsilon = \varepsilon_u + \varepsilon_d$, so that $\mathbb{E}\|e + \frac{1}{n}\sum_i "
        r"e_i\|^2 \le \varepsilon^2$."
    )
    conditions = r"0 < \gamma < \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{\Delta + \frac{1}{2}\gamma^3L^2\varepsilon^2T + \frac{L\gamma^2\sigma^2T}{2n}}"
        r"{\frac{\gamma}{2}(1-L\gamma)T}"
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        L = request.c.L
        choose("gamma", Interval(0.0, 1 / L, "0 < gamma < 1/L", high_open=True), 1 / (2 * L))

    def average(self, request: Request, p: Point) -> Average:
        c, eps = request.c, error(request)
        return Average(start=2 * c.gap0, noise=c.L * c.sigma_sq / c.n, drift=c.L**2 * eps**2, damping=c.L)

    def details(self, request: Request, p: Point) -> Point:
        return {"eps": error(request)}


@register
class NonconvexTuned(TunedTheorem):
    """DoubleSqueeze with bounded errors and the paper's step for T rounds.

    Guarantee: gamma = 1/(4L + sigma sqrt(T/n) + eps^(2/3) T^(1/3)) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2
        <= (8/3)[4 L Delta/T + (Delta + L/2) sigma/sqrt(nT) + (Delta + L^2/2) eps^(2/3)/T^(2/3)],
    linear speedup while the middle term dominates. Memoryless two-way compression has eps/sqrt(T) for the
    last term.

    Source: Corollary 2 of the paper (the rate); the constants are ours. Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import AbsoluteError, Constants, theorem
    >>> known = Constants(n=4, L=1.0, gap0=1.0, sigma_sq=1.0)
    >>> found = theorem("doublesqueeze.nonconvex-tuned").guarantee(known, up=AbsoluteError(0.1), rounds=10**6)
    >>> found.horizon, found.rate.in_workers, found.rate.speedup_until
    (1000000, -0.5, 2154.0)
    """

    name = "doublesqueeze.nonconvex-tuned"
    probe = Probe(tuned=True)
    title = "DoubleSqueeze, bounded errors, tuned step"
    source = f"{PAPER}, Corollary 2; the constants are ours"
    provenance = "ours"
    method = "doublesqueeze"
    requires = ("n", "L", "sigma_sq")
    bound_requires = ("gap0",)
    uplink = AbsoluteError
    downlink = AbsoluteError
    general = "doublesqueeze.nonconvex"
    assumes = (
        SMOOTH,
        NOISE,
        ZERO_ERRORS,
    )
    setting = Nonconvex.setting
    conditions = r"\gamma = \gamma_T"
    definitions = (
        (r"\gamma_T", r"\frac{1}{4L + \sigma\sqrt{\frac{T}{n}} + \varepsilon^{\frac{2}{3}}T^{\frac{1}{3}}}"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{8}{3}(\frac{4L\Delta}{T} + (\Delta+\frac{L}{2})\frac{\sigma}{\sqrt{nT}} "
        r"+ (\Delta+\frac{L^2}{2})\frac{\varepsilon^{\frac{2}{3}}}{T^{\frac{2}{3}}})"
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, eps, T = request.c, error(request), self.horizon(request)
        gamma = 1 / (4 * c.L + math.sqrt(c.sigma_sq * T / c.n) + eps ** (2 / 3) * T ** (1 / 3))
        prescribe(self, choose, {"gamma": (gamma, "1/(4 L + sigma sqrt(T/n) + eps^(2/3) T^(1/3))")})

    def powers(self, request: Request) -> tuple[tuple[float, float], ...]:
        c, eps = request.c, error(request)
        return (
            (8 / 3 * (c.gap0 + c.L / 2) * math.sqrt(c.sigma_sq / c.n), 1 / 2),
            (8 / 3 * (c.gap0 + c.L**2 / 2) * eps ** (2 / 3), 2 / 3),
            (8 / 3 * 4 * c.L * c.gap0, 1.0),
        )

    def active(self, request: Request, p: Point) -> str:
        c, eps, T = request.c, error(request), self.horizon(request)
        parts = {
            "4 L": 4 * c.L,
            "sigma sqrt(T/n)": math.sqrt(c.sigma_sq * T / c.n),
            "eps^(2/3) T^(1/3)": eps ** (2 / 3) * T ** (1 / 3),
        }
        return f"1/gamma is dominated by {max(parts, key=lambda name: parts[name])} at T = {T}"

    def details(self, request: Request, p: Point) -> Point:
        return {"eps": error(request)}


@register
class ContractiveErrors(AverageTheorem):
    """DoubleSqueeze with contractive compressors: the size of the errors is computed instead of assumed.

    Problem: f is L-smooth, E||g_i||^2 <= G^2. Algorithm: see the module; delta is the smaller constant of
    the two compressors, K_c = 1 if ||C_up(v)|| <= ||v|| always (top-k, scaled sign), else 2(2 - delta).

    Guarantee: gamma <= 1/(2L) gives
    E||e + avg e_i||^2 <= E_2 := (8(1-delta) G^2/delta^2)[1 + 2 K_c (1 + 4(1-delta)/delta^2)],
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 4 Delta/(gamma T) + 2 L gamma sigma^2/n + 2 L^2 gamma^2 E_2.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, gap0=1.0, sigma_sq=0.0, G=1.0)
    >>> found = theorem("doublesqueeze.contractive").guarantee(known, up=Contractive(0.5, nonexpansive=True))
    >>> found.analysis
    {'delta': 0.5, 'K_c': 1.0, 'E_2': 304.0}
    """

    name = "doublesqueeze.contractive"
    title = "DoubleSqueeze, contractive compressors"
    source = f"own proof, for the method of {PAPER}"
    provenance = "ours"
    method = "doublesqueeze"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq", "G")
    uplink = Contractive
    downlink = Contractive
    assumes = (
        SMOOTH,
        NOISE,
        BOUNDED_GRADIENTS,
        ZERO_ERRORS,
    )
    setting = (
        r"Let $\delta = \min\{\delta_u,\delta_d\}$, $K_c = 1$ if $\|C(v)\| \le \|v\|$ and $K_c = 2(2-\delta)$ "
        r"otherwise."
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{1}{2L}"),
        ("E_2", r"\frac{8(1-\delta)G^2}{\delta^2}(1 + 2K_c(1 + \frac{4(1-\delta)}{\delta^2}))"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{4\Delta}{\gamma T} + \frac{2L\gamma\sigma^2}{n} + 2L^2\gamma^2E_2"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if contraction_of_pair(request)[0] < 1 else ("gap0", "sigma_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        high = 1 / (2 * request.c.L)
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(2 L)"), high)

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        return Average(start=4 * c.gap0, noise=2 * c.L * c.sigma_sq / c.n, drift=2 * c.L**2 * self._E2(request))

    def details(self, request: Request, p: Point) -> Point:
        delta, K_c = contraction_of_pair(request)
        known = request.constants.G is not None or delta == 1
        return {"delta": delta, "K_c": K_c} | ({"E_2": self._E2(request)} if known else {})

    def _E2(self, request: Request) -> float:
        delta, K_c = contraction_of_pair(request)
        if delta == 1:
            return 0.0
        return 8 * (1 - delta) * request.c.G**2 / delta**2 * (1 + 2 * K_c * (1 + 4 * (1 - delta) / delta**2))


@register
class Asynchronous(AverageTheorem):
    """Asynchronous DoubleSqueeze with bounded errors, nonconvex.

    Problem: f is L-smooth, L_tilde^2 the mean square of the f_i's smoothness, noise sigma^2; either M = n with one
    message of every worker in each step, or all f_i are equal. Algorithm: each step of the server averages M messages
    c_i = C_up(g_i(x^s) + e_i), at most tau steps old, in the order in which each worker sent them; the rest is
    DoubleSqueeze. The delays are independent of the samples.

    Guarantee: with the absolute errors eps_u, eps_d of the two compressors,
    ||e + (1/M) sum_{i<=n} e_i||^2 <= eps^2, eps = (n/M) eps_u + eps_d, and gamma L + 4 gamma^2 L_tilde^2 tau^2 <= 1
    gives (1/T) sum_{t<T} E||grad f(x^t)||^2
        <= 4 Delta/(gamma T) + (2 L^2 + 4 L_tilde^2) gamma^2 eps^2 + (2 L gamma + 8 L_tilde^2 gamma^2 tau) sigma^2/M:
    staleness costs a term of second order, the leading ones are those of the synchronous method.

    Source: the paper states asynchrony without a theorem of its own. Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import AbsoluteError, Constants, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=1.0, gap0=1.0, sigma_sq=0.0, zeta_sq=0.0, tau=0.0)
    >>> ask, half = theorem("doublesqueeze.asynchronous").guarantee, AbsoluteError(0.5)
    >>> ask(known, up=half, down=half).parameters, ask(known, up=half, down=half, M=2).analysis
    ({'gamma': 1.0, 'M': 4.0}, {'eps': 1.5})
    >>> ask(Constants(n=4, L=1.0, L_tilde=1.0, tau=3.0), M=2).reason
    'M = 2 messages per step come from only some of the 4 workers, so that all of them must sample the same f; \
give M = 4, or Constants(zeta_sq=0) if they do'
    """

    name = "doublesqueeze.asynchronous"
    probe = Probe(constants={"zeta_sq": 0.0, "zeta_star_sq": 0.0}, fixed={"M": 3})
    title = "Asynchronous DoubleSqueeze, bounded errors"
    source = f"own proof, for the method of {PAPER}"
    provenance = "ours"
    method = "doublesqueeze-async"
    requires = ("n", "L", "L_tilde", "tau")
    bound_requires = ("gap0", "sigma_sq")
    uplink = AbsoluteError
    downlink = AbsoluteError
    parameters = ("gamma", "M")
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        NOISE,
        ANY_MESSAGES,
        DELAYS,
        FREE_DELAYS,
        FRESH_COINS,
        IN_ORDER,
        USED_ONCE,
        ZERO_ERRORS,
    )
    setting = r"$M$ messages make a step."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{2}{L+\sqrt{L^2+16\tilde L^2\tau^2}}"),
        (r"\varepsilon_M", r"\frac{n}{M}\varepsilon_u + \varepsilon_d"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{4\Delta}{\gamma T} + (2L^2 + 4\tilde L^2)\gamma^2\varepsilon_M^2 "
        r"+ (2L\gamma + 8\tilde L^2\gamma^2\tau)\frac{\sigma^2}{M}"
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        choose_messages(request, choose, self.messages)
        high = 2 / (c.L + math.hypot(c.L, 4 * c.L_tilde * c.tau))
        choose("gamma", Interval(0.0, high, "gamma L + 4 gamma^2 L_tilde^2 tau^2 <= 1"), high)

    def average(self, request: Request, p: Point) -> Average:
        c, M = request.c, p["M"]
        lost = (2 * c.L**2 + 4 * c.L_tilde**2) * self._error(request, p) ** 2
        stale = 8 * c.L_tilde**2 * c.tau * c.sigma_sq / M
        return Average(start=4 * c.gap0, noise=2 * c.L * c.sigma_sq / M, drift=lost + stale)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return speedup_from_messages(super().rate(request, p, curve), request, p)

    def details(self, request: Request, p: Point) -> Point:
        return {"eps": self._error(request, p)}

    @staticmethod
    def _error(request: Request, p: Point) -> float:
        """Bound on the root mean square of e + (1/M) sum e_i."""
        return request.c.n / p["M"] * request.up.eps + request.down.eps
