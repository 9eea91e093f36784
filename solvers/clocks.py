"""Clocks: the compute times of the workers, and the schedules of asynchronous runs that they make.

A clock makes a `Schedule` from a model of the workers' compute times, in virtual time: a worker reads the model when it
starts to compute, computes, reports, and starts anew after the step that used its report. Events are ordered by time,
ties by worker number, and the k-th compute time of a worker depends on (seed, worker, k) alone: the same seed gives
the same schedule everywhere. The time of a clock is in seconds, those of its compute times; messages take none.

A server that drops what is R or more steps old (Ringmaster, Rennala) has no worker wait: whoever has reported starts
anew at once, at the newest model, whether the report was used or dropped. It may report several times in a step.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..common.errors import InputError, counted
from ..common.limits import require_memory
from ..common.options import integer, number, positive_numbers
from ..common.specs import build
from .schedule import IntArray, Schedule

#: Compute times are at most so long: beyond it a second is lost in rounding.
MOST_SECONDS = 1e15

#: What a message takes while a schedule is made, in doubles: a row of Python numbers and its time.
NUMBERS_OF_MESSAGE = 20


class Wanted(NamedTuple):
    """What a clock is asked for.

    Attributes
    ----------
    workers, steps, seed
        n, T, and the seed of the compute times.
    arrivals
        How many messages make a step.
    table
        Whether the server keeps every worker's last report.
    limit
        R, if what is as old or older is dropped, and no worker waits; else None.
    """

    workers: int
    steps: int
    seed: int
    arrivals: int
    table: bool
    limit: int | None


Clock = Callable[[Wanted], Schedule]

Duration = Callable[[np.random.Generator, int, int], float]
"""(the worker's random numbers, worker, n) -> how many seconds its next gradient takes."""

Longest = Callable[[int, int], float]
"""(worker, n) -> how many seconds a gradient takes at most."""


def constant() -> Clock:
    """Every gradient takes one second."""
    return _steady(lambda worker, n: 1.0)


def uniform(low: float = 0.5, high: float = 1.5) -> Clock:
    """Compute times uniform in [low, high]."""
    low, high = number("low", low), number("high", high, high=MOST_SECONDS, strict=True)
    if low > high:
        raise InputError(f"low={low:g} exceeds high={high:g}: give low <= high")
    return _timed(lambda random, worker, n: random.uniform(low, high), lambda worker, n: high)


def exponential(mean: float = 1.0) -> Clock:
    """Exponential compute times."""
    mean = number("mean", mean, high=MOST_SECONDS, strict=True)
    return _timed(lambda random, worker, n: random.exponential(mean))


def straggler(factor: float = 10.0) -> Clock:
    """The last worker takes `factor` seconds, the others take one."""
    factor = number("factor", factor, low=1.0, high=MOST_SECONDS)
    return _steady(lambda worker, n: factor if worker == n - 1 else 1.0)


def power(exponent: float = 0.5) -> Clock:
    """Worker i, counted from 1, takes i^exponent seconds."""
    exponent = number("exponent", exponent)

    def make(wanted: Wanted) -> Schedule:
        number("exponent", exponent, high=math.log(MOST_SECONDS, max(wanted.workers, 2)))
        return _steady(lambda worker, n: (worker + 1.0) ** exponent)(wanted)

    return make


def seconds(each: str) -> Clock:
    """Every worker takes the seconds that are given for it: seconds:each=1/1/5 for three workers."""
    taken = positive_numbers("seconds", each)

    def make(wanted: Wanted) -> Schedule:
        if len(taken) != wanted.workers:
            raise InputError(
                f"each={each} has the seconds of {counted(len(taken), 'worker')}, not of {wanted.workers}: give one "
                f"number for each worker, with / between them"
            )
        number("seconds", max(taken), high=MOST_SECONDS)
        return _steady(lambda worker, n: taken[worker])(wanted)

    return make


def cyclic() -> Clock:
    """Round robin: the delay is at most ceil(n/M) - 1.

    By arrival, the worker whose turn it is sends what it computed since its last turn. With a table, it computes at
    the current model, and its report stays in use until its next turn.
    """

    def make(wanted: Wanted) -> Schedule:
        workers, steps, _, arrivals, table, limit = wanted
        if limit is not None:  # equal compute times, and ties by worker number
            return replace(constant()(wanted), seconds=None, compute_seconds=None)
        rows = [(0, i, 0) for i in range(workers)] if table else []
        turn, read = 0, [0] * workers
        for t in range(int(table), steps):
            for i in (place % workers for place in range(turn, turn + arrivals)):
                rows.append((t, i, t if table else read[i]))
                read[i] = t + 1
            turn = (turn + arrivals) % workers
        return _scheduled(rows, wanted)

    return make


def fixed(tau: int) -> Clock:
    """Every message is computed at x^max(t - tau, 0): by arrival from M workers in turn, with a table from all.

    Where what is R steps old is dropped, tau is at most R - 1.
    """
    tau = integer("tau", tau, low=0)

    def make(wanted: Wanted) -> Schedule:
        workers, steps, _, arrivals, table, limit = wanted
        count = workers if table else arrivals
        step = np.repeat(np.arange(steps), count)
        worker, version = np.arange(steps * count) % workers, _late(step, tau, limit)
        return Schedule.of(step, worker, version, workers, steps, restarts=limit is not None)

    return make


def drawn(tau: int = 0) -> Clock:
    """The workers of every step are drawn uniformly; every message is computed at x^max(t - tau, 0).

    Where what is R steps old is dropped, tau is at most R - 1.
    """
    tau = integer("tau", tau, low=0)

    def make(wanted: Wanted) -> Schedule:
        workers, steps, seed, arrivals, table, limit = wanted
        if table:
            raise InputError(
                "clock 'drawn' is for methods that use every message once; a table needs reports from "
                "all workers: take the clock cyclic"
            )
        random = np.random.default_rng(seed)
        if limit is None:
            chosen = np.array([random.permutation(workers)[:arrivals] for _ in range(steps)]).ravel()
        else:
            chosen = random.integers(workers, size=steps * arrivals)
        step = np.repeat(np.arange(steps), arrivals)
        made = Schedule.of(step, chosen, _late(step, tau, limit), workers, steps, restarts=limit is not None)
        return replace(made, drawn=True)

    return make


def _late(step: IntArray, tau: int, limit: int | None) -> IntArray:
    """x^max(t - tau, 0), or the oldest model whose messages are not dropped."""
    return np.maximum(step - (tau if limit is None else min(tau, limit - 1)), 0)


def fresh() -> Clock:
    """Every worker reports in every step, at the current model: no delay."""

    def make(wanted: Wanted) -> Schedule:
        if not wanted.table and wanted.arrivals != wanted.workers:
            letter = "M" if wanted.limit is None else "B"
            raise InputError(
                f"clock 'fresh' has all {wanted.workers} workers report in every step, but {letter} = "
                f"{wanted.arrivals}; give {letter} = {wanted.workers}, or take the clock fixed:tau=0"
            )
        return fixed(0)(wanted)

    return make


def _steady(taken: Longest) -> Clock:
    """A clock whose compute times are those of the workers, always."""
    return _timed(lambda random, worker, n: taken(worker, n), taken)


def _timed(duration: Duration, longest: Longest | None = None) -> Clock:
    """A clock in virtual time: the server steps when `arrivals` reports are there."""

    def make(wanted: Wanted) -> Schedule:
        workers, seed = wanted.workers, wanted.seed
        random = [np.random.default_rng((seed, i)) for i in range(workers)]

        def taken(i: int) -> float:
            return duration(random[i], i, workers)

        if wanted.limit is not None:
            made = _dropping(wanted, taken, wanted.limit)
        else:  # a table begins with a report of everyone
            first = [duration(np.random.default_rng((seed, i, 1)), i, workers) for i in range(workers * wanted.table)]
            made = _waiting(wanted, taken, max(first, default=0.0))
        if longest is None:
            return made
        return replace(made, compute_seconds=tuple(longest(i, workers) for i in range(workers)))

    return make


def _waiting(wanted: Wanted, duration: Callable[[int], float], began: float) -> Schedule:
    """Whoever has reported waits for the step; the first reports, which fill a table, are there at second `began`."""
    workers, steps, _, arrivals, table, _ = wanted
    rows = [(0, i, 0) for i in range(workers)] if table else []
    version = int(table)  # what everyone computes at in the beginning
    seconds = [began] * len(rows)
    computing = [(duration(i), i, version) for i in range(workers)]
    heapq.heapify(computing)
    for t in range(version, steps):
        arrived = [heapq.heappop(computing) for _ in range(arrivals)]
        now = arrived[-1][0]
        for at, i, read in arrived:
            rows.append((t, i, read))
            seconds.append(began + at)
            heapq.heappush(computing, (now + duration(i), i, t + 1))
    return _scheduled(rows, wanted, seconds)


def _dropping(wanted: Wanted, duration: Callable[[int], float], limit: int) -> Schedule:
    """What is `limit` or more steps old is dropped; whoever has reported starts anew at once, at the newest model."""
    workers, steps, arrivals = wanted.workers, wanted.steps, wanted.arrivals
    rows, seconds, dropped = [], [], np.zeros(steps, np.int64)
    computing = [(duration(i), i, 0) for i in range(workers)]
    heapq.heapify(computing)
    for t in range(steps):
        used = 0
        while used < arrivals:
            now, i, read = heapq.heappop(computing)
            if t - read < limit:
                rows.append((t, i, read))
                seconds.append(now)
                used += 1
            else:
                dropped[t] += 1
            heapq.heappush(computing, (now + duration(i), i, t + (used == arrivals)))
    return replace(_scheduled(rows, wanted, seconds), dropped=dropped)


def _scheduled(
    rows: Sequence[tuple[int, int, int]], wanted: Wanted, seconds: Sequence[float] | None = None
) -> Schedule:
    step, worker, version = np.array(rows, dtype=np.int64).T
    return Schedule.of(
        step, worker, version, wanted.workers, wanted.steps, seconds, restarts=wanted.limit is not None
    )  # fmt: skip


CLOCKS: dict[str, Callable[..., Clock]] = {
    entry.__name__: entry
    for entry in (constant, uniform, exponential, straggler, power, seconds, cyclic, fixed, drawn, fresh)
}


def clock(
    spec: str,
    workers: int,
    steps: int,
    seed: int = 0,
    arrivals: Any = 1,
    table: bool = False,
    limit: Any = None,
) -> Schedule:
    """Make the schedule of `steps` steps under the clock that `spec` describes.

    Parameters
    ----------
    spec
        ``name:key=value``, a name of `CLOCKS`.
    workers, steps
        n and T.
    seed
        Of the compute times.
    arrivals
        M, the number of messages that a step waits for, 1 <= M <= n; with a limit any number.
    table
        Whether the server keeps every worker's last report (then all report in step 0).
    limit
        R, if messages that are R or more steps old are dropped, and no worker waits for a step.

    Raises
    ------
    InputError
        Unknown clock or option, or a value out of range.

    Examples
    --------
    >>> made = clock("straggler:factor=3", workers=2, steps=6)
    >>> made.workers.tolist(), made.versions.tolist()
    ([0, 0, 0, 1, 0, 0], [0, 1, 2, 0, 3, 5])
    >>> clock("cyclic", workers=4, steps=20, table=True).realised(table=True).maximal
    3
    >>> made = clock("straggler:factor=5", workers=2, steps=6, limit=2)
    >>> made.workers.tolist(), made.dropped.tolist(), made.seconds_after([0, 5, 6]).tolist()
    ([0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1], [0.0, 5.0, 6.0])
    """
    workers, steps, seed = integer("workers", workers), integer("steps", steps), integer("seed", seed, low=0)
    arrivals = integer("M", arrivals)
    limit = None if limit is None else integer("R", limit)
    if arrivals > workers and limit is None:
        raise InputError(f"M = {arrivals} messages per step need as many workers, not {workers}: give M <= {workers}")
    require_memory(
        NUMBERS_OF_MESSAGE * float(steps) * arrivals, f"{counted(steps, 'step')} of {counted(arrivals, 'message')}"
    )
    return build("clock", spec, CLOCKS)(Wanted(workers, steps, seed, arrivals, table, limit))


def longest_seconds(spec: str, workers: int) -> tuple[float, ...]:
    """How many seconds a gradient takes each worker at most, under the clock that `spec` describes.

    Raises
    ------
    InputError
        For a clock that does not exist, or whose compute times have no bound.

    Examples
    --------
    >>> longest_seconds("straggler:factor=10", 3)
    (1.0, 1.0, 10.0)
    """
    found = clock(spec, workers, 1, limit=1).compute_seconds
    if found is None:
        raise InputError(
            f"the compute times of clock '{spec}' have no upper bound: take constant, uniform, straggler, power or "
            f"seconds"
        )
    return found
