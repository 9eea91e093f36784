"""LIEC-SGD: the worker compensates its own compression error at once, and every H-th round averages the models.

Cheng, Shen, Xu, Qian, Wu, Zhou, Zhang, Tao, Chen 2024, arXiv 2402.11857.

    rounds t = 1, 2, ... with t mod H != 0:
        worker i :  c_i = C_up(g_i(x_i)) ;  r_i = g_i - c_i ;  send c_i
        server   :  v = avg c_i + e ;  broadcast c = C_down(v) ;  e <- v - c
        worker i :  x_i <- x_i - gamma (c + r_i)
    rounds with t mod H = 0, full precision:
        x_i <- avg x_j - gamma (avg g_j + e) for all i ;  e <- 0

y^t = avg x_i - gamma e follows exact SGD for any compressors, so only the server's error and the spread of the models
matter. Both live for at most H - 1 rounds:

    E||e||^2 <= E_H := w (1 - delta_d) G^2 min{4/delta_d^2, (H - 1)^2},
    avg E||x_i - avg x_j||^2 <= gamma^2 (1 - delta_u) G^2 (H - 1)^2.

Each side enters with its own constant; w bounds E||C_up(v)||^2/||v||^2: 1 if <C(v), v - C(v)> >= 0 (top-k, scaled
sign), else (1 + sqrt(1 - delta_u))^2. There is no 1/delta: the errors cannot grow beyond those of one period.
"""

from __future__ import annotations

import math

from ..bounds import Interval, NotCovered
from ..compressors import Contractive
from ..families import Average, AverageTheorem, TunedTheorem
from ..hypotheses import BOUNDED_GRADIENTS, NOISE, SMOOTH, SMOOTH_WORKERS, ZERO_ERRORS
from ..probe import GROWTH, Probe
from ..theorem import ParameterChoice, Point, Request, Theorem, choose_whole, prescribe, register

PAPER = "Cheng et al. 2024 (arXiv 2402.11857)"
PERIOD = 8
"""The period that is taken where none is given; a longer one costs error and saves bits."""
SERVER_ERROR = ("E_H", r"w(1-\delta_d)G^2\min\{\frac{4}{\delta_d^2}, (H-1)^2\}")
SPREAD = ("S_H", r"(1-\delta_u)G^2(H-1)^2")


def growth(up: Contractive) -> float:
    """w with E||C(v)||^2 <= w ||v||^2."""
    return 1.0 if up.orthogonal else (1 + math.sqrt(1 - up.delta)) ** 2


def server_error(request: Request, H: float) -> float:
    """E_H, the bound on E||e||^2."""
    delta = request.down.delta
    if delta == 1 or H == 1:
        return 0.0
    return float(growth(request.up) * (1 - delta) * request.c.G**2 * min(4 / delta**2, (H - 1) ** 2))


def model_spread(request: Request, H: float) -> float:
    """S_H, the bound on avg E||x_i - avg x_j||^2/gamma^2."""
    if request.up.delta == 1 or H == 1:
        return 0.0
    return float((1 - request.up.delta) * request.c.G**2 * (H - 1) ** 2)


class _Periodic(Theorem):
    """What the theorems of LIEC share: the table, and the bits of a period."""

    provenance = "ours"
    method = "liec"
    uplink = Contractive
    downlink = Contractive
    parameters = ("gamma", "H")
    assumes = (
        SMOOTH_WORKERS,
        SMOOTH,
        NOISE,
        BOUNDED_GRADIENTS,
        ZERO_ERRORS,
    )
    setting = (
        r"Let $H \ge 1$ be the period of averaging, $w = 1$ if $\langle C_u(v), v - C_u(v)\rangle \ge 0$ and "
        r"$w = (1+\sqrt{1-\delta_u})^2$ otherwise."
    )

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        """G only where something is lost."""
        lossless = request.up.delta == 1 and request.down.delta == 1
        return ("gap0", "sigma_sq") if lossless else ("gap0", "sigma_sq", "G")

    def bits_per_round(self, up: float, down: float, dense: float, p: Point) -> float:
        """((H - 1) b_C + b_f d)/H each way."""
        return ((p["H"] - 1) * (up + down) + 2 * dense) / p["H"]


class _ConstantStep(_Periodic, AverageTheorem):
    requires = ("n", "L", "L_max")
    bound_requires = ("gap0", "sigma_sq", "G")
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L}"), SERVER_ERROR, SPREAD)

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        choose("gamma", Interval(0.0, 1 / request.c.L, "0 < gamma <= 1/L"), 1 / request.c.L)
        choose_whole(choose, "H", PERIOD)

    def details(self, request: Request, p: Point) -> Point:
        if "G" in self.bound_needs(request) and request.constants.G is None:
            return {}
        return {"E_H": server_error(request, p["H"]), "S_H": model_spread(request, p["H"])}


@register
class NonconvexShadow(_ConstantStep):
    """LIEC at its shadow sequence y^t = avg x_i - gamma e, nonconvex.

    Problem: every f_i is L_max-smooth, f is L-smooth, E||g_i||^2 <= G^2. Algorithm: see the module.

    Guarantee: gamma <= 1/L gives, with E_H of the module and S_H = (1 - delta_u) G^2 (H - 1)^2,
    (1/T) sum_{t<T} E||grad f(y^t)||^2
        <= 2 Delta/(gamma T) + L gamma sigma^2/n + L_max^2 gamma^2 (S_H + E_H).

    Source: the rate is that of the paper; the constants are ours. Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L_max=1.0, gap0=1.0, sigma_sq=0.0, G=1.0)
    >>> half = Contractive(0.5, nonexpansive=True, orthogonal=True)
    >>> found = theorem("liec.nonconvex-shadow").guarantee(known, up=half, down=half, H=3)
    >>> found.analysis
    {'E_H': 2.0, 'S_H': 2.0}
    >>> float(found.bound(1))
    6.0
    """

    name = "liec.nonconvex-shadow"
    probe = Probe(fixed={"H": 5}, symbols=GROWTH, up=Contractive(0.3), down=Contractive(0.6))
    title = "LIEC-SGD at its shadow sequence"
    source = f"{PAPER}, the rate; the constants are ours"
    measures = (("", "shadow_grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T} + \frac{L\gamma\sigma^2}{n} + L_{\max}^2\gamma^2(S_H + E_H)"

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        drift = model_spread(request, p["H"]) + server_error(request, p["H"])
        return Average(start=2 * c.gap0, noise=c.L * c.sigma_sq / c.n, drift=c.L_max**2 * drift)


@register
class Nonconvex(_ConstantStep):
    """LIEC at the average model, nonconvex.

    Guarantee: gamma <= 1/L gives, with xbar = avg x_i, E_H of the module and S_H = (1 - delta_u) G^2 (H - 1)^2,
    (1/T) sum_{t<T} E||grad f(xbar^t)||^2
        <= 4 Delta/(gamma T) + 2 L gamma sigma^2/n + 2 L_max^2 gamma^2 (S_H + 2 E_H).

    The bracket never exceeds 3 w (1 - delta) G^2 (H - 1)^2, delta the smaller of both constants: no 1/delta.

    Source: the rate is that of the paper; the constants are ours. Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, dim=100, L_max=1.0, gap0=1.0, sigma_sq=0.0, G=1.0)
    >>> ask = theorem("liec.nonconvex").guarantee
    >>> found = ask(known, up="sign", down="sign", H=10)
    >>> found.bits_per_round  # (9 (100 + 32) + 3200)/10 each way
    877.6
    >>> ask(known, up="sign", down="sign", H=2.5).reason
    'H = 2.5 must be a whole number'
    """

    name = "liec.nonconvex"
    probe = Probe(fixed={"H": 5}, symbols=GROWTH, up=Contractive(0.3), down=Contractive(0.6))
    title = "LIEC-SGD, nonconvex"
    source = f"{PAPER}, the rate; the constants are ours"
    iterate = r"\bar x"
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{4\Delta}{\gamma T} + \frac{2L\gamma\sigma^2}{n} + 2L_{\max}^2\gamma^2(S_H + 2E_H)"

    def average(self, request: Request, p: Point) -> Average:
        c = request.c
        drift = model_spread(request, p["H"]) + 2 * server_error(request, p["H"])
        return Average(start=4 * c.gap0, noise=2 * c.L * c.sigma_sq / c.n, drift=2 * c.L_max**2 * drift)


@register
class NonconvexTuned(_Periodic, TunedTheorem):
    """LIEC at the average model with the step for T rounds.

    Guarantee: gamma = min{1/L, sqrt(2 n Delta/(L sigma^2 T))} gives
    (1/T) sum_{t<T} E||grad f(xbar^t)||^2
        <= 4 L Delta/T + 4 sqrt(2 L Delta sigma^2/(nT)) + 4 n L_max^2 Delta (S_H + 2 E_H)/(L sigma^2 T):
    linear speedup while the middle term dominates. Without noise the step is 1/L and the last term
    2 (L_max/L)^2 (S_H + 2 E_H), which does not fall with T: then let `Nonconvex` tune gamma.

    Source: the rate is that of the paper; the constants are ours. Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L_max=1.0, gap0=1.0, sigma_sq=1.0, G=1.0)
    >>> half = Contractive(0.5, nonexpansive=True, orthogonal=True)
    >>> found = theorem("liec.nonconvex-tuned").guarantee(known, half, half, rounds=10**6, H=8)
    >>> found.horizon, found.rate.in_workers, found.rate.speedup_until
    (1000000, -0.5, 10.0)
    """

    name = "liec.nonconvex-tuned"
    probe = Probe(fixed={"H": 5}, symbols=GROWTH, up=Contractive(0.3), down=Contractive(0.6), tuned=True)
    title = "LIEC-SGD, nonconvex, tuned step"
    source = f"{PAPER}, the rate; the constants are ours"
    requires = ("n", "L", "L_max", "gap0", "sigma_sq")
    bound_requires = ("G",)
    general = "liec.nonconvex"
    iterate = r"\bar x"
    conditions = r"\gamma = \gamma_T"
    definitions = (
        (r"\gamma_T", r"\min\{\frac{1}{L}, \sqrt{\frac{2n\Delta}{L\sigma^2T}}\}"),
        SERVER_ERROR,
        SPREAD,
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{4L\Delta}{T} + 4\sqrt{\frac{2L\Delta\sigma^2}{nT}} "
        r"+ \frac{4nL_{\max}^2\Delta(S_H + 2E_H)}{L\sigma^2T}"
    )

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return super().bound_needs(request)[2:]

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, T = request.c, self.horizon(request)
        if c.gap0 == 0:
            raise NotCovered(f"gap0 = 0: x^0 is a minimiser, and the step of {self.name} is 0; see {self.general}")
        choose_whole(choose, "H", PERIOD)
        gamma = min(1 / c.L, self._noise_step(request, T))
        prescribe(self, choose, {"gamma": (gamma, "min{1/L, sqrt(2 n Delta/(L sigma^2 T))}")})

    def powers(self, request: Request) -> tuple[tuple[float, float], ...]:
        c, H = request.c, request.fixed.get("H", PERIOD)
        drift = model_spread(request, H) + 2 * server_error(request, H)
        if c.sigma_sq == 0:  # the step is 1/L for every T
            return (0.0, 1 / 2), (4 * c.L * c.gap0, 1.0), (2 * c.L_max**2 * drift / c.L**2, 0.0)
        lost = 4 * c.n * c.L_max**2 * c.gap0 * drift / (c.L * c.sigma_sq)
        return (4 * math.sqrt(2 * c.L * c.gap0 * c.sigma_sq / c.n), 1 / 2), (4 * c.L * c.gap0 + lost, 1.0)

    def active(self, request: Request, p: Point) -> str:
        T = self.horizon(request)
        return f"gamma is {'1/L' if self._noise_step(request, T) >= 1 / request.c.L else 'set by the noise'} at T = {T}"

    @staticmethod
    def _noise_step(request: Request, T: int) -> float:
        c = request.c
        return math.sqrt(2 * c.n * c.gap0 / (c.L * c.sigma_sq * T)) if c.sigma_sq > 0 else math.inf
