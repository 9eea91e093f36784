"""The claim of Ringmaster ASGD: the time to an accuracy does not depend on the slowest workers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ... import solvers
from ...problems import Problem, problem
from ...solvers.clocks import clock
from ...solvers.trace import Trace
from ...theory import Guarantee, theorem
from .base import Claim, ClaimControl, Curve, Measured, Panel, Settings
from .measuring import each, verdict

PAPER = "Maranjyan, Tyurin, Richtarik 2025, arXiv 2501.16168"
#: All workers sample the same f; there is so much noise that the slow workers' help would be welcome.
PROBLEM = "quadratic:dim=10,mu=0.05,L=1,radius=2,noise=gaussian,sigma_sq=1"
WORKERS, FAST, EPS = 8, 4, 0.1
MEAN = r"mean of $\|\nabla f\|^2$"
#: What the time may differ by among slow workers that no longer count, from 100 times as slow on.
FLAT = 1.1


@dataclass(frozen=True)
class Contender:
    """A way to use workers of different speeds: a method with its parameters, and how many rounds are enough."""

    method: str
    parameters: dict[str, float]
    rounds: int


def compute_times(factor: float, fast: int = FAST) -> tuple[float, ...]:
    """Seconds a gradient takes each worker: one, and `factor` for those that are not fast."""
    return tuple(1.0 if i < fast else factor for i in range(WORKERS))


def clock_of(seconds: tuple[float, ...]) -> str:
    """The clock with these compute times."""
    return f"seconds:each={'/'.join(f'{taken:g}' for taken in seconds)}"


def guarantee(name: str, on: Problem, seconds: tuple[float, ...], **more: Any) -> Guarantee:
    """A theorem's guarantee to the accuracy, for workers with these compute times."""
    found = theorem(name).guarantee(replace(on.constants(), seconds=seconds, **more), eps=EPS)
    assert isinstance(found, Guarantee)
    return found


def synchronous(on: Problem, seconds: tuple[float, ...]) -> Contender:
    """Parallel SGD: delayed SGD that waits for all workers."""
    found = guarantee("sgd.nonconvex", on, seconds)
    return Contender("delayed-sgd", {**found.parameters, "M": on.workers}, found.rounds_to(EPS) or 0)


def asynchronous(on: Problem, seconds: tuple[float, ...]) -> Contender:
    """Asynchronous SGD with the step for the largest delay."""
    cycle = math.ceil(sum(max(seconds) / taken for taken in seconds))
    late = clock(clock_of(seconds), on.workers, 3 * cycle).realised().maximal
    return promised("delayed-sgd.nonconvex", on, seconds, tau=float(late))


def delay_adaptive(on: Problem, seconds: tuple[float, ...]) -> Contender:
    """Delay-adaptive SGD at the step that its order and the noise want, for as many rounds as Ringmaster."""
    known, rounds = on.constants(), promised("ringmaster.nonconvex", on, seconds).rounds
    assert known.L is not None
    assert known.sigma_sq is not None
    gamma = min(1 / (4 * known.L * on.workers), EPS / (4 * known.L * known.sigma_sq))
    return Contender("delay-adaptive", {"gamma": gamma}, rounds)


def promised(name: str, on: Problem, seconds: tuple[float, ...], **more: Any) -> Contender:
    """A theorem's method at the parameters for the accuracy."""
    found = guarantee(name, on, seconds, **more)
    return Contender(found.theorem.method, found.parameters, found.rounds_to(EPS) or 0)


#: Ways to use the workers, each with the step of its theorem for the accuracy.
WAYS: dict[str, Callable[[Problem, tuple[float, ...]], Contender]] = {
    "synchronous": synchronous,
    "asynchronous": asynchronous,
    "Ringmaster": partial(promised, "ringmaster.nonconvex"),
    "Rennala": partial(promised, "rennala.nonconvex"),
    "delay-adaptive": delay_adaptive,
}


def run(on: Problem, way: Contender, seconds: tuple[float, ...], replicas: int, settings: Settings) -> Trace:
    """A run long enough for the accuracy, with the mean squared gradient over all steps so far."""
    points = np.unique(np.geomspace(1, way.rounds, 300).round().astype(int))
    return solvers.simulate(
        way.method, on, parameters=way.parameters, rounds=way.rounds, replicas=replicas, seed=settings.seed,
        checkpoints=points, schedule=clock_of(seconds), columns=["grad_sq_mean"], threads=settings.threads,
    )  # fmt: skip


def seconds_to_accuracy(trace: Trace) -> float:
    """Seconds until the mean squared gradient over all steps so far is at most EPS; infinite if it never is."""
    mean = trace.columns["grad_sq_mean"].mean(axis=0)
    k = int(np.argmax(mean <= EPS))
    if not mean[k] <= EPS:
        return math.inf
    if k == 0:
        return float(trace.seconds[0])
    share = math.log(mean[k - 1] / EPS) / math.log(mean[k - 1] / mean[k])
    return float(trace.seconds[k - 1] + share * (trace.seconds[k] - trace.seconds[k - 1]))


def stragglers(settings: Settings, *, name: str = "Ringmaster") -> Measured:
    """Measure the time to the accuracy while half of the workers get slower and slower; in a way to use them."""
    factors = (1, 10, 100, 1e3) if settings.quick else (1, 3, 10, 30, 100, 1e3, 1e4, 1e6)
    replicas = 4 if settings.quick else 16
    on = problem(PROBLEM, workers=WORKERS)
    limit = guarantee("ringmaster.nonconvex", on, compute_times(1)[:FAST], n=FAST, overlap=None).seconds_to(EPS)
    assert limit is not None
    rows, taken, bounds = [], [], []
    for factor in each(factors, settings):
        seconds = compute_times(factor)
        bound = guarantee("ringmaster.nonconvex", on, seconds).seconds_to(EPS)
        assert bound is not None
        taken.append(seconds_to_accuracy(run(on, WAYS[name](on, seconds), seconds, replicas, settings)))
        bounds.append(bound)
        rows.append((factor, taken[-1], bound, limit))
    late = [time for factor, time in zip(factors, taken, strict=True) if factor >= 100]
    spread = max(late) / min(late)
    kept = max(taken) <= limit
    return Measured(
        verdict(kept and spread <= FLAT, not kept or spread > 2 * FLAT),
        f"{name} needs {taken[0]:.4g} seconds with {WORKERS} equal workers, and {taken[-1]:.4g} where half of them are "
        f"{factors[-1]:.0g} times as slow; the bound for the {FAST} fast ones alone is {limit:.4g}, and from 100 times "
        f"as slow on the time changes by a factor {spread:.3g}",
        min(limit / max(taken), FLAT / spread),
        ("how many times as slow", "seconds", "bound", "bound without the slow workers"),
        tuple(rows),
        (
            Panel(
                "how many times as slow half of the workers are",
                f"seconds until the {MEAN} is {EPS:g}",
                (
                    Curve(name, factors, taken),
                    Curve("bound", factors, bounds, bound=True),
                    Curve("bound without the slow workers", factors, [limit] * len(factors), bound=True),
                ),
            ),
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "ringmaster.claim-stragglers",
        "The slowest workers do not matter",
        "Ringmaster's seconds to an accuracy do not depend on the slowest workers: as these get slower, the time stays "
        "below a limit, that of the fast workers alone. Measured in virtual time with 8 workers that sample the same "
        "noisy quadratic, half of them up to 1000 times as slow (10^6 in full), at the theorem's R and step: seconds "
        "until the mean squared gradient over all steps is 0.1. It holds if no time is above the theorem's bound for "
        "the 4 fast workers alone, and if from 100 times as slow on the times agree within a tenth; it is violated if "
        "one is above that bound or they differ by more than a factor 2.2.",
        f"{PAPER}, time complexity; constants ours",
        stragglers,
        (
            ClaimControl("waiting for all: synchronous SGD", lambda s: stragglers(s, name="synchronous")),
            ClaimControl(
                "a step for the largest delay: asynchronous SGD", lambda s: stragglers(s, name="asynchronous")
            ),
        ),
    ),
)
