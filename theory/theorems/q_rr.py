"""Q-RR: compressed gradients of samples that are reshuffled in every epoch.

Sadiev, Malinovsky, Gorbunov, Sokolov, Khaled, Burlachenko, Richtarik 2024 (NeurIPS), arXiv 2206.07021.

    epoch    :  every worker draws a random permutation pi_i of its m samples
    worker i :  step k of the epoch: send Q(grad f_{i, pi_i(k)}(x))
    server   :  x <- x - gamma avg Q(...)

The samples of an epoch cancel at the minimiser, which leaves a floor of order gamma^2; what compression adds is of
order gamma, as it is without reshuffling.
"""

from __future__ import annotations

from typing import ClassVar

from ..bounds import Interval
from ..compressors import Unbiased
from ..families import LinearTheorem
from ..hypotheses import OWN_COINS, RESHUFFLED, SMOOTH_SAMPLES, STRONGLY_CONVEX_SAMPLES
from ..hypothesis import Hypothesis
from ..probe import Probe, constant
from ..theorem import ParameterChoice, Point, Request, register

PAPER = "Sadiev, Malinovsky, Gorbunov, Sokolov, Khaled, Burlachenko, Richtarik 2024 (arXiv 2206.07021)"


class Reshuffled(LinearTheorem):
    """What bounds over whole epochs share: L_s over samples, mu of every sample, m rounds an epoch."""

    source = PAPER
    provenance = "published"
    requires = ("n", "m", "L_sample", "mu")
    uplink = Unbiased
    floor_falls_with = ""
    assumes: ClassVar[tuple[Hypothesis, ...]] = (STRONGLY_CONVEX_SAMPLES, SMOOTH_SAMPLES, RESHUFFLED, OWN_COINS)
    probe = Probe(symbols={"m": constant("m")})

    def epoch(self, request: Request) -> int:
        return int(request.c.m)

    def shuffling(self, request: Request, p: Point) -> float:
        """2 gamma^2 sigma_rad^2/mu: how far a step strays from the direction of the epoch's mean."""
        c = request.c
        return 2 * p["gamma"] ** 2 * (c.L_sample * c.m * c.sigma_star_sq / 4) / c.mu


@register
class StronglyConvex(Reshuffled):
    """Q-RR on strongly convex samples.

    Problem: n workers with m samples each, every sample's loss L_s-smooth and mu-strongly convex. Q is unbiased with
    constant omega and coins independent over workers. Algorithm: see the module.

    Guarantee: gamma <= 1/((1 + 2 omega/n) L_s) gives, after t = m, 2 m, 3 m, ... rounds,
    E||x^t - x*||^2 <= (1 - gamma mu)^t R0^2 + 2 gamma^2 sigma_rad^2/mu
                       + (2 gamma omega/(mu n)) (zeta_*^2 + sigma_*^2),  sigma_rad^2 = L_s m sigma_*^2/4.
    omega = 0: random reshuffling on n workers.

    Source: the paper, Theorem 1, with its bound of the shuffling radius sigma_rad. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=2, m=10, L_sample=2.0, mu_sample=0.1)
    >>> found = theorem("q-rr.strongly-convex").guarantee(known, up=Unbiased(4.0))
    >>> found.parameters["gamma"], found.rate.contraction
    (0.1, 0.99)
    """

    name = "q-rr.strongly-convex"
    title = "Q-RR, strongly convex"
    method = "q-rr"
    bound_requires = ("dist0_sq", "sigma_star_sq", "zeta_star_sq")
    conditions = r"0 < \gamma \le \gamma_{\max}, t \in \{m, 2m, 3m, \dots\}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{1}{(1+\frac{2\omega}{n})L_s}"),
        (r"\rho", r"1-\gamma\mu"),
        (r"\sigma_{rad}", r"\frac{1}{2}\sqrt{L_sm\sigma_\star^2}"),
    )
    measures = (("", "dist_sq"),)
    bound_latex = (
        r"\rho^tR_0^2 + \frac{2\gamma^2\sigma_{rad}^2}{\mu} + "
        r"\frac{2\gamma\omega}{\mu n}(\zeta_\star^2+\sigma_\star^2)"
    )

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("dist0_sq", "sigma_star_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        high = 1 / ((1 + 2 * request.up.omega / c.n) * c.L_sample)
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/((1 + 2 omega/n) L_sample)"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"the model, 1 - gamma mu": p["gamma"] * request.c.mu}

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        c, omega = request.c, request.up.omega
        compression = omega and 2 * p["gamma"] * omega / (c.mu * c.n) * (c.zeta_star_sq + c.sigma_star_sq)
        return self.shuffling(request, p) + compression
