"""EF21 with its optimal step, on workers that have a smoothness and a strong convexity of their own.

With s_i = L_i + mu_i, d_i = L_i - mu_i, their means s and d over the workers, and r = sqrt(1 - delta),

    gamma = (2/s) (1 - r)/(1 + r),      K1 = avg(d_i^2/s_i)/s,      K2 = (d/s)^2,

rho is the largest root of (z - r)^2 (z - r^2) - ((1-r)^2/(1+r)) [r K1 z (z - r) + K2 z (z - r^3)]. Equal workers have
the step and rate of `tight_workers`. The law was found, for two workers, by a sweep of Berg Thomsen, Taylor, Dieuleveut
2026 ("A Tight Theory of Error Feedback Algorithms"), who do not prove it. Our proof is for any number of workers and
randomised C, in docs/proofs/tight-unequal.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compressors import Contractive
from ..constants import Constants
from ..families import LinearTheorem
from ..hypotheses import EXACT, OWN_CONDITIONS, ZERO_MEMORIES
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, prescribe, register
from .tight import accuracy, error_ratio

#: More steps than this Newton's method does not need, from a double root either.
STEPS = 200


class Conditions(NamedTuple):
    """What the rate depends on: the mean, smallest and largest s_i; 1 - K1 and 1 - K2."""

    mean: float
    least: float
    most: float
    first: float
    second: float


def conditions(c: Constants) -> Conditions:
    """The workers' L_i and mu_i, or L_max and mu_min (mu) for all where they are unknown."""
    L: NDArray[np.float64] = np.array(c.L_i if c.L_i is not None else [c.L_max], dtype=np.float64)
    convex = c.mu if c.mu_min is None else c.mu_min
    mu: NDArray[np.float64] = np.array(c.mu_i if c.mu_i is not None else [convex], dtype=np.float64)
    total = L + mu
    mean = float(total.mean())
    L, mu = L / total.max(), mu / total.max()  # whose squares neither overflow nor vanish
    share = L + mu
    return Conditions(
        mean, float(total.min()), float(total.max()), float(np.mean(4 * L * mu / share) / share.mean()),
        float(4 * L.mean() * mu.mean() / share.mean() ** 2),
    )  # fmt: skip


def contraction_gap(where: Conditions, delta: float) -> float:
    """1 - rho: with z = r + (1 - r) w the cubic is (1 - r)^3 times one of w in [0, 1]; Newton's method from w = 1.

    On the way from there to the largest root the cubic is convex and falls.

    Examples
    --------
    >>> [round(1 - contraction_gap(conditions(Constants(L_max=1.0, mu=0.1)), delta), 5) for delta in (0.1, 0.5, 0.9)]
    [0.99047, 0.93937, 0.82409]
    """
    r = error_ratio(delta)
    lost = delta / (1 + r)  # 1 - r
    K2 = 1 - where.second
    c1, c0 = r * (1 - where.first) + K2, K2 * r * (1 + r)
    # w^3 + a w^2 - b w - c; and the same at w = 1 - v, where a small v has all its digits.
    a, b, c = r - lost * c1 / (1 + r), (r * c1 + lost * c0) / (1 + r), r * c0 / (1 + r)
    at_one = (r * where.first + (1 + r + r * r) * where.second) / (1 + r)
    v = 0.0
    for _ in range(STEPS):
        value, falls = at_one - v * (3 + 2 * a - b - v * (3 + a - v)), 3 + 2 * a - b - v * (6 + 2 * a - 3 * v)
        if value <= 0 or falls <= 0:
            break
        v += value / falls
    if v > 0.5:
        w = 1.0
        for _ in range(STEPS):
            value, rises = ((w + a) * w - b) * w - c, (3 * w + 2 * a) * w - b
            if value <= 0 or rises <= 0:
                break
            w -= value / rises
        v = 1 - w
    return lost * min(v, 1.0)


@register
class Unequal(LinearTheorem):
    """EF21 on workers with their own L_i and mu_i, the optimal step.

    Problem: f_i is L_i-smooth and mu_i-strongly convex (L_max and mu where they are unknown), exact gradients.
    Algorithm: h_i <- h_i + C(grad f_i(x) - h_i), h_i = 0 at first, x <- x - gamma avg h_i.

    Guarantee: with r, s_i, s, gamma and rho of the module,
    W^t = ||grad f(x^t)||^2 + r avg (s/s_i)||h_i^t - grad f_i(x^t)||^2, h_i^t before the round's update, satisfies
    E W^{t+1} <= rho E W^t; so E[||grad f(x^t)||^2 + r (s/max s_i) avg||h_i^t - grad f_i(x^t)||^2] <= rho^t W^0, and
    W^0 <= (1 + r s/min s_i) avg||grad f_i(x^0)||^2. Workers that are equal have the rate of `ef21.tight`.

    Provenance: ours, see docs/proofs/tight-unequal.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=2, L_i=(1.0, 3.0), mu_i=(0.1, 1.0), L_max=3.0, mu=0.1, mu_min=0.1, sigma_sq=0.0)
    >>> ask = lambda name: theorem(name).guarantee(known, Contractive(0.75))
    >>> [round(ask(name).rate.contraction, 4) for name in ("ef21.tight-unequal", "ef21.tight")]
    [0.7468, 0.9578]
    """

    name = "ef21.tight-unequal"
    title = "EF21, workers with their own smoothness and strong convexity, tight"
    source = "own proof, of a law that Berg Thomsen, Taylor, Dieuleveut 2026 found by a sweep for two workers"
    provenance = "ours"
    method = "ef21"
    requires = ("n", "L_max", "mu")
    bound_requires = ("grad0_sq",)
    uplink = Contractive
    assumes = (
        OWN_CONDITIONS,
        EXACT,
        ZERO_MEMORIES,
    )
    setting = (
        r"Let $q = \sqrt{1-\delta}$, $s_i = L_i + \mu_i$, $\bar s$, $s_{\min}$, $s_{\max}$ their mean, smallest and "
        r"largest, $K_1 = \frac{1}{n}\sum_i\frac{(L_i-\mu_i)^2}{s_i \bar s}$, "
        r"$K_2 = (\frac{1}{n}\sum_i\frac{L_i-\mu_i}{\bar s})^2$, and $\rho$ the largest root of "
        r"$(z-q)^2(z-q^2) - \frac{(1-q)^2}{1+q}(q K_1 z(z-q) + K_2 z(z-q^3))$."
    )
    probe = Probe(
        symbols={
            r"\bar s": lambda found, symbols: conditions(found.constants).mean,
            r"s_{\min}": lambda found, symbols: conditions(found.constants).least,
            r"s_{\max}": lambda found, symbols: conditions(found.constants).most,
            r"\rho": lambda found, symbols: found.rate.contraction,
        },
    )
    conditions = r"\gamma = \gamma_\star"
    definitions = (("q", r"\sqrt{1-\delta}"), (r"\gamma_\star", r"\frac{2(1-q)}{\bar s(1+q)}"))
    measures = (("", "grad_sq"), (r"\frac{q\bar s}{s_{\max}}", "memory_gap_sq"))
    bound_latex = r"\rho^t(1+\frac{q\bar s}{s_{\min}})g_0^2"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        gamma = 2 / conditions(request.constants).mean * accuracy(request.up.delta)
        prescribe(self, choose, {"gamma": (gamma, "(2/avg(L_i + mu_i)) (1 - r)/(1 + r), r = sqrt(1 - delta)")})

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"the optimal step": contraction_gap(conditions(request.constants), request.up.delta)}

    def start(self, request: Request, p: Point) -> float:
        where = conditions(request.constants)
        return (1 + error_ratio(request.up.delta) * where.mean / where.least) * request.c.grad0_sq

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        where = conditions(request.constants)
        return 1.0, error_ratio(request.up.delta) * where.mean / where.most

    def floor(self, request: Request, p: Point) -> float:
        return 0.0
