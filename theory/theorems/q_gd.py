"""Q-GD, quantised gradient descent on one node: x <- x - gamma C(grad f(x)).

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573; notation and proofs as in `_overlapping`.
"""

from __future__ import annotations

from ..bounds import Interval
from ..compressors import Unbiased
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import CONVEX, EXACT, ONE_WORKER, SMOOTH, STRONGLY_CONVEX
from ..theorem import ParameterChoice, Point, Request, register
from ._overlapping import PAPER, SECOND_MOMENT


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
    assumes = (
        ONE_WORKER,
        EXACT,
        SMOOTH,
        STRONGLY_CONVEX,
    )
    messages_latex = SECOND_MOMENT
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
    uplink = Unbiased
    assumes = (
        ONE_WORKER,
        EXACT,
        SMOOTH,
        CONVEX,
    )
    messages_latex = SECOND_MOMENT
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
    assumes = (
        ONE_WORKER,
        EXACT,
        SMOOTH,
    )
    messages_latex = SECOND_MOMENT
    conditions = r"0 < \gamma < \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{2}{aL}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{\Delta}{\gamma(1-\frac{aL\gamma}{2})T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        aL = (1 + request.up.omega) * request.c.L
        choose("gamma", Interval(0.0, 2 / aL, "0 < gamma < 2/(a L)", high_open=True), 1 / aL)

    def average(self, request: Request, p: Point) -> Average:
        return Average(start=request.c.gap0, noise=0.0, damping=(1 + request.up.omega) * request.c.L / 2)
