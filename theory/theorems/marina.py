"""MARINA: compressed differences of gradients, and now and then everything.

Gorbunov, Burlachenko, Li, Richtarik 2021, arXiv 2102.07845.

    coin     :  one for all workers, heads with probability p; heads in round 0
    worker i :  heads: send grad f_i(x) ;  tails: send Q(grad f_i(x) - grad f_i(x_prev))
    server   :  heads: v = avg grad f_i(x) ;  tails: v <- v + avg Q(...)
    everyone :  x_prev <- x,  x <- x - gamma v

Q is unbiased with constant omega and coins independent over workers; v is a biased estimate. Gradients are exact.
"""

from __future__ import annotations

import math
from typing import ClassVar

from ..bounds import Interval
from ..compressors import Unbiased
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import DENSE_START, EXACT, OWN_COINS, POLYAK_LOJASIEWICZ, SMOOTH, SMOOTH_ON_AVERAGE
from ..theorem import ParameterChoice, Point, Request, Theorem, register

PAPER = "Gorbunov, Burlachenko, Li, Richtarik 2021 (arXiv 2102.07845)"


def coin(request: Request, choose: ParameterChoice) -> float:
    """Take p; 1/(1 + omega) makes both kinds of rounds cost about the same bits."""
    return choose("p", Interval(0.0, 1.0, "0 < p <= 1"), 1 / (1 + request.up.omega))


def drift(request: Request, p: float) -> float:
    """(1 - p) omega/(p n): how far v strays between two coins that fall heads."""
    return (1 - p) * request.up.omega / (p * request.c.n)


class _Marina(Theorem):
    """What both cases share."""

    method = "marina"
    bound_requires: ClassVar[tuple[str, ...]] = ("gap0",)
    uplink = Unbiased
    parameters = ("gamma", "p")
    conditions = r"0 < \gamma \le \gamma_{\max}"

    def bits_per_round(self, up: float, down: float, dense: float, p: Point) -> float:
        return p["p"] * dense + (1 - p["p"]) * up + down

    def bits_of_first_round(self, up: float, down: float, dense: float, p: Point) -> float:
        return dense + down


@register
class Nonconvex(_Marina, AverageTheorem):
    """MARINA on smooth nonconvex f.

    Problem: f is L-smooth, f_i is L_i-smooth, L_tilde^2 = avg L_i^2; exact gradients. Algorithm: see the module.

    Guarantee: gamma <= 1/(L + L_tilde sqrt((1-p) omega/(p n))) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T).

    Source: the paper. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=9, L=1.0, L_tilde=2.0, gap0=1.0)
    >>> found = theorem("marina.nonconvex").guarantee(known, up=Unbiased(3.0))
    >>> found.parameters, float(found.bound(2))
    ({'gamma': 0.3333333333333333, 'p': 0.25}, 3.0)
    """

    name = "marina.nonconvex"
    title = "MARINA, nonconvex"
    source = PAPER
    provenance = "published"
    requires = ("n", "L", "L_tilde")
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        EXACT,
        OWN_COINS,
        DENSE_START,
    )
    setting = r"Let $0 < p \le 1$ and $v^0 = \nabla f(x^0)$."
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L+\tilde L\sqrt{\frac{(1-p)\omega}{pn}}}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        high = 1 / (request.c.L + request.c.L_tilde * math.sqrt(drift(request, coin(request, choose))))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L + L_tilde sqrt((1 - p) omega/(p n)))"), high)

    def average(self, request: Request, p: Point) -> Average:
        return Average(start=2 * request.c.gap0, noise=0.0)


@register
class PolyakLojasiewicz(_Marina, LinearTheorem):
    """MARINA under the Polyak-Lojasiewicz inequality.

    Problem: as `Nonconvex`, and ||grad f||^2 >= 2 pl (f - f*). Algorithm: see the module.

    Guarantee: gamma <= min{1/(L + L_tilde sqrt(2 (1-p) omega/(p n))), p/(2 pl)} gives
    E f(x^T) - f* <= (1 - gamma pl)^T Delta.

    Source: the paper, constants re-derived in our proof. Provenance: restated.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=18, L=1.0, L_tilde=2.0, pl=0.3, gap0=1.0)
    >>> found = theorem("marina.pl").guarantee(known, up=Unbiased(3.0))
    >>> round(found.rate.contraction, 6), found.active
    (0.9, 'rho = 0.9 is set by 1 - gamma pl')
    """

    name = "marina.pl"
    title = "MARINA, Polyak-Lojasiewicz"
    source = f"{PAPER}, constants re-derived in our proof"
    provenance = "restated"
    requires = ("n", "L", "L_tilde", "pl")
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        POLYAK_LOJASIEWICZ,
        EXACT,
        OWN_COINS,
        DENSE_START,
    )
    setting = r"Let $0 < p \le 1$ and $v^0 = \nabla f(x^0)$."
    definitions = (
        (r"\gamma_{\max}", r"\min\{\frac{1}{L+\tilde L\sqrt{\frac{2(1-p)\omega}{pn}}},\frac{p}{2\mu_{PL}}\}"),
        (r"\rho", r"1-\gamma\mu_{PL}"),
    )
    measures = (("", "gap"),)
    bound_latex = r"\rho^t\Delta"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, p = request.c, coin(request, choose)
        smooth, often = 1 / (c.L + c.L_tilde * math.sqrt(2 * drift(request, p))), p / (2 * c.pl)
        text = "1/(L + L_tilde sqrt(2 (1 - p) omega/(p n)))" if smooth <= often else "p/(2 pl)"
        high = min(smooth, often)
        choose("gamma", Interval(0.0, high, f"0 < gamma <= {text}"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma pl": p["gamma"] * request.c.pl}

    def start(self, request: Request, p: Point) -> float:
        return request.c.gap0

    def floor(self, request: Request, p: Point) -> float:
        return 0.0
