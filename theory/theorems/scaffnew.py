"""Scaffnew and CompressedScaffnew: local steps with control variates, and a coin that says when to communicate.

Mishchenko, Malinovsky, Stich, Richtarik 2022 (ProxSkip), arXiv 2202.09357; Condat, Agarsky, Richtarik 2022
(CompressedScaffnew), arXiv 2210.13277; Condat, Agarsky, Malinovsky, Richtarik 2023 (TAMUNA), arXiv 2302.09832.

    worker i :  xhat_i = x_i - gamma (grad f_i(x_i) - h_i)
    coin     :  one for all workers, heads with probability p
                heads: C(xhat_i) is sent, xbar = avg C(xhat_i) comes back ;
                       h_i <- h_i + (p eta/gamma)(xbar - xhat_i) in the coordinates that were sent ;  x_i <- xbar
                tails: nothing is sent ;  x_i <- xhat_i

C is a random mask: every coordinate is sent by s of the n workers, and xbar is the mean of their values. Scaffnew is
the case s = n, eta = 1. Gradients are exact. The metric is avg||x_i - x*||^2 = ||x - x*||^2 + avg||x_i - x||^2 with
x = avg x_i, plus a multiple of avg||h_i - grad f_i(x*)||^2. Where every curvature is the one that decides it contracts
by just rho: the bound is attained.
"""

from __future__ import annotations

import math
from typing import ClassVar

from ..bounds import Interval
from ..compressors import Unbiased
from ..families import LinearTheorem
from ..hypotheses import ALIKE_SMOOTH_WORKERS, EXACT, MASKS, STRONGLY_CONVEX_WORKERS, ZERO_SUM
from ..hypothesis import Hypothesis
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, prescribe, register

PROXSKIP = "Mishchenko, Malinovsky, Stich, Richtarik 2022 (arXiv 2202.09357)"
MASKED = "Condat, Agarsky, Richtarik 2022 (arXiv 2210.13277)"
REDERIVED = "constants re-derived in our proof"


class _Local(LinearTheorem):
    """What all share."""

    provenance = "restated"
    requires = ("n", "L_max", "mu")
    bound_requires: ClassVar[tuple[str, ...]] = ("dist0_sq", "zeta_star_sq")
    parameters: ClassVar[tuple[str, ...]] = ("gamma", "p")
    assumes: ClassVar[tuple[Hypothesis, ...]] = (
        ALIKE_SMOOTH_WORKERS,
        STRONGLY_CONVEX_WORKERS,
        EXACT,
        ZERO_SUM,
    )
    conditions = r"0 < \gamma < \gamma_{\max}"
    bound_latex = r"\rho^t(R_0^2 + \frac{\gamma^2}{p^2}\zeta_\star^2)"
    measures: ClassVar[tuple[tuple[str, str], ...]] = (
        ("", "dist_sq"), ("", "consensus_sq"), (r"\frac{\gamma^2}{p^2}", "memory_error_sq")
    )  # fmt: skip

    def chance(self, request: Request, p: Point) -> float:
        """eta (s - 1)/(n - 1), by which p^2 counts: 1 if everything is sent."""
        return 1.0

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        gamma = choose("gamma", Interval(0.0, 2 / c.L_max, "0 < gamma < 2/L_max", high_open=True), 2 / (c.L_max + c.mu))
        local = min(gamma * c.mu * (2 - gamma * c.mu), gamma * c.L_max * (2 - gamma * c.L_max))
        enough = min(1.0, math.sqrt(local / self.chance(request, choose.values)))
        choose("p", Interval(0.0, 1.0, "0 < p <= 1"), enough)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        c, gamma = request.c, p["gamma"]
        return {
            "(1 - gamma mu)^2": gamma * c.mu * (2 - gamma * c.mu),
            "(1 - gamma L)^2": gamma * c.L_max * (2 - gamma * c.L_max),
            "the communication": p["p"] ** 2 * self.chance(request, p),
        }

    def weight(self, request: Request, p: Point) -> float:
        """The multiple of the control variates' error in the metric."""
        return p["gamma"] ** 2 / (p["p"] ** 2 * self.chance(request, p))

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        return 1.0, 1.0, self.weight(request, p)

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq + self.weight(request, p) * request.c.zeta_star_sq

    def floor(self, request: Request, p: Point) -> float:
        return 0.0

    def bits_per_round(self, up: float, down: float, dense: float, p: Point) -> float:
        return p["p"] * (up + down)


@register
class Scaffnew(_Local):
    """Scaffnew, strongly convex.

    Problem: every f_i is L-smooth and mu-strongly convex, exact gradients. Algorithm: see the module.

    Guarantee: 0 < gamma < 2/L and 0 < p <= 1 give, with rho = max{(1 - gamma mu)^2, (1 - gamma L)^2, 1 - p^2} and
    V^t = avg||x_i^t - x*||^2 + (gamma/p)^2 avg||h_i^t - grad f_i(x*)||^2,
    E V^t <= rho^t (||x^0 - x*||^2 + (gamma/p)^2 avg||grad f_i(x*)||^2).

    The recommended p is the smallest that does not slow this down: p T communications are then of the order
    sqrt(L/mu) log(1/eps).

    Source: the paper, constants re-derived in our proof. Provenance: restated, see docs/proofs/scaffnew.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L_max=1.0, mu=0.25, mu_min=0.25, dist0_sq=1.0, zeta_star_sq=1.0, sigma_sq=0.0)
    >>> found = theorem("scaffnew.strongly-convex").guarantee(known)
    >>> found.parameters["gamma"], round(found.parameters["p"], 12), round(found.rate.contraction, 12)
    (1.6, 0.8, 0.36)
    """

    name = "scaffnew.strongly-convex"
    title = "Scaffnew, strongly convex"
    source = f"{PROXSKIP}, {REDERIVED}"
    method = "scaffnew"
    probe = Probe(fixed={"p": 0.4})
    setting = r"Let $0 < p \le 1$."
    definitions = (
        (r"\gamma_{\max}", r"\frac{2}{L}"),
        (r"\rho", r"\max\{(1-\gamma\mu)^2, (1-\gamma L)^2, 1-p^2\}"),
    )


@register
class Tuned(_Local):
    """Scaffnew with the step and the coin that make the fewest communications.

    Problem: as `Scaffnew`. Algorithm: see the module.

    Guarantee: gamma = 2/(L + mu) and p = 2 sqrt(L mu)/(L + mu) give, with rho = ((L - mu)/(L + mu))^2 and
    V^t = avg||x_i^t - x*||^2 + avg||h_i^t - grad f_i(x*)||^2/(L mu),
    E V^t <= rho^t (||x^0 - x*||^2 + avg||grad f_i(x*)||^2/(L mu)).

    The workers communicate in p T of T rounds on average. With kappa = L/mu, rho^t is eps after about
    (kappa/4) log(1/eps) rounds, which are (sqrt(kappa)/2) log(1/eps) communications.

    Source: the paper's choice of p, constants re-derived in our proof. Provenance: restated, see
    docs/proofs/scaffnew.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L_max=1.0, mu=0.25, mu_min=0.25, dist0_sq=1.0, zeta_star_sq=1.0, sigma_sq=0.0)
    >>> found = theorem("scaffnew.strongly-convex-tuned").guarantee(known)
    >>> found.parameters, round(float(found.bound(1)), 12)
    ({'gamma': 1.6, 'p': 0.8}, 1.8)
    """

    name = "scaffnew.strongly-convex-tuned"
    title = "Scaffnew, strongly convex, as few communications as possible"
    source = f"{PROXSKIP}, {REDERIVED}"
    method = "scaffnew"
    general = "scaffnew.strongly-convex"
    conditions = r"\gamma = \gamma_\star, p = p_\star"
    definitions = (
        (r"\gamma_\star", r"\frac{2}{L+\mu}"),
        (r"p_\star", r"\frac{2\sqrt{L\mu}}{L+\mu}"),
        (r"\rho", r"\frac{(L-\mu)^2}{(L+\mu)^2}"),
    )
    measures = (("", "dist_sq"), ("", "consensus_sq"), (r"\frac{1}{L\mu}", "memory_error_sq"))
    bound_latex = r"\rho^t(R_0^2 + \frac{1}{L\mu}\zeta_\star^2)"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        total = request.c.L_max + request.c.mu
        prescribe(self, choose, {
            "gamma": (2 / total, "2/(L_max + mu)"),
            "p": (min(1.0, 2 * math.sqrt(request.c.L_max * request.c.mu) / total), "2 sqrt(L_max mu)/(L_max + mu)"),
        })  # fmt: skip

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"the coin and the step alike": min(1.0, p["p"] ** 2)}


@register
class Compressed(_Local):
    """CompressedScaffnew (TAMUNA with every worker), strongly convex.

    Problem: as `Scaffnew`, n >= 2 workers. Algorithm: see the module, C a mask with 2 <= s <= n.

    Guarantee: eta = n(s-1)/(s(n-1)), 0 < gamma < 2/L and 0 < p <= 1 give, with
    rho = max{(1 - gamma mu)^2, (1 - gamma L)^2, 1 - p^2 eta (s-1)/(n-1)} and
    V^t = avg||x_i^t - x*||^2 + (gamma^2 (n-1)/(p^2 eta (s-1))) avg||h_i^t - grad f_i(x*)||^2,
    E V^t <= rho^t (||x^0 - x*||^2 + (gamma^2 (n-1)/(p^2 eta (s-1))) avg||grad f_i(x*)||^2).

    s is n/(1 + omega), omega that of the mask. With s = n it is Scaffnew.

    Source: the paper, constants re-derived in our proof. Provenance: restated, see docs/proofs/scaffnew.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, dim=8, L_max=1.0, mu=0.1, mu_min=0.1, dist0_sq=1.0, zeta_star_sq=1.0, sigma_sq=0.0)
    >>> found = theorem("compressed-scaffnew.strongly-convex").guarantee(known, "mask:workers=4,s=2", p=0.9)
    >>> round(found.parameters["eta"], 12), round(found.rate.contraction, 12), found.active
    (0.666666666667, 0.82, 'rho = 0.82 is set by the communication')
    """

    name = "compressed-scaffnew.strongly-convex"
    title = "CompressedScaffnew, strongly convex"
    source = f"{MASKED}, {REDERIVED}"
    method = "compressed-scaffnew"
    uplink = Unbiased
    messages_latex = (
        r"the workers' compressor is a random mask, which sends every coordinate from exactly $s$ of the $n$ workers, "
        r"drawn uniformly, $2 \le s \le n$, $\frac{n}{s} = 1 + \omega$ times as large"
    )
    parameters = ("gamma", "p", "eta")
    probe = Probe(fixed={"p": 0.4}, up=Unbiased(0.75))
    assumes = (
        *_Local.assumes,
        MASKS,
    )
    setting = r"Let $0 < p \le 1$."
    definitions = (
        ("s", r"\frac{n}{1+\omega}"),
        (r"\gamma_{\max}", r"\frac{2}{L}"),
        (r"\eta", r"\frac{n(s-1)}{s(n-1)}"),
        (r"\rho", r"\max\{(1-\gamma\mu)^2, (1-\gamma L)^2, 1-\frac{p^2\eta(s-1)}{n-1}\}"),
    )
    measures = (
        ("", "dist_sq"), ("", "consensus_sq"), (r"\frac{\gamma^2(n-1)}{p^2\eta(s-1)}", "memory_error_sq")
    )  # fmt: skip
    bound_latex = r"\rho^t(R_0^2 + \frac{\gamma^2(n-1)}{p^2\eta(s-1)}\zeta_\star^2)"

    @staticmethod
    def share(request: Request) -> float:
        """(s - 1)/(n - 1), 1 if everything is sent."""
        n = request.c.n
        if request.up.omega == 0:
            return 1.0
        return (n / (1 + request.up.omega) - 1) / (n - 1)

    def chance(self, request: Request, p: Point) -> float:
        return p["eta"] * self.share(request)

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        eta = (1 + request.up.omega) * self.share(request)
        prescribe(self, choose, {"eta": (eta, "n (s - 1)/(s (n - 1))")})
        super().choose_parameters(request, choose)
