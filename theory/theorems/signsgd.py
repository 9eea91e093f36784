"""signSGD: only the signs of a large minibatch's gradient travel.

Bernstein, Wang, Azizzadenesheli, Anandkumar 2018 (arXiv 1802.04434).

    x^{t+1} = x^t - gamma sign(g^t) ,  g^t the mean of R fresh stochastic gradients at x^t
"""

from __future__ import annotations

import math
from typing import Any

from ..bounds import Curve, Rate
from ..compressors.sign import Sign
from ..families import TunedTheorem
from ..hypotheses import NOISE_IN_COORDINATES, ONE_WORKER, SMOOTH_COORDINATES
from ..probe import Probe
from ..theorem import Assumption, ParameterChoice, Point, Request, prescribe, register


@register
class Nonconvex(TunedTheorem):
    """signSGD on a smooth nonconvex f, one worker, T rounds with minibatches of T samples.

    Problem: f has coordinatewise smoothness constants L_j, L_1 their sum; the stochastic gradient's coordinates have
    standard deviations sigma_j, sigma_1 their sum. Algorithm: see the module.

    Guarantee: gamma = 1/sqrt(L_1 T) and R = T give
    (1/T) sum_{t<T} E||grad f(x^t)||_1 <= (sqrt(L_1)(Delta + 1/2) + 2 sigma_1)/sqrt T.
    A coordinate whose g_j is zero may be given any sign, or none: where grad_j is zero, too, the step's first order
    loses nothing and its second order is no more than L_j gamma^2/2; elsewhere it counts as a wrong sign, whose
    probability the proof bounds. The method sends +1, so that every entry is a sign and one bit carries it.
    The published form squares both sides and counts N = T^2 samples. There is no memory, and with one sample a round
    signSGD can fail.

    Source: Bernstein et al. 2018 (arXiv 1802.04434), Theorem 1. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=1, L_l1=4.0, gap0=1.0, sigma_l1=2.0)
    >>> found = theorem("signsgd.nonconvex").guarantee(known, rounds=100)
    >>> found.parameters, round(float(found.bound(100)), 9)
    ({'gamma': 0.05, 'R': 100.0}, 0.7)
    """

    name = "signsgd.nonconvex"
    probe = Probe(tuned=True)
    title = "signSGD, nonconvex, large batches"
    source = "Bernstein, Wang, Azizzadenesheli, Anandkumar 2018 (arXiv 1802.04434), Theorem 1"
    provenance = "published"
    method = "signsgd"
    requires = ("L_l1",)
    bound_requires = ("gap0", "sigma_l1")
    parameters = ("gamma", "R")
    general = "signsgd.nonconvex"
    assumes = (
        ONE_WORKER,
        SMOOTH_COORDINATES,
        NOISE_IN_COORDINATES,
    )
    setting = r"Every round averages $R = T$ samples."
    conditions = r"\gamma = \gamma_T"
    definitions = ((r"\gamma_T", r"\frac{1}{\sqrt{L_1T}}"),)
    measures = (("", "grad_l1_mean"),)
    bound_latex = r"\frac{\sqrt{L_1}(\Delta+\frac{1}{2})+2\sigma_1}{\sqrt{T}}"

    def promised(self, side: str, given: Any, dim: int | None) -> Assumption | None:
        """Vectors of +1 and -1 pass through the compressors that send a scale and signs as they are."""
        return None if side == "uplink" and isinstance(given, Sign) else super().promised(side, given, dim)

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        T = self.horizon(request)
        prescribe(self, choose, {"gamma": (1 / math.sqrt(request.c.L_l1 * T), "1/sqrt(L_1 T)"), "R": (float(T), "T")})

    def powers(self, request: Request) -> tuple[tuple[float, float], ...]:
        c = request.c
        return ((math.sqrt(c.L_l1) * (c.gap0 + 1 / 2) + 2 * c.sigma_l1, 1 / 2),)

    def active(self, request: Request, p: Point) -> str:
        return f"gamma = 1/sqrt(L_1 T) at T = {self.horizon(request)}"

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        return Rate("power", "1/sqrt(T) rounds, that is 1/N^(1/4) in samples; one worker", in_rounds=(-0.5, -0.5))
