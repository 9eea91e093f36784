"""Quantised gradient methods with explicit step sizes: one node, all workers, stored reports, delays.

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573.

    Q-GD           :  x <- x - gamma C(grad f(x)), one node
    D-QGD          :  x <- x - gamma avg C(grad f_i(x)), the model is broadcast as it is
    Q-IAG          :  the server stores h_i; a report of worker i replaces h_i by C(grad f_i(x^(t - tau_i)));
                      x <- x - gamma avg h_i in every step
    delayed Q-SGD  :  x <- x - gamma C(g(x^(t - tau_t)))

C is unbiased, E||C(v)||^2 <= a ||v||^2 with a = 1 + omega, and supp C(v) lies in supp v: it sends no coordinate
that is zero (`Compressor.keeps_support`). tau bounds the age of a gradient when it is used, not its transport:
round robin over n workers has tau = n - 1. The delays are independent of the coins.

f_i depends on the coordinates in S_i only. s (the constant ``overlap``) says how much the S_i overlap: the
paper's min{sqrt(n (1 + deg_ave)), 1 + deg_max} of the conflict graph, or, which is never larger, the largest number
of workers that share a coordinate. Then ||sum v_i||^2 <= s sum ||v_i||^2 for v_i supported in S_i, and f is
(s/n) L_max-smooth. A term that all f_i share, such as an l2 regulariser, makes s = n; s = n is always right, and is
taken where ``overlap`` is unknown.

The paper minimises the sum of the f_i; everything here is about the average f, with gamma = n gamma_paper
(`sum_form` converts). The proofs are in ``docs/proofs/khirirat.md``.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import numpy as np

from ..bounds import Curve, Interval, NotCovered, Rate
from ..compressors import Compressor, Unbiased, compressor
from ..constants import Constants
from ..families import Average, AverageTheorem, LinearTheorem
from ..theorem import Given, ParameterChoice, Point, Request, Theorem, register

PAPER = "Khirirat, Feyzmahdavian, Johansson 2018 (arXiv 1806.06573)"
OWN = f"own proof, for the method of {PAPER}"
ONE_NODE = (
    r"Let the compressor be unbiased with $\mathbb{E}\|C(v)\|^2 \le a\|v\|^2$, that is $a = 1+\omega$, and let one "
    r"node compress the exact gradient of "
)
SPARSE = (
    r"the gradients exact, each coordinate in the support of at most $s$ workers' gradients (the constant overlap; $n$ "
    r"where it is unknown), and the compressor "
    r"unbiased with $\mathbb{E}\|C(v)\|^2 \le a\|v\|^2$, $a = 1+\omega$, and such that $C(v)$ is zero wherever $v$ is; "
    r"the coins may depend on each other."
)
STORED = (
    r"Let every report in use be at most $\tau$ rounds old, every worker report in round $0$, and the delays be "
    r"independent of the coins. "
)


# ---------------------------------------------------------------------------------------------------- Q-GD


@register
class QGDStronglyConvex(LinearTheorem):
    """Q-GD on a strongly convex f.

    Problem: f is L-smooth and mu-strongly convex, one node. Algorithm: x <- x - gamma C(grad f(x)).

    Guarantee: gamma <= 2/(a (mu + L)) gives
    E||x^T - x*||^2 <= (1 - 2 gamma mu L/(mu + L))^T R_0^2,
    at the largest step 1 - 4 mu L/(a (mu + L)^2) a round: the rounds grow a-fold.

    Source: the paper's result on Q-GD, the step and the rate re-derived. Provenance: restated.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=1, L=3.0, mu=1.0, dist0_sq=1.0)
    >>> found = theorem("khirirat.q-gd-strongly-convex").guarantee(known, up=Unbiased(1.0))
    >>> found.parameters, found.rate.contraction
    ({'gamma': 0.25}, 0.625)
    """

    name = "khirirat.q-gd-strongly-convex"
    title = "Q-GD, strongly convex"
    source = f"{PAPER}, the result on one node; constants re-derived"
    provenance = "restated"
    method = "q-gd"
    requires = ("L", "mu")
    bound_requires = ("dist0_sq",)
    uplink = Unbiased
    workers = "one"
    exact = True
    assumptions = ONE_NODE + r"an $L$-smooth and $\mu$-strongly convex $f$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{2}{a(\mu+L)}"),
        (r"\rho", r"1-\frac{2\gamma\mu L}{\mu+L}"),
    )
    measures = (("", "dist_sq"),)
    bound_latex = r"\rho^t R_0^2"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        high = 2 / ((1 + request.up.omega) * (c.mu + c.L))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 2/(a (mu + L))"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        c = request.c
        return {"1 - 2 gamma mu L/(mu + L)": 2 * p["gamma"] * c.mu * c.L / (c.mu + c.L)}

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        return 0.0


@register
class QGDConvex(AverageTheorem):
    """Q-GD on a convex f.

    Problem: f is convex and L-smooth (mu = 0 says that it is convex), one node. Algorithm: x <- x - gamma
    C(grad f(x)).

    Guarantee: gamma <= 1/(a L) gives
    (1/T) sum_{t<T} E[f(x^t) - f*] <= R_0^2/(2 gamma T), and so for f at the average of the iterates.

    Source: the paper's result on Q-GD, constants re-derived. Provenance: restated.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=1, L=2.0, mu=0.0, dist0_sq=1.0)
    >>> found = theorem("khirirat.q-gd-convex").guarantee(known, up=Unbiased(1.0))
    >>> found.parameters, float(found.bound(4))
    ({'gamma': 0.25}, 0.5)
    """

    name = "khirirat.q-gd-convex"
    title = "Q-GD, convex"
    source = f"{PAPER}, the result on one node; constants re-derived"
    provenance = "restated"
    method = "q-gd"
    requires = ("L", "mu")
    bound_requires = ("dist0_sq",)
    needs_curvature = False
    uplink = Unbiased
    workers = "one"
    exact = True
    assumptions = ONE_NODE + r"a convex and $L$-smooth $f$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{aL}"),)
    measures = (("", "gap_mean"),)
    bound_latex = r"\frac{R_0^2}{2\gamma T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        high = 1 / ((1 + request.up.omega) * request.c.L)
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(a L)"), high)

    def average(self, request: Request, p: Point) -> Average:
        return Average(start=request.c.dist0_sq / 2, noise=0.0)


@register
class QGDNonconvex(AverageTheorem):
    """Q-GD on a smooth nonconvex f.

    Problem: f is L-smooth, one node. Algorithm: x <- x - gamma C(grad f(x)).

    Guarantee: gamma < 2/(a L) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= Delta/(gamma (1 - a L gamma/2) T),
    which is 2 a L Delta/T at the best step, gamma = 1/(a L).

    Source: the paper's result on Q-GD, constants re-derived. Provenance: restated.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=1, L=2.0, gap0=1.0)
    >>> found = theorem("khirirat.q-gd-nonconvex").guarantee(known, up=Unbiased(1.0))
    >>> found.parameters, float(found.bound(4))
    ({'gamma': 0.25}, 2.0)
    """

    name = "khirirat.q-gd-nonconvex"
    title = "Q-GD, nonconvex"
    source = f"{PAPER}, the result on one node; constants re-derived"
    provenance = "restated"
    method = "q-gd"
    requires = ("L",)
    bound_requires = ("gap0",)
    uplink = Unbiased
    workers = "one"
    exact = True
    assumptions = ONE_NODE + r"an $L$-smooth $f$."
    conditions = r"0 < \gamma < \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{2}{aL}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{\Delta}{\gamma(1-\frac{aL\gamma}{2})T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        aL = (1 + request.up.omega) * request.c.L
        choose("gamma", Interval(0.0, 2 / aL, "0 < gamma < 2/(a L)", high_open=True), 1 / aL)

    def average(self, request: Request, p: Point) -> Average:
        return Average(start=request.c.gap0, noise=0.0, damping=(1 + request.up.omega) * request.c.L / 2)


# ------------------------------------------------------------------------------------ what the rest shares


class _Overlapping(Theorem):
    """Workers whose supports overlap: s replaces n where compressors send no coordinate that is zero."""

    uplink = Unbiased
    exact = True

    def _match(
        self, constants: Constants, up: Given, down: Given, rounds: int | None, eps: float | None
    ) -> tuple[Request, tuple[str, ...]]:
        filled: tuple[str, ...] = ()
        sparse = "L_max" in self.requires
        if sparse and constants.overlap is None and constants.n is not None:
            constants = replace(constants, overlap=constants.n)
            filled = (f"overlap = {constants.n}: at most n",)
        request, notes = super()._match(constants, up, down, rounds, eps)
        if sparse:
            _refuse_contradictions(self.name, request, up)
        return request, (*filled, *notes)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        """The slopes of the family of bounds; what is left of the floor falls with s/n, not with 1/n."""
        found = super().rate(request, p, curve)  # type: ignore[safe-super]
        text = found.text.replace("proportional to 1/n", "proportional to s/n")
        text = text.replace("1/sqrt(nT): linear speedup", "1/sqrt(T), with the step tuned for T")
        return replace(found, text=text, in_workers=0.0, speedup_until=None)


def _refuse_contradictions(id: str, request: Request, up: Given) -> None:
    """Raise `NotCovered` where `overlap` cannot be right for these constants or this compressor."""
    c, smoothness = request.constants, request.c.overlap / request.c.n * request.c.L_max
    if c.mu is not None and c.mu > smoothness * (1 + 1e-9):
        raise NotCovered(
            f"mu = {c.mu:.4g} is above (overlap/n) L_max = {smoothness:.4g}, and f is that smooth; "
            f"give a larger overlap (overlap = n is always right)"
        )
    given = compressor(up) if isinstance(up, str) else up
    if isinstance(given, Compressor) and not given.keeps_support and request.c.overlap < request.c.n:
        raise NotCovered(
            f"{id} with overlap < n needs a compressor that sends no coordinate that is zero, and {given.spec} may; "
            f"give --set overlap={request.c.n:g}"
        )


def _second_moment(request: Request) -> float:
    """a: E||C(v)||^2 <= a ||v||^2."""
    return 1.0 + request.up.omega


def _best(score: Callable[[float], float], low: float, high: float) -> float:
    """The argument with the smallest score: a grid in the logarithm, then golden sections around its best."""
    grid = np.geomspace(low, high, 10)
    values = [score(float(x)) for x in grid]
    k = int(np.argmin(values))
    left, right = math.log(grid[max(k - 1, 0)]), math.log(grid[min(k + 1, grid.size - 1)])
    golden = (math.sqrt(5) - 1) / 2
    a, b = right - golden * (right - left), left + golden * (right - left)
    fa, fb = score(math.exp(a)), score(math.exp(b))
    while right - left > 1e-5:
        if fa < fb:
            right, b, fb = b, a, fa
            a = right - golden * (right - left)
            fa = score(math.exp(a))
        else:
            left, a, fa = a, b, fb
            b = left + golden * (right - left)
            fb = score(math.exp(b))
    return min((math.exp(a), math.exp(b), float(grid[k])), key=score)


class _FreeTheta(_Overlapping, LinearTheorem):
    """Linear bounds with a free theta > 0: a small one for the contraction, a larger one for the floor.

    zeta_star = 0 makes theta = 0 right: nothing of the floor is left. Otherwise theta is chosen with the step, for the
    smallest bound at T or the fewest rounds to eps; with neither, for the lowest floor.
    """

    requires: ClassVar[tuple[str, ...]] = ("n", "L_max", "mu")
    bound_requires = ("dist0_sq", "zeta_star_sq")
    analysis = ("theta",)
    measures = (("", "dist_sq"),)
    bound_latex = r"\rho^t R_0^2 + F"

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        if request.c.zeta_star_sq == 0:
            return 0.0
        return self._trade(request, p["gamma"])(p["theta"])[1] * request.c.zeta_star_sq

    @abstractmethod
    def _trade(self, request: Request, gamma: float) -> Callable[[float], tuple[float, float]]:
        """From theta to the gain 1 - rho and the floor for zeta_star = 1, at this step."""

    @staticmethod
    def _interpolating(request: Request) -> bool:
        return request.constants.zeta_star_sq == 0

    @staticmethod
    def _aims(request: Request) -> bool:
        """Whether theta can be tuned for T or eps: the bound's constants are known, and one of them is given."""
        known = request.constants.dist0_sq is not None and request.constants.zeta_star_sq is not None
        return known and (request.rounds is not None or request.eps is not None)

    def _tuned_theta(self, request: Request, gamma: float, low: float, high: float) -> float:
        """theta in [low, high] for this step, by what is asked for."""

        trade = self._trade(request, gamma)
        aims = self._aims(request)
        start, level = (request.c.dist0_sq, request.c.zeta_star_sq) if aims else (0.0, 1.0)
        rounds, eps = request.rounds, request.eps or 0.0

        def score(theta: float) -> float:
            contraction_gap, floor = trade(theta)
            if contraction_gap <= 0:
                return math.inf
            floor *= level
            if not aims:
                return floor
            if rounds is not None:
                return (math.exp(rounds * math.log1p(-contraction_gap)) if contraction_gap < 1 else 0.0) * start + floor
            room = eps - floor
            if room <= 0:
                return math.inf
            if start <= room:
                return 0.0
            return math.log(room / start) / math.log1p(-contraction_gap) if contraction_gap < 1 else 1.0

        return _best(score, low, high)

    def _choose_theta(self, request: Request, choose: ParameterChoice, default: Callable[[], float]) -> float:
        closed = self._interpolating(request)
        text = "0 <= theta" if closed else "0 < theta (theta = 0 if zeta_star_sq = 0)"
        chosen = choose.fixed["theta"] if "theta" in choose.fixed else default()
        return choose("theta", Interval(0.0, math.inf, text, low_open=not closed), chosen)


# --------------------------------------------------------------------------------------------------- D-QGD


@register
class DQGDStronglyConvex(_FreeTheta):
    """D-QGD on convex f_i, f strongly convex, with any theta > 0.

    Problem: f_i convex, L_max-smooth and dependent on the coordinates S_i only, f mu-strongly convex, s as in the
    module. Algorithm: x <- x - gamma avg C(grad f_i(x)); the coins of the workers may depend on each other.

    Guarantee: gamma < 2 n/(a s (1 + theta) L_max) gives, with kappa = 2 - gamma a s (1 + theta) L_max/n,
    E||x^T - x*||^2 <= (1 - gamma mu kappa)^T R_0^2 + gamma a s (1 + 1/theta) zeta_star^2/(n mu kappa).
    zeta_star = 0 (every f_i is minimal at x*): theta = 0 and no floor.

    Recommended without T or eps: theta = 1 and gamma = n/(2 a s L_max), or theta = 0 and gamma = n/(a s L_max) where
    zeta_star = 0. For a given step the floor is lowest at 1 + theta = sqrt(2 n/(gamma a s L_max)).

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=8, L_max=2.0, mu=0.25, overlap=2, dist0_sq=1.0, zeta_star_sq=0.5)
    >>> found = theorem("khirirat.d-qgd-strongly-convex").guarantee(known, up=Unbiased(1.0))
    >>> found.parameters["gamma"], round(found.analysis["theta"], 6)
    (0.5, 1.0)
    >>> found.rate.contraction, found.rate.floor
    (0.875, 1.0)
    """

    name = "khirirat.d-qgd-strongly-convex"
    title = "D-QGD, strongly convex"
    source = OWN
    provenance = "ours"
    method = "d-qgd"
    workers = "convex"
    assumptions = r"Let every $f_i$ be convex and $L_{\max}$-smooth, $f$ $\mu$-strongly convex, $\theta > 0$, " + SPARSE
    conditions = r"0 < \gamma < \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{2n}{as(1+\theta)L_{\max}}"),
        (r"\kappa", r"2-\frac{\gamma as(1+\theta)L_{\max}}{n}"),
        (r"\rho", r"1-\gamma\mu\kappa"),
        ("F", r"\frac{\gamma as(1+\frac{1}{\theta})\zeta_\star^2}{n\mu\kappa}"),
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        curvature = self._curvature(request)
        best = self._aims(request) or self._interpolating(request)
        start = 1 / (curvature * (1 + choose.fixed.get("theta", 0.0 if best else 1.0)))
        gamma = choose.fixed.get("gamma", start)
        theta = self._choose_theta(request, choose, lambda: self._theta(request, gamma))
        high = 2 / (curvature * (1 + theta))
        choose("gamma", Interval(0.0, high, "0 < gamma < 2 n/(a s (1 + theta) L_max)", high_open=True), gamma)

    def _theta(self, request: Request, gamma: float) -> float:
        """The theta of the lowest floor, or a smaller one that serves T or eps better."""
        if self._interpolating(request):
            return 0.0
        b = gamma * self._curvature(request)
        lowest = math.sqrt(2 / b) - 1 if 0 < b < 2 else 0.0
        if lowest <= 1e-12:
            return 1e-12
        return self._tuned_theta(request, gamma, 1e-9 * lowest, lowest) if self._aims(request) else lowest

    @staticmethod
    def _curvature(request: Request) -> float:
        """a s L_max/n."""
        return _second_moment(request) * request.c.overlap * request.c.L_max / request.c.n

    def _trade(self, request: Request, gamma: float) -> Callable[[float], tuple[float, float]]:
        c, b = request.c, gamma * self._curvature(request)
        slope = gamma * c.mu
        spread = gamma * _second_moment(request) * c.overlap / (c.n * c.mu)

        def trade(theta: float) -> tuple[float, float]:
            kappa = 2 - b * (1 + theta)
            return slope * kappa, spread * (1 + 1 / theta) / kappa if theta > 0 and kappa > 0 else math.inf

        return trade

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        contraction_gap, _ = self._trade(request, p["gamma"])(p["theta"])
        return {"1 - gamma mu (2 - gamma a s (1 + theta) L_max/n)": contraction_gap}


@register
class DQGDSharper(_Overlapping, LinearTheorem):
    """D-QGD on convex f_i, f strongly convex, with a floor that vanishes without compression.

    Problem and algorithm: as for ``khirirat.d-qgd-strongly-convex``, f L-smooth.

    Guarantee: gamma <= 1/(L + 2 s omega L_max/n) gives
    E||x^T - x*||^2 <= (1 - gamma mu)^T R_0^2 + 2 gamma s omega zeta_star^2/(n mu).
    The coins may depend on each other; for independent coins s may be 1, see ``qsgd.strongly-convex``.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=8, L=1.0, L_max=2.0, mu=0.25, overlap=2, dist0_sq=1.0, zeta_star_sq=0.5)
    >>> found = theorem("khirirat.d-qgd-sharper").guarantee(known, up=Unbiased(3.0))
    >>> found.parameters, found.rate.contraction, found.rate.floor
    ({'gamma': 0.25}, 0.9375, 0.75)
    """

    name = "khirirat.d-qgd-sharper"
    title = "D-QGD, strongly convex, with the variance alone in the floor"
    source = OWN
    provenance = "ours"
    method = "d-qgd"
    requires = ("n", "L", "L_max", "mu")
    bound_requires = ("dist0_sq", "zeta_star_sq")
    workers = "convex"
    assumptions = (
        r"Let every $f_i$ be convex and $L_{\max}$-smooth, $f$ $L$-smooth and $\mu$-strongly convex, " + SPARSE
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{1}{L+\frac{2s\omega L_{\max}}{n}}"),
        (r"\rho", r"1-\gamma\mu"),
    )
    measures = (("", "dist_sq"),)
    bound_latex = r"\rho^t R_0^2 + \frac{2\gamma s\omega\zeta_\star^2}{n\mu}"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("dist0_sq",)

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        high = 1 / (c.L + 2 * c.overlap * request.up.omega * c.L_max / c.n)
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L + 2 s omega L_max/n)"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma mu": p["gamma"] * request.c.mu}

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        c = request.c
        if request.up.omega == 0:
            return 0.0
        return 2 * p["gamma"] * c.overlap * request.up.omega * c.zeta_star_sq / (c.n * c.mu)


# --------------------------------------------------------------------------------------------------- Q-IAG


class _StoredConvex(_Overlapping):
    """Q-IAG on convex f_i: the step, and what the stored reports add to the floor."""

    source = OWN
    provenance = "ours"
    method = "q-iag"
    asynchronous = True
    requires = ("n", "L_max", "mu", "tau")
    bound_requires = ("dist0_sq", "zeta_star_sq")
    workers = "convex"
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
        return request.c.overlap * _second_moment(request) * request.c.L_max / request.c.n

    def _beta(self, request: Request, gamma: float) -> float:
        a, tau = _second_moment(request), request.c.tau
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
    needs_curvature = False
    assumptions = STORED + r"Let every $f_i$ be convex and $L_{\max}$-smooth, " + SPARSE
    measures = (("", "gap_mean"),)
    bound_latex = r"\frac{R_0^2}{2\gamma T} + \frac{\gamma sa\beta_\tau\zeta_\star^2}{n}"

    def average(self, request: Request, p: Point) -> Average:
        c, still = request.c, self._beta(request, 0.0)
        spread = c.overlap * _second_moment(request) * c.zeta_star_sq / c.n
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
    assumptions = STORED + r"Let every $f_i$ be convex and $L_{\max}$-smooth, $f$ $\mu$-strongly convex, " + SPARSE
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
            2 * gamma * c.overlap * _second_moment(request) * self._beta(request, gamma) * c.zeta_star_sq / (c.n * c.mu)
        )


@register
class QIAGDelayLemma(_FreeTheta):
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
    title = "Q-IAG, strongly convex, with nonconvex workers"
    source = f"{OWN}; the lemma is that of Feyzmahdavian, Aytekin, Johansson 2014"
    provenance = "ours"
    method = "q-iag"
    asynchronous = True
    requires = ("n", "L_max", "mu", "tau")
    assumptions = STORED + r"Let every $f_i$ be $L_{\max}$-smooth, $f$ $\mu$-strongly convex, $\theta > 0$, " + SPARSE
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
        c, a = request.c, _second_moment(request)
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
        spread = gamma * c.overlap * _second_moment(request) / c.n

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


class _AnyStep(_Overlapping, AverageTheorem):
    """Bounds without a condition on the step: it is a matter of T or eps alone."""

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose("gamma", Interval(0.0, math.inf, "0 < gamma, any step", high_open=True), self._largest(request))

    def _largest(self, request: Request) -> float:
        """A step that no better one exceeds for this T or eps; with neither, 1/smoothness."""
        aimed = request.rounds is not None or request.eps is not None
        if aimed and not any(getattr(request.constants, name) is None for name in self.bound_needs(request)):
            a = self.average(request, {})
            if a.noise > 0 and a.start > 0:
                if request.rounds is not None:
                    return math.sqrt(a.start / (a.noise * request.rounds))
                return (request.eps or 0.0) / a.noise
        return 1 / self._smoothness(request)

    @abstractmethod
    def _smoothness(self, request: Request) -> float:
        """The smoothness that the family of bounds uses."""

    def active(self, request: Request, p: Point) -> str:
        return f"every gamma is covered, {p['gamma']:.6g} is chosen; the best one depends on T"

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        """1/sqrt(T) for the best step, and drift/T."""
        return replace(super().rate(request, p, curve), text="1/sqrt(T), after 1/T, with the step tuned for T")


@register
class QIAGNonconvex(_AnyStep):
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
    asynchronous = True
    requires = ("n", "L_max", "tau")
    bound_requires = ("gap0", "G_mean", "G_sq_mean")
    assumptions = (
        STORED + r"Let every $f_i$ be $L_{\max}$-smooth, $\|\nabla f_i(x)\| \le c_i$ at every point met, "
        r"$C_1 = \frac{1}{n}\sum_i c_i$, $C_2 = \frac{1}{n}\sum_i c_i^2$, " + SPARSE
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
        c, a, share = request.c, _second_moment(request), request.c.overlap / request.c.n
        moment = a * share**2 * c.G_sq_mean
        coins = 2 * c.L_max * c.tau * share**1.5 * math.sqrt(a * request.up.omega * c.G_sq_mean) * c.G_mean
        return Average(start=2 * c.gap0, noise=moment * c.L_max + coins, drift=moment * share * (c.L_max * c.tau) ** 2)


@register
class DelayedQSGD(_AnyStep):
    """Delayed Q-SGD on a convex f.

    Problem: f is convex and L-smooth (mu = 0 says that it is convex), E||g||^2 <= G^2 at every point met. Algorithm:
    every step averages M compressed stochastic gradients, each at most tau rounds old: x <- x - gamma avg_m
    C(g_m(x^(t - tau_m))). Each sample and its coins are used once, by one worker; the delays are independent of samples
    and coins; the workers have equal f_i, or the worker of every message is drawn uniformly and independently of the
    past, or every step averages one message of every worker, all of the same age.

    Guarantee: any gamma > 0 gives
    (1/T) sum_{t<T} E[f(x^t) - f*] <= R_0^2/(2 gamma T) + gamma a G^2/2 + L gamma^2 tau^2 a G^2/2.

    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=4, L=1.0, mu=0.0, tau=2, dist0_sq=4.0, G=1.0, zeta_sq=0.0)
    >>> found = theorem("khirirat.delayed-q-sgd").guarantee(known, Unbiased(1.0), gamma=0.5)
    >>> float(found.bound(4))
    2.5
    """

    name = "khirirat.delayed-q-sgd"
    title = "Delayed Q-SGD, convex"
    source = OWN
    provenance = "ours"
    method = "delayed-q-sgd"
    asynchronous = True
    requires = ("L", "mu", "tau")
    bound_requires = ("dist0_sq", "G")
    needs_curvature = False
    exact = False
    parameters = ("gamma", "M")
    assumptions = (
        r"Let $f$ be convex and $L$-smooth, $\mathbb{E}\|g\|^2 \le G^2$ for the stochastic gradients at every point "
        r"met, each step average $M$ of them that are at most $\tau$ rounds old and compressed by an unbiased $C$ with "
        r"$\mathbb{E}\|C(v)\|^2 \le a\|v\|^2$, $a = 1+\omega$, each sample be used once, the delays be independent of "
        r"samples and coins, and all $f_i$ be equal, or the worker of each message drawn uniformly, or $M=n$ messages "
        r"of all workers and of one age make a step."
    )
    conditions = r"0 < \gamma"
    measures = (("", "gap_mean"),)
    bound_latex = r"\frac{R_0^2}{2\gamma T} + \frac{\gamma aG^2}{2} + \frac{L\gamma^2\tau^2aG^2}{2}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.constants
        M = choose("M", Interval(1.0, c.n or math.inf, "1 <= M <= n", low_open=False), 1.0)
        together = c.n == M and c.same_age
        if c.zeta_sq != 0 and not c.uniform_draws and not together:
            raise NotCovered(
                f"{self.name} needs messages whose mean is a gradient of f, and workers that differ (zeta_sq is not 0) "
                f"report as often as they are fast; draw the worker of every message uniformly (--clock drawn, --set "
                f"uniform_draws=1), or --set zeta_sq=0 if all workers sample the same f"
            )
        super().choose_parameters(request, choose)

    def _smoothness(self, request: Request) -> float:
        return request.c.L

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        moment = _second_moment(request) * c.G**2 / 2
        return Average(start=c.dist0_sq / 2, noise=moment, drift=moment * c.L * c.tau**2)
