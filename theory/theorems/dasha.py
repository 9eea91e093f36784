"""DASHA: compressed differences of gradients that also correct themselves, without dense rounds.

Tyurin, Richtarik 2022, arXiv 2202.01268.

    worker i :  c_i = Q(grad f_i(x) - grad f_i(x_prev) - alpha (h_i - grad f_i(x_prev))) ;  send c_i ;  h_i <- h_i + c_i
    everyone :  x_prev <- x,  x <- x - gamma avg h_i, with the new h_i

Round 0 is exact: h_i = grad f_i(x^0). Q is unbiased with constant omega and coins independent over workers, and
alpha = 1/(2 omega + 1) (the paper's a). Gradients are exact.
"""

from __future__ import annotations

import math
from typing import ClassVar

from ..bounds import Interval
from ..compressors import Unbiased
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import DENSE_START, EXACT, OWN_COINS, POLYAK_LOJASIEWICZ, SMOOTH, SMOOTH_ON_AVERAGE
from ..theorem import ParameterChoice, Point, Request, Theorem, register

SOURCE = "own proof, for the method of Tyurin, Richtarik 2022 (arXiv 2202.01268)"


def correction(request: Request, choose: ParameterChoice) -> float:
    """Take alpha = 1/(2 omega + 1), with which the memories' errors contract by 1 - alpha a round."""
    alpha = 1 / (2 * request.up.omega + 1)
    return choose("alpha", Interval(alpha, alpha, "alpha = 1/(2 omega + 1)", low_open=False), alpha)


def drift(request: Request) -> float:
    """2 omega (2 omega + 1)/n: what a step adds to the error of the estimate, summed over the rounds it stays."""
    omega = request.up.omega
    return 2 * omega * (2 * omega + 1) / request.c.n


class _Dasha(Theorem):
    """What both cases share."""

    method = "dasha"
    provenance = "ours"
    source = SOURCE
    bound_requires: ClassVar[tuple[str, ...]] = ("gap0",)
    uplink = Unbiased
    parameters = ("gamma", "alpha")
    setting = r"Let $\alpha = \frac{1}{2\omega+1}$ and $h_i^0 = \nabla f_i(x^0)$."
    conditions = r"0 < \gamma \le \gamma_{\max}"

    def bits_of_first_round(self, up: float, down: float, dense: float, p: Point) -> float:
        return dense + down


@register
class Nonconvex(_Dasha, AverageTheorem):
    """DASHA on smooth nonconvex f.

    Problem: f is L-smooth, f_i is L_i-smooth, L_tilde^2 = avg L_i^2; exact gradients. Algorithm: see the module.

    Guarantee: alpha = 1/(2 omega + 1) and gamma <= 1/(L + L_tilde sqrt(2 omega (2 omega + 1)/n)) give
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T).

    Provenance: ours, see docs/proofs/dasha.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=3, L=1.0, L_tilde=2.0, gap0=1.0)
    >>> found = theorem("dasha.nonconvex").guarantee(known, up=Unbiased(1.0))
    >>> round(found.parameters["gamma"], 12), round(float(found.bound(2)), 12)
    (0.261203874964, 3.828427124746)
    """

    name = "dasha.nonconvex"
    title = "DASHA, nonconvex"
    requires = ("n", "L", "L_tilde")
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        EXACT,
        OWN_COINS,
        DENSE_START,
    )
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L+\tilde L\sqrt{\frac{2\omega(2\omega+1)}{n}}}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        correction(request, choose)
        high = 1 / (request.c.L + request.c.L_tilde * math.sqrt(drift(request)))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L + L_tilde sqrt(2 omega (2 omega + 1)/n))"), high)

    def average(self, request: Request, p: Point) -> Average:
        return Average(start=2 * request.c.gap0, noise=0.0)


@register
class PolyakLojasiewicz(_Dasha, LinearTheorem):
    """DASHA under the Polyak-Lojasiewicz inequality.

    Problem: as `Nonconvex`, and ||grad f||^2 >= 2 pl (f - f*). Algorithm: see the module.

    Guarantee: alpha = 1/(2 omega + 1) and
    gamma <= min{1/(L + L_tilde sqrt(4 omega (2 omega + 1)/n)), alpha/(2 pl)} give
    E f(x^T) - f* <= (1 - gamma pl)^T Delta.

    Provenance: ours, see docs/proofs/dasha.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=12, L=1.0, L_tilde=2.0, pl=0.3, gap0=1.0)
    >>> found = theorem("dasha.pl").guarantee(known, up=Unbiased(1.0))
    >>> round(found.rate.contraction, 6), found.active
    (0.9, 'rho = 0.9 is set by 1 - gamma pl')
    """

    name = "dasha.pl"
    title = "DASHA, Polyak-Lojasiewicz"
    requires = ("n", "L", "L_tilde", "pl")
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        POLYAK_LOJASIEWICZ,
        EXACT,
        OWN_COINS,
        DENSE_START,
    )
    definitions = (
        (
            r"\gamma_{\max}",
            r"\min\{\frac{1}{L+\tilde L\sqrt{\frac{4\omega(2\omega+1)}{n}}},\frac{\alpha}{2\mu_{PL}}\}",
        ),
        (r"\rho", r"1-\gamma\mu_{PL}"),
    )
    measures = (("", "gap"),)
    bound_latex = r"\rho^t\Delta"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, alpha = request.c, correction(request, choose)
        smooth, corrected = 1 / (c.L + c.L_tilde * math.sqrt(2 * drift(request))), alpha / (2 * c.pl)
        text = "1/(L + L_tilde sqrt(4 omega (2 omega + 1)/n))" if smooth <= corrected else "alpha/(2 pl)"
        high = min(smooth, corrected)
        choose("gamma", Interval(0.0, high, f"0 < gamma <= {text}"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma pl": p["gamma"] * request.c.pl}

    def start(self, request: Request, p: Point) -> float:
        return request.c.gap0

    def floor(self, request: Request, p: Point) -> float:
        return 0.0
