"""How far the step of Q-IAG can really go: the largest stable step against the theorem's, while delay and noise grow.

The problems interpolate (all gradients vanish at x*), so that a run is stable if it converges and unstable if it
grows, with nothing in between but slowness. Two cases, the extremes of what the theorem covers:

- "dense": all workers hold the same f, report in every round, with the same coins, gradients that are tau rounds old
  (s = n, clock fixed:tau);
- "held": every worker owns coordinates of its own and reports in turn, what it reports is used for tau + 1 rounds
  (s = 1, n = tau + 1, clock cyclic).

C keeps the vector, or a random part of it, with probability 1/a and multiplies it by a. Along a single path the limits
are known where a report is the only one in use: 2 sin(pi/(2 (2 tau + 1)))/L for "dense" without compression (delayed
gradient descent), and 2 n/(a L_max (tau + 1)) for "held". In units of the simple step n/(4 s a L_max (1 + 2 tau)) that
is 8 at tau = 0, then 12 to 4 pi for the first, and up to 16 for the second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .. import solvers
from ..common.errors import InputError
from ..problems import Problem
from ..problems import problem as build_problem
from ..solvers.clocks import clock
from ..solvers.schedule import Schedule
from ..theory import theorem

DIM = 12
#: Workers of the dense case.
WORKERS = 4
#: Reports of one worker in a run: a step beyond the limit by 1 % then grows by e^10 or more.
REPORTS = 400
#: Halvings of a bracket of a factor 64: the limit is found to 0.1 %.
HALVINGS = 12


@dataclass(frozen=True)
class Stability:
    """The largest stable step for one delay and one compressor.

    Attributes
    ----------
    case, tau, a
        "dense" or "held"; the delay; E||C(v)||^2 = a ||v||^2.
    stable
        The largest step from which the run still comes closer to x*.
    simple, largest
        The steps n/(4 s a L_max (1 + 2 tau)) and 3 n/(8 s a L_max (1 + 2 tau)); the theorem covers both.
    """

    case: str
    tau: int
    a: float
    stable: float
    simple: float
    largest: float

    @property
    def ratio(self) -> float:
        """The largest stable step in units of the simple step."""
        return self.stable / self.simple


def largest_stable_step(case: str, tau: int, a: int, seed: int = 0) -> Stability:
    """Bisect on the step, with the same coins and delays for all steps.

    Parameters
    ----------
    case
        "dense" or "held".
    tau, a
        The delay; the inverse probability with which the compressor keeps what it is given (a divides 12).

    Raises
    ------
    InputError
        For another case, a negative delay, or an `a` that is no divisor of 12.

    Examples
    --------
    >>> found = largest_stable_step("dense", tau=0, a=2)
    >>> round(found.ratio, 1)
    8.0
    """
    if case not in ("dense", "held"):
        raise InputError(f"case = {case} is unknown; it must be dense or held")
    if tau < 0 or a < 1 or DIM % a:
        raise InputError(f"tau = {tau}, a = {a}: give tau >= 0 and a divisor of {DIM} for a")
    problem, up, times = _setting(case, tau, a, seed)
    constants = replace(problem.constants(), **times.facts(table=True))
    sure = theorem("khirirat.q-iag-strongly-convex").guarantee(constants, up)
    if not sure:
        raise InputError(sure.reason)
    largest = sure.intervals["gamma"].high
    simple = largest / 1.5
    low, high = math.log(simple), math.log(64 * simple)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _stable(problem, up, math.exp(middle), times, seed):
            low = middle
        else:
            high = middle
    return Stability(case, tau, float(a), math.exp((low + high) / 2), simple, largest)


def table(
    case: str = "held", taus: Sequence[int] = (0, 1, 3, 7, 15), factors: Sequence[int] = (1, 2, 4), seed: int = 0
) -> list[Stability]:
    """The largest stable steps for every delay in `taus` and every a in `factors`."""
    return [largest_stable_step(case, tau, a, seed) for a in factors for tau in taus]


def _setting(case: str, tau: int, a: int, seed: int) -> tuple[Problem, str, Schedule]:
    if case == "dense":
        problem = build_problem(f"quadratic:dim={DIM},mu=1,L=1,radius=1,seed={seed}", workers=WORKERS)
        times = clock(f"fixed:tau={tau}", WORKERS, REPORTS * a * (1 + tau), table=True)
        return problem, f"randk:k={DIM // a},seed=shared", times
    n = tau + 1
    spec = f"sparse-least-squares:rows={20 * DIM * n},dim={DIM * n},overlap=1,target_noise=0,seed={seed}"
    times = clock("cyclic", n, REPORTS * a * n, table=True)
    return build_problem(spec, workers=n), f"bernoulli:p={1 / a}", times


def _stable(problem: Problem, up: str, gamma: float, times: Schedule, seed: int) -> bool:
    trace = solvers.simulate(
        "q-iag", problem, up, parameters={"gamma": gamma}, rounds=times.steps, seed=seed, schedule=times,
        checkpoints=[0, times.steps],
    )  # fmt: skip
    start, end = trace.columns["dist_sq"][0]
    return bool(end < start)
