"""Normalised EF21: steps of one length in the direction of EF21's estimate.

    worker i :  c_i = C(grad f_i(x) - h_i) ;  send c_i ;  h_i <- h_i + c_i
    everyone :  v = avg h_i, with the new h_i ;  x <- x - gamma v/||v||

Round 0 is exact: h_i = grad f_i(x^0). C is contractive with constant delta, s = sqrt(1 - delta). Gradients are exact.
Proof: docs/proofs/ef21.md.
"""

from __future__ import annotations

import math

from ..bounds import Curve, Rate
from ..compressors import Contractive
from ..families import TunedTheorem
from ..hypotheses import DENSE_START, EXACT, SMOOTH, SMOOTH_BY_MEAN
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, prescribe, register
from .ef21 import theta


@register
class Nonconvex(TunedTheorem):
    """Normalised EF21 on smooth nonconvex f, with the step tuned for T.

    Problem: f is L-smooth, f_i is L_i-smooth, L_mean = avg L_i; exact gradients. Algorithm: see the module.

    Guarantee: for every gamma > 0,
    (1/T) sum_{t<T} E||grad f(x^t)|| <= Delta/(gamma T) + gamma K,  K = L/2 + 2 L_mean s/(1 - s),
    which is 2 sqrt(K Delta/T) at gamma = sqrt(Delta/(K T)). The metric is the mean norm, not its square.

    Provenance: ours, see docs/proofs/ef21.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, L_mean=1.75, gap0=1.0)
    >>> found = theorem("ef21-norm.nonconvex").guarantee(known, up=Contractive(0.75), rounds=100)
    >>> found.parameters["gamma"], float(found.bound(100))
    (0.05, 0.4)
    """

    name = "ef21-norm.nonconvex"
    probe = Probe(tuned=True)
    title = "Normalised EF21, nonconvex, step tuned for T"
    source = "own proof, for EF21 (Richtarik, Sokolov, Fatkhullin 2021, arXiv 2106.05203) with normalised steps"
    provenance = "ours"
    method = "ef21-norm"
    requires = ("n", "L", "L_mean", "gap0")
    bound_requires = ()
    uplink = Contractive
    assumes = (
        SMOOTH,
        SMOOTH_BY_MEAN,
        EXACT,
        DENSE_START,
    )
    setting = r"Let $h_i^0 = \nabla f_i(x^0)$."
    conditions = r"\gamma = \gamma_T"
    definitions = (
        ("K", r"\frac{L}{2}+2\bar L\frac{\sqrt{1-\delta}}{1-\sqrt{1-\delta}}"),
        (r"\gamma_T", r"\sqrt{\frac{\Delta}{KT}}"),
    )
    measures = (("", "grad_norm_mean"),)
    bound_latex = r"2\sqrt{\frac{K\Delta}{T}}"

    def bits_of_first_round(self, up: float, down: float, dense: float, p: Point) -> float:
        return dense + down

    @staticmethod
    def cost(request: Request) -> float:
        """K: what a step of length gamma costs, in units of gamma."""
        c, delta = request.c, request.up.delta
        return c.L / 2 + 2 * c.L_mean * math.sqrt(1 - delta) / theta(delta)

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        T = self.horizon(request)
        step = math.sqrt(request.c.gap0 / (self.cost(request) * T)) or math.ulp(0.0)
        prescribe(self, choose, {"gamma": (step, "sqrt(gap0/(K T))")})

    def powers(self, request: Request) -> tuple[tuple[float, float], ...]:
        return ((2 * math.sqrt(self.cost(request) * request.c.gap0), 1 / 2),)

    def active(self, request: Request, p: Point) -> str:
        return f"gamma = sqrt(gap0/(K T)) at T = {self.horizon(request)}, K = {self.cost(request):.6g}"

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return Rate("power", "1/sqrt(T), in the norm and not its square", in_rounds=(-0.5, -0.5))
