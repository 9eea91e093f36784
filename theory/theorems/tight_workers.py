"""Error feedback and EF21 on n workers with their optimal step: the rates of one worker, for any number of them.

Berg Thomsen, Taylor, Dieuleveut, "A Tight Theory of Error Feedback Algorithms in Distributed Optimization", 2026. Every
f_i is L-smooth and mu-strongly convex, exact gradients, C contractive; gamma and rho are those of the module `tight`.
EF21 takes any workers, error feedback such as share their minimiser. Equal quadratics with C(v) = (1 + r) v attain both
rates for every n. Our proofs hold for randomised C, whatever coins the workers share (docs/proofs/tight.md).
"""

from __future__ import annotations

from ..compressors import Contractive
from ..families import LinearTheorem
from ..hypotheses import ALIKE_SMOOTH_WORKERS, EXACT, SHARED_MINIMISER, STRONGLY_CONVEX_WORKERS
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, prescribe, register
from .tight import accuracy, contraction_gap, error_ratio

PAPER = "Berg Thomsen, Taylor, Dieuleveut 2026 (A Tight Theory of Error Feedback Algorithms)"


class _Tight(LinearTheorem):
    """What both share."""

    provenance = "published"
    requires = ("n", "L_max", "mu")
    uplink = Contractive
    setting = r"Let $q = \sqrt{1-\delta}$."
    conditions = r"\gamma = \gamma_\star"
    definitions = (
        ("q", r"\sqrt{1-\delta}"),
        (r"\gamma_\star", r"\frac{2(1-q)}{(L+\mu)(1+q)}"),
        ("s", r"\frac{(1-q)(L-\mu)}{L+\mu}"),
        (r"\rho", r"\frac{1}{4}(s + \sqrt{s^2 + 4q})^2"),
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        c = request.c
        gamma = 2 / (c.L_max + c.mu) * accuracy(request.up.delta)
        prescribe(self, choose, {"gamma": (gamma, "(2/(L_max + mu)) (1 - r)/(1 + r), r = sqrt(1 - delta)")})

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"the optimal step": contraction_gap(request.c.L_max, request.c.mu, request.up.delta)}

    def floor(self, request: Request, p: Point) -> float:
        return 0.0


@register
class ErrorFeedback(_Tight):
    """Error feedback on n workers that share their minimiser, the optimal step: the tight rate.

    Problem: every f_i is L-smooth and mu-strongly convex with grad f_i(x*) = 0, exact gradients. Algorithm:
    c_i = C(e_i + gamma grad f_i(x)), e_i <- e_i + gamma grad f_i(x) - c_i, x <- x - avg c_i.

    Guarantee: with r = sqrt(1 - delta), gamma and rho of the module `tight`,
    V^t = avg||x^t - x* - e_i^t||^2 + ||avg e_i^t||^2/r
        = ||x^t - avg e_i^t - x*||^2 + avg||e_i^t||^2 + (1/r - 1)||avg e_i^t||^2 satisfies
    E V^t <= rho^t ||x^0 - x*||^2, and no smaller rho will do. One worker: `error-feedback.tight-single-worker`.

    Provenance: published; our proof, without independent coins, in docs/proofs/tight.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=20, L_max=1.0, mu=0.1, mu_min=0.1, dist0_sq=1.0, sigma_sq=0.0, zeta_star_sq=0.0)
    >>> found = theorem("error-feedback.tight").guarantee(known, Contractive(0.75))
    >>> round(found.rate.contraction, 5), found.metric.terms[2]
    (0.88481, ('error_sq', 1.0))
    """

    name = "error-feedback.tight"
    title = "Error feedback, workers that share their minimiser, tight"
    source = f"{PAPER}; our proof"
    method = "error-feedback"
    probe = Probe(constants={"zeta_star_sq": 0.0})
    bound_requires = ("dist0_sq",)
    assumes = (
        ALIKE_SMOOTH_WORKERS,
        STRONGLY_CONVEX_WORKERS,
        SHARED_MINIMISER,
        EXACT,
    )
    measures = (("", "shadow_dist_sq"), ("", "worker_error_sq"), (r"(\frac{1}{\sqrt{1-\delta}}-1)", "error_sq"))
    bound_latex = r"\rho^t R_0^2"

    def start(self, request: Request, p: Point) -> float:
        return request.c.dist0_sq

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        ratio = error_ratio(request.up.delta)
        return 1.0, 1.0, 1 / ratio - 1 if ratio > 0 else 0.0  # nothing is lost, and there is no error


@register
class EF21(_Tight):
    """EF21 on n workers however they differ, the optimal step: the tight rate.

    Problem: every f_i is L-smooth and mu-strongly convex, exact gradients. Algorithm:
    h_i <- h_i + C(grad f_i(x) - h_i), h_i = 0 at first, x <- x - gamma avg h_i.

    Guarantee: with r = sqrt(1 - delta), gamma and rho of the module `tight`,
    W^t = ||grad f(x^t)||^2 + r avg||h_i^t - grad f_i(x^t)||^2, h_i^t before the round's update, satisfies
    E W^t <= rho^t (1 + r) avg||grad f_i(x^0)||^2, and no smaller rho will do.

    The paper's function (r/n)||sum grad f_i||^2 + sum||grad f_i - h_i||^2, with h_i after the update, is at most
    n r W^t in expectation and at least n r W^{t+1}/rho. One worker: `ef21.tight-single-worker`.

    Provenance: published; our proof for W in docs/proofs/tight.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Contractive, theorem
    >>> known = Constants(n=20, L_max=1.0, mu=0.1, mu_min=0.1, grad0_sq=1.0, sigma_sq=0.0)
    >>> found = theorem("ef21.tight").guarantee(known, Contractive(0.19))
    >>> found.metric.terms[1], float(found.bound(0))
    (('memory_gap_sq', 0.9), 1.9)
    """

    name = "ef21.tight"
    title = "EF21, workers however they differ, tight"
    source = f"{PAPER}; our proof, for the function with the memories before their update"
    method = "ef21"
    bound_requires = ("grad0_sq",)
    assumes = (
        ALIKE_SMOOTH_WORKERS,
        STRONGLY_CONVEX_WORKERS,
        EXACT,
    )
    measures = (("", "grad_sq"), (r"\sqrt{1-\delta}", "memory_gap_sq"))
    bound_latex = r"\rho^t(1+q)g_0^2"

    def start(self, request: Request, p: Point) -> float:
        return (1 + error_ratio(request.up.delta)) * request.c.grad0_sq

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        return 1.0, error_ratio(request.up.delta)
