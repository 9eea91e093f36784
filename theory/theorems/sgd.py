"""Parallel SGD, x <- x - gamma avg g_i, without compression: the yardstick of every other theorem."""

from __future__ import annotations

import math

from ..bounds import Curve, FunctionCurve, Interval, Rate
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import (
    CONVEX,
    CONVEX_SAMPLES,
    CONVEX_WORKERS,
    NOISE,
    NOISE_AT_OPTIMUM,
    POLYAK_LOJASIEWICZ,
    SMOOTH,
    SMOOTH_SAMPLES,
    STRONGLY_CONVEX,
)
from ..theorem import ParameterChoice, Point, Request, Theorem, register

SOURCE = "the descent lemma; see Bottou, Curtis, Nocedal 2018 (arXiv 1606.04838), sections 4.2 and 4.3"


@register
class Nonconvex(AverageTheorem):
    """Parallel SGD on a smooth nonconvex f.

    Problem: f is L-smooth. Algorithm: x <- x - gamma avg g_i, with independent unbiased g_i of variance
    sigma^2.

    Guarantee: gamma <= 1/L gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T) + gamma L sigma^2/n.
    Tuned for T, there is linear speedup once T >= n L Delta/sigma^2 (up to a constant).

    Provenance: published (standard).

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=2.0, gap0=3.0, sigma_sq=8.0)
    >>> found = theorem("sgd.nonconvex").guarantee(known)
    >>> found.parameters, float(found.bound(6))
    ({'gamma': 0.5}, 4.0)
    >>> theorem("sgd.nonconvex").guarantee(Constants(n=4)).reason
    'sgd.nonconvex needs L; give Constants(L=...)'
    """

    name = "sgd.nonconvex"
    title = "Parallel SGD, nonconvex"
    source = SOURCE
    provenance = "published"
    method = "sgd"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq")
    assumes = (
        SMOOTH,
        NOISE,
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T} + \frac{\gamma L\sigma^2}{n}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose("gamma", Interval(0.0, 1 / request.c.L, "0 < gamma <= 1/L"), 1 / request.c.L)

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        return Average(start=2 * c.gap0, noise=c.L * c.sigma_sq / c.n)


@register
class Convex(AverageTheorem):
    """Parallel SGD on a smooth convex f.

    Problem: f is convex and L-smooth (mu = 0 says that it is convex). Algorithm: x <- x - gamma avg g_i.

    Guarantee: gamma <= 1/(2L) gives
    (1/T) sum_{t<T} E[f(x^t) - f*] <= R_0^2/(gamma T) + gamma sigma^2/n.
    (The same proof gives half of the bound, up to gamma = 1/L.)

    Provenance: published (standard).

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=2.0, mu=0.0, dist0_sq=1.0, sigma_sq=8.0)
    >>> found = theorem("sgd.convex").guarantee(known)
    >>> found.parameters, float(found.bound(4))
    ({'gamma': 0.25}, 1.5)
    """

    name = "sgd.convex"
    title = "Parallel SGD, convex"
    source = SOURCE
    provenance = "published"
    method = "sgd"
    requires = ("n", "L", "mu")
    bound_requires = ("dist0_sq", "sigma_sq")
    assumes = (
        CONVEX,
        SMOOTH,
        NOISE,
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{2L}"),)
    measures = (("", "gap_mean"),)
    bound_latex = r"\frac{R_0^2}{\gamma T} + \frac{\gamma\sigma^2}{n}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose("gamma", Interval(0.0, 1 / (2 * request.c.L), "0 < gamma <= 1/(2 L)"), 1 / (2 * request.c.L))

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        return Average(start=c.dist0_sq, noise=c.sigma_sq / c.n)


class _FunctionValue(LinearTheorem):
    """f(x^T) - f* under a Polyak-Lojasiewicz inequality; the curvature is called mu or pl."""

    curvature: str
    source = "Karimi, Nutini, Schmidt 2016 (arXiv 1608.04636), Theorem 4; the floor as the proof gives it"
    provenance = "published"
    method = "sgd"
    bound_requires = ("gap0", "sigma_sq")
    conditions = r"0 < \gamma \le \gamma_{\max}"
    measures = (("", "gap"),)

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose("gamma", Interval(0.0, 1 / request.c.L, "0 < gamma <= 1/L"), 1 / request.c.L)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {f"1 - gamma {self.curvature}": p["gamma"] * getattr(request.c, self.curvature)}

    def start(self, request: Request, p: Point) -> float:
        return request.c.gap0

    def floor(self, request: Request, p: Point) -> float:
        c = request.c
        return p["gamma"] * c.L * c.sigma_sq / (2 * c.n * getattr(c, self.curvature))


@register
class StronglyConvex(_FunctionValue):
    """Parallel SGD on a smooth strongly convex f.

    Problem: f is L-smooth and mu-strongly convex. Algorithm: x <- x - gamma avg g_i.

    Guarantee: gamma <= 1/L gives
    E f(x^T) - f* <= (1 - gamma mu)^T Delta + gamma L sigma^2/(2 n mu).

    Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, mu=0.5, gap0=8.0, sigma_sq=8.0)
    >>> found = theorem("sgd.strongly-convex").guarantee(known)
    >>> found.rate.contraction, float(found.bound(2))
    (0.5, 4.0)
    >>> found.unreachable(1.0)
    'the bound of sgd.strongly-convex does not reach 1: its floor is 2 for these parameters; \
sgd.strongly-convex with gamma = 0.403406 reaches it in 17 rounds'
    """

    name = "sgd.strongly-convex"
    title = "Parallel SGD, strongly convex"
    requires = ("n", "L", "mu")
    curvature = "mu"
    assumes = (
        SMOOTH,
        STRONGLY_CONVEX,
        NOISE,
    )
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L}"), (r"\rho", r"1-\gamma\mu"))
    bound_latex = r"\rho^t\Delta + \frac{\gamma L\sigma^2}{2n\mu}"


@register
class PolyakLojasiewicz(_FunctionValue):
    """Parallel SGD under the Polyak-Lojasiewicz inequality.

    Problem: f is L-smooth, ||grad f||^2 >= 2 pl (f - f*); f need not be convex. Algorithm: x <- x - gamma
    avg g_i.

    Guarantee: gamma <= 1/L gives
    E f(x^T) - f* <= (1 - gamma pl)^T Delta + gamma L sigma^2/(2 n pl).

    Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=1, L=8.0, pl=0.175531, gap0=1.0, sigma_sq=0.0)
    >>> theorem("sgd.pl").guarantee(known).rounds_to(1e-3)
    312
    """

    name = "sgd.pl"
    title = "Parallel SGD, Polyak-Lojasiewicz"
    requires = ("n", "L", "pl")
    curvature = "pl"
    assumes = (
        SMOOTH,
        POLYAK_LOJASIEWICZ,
        NOISE,
    )
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L}"), (r"\rho", r"1-\gamma\mu_{PL}"))
    bound_latex = r"\rho^t\Delta + \frac{\gamma L\sigma^2}{2n\mu_{PL}}"


@register
class FiniteSum(LinearTheorem):
    """Parallel SGD that samples a finite sum: no uniform variance is needed.

    Problem: f is mu-strongly convex and L-smooth, an average over samples whose losses are convex and
    L_sample-smooth; every worker draws from its own samples. Algorithm: x <- x - gamma avg g_i.

    Guarantee: gamma <= 1/(L + 2 L_sample/n), for one worker gamma <= 1/(2 L_sample), gives
    E||x^T - x*||^2 <= (1 - gamma mu)^T R_0^2 + 2 gamma sigma_star^2/(n mu).

    Source: Gower, Loizou, Qian, Sailanbayev, Shulgin, Richtarik 2019 (arXiv 1901.09401), Theorem 3.1, for
    one worker. Provenance: published for n = 1, ours for n > 1.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, L_sample=2.0, mu=0.5, dist0_sq=1.0, sigma_star_sq=0.0)
    >>> theorem("sgd.finite-sum").guarantee(known).parameters
    {'gamma': 0.5}
    """

    name = "sgd.finite-sum"
    title = "Parallel SGD on a finite sum"
    source = "Gower et al. 2019 (arXiv 1901.09401), Theorem 3.1, for one worker; n workers: own proof"
    provenance = "ours"
    method = "sgd"
    requires = ("n", "L", "L_sample", "mu")
    bound_requires = ("dist0_sq", "sigma_star_sq")
    assumes = (
        CONVEX_WORKERS,
        CONVEX_SAMPLES,
        SMOOTH_SAMPLES,
        SMOOTH,
        STRONGLY_CONVEX,
        NOISE_AT_OPTIMUM,
    )
    setting = r"For one worker $\gamma_{\max}=\frac{1}{2L_s}$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L+\frac{2L_s}{n}}"), (r"\rho", r"1-\gamma\mu"))
    measures = (("", "dist_sq"),)
    bound_latex = r"\rho^t R_0^2 + \frac{2\gamma\sigma_\star^2}{n\mu}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        if c.n == 1:
            high, text = 1 / (2 * c.L_sample), "1/(2 L_sample)"
        else:
            high, text = 1 / (c.L + 2 * c.L_sample / c.n), "1/(L + 2 L_sample/n)"
        choose("gamma", Interval(0.0, high, f"0 < gamma <= {text}"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma mu": p["gamma"] * request.c.mu}

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        c = request.c
        return 2 * p["gamma"] * c.sigma_star_sq / (c.n * c.mu)


@register
class MomentumConvex(Theorem):
    """SGD with momentum on a convex finite sum: a bound on the last iterate, without a uniform variance.

    Problem: f is convex, an average over samples whose losses are convex and L_sample-smooth; every worker draws from
    its own samples. Algorithm: z^0 = x^0, z^{k+1} = z^k - gamma avg g_i(x^k),
    x^{k+1} = (lambda_{k+1} x^k + z^{k+1})/(lambda_{k+1} + 1), lambda_k = k/2.

    Guarantee: gamma <= 1/(4 L_sample) gives
    E f(x^T) - f* <= R_0^2/(gamma (T+1)) + 2 gamma sigma_star^2/n.

    Source: Sebbouh, Gower, Defazio 2021 (arXiv 2006.07867), for one worker; constants re-derived in our proof.
    Provenance: restated (n workers: the same proof).

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L_sample=2.0, mu=0.0, dist0_sq=1.0, sigma_star_sq=0.0)
    >>> found = theorem("sgd.momentum-convex").guarantee(known)
    >>> found.parameters, float(found.bound(15))
    ({'gamma': 0.125}, 0.5)
    """

    name = "sgd.momentum-convex"
    title = "SGD with momentum on a finite sum, convex, last iterate"
    source = "Sebbouh, Gower, Defazio 2021 (arXiv 2006.07867), constants re-derived in our proof"
    provenance = "restated"
    method = "sgd-momentum"
    requires = ("n", "L_sample", "mu")
    bound_requires = ("dist0_sq", "sigma_star_sq")
    assumes = (
        CONVEX_WORKERS,
        CONVEX_SAMPLES,
        SMOOTH_SAMPLES,
        NOISE_AT_OPTIMUM,
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{4L_s}"),)
    measures = (("", "gap"),)
    bound_latex = r"\frac{R_0^2}{\gamma(T+1)} + \frac{2\gamma\sigma_\star^2}{n}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        high = 1 / (4 * request.c.L_sample)
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(4 L_sample)"), high)

    def curve(self, request: Request, p: Point) -> FunctionCurve:
        start, floor = request.c.dist0_sq / p["gamma"], 2 * p["gamma"] * request.c.sigma_star_sq / request.c.n
        return FunctionCurve(lambda t: start / (t + 1) + floor, floor)

    def active(self, request: Request, p: Point) -> str:
        return "gamma = {gamma}; the limit is 1/(4 L_sample)"

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        if request.constants.sigma_star_sq == 0:
            return Rate("power", "1/T, without a floor", in_rounds=(-1.0, -1.0))
        text = "1/T while the step is at its limit, then 1/sqrt(nT): linear speedup"
        until = None
        if curve is not None and request.rounds is not None and request.c.dist0_sq > 0:
            noise = request.c.sigma_star_sq * (request.rounds + 1)  # the tuned step is sqrt(n dist0_sq/(2 noise))
            until = float(math.floor(noise / (8 * request.c.L_sample**2 * request.c.dist0_sq)))
        return Rate("power", text, in_rounds=(-1.0, -0.5), in_workers=-0.5, speedup_until=until)
