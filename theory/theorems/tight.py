"""Tight one-worker rates: error feedback, EF21 and compressed gradient descent with their optimal steps.

Berg Thomsen, Taylor, Dieuleveut 2025. One worker, exact gradients, f L-smooth and mu-strongly convex, C contractive;
r = sqrt(1 - delta) is the relative error that C may make. For error feedback and EF21, in their best Lyapunov
functions,

    gamma = (2/(L + mu)) (1 - r)/(1 + r),      sqrt(rho) - r/sqrt(rho) = (1 - r) (L - mu)/(L + mu),

and for compressed gradient descent rho = ((k - 1)/(k + 1))^2 with k = (L/mu)(1 + r)/(1 - r). All three rates are
attained on quadratics by C(v) = (1 + r) v, so that none can be improved; our proofs hold for randomised C as well.
"""

from __future__ import annotations

import math

from ..compressors import Contractive
from ..families import LinearTheorem
from ..hypotheses import EXACT, ONE_WORKER, SMOOTH, STRONGLY_CONVEX
from ..theorem import ParameterChoice, Point, Request, prescribe, register

PAPER = "Berg Thomsen, Taylor, Dieuleveut 2025"
_SQUARE_ROOT = ("q", r"\sqrt{1-\delta}")


def error_ratio(delta: float) -> float:
    """r = sqrt(1 - delta)."""
    return math.sqrt(1 - delta)


def accuracy(delta: float) -> float:
    """(1 - r)/(1 + r), without cancellation for small delta."""
    return delta / (1 + error_ratio(delta)) ** 2


def contraction_gap(L: float, mu: float, delta: float) -> float:
    """1 - rho of error feedback and EF21.

    With z = sqrt(rho), z - r/z = (1 - r)(L - mu)/(L + mu) is (1 - rho)(rho - r^2) = kappa rho with
    kappa = 4 (1 - r)^2 mu L/(L + mu)^2, of which this is the smaller root in 1 - rho. The discriminant is written as a
    product, because it vanishes for L = mu.

    Examples
    --------
    >>> [round(1 - contraction_gap(1.0, 0.1, delta), 5) for delta in (0.1, 0.5, 0.9)]
    [0.99047, 0.93937, 0.82409]
    """
    r = error_ratio(delta)
    lost = delta / (1 + r)  # 1 - r
    near = (math.sqrt(L) - math.sqrt(mu)) ** 2 / (L + mu)  # 1 - 2 sqrt(mu L)/(L + mu), and 1 + the same:
    far = 2 - near
    kappa = lost**2 * (4 * mu * L / (L + mu) ** 2)
    root = lost * math.sqrt(near * far * (near + r * far) * (far + r * near))
    return 2 * kappa / (delta + kappa + root)


class _Tight(LinearTheorem):
    provenance = "published"
    requires = ("L", "mu")
    uplink = Contractive
    assumes = (
        ONE_WORKER,
        EXACT,
        SMOOTH,
        STRONGLY_CONVEX,
    )
    setting = r"Let $q = \sqrt{1-\delta}$."
    conditions = r"\gamma = \gamma_\star"
    definitions = (
        _SQUARE_ROOT,
        (r"\gamma_\star", r"\frac{2(1-q)}{(L+\mu)(1+q)}"),
        ("s", r"\frac{(1-q)(L-\mu)}{L+\mu}"),
        (r"\rho", r"\frac{1}{4}(s + \sqrt{s^2 + 4q})^2"),
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        gamma = 2 / (c.L + c.mu) * accuracy(request.up.delta)
        prescribe(self, choose, {"gamma": (gamma, "(2/(L + mu)) (1 - r)/(1 + r), r = sqrt(1 - delta)")})

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"the optimal step": contraction_gap(request.c.L, request.c.mu, request.up.delta)}

    def floor(self, request: Request, p: Point) -> float:
        return 0.0


@register
class ErrorFeedback(_Tight):
    """Error feedback, one worker, the optimal step: the tight rate.

    Problem: f is L-smooth and mu-strongly convex, exact gradients. Algorithm: c = C(e + gamma grad f(x)),
    e <- e + gamma grad f(x) - c, x <- x - c.

    Guarantee: with r = sqrt(1 - delta), gamma and rho of the module,
    V^t = ||x^t - e^t - x*||^2 + ||e^t||^2/r = ||x^t - x*||^2 - 2 <x^t - x*, e^t> + (1 + 1/r)||e^t||^2 satisfies
    E V^t <= rho^t ||x^0 - x*||^2, and no smaller rho will do.

    Provenance: published; our proof for randomised compressors.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=1, L=1.0, mu=0.1, dist0_sq=1.0, sigma_sq=0.0)
    >>> found = theorem("error-feedback.tight-single-worker").guarantee(known, Contractive(0.5))
    >>> round(found.rate.contraction, 5), found.metric.terms[1]
    (0.93937, ('error_sq', 1.414213562373095))
    """

    name = "error-feedback.tight-single-worker"
    title = "Error feedback, one worker, tight"
    source = PAPER
    method = "error-feedback"
    bound_requires = ("dist0_sq",)
    measures = (("", "shadow_dist_sq"), (r"\frac{1}{\sqrt{1-\delta}}", "error_sq"))
    bound_latex = r"\rho^t R_0^2"

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        ratio = error_ratio(request.up.delta)
        return 1.0, 1 / ratio if ratio > 0 else 0.0  # nothing is lost, and there is no error


@register
class EF21(_Tight):
    """EF21, one worker, the optimal step: the tight rate.

    Problem: f is L-smooth and mu-strongly convex, exact gradients. Algorithm: h <- h + C(grad f(x) - h), h = 0 at
    first, x <- x - gamma h.

    Guarantee: with r = sqrt(1 - delta), gamma and rho of the module,
    W^t = ||grad f(x^t)||^2 + r ||h^t - grad f(x^t)||^2, h^t before the round's update, satisfies
    E W^t <= rho^t (1 + r) ||grad f(x^0)||^2, and no smaller rho will do.

    The paper's function r ||grad f||^2 + ||h - grad f||^2 with h after the update lies between W^{t+1} r/rho and W^t r.
    Provenance: published; our proof for W and for randomised compressors.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=1, L=1.0, mu=0.1, grad0_sq=1.0, sigma_sq=0.0)
    >>> found = theorem("ef21.tight-single-worker").guarantee(known, Contractive(0.19))
    >>> found.metric.terms[1], float(found.bound(0))
    (('memory_gap_sq', 0.9), 1.9)
    """

    name = "ef21.tight-single-worker"
    title = "EF21, one worker, tight"
    source = f"{PAPER}; the function with the memory before its update is ours"
    method = "ef21"
    bound_requires = ("grad0_sq",)
    measures = (("", "grad_sq"), (r"\sqrt{1-\delta}", "memory_gap_sq"))
    bound_latex = r"\rho^t(1+q)g_0^2"

    def start(self, request: Request, p: Point) -> float:
        return (1 + error_ratio(request.up.delta)) * request.c.grad0_sq

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        return 1.0, error_ratio(request.up.delta)


@register
class CompressedGD(_Tight):
    """Compressed gradient descent, one worker, the optimal step: the tight rate.

    Problem: f is L-smooth and mu-strongly convex, exact gradients. Algorithm: x <- x - gamma C(grad f(x)).

    Guarantee: gamma = 2/((1 - r) mu + (1 + r) L) with r = sqrt(1 - delta) gives
    E f(x^t) - f* <= ((k - 1)/(k + 1))^(2t) (f(x^0) - f*), k = (L/mu)(1 + r)/(1 - r), and no smaller factor will do.

    Provenance: published; our proof for randomised compressors.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=1, L=1.0, mu=0.1, gap0=1.0, sigma_sq=0.0)
    >>> found = theorem("compressed-gd.tight").guarantee(known, Contractive(0.75))
    >>> round(found.rate.contraction, 8), round(((30 - 1) / (30 + 1)) ** 2, 8)
    (0.87513007, 0.87513007)
    """

    name = "compressed-gd.tight"
    title = "Compressed gradient descent, one worker, tight"
    source = PAPER
    method = "compressed-gd"
    bound_requires = ("gap0",)
    definitions = (
        _SQUARE_ROOT,
        (r"\gamma_\star", r"\frac{2}{(1-q)\mu + (1+q)L}"),
        ("k", r"\frac{L(1+q)}{\mu(1-q)}"),
        (r"\rho", r"(\frac{k-1}{k+1})^2"),
    )
    measures = (("", "gap"),)
    bound_latex = r"\rho^t\Delta"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c, r = request.c, error_ratio(request.up.delta)
        gamma = 2 / (request.up.delta / (1 + r) * c.mu + (1 + r) * c.L)
        prescribe(self, choose, {"gamma": (gamma, "2/((1 - r) mu + (1 + r) L), r = sqrt(1 - delta)")})

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        inverse = request.c.mu / request.c.L * accuracy(request.up.delta)  # 1/k
        return {"the optimal step": 4 * inverse / (1 + inverse) ** 2}

    def start(self, request: Request, p: Point) -> float:
        return request.c.gap0
