"""Momentum without compression: heavy ball (distributed momentum SGD) and its averaged form.

    averaged   : m <- b m + (1 - b) avg g_i ;  x <- x - a m
    heavy ball : x^{t+1} = x^t - gamma avg g_i + beta (x^t - x^{t-1}) , the same with b = beta, a = gamma/(1 - beta)

Polyak 1964 introduced the heavy ball. Both follow z^{t+1} = z^t - a avg g_i with z^t = x^t - (a b/(1 - b)) m^{t-1}.
"""

from __future__ import annotations

from ..bounds import Interval
from ..families import Average, AverageTheorem
from ..hypotheses import NOISE, SMOOTH
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, register

MOMENTUM = 0.9
"""The usual momentum."""


@register
class HeavyBall(AverageTheorem):
    """Heavy ball on a smooth nonconvex f.

    Problem: f is L-smooth. Algorithm: x^{t+1} = x^t - gamma avg g_i + beta (x^t - x^{t-1}).

    Guarantee: a = gamma/(1 - beta) <= (1 - beta)/(4L) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2
        <= (4/3)[2 Delta/(a T) + L a sigma^2/n + 2 L^2 a^2 beta^2 sigma^2/(n (1 - beta^2))].
    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, gap0=3.0, sigma_sq=0.0)
    >>> found = theorem("heavy-ball.nonconvex").guarantee(known, beta=0.5)
    >>> found.parameters, float(found.bound(64))
    ({'gamma': 0.0625, 'beta': 0.5}, 1.0)
    """

    name = "heavy-ball.nonconvex"
    probe = Probe(fixed={"beta": 0.6})
    title = "Heavy ball, nonconvex"
    source = "own proof; the method is that of Polyak 1964"
    provenance = "ours"
    method = "heavy-ball"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq")
    parameters = ("gamma", "beta")
    assumes = (
        SMOOTH,
        NOISE,
    )
    setting = r"Let $0 \le \beta < 1$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{(1-\beta)^2}{4L}"), ("a", r"\frac{\gamma}{1-\beta}"))
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{4}{3}(\frac{2\Delta}{aT} + \frac{La\sigma^2}{n} + \frac{2L^2a^2\beta^2\sigma^2}{n(1-\beta^2)})"
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        beta = choose("beta", Interval(0.0, 1.0, "0 <= beta < 1", low_open=False, high_open=True), MOMENTUM)
        high = (1 - beta) ** 2 / (4 * request.c.L)
        choose("gamma", Interval(0.0, high, "0 < gamma <= (1 - beta)^2/(4 L)"), high)

    def average(self, request: Request, p: Point) -> Average:
        c, beta = request.c, p["beta"]
        noise = c.sigma_sq / c.n
        drift = 2 * c.L**2 * beta**2 * noise / ((1 - beta**2) * (1 - beta) ** 2)
        return Average(start=8 / 3 * c.gap0 * (1 - beta), noise=4 / 3 * c.L * noise / (1 - beta), drift=4 / 3 * drift)


@register
class Averaged(AverageTheorem):
    """Averaged momentum on a smooth nonconvex f.

    Problem: f is L-smooth. Algorithm: m <- b m + (1 - b) avg g_i ; x <- x - gamma m, m^0 = 0.

    Guarantee: gamma <= (1 - b)/(4L) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2
        <= (4/3)[2 Delta/(gamma T) + L gamma sigma^2/n + 2 L^2 gamma^2 b^2 sigma^2/(n (1 - b^2))].
    Provenance: ours.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, L=1.0, gap0=3.0, sigma_sq=0.0)
    >>> found = theorem("momentum.nonconvex").guarantee(known, b=0.5)
    >>> found.parameters, float(found.bound(64))
    ({'gamma': 0.125, 'b': 0.5}, 1.0)
    """

    name = "momentum.nonconvex"
    probe = Probe(fixed={"b": 0.6})
    title = "Averaged momentum, nonconvex"
    source = "own proof; the method is that of Polyak 1964 in its averaged form"
    provenance = "ours"
    method = "momentum"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq")
    parameters = ("gamma", "b")
    assumes = (
        SMOOTH,
        NOISE,
    )
    setting = r"Let $0 \le b < 1$."
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{1-b}{4L}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{4}{3}(\frac{2\Delta}{\gamma T} + \frac{L\gamma\sigma^2}{n} "
        r"+ \frac{2L^2\gamma^2b^2\sigma^2}{n(1-b^2)})"
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        b = choose("b", Interval(0.0, 1.0, "0 <= b < 1", low_open=False, high_open=True), MOMENTUM)
        high = (1 - b) / (4 * request.c.L)
        choose("gamma", Interval(0.0, high, "0 < gamma <= (1 - b)/(4 L)"), high)

    def average(self, request: Request, p: Point) -> Average:
        c, b = request.c, p["b"]
        noise = c.sigma_sq / c.n
        return Average(
            start=8 / 3 * c.gap0,
            noise=4 / 3 * c.L * noise,
            drift=8 / 3 * c.L**2 * b**2 * noise / (1 - b**2),
        )
