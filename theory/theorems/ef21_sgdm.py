"""EF21-SGDM: EF21 on the momentum of stochastic gradients.

Fatkhullin, Tyurin, Richtarik 2023, arXiv 2305.15155.

    worker i :  v_i <- (1 - eta) v_i + eta g_i(x) ;  c_i = C(v_i - h_i) ;  send c_i ;  h_i <- h_i + c_i
    everyone :  x <- x - gamma avg h_i, with the new h_i

Round 0 is exact: v_i = h_i = g_i(x^0). C is contractive with constant delta.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ..bounds import Curve, Interval, Rate
from ..compressors import Contractive
from ..families import Average, AverageTheorem, speedup_until
from ..hypotheses import DENSE_START, NOISE, SMOOTH, SMOOTH_ON_AVERAGE
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, register


@register
class Nonconvex(AverageTheorem):
    """EF21-SGDM on smooth nonconvex f, with linear speedup and without large batches.

    Problem: f is L-smooth, f_i is L_i-smooth, L_tilde^2 = avg L_i^2, noise of variance sigma^2. Algorithm: see the
    module.

    Guarantee: 0 < eta <= 1 and gamma <= min{delta/(8 L_tilde sqrt(1 - delta)), eta/(4L)} give
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T) + (2/(eta n) + 16 (1 - delta) eta/delta^2) sigma^2/T
        + 2 eta sigma^2/n + 4 (1 - delta) eta^2 sigma^2/delta + 16 (1 - delta) eta^3 sigma^2/delta^2;
    the second term is what the stochastic first messages cost.

    Recommended: eta = 4 L gamma, the smallest for the step.

    Provenance: ours. EF21 with plain stochastic gradients (eta = 1) keeps a floor that no number of workers lowers.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=1.0, gap0=1.0, sigma_sq=0.0)
    >>> found = theorem("ef21-sgdm.nonconvex").guarantee(known, up=Contractive(0.75))
    >>> found.parameters, float(found.bound(32))
    ({'gamma': 0.1875, 'eta': 0.75}, 0.3333333333333333)
    >>> theorem("ef21-sgdm.nonconvex").guarantee(known, up=Contractive(0.75), gamma=0.01).parameters
    {'gamma': 0.01, 'eta': 0.04}
    """

    name = "ef21-sgdm.nonconvex"
    probe = Probe(fixed={"eta": 0.3})
    title = "EF21-SGDM, nonconvex"
    source = "own proof, for the method of Fatkhullin, Tyurin, Richtarik 2023 (arXiv 2305.15155)"
    provenance = "ours"
    method = "ef21-sgdm"
    requires = ("n", "L", "L_tilde")
    bound_requires = ("gap0", "sigma_sq")
    uplink = Contractive
    parameters = ("gamma", "eta")
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        NOISE,
        DENSE_START,
    )
    setting = r"Let $0 < \eta \le 1$ (for $\delta = 1$ the first entry of the minimum is infinite)."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\min\{\frac{\delta}{8\tilde L\sqrt{1-\delta}},\frac{\eta}{4L}\}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{2\Delta}{\gamma T} + (\frac{2}{\eta n} + \frac{16(1-\delta)\eta}{\delta^2})\frac{\sigma^2}{T} "
        r"+ \frac{2\eta\sigma^2}{n} + \frac{4(1-\delta)\eta^2\sigma^2}{\delta} "
        r"+ \frac{16(1-\delta)\eta^3\sigma^2}{\delta^2}"
    )

    def bits_of_first_round(self, up: float, down: float, dense: float, p: Point) -> float:
        return dense + down

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, delta = request.c, request.up.delta
        memories = delta / (8 * c.L_tilde * math.sqrt(1 - delta)) if delta < 1 else math.inf
        target = min(max(choose.fixed.get("gamma", memories), 0.0), memories)
        eta = choose("eta", Interval(0.0, 1.0, "0 < eta <= 1"), min(1.0, 4 * c.L * target) or 1.0)
        momentum = eta / (4 * c.L)
        text = "eta/(4 L)" if momentum <= memories else "delta/(8 L_tilde sqrt(1 - delta))"
        high = min(momentum, memories)
        choose("gamma", Interval(0.0, high, f"0 < gamma <= {text}"), high)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        found = super().rate(request, p, curve)
        if found.speedup_until is None or not math.isclose(p["eta"], 4 * request.c.L * p["gamma"], rel_tol=1e-9):
            return found
        widest = self._parameters_at(request, {}, "").values["gamma"]  # eta moves with gamma
        until = speedup_until(self.average(request, p), request.c.n, request.rounds or 1, widest)
        return replace(found, speedup_until=until)

    def average(self, request: Request, p: Point) -> Average:
        c, delta, gamma, eta = request.c, request.up.delta, p["gamma"], p["eta"]
        kept = (1 - delta) / delta
        first = 2 / (eta * c.n) + 16 * kept * eta / delta
        return Average(
            start=2 * c.gap0 + gamma * first * c.sigma_sq,
            noise=2 * (eta / gamma) * c.sigma_sq / c.n,
            drift=4 * kept * (eta / gamma) ** 2 * (1 + 4 * eta / delta) * c.sigma_sq,
        )
