"""Do the checks say no? Each is put before something wrong whose answer is known, in milliseconds.

A check that is switched off, or whose tolerance has grown, finds nothing: then everything holds. So every verdict asks
first whether a theorem with a longer step, another transcription, a compressor with a stronger contraction, a problem
with other constants and samples above a bound are told from right ones, and right ones from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..problems.explicit import ExplicitQuadratic
from ..solvers.method import method as build_method
from ..theory import THEOREMS
from ..theory.bounds import Interval
from ..theory.compressors import compressor
from .certify_problem import certify_problem
from .conformance import Conformance, conforms
from .decisions import Decision
from .parts import compressor_conforms, problem_conforms
from .promises import promises_conform
from .restated import contradiction
from .sequential import Looks, decide_in_looks
from .statements import difference
from .statistics import evidence, mean_limits, spent
from .variants import promising, told_less
from .verdict import Series
from .worst_cases import violates

#: The error probability of the decisions about samples.
ALPHA = 1e-3
#: Replicas of a first look, and the bound that they are held against.
REPLICAS, BOUND = 32, 2.0


def longer_step(both: bool) -> str:
    """What is found of a theorem whose step is longer in the code, and in the statement as well if `both`."""
    kind = type(THEOREMS["sgd.nonconvex"])

    def choose_parameters(self: Any, request: Any, choose: Any) -> None:
        high = 1.3 / request.c.L
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1.3/L"), high)

    changes: dict[str, Any] = {"choose_parameters": choose_parameters}
    if both:
        changes["definitions"] = ((r"\gamma_{\max}", r"\frac{1.3}{L}"),)
    wrong = type("Longer", (kind,), changes)()
    return contradiction(wrong) if both else difference(wrong)


def another_transcription(factor: float) -> str:
    """The word about SGD beside a transcription whose step is so many times as long."""
    told = told_less(build_method("sgd"), {"gamma": 1 / factor})
    return conforms(told, "quadratic:dim=2,mu=0.5,L=1", workers=2, rounds=2).word


def decided(factor: float, fresh: float | None = None) -> str:
    """The word about exponential samples whose mean is so many times the bound; those that confirm it may differ."""

    def drawn(times: float, count: int, first: int) -> np.ndarray:
        return BOUND * times * np.random.default_rng(first).exponential(size=count)

    def measure(looks: Looks) -> tuple[Series, np.ndarray]:
        samples = drawn(factor, looks.replicas, 0)[:, None]
        mean, low, high = mean_limits(samples, looks.alpha(ALPHA, "holds"))
        series = Series(np.array([10]), mean, low, high, np.array([BOUND]), 2 * BOUND, None, 0.0)
        return series, np.zeros(looks.replicas)

    again = factor if fresh is None else fresh
    found: Decision = decide_in_looks(
        measure, lambda _, count, first: drawn(again, count, 1 + first), REPLICAS, ALPHA
    ).decision
    return found.word


def limits_are_wide() -> bool:
    """Whether limits of a fair sample are Student's, and shared out over looks and columns."""
    from scipy.special import stdtrit

    x = np.repeat([-1.0, 1.0], 8)[:, None]
    far = float(stdtrit(15, 1 - 0.01 / 2)) * float(x.std(ddof=1)) / 4
    _, low, high = mean_limits(x, 0.01)
    shared = mean_limits(np.hstack([x, x]), 0.02)[2]
    return bool(np.allclose([-low[0], high[0], shared[0]], far) and math.fsum(spent(1.0, k) for k in range(1, 99)) <= 1)


def bets_are_fair() -> bool:
    """Whether the capital of a bet keeps its mean where the mean is the bound, and grows where it is above."""
    mean = (math.exp(evidence(np.array([0.0]), BOUND)) + math.exp(evidence(np.array([2 * BOUND]), BOUND))) / 2
    return math.isclose(mean, 1.0) and evidence(np.full(64, 1.5 * BOUND), BOUND) > math.log(1 / ALPHA)


def problem_is(constants: dict[str, float]) -> str:
    """The verdict about a quadratic that states so many times its own constants."""
    right = ExplicitQuadratic([np.diag([0.5, 1.0])] * 2, [[1.0, 0.0], [0.0, 1.0]], [2.0, 1.0])

    class Told(ExplicitQuadratic):
        def constants(self) -> Any:
            own = right.constants()
            return replace(own, **{name: factor * getattr(own, name) for name, factor in constants.items()})

    told = Told([np.diag([0.5, 1.0])] * 2, [[1.0, 0.0], [0.0, 1.0]], [2.0, 1.0])
    return certify_problem(told, points=1).verdict


def gradient_is(factor: float) -> str:
    """The word about a quadratic whose gradient in NumPy is so many times its own."""

    class Told(ExplicitQuadratic):
        def worker_gradient(self, worker: int, X: Any) -> Any:
            return factor * super().worker_gradient(worker, X)

    return problem_conforms(Told([np.diag([0.5, 1.0])], [[1.0, 0.0]], [2.0, 1.0])).word


#: What is asked, and whether the answers are right: of something wrong, and of the same thing right.
CHECKS: dict[str, Callable[[], bool]] = {
    "the statement against the code": lambda: bool(longer_step(both=False)),
    "the theorem as restated": lambda: bool(longer_step(both=True)),
    "the transcription": lambda: (another_transcription(1.01), another_transcription(1.0)) == ("differs", "conforms"),
    "the messages": lambda: (
        compressor_conforms(promising(compressor("topk:k=2"), "image", lambda image: 0.5 * image), (6,)).word
        == "differs"
    ),
    "the promises": lambda: (
        promises_conform(_stronger(1.2), 6, 1e3).word == "differs"
        and promises_conform(_stronger(1.0), 6, 1e3).word == "conforms"
    ),
    "the gradients": lambda: (gradient_is(1.01), gradient_is(1.0)) == ("differs", "conforms"),
    "the constants": lambda: (
        all(problem_is({name: factor}) == "violated" for name, factor in (("L", 0.9), ("mu", 1.1), ("zeta_sq", 0.9)))
        and problem_is({}) == "holds"
    ),
    "the limits": limits_are_wide,
    "the bets": bets_are_fair,
    "the decisions": lambda: (decided(0.5), decided(1.5), decided(1.5, 0.5)) == ("holds", "violated", "inconclusive"),
    "the hard instances": lambda: violates(1.001) and not violates(1.0),
}  # fmt: skip


def _stronger(factor: float) -> Any:
    return promising(compressor("topk:k=2"), "contractive", lambda right: replace(right, delta=factor * right.delta))


def checks_conform() -> Conformance:
    """Whether every check tells wrong from right."""
    for name, right in CHECKS.items():
        if not right():
            return Conformance("differs", f"of {name}, which does not tell wrong from right")
    return Conformance("conforms", rounds=len(CHECKS), checked=tuple(CHECKS))
