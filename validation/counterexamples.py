"""Small problems on which a bound is violated because one hypothesis of its theorem does not hold.

Each is a request that the theorem refuses, together with what one would have to pretend for the theorem to grant it. A
run with the parameters that are then recommended leaves the bound: the hypothesis is needed, and a check that says
"holds" to such a run is worth nothing (`Counterexample.measure`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..common.errors import InputError
from ..problems import Problem
from ..problems import problem as build_problem
from ..solvers import simulate
from ..solvers.engines.setup import OPTIONAL_COLUMNS
from ..solvers.engines.simulate import timetable
from ..solvers.method import method as build_method
from ..solvers.schedule import Schedule
from ..theory import Constants, Contractive, Guarantee, NoGuarantee, Unbiased, theorem
from .statistics import mean_limits

ALPHA = 1e-4
"""Probability that a lower limit is above the mean of what it is about."""


@dataclass(frozen=True)
class Violation:
    """What was measured at the end of the run: the lower limit of the metric's mean, and the bound on it."""

    low: float
    bound: float

    @property
    def factor(self) -> float:
        """By how much the bound is missed, at least."""
        return self.low / self.bound


@dataclass(frozen=True)
class Counterexample:
    """A run that breaks one hypothesis of a theorem, and its bound.

    Attributes
    ----------
    theorem, hypothesis
        The theorem's name, and the name of the hypothesis (`theory.hypotheses`).
    problem, workers, up, down, clock
        What is run.
    rounds, replicas
        T and the number of replicas.
    pretended
        Constants that are wrong, and with which the theorem would grant its guarantee.
    promise
        What one would have to believe of the compressor `up`, where that is the hypothesis.
    choices
        Parameters that are fixed.
    """

    theorem: str
    hypothesis: str
    problem: str
    workers: int = 1
    up: str = "identity"
    down: str = "identity"
    clock: str | None = None
    rounds: int = 200
    replicas: int = 64
    pretended: Mapping[str, Any] = field(default_factory=dict)
    promise: Any = None
    choices: Mapping[str, float] = field(default_factory=dict)

    def refused(self) -> NoGuarantee:
        """The theorem's answer to the request as it is.

        Raises
        ------
        InputError
            If the theorem grants it.
        """
        problem = self._problem()
        found = self._ask(self._constants(problem), self._given(self.up))
        if isinstance(found, NoGuarantee):
            return found
        raise InputError(f"{self.theorem} covers {self.problem} with {self.up}: it is not a counterexample")

    def measure(self, seed: int = 0) -> Violation:
        """Run the method with the parameters that the theorem recommends where one pretends.

        Raises
        ------
        InputError
            If the theorem does not even grant what is pretended.
        """
        problem = self._problem()
        pretended = replace(self._constants(problem), **self.pretended)
        found = self._ask(pretended, self._given(self.up) if self.promise is None else self.promise)
        if not isinstance(found, Guarantee):
            raise InputError(f"{self.theorem} gives no guarantee here, even where one pretends: {found.reason}")
        method = build_method(found.theorem.method)
        trace = simulate(
            method, problem, self.up, self.down,
            parameters=found.parameters, rounds=self.rounds, replicas=self.replicas, seed=seed,
            checkpoints=[self.rounds], schedule=self._schedule(problem, found.parameters), average=found.weights,
            columns=[c for c, _ in found.metric.terms if c in OPTIONAL_COLUMNS or c in method.columns],
        )  # fmt: skip
        values = trace.combine(found.metric.terms)[:, -1]
        return Violation(_lower_limit(values), float(found.bound(self.rounds)))

    def _problem(self) -> Problem:
        return build_problem(self.problem, workers=self.workers)

    def _ask(self, constants: Constants, up: Any) -> Guarantee | NoGuarantee:
        rounds = self.rounds if "gamma" not in self.choices else None
        return theorem(self.theorem).guarantee(constants, up, self._given(self.down), rounds=rounds, **self.choices)

    def _schedule(self, problem: Problem, parameters: Mapping[str, float]) -> Schedule | None:
        method = build_method(theorem(self.theorem).method)
        return timetable(method, problem.workers, self.rounds, 0, parameters, self.clock)

    def _constants(self, problem: Problem) -> Constants:
        times = self._schedule(problem, self.choices)
        if times is None:
            return problem.constants()
        return replace(problem.constants(), **times.facts(build_method(theorem(self.theorem).method).clock == "table"))

    @staticmethod
    def _given(spec: str) -> str | None:
        return None if spec == "identity" else spec


def _lower_limit(values: np.ndarray) -> float:
    """A lower limit of the mean of a metric, which is not negative, from independent replicas (R,).

    Student's limit is of no use for a run that diverges, whose values spread over many powers of ten. All R values are
    above their least m with a probability above ALPHA/2 only if one is with P >= (ALPHA/2)^(1/R), and the mean is at
    least P m.
    """
    _, low, _ = mean_limits(values[:, None], ALPHA / 2)
    return max(float(low[0]), float(values.min()) * (ALPHA / 2) ** (1 / values.size if values.size > 1 else 0.0))


_NOISY = "quadratic:dim=5,mu=0.2,L=1,radius=1,noise=gaussian,sigma_sq=4"

COUNTEREXAMPLES: tuple[Counterexample, ...] = (
    Counterexample(
        "khirirat.delayed-q-sgd", "coins independent of the model",
        "quadratic:dim=3,mu=1,L=1,radius=1,region=1", workers=200, up="randk:k=1,seed=shared", clock="fixed:tau=0",
        choices={"M": 1}, pretended={"every_worker": True},
    ),
    Counterexample(
        "khirirat.delayed-q-sgd", "messages representing f",
        "quadratic:dim=2,mu=1,L=1,heterogeneity=3,radius=1,region=6",
        workers=4, clock="straggler:factor=10", rounds=3000, replicas=1, choices={"M": 1},
        pretended={"uniform_draws": True},
    ),
    Counterexample(
        "delayed-sgd.nonconvex", "equal workers", "quadratic:dim=2,mu=1,L=1,heterogeneity=3,radius=1", workers=4,
        clock="straggler:factor=10", rounds=3000, replicas=1, choices={"M": 1}, pretended={"zeta_sq": 0.0},
    ),
    Counterexample(
        "qsgd.strongly-convex", "coins independent over workers", "quadratic:dim=8,mu=1,L=1,radius=1",
        workers=64, up="randk:k=1,seed=shared", promise=Unbiased(7.0), rounds=50,
    ),
    Counterexample(
        "qsgd.strongly-convex", "workers' compressor", "quadratic:dim=4,mu=1,L=1,heterogeneity=2,radius=1", workers=4,
        up="topk:k=1", replicas=1, rounds=2000, promise=Unbiased(0.2),
    ),
    Counterexample(
        "compressed-gd.strongly-convex", "workers' compressor", "quadratic:dim=20,mu=0.1,L=1,radius=1",
        up="randk:k=1", promise=Contractive(0.99),
    ),
    Counterexample(
        "compressed-gd.strongly-convex", "exact gradients", _NOISY, up="topk:k=5", pretended={"sigma_sq": 0.0},
    ),
    Counterexample(
        "iag.pl", "exact gradients", _NOISY, workers=4, clock="cyclic", rounds=1000, pretended={"sigma_sq": 0.0},
    ),
    Counterexample(
        "compressed-gd.strongly-convex", "one worker", "quadratic:dim=4,mu=1,L=1,heterogeneity=2,radius=1", workers=4,
        up="topk:k=1", replicas=1, rounds=400, pretended={"n": 1, "zeta_sq": 0.0, "overlap": None},
    ),
    Counterexample(
        "delayed-sgd.quadratic", "messages representing f",
        "quadratic:dim=2,mu=1,L=1,heterogeneity=3,radius=1", workers=4,
        clock="straggler:factor=10", rounds=3000, replicas=1, choices={"M": 1}, pretended={"zeta_sq": 0.0},
    ),
    Counterexample(
        "doublesqueeze.asynchronous", "messages representing f",
        "quadratic:dim=2,mu=1,L=1,heterogeneity=3,radius=1", workers=4,
        clock="straggler:factor=10", rounds=3000, replicas=1, choices={"M": 1}, pretended={"zeta_sq": 0.0},
    ),
    Counterexample(
        "error-feedback.tight", "shared minimiser", "quadratic:dim=4,mu=0.2,L=1,heterogeneity=2,radius=1", workers=4,
        up="topk:k=1", replicas=1, rounds=400, pretended={"zeta_star_sq": 0.0},
    ),
    Counterexample(
        "dasha.nonconvex", "coins independent over workers", "quadratic:dim=8,mu=1,L=1,radius=1", workers=64,
        up="randk:k=1,seed=shared", promise=Unbiased(7.0), rounds=100,
    ),
    Counterexample(
        "marina-p.same-hessian", "one Hessian", "quadratic:dim=8,mu=0.001,L=1,hessians=different,radius=1",
        workers=8, down="permk:workers=8", choices={"p": 0.02}, pretended={"same_hessian": True}, rounds=1000,
        replicas=32,
    ),
    Counterexample(
        "ef21-norm.nonconvex", "exact gradients", "quadratic:dim=5,mu=0.2,L=1,radius=1,noise=gaussian,sigma_sq=40",
        workers=4, up="topk:k=2", rounds=1000, pretended={"sigma_sq": 0.0},
    ),
)  # fmt: skip
"""Every one is violated; see the tests."""
