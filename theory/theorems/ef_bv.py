"""EF-BV: one method between EF21 and DIANA, for compressors with bias and variance.

Condat, Yi, Richtarik 2022, arXiv 2205.04180.

    worker i :  d_i = C(grad f_i(x) - h_i) ;  send d_i ;  h_i <- h_i + lam d_i
    server   :  v = h + nu avg d_i, with the old h ;  x <- x - gamma v ;  h <- h + lam avg d_i

C has bias eta and variance omega: ||E C(x) - x|| <= eta ||x|| and E||C(x) - E C(x)||^2 <= omega ||x||^2; the average
of the n messages has variance omega_av. With

    r = (1 - lam + lam eta)^2 + lam^2 omega ,   r_av = (1 - nu + nu eta)^2 + nu^2 omega_av ,

a memory's error contracts by r in a round, and the estimate v errs by at most r_av avg||h_i - grad f_i||^2.
lam = nu = 1 is EF21, nu = 1 with an unbiased C is DIANA. An unbiased C has eta = 0, and omega_av = omega/n for
independent coins. A contractive C has eta = sqrt(1 - delta) and omega = omega_av = 0 in these formulas, whether it is
random or not: E||x - lam C(x)||^2 <= (1 - lam + lam sqrt(1 - delta))^2 ||x||^2 for 0 <= lam <= 1.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from ..bounds import Interval
from ..compressors import Contractive, Unbiased
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import EXACT, POLYAK_LOJASIEWICZ, SMOOTH, SMOOTH_ON_AVERAGE, ZERO_MEMORIES
from ..probe import AVERAGED, Probe
from ..theorem import ParameterChoice, Point, Request, register

PAPER = "Condat, Yi, Richtarik 2022 (arXiv 2205.04180)"
MESSAGES = (
    r"the workers' compressor has the bias $\eta$ and the variance $\omega$, $\|\mathbb{E}C(x)-x\| \le \eta\|x\|$ and "
    r"$\mathbb{E}\|C(x)-\mathbb{E}C(x)\|^2 \le \omega\|x\|^2$, the average of $n$ messages the variance $\omega_{av}$ "
    r"(unbiased: $\eta = 0$ and, with independent coins, $\omega_{av} = \frac{\omega}{n}$; contractive with constant "
    r"$\delta$: $\eta = \sqrt{1-\delta}$, $\omega = \omega_{av} = 0$)"
)


@dataclass(frozen=True)
class Errors:
    """What the messages lose: r, r_av, and the square roots that the steps are made of, without cancellation.

    Attributes
    ----------
    r, r_av
        See the module.
    q, Q
        sqrt(r) and sqrt((1 + r)/2).
    below_one, between
        1 - q and Q - q.
    """

    r: float
    r_av: float
    q: float
    Q: float
    below_one: float
    between: float


def bias(request: Request) -> tuple[float, float, float]:
    """1 - eta, omega and omega_av of the uplink."""
    up = request.up
    if isinstance(up, Contractive):
        return up.delta / (1 + math.sqrt(1 - up.delta)), 0.0, 0.0
    return 1.0, up.omega, up.averaged(int(request.c.n))


def errors(request: Request, lam: float, nu: float) -> Errors:
    """The errors of messages that move the memories by lam and the estimate by nu."""
    good, omega, omega_av = bias(request)
    r = (1 - lam * good) ** 2 + lam**2 * omega
    gap = 2 * lam * good - lam**2 * (good**2 + omega)  # 1 - r
    q, Q = math.sqrt(r), math.sqrt((1 + r) / 2)
    return Errors(r, (1 - nu * good) ** 2 + nu**2 * omega_av, q, Q, gap / (1 + q), gap / 2 / (Q + q))


def best(good: float, omega: float) -> float:
    """The scaling that makes the error smallest, min{(1 - eta)/((1 - eta)^2 + omega), 1}; `good` is 1 - eta."""
    return min(good / (good**2 + omega), 1.0)


def memory_interval(name: str, good: float, omega: float) -> Interval:
    """The scalings at which a memory's error contracts, r < 1."""
    limit = 2 * good / (good**2 + omega)
    if limit <= 1:
        return Interval(0.0, limit, f"0 < {name} < 2 (1 - eta)/((1 - eta)^2 + omega)", high_open=True)
    return Interval(0.0, 1.0, f"0 < {name} <= 1")


class EitherClass:
    """The uplink may be unbiased or contractive."""

    uplink_or: ClassVar[type | None] = Contractive


@register
class Nonconvex(EitherClass, AverageTheorem):
    """EF-BV on smooth nonconvex f.

    Problem: f is L-smooth, f_i is L_i-smooth, L_tilde^2 = avg L_i^2; exact gradients. Algorithm: see the module.

    Guarantee: r < 1 and gamma <= 1/(L + L_tilde sqrt(r_av)/(1 - sqrt r)) give, with theta = (1 - sqrt r)/r_av,
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T) + G^0/(theta T),  G^0 = avg||h_i^0 - grad f_i(x^0)||^2.

    Recommended: lam = min{(1-eta)/((1-eta)^2+omega), 1}, and nu the same with omega_av.

    Source: the paper, Theorems 1 to 3. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, Unbiased, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=2.0, gap0=1.0, grad0_sq=0.5)
    >>> ask = theorem("ef-bv.nonconvex").guarantee
    >>> {name: round(value, 4) for name, value in ask(known, up=Unbiased(3.0)).parameters.items()}
    {'gamma': 0.0928, 'lam': 0.25, 'nu': 0.5714}
    >>> ask(known, up=Contractive(0.75)).parameters
    {'gamma': 0.3333333333333333, 'lam': 1.0, 'nu': 1.0}
    """

    name = "ef-bv.nonconvex"
    probe = Probe(fixed={"lam": 0.1, "nu": 0.3}, symbols=AVERAGED)
    title = "EF-BV, nonconvex"
    source = f"{PAPER}, Theorems 1 to 3"
    provenance = "published"
    method = "ef-bv"
    requires = ("n", "L", "L_tilde")
    bound_requires = ("gap0", "grad0_sq")
    uplink = Unbiased
    parameters = ("gamma", "lam", "nu")
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        EXACT,
        ZERO_MEMORIES,
    )
    setting = r"Let $0 < \lambda, \nu \le 1$, $r < 1$ and $g_0^2 = \frac{1}{n}\sum_i\|\nabla f_i(x^0)\|^2$."
    messages_latex = MESSAGES
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        ("r", r"(1-\lambda+\lambda\eta)^2+\lambda^2\omega"),
        ("r_{av}", r"(1-\nu+\nu\eta)^2+\nu^2\omega_{av}"),
        (r"\gamma_{\max}", r"\frac{1}{L+\frac{\tilde L\sqrt{r_{av}}}{1-\sqrt{r}}}"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T} + \frac{r_{av}g_0^2}{(1-\sqrt{r})T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        good, omega, omega_av = bias(request)
        lam = choose("lam", memory_interval("lam", good, omega), best(good, omega))
        nu = choose("nu", Interval(0.0, 1.0, "0 < nu <= 1"), best(good, omega_av))
        e = errors(request, lam, nu)
        high = 1 / (request.c.L + request.c.L_tilde * math.sqrt(e.r_av) / e.below_one)
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L + L_tilde sqrt(r_av)/(1 - sqrt r))"), high)

    def average(self, request: Request, p: Point) -> Average:
        e = errors(request, p["lam"], p["nu"])
        first = request.c.grad0_sq * e.r_av / e.below_one
        return Average(start=2 * request.c.gap0 + p["gamma"] * first, noise=0.0)

    def details(self, request: Request, p: Point) -> Point:
        e = errors(request, p["lam"], p["nu"])
        return {"r": e.r, "r_av": e.r_av}


class Contracting(LinearTheorem):
    """The bound under the Polyak-Lojasiewicz inequality, in terms of the scalings (lam, nu) of the method."""

    @abstractmethod
    def scalings(self, p: Point) -> tuple[float, float]:
        """Lam and nu."""

    def errors(self, request: Request, p: Point) -> Errors:
        return errors(request, *self.scalings(p))

    def step(self, request: Request, choose: ParameterChoice) -> None:
        e = self.errors(request, choose.values)
        high = 1 / (request.c.L + request.c.L_tilde * math.sqrt(e.r_av) / e.between)
        text = "0 < gamma <= 1/(L + L_tilde sqrt(r_av)/(sqrt((1 + r)/2) - sqrt r))"
        choose("gamma", Interval(0.0, high, text), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        e = self.errors(request, p)
        contraction_gaps = {"the model, 1 - gamma pl": p["gamma"] * request.c.pl}
        if e.r_av > 0:
            contraction_gaps["the workers' memories, (1 + r)/2"] = e.below_one * (1 + e.q) / 2
        return contraction_gaps

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        e = self.errors(request, p)
        return 1.0, p["gamma"] * e.r_av / (2 * e.Q * e.between)

    def start(self, request: Request, p: Point) -> float:
        return request.c.gap0 + self.coefficients(request, p)[1] * request.c.grad0_sq

    def floor(self, request: Request, p: Point) -> float:
        return 0.0

    def details(self, request: Request, p: Point) -> Point:
        e = self.errors(request, p)
        return super().details(request, p) | {"r": e.r, "r_av": e.r_av}


@register
class PolyakLojasiewicz(EitherClass, Contracting):
    """EF-BV under the Polyak-Lojasiewicz inequality.

    Problem: as `Nonconvex`, and ||grad f||^2 >= 2 pl (f - f*). Algorithm: see the module.

    Guarantee: with q = sqrt r < 1, Q = sqrt((1 + r)/2) and gamma <= 1/(L + L_tilde sqrt(r_av)/(Q - q)),
    E Psi^T <= max{1 - gamma pl, (1 + r)/2}^T Psi^0 for
    Psi^t = f(x^t) - f* + (gamma/(2 theta)) avg||h_i^t - grad f_i(x^t)||^2, theta = Q(Q - q)/r_av.
    (The paper writes s = Q/q - 1; this form is free of 0/0 at r = 0.) r_av = 0: the memories drop out.

    Source: the paper, Theorems 1 to 3. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=2.0, pl=0.1, gap0=1.0, grad0_sq=0.5)
    >>> found = theorem("ef-bv.pl").guarantee(known, up=Unbiased(3.0))
    >>> round(found.parameters["gamma"], 4), round(found.rate.contraction, 4)
    (0.0503, 0.995)
    """

    name = "ef-bv.pl"
    probe = Probe(fixed={"lam": 0.1, "nu": 0.3}, symbols=AVERAGED)
    title = "EF-BV, Polyak-Lojasiewicz"
    source = f"{PAPER}, Theorems 1 to 3"
    provenance = "published"
    method = "ef-bv"
    requires = ("n", "L", "L_tilde", "pl")
    bound_requires = ("gap0", "grad0_sq")
    uplink = Unbiased
    parameters = ("gamma", "lam", "nu")
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        POLYAK_LOJASIEWICZ,
        EXACT,
        ZERO_MEMORIES,
    )
    setting = (
        r"Let $0 < \lambda, \nu \le 1$, $r < 1$ and $g_0^2 = \frac{1}{n}\sum_i\|\nabla f_i(x^0)\|^2$ (for "
        r"$r_{av} = 0$ the second entry of $\rho$ drops out)."
    )
    messages_latex = MESSAGES
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        ("r", r"(1-\lambda+\lambda\eta)^2+\lambda^2\omega"),
        ("r_{av}", r"(1-\nu+\nu\eta)^2+\nu^2\omega_{av}"),
        ("q", r"\sqrt{r}"),
        ("Q", r"\sqrt{\frac{1+r}{2}}"),
        (r"\gamma_{\max}", r"\frac{1}{L+\frac{\tilde L\sqrt{r_{av}}}{Q-q}}"),
        (r"\rho", r"\max\{1-\gamma\mu_{PL},\frac{1+r}{2}\}"),
    )
    measures = (("", "gap"), (r"\frac{\gamma r_{av}}{2Q(Q-q)}", "memory_gap_sq"))
    bound_latex = r"\rho^t(\Delta + \frac{\gamma r_{av}}{2Q(Q-q)}g_0^2)"

    def scalings(self, p: Point) -> tuple[float, float]:
        return p["lam"], p["nu"]

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        good, omega, omega_av = bias(request)
        choose("lam", memory_interval("lam", good, omega), best(good, omega))
        choose("nu", Interval(0.0, 1.0, "0 < nu <= 1"), best(good, omega_av))
        self.step(request, choose)
