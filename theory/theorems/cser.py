"""CSER: every worker keeps what its compressor lost in its own model, and every H-th round resets part of the error.

Xie, Zheng, Koyejo, Gupta, Li, Lin 2020, arXiv 2007.13221 (partial synchronisation and error reset).

    worker i  :  v_i = gamma g_i(x_i) ;  c_i = C_2(v_i) ;  r_i = v_i - c_i
                 x_i <- x_i - (avg c + r_i) ;  e_i <- e_i - r_i
    after every H-th round:  c_i = C_1(e_i) ;  x_i <- x_i + avg c - c_i ;  e_i <- e_i - c_i

C_2 is the uplink, C_1, the compressor of the reset, takes the place of the downlink: both average messages are
broadcast without compression. x_i - e_i is the same on all workers and avg x_i follows exact SGD for any compressors,
so only the spread of the models matters, avg||x_i - avg x_j||^2 <= avg||e_i||^2.
"""

from __future__ import annotations

import math
from abc import abstractmethod

from ..bounds import Interval
from ..compressors import Contractive
from ..families import Average, AverageTheorem
from ..hypotheses import BOUNDED_GRADIENTS, NOISE, SMOOTH, SMOOTH_WORKERS, ZERO_ERRORS
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, choose_whole, register

PAPER = "Xie et al. 2020 (arXiv 2007.13221)"
PERIOD = 8
"""The period that is taken where none is given."""


class _Reset(AverageTheorem):
    """What both theorems share; the weight of the spread is theirs."""

    method = "cser"
    requires = ("n", "L", "L_max")
    bound_requires = ("gap0", "sigma_sq", "G")
    uplink = Contractive
    downlink = Contractive
    parameters = ("gamma", "H")
    iterate = r"\bar x"
    assumes = (
        SMOOTH_WORKERS,
        SMOOTH,
        NOISE,
        BOUNDED_GRADIENTS,
        ZERO_ERRORS,
    )
    setting = r"Every $H$-th round resets the errors, with the compressor of constant $\delta_d$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    measures = (("", "grad_sq_mean"),)

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.delta < 1 else ("gap0", "sigma_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose("gamma", Interval(0.0, 1 / request.c.L, "0 < gamma <= 1/L"), 1 / request.c.L)
        choose_whole(choose, "H", PERIOD)

    @abstractmethod
    def model_spread(self, request: Request, H: float) -> float:
        """avg E||x_i - avg x_j||^2 <= spread (1 - delta_u) gamma^2 G^2."""

    def average(self, request: Request, p: Point) -> Average:
        c, lost = request.c, 1 - request.up.delta
        drift = c.L_max**2 * lost * c.G**2 * self.model_spread(request, p["H"]) if lost > 0 else 0.0
        return Average(start=2 * c.gap0, noise=c.L * c.sigma_sq / c.n, drift=drift)

    def bits_per_round(self, up: float, down: float, dense: float, p: Point) -> float:
        """Two messages and their dense averages; those of the reset once in H rounds."""
        return up + dense + (down + dense) / p["H"]


@register
class Nonconvex(_Reset):
    """CSER at the average model, nonconvex.

    Problem: every f_i is L_max-smooth, f is L-smooth, E||g_i||^2 <= G^2. Algorithm: see the module.

    Guarantee: gamma <= 1/L gives, with xbar = avg x_i, delta_u of C_2 and delta_d of C_1,
    (1/T) sum_{t<T} E||grad f(xbar^t)||^2 <= 2 Delta/(gamma T)
        + [4(1 - delta_d)/delta_d^2 + 1] 2 (1 - delta_u) gamma^2 H^2 L_max^2 G^2 + L gamma sigma^2/n.

    Source: the paper's theorem, constants re-derived. Provenance: restated.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L_max=1.0, gap0=1.0, sigma_sq=0.0, G=1.0)
    >>> ask = theorem("cser.nonconvex").guarantee
    >>> float(ask(known, Contractive(0.5), Contractive(0.5), H=2, gamma=0.5).bound(4))
    10.0
    """

    name = "cser.nonconvex"
    probe = Probe(fixed={"H": 5}, up=Contractive(0.3), down=Contractive(0.6))
    title = "CSER, nonconvex"
    source = f"{PAPER}, its theorem; the constants re-derived in our proof"
    provenance = "restated"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L}"),)
    bound_latex = (
        r"\frac{2\Delta}{\gamma T} + (\frac{4(1-\delta_d)}{\delta_d^2} + 1)2(1-\delta_u)\gamma^2H^2L_{\max}^2G^2 "
        r"+ \frac{L\gamma\sigma^2}{n}"
    )

    def model_spread(self, request: Request, H: float) -> float:
        delta = request.down.delta
        return float(2 * (4 * (1 - delta) / delta**2 + 1) * H**2)


@register
class NonconvexSharper(_Reset):
    """CSER at the average model, nonconvex, with the error of one period counted exactly.

    Guarantee: gamma <= 1/L gives, with s = sqrt(1 - delta_d),
    (1/T) sum_{t<T} E||grad f(xbar^t)||^2 <= 2 Delta/(gamma T)
        + (1 - delta_u) gamma^2 L_max^2 G^2 [H s/(1 - s) + H - 1]^2 + L gamma sigma^2/n.

    It implies `cser.nonconvex`. Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L_max=1.0, gap0=1.0, sigma_sq=0.0, G=1.0)
    >>> ask = theorem("cser.nonconvex-sharper").guarantee
    >>> float(ask(known, Contractive(0.5), Contractive(0.75), H=2, gamma=0.5).bound(4))
    2.125
    """

    name = "cser.nonconvex-sharper"
    probe = Probe(fixed={"H": 5}, up=Contractive(0.3), down=Contractive(0.6))
    title = "CSER, nonconvex, sharper"
    source = f"own proof, for the method of {PAPER}"
    provenance = "ours"
    definitions = (
        (r"\gamma_{\max}", r"\frac{1}{L}"),
        ("q", r"\sqrt{1-\delta_d}"),
    )
    bound_latex = (
        r"\frac{2\Delta}{\gamma T} + (1-\delta_u)\gamma^2L_{\max}^2G^2(\frac{Hq}{1-q} + H - 1)^2 "
        r"+ \frac{L\gamma\sigma^2}{n}"
    )

    def model_spread(self, request: Request, H: float) -> float:
        delta = request.down.delta
        s = math.sqrt(1 - delta)
        return float((H * s * (1 + s) / delta + H - 1) ** 2)
