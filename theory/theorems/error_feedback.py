"""Error feedback (EF-SGD, MEM-SGD): what the compressor drops is kept and sent later.

    worker i :  c_i = C(e_i + gamma_t g_i) ;  e_i <- e_i + gamma_t g_i - c_i
    everyone :  x <- x - avg c_i

The memory is in units of the model: it holds steps, so that a step size that changes with t multiplies the gradient
before it enters, and never the memory. MEM-SGD is the method with decreasing steps, gamma_t = gamma/(a + t).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bounds import Curve, FunctionCurve, Interval, Rate, Weights
from ..compressors import Contractive
from ..families import Average, AverageTheorem, OrderTheorem
from ..hypotheses import (
    BOUNDED_GRADIENTS,
    CONVEX_WORKERS,
    DISSIMILARITY,
    FALLING_STEP,
    NOISE,
    ONE_WORKER,
    SAMPLED,
    SMOOTH,
    SMOOTH_WORKERS,
    STRONGLY_CONVEX,
    ZERO_ERRORS,
)
from ..probe import EULER, Probe, parameter
from ..theorem import ParameterChoice, Point, Request, Theorem, prescribe, register

MEM_SGD = "Stich, Cordonnier, Jaggi 2018 (arXiv 1809.07599)"


@register
class Nonconvex(AverageTheorem):
    """Distributed error feedback on a smooth nonconvex f, without bounded gradients.

    Problem: f is L-smooth with dissimilarity zeta^2. Algorithm: worker i sends c_i = C(e_i + gamma g_i) and
    keeps e_i <- e_i + gamma g_i - c_i; x <- x - avg c_i. C is contractive with constant delta.

    Guarantee: gamma <= delta/(4L) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2
        <= 4 Delta/(gamma T) + 2 L gamma sigma^2/n + 4 L^2 gamma^2 (1 - delta)(sigma^2/delta + 2
        zeta^2/delta^2).

    Provenance: ours, in the form of Stich, Karimireddy 2020 (arXiv 1909.05350).

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, dim=100, L=1.0, gap0=1.0, sigma_sq=0.0, zeta_sq=0.0)
    >>> found = theorem("error-feedback.nonconvex").guarantee(known, up="topk:k=10")
    >>> found.rounds_to(0.501), found.bits_per_round
    (320, 3590.0)
    >>> theorem("error-feedback.nonconvex").guarantee(known, up="topk:k=10", down="topk:k=10").reason
    'error-feedback.nonconvex has no downlink compression, and topk:k=10 compresses'
    """

    name = "error-feedback.nonconvex"
    title = "Distributed error feedback, nonconvex"
    source = "own proof; the form is that of Stich, Karimireddy 2020 (arXiv 1909.05350)"
    provenance = "ours"
    method = "error-feedback"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq", "zeta_sq")
    uplink = Contractive
    assumes = (
        SMOOTH,
        DISSIMILARITY,
        NOISE,
        ZERO_ERRORS,
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{\delta}{4L}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{4\Delta}{\gamma T} + \frac{2L\gamma\sigma^2}{n} "
        r"+ 4L^2\gamma^2(1-\delta)(\frac{\sigma^2}{\delta} + \frac{2\zeta^2}{\delta^2})"
    )

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.delta < 1 else ("gap0", "sigma_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        high = request.up.delta / (4 * request.c.L)
        choose("gamma", Interval(0.0, high, "0 < gamma <= delta/(4 L)"), high)

    def average(self, request: Request, p: Point) -> Average:
        c, delta = request.c, request.up.delta
        kept = (1 - delta) * (c.sigma_sq / delta + 2 * c.zeta_sq / delta**2) if delta < 1 else 0.0
        return Average(start=4 * c.gap0, noise=2 * c.L * c.sigma_sq / c.n, drift=4 * c.L**2 * kept)


@register
class NonconvexBounded(AverageTheorem):
    """Distributed error feedback on a smooth nonconvex f with bounded gradients, any step.

    Problem: f is L-smooth, E||g_i||^2 <= G^2. Algorithm: see the module, at a constant step.

    Guarantee: E||avg e_i||^2 <= 4(1 - delta) gamma^2 G^2/delta^2 and
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T) + gamma L G^2 + 4 gamma^2 L^2 G^2 (1 - delta)/delta^2.

    Source: the form of Karimireddy, Rebjock, Stich, Jaggi 2019 (arXiv 1901.09847), theirs with the minimum over t <= T
    and one worker; the constants re-derived. Provenance: restated.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, gap0=1.0, G=1.0)
    >>> float(theorem("error-feedback.nonconvex-bounded").guarantee(known, Contractive(0.5), gamma=0.5).bound(8))
    3.0
    """

    name = "error-feedback.nonconvex-bounded"
    title = "Distributed error feedback, nonconvex, bounded gradients"
    source = "Karimireddy, Rebjock, Stich, Jaggi 2019 (arXiv 1901.09847), Theorem II; the constants re-derived"
    provenance = "restated"
    method = "error-feedback"
    requires = ("n", "L")
    bound_requires = ("gap0", "G")
    uplink = Contractive
    assumes = (
        SMOOTH,
        BOUNDED_GRADIENTS,
        SAMPLED,
        ZERO_ERRORS,
    )
    conditions = r"0 < \gamma"
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T} + \gamma LG^2 + \frac{4\gamma^2L^2G^2(1-\delta)}{\delta^2}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose("gamma", Interval(0.0, math.inf, "gamma > 0"), self._largest(request))

    @staticmethod
    def _largest(request: Request) -> float:
        """The step from which downwards the best one for T or eps is searched: 1/L, or the best one for T = 1."""
        c = request.constants
        assert c.L is not None
        if (request.rounds is None and request.eps is None) or not c.gap0 or not c.G:
            return 1 / c.L
        return max(1 / c.L, math.sqrt(2 * c.gap0 / c.L) / c.G)

    def average(self, request: Request, p: Point) -> Average:
        c, delta = request.c, request.up.delta
        return Average(2 * c.gap0, noise=c.L * c.G**2, drift=4 * c.L**2 * c.G**2 * (1 - delta) / delta**2)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        text = "1/T, then 1/sqrt(T), with the step tuned for T; the bound does not see the number of workers"
        return Rate("power", text, in_rounds=(-1.0, -0.5))


def shift_limit(delta: float, alpha: float) -> float:
    """The smallest shift a of MEM-SGD's steps gamma/(a + t): ((alpha + 1)/delta + rho)/(rho + 1)."""
    rho = 4 * alpha / ((alpha - 4) * (alpha + 1) ** 2)
    return ((alpha + 1) / delta + rho) / (rho + 1)


def memory_factor(alpha: float) -> float:
    """4 alpha/(alpha - 4), the constant before gamma_t^2 G^2/delta^2 in the bound of the memory."""
    return 4 * alpha / (alpha - 4)


_SHIFT = (
    ("r", r"\frac{4\alpha}{(\alpha-4)(\alpha+1)^2}"),
    (r"a_{\min}", r"\frac{\frac{\alpha+1}{\delta} + r}{r + 1}"),
)


def _settle_shift(request: Request, choose: ParameterChoice) -> None:
    """Take alpha, of the proof, and the shift a that it allows."""
    alpha = choose("alpha", Interval(4.0, math.inf, "alpha > 4"), 5.0)
    low = shift_limit(request.up.delta, alpha)
    text = "((alpha + 1)/delta + rho)/(rho + 1) <= a, rho = 4 alpha/((alpha - 4)(alpha + 1)^2)"
    choose("a", Interval(low, math.inf, text, low_open=False), low)


@register
class StronglyConvex(Theorem):
    """MEM-SGD on a strongly convex f: decreasing steps and a weighted average of the iterates.

    Problem: one worker, f is L-smooth and mu-strongly convex, E||g||^2 <= G^2 at every x met. Algorithm: see the
    module, with gamma_t = gamma/(a + t); the average xbar has weights (a + t)^2, t = 0, ..., T - 1.

    Guarantee: gamma = 8/mu, alpha > 4, rho = 4 alpha/((alpha - 4)(alpha + 1)^2) and
    a >= ((alpha + 1)/delta + rho)/(rho + 1) give, with S_T = sum (a + t)^2 >= T^3/3,
    E f(xbar^T) - f* <= 4 T (T + 2a) G^2/(mu S_T) + mu a^3 R_0^2/(8 S_T)
        + (64 T (1 + 2L/mu)/(mu S_T)) (4 alpha/(alpha - 4)) G^2/delta^2.

    Compression is seen in the last term only, which falls like 1/T^2. Source: Theorem 2.4 of Stich, Cordonnier, Jaggi
    2018 (arXiv 1809.07599). Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=1, L=1.0, mu=0.5, dist0_sq=1.0, G=1.0)
    >>> found = theorem("error-feedback.strongly-convex").guarantee(known, Contractive(0.5))
    >>> found.parameters["gamma"], round(found.parameters["a"], 4), found.analysis["alpha"]
    (16.0, 8.0714, 5.0)
    >>> round(10**6 * float(found.bound(10**6)), 2)  # the leading term is 12 G^2/(mu T)
    24.15
    """

    name = "error-feedback.strongly-convex"
    probe = Probe(fixed={"alpha": 6.0, "a": 100.0}, symbols={r"\alpha": parameter("alpha")})
    title = "MEM-SGD, strongly convex"
    source = f"{MEM_SGD}, Theorem 2.4"
    provenance = "published"
    method = "mem-sgd"
    requires = ("L", "mu")
    bound_requires = ("G", "dist0_sq")
    uplink = Contractive
    parameters = ("gamma", "a")
    analysis = ("alpha",)
    assumes = (
        ONE_WORKER,
        SMOOTH,
        STRONGLY_CONVEX,
        BOUNDED_GRADIENTS,
        SAMPLED,
        FALLING_STEP,
        ZERO_ERRORS,
    )
    setting = r"Let $\bar x^t$ be the average of the iterates before $x^t$ with weights $(a+t)^2$."
    conditions = r"\gamma = \gamma_\mu,\ \alpha > 4,\ a \ge a_{\min}"
    definitions = (
        (r"\gamma_\mu", r"\frac{8}{\mu}"),
        *_SHIFT,
        ("S_T", r"\frac{T}{6}(2T^2 + 6aT - 3T + 6a^2 - 6a + 1)"),
    )
    measures = (("", "gap_avg"),)
    bound_latex = (
        r"\frac{4T(T+2a)G^2}{\mu S_T} + \frac{\mu a^3R_0^2}{8S_T} "
        r"+ \frac{64T(1+\frac{2L}{\mu})}{\mu S_T}\frac{4\alpha}{\alpha-4}\frac{G^2}{\delta^2}"
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        _settle_shift(request, choose)
        prescribe(self, choose, {"gamma": (8 / request.c.mu, "8/mu")})

    def curve(self, request: Request, p: Point) -> FunctionCurve:
        c, a, delta = request.c, p["a"], request.up.delta
        memory = 64 * (1 + 2 * c.L / c.mu) * memory_factor(p["alpha"]) * c.G**2 / (c.mu * delta**2)

        def bound(T: NDArray[np.float64]) -> NDArray[np.float64]:
            mean = (2 * T**2 + 6 * a * T - 3 * T + 6 * a**2 - 6 * a + 1) / 6  # S_T/T
            first = 4 * (T + 2 * a) * c.G**2 / c.mu
            start: Any = c.mu * a**3 * c.dist0_sq / (8 * T)
            return np.asarray((first + start + memory) / mean)

        return FunctionCurve(bound, 0.0)

    def weights(self, request: Request, p: Point) -> Weights:
        return ("polynomial", p["a"], 2.0)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return Rate("power", "1/T for large T; faster before, while start and memory count", in_rounds=(-3.0, -1.0))

    def active(self, request: Request, p: Point) -> str:
        return f"a is at least {shift_limit(request.up.delta, p['alpha']):.4g}, which grows like (alpha + 1)/delta"


@register
class Memory(Theorem):
    """The memory of MEM-SGD falls with the square of the step.

    Problem: E||g_i||^2 <= G^2 at every x met; nothing else is assumed of f. Algorithm: see the module, with
    gamma_t = gamma/(a + t).

    Guarantee: alpha > 4 and a as in `StronglyConvex` give, at every t,
    (1/n) sum E||e_i^t||^2 <= (gamma/(a + t))^2 (4 alpha/(alpha - 4)) G^2/delta^2.

    Source: Lemma 3.2 of Stich, Cordonnier, Jaggi 2018 (arXiv 1809.07599), there with gamma = 8/mu and one worker; the
    proof uses only the ratios of the steps and treats every worker alone. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, G=2.0)
    >>> found = theorem("error-feedback.memory").guarantee(known, Contractive(0.5), gamma=1.0, a=90.0)
    >>> float(found.bound(10))
    0.032
    """

    name = "error-feedback.memory"
    probe = Probe(fixed={"alpha": 6.0, "a": 100.0, "gamma": 0.3}, symbols={r"\alpha": parameter("alpha")})
    title = "The memory of MEM-SGD"
    source = f"{MEM_SGD}, Lemma 3.2"
    provenance = "published"
    method = "mem-sgd"
    requires = ("n", "G")
    bound_requires = ()
    uplink = Contractive
    parameters = ("gamma", "a")
    analysis = ("alpha",)
    assumes = (
        BOUNDED_GRADIENTS,
        FALLING_STEP,
        ZERO_ERRORS,
    )
    conditions = r"0 < \gamma,\ \alpha > 4,\ a \ge a_{\min}"
    definitions = _SHIFT
    measures = (("", "worker_error_sq"),)
    bound_latex = r"(\frac{\gamma}{a+T})^2\frac{4\alpha}{\alpha-4}\frac{G^2}{\delta^2}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        _settle_shift(request, choose)
        mu = request.constants.mu
        choose("gamma", Interval(0.0, math.inf, "gamma > 0"), 8 / mu if mu else 1.0)

    def curve(self, request: Request, p: Point) -> FunctionCurve:
        gamma, a = p["gamma"], p["a"]
        factor = memory_factor(p["alpha"]) * (request.c.G / request.up.delta) ** 2
        return FunctionCurve(lambda T: factor * (gamma / (a + T)) ** 2, 0.0)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return Rate("power", "1/T^2 for T above a, as the square of the step", in_rounds=(-2.0, -2.0))

    def active(self, request: Request, p: Point) -> str:
        return f"a is at least {shift_limit(request.up.delta, p['alpha']):.4g}, which grows like (alpha + 1)/delta"

    def _score(self, request: Request) -> None:  # the bound is smallest for no step at all
        return None


@register
class StronglyConvexOrder(OrderTheorem):
    """Distributed error feedback on strongly convex f_i, heterogeneous, without bounded gradients.

    Problem: every f_i is L_max-smooth and convex, f is mu-strongly convex. Algorithm: see the module.

    Guarantee: gamma <= delta/(28 L_max), weights (1 - mu gamma/2)^-(t+1) on x^0, ..., x^{T-1}: up to logarithms,
    E f(xbar) - f* is of the order of an exponential exp(-mu gamma T/2) plus (sigma^2 + zeta_*^2/delta)/(mu T) with the
    step tuned for T; it converges linearly iff noise and zeta_*^2 vanish. No speedup in n is stated.

    Source: Beznosikov, Horvath, Richtarik, Safaryan 2020 (arXiv 2002.12410), Theorem 21. Provenance: order; the step
    rule for T is ours, gamma = min{delta/(28 L_max), 2 ln(T)/(mu T)}.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L_max=1.0, mu=1.0, sigma_sq=1.0, zeta_star_sq=1.0)
    >>> found = theorem("error-feedback.strongly-convex-order").guarantee(known, Contractive(0.28))
    >>> round(found.parameters["gamma"], 12), found.needs
    (0.01, 'error-feedback.strongly-convex-order states an order only: it has a slope, but no bound')
    """

    name = "error-feedback.strongly-convex-order"
    probe = Probe(symbols=EULER)
    title = "Distributed error feedback, strongly convex"
    source = "Beznosikov, Horvath, Richtarik, Safaryan 2020 (arXiv 2002.12410), Theorem 21; the step rule for T is ours"
    method = "error-feedback"
    requires = ("n", "L_max", "mu")
    uplink = Contractive
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        STRONGLY_CONVEX,
        NOISE,
        ZERO_ERRORS,
    )
    setting = r"Let $\bar x^t$ be the average of the iterates before $x^t$ with weights $(1-\mu\gamma/2)^{-(t+1)}$."
    conditions = r"0 < \gamma \le \frac{\delta}{28L_{\max}}"
    measures = (("", "gap_avg"),)
    bound_latex = (
        r"O(\frac{L_{\max}R_0^2}{\delta}e^{-\frac{\delta\mu T}{L_{\max}}} "
        r"+ \frac{\sigma^2}{\mu T} + \frac{\zeta_\star^2}{\delta\mu T})"
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, high = request.c, request.up.delta / (28 * request.c.L_max)
        T = request.rounds
        step = min(high, 2 * math.log(T) / (c.mu * T)) if T is not None and T > 1 else high
        choose("gamma", Interval(0.0, high, "0 < gamma <= delta/(28 L_max)"), step)

    def weights(self, request: Request, p: Point) -> Weights:
        return ("geometric", 1 - request.c.mu * p["gamma"] / 2)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return Rate("power", "log(T)/T once the noise dominates", in_rounds=(-1.0, -1.0))
