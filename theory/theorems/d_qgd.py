"""D-QGD, every worker sends C(grad f_i(x)): x <- x - gamma avg C(grad f_i(x)).

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573; notation and proofs as in `_overlapping`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..bounds import Interval
from ..families import LinearTheorem
from ..hypotheses import CONVEX_WORKERS, EXACT, OVERLAP, SMOOTH, SMOOTH_WORKERS, STRONGLY_CONVEX
from ..probe import Probe, parameter
from ..theorem import ParameterChoice, Point, Request, register
from ._overlapping import OWN, FreeTheta, Overlapping, second_moment


@register
class DQGDStronglyConvex(FreeTheta):
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
    probe = Probe(fixed={"theta": 0.7}, symbols={r"\theta": parameter("theta")})
    title = "D-QGD, strongly convex"
    source = OWN
    provenance = "ours"
    method = "d-qgd"
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        STRONGLY_CONVEX,
        EXACT,
        OVERLAP,
    )
    setting = r"Let $\theta > 0$. The coins may depend on each other."
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
        return second_moment(request) * request.c.overlap * request.c.L_max / request.c.n

    def _trade(self, request: Request, gamma: float) -> Callable[[float], tuple[float, float]]:
        c, b = request.c, gamma * self._curvature(request)
        slope = gamma * c.mu
        spread = gamma * second_moment(request) * c.overlap / (c.n * c.mu)

        def trade(theta: float) -> tuple[float, float]:
            kappa = 2 - b * (1 + theta)
            return slope * kappa, spread * (1 + 1 / theta) / kappa if theta > 0 and kappa > 0 else math.inf

        return trade

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        contraction_gap, _ = self._trade(request, p["gamma"])(p["theta"])
        return {"1 - gamma mu (2 - gamma a s (1 + theta) L_max/n)": contraction_gap}


@register
class DQGDSharper(Overlapping, LinearTheorem):
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
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        SMOOTH,
        STRONGLY_CONVEX,
        EXACT,
        OVERLAP,
    )
    setting = r"The coins may depend on each other."
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
