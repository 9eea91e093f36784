"""EF21 with the mean of the workers' smoothness, and with sparse data.

The algorithm is that of the module `ef21`. f_i depends on the coordinates in S_i only, and its messages and memories
live there. What enters is rho_L = max_j sum_{i: j in S_i} L_i, the constant L_shared: n times the mean of the L_i for
dense data, their largest for disjoint supports. The mean in place of sqrt(avg L_i^2) is the idea of Richtarik, Gasanov,
Burlachenko 2024 ("Error Feedback Reloaded", arXiv 2402.10774); supports and proof are ours, see docs/proofs/ef21.md.
"""

from __future__ import annotations

import math
from typing import ClassVar

from ..bounds import Interval
from ..compressors import Contractive
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import EXACT, POLYAK_LOJASIEWICZ, SMOOTH, SMOOTH_ON_SUPPORTS, ZERO_MEMORIES
from ..theorem import ParameterChoice, Point, Request, Theorem, register
from .ef21 import beta, theta


class _Sparse(Theorem):
    """What both cases share."""

    source = "own proof, for the method of Richtarik, Sokolov, Fatkhullin 2021 (arXiv 2106.05203)"
    provenance = "ours"
    method = "ef21"
    bound_requires: ClassVar[tuple[str, ...]] = ("gap0", "grad0_scaled")
    uplink = Contractive
    setting = r"Let $g_L^2 = \frac{1}{n}\sum_i\frac{1}{L_i}\|\nabla f_i(x^0)\|^2$."
    conditions = r"0 < \gamma \le \gamma_{\max}"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.delta < 1 else ("gap0",)

    @staticmethod
    def smooth(request: Request) -> float:
        """rho_L/n."""
        return request.c.L_shared / request.c.n

    def first(self, request: Request) -> float:
        """A bound on W^0/theta, the weighted error of the first memories after their message."""
        delta = request.up.delta
        return (1 - delta) * self.smooth(request) * request.c.grad0_scaled / theta(delta) if delta < 1 else 0.0


@register
class Nonconvex(_Sparse, AverageTheorem):
    """EF21 on smooth nonconvex f, with the mean of the L_i and with sparse data.

    Problem: f is L-smooth, f_i is L_i-smooth and depends on the coordinates in S_i only,
    rho_L = max_j sum_{i: j in S_i} L_i (the constant L_shared), exact gradients. Algorithm: EF21.

    Guarantee: gamma <= 1/(L + (rho_L/n) sqrt(beta/theta)) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T) + E W^0/(theta T),
    W^0 = (rho_L/n^2) sum ||C(grad f_i(x^0)) - grad f_i(x^0)||^2/L_i,
    and E W^0 <= (1 - delta)(rho_L/n) avg ||grad f_i(x^0)||^2/L_i.
    For dense data rho_L/n is the mean of the L_i, at most L_tilde: the step is never smaller than that of
    `ef21.nonconvex`. For disjoint supports it is L_max/n, and the step is n times that of a worker alone.

    Provenance: ours, see docs/proofs/ef21.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, L_max=2.0, overlap=2, gap0=1.0, grad0_scaled=0.25)
    >>> found = theorem("ef21.nonconvex-sparse").guarantee(known, up=Contractive(0.75))
    >>> found.parameters["gamma"], float(found.bound(1)), found.notes[-1]
    (0.5, 4.125, 'L_shared = 4: at most overlap L_max')
    """

    name = "ef21.nonconvex-sparse"
    title = "EF21 with the mean of the L_i and sparse data, nonconvex"
    requires = ("n", "L", "L_shared")
    assumes = (
        SMOOTH,
        SMOOTH_ON_SUPPORTS,
        EXACT,
        ZERO_MEMORIES,
    )
    definitions = (
        (r"\theta", r"1-\sqrt{1-\delta}"),
        (r"\beta", r"\frac{1-\delta}{1-\sqrt{1-\delta}}"),
        (r"\gamma_{\max}", r"\frac{1}{L+\frac{\rho_L}{n}\sqrt{\frac{\beta}{\theta}}}"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T} + \frac{(1-\delta)\rho_L g_L^2}{n\theta T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        delta = request.up.delta
        high = 1 / (request.c.L + self.smooth(request) * math.sqrt(beta(delta) / theta(delta)))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L + (L_shared/n) sqrt(beta/theta))"), high)

    def average(self, request: Request, p: Point) -> Average:
        return Average(start=2 * request.c.gap0 + p["gamma"] * self.first(request), noise=0.0)


@register
class PolyakLojasiewicz(_Sparse, LinearTheorem):
    """EF21 under the Polyak-Lojasiewicz inequality, with the mean of the L_i and with sparse data.

    Problem: as `Nonconvex`, and ||grad f||^2 >= 2 pl (f - f*). Algorithm: EF21.

    Guarantee: gamma <= min{1/(L + (rho_L/n) sqrt(2 beta/theta)), theta/(2 pl)} gives
    E f(x^T) - f* <= (1 - gamma pl)^T [Delta + (gamma/theta) E W^0], with W^0 as there.

    Provenance: ours, see docs/proofs/ef21.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, L_shared=4.0, pl=0.25, gap0=1.0, grad0_scaled=0.5)
    >>> found = theorem("ef21.pl-sparse").guarantee(known, up=Contractive(0.75))
    >>> round(found.parameters["gamma"], 4), round(found.rate.contraction, 4), round(float(found.bound(0)), 4)
    (0.4142, 0.8964, 1.1036)
    """

    name = "ef21.pl-sparse"
    title = "EF21 with the mean of the L_i and sparse data, Polyak-Lojasiewicz"
    requires = ("n", "L", "L_shared", "pl")
    assumes = (
        SMOOTH,
        SMOOTH_ON_SUPPORTS,
        POLYAK_LOJASIEWICZ,
        EXACT,
        ZERO_MEMORIES,
    )
    definitions = (
        (r"\theta", r"1-\sqrt{1-\delta}"),
        (r"\beta", r"\frac{1-\delta}{1-\sqrt{1-\delta}}"),
        (
            r"\gamma_{\max}",
            r"\min\{\frac{1}{L+\frac{\rho_L}{n}\sqrt{\frac{2\beta}{\theta}}},\frac{\theta}{2\mu_{PL}}\}",
        ),
        (r"\rho", r"1-\gamma\mu_{PL}"),
    )
    measures = (("", "gap"),)
    bound_latex = r"\rho^t(\Delta + \frac{\gamma(1-\delta)\rho_L g_L^2}{n\theta})"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, delta = request.c, request.up.delta
        smooth = 1 / (c.L + self.smooth(request) * math.sqrt(2 * beta(delta) / theta(delta)))
        memories = theta(delta) / (2 * c.pl)
        text = "1/(L + (L_shared/n) sqrt(2 beta/theta))" if smooth <= memories else "theta/(2 pl)"
        high = min(smooth, memories)
        choose("gamma", Interval(0.0, high, f"0 < gamma <= {text}"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma pl": p["gamma"] * request.c.pl}

    def start(self, request: Request, p: Point) -> float:
        return request.c.gap0 + p["gamma"] * self.first(request)

    def floor(self, request: Request, p: Point) -> float:
        return 0.0
