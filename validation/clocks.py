"""Is a schedule what its clock says? Who reports when, once more, event by event in plain Python.

Engine and transcription of an asynchronous method follow one schedule, so that their agreement says nothing of it: a
straggler that is not slow, a delay that is one round short, a message of another worker would pass. Here the messages
of every clock, and when they arrive, are made anew by a list of finishing times, and what theorems are told of a
schedule (the largest delay, one age for all, everybody in every step) is read off message by message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..common.errors import counted
from ..solvers.engines.request import DEFAULT_CLOCK, limit_on_delays, messages_in_step, timetable
from ..solvers.method import Method
from ..solvers.method import method as build_method
from ..solvers.schedule import Schedule
from .conformance import Conformance

Message = tuple[int, int, int]
"""(step, worker, version of the model)."""

#: Clocks that are tried, beside a method's own.
CLOCKS = (
    "constant", "uniform:low=0.2,high=3", "exponential:mean=2", "straggler:factor=5", "cyclic", "fixed:tau=3",
    "drawn:tau=2", "fresh", "power:exponent=1", "seconds:each=2/1/1/9/3",
)  # fmt: skip
#: Workers and steps of a schedule; steps of one whose draws are counted.
WORKERS, STEPS, DRAWS = 5, 40, 2000
#: Standard deviations by which the number of somebody's draws may be off.
FAR = 6.0


def messages(
    spec: str, n: int, steps: int, seed: int, M: int, table: bool, limit: int | None = None
) -> tuple[list[Message], list[float] | None] | None:
    """The messages that a clock describes, in order, and when they arrive; None of one that draws the workers.

    Parameters
    ----------
    M
        Messages of a step.
    table
        Whether every worker's last report is kept; all report in step 0.
    limit
        What is so many steps old is dropped, and no worker waits.
    """
    name, _, options = spec.partition(":")
    given = dict(part.split("=") for part in options.split(",") if part)

    def option(letter: str, default: float) -> float:
        return float(given.get(letter, default))

    if name == "fixed" or name == "fresh":
        age, each = int(option("tau", 0)), n if table else M
        age = age if limit is None else min(age, limit - 1)
        return [(t, (each * t + k) % n, max(t - age, 0)) for t in range(steps) for k in range(each)], None
    rows: list[Message] = [(0, i, 0) for i in range(n)] if table else []
    begun = [1 if table else 0] * n
    if name == "cyclic" and limit is None:
        turn = 0
        for t in range(int(table), steps):
            for _ in range(M):
                rows.append((t, turn, t if table else begun[turn]))
                begun[turn], turn = t + 1, (turn + 1) % n
        return rows, None
    if name == "drawn":
        return None
    draw: Callable[[np.random.Generator, int], float] = {
        "cyclic": lambda random, i: 1.0,
        "constant": lambda random, i: 1.0,
        "uniform": lambda random, i: random.uniform(option("low", 0.5), option("high", 1.5)),
        "exponential": lambda random, i: random.exponential(option("mean", 1.0)),
        "straggler": lambda random, i: option("factor", 10.0) if i == n - 1 else 1.0,
        "power": lambda random, i: (i + 1) ** option("exponent", 0.5),
        "seconds": lambda random, i: float(given["each"].split("/")[i]),
    }[name]
    streams = [np.random.default_rng((seed, i)) for i in range(n)]
    began = max(draw(np.random.default_rng((seed, i, 1)), i) for i in range(n)) if table else 0.0
    seconds = [began] * len(rows)
    done = [draw(streams[i], i) for i in range(n)]
    if limit is not None:
        t = 0
        while t < steps:
            i = min(range(n), key=lambda i: (done[i], i))
            if t - begun[i] < limit:
                rows.append((t, i, begun[i]))
                seconds.append(done[i])
                t = len(rows) // M
            done[i], begun[i] = done[i] + draw(streams[i], i), t
        return rows, None if name == "cyclic" else seconds
    for t in range(int(table), steps):
        first = sorted(range(n), key=lambda i: (done[i], i))[:M]
        now = max(done[i] for i in first)
        rows += [(t, i, begun[i]) for i in first]
        seconds += [began + done[i] for i in first]
        for i in first:
            done[i], begun[i] = now + draw(streams[i], i), t + 1
    return rows, seconds


def facts(rows: list[Message], n: int, steps: int, table: bool) -> dict[str, Any]:
    """What theorems are told of a schedule."""
    held, ages = dict.fromkeys(range(n), 0), []
    for t in range(steps):
        now = [(i, version) for step, i, version in rows if step == t]
        held |= dict(now)
        ages += [t - version for version in (held.values() if table else (version for _, version in now))]
    steps_of = [[(i, version) for step, i, version in rows if step == t] for t in range(steps)]
    return {
        "tau": max(ages),
        "same_age": all(len({version for _, version in batch}) == 1 for batch in steps_of),
        "every_worker": all(sorted(i for i, _ in batch) == list(range(n)) for batch in steps_of),
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
    for spec in CLOCKS:
        for numbers in _numbers(method):
            M = messages_in_step(method, numbers)
            if (spec == "fresh" and not table and M != WORKERS) or (spec.startswith("drawn") and table):
                continue
            if words := _unlike(method, spec, M, numbers, seed):
                given = "".join(f", {name} = {value:g}" for name, value in numbers.items() if name != "M")
                return _differs(
                    f"{words[0]} under the clock {spec} with {counted(M, 'message')} a step{given}{words[1]}"
                )
        tried.append(spec)
    default = timetable(method, WORKERS, STEPS, seed, {}, None)
    named = timetable(method, WORKERS, STEPS, seed, {}, DEFAULT_CLOCK)
    if default is None or named is None or not np.array_equal(default.workers, named.workers):
        return _differs(f"in the schedule without a clock, which is not that of {DEFAULT_CLOCK}")
    return Conformance("conforms", rounds=STEPS * len(tried), checked=tuple(dict.fromkeys(tried)))


def _numbers(method: Method) -> list[dict[str, float]]:
    """Parameters that decide about schedules: few messages and many, short delays and long ones."""
    tried = {"M": (1.0, 2.0, WORKERS), "R": (1.0, 3.0, 50.0), "B": (1.0, WORKERS, 8.0)}
    letters = [letter for letter in (("R", "B") if method.drops else ("M",)) if letter in method.parameters]
    return [{letter: value} for letter in letters for value in tried[letter]] or [{}]


def _unlike(method: Method, spec: str, M: int, numbers: dict[str, float], seed: int) -> tuple[str, str] | None:
    """Where a schedule is not what its clock says: in what, and how it differs; None if it is."""
    table, limit = method.clock == "table", limit_on_delays(method, numbers, WORKERS)
    found = timetable(method, WORKERS, STEPS, seed, numbers, spec)
    assert found is not None
    rows = list(zip(found.step.tolist(), found.workers.tolist(), found.versions.tolist(), strict=True))
    made = messages(spec, WORKERS, STEPS, seed, M, table, limit)
    right, seconds = (None, None) if made is None else made
    for k, (one, other) in enumerate(zip(rows, right or rows, strict=False)):
        if one != other:
            return f"at round {one[0]} in message {k}", f": {_said(one)}; expected: {_said(other)}"
    if right is not None and len(rows) != len(right):
        return "in the number of messages", f": {len(rows)}; expected: {len(right)}"
    if (found.seconds is None) != (seconds is None):
        return "in whether time is kept", ""
    if (
        seconds is not None
        and found.seconds is not None
        and not np.allclose(found.seconds, seconds, rtol=1e-12, atol=0)
    ):
        k = int(np.argmax(np.abs(found.seconds - seconds)))
        return "in the seconds", f": message {k} arrives at {found.seconds[k]:g}; expected: {seconds[k]:g}"
    if right is None and (words := _unevenly_drawn(method, spec, M, numbers, seed)):
        return "in who is drawn", f": {words}"
    told = found.facts(table)
    for name, value in facts(rows, WORKERS, STEPS, table).items():
        if told[name] != value:
            return f"in {name} of the schedule", f": {told[name]}; expected: {value}"
    if told["uniform_draws"] != (right is None):
        return "in uniform_draws of the schedule", f": {told['uniform_draws']}"
    return None


def _differs(where: str) -> Conformance:
    return Conformance("differs", where, 1.0, 0.0)


def _said(message: Message) -> str:
    return f"worker {message[1]} sends what it computed at x^{message[2]}"


def _unevenly_drawn(method: Method, spec: str, M: int, numbers: dict[str, float], seed: int) -> str:
    """Who is drawn too often or too seldom, and whose messages are not of the age that the clock says."""
    found, limit = timetable(method, WORKERS, DRAWS, seed, numbers, spec), limit_on_delays(method, numbers, WORKERS)
    assert isinstance(found, Schedule)
    late = int(spec.partition("tau=")[2] or 0)
    late = late if limit is None else min(late, limit - 1)
    if not np.array_equal(found.versions, np.maximum(found.step - late, 0)):
        return f"not every message is {counted(late, 'round')} old"
    p = M / WORKERS
    variance = p * (1 - p) if limit is None else p * (1 - 1 / WORKERS)  # one after the other, or all at once
    for lag in (None, 1):  # alone, and after whoever was drawn first in the round before
        first = found.workers[found.starts[:-1]]
        for i in range(WORKERS):
            rounds = np.arange(DRAWS) if lag is None else np.flatnonzero(first[:-1] == i) + 1
            drawn = np.bincount(found.workers[np.isin(found.step, rounds)], minlength=WORKERS) / rounds.size
            if np.abs(drawn - p).max() > FAR * np.sqrt(variance / rounds.size):
                return (
                    f"worker {int(np.abs(drawn - p).argmax())} is drawn in {drawn.max():.3g} of the rounds, not {p:.3g}"
                )
    return ""
