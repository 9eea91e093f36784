"""GMC: global momentum compression.

Zhao, Xie, Gao, Li 2019 (arXiv 1905.12948), with Shi 2024 in its third version.

    worker i : p_i = e_i + g_i(x^t) - (beta/gamma)(x^t - x^{t-1}) ;  send c_i = C(p_i) ;  e_i <- p_i - c_i
    server   : x^{t+1} = x^t - gamma avg c_i ,  x^{-1} = x^0

All workers share one momentum, read off the model's last move. The bound U on the memory R^t is that of
`_global_momentum`; GMC+ is in `gmc_plus`.
"""

from __future__ import annotations

import math

import numpy as np

from ...common import front
from ..bounds import Curve, FunctionCurve, Interval, NotCovered, Rate, Weights
from ..families import Average, AverageTheorem, TunedTheorem
from ..hypotheses import (
    BOUNDED_GRADIENTS,
    BOUNDED_MEMORY,
    CONVEX,
    FALLING_STEP,
    NOISE,
    SAMPLED,
    SMOOTH,
    STRONGLY_CONVEX,
)
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, prescribe, register
from ._global_momentum import GlobalMomentum


@register
class Nonconvex(GlobalMomentum, AverageTheorem):
    """GMC on a smooth nonconvex f; the workers may differ in any way.

    Problem: f is L-smooth, E||R^t||^2 <= U^2 (see `_global_momentum`). Algorithm: see the module.

    Guarantee: g' = gamma/(1 - beta) <= 1/(2L) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 4 Delta/(g' T) + 2 L g' sigma^2/n + 2 L^2 g'^2 U^2.

    The bound is smallest for beta = 0, where GMC is error feedback; recommended is beta = 0.9, the paper's value.
    Provenance: ours; the paper states O(1/sqrt T) and, in its third version, O(1/sqrt(nT)).

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, dim=100, L=1.0, gap0=1.0, sigma_sq=0.0, G=1.0)
    >>> ask = theorem("gmc.nonconvex").guarantee
    >>> found = ask(known, up="randk:k=50,scaled=0", beta=0.5)
    >>> found.parameters, round(found.analysis["U"], 3)
    ({'gamma': 0.25, 'beta': 0.5}, 6.464)
    >>> ask(known, up="sign", beta=0.5).reason.split(",")[0]
    'beta = 0.5 is not below (1 - sqrt(1 - delta))/sqrt(delta) = 0.05013'
    >>> ask(known, up="sign", beta=0.5, U=5.0).parameters
    {'gamma': 0.25, 'beta': 0.5}
    """

    name = "gmc.nonconvex"
    probe = Probe(fixed={"beta": 0.6, "U": 3.0})
    title = "GMC, nonconvex"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq", "G")
    assumes = (
        SMOOTH,
        NOISE,
        BOUNDED_MEMORY,
    )
    setting = r"Let $0 \le \beta < 1$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1-\beta}{2L}"), ("g", r"\frac{\gamma}{1-\beta}"))
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{4\Delta}{gT} + \frac{2Lg\sigma^2}{n} + 2L^2g^2U^2"

    def largest(self, request: Request) -> tuple[float, str]:
        return 1 / (2 * request.c.L), "(2 L)"

    def average(self, request: Request, p: Point) -> Average:
        c, slow = request.c, 1 - p["beta"]
        return Average(
            start=4 * c.gap0 * slow, noise=2 * c.L * c.sigma_sq / c.n / slow, drift=2 * (c.L * p["U"] / slow) ** 2
        )


@register
class NonconvexTuned(GlobalMomentum, TunedTheorem):
    """GMC with the step tuned for T rounds: linear speedup in the leading term.

    Guarantee: `Nonconvex` at g' = min{1/(2L), sqrt(2 n Delta/(L sigma^2 T)), (Delta/(L^2 U^2 T))^(1/3)}:
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 4 sqrt(2 L Delta sigma^2/(nT)) + 6 (L U Delta/T)^(2/3) + 8 L Delta/T.
    Once T is large the second entry of the min is the smallest. Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, gap0=1.0, sigma_sq=8.0, G=1.0)
    >>> found = theorem("gmc.nonconvex-tuned").guarantee(known, rounds=100, beta=0.0)
    >>> round(found.parameters["gamma"], 6), round(float(found.bound(100)), 6)
    (0.1, 0.88)
    """

    name = "gmc.nonconvex-tuned"
    probe = Probe(fixed={"beta": 0.6, "U": 3.0}, tuned=True)
    title = "GMC, nonconvex, tuned step"
    requires = ("n", "L", "gap0", "sigma_sq")
    bound_requires = ("G",)
    general = "gmc.nonconvex"
    assumes = (
        SMOOTH,
        NOISE,
        BOUNDED_MEMORY,
    )
    setting = r"Let $0 \le \beta < 1$."
    conditions = r"\gamma = \gamma_T"
    definitions = (
        (
            r"\gamma_T",
            r"(1-\beta)\min\{\frac{1}{2L},\sqrt{\frac{2n\Delta}{L\sigma^2T}},(\frac{\Delta}{L^2U^2T})^{\frac{1}{3}}\}",
        ),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"4\sqrt{\frac{2L\Delta\sigma^2}{nT}} + 6(\frac{LU\Delta}{T})^{\frac{2}{3}} + \frac{8L\Delta}{T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        beta, U = self.memory(request, choose)
        if math.isinf(U):
            name = self.bound_needs(request)[-1]
            raise NotCovered(f"{self.name} needs {name} or U for its step; give {front.constants(name)}")
        parts = self._parts(request, self.horizon(request))
        text = "(1 - beta) min{1/(2 L), sqrt(2 n Delta/(L sigma^2 T)), (Delta/(L^2 U^2 T))^(1/3)}"
        prescribe(self, choose, {"gamma": ((1 - beta) * min(parts.values()), text)})

    def _parts(self, request: Request, T: int) -> dict[str, float]:
        c, drift = request.c, (request.c.L * self.U(request)) ** 2 * T
        if c.gap0 == 0:
            raise NotCovered("gap0 = 0: x^0 is a minimiser, and the step tuned for it is 0")
        noise = c.L * c.sigma_sq * T
        return {
            "1/(2 L)": 1 / (2 * c.L),
            "sqrt(2 n Delta/(L sigma^2 T))": math.sqrt(2 * c.n * c.gap0 / noise) if noise > 0 else math.inf,
            "(Delta/(L^2 U^2 T))^(1/3)": (c.gap0 / drift) ** (1 / 3) if drift > 0 else math.inf,
        }

    def powers(self, request: Request) -> tuple[tuple[float, float], ...]:
        c = request.c
        return (
            (4 * math.sqrt(2 * c.L * c.gap0 * c.sigma_sq / c.n), 1 / 2),
            (6 * (c.L * self.U(request) * c.gap0) ** (2 / 3), 2 / 3),
            (8 * c.L * c.gap0, 1.0),
        )

    def active(self, request: Request, p: Point) -> str:
        T = self.horizon(request)
        parts = self._parts(request, T)
        return f"gamma/(1 - beta) is {min(parts, key=lambda name: parts[name])} at T = {T}{self.origin(request)}"


@register
class Convex(GlobalMomentum, AverageTheorem):
    """GMC on a smooth convex f.

    Problem: f is convex and L-smooth (mu = 0 says that it is convex), E||R^t||^2 <= U^2.

    Guarantee: g' = gamma/(1 - beta) <= 1/(4L) gives
    (1/T) sum_{t<T} E[f(x^t) - f*] <= 2 R_0^2/(g' T) + 2 g' sigma^2/n + 4 L g'^2 U^2.
    (The proof page shows how to divide the three terms by 4, 4 and 6.) Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, mu=0.0, dist0_sq=1.0, sigma_sq=0.0, G=1.0)
    >>> found = theorem("gmc.convex").guarantee(known, beta=0.5)
    >>> found.parameters, float(found.bound(32))
    ({'gamma': 0.125, 'beta': 0.5}, 0.5)
    """

    name = "gmc.convex"
    probe = Probe(fixed={"beta": 0.6, "U": 3.0})
    title = "GMC, convex"
    requires = ("n", "L", "mu")
    bound_requires = ("dist0_sq", "sigma_sq", "G")
    start_needs = "dist0_sq"
    assumes = (
        CONVEX,
        SMOOTH,
        NOISE,
        BOUNDED_MEMORY,
    )
    setting = r"Let $0 \le \beta < 1$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1-\beta}{4L}"), ("g", r"\frac{\gamma}{1-\beta}"))
    measures = (("", "gap_mean"),)
    bound_latex = r"\frac{2R_0^2}{gT} + \frac{2g\sigma^2}{n} + 4Lg^2U^2"

    def largest(self, request: Request) -> tuple[float, str]:
        return 1 / (4 * request.c.L), "(4 L)"

    def average(self, request: Request, p: Point) -> Average:
        c, slow = request.c, 1 - p["beta"]
        return Average(
            start=2 * c.dist0_sq * slow, noise=2 * c.sigma_sq / c.n / slow, drift=4 * c.L * (p["U"] / slow) ** 2
        )


@register
class ConvexNonsmooth(GlobalMomentum, AverageTheorem):
    """GMC with subgradients of a convex f that need not be smooth.

    Problem: f is convex, E||g_i||^2 <= G^2, E||R^t||^2 <= U^2.

    Guarantee: any gamma > 0, with g' = gamma/(1 - beta), gives
    (1/T) sum_{t<T} E[f(x^t) - f*] <= R_0^2/(2 g' T) + g' G^2/2 + g' G U.
    More workers do not help here. Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, mu=0.0, G=1.0, dist0_sq=4.0)
    >>> found = theorem("gmc.convex-nonsmooth").guarantee(known, beta=0.5, rounds=300)
    >>> round(float(found.bound(300)), 6)
    0.2
    """

    name = "gmc.convex-nonsmooth"
    probe = Probe(fixed={"beta": 0.6, "U": 3.0})
    title = "GMC, convex, without smoothness"
    requires = ("n", "mu", "G", "dist0_sq")
    bound_requires = ()
    assumes = (
        CONVEX,
        BOUNDED_GRADIENTS,
        SAMPLED,
        BOUNDED_MEMORY,
    )
    setting = r"Let $0 \le \beta < 1$."
    conditions = r"0 < \gamma"
    definitions = (("g", r"\frac{\gamma}{1-\beta}"),)
    measures = (("", "gap_mean"),)
    bound_latex = r"\frac{R_0^2}{2gT} + \frac{gG^2}{2} + gGU"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return ()

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        beta, U = self.memory(request, choose)
        c = request.c
        size = c.G**2 + 2 * c.G * U
        best = math.sqrt(c.dist0_sq / size) if size > 0 and c.dist0_sq > 0 else 1.0
        choose("gamma", Interval(0.0, math.inf, "0 < gamma"), (1 - beta) * best)

    def average(self, request: Request, p: Point) -> Average:
        c, slow = request.c, 1 - p["beta"]
        return Average(start=c.dist0_sq * slow / 2, noise=(c.G**2 / 2 + c.G * p["U"]) / slow)

    def active(self, request: Request, p: Point) -> str:
        return "gamma = {gamma}; every step is admissible, and the floor is proportional to it" + self.origin(request)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return Rate("power", "1/sqrt(T), with the step tuned for T; no speedup", in_rounds=(-0.5, -0.5))


@register
class StronglyConvex(GlobalMomentum):
    """GMC on a smooth strongly convex f, constant step, geometrically weighted average.

    Problem: f is L-smooth and mu-strongly convex, E||R^t||^2 <= U^2.

    Guarantee: g' = gamma/(1 - beta) <= 1/(4L), w_t = (1 - mu g'/2)^-(t+1), xbar = sum_{t<T} w_t x^t/sum w_t give
    E f(xbar) - f* <= mu R_0^2/((1 - mu g'/2)^-T - 1) + 2 g' sigma^2/n + 2 g'^2 (2L + mu) U^2.
    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, mu=1.0, dist0_sq=1.0, sigma_sq=0.0)
    >>> found = theorem("gmc.strongly-convex").guarantee(known, beta=0.5, U=0.0)
    >>> found.weights, round(float(found.bound(1)), 9)
    (('geometric', 0.875), 7.0)
    """

    name = "gmc.strongly-convex"
    probe = Probe(fixed={"beta": 0.6, "U": 3.0})
    title = "GMC, strongly convex"
    requires = ("n", "L", "mu")
    bound_requires = ("dist0_sq", "sigma_sq", "G")
    start_needs = "dist0_sq"
    assumes = (
        SMOOTH,
        STRONGLY_CONVEX,
        NOISE,
        BOUNDED_MEMORY,
    )
    setting = r"Let $0 \le \beta < 1$ and $\bar x^T = \sum_{t<T} w_t x^t/\sum_{t<T} w_t$ with $w_t = q^{-(t+1)}$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{1-\beta}{4L}"),
        ("g", r"\frac{\gamma}{1-\beta}"),
        ("q", r"1-\frac{\mu g}{2}"),
    )
    measures = (("", "gap_avg"),)
    bound_latex = r"\frac{\mu R_0^2}{q^{-T}-1} + \frac{2g\sigma^2}{n} + 2g^2(2L+\mu)U^2"

    def largest(self, request: Request) -> tuple[float, str]:
        return 1 / (4 * request.c.L), "(4 L)"

    def weights(self, request: Request, p: Point) -> Weights:
        return "geometric", 1 - self.contraction_gap(request, p)

    def contraction_gap(self, request: Request, p: Point) -> float:
        return request.c.mu * p["gamma"] / (1 - p["beta"]) / 2

    def curve(self, request: Request, p: Point) -> FunctionCurve:
        c, g = request.c, p["gamma"] / (1 - p["beta"])
        start, decay = c.mu * c.dist0_sq, -math.log1p(-self.contraction_gap(request, p))
        floor = 2 * g * c.sigma_sq / c.n + 2 * g**2 * (2 * c.L + c.mu) * p["U"] ** 2

        def bound(t: np.ndarray) -> np.ndarray:
            return start * np.exp(-decay * t) / -np.expm1(-decay * t) + floor

        return FunctionCurve(bound, floor)

    def details(self, request: Request, p: Point) -> Point:
        return {"delta": request.up.delta, "q": 1 - self.contraction_gap(request, p)}

    def active(self, request: Request, p: Point) -> str:
        return (
            f"gamma = {p['gamma']:.6g}; q = 1 - mu gamma/(2 (1 - beta)) = 1 - {self.contraction_gap(request, p):.4g}"
            + self.origin(request)
        )

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        noisy = request.constants.sigma_sq is None or request.constants.sigma_sq > 0
        text = f"contracts by 1 - {self.contraction_gap(request, p):.4g} a round to its floor; "
        text += "with the step tuned for T the memory's part falls like (log(T)/T)^2" + (
            ", the noise's like log(T)/(nT): linear speedup" if noisy else ""
        )
        return Rate("power", text, in_rounds=(-2.0, -1.0 if noisy else -2.0), in_workers=-1.0 if noisy else 0.0)


@register
class StronglyConvexDecreasing(GlobalMomentum):
    """GMC on a smooth strongly convex f with steps like 1/t: no horizon, no floor.

    Problem: f is L-smooth and mu-strongly convex, E||R^t||^2 <= U^2. Algorithm: as in the module with
    gamma_t = gamma/(a + t), where the workers' momentum is beta times the last average message.

    Guarantee: gamma = 8 (1 - beta)/mu and a >= 32 L/mu, w_t = a + t, xbar = sum_{t<T} w_t x^t/sum w_t give
    E f(xbar) - f* <= [mu (a-1)^2 R_0^2/4 + 16 sigma^2 T/(n mu)
                       + (128/mu^2)(2L + 1.07 mu) U^2 log(1 + T/(a-1))]/(a T + T(T-1)/2).
    The leading term is 32 sigma^2/(n mu T). Provenance: ours; the paper states O(log(T)/T).

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, mu=1.0, dist0_sq=1.0, sigma_sq=1.0)
    >>> found = theorem("gmc.strongly-convex-decreasing").guarantee(known, beta=0.5, U=0.0)
    >>> found.parameters, found.weights
    ({'gamma': 4.0, 'beta': 0.5, 'a': 32.0}, ('polynomial', 32.0, 1.0))
    """

    name = "gmc.strongly-convex-decreasing"
    probe = Probe(fixed={"beta": 0.6, "U": 3.0, "a": 700.0})
    title = "GMC, strongly convex, decreasing steps"
    method = "gmc-decreasing"
    parameters = ("gamma", "beta", "a")
    requires = ("n", "L", "mu")
    bound_requires = ("dist0_sq", "sigma_sq", "G")
    start_needs = "dist0_sq"
    general = "gmc.strongly-convex-decreasing"
    assumes = (
        SMOOTH,
        STRONGLY_CONVEX,
        NOISE,
        BOUNDED_MEMORY,
        FALLING_STEP,
    )
    setting = (
        r"Let $0 \le \beta < 1$ (in the memory $\gamma_{t-1}$ stands for $\gamma$) and $\bar x^T = \sum_{t<T} "
        r"w_t x^t/\sum_{t<T} w_t$ with $w_t = a+t$."
    )
    conditions = r"\gamma = \gamma_\star, a \ge a_{\min}"
    definitions = (
        (r"\gamma_\star", r"\frac{8(1-\beta)}{\mu}"),
        (r"a_{\min}", r"\frac{32L}{\mu}"),
        ("P", r"\frac{\mu(a-1)^2R_0^2}{4} + \frac{16\sigma^2T}{n\mu}"),
        ("Q", r"\frac{128(2L+1.07\mu)U^2}{\mu^2}"),
    )
    measures = (("", "gap_avg"),)
    bound_latex = r"\frac{P + Q\ln(1+\frac{T}{a-1})}{aT + \frac{T(T-1)}{2}}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        beta, _ = self.memory(request, choose)
        low = 32 * c.L / c.mu
        choose("a", Interval(low, math.inf, "32 L/mu <= a", low_open=False), low)
        prescribe(self, choose, {"gamma": (8 * (1 - beta) / c.mu, "8 (1 - beta)/mu")})

    def weights(self, request: Request, p: Point) -> Weights:
        return "polynomial", p["a"], 1.0

    def curve(self, request: Request, p: Point) -> FunctionCurve:
        c, a = request.c, p["a"]
        start = c.mu * (a - 1) ** 2 * c.dist0_sq / 4
        noise = 16 * c.sigma_sq / (c.n * c.mu)
        memory = 128 / c.mu**2 * (2 * c.L + 1.07 * c.mu) * p["U"] ** 2

        def bound(t: np.ndarray) -> np.ndarray:
            return (start + noise * t + memory * np.log1p(t / (a - 1))) / (a * t + t * (t - 1) / 2)

        return FunctionCurve(bound, 0.0)

    def active(self, request: Request, p: Point) -> str:
        return f"gamma/(a + t) starts at {p['gamma'] / p['a']:.6g}; the limit is (1 - beta)/(4 L)" + self.origin(
            request
        )

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        noisy = request.constants.sigma_sq is None or request.constants.sigma_sq > 0
        if not noisy:
            return Rate("power", "1/T^2 up to a logarithm, without noise", in_rounds=(-1.0, -2.0))
        text = "1/T while T < a, 1/T^2 until the noise shows, then 1/(nT): linear speedup"
        return Rate("power", text, in_rounds=(-2.0, -1.0), in_workers=-1.0)
