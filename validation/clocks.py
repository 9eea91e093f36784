"""Is a schedule what its clock says? Who reports when, once more, event by event in plain Python.

Engine and transcription of an asynchronous method follow one schedule, so that their agreement says nothing of it: a
straggler that is not slow, a delay that is one round short, a message of another worker would pass. Here the messages
of every clock are made anew by a list of finishing times, and what theorems are told of a schedule (the largest delay,
one age for all, everybody in every step) is read off message by message.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from ..solvers.engines.request import DEFAULT_CLOCK, timetable
from ..solvers.method import Method
from ..solvers.method import method as build_method
from ..solvers.schedule import Schedule
from .conformance import Conformance

Message = tuple[int, int, int]
"""(step, worker, version of the model)."""

#: Clocks that are tried, beside a method's own.
CLOCKS = (
    "constant", "uniform:low=0.2,high=3", "exponential:mean=2", "straggler:factor=5", "cyclic", "fixed:tau=3",
    "drawn:tau=2", "fresh",
)  # fmt: skip
#: Workers and steps of a schedule; steps of one whose draws are counted.
WORKERS, STEPS, DRAWS = 5, 40, 2000
#: Standard deviations by which the number of somebody's draws may be off.
FAR = 6.0


def messages(spec: str, n: int, steps: int, seed: int, M: int, table: bool) -> list[Message] | None:
    """The messages that a clock describes, in order; None of one that draws the workers."""
    name, _, options = spec.partition(":")
    given = {key: float(value) for key, value in (part.split("=") for part in options.split(",") if part)}
    if name == "fixed" or name == "fresh":
        age, each = int(given.get("tau", 0)), n if table else M
        return [(t, (each * t + k) % n, max(t - age, 0)) for t in range(steps) for k in range(each)]
    rows: list[Message] = [(0, i, 0) for i in range(n)] if table else []
    begun = [1 if table else 0] * n
    if name == "cyclic":
        turn = 0
        for t in range(int(table), steps):
            for _ in range(M):
                rows.append((t, turn, t if table else begun[turn]))
                begun[turn], turn = t + 1, (turn + 1) % n
        return rows
    if name == "drawn":
        return None
    draw: Callable[[np.random.Generator, int], float] = {
        "constant": lambda random, i: 1.0,
        "uniform": lambda random, i: random.uniform(given.get("low", 0.5), given.get("high", 1.5)),
        "exponential": lambda random, i: random.exponential(given.get("mean", 1.0)),
        "straggler": lambda random, i: given.get("factor", 10.0) if i == n - 1 else 1.0,
    }[name]
    streams = [np.random.default_rng((seed, i)) for i in range(n)]
    done = [draw(streams[i], i) for i in range(n)]
    for t in range(int(table), steps):
        first = sorted(range(n), key=lambda i: (done[i], i))[:M]
        now = max(done[i] for i in first)
        rows += [(t, i, begun[i]) for i in first]
        for i in first:
            done[i], begun[i] = now + draw(streams[i], i), t + 1
    return rows


def facts(rows: list[Message], n: int, steps: int, table: bool) -> dict[str, Any]:
    """What theorems are told of a schedule."""
    held, ages = dict.fromkeys(range(n), 0), []
    for t in range(steps):
        now = [(i, version) for step, i, version in rows if step == t]
        held |= dict(now)
        ages += [t - version for version in (held.values() if table else dict(now).values())]
    steps_of = [[(i, version) for step, i, version in rows if step == t] for t in range(steps)]
    return {
        "tau": max(ages),
        "same_age": all(len({version for _, version in batch}) == 1 for batch in steps_of),
        "every_worker": all({i for i, _ in batch} == set(range(n)) for batch in steps_of),
    }


def schedules_conform(method: str | Method, seed: int = 0) -> Conformance:
    """Compare the schedules that a method runs by with those that their clocks describe.

    Parameters
    ----------
    method
        A name or an object; "not checked" if its rounds are synchronous.
    seed
        Of the clocks.
    """
    method = build_method(method)
    if not method.clock:
        return Conformance("not checked", f"method '{method.name}' is synchronous")
    table, tried = method.clock == "table", []
    counts = (1, 2, WORKERS) if "M" in method.parameters else (1,)
    for spec, M in product(CLOCKS, counts):
        if (spec == "fresh" and not table and M < WORKERS) or (spec.startswith("drawn") and table):
            continue
        numbers = {name: float(M) for name in ("M",) if name in method.parameters}
        found = timetable(method, WORKERS, STEPS, seed, numbers, spec)
        assert found is not None
        where = f"under the clock {spec} with {M} messages a step"
        rows = list(zip(found.step.tolist(), found.workers.tolist(), found.versions.tolist(), strict=True))
        right = messages(spec, WORKERS, STEPS, seed, M, table)
        for k, (one, other) in enumerate(zip(rows, right or rows, strict=False)):
            if one != other:
                return _differs(f"at round {one[0]} in message {k} {where}: {_said(one)}, and {_said(other)} is right")
        if right is not None and len(rows) != len(right):
            return _differs(f"in the number of messages {where}: {len(rows)}, and {len(right)} is right")
        if right is None and (words := _unevenly_drawn(method, spec, M, seed)):
            return _differs(f"in who is drawn {where}: {words}")
        told = found.facts(table)
        for name, value in facts(rows, WORKERS, STEPS, table).items():
            if told[name] != value:
                return _differs(f"in {name} of the schedule {where}: {told[name]} is told, and {value} is right")
        if told["uniform_draws"] != (right is None):
            return _differs(f"in uniform_draws of the schedule {where}: {told['uniform_draws']} is told")
        tried.append(spec)
    default = timetable(method, WORKERS, STEPS, seed, {}, None)
    named = timetable(method, WORKERS, STEPS, seed, {}, DEFAULT_CLOCK)
    if default is None or named is None or not np.array_equal(default.workers, named.workers):
        return _differs(f"in the schedule without a clock, which is not that of {DEFAULT_CLOCK}")
    return Conformance("conforms", rounds=STEPS * len(tried), checked=tuple(dict.fromkeys(tried)))


def _differs(where: str) -> Conformance:
    return Conformance("differs", where, 1.0, 0.0)


def _said(message: Message) -> str:
    return f"worker {message[1]} sends what it computed at x^{message[2]}"


def _unevenly_drawn(method: Method, spec: str, M: int, seed: int) -> str:
    """Who is drawn too often or too seldom, and whose messages are not of the age that the clock says."""
    numbers = {name: float(M) for name in ("M",) if name in method.parameters}
    found = timetable(method, WORKERS, DRAWS, seed, numbers, spec)
    assert isinstance(found, Schedule)
    late = int(spec.partition("tau=")[2] or 0)
    if not np.array_equal(found.versions, np.maximum(found.step - late, 0)):
        return f"not every message is {late} rounds old"
    p = M / WORKERS
    for lag in (None, 1):  # alone, and after whoever was drawn first in the round before
        first = found.workers[found.starts[:-1]]
        for i in range(WORKERS):
            rounds = np.arange(DRAWS) if lag is None else np.flatnonzero(first[:-1] == i) + 1
            drawn = np.bincount(found.workers[np.isin(found.step, rounds)], minlength=WORKERS) / rounds.size
            if np.abs(drawn - p).max() > FAR * np.sqrt(p * (1 - p) / rounds.size):
                return (
                    f"worker {int(np.abs(drawn - p).argmax())} is drawn in {drawn.max():.3g} of the rounds, not {p:.3g}"
                )
    return ""
