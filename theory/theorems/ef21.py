"""EF21: every worker keeps a memory of its gradient and sends the compressed difference.

Richtarik, Sokolov, Fatkhullin 2021, arXiv 2106.05203; the view as a three-point compressor is that of Richtarik,
Sokolov, Fatkhullin, Gasanov, Li, Gorbunov 2022, arXiv 2202.00998.

    worker i :  c_i = C(grad f_i(x) - h_i) ;  send c_i ;  h_i <- h_i + c_i
    everyone :  x <- x - gamma avg h_i, with the new h_i

h_i starts at 0, so that the paper's first memory is g_i^0 = h_i^1 = C(grad f_i(x^0)). C is contractive with
constant delta. Gradients are exact. theta = 1 - sqrt(1 - delta) and beta = (1 - delta)/(1 - sqrt(1 - delta)).
"""

from __future__ import annotations

import math

from ..bounds import Interval, NotCovered
from ..compressors import Contractive
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import EXACT, POLYAK_LOJASIEWICZ, SMOOTH, SMOOTH_ON_AVERAGE, ZERO_MEMORIES
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, register

PAPER = "Richtarik, Sokolov, Fatkhullin 2021 (arXiv 2106.05203)"
THREE_POINT = "Richtarik, Sokolov, Fatkhullin, Gasanov, Li, Gorbunov 2022 (arXiv 2202.00998)"


def theta(delta: float) -> float:
    """1 - sqrt(1 - delta), by which a memory's error contracts in a round."""
    return delta / (1 + math.sqrt(1 - delta))


def beta(delta: float) -> float:
    """(1 - delta)/(1 - sqrt(1 - delta)), what a change of the gradient adds to a memory's error."""
    return (1 - delta) / theta(delta)


class _Compressed:
    """The constants that the bound needs: the first memories are wrong only where the compressor is not exact."""

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return ("gap0", "grad0_sq") if request.up.delta < 1 else ("gap0",)


@register
class Nonconvex(_Compressed, AverageTheorem):
    """EF21 on smooth nonconvex f.

    Problem: f is L-smooth, f_i is L_i-smooth, L_tilde^2 = avg L_i^2; exact gradients. Algorithm: see the module.

    Guarantee: gamma <= 1/(L + L_tilde sqrt(beta/theta)) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T) + E G^0/(theta T),
    G^0 = avg||C(grad f_i(x^0)) - grad f_i(x^0)||^2, and E G^0 <= (1 - delta) avg||grad f_i(x^0)||^2.
    Neither bounded gradients nor a bound on the dissimilarity of the workers is needed.

    Source: the paper. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=2.0, gap0=1.0, grad0_sq=0.5)
    >>> found = theorem("ef21.nonconvex").guarantee(known, up=Contractive(0.75))
    >>> found.parameters["gamma"], round(float(found.bound(1)), 10)
    (0.3333333333333333, 6.25)
    """

    name = "ef21.nonconvex"
    title = "EF21, nonconvex"
    source = PAPER
    provenance = "published"
    method = "ef21"
    requires = ("n", "L", "L_tilde")
    bound_requires = ("gap0", "grad0_sq")
    uplink = Contractive
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        EXACT,
        ZERO_MEMORIES,
    )
    setting = r"Let $g_0^2 = \frac{1}{n}\sum_i\|\nabla f_i(x^0)\|^2$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\theta", r"1-\sqrt{1-\delta}"),
        (r"\beta", r"\frac{1-\delta}{1-\sqrt{1-\delta}}"),
        (r"\gamma_{\max}", r"\frac{1}{L+\tilde L\sqrt{\frac{\beta}{\theta}}}"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T} + \frac{(1-\delta)g_0^2}{\theta T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, delta = request.c, request.up.delta
        high = 1 / (c.L + c.L_tilde * math.sqrt(beta(delta) / theta(delta)))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L + L_tilde sqrt(beta/theta))"), high)

    def average(self, request: Request, p: Point) -> Average:
        c, delta = request.c, request.up.delta
        first = (1 - delta) * c.grad0_sq / theta(delta) if delta < 1 else 0.0
        return Average(start=2 * c.gap0 + p["gamma"] * first, noise=0.0)


@register
class PolyakLojasiewicz(_Compressed, LinearTheorem):
    """EF21 under the Polyak-Lojasiewicz inequality.

    Problem: as `Nonconvex`, and ||grad f||^2 >= 2 pl (f - f*). Algorithm: see the module.

    Guarantee: gamma <= min{1/(L + L_tilde sqrt(2 beta/theta)), theta/(2 pl)} gives
    E Psi^T <= (1 - gamma pl)^T Psi^0 for Psi^t = f(x^t) - f* + (gamma/theta) G^t, G^t = avg||g_i^t - grad f_i(x^t)||^2
    with the paper's g_i^t = h_i^{t+1}. The metric here has (1 - delta)||h_i^t - grad f_i(x^t)||^2 in place of
    ||g_i^t - grad f_i(x^t)||^2: before the round's message instead of after it. It is at least as large in expectation,
    and it is what the paper's proof bounds.

    Source: the paper. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=1.0, pl=0.25, gap0=1.0, grad0_sq=0.5)
    >>> found = theorem("ef21.pl").guarantee(known, up=Contractive(0.75))
    >>> round(found.parameters["gamma"], 4), round(found.rate.contraction, 4)
    (0.4142, 0.8964)
    """

    name = "ef21.pl"
    title = "EF21, Polyak-Lojasiewicz"
    source = f"{PAPER}; the memories' part of the metric as the proof bounds it"
    provenance = "published"
    method = "ef21"
    requires = ("n", "L", "L_tilde", "pl")
    bound_requires = ("gap0", "grad0_sq")
    uplink = Contractive
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        POLYAK_LOJASIEWICZ,
        EXACT,
        ZERO_MEMORIES,
    )
    setting = r"Let $g_0^2 = \frac{1}{n}\sum_i\|\nabla f_i(x^0)\|^2$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = (
        (r"\theta", r"1-\sqrt{1-\delta}"),
        (r"\beta", r"\frac{1-\delta}{1-\sqrt{1-\delta}}"),
        (r"\gamma_{\max}", r"\min\{\frac{1}{L+\tilde L\sqrt{\frac{2\beta}{\theta}}},\frac{\theta}{2\mu_{PL}}\}"),
        (r"\rho", r"1-\gamma\mu_{PL}"),
    )
    measures = (("", "gap"), (r"\frac{\gamma(1-\delta)}{\theta}", "memory_gap_sq"))
    bound_latex = r"\rho^t(\Delta + \frac{\gamma(1-\delta)}{\theta}g_0^2)"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, delta = request.c, request.up.delta
        smooth = 1 / (c.L + c.L_tilde * math.sqrt(2 * beta(delta) / theta(delta)))
        memories = theta(delta) / (2 * c.pl)
        text = "1/(L + L_tilde sqrt(2 beta/theta))" if smooth <= memories else "theta/(2 pl)"
        high = min(smooth, memories)
        choose("gamma", Interval(0.0, high, f"0 < gamma <= {text}"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma pl": p["gamma"] * request.c.pl}

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        delta = request.up.delta
        return 1.0, p["gamma"] * (1 - delta) / theta(delta)

    def start(self, request: Request, p: Point) -> float:
        memories = self.coefficients(request, p)[1]
        return request.c.gap0 + (memories * request.c.grad0_sq if memories > 0 else 0.0)

    def floor(self, request: Request, p: Point) -> float:
        return 0.0


@register
class ThreePoint(_Compressed, AverageTheorem):
    """The three-point compressor theorem, applied to EF21.

    A three-point compressor estimates x from its last estimate h of y, and
    E||C_{h,y}(x) - x||^2 <= (1 - A)||h - y||^2 + B||x - y||^2.  Gradient descent with the average of the workers'
    estimates then has, for gamma <= 1/(L + L_tilde sqrt(B/A)),
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T) + E G^0/(A T).

    EF21 is C_{h,y}(x) = h + C(x - h): by Young's inequality it has every A < delta, with
    B >= (1 - delta)(1 - A)/(delta - A). The smallest B/A is at A = theta, B = beta, which is `Nonconvex`; another A
    trades the step against the weight of the first memories.

    Source: the paper on three-point compressors. Provenance: published.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=4, L=1.0, L_tilde=2.0, gap0=1.0, grad0_sq=0.5)
    >>> ask = theorem("3pc.nonconvex").guarantee
    >>> ask(known, up=Contractive(0.75)).analysis
    {'A': 0.5, 'B': 0.5}
    >>> ask(known, up=Contractive(0.75), A=0.75).reason
    'A = 0.75 is not below delta = 0.75'
    """

    name = "3pc.nonconvex"
    probe = Probe(fixed={"A": 0.05, "B": 40.0})
    title = "Three-point compressors, nonconvex, for EF21"
    source = THREE_POINT
    provenance = "published"
    method = "ef21"
    requires = ("n", "L", "L_tilde")
    bound_requires = ("gap0", "grad0_sq")
    uplink = Contractive
    analysis = ("A", "B")
    assumes = (
        SMOOTH,
        SMOOTH_ON_AVERAGE,
        EXACT,
        ZERO_MEMORIES,
    )
    setting = (
        r"Let $g_0^2 = \frac{1}{n}\sum_i\|\nabla f_i(x^0)\|^2$; $C_{h,y}(x) = h + C(x-h)$ satisfies "
        r"$\mathbb{E}\|C_{h,y}(x)-x\|^2 \le (1-A)\|h-y\|^2 + B\|x-y\|^2$ with $0 < A < \delta$ and $B \ge "
        r"\frac{(1-\delta)(1-A)}{\delta-A}$ (for $\delta = 1$: $0 < A \le 1$ and $B \ge 0$)."
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L+\tilde L\sqrt{\frac{B}{A}}}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T} + \frac{(1-\delta)g_0^2}{AT}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, delta = request.c, request.up.delta
        exact = delta == 1
        A = choose(
            "A", Interval(0.0, delta, f"0 < A {'<=' if exact else '<'} delta", high_open=not exact), theta(delta)
        )
        if exact:
            least = 0.0
        elif "A" in choose.fixed:
            least = (1 - delta) * (1 - A) / (delta - A)
        else:
            least = beta(delta)
        if not math.isfinite(least):
            raise NotCovered(f"A = {A:.6g} is too close to delta = {delta:.6g}: there is no finite B")
        B = choose("B", Interval(least, math.inf, "(1 - delta)(1 - A)/(delta - A) <= B", low_open=False), least)
        high = 1 / (c.L + c.L_tilde * math.sqrt(B / A))
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/(L + L_tilde sqrt(B/A))"), high)

    def average(self, request: Request, p: Point) -> Average:
        c, delta = request.c, request.up.delta
        first = (1 - delta) * c.grad0_sq / p["A"] if delta < 1 else 0.0
        return Average(start=2 * c.gap0 + p["gamma"] * first, noise=0.0)
