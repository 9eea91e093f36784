"""Compressed gradient descent, x <- x - gamma C(grad f(x)), with a biased compressor and no memory.

On one node it converges; on several, x <- x - gamma avg C(grad f_i(x)) may diverge for every step. The classroom
example is f_i = <a_i, x>^2 + ||x||^2/4 with a_i the cyclic shifts of (-3, 2, 2) and top-1: from x^0 = (1, 1, 1) the
method moves to (1 + 11 gamma/6) x^0 (Beznosikov, Horvath, Richtarik, Safaryan 2020). Error feedback repairs it.
"""

from __future__ import annotations

from ..bounds import Interval
from ..compressors import Contractive
from ..families import LinearTheorem
from ..hypotheses import EXACT, ONE_WORKER, SMOOTH, STRONGLY_CONVEX
from ..theorem import ParameterChoice, Point, Request, register


@register
class StronglyConvex(LinearTheorem):
    """Compressed gradient descent on one node, strongly convex.

    Problem: f is L-smooth and mu-strongly convex, exact gradients. Algorithm: x <- x - gamma C(grad f(x)).

    Guarantee: gamma <= 1/L gives E f(x^t) - f* <= (1 - gamma mu delta)^t (f(x^0) - f*).

    Source: Beznosikov, Horvath, Richtarik, Safaryan 2020 (arXiv 2002.12410), Theorems 17 to 19. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=1, L=1.0, mu=0.5, gap0=1.0, sigma_sq=0.0)
    >>> ask = theorem("compressed-gd.strongly-convex").guarantee
    >>> ask(known, Contractive(0.5)).rate.contraction
    0.75
    >>> ask(Constants(n=3, L=1.0, mu=0.5), Contractive(0.5)).reason
    'compressed-gd.strongly-convex applies to a single worker (here n = 3); give n=1'
    """

    name = "compressed-gd.strongly-convex"
    title = "Compressed gradient descent, one node"
    source = "Beznosikov, Horvath, Richtarik, Safaryan 2020 (arXiv 2002.12410), Theorems 17-19"
    provenance = "published"
    method = "compressed-gd"
    requires = ("L", "mu")
    bound_requires = ("gap0",)
    uplink = Contractive
    assumes = (
        ONE_WORKER,
        EXACT,
        SMOOTH,
        STRONGLY_CONVEX,
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L}"),)
    measures = (("", "gap"),)
    bound_latex = r"(1-\gamma\mu\delta)^t\Delta"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose("gamma", Interval(0.0, 1 / request.c.L, "0 < gamma <= 1/L"), 1 / request.c.L)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"gamma mu delta": p["gamma"] * request.c.mu * request.up.delta}

    def start(self, request: Request, p: Point) -> float:
        return request.c.gap0

    def floor(self, request: Request, p: Point) -> float:
        return 0.0
