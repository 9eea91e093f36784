"""Delays: gradients that were computed at older models. Asynchronous SGD and incremental aggregated gradients.

A server that does not wait steps with gradients of models x^s, s <= t, of age t - s. The age is bounded by tau.

    delayed SGD      x <- x - gamma (1/M) sum of the M messages g_i(x^s) that have arrived
    delay-adaptive   the same with M = 1 and the step gamma n/max(n, age)
    IAG              the server stores the last report of every worker, x <- x - gamma (1/n) sum_i grad f_i(x^{s_i})
    PIAG             the same with a proximal step

All delays are independent of the samples: which message arrives when does not depend on what the gradients are.

IAG: Blatt, Hero, Gauchman 2007. PIAG: Aytekin, Feyzmahdavian, Johansson 2016 (arXiv 1610.05507). Delayed SGD on
quadratics: Arjevani, Shamir, Srebro 2020 (arXiv 1806.10188). Delay-adaptive steps: Koloskova, Stich, Jaggi 2022 (arXiv
2206.08307); Mishchenko, Bach, Even, Woodworth 2022 (arXiv 2206.07638).
"""

from __future__ import annotations

import math
from dataclasses import replace

from ..bounds import Curve, Interval, NotCovered, Rate
from ..families import Average, AverageTheorem, LinearTheorem, OrderTheorem
from ..hypotheses import (
    ANY_MESSAGES,
    CONVEX_WORKERS,
    DELAYS,
    EQUAL_WORKERS,
    EXACT,
    FIRST_REPORTS,
    FREE_DELAYS,
    NOISE,
    ONE_AGE,
    POLYAK_LOJASIEWICZ,
    PROX,
    QUADRATIC,
    SMOOTH,
    SMOOTH_ON_AVERAGE,
    STORED,
    STRONGLY_CONVEX,
    USED_ONCE,
)
from ..probe import EULER, Probe
from ..theorem import SEARCHED, ParameterChoice, Point, Request, register

QUADRATICS = "Arjevani, Shamir, Srebro 2020 (arXiv 1806.10188)"


def choose_messages(request: Request, choose: ParameterChoice, messages: str) -> float:
    """Take M, the number of messages in a step."""
    n = request.c.n
    default = n if messages == "all" else 1.0
    M = choose("M", Interval(1.0, n, "1 <= M <= n", low_open=False), default)
    if math.floor(M) != M:
        raise NotCovered(f"M = {M:g} must be a whole number of messages")
    return M


def speedup_from_messages(rate: Rate, request: Request, p: Point) -> Rate:
    """The rate, without a speedup in n where the noise is averaged over fewer messages."""
    return rate if p["M"] == request.c.n else replace(rate, in_workers=0.0, speedup_until=None)


@register
class DelayedNonconvex(AverageTheorem):
    """Delayed SGD on a smooth nonconvex f.

    Problem: f is L-smooth, every message is a stochastic gradient of f itself (one worker, or workers with the same f)
    with noise sigma^2. Algorithm: x <- x - gamma (1/M) sum of M messages, each of age at most tau.

    Guarantee: gamma <= 1/(2 L max{1, tau}) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T) + 2 L gamma sigma^2/M.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, gap0=1.0, sigma_sq=1.0, zeta_sq=0.0, tau=5.0)
    >>> found = theorem("delayed-sgd.nonconvex").guarantee(known)
    >>> found.parameters, float(found.bound(200))
    ({'gamma': 0.1, 'M': 1.0}, 0.30000000000000004)
    >>> theorem("delayed-sgd.nonconvex").guarantee(Constants(n=4, L=1.0, zeta_sq=0.0)).reason
    'delayed-sgd.nonconvex needs tau; give Constants(tau=...)'
    """

    name = "delayed-sgd.nonconvex"
    probe = Probe(fixed={"M": 3})
    title = "Delayed SGD, nonconvex"
    source = "own proof"
    provenance = "ours"
    method = "delayed-sgd"
    messages = "one"
    requires = ("n", "L", "tau")
    bound_requires = ("gap0", "sigma_sq")
    parameters = ("gamma", "M")
    assumes = (
        EQUAL_WORKERS,
        SMOOTH,
        NOISE,
        DELAYS,
        FREE_DELAYS,
        USED_ONCE,
    )
    setting = r"$M$ messages make a step."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{2L\max\{1,\tau\}}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T} + \frac{2L\gamma\sigma^2}{M}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose_messages(request, choose, self.messages)
        high = 1 / (2 * request.c.L * max(1.0, request.c.tau))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(2 L max(1, tau))"), high)

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        return Average(start=2 * c.gap0, noise=2 * c.L * c.sigma_sq / p["M"])

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return speedup_from_messages(super().rate(request, p, curve), request, p)


class _ExactDelay(LinearTheorem):
    """Delayed SGD on quadratics where every message is exactly tau steps old."""

    source = QUADRATICS
    provenance = "published"
    method = "delayed-sgd"
    requires = ("n", "L", "mu", "tau")
    parameters = ("gamma", "M")
    conditions = r"0 < \gamma \le \gamma_{\max}"
    measures = (("", "gap"),)

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose_messages(request, choose, self.messages)
        high = 1 / (20 * request.c.L * (request.c.tau + 1))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(20 L (tau + 1))"), high)


@register
class DelayedQuadratic(_ExactDelay):
    """Delayed gradient descent on a strongly convex quadratic.

    Problem: the f_i are quadratic, f is L-smooth and mu-strongly convex. Algorithm: x <- x - gamma grad f(x^{t-tau}),
    x^s = x^0 for s < 0: every message is exactly tau steps old, and comes from every worker (M = n) or from M of
    workers with the same f.

    Guarantee: gamma <= 1/(20 L (tau + 1)) gives f(x^T) - f* <= 5 L (1 - gamma mu)^{2(T+1)} R_0^2.

    Source: Theorem 1 of the paper, there for T >= (tau + 1) ln(2(tau + 1)); a short proof of ours gives every T.
    Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=1, L=1.0, mu=0.5, dist0_sq=1.0, sigma_sq=0.0, tau=4.0, quadratic=True)
    >>> found = theorem("delayed-sgd.quadratic").guarantee(known)
    >>> found.parameters["gamma"], found.rounds_to(1e-6)
    (0.01, 1538)
    """

    name = "delayed-sgd.quadratic"
    title = "Delayed gradient descent on quadratics"
    bound_requires = ("dist0_sq",)
    assumes = (
        QUADRATIC,
        SMOOTH,
        STRONGLY_CONVEX,
        EXACT,
        ANY_MESSAGES,
        ONE_AGE,
    )
    definitions = ((r"\gamma_{\max}", r"\frac{1}{20L(\tau+1)}"), (r"\rho", r"(1-\gamma\mu)^2"))
    bound_latex = r"5L\rho^{t+1}R_0^2"

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        moved = p["gamma"] * request.c.mu
        return {"(1 - gamma mu)^2": moved * (2 - moved)}

    def start(self, request: Request, p: Point) -> float:
        return 5 * request.c.L * (1 - p["gamma"] * request.c.mu) ** 2 * request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        return 0.0


@register
class DelayedQuadraticNoise(_ExactDelay):
    """Delayed SGD on a strongly convex quadratic.

    As `DelayedQuadratic`, with noise of variance sigma^2 in every message.

    Guarantee: gamma <= 1/(20 L (tau + 1)) gives
    E f(x^T) - f* <= 5 L exp(-2 gamma mu (T+1)) R_0^2
        + (gamma^2 sigma^2/(2M)) (L (tau+1) ln(2(tau+1)) + (1 + e + ln(1/(gamma mu)))/(e gamma)).

    Source: Theorem 2 of the paper, there for T >= (tau + 1) ln(2(tau + 1)) and a single stream of messages (M = 1); a
    short proof of ours gives every T, and M messages of one age average to one of variance sigma^2/M. Provenance:
    published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=1, L=1.0, mu=0.5, dist0_sq=1.0, sigma_sq=1.0, tau=4.0, quadratic=True)
    >>> found = theorem("delayed-sgd.quadratic-noise").guarantee(known)
    >>> round(found.rate.floor, 6)
    0.017161
    """

    name = "delayed-sgd.quadratic-noise"
    probe = Probe(symbols=EULER)
    title = "Delayed SGD on quadratics"
    bound_requires = ("dist0_sq", "sigma_sq")
    assumes = (
        QUADRATIC,
        SMOOTH,
        STRONGLY_CONVEX,
        NOISE,
        ANY_MESSAGES,
        ONE_AGE,
        FREE_DELAYS,
        USED_ONCE,
    )
    setting = r"$M$ messages make a step."
    definitions = ((r"\gamma_{\max}", r"\frac{1}{20L(\tau+1)}"), (r"\rho", r"e^{-2\gamma\mu}"))
    bound_latex = (
        r"5L\rho^{t+1}R_0^2 + \frac{\gamma^2\sigma^2}{2M}(L(\tau+1)\ln(2(\tau+1)) "
        r"+ \frac{1+e-\ln(\gamma\mu)}{e\gamma})"
    )

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"exp(-2 gamma mu)": -math.expm1(-2 * p["gamma"] * request.c.mu)}

    def start(self, request: Request, p: Point) -> float:
        return 5 * request.c.L * math.exp(-2 * p["gamma"] * request.c.mu) * request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        c, gamma = request.c, p["gamma"]
        late = c.L * (c.tau + 1) * math.log(2 * (c.tau + 1))
        usual = (1 + math.e - math.log(gamma * c.mu)) / (math.e * gamma)
        return gamma**2 * c.sigma_sq / (2 * p["M"]) * (late + usual)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return speedup_from_messages(super().rate(request, p, curve), request, p)


@register
class DelayedQuadraticVarying(LinearTheorem):
    """Delayed SGD on a strongly convex quadratic, any delays up to tau.

    Problem: f is quadratic, L-smooth and mu-strongly convex, every message a stochastic gradient of f itself with noise
    sigma^2. Algorithm: x <- x - gamma (1/M) sum of M messages, each of an age of its own, at most tau.

    Guarantee: gamma <= tau^tau/((tau+1)^{tau+1} L), about 1/(e L (tau + 1/2)), gives
    E f(x^T) - f* <= (1 - gamma mu)^{2T} Delta + (gamma sigma^2/(2M)) (1/(2 - gamma L) + gamma L tau).
    The step is the largest for which delay tau lets no coordinate overshoot. tau = 0 is SGD.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=1, L=1.0, mu=0.5, gap0=0.5, sigma_sq=0.0, tau=4.0, quadratic=True)
    >>> found = theorem("delayed-sgd.quadratic-varying").guarantee(known)
    >>> round(found.parameters["gamma"], 5), found.rounds_to(1e-6)
    (0.08192, 157)
    """

    name = "delayed-sgd.quadratic-varying"
    probe = Probe(fixed={"M": 3})
    title = "Delayed SGD on quadratics, varying delays"
    source = "own proof"
    provenance = "ours"
    method = "delayed-sgd"
    requires = ("n", "L", "mu", "tau")
    bound_requires = ("gap0", "sigma_sq")
    parameters = ("gamma", "M")
    assumes = (
        EQUAL_WORKERS,
        QUADRATIC,
        SMOOTH,
        STRONGLY_CONVEX,
        NOISE,
        DELAYS,
        FREE_DELAYS,
        USED_ONCE,
    )
    setting = r"$M$ messages make a step."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{\tau^\tau}{(\tau+1)^{\tau+1}L}"),
        (r"\rho", r"(1-\gamma\mu)^2"),
    )
    measures = (("", "gap"),)
    bound_latex = r"\rho^t\Delta + \frac{\gamma\sigma^2}{2M}(\frac{1}{2-\gamma L} + \gamma L\tau)"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose_messages(request, choose, self.messages)
        L, tau = request.c.L, request.c.tau
        high = math.exp(-tau * math.log1p(1 / tau)) / ((tau + 1) * L) if tau > 0 else 1 / L
        choose("gamma", Interval(0.0, high, "0 < gamma <= tau^tau/((tau + 1)^(tau + 1) L)"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        moved = p["gamma"] * request.c.mu
        return {"(1 - gamma mu)^2": moved * (2 - moved)}

    def start(self, request: Request, p: Point) -> float:
        return request.c.gap0

    def floor(self, request: Request, p: Point) -> float:
        c, gamma = request.c, p["gamma"]
        return gamma * c.sigma_sq / (2 * p["M"]) * (1 / (2 - gamma * c.L) + gamma * c.L * c.tau)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return speedup_from_messages(super().rate(request, p, curve), request, p)


@register
class AggregatedNonconvex(AverageTheorem):
    """Incremental aggregated gradients on a smooth nonconvex f.

    Problem: f is L-smooth, L_tilde^2 the mean square of the f_i's smoothness; exact gradients. Algorithm: the server
    stores the last report grad f_i(x^{s_i}) of every worker, t - s_i <= tau at use; x <- x - gamma (1/n) sum of them.

    Guarantee: gamma L + gamma^2 L_tilde^2 tau^2 <= 1 gives
    (1/T) sum_{t<T} ||grad f(x^t)||^2 <= 2 Delta/(gamma T).

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=1.0, gap0=1.0, sigma_sq=0.0, tau=0.0)
    >>> found = theorem("iag.nonconvex").guarantee(known)
    >>> found.parameters, float(found.bound(4))
    ({'gamma': 1.0}, 0.5)
    """

    name = "iag.nonconvex"
    title = "Incremental aggregated gradients, nonconvex"
    source = "own proof, for the method of Blatt, Hero, Gauchman 2007"
    provenance = "ours"
    method = "iag"
    requires = ("n", "L", "L_tilde", "tau")
    bound_requires = ("gap0",)
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        EXACT,
        STORED,
        FIRST_REPORTS,
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{2}{L+\sqrt{L^2+4\tilde L^2\tau^2}}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        high = 2 / (c.L + math.hypot(c.L, 2 * c.L_tilde * c.tau))
        choose("gamma", Interval(0.0, high, "gamma L + gamma^2 L_tilde^2 tau^2 <= 1"), high)

    def average(self, request: Request, p: Point) -> Average:
        return Average(start=2 * request.c.gap0, noise=0.0)


@register
class AggregatedPL(LinearTheorem):
    """Incremental aggregated gradients under the Polyak-Lojasiewicz inequality.

    As `AggregatedNonconvex`, and ||grad f||^2 >= 2 mu_PL (f - f*).

    Guarantee: gamma <= min{1/(L + sqrt(2) L_tilde tau), 1/(2 mu_PL tau)} gives
    f(x^T) - f* <= (1 - gamma mu_PL)^T Delta.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=2.0, pl=0.1, gap0=1.0, sigma_sq=0.0, tau=3.0)
    >>> found = theorem("iag.pl").guarantee(known)
    >>> round(found.parameters["gamma"], 4), found.rounds_to(1e-3)
    (0.1054, 652)
    """

    name = "iag.pl"
    title = "Incremental aggregated gradients, PL"
    source = "own proof, for the method of Blatt, Hero, Gauchman 2007"
    provenance = "ours"
    method = "iag"
    requires = ("n", "L", "L_tilde", "pl", "tau")
    bound_requires = ("gap0",)
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        POLYAK_LOJASIEWICZ,
        EXACT,
        STORED,
        FIRST_REPORTS,
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\min\{\frac{1}{L+\sqrt{2}\tilde L\tau},\frac{1}{2\mu_{PL}\tau}\}"),
        (r"\rho", r"1-\gamma\mu_{PL}"),
    )
    measures = (("", "gap"),)
    bound_latex = r"\rho^t\Delta"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        high, text = 1 / (c.L + math.sqrt(2) * c.L_tilde * c.tau), "0 < gamma <= 1/(L + sqrt(2) L_tilde tau)"
        if 2 * c.pl * c.tau * high > 1:
            high, text = 1 / (2 * c.pl * c.tau), "0 < gamma <= 1/(2 pl tau)"
        choose("gamma", Interval(0.0, high, text), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma pl": p["gamma"] * request.c.pl}

    def start(self, request: Request, p: Point) -> float:
        return request.c.gap0

    def floor(self, request: Request, p: Point) -> float:
        return 0.0


@register
class ProximalAggregated(LinearTheorem):
    """Proximal incremental aggregated gradients.

    Problem: min f(x) + R(x), f_i convex and L_i-smooth, f mu-strongly convex, R closed convex; L_tilde^2 = mean of
    L_i^2 stands for the mean of the L_i, which is not above it. Algorithm: the server stores the last report of every
    worker, at most tau steps old at use; x <- prox_{gamma R}(x - gamma (1/n) sum of them).

    Guarantee: gamma <= ((1 + mu/(L_tilde (tau+1)))^{1/(tau+1)} - 1)/mu gives
    ||x^T - x*||^2 <= (1 + gamma mu)^{-T} R_0^2.

    Source: the main theorem of the paper, constants re-derived; its sum form (step gamma/n, F = sum_i f_i) is
    converted. Provenance: restated.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L_tilde=1.0, mu=0.1, mu_min=0.0, dist0_sq=1.0, sigma_sq=0.0, tau=3.0)
    >>> found = theorem("piag.strongly-convex").guarantee(known)
    >>> round(found.parameters["gamma"], 4), found.rounds_to(1e-3)
    (0.0619, 1119)
    """

    name = "piag.strongly-convex"
    title = "Proximal incremental aggregated gradients, strongly convex"
    source = (
        "Aytekin, Feyzmahdavian, Johansson 2016 (arXiv 1610.05507), main theorem, constants re-derived in our proof"
    )
    provenance = "restated"
    method = "piag"
    requires = ("n", "L_tilde", "mu", "tau")
    bound_requires = ("dist0_sq",)
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_ON_AVERAGE,
        STRONGLY_CONVEX,
        PROX,
        EXACT,
        STORED,
        FIRST_REPORTS,
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{(1+\frac{\mu}{\tilde L(\tau+1)})^{\frac{1}{\tau+1}}-1}{\mu}"),
        (r"\rho", r"\frac{1}{1+\gamma\mu}"),
    )
    measures = (("", "dist_sq"),)
    bound_latex = r"\rho^t R_0^2"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        high = math.expm1(math.log1p(c.mu / (c.L_tilde * (c.tau + 1))) / (c.tau + 1)) / c.mu
        text = "0 < gamma <= ((1 + mu/(L_tilde (tau + 1)))^(1/(tau + 1)) - 1)/mu"
        choose("gamma", Interval(0.0, high, text), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        moved = p["gamma"] * request.c.mu
        return {"1/(1 + gamma mu)": moved / (1 + moved)}

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        return 0.0


@register
class DelayAdaptive(OrderTheorem):
    """Asynchronous SGD whose step shrinks with the age of the message: no bound on the delays.

    Problem: f is L-smooth, every worker samples the same f, noise sigma^2. Algorithm: every message makes a step,
    x <- x - gamma (n/max{n, age}) g(x^s).

    Order: gamma = min{1/(4 L n), sqrt(Delta/(L sigma^2 T))} gives
    O(sqrt(L Delta sigma^2/T) + n L Delta/T): the number n of workers in place of the largest delay.

    Provenance: order (published; the constant in the step is a choice of ours).

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=5, L=1.0, gap0=4.0, sigma_sq=1.0, zeta_sq=0.0)
    >>> found = theorem("delay-adaptive.nonconvex").guarantee(known, rounds=40000)
    >>> found.parameters, found.rate.in_rounds
    ({'gamma': 0.01}, (-1.0, -0.5))
    """

    name = "delay-adaptive.nonconvex"
    title = "Delay-adaptive asynchronous SGD, nonconvex"
    source = (
        "Mishchenko, Bach, Even, Woodworth 2022 (arXiv 2206.07638); Koloskova, Stich, Jaggi 2022 (arXiv 2206.08307)"
    )
    method = "delay-adaptive"
    requires = ("n", "L", "gap0", "sigma_sq")
    assumes = (
        EQUAL_WORKERS,
        SMOOTH,
        NOISE,
        FREE_DELAYS,
        USED_ONCE,
    )
    setting = r"The delays need no bound."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{4Ln}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"O(\sqrt{\frac{L\Delta\sigma^2}{T}} + \frac{nL\Delta}{T})"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        high = 1 / (4 * c.L * c.n)
        tuned = high
        if request.rounds is not None and c.sigma_sq > 0:
            # x^0 minimal: the rule gives 0, which is no step; then the smallest one that other theorems search to
            tuned = min(high, max(math.sqrt(c.gap0 / (c.L * c.sigma_sq * request.rounds)), high * math.exp(-SEARCHED)))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(4 L n)"), tuned)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        if request.c.sigma_sq == 0:
            return Rate("power", "1/T", in_rounds=(-1.0, -1.0))
        return Rate("power", "1/T, then 1/sqrt(T); no speedup in n per step", in_rounds=(-1.0, -0.5))
