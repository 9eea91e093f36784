"""QSGD, x <- x - gamma avg C(g_i), unbiased and memoryless, one way and two way."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..bounds import Curve, FunctionCurve, Interval, Weights
from ..compressors import Unbiased
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import (
    CONVEX_WORKERS,
    DISSIMILARITY,
    LOWER_BOUNDS,
    NOISE,
    OWN_COINS,
    SMOOTH,
    SMOOTH_WORKERS,
    STRONGLY_CONVEX,
)
from ..theorem import ParameterChoice, Point, Request, register


@register
class StronglyConvex(LinearTheorem):
    """QSGD (DCSGD) on convex f_i, f strongly convex.

    Problem: f_i convex and L_i-smooth, f is L-smooth and mu-strongly convex. Algorithm: every worker sends
    C(g_i), C unbiased with constant omega and coins independent over workers; x <- x - gamma avg C(g_i).

    Guarantee: gamma <= 1/(L + 2 omega L_max/n) gives
    E||x^T - x*||^2 <= (1 - gamma mu)^T R_0^2 + (gamma/mu)[2 omega zeta_star^2/n + (1 + omega) sigma^2/n].
    On heterogeneous workers a plateau remains without any noise. The step needs L_max: with the smoothness L
    of f in its place the statement is false (f_i = n x_i^2/2 has L = 1 and L_max = n).

    Source: Gorbunov, Hanzely, Richtarik 2020 (arXiv 1905.11261), Theorem 4.1 with C = 0. Provenance:
    published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=4, L=1.0, L_max=2.0, mu=0.5, dist0_sq=1.0, zeta_star_sq=1.0, sigma_sq=0.0)
    >>> found = theorem("qsgd.strongly-convex").guarantee(known, up=Unbiased(3.0))
    >>> found.parameters, found.rate.contraction, found.rate.floor
    ({'gamma': 0.25}, 0.875, 0.75)
    """

    name = "qsgd.strongly-convex"
    title = "QSGD, strongly convex"
    source = "Gorbunov, Hanzely, Richtarik 2020 (arXiv 1905.11261), Theorem 4.1"
    provenance = "published"
    method = "qsgd"
    requires = ("n", "L", "L_max", "mu")
    bound_requires = ("dist0_sq", "zeta_star_sq", "sigma_sq")
    uplink = Unbiased
    assumes = (
        CONVEX_WORKERS,
        SMOOTH_WORKERS,
        SMOOTH,
        STRONGLY_CONVEX,
        OWN_COINS,
        NOISE,
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L+\frac{2\omega L_{\max}}{n}}"), (r"\rho", r"1-\gamma\mu"))
    measures = (("", "dist_sq"),)
    bound_latex = r"\rho^t R_0^2 + \frac{\gamma}{\mu}(\frac{2\omega\zeta_\star^2}{n} + \frac{(1+\omega)\sigma^2}{n})"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("dist0_sq", "sigma_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, omega = request.c, request.up.omega
        high = 1 / (c.L + 2 * omega * c.L_max / c.n)
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L + 2 omega L_max/n)"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma mu": p["gamma"] * request.c.mu}

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def floor(self, request: Request, p: Point) -> float:
        c, omega = request.c, request.up.omega
        plateau = 2 * omega * c.zeta_star_sq / c.n if omega > 0 else 0.0
        return p["gamma"] / c.mu * (plateau + (1 + omega) * c.sigma_sq / c.n)


@register
class Nonconvex(AverageTheorem):
    """QSGD on smooth nonconvex f_i, without a uniform bound on their dissimilarity.

    Problem: f is L-smooth, f_i is L_max-smooth and bounded below, gap_star = f* - avg inf f_i. Algorithm:
    x <- x - gamma avg C(g_i), C unbiased with constant omega and coins independent over workers.

    Guarantee: with A = omega L_max/n, C = 2 A gap_star + (1 + omega) sigma^2/n and weights
    w_t = (1 + L A gamma^2)^-(t+1), gamma <= 1/L gives
    sum_{t<T} w_t E||grad f(x^t)||^2/sum_{t<T} w_t <= 2 Delta/(gamma sum_{t<T} w_t) + L C gamma,
    and gamma sum w_t = (1 - (1 + L A gamma^2)^-T)/(L A gamma), which is gamma T for A = 0.

    Provenance: ours, with the second-moment bound E||v||^2 <= 2 A (f - f*) + ||grad f||^2 + C of Khaled, Richtarik 2020
    (arXiv 2002.03329), whose lemma bounds the minimum over t with T (1 + L A gamma^2)^-T in place of the sum.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=2, L=1.0, L_max=1.0, gap0=1.0, gap_star=0.0, sigma_sq=0.0)
    >>> found = theorem("qsgd.nonconvex").guarantee(known, up=Unbiased(2.0))
    >>> found.parameters, found.weights, found.bound([1, 2])
    ({'gamma': 1.0}, ('geometric', 2.0), array([4.        , 2.66666667]))
    """

    name = "qsgd.nonconvex"
    title = "QSGD, nonconvex"
    source = "own proof, with the second-moment bound of Khaled, Richtarik 2020 (arXiv 2002.03329)"
    provenance = "ours"
    method = "qsgd"
    requires = ("n", "L", "L_max")
    bound_requires = ("gap0", "gap_star", "sigma_sq")
    uplink = Unbiased
    assumes = (
        SMOOTH,
        SMOOTH_WORKERS,
        LOWER_BOUNDS,
        OWN_COINS,
        NOISE,
    )
    setting = r"Let $w_t = (1+LA\gamma^2)^{-(t+1)}$ (for $\omega = 0$ the first term is $\frac{2\Delta}{\gamma T}$)."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        ("A", r"\frac{\omega L_{\max}}{n}"),
        ("C", r"2A\Delta_\star + \frac{(1+\omega)\sigma^2}{n}"),
        (r"\gamma_{\max}", r"\frac{1}{L}"),
    )
    measures = (("", "grad_sq_avg"),)
    bound_latex = r"\frac{2LA\gamma\Delta}{1-(1+LA\gamma^2)^{-T}} + LC\gamma"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("gap0", "sigma_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose("gamma", Interval(0.0, 1 / request.c.L, "0 < gamma <= 1/L"), 1 / request.c.L)

    def weights(self, request: Request, p: Point) -> Weights:
        return ("geometric", 1 + request.c.L * self._A(request) * p["gamma"] ** 2)

    def curve(self, request: Request, p: Point) -> Curve:
        c, gamma = request.c, p["gamma"]
        growth = math.log1p(c.L * self._A(request) * gamma**2)
        start, noise = 2 * c.gap0 * c.L * self._A(request) * gamma, c.L * self._C(request) * gamma

        def bound(t: NDArray[np.float64]) -> NDArray[np.float64]:
            if growth == 0.0:
                return 2 * c.gap0 / (gamma * t) + noise
            return start / -np.expm1(-growth * t) + noise

        return FunctionCurve(bound, noise if growth == 0.0 else start + noise)

    def average(self, request: Request, p: Point) -> Average:
        """Of the bound to first order in gamma, from which the slopes are read."""
        return Average(
            start=2 * request.c.gap0, noise=request.c.L * (self._C(request) + self._A(request) * request.c.gap0)
        )

    def details(self, request: Request, p: Point) -> Point:
        return {"A": self._A(request)}

    @staticmethod
    def _A(request: Request) -> float:
        return request.up.omega * request.c.L_max / request.c.n

    def _C(self, request: Request) -> float:
        apart = 2 * self._A(request) * request.c.gap_star if request.up.omega > 0 else 0.0
        return apart + (1 + request.up.omega) * request.c.sigma_sq / request.c.n


@register
class NonconvexTwoWay(AverageTheorem):
    """Two-way QSGD on a smooth nonconvex f: the server compresses the average again.

    Problem: f is L-smooth with dissimilarity zeta^2. Algorithm: x <- x - gamma C_M(avg C_W(g_i)), both
    unbiased, with constants omega_M and omega_W, coins independent.

    Guarantee: with A = (omega_M + 1)[(omega_W + 1) sigma^2 + omega_W zeta^2]/n and
    B = 1 + omega_M + (omega_M + 1) omega_W/n, 0 < gamma < 2/(B L) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma (2 - B L gamma) T) + A L gamma/(2 - B L gamma).

    Source: Horvath, Ho, Horvath, Sahu, Canini, Richtarik 2019 (arXiv 1905.10988), Theorem 9. Provenance:
    published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=2, L=1.0, gap0=1.0, zeta_sq=0.0, sigma_sq=0.0)
    >>> found = theorem("qsgd.nonconvex-two-way").guarantee(known, up=Unbiased(2.0), down=Unbiased(1.0))
    >>> found.parameters, float(found.bound(8))
    ({'gamma': 0.25}, 1.0)
    """

    name = "qsgd.nonconvex-two-way"
    title = "Two-way QSGD, nonconvex"
    source = "Horvath et al. 2019 (arXiv 1905.10988), Theorem 9"
    provenance = "published"
    method = "qsgd-two-way"
    requires = ("n", "L")
    bound_requires = ("gap0", "zeta_sq", "sigma_sq")
    uplink = Unbiased
    downlink = Unbiased
    assumes = (
        SMOOTH,
        DISSIMILARITY,
        OWN_COINS,
        NOISE,
    )
    conditions = r"0 < \gamma < \gamma_{\max}"
    definitions = (
        ("A", r"\frac{(\omega_d+1)(\omega_u+1)\sigma^2}{n} + \frac{(\omega_d+1)\omega_u\zeta^2}{n}"),
        ("B", r"1+\omega_d+\frac{(\omega_d+1)\omega_u}{n}"),
        (r"\gamma_{\max}", r"\frac{2}{BL}"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma(2-BL\gamma)T} + \frac{AL\gamma}{2-BL\gamma}"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("gap0", "sigma_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        BL = self._B(request) * request.c.L
        choose("gamma", Interval(0.0, 2 / BL, "0 < gamma < 2/(B L)", high_open=True), 1 / BL)

    def average(self, request: Request, p: Point) -> Average:
        c, omega_W, omega_M = request.c, request.up.omega, request.down.omega
        dissimilarity = omega_W * c.zeta_sq if omega_W > 0 else 0.0
        A = (omega_M + 1) * ((omega_W + 1) * c.sigma_sq + dissimilarity) / c.n
        return Average(start=c.gap0, noise=A * c.L / 2, damping=self._B(request) * c.L / 2)

    def details(self, request: Request, p: Point) -> Point:
        return {"B": self._B(request)}

    @staticmethod
    def _B(request: Request) -> float:
        return (1 + request.down.omega) * (1 + request.up.omega / request.c.n)
