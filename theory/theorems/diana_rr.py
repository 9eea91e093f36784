"""DIANA-RR: reshuffled samples, with a shift for every one of them.

Sadiev, Malinovsky, Gorbunov, Sokolov, Khaled, Burlachenko, Richtarik 2024 (NeurIPS), arXiv 2206.07021.

    epoch    :  every worker draws a random permutation pi_i of its m samples
    worker i :  step k of the epoch, j = pi_i(k): send Q_i = Q(grad f_ij(x) - h_ij) ; h_ij <- h_ij + alpha Q_i
    server   :  x <- x - gamma avg(h_ij + Q_i), with the old h_ij

The shifts learn the gradients of the samples at the minimiser, so that the compression noise vanishes there: a floor of
order gamma^2 is left, that of random reshuffling.
"""

from __future__ import annotations

import math

from ..bounds import Interval
from ..hypotheses import ZERO_MEMORIES
from ..theorem import ParameterChoice, Point, Request, register
from .q_rr import Reshuffled


@register
class StronglyConvex(Reshuffled):
    """DIANA-RR on strongly convex samples.

    Problem: n workers with m samples each, every sample's loss L_s-smooth and mu-strongly convex. Q is unbiased with
    constant omega and coins independent over workers. Algorithm: see the module, h_ij^0 = 0.

    Guarantee: alpha <= 1/(1 + omega) and gamma <= min{alpha/(2 m mu), 1/((1 + 6 omega/n) L_s)} give, after
    t = m, 2 m, 3 m, ... rounds, E Psi^t <= (1 - gamma mu)^t Psi^0 + 2 gamma^2 sigma_rad^2/mu for
    sigma_rad^2 = L_s m sigma_*^2/4 and
    Psi = ||x - x*||^2 + (4 omega gamma^2/(alpha n^2)) sum_i sum_k (1 - gamma mu)^k ||h_{i, pi_i(k)} - grad
    f_{i, pi_i(k)}(x*)||^2, pi the orders of the epoch that begins. In the mean over these every sample has the weight
    (1/m) sum_{k<m} (1 - gamma mu)^k, with which Psi is stated and measured here.
    omega = 0: random reshuffling on n workers, and the shifts drop out of Psi.

    Recommended: alpha = 1/(1 + omega).

    Source: the paper, Theorem 2, with its bound of the shuffling radius sigma_rad. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=6, m=10, L_sample=2.0, mu_sample=0.01)
    >>> found = theorem("diana-rr.strongly-convex").guarantee(known, up=Unbiased(4.0))
    >>> found.parameters["alpha"], found.parameters["gamma"], found.rate.contraction
    (0.2, 0.1, 0.999)
    """

    name = "diana-rr.strongly-convex"
    title = "DIANA-RR, strongly convex"
    method = "diana-rr"
    bound_requires = ("dist0_sq", "sigma_star_sq", "zeta_star_sq")
    parameters = ("gamma", "alpha")
    assumes = (*Reshuffled.assumes, ZERO_MEMORIES)
    setting = r"Let $0 < \alpha \le \frac{1}{1+\omega}$."
    conditions = r"0 < \gamma \le \gamma_{\max}, t \in \{m, 2m, 3m, \dots\}"
    definitions = (
        (r"\gamma_{\max}", r"\min\{\frac{\alpha}{2m\mu},\frac{1}{(1+\frac{6\omega}{n})L_s}\}"),
        (r"\rho", r"1-\gamma\mu"),
        ("M", r"\frac{4\omega\gamma^2}{\alpha n}\frac{1-\rho^m}{1-\rho}"),
        (r"\Psi_0", r"R_0^2+M(\zeta_\star^2+\sigma_\star^2)"),
        (r"\sigma_{rad}", r"\frac{1}{2}\sqrt{L_sm\sigma_\star^2}"),
    )
    measures = (("", "dist_sq"), ("M", "sample_memory_error_sq"))
    bound_latex = r"\rho^t\Psi_0 + \frac{2\gamma^2\sigma_{rad}^2}{\mu}"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("dist0_sq", "sigma_star_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, omega = request.c, request.up.omega
        alpha = choose("alpha", Interval(0.0, 1 / (1 + omega), "0 < alpha <= 1/(1 + omega)"), 1 / (1 + omega))
        of_shifts, of_step = alpha / (2 * c.m * c.mu), 1 / ((1 + 6 * omega / c.n) * c.L_sample)
        text = "alpha/(2 m mu)" if of_shifts < of_step else "1/((1 + 6 omega/n) L_sample)"
        high = min(of_shifts, of_step)
        choose("gamma", Interval(0.0, high, f"0 < gamma <= {text}"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"the model, 1 - gamma mu": p["gamma"] * request.c.mu}

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        c, gamma = request.c, p["gamma"]
        # (1 - rho^m)/(1 - rho), the sum of rho^k over an epoch; gamma mu <= 1/(2 m) keeps both away from 1.
        epoch = -math.expm1(c.m * math.log1p(-gamma * c.mu)) / (gamma * c.mu)
        return 1.0, 4 * request.up.omega * gamma**2 / (p["alpha"] * c.n) * epoch

    def start(self, request: Request, p: Point) -> float:
        c, shifts = request.c, self.coefficients(request, p)[1]
        return c.dist0_sq + (shifts and shifts * (c.zeta_star_sq + c.sigma_star_sq))

    def floor(self, request: Request, p: Point) -> float:
        return self.shuffling(request, p)
