"""Who reports when, and how old the model was: schedules of asynchronous runs, and the clocks that make them.

The server of an asynchronous method steps on the messages that have arrived. A `Schedule` is the record of a run:
step t handles the messages starts[t], ..., starts[t+1] - 1, in this order; message m comes from worker workers[m],
which computed it at the model x^versions[m]. Everything about delays is in it, so a run can be replayed from a file.

A clock makes a schedule from a model of the workers' compute times, in virtual time: a worker reads the model when it
starts to compute, computes, reports, and starts anew after the step that used its report. Events are ordered by time,
ties by worker number, and the k-th compute time of a worker depends on (seed, worker, k) alone: the same seed gives
the same schedule everywhere. The time of a clock is in seconds, those of its compute times; messages take none.

Two readings of a schedule:

- "arrivals": every step averages the messages that arrive in it; the delay of a message is its age when it arrives;
- "table": the server stores the last report of every worker and uses all of them in every step; the delay is the age
  at use, which grows as long as a report stays in the table. In step 0 every worker reports version 0.

A server that drops what is R or more steps old (Ringmaster, Rennala) has no worker wait: whoever has reported starts
anew at once, at the newest model, whether the report was used or dropped. It may report several times in a step.
"""

from __future__ import annotations

import heapq
import math
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.door import checked, require_types
from ..common.errors import InputError, counted
from ..common.files import require_regular, write_whole
from ..common.limits import require_memory
from ..common.options import integer, number, positive_numbers, whole_numbers
from ..common.specs import build

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

#: Compute times are at most so long: beyond it a second is lost in rounding.
MOST_SECONDS = 1e15

#: What a message takes while a schedule is made, in doubles: a row of Python numbers and its time.
NUMBERS_OF_MESSAGE = 20

HEADER = "step,worker,version"
TIMED_HEADER = f"{HEADER},seconds"
COMMENT = "# tau = "


class Delays(NamedTuple):
    """Realised delays, in rounds."""

    maximal: int
    average: float


@dataclass(frozen=True, eq=False)
class Schedule:
    """The messages of an asynchronous run, in the order in which the server handles them.

    Parameters
    ----------
    starts
        (T+1,): step t handles the messages starts[t], ..., starts[t+1] - 1.
    workers, versions
        (messages,): who sent the message, and the number of the model at which it was computed.
    n
        Number of workers.
    tau
        The bound on the delays that the run counted on, if it is known: who replays it takes the same steps.
    drawn
        Whether the worker of every message was drawn uniformly, whatever happened before; a file does not tell.
    seconds
        (messages,): when it arrived, in the clock's seconds; None where nothing keeps time.
    compute_seconds
        (n,): how long a gradient takes each worker, at most; None where that is unknown or unbounded.
    dropped
        (T,): how many gradients were too old and dropped before each step; None where none can be. A file does not
        tell.
    restarts
        Whether a worker starts anew as soon as it has reported, and may report several times in a step.

    Raises
    ------
    InputError
        For a schedule that cannot happen: a step without a message, a worker that does not exist or reports twice in
        one step, a version from the future, a worker's report that is older than the one before it, or time that goes
        back.

    Examples
    --------
    >>> made = Schedule.of(step=[0, 1, 2], worker=[0, 1, 0], version=[0, 0, 1], n=2)
    >>> made.steps, made.realised()
    (3, Delays(maximal=1, average=0.6666666666666666))
    """

    starts: IntArray
    workers: IntArray
    versions: IntArray
    n: int
    tau: float | None = None
    drawn: bool = False
    seconds: FloatArray | None = None
    compute_seconds: tuple[float, ...] | None = None
    dropped: IntArray | None = None
    restarts: bool = False

    def __post_init__(self) -> None:
        require_types(self, ("n", "tau", "drawn"))
        for name in ("starts", "workers", "versions"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.int64))
        _refuse_impossible(self)

    @classmethod
    @checked
    def of(
        cls,
        step: ArrayLike,
        worker: ArrayLike,
        version: ArrayLike,
        n: int | None = None,
        steps: int | None = None,
        seconds: ArrayLike | None = None,
        restarts: bool = False,
    ) -> Schedule:
        """Build from one row per message, ordered by step; n and steps default to the smallest that fit."""
        columns = {"step": step, "worker": worker, "version": version}
        rows = [whole_numbers(name, column) for name, column in columns.items()]
        if not rows[0].size or len({column.size for column in rows}) > 1:
            raise InputError("a schedule needs at least one message, and a step, a worker and a version of each")
        if (late := np.flatnonzero(np.diff(rows[0]) < 0)).size:
            row = int(late[0])
            raise InputError(
                f"message {row + 1} of the schedule is of step {rows[0][row + 1]}, after one of step {rows[0][row]}; "
                f"order the messages by step"
            )
        n = int(rows[1].max()) + 1 if n is None else integer("workers", n)
        steps = int(rows[0][-1]) + 1 if steps is None else integer("steps", steps)
        if rows[0][-1] >= steps:
            raise InputError(f"the schedule has a message in step {rows[0][-1]}, beyond its last step {steps - 1}")
        starts = np.searchsorted(rows[0], np.arange(steps + 1))
        if rows[0][0] < 0:
            raise InputError(f"message 0 of the schedule is of step {rows[0][0]}; steps count from 0")
        times = None if seconds is None else np.asarray(seconds, dtype=np.float64).ravel()
        return cls(starts, rows[1], rows[2], n, seconds=times, restarts=restarts)

    @property
    def steps(self) -> int:
        """T, the number of steps of the server."""
        return self.starts.size - 1

    @property
    def step(self) -> IntArray:
        """(messages,): the step that handles the message."""
        return np.repeat(np.arange(self.steps), np.diff(self.starts))

    @checked
    def seconds_after(self, rounds: ArrayLike) -> FloatArray:
        """(K,): the clock's seconds after so many rounds each: when the last message of the last step arrived.

        Raises
        ------
        InputError
            If nothing keeps time, or these are no numbers of rounds from 0 to `steps`.
        """
        if self.seconds is None:
            raise InputError("this schedule has no seconds: take a clock that keeps time, such as straggler:factor=10")
        return np.concatenate([[0.0], self.seconds[self.starts[1:] - 1]])[self._rounds(rounds)]

    @checked
    def dropped_after(self, rounds: ArrayLike) -> IntArray:
        """(K,): how many gradients were too old and dropped in so many rounds each.

        Raises
        ------
        InputError
            If these are no numbers of rounds from 0 to `steps`.
        """
        dropped = np.zeros(self.steps, np.int64) if self.dropped is None else self.dropped
        return np.concatenate([[0], np.cumsum(dropped)])[self._rounds(rounds)]

    def _rounds(self, given: ArrayLike) -> IntArray:
        rounds = whole_numbers("rounds", given).reshape(np.shape(given))
        if rounds.size and not 0 <= rounds.min() <= rounds.max() <= self.steps:
            raise InputError(
                f"rounds go from {rounds.min()} to {rounds.max()}: the schedule has those from 0 to {self.steps}"
            )
        return rounds

    @property
    def repeats(self) -> bool:
        """Whether a worker reports several times in a step."""
        return np.unique(self.step * self.n + self.workers).size < self.workers.size

    def ages(self) -> IntArray:
        """(messages,): age of every message when it arrives."""
        return self.step - self.versions

    def counts(self) -> IntArray:
        """(messages,): how many messages its worker has sent before this one."""
        order = np.argsort(self.workers, kind="stable")
        mine = self.workers[order]
        counts = np.empty(mine.size, dtype=np.int64)
        counts[order] = np.arange(mine.size) - np.searchsorted(mine, mine)
        return counts

    def ages_at_use(self) -> IntArray:
        """(T, n): age of the report of every worker that the table holds in every step.

        Raises
        ------
        InputError
            If a worker is missing in step 0: the table would have a hole.
        """
        first = np.sort(self.workers[: self.starts[1]])
        if not np.array_equal(first, np.arange(self.n)):
            absent = min(set(range(self.n)) - set(first.tolist()))
            raise InputError(f"worker {absent} does not report in step 0; a table needs the report of every worker")
        held = np.full((self.steps, self.n), -1, dtype=np.int64)
        held[self.step, self.workers] = self.versions
        return np.arange(self.steps)[:, None] - np.maximum.accumulate(held, axis=0)

    @checked
    def realised(self, table: bool = False) -> Delays:
        """Return the maximal and the average delay: of arriving messages, or at use of the stored reports."""
        ages = self.ages_at_use() if table else self.ages()
        return Delays(int(ages.max()), float(ages.mean()))

    @checked
    def facts(self, table: bool = False) -> dict[str, Any]:
        """What theorems ask of a schedule, by the names that `theory.Constants` has for it.

        Examples
        --------
        >>> clock("fixed:tau=2", workers=4, steps=20).facts()
        {'tau': 2, 'independent_delays': True, 'uniform_draws': False, 'same_age': True, 'every_worker': False}
        """
        first = self.versions[self.starts[:-1]]
        known = {} if self.compute_seconds is None else {"seconds": self.compute_seconds}
        return known | {
            "tau": self.realised(table).maximal,
            "independent_delays": True,  # it is there before the run
            "uniform_draws": self.drawn,
            "same_age": bool((self.versions == np.repeat(first, np.diff(self.starts))).all()),
            "every_worker": bool((np.diff(self.starts) == self.n).all()) and not self.repeats,
        }

    @checked
    def require(
        self,
        *,
        tau: float | None = None,
        arrivals: int | None = None,
        table: bool = False,
        limit: int | None = None,
    ) -> None:
        """Check what a method or a theorem asks of the delays.

        Parameters
        ----------
        tau
            Bound on every delay, in rounds.
        arrivals
            Number of messages in every step.
        table
            Whether the delay is the age at use.
        limit
            R, if the server drops what is as old or older, and no worker waits.

        Raises
        ------
        InputError
            Naming the first step that breaks the requirement.
        """
        counts = np.diff(self.starts)
        if arrivals is not None and not table and (counts != arrivals).any():
            bad = int(np.flatnonzero(counts != arrivals)[0])
            letter = "M" if limit is None else "B"
            raise InputError(
                f"step {bad} of the schedule has {counted(counts[bad], 'message')}; with {letter} = {arrivals} every "
                f"step has {arrivals}"
            )
        if arrivals is not None and limit is None:
            _refuse_repeated(self)
        if limit is not None and (old := np.flatnonzero(self.ages() >= limit)).size:
            raise InputError(
                f"a message in step {self.step[old[0]]} is {self.ages()[old[0]]} steps old, and the server drops what "
                f"is {limit} or more steps old: this schedule cannot happen with R = {limit}"
            )
        if table:
            self.ages_at_use()
        if tau is not None:
            ages = self.ages_at_use().max(axis=1) if table else self.ages()
            if (ages > tau).any():
                first = int(np.flatnonzero(ages > tau)[0])
                step = first if table else int(self.step[first])
                raise InputError(
                    f"a message in step {step} has age {ages[first]}, above tau = {tau:g}; the largest delay of this "
                    f"schedule is {ages.max()}: give tau = {ages.max()} or another clock"
                )

    @checked
    def first(self, steps: int) -> Schedule:
        """Return the schedule of the first `steps` steps.

        Raises
        ------
        InputError
            If the schedule is shorter.
        """
        if integer("steps", steps) > self.steps:
            raise InputError(f"the schedule has {self.steps} steps, not {steps}: run at most {self.steps} rounds")
        end = self.starts[steps]
        return replace(
            self, starts=self.starts[: steps + 1], workers=self.workers[:end], versions=self.versions[:end],
            seconds=None if self.seconds is None else self.seconds[:end],
            dropped=None if self.dropped is None else self.dropped[:steps],
        )  # fmt: skip

    @checked
    def save(self, path: str | Path) -> None:
        """Write a CSV file with the columns step, worker, version, one line per message; `tau` as a comment before.

        Where there is a clock, a fourth column is the second at which the message arrived.

        The file appears whole or not at all.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        columns: list[list[Any]] = [self.step.tolist(), self.workers.tolist(), self.versions.tolist()]
        columns += [] if self.seconds is None else [self.seconds.tolist()]
        text = "".join(",".join(map(repr, row)) + "\n" for row in zip(*columns, strict=True))
        comment = "" if self.tau is None else f"{COMMENT}{self.tau:g}\n"
        header = HEADER if self.seconds is None else TIMED_HEADER
        write_whole(path, f"{comment}{header}\n{text}", "choose another --schedule-out")

    @classmethod
    @checked
    def load(cls, path: str | Path, n: int | None = None, restarts: bool = False) -> Schedule:
        """Read what `save` writes; n defaults to the largest worker number + 1.

        Parameters
        ----------
        path, n
            The file; the number of workers.
        restarts
            Whether a worker may report several times in a step.

        Raises
        ------
        InputError
            For a file that is missing, malformed (with the line) or that describes an impossible schedule.
        """
        require_regular(path, "the schedule file")
        try:
            lines = Path(path).read_bytes().removeprefix(BOM_UTF8).decode("ascii").splitlines()
        except UnicodeDecodeError:
            raise InputError(f"schedule file '{path}' is not a text file with the columns {HEADER}") from None
        except OSError as error:
            raise InputError(f"schedule file '{path}' cannot be read: {error.strerror or error}") from None
        tau, first = None, 2
        if lines and lines[0].startswith("#"):
            tau, first = _tau(path, lines.pop(0)), 3
        header = [word.strip() for word in lines[0].split(",")] if lines else []
        if header not in (HEADER.split(","), TIMED_HEADER.split(",")):
            raise InputError(f"schedule file '{path}' does not start with the line {HEADER}")
        rows = [_row(path, place, line, len(header)) for place, line in enumerate(lines[1:], start=first)]
        step, worker, version = np.array([row[:3] for row in rows], dtype=np.int64).reshape(-1, 3).T
        seconds = [row[3] for row in rows] if len(header) > 3 else None
        try:
            return replace(cls.of(step, worker, version, n, seconds=seconds, restarts=restarts), tau=tau)
        except InputError as error:
            raise InputError(f"schedule file '{path}': {error}") from None


def _tau(path: str | Path, line: str) -> float:
    words = line.removeprefix(COMMENT)
    try:
        return number("tau", float(words))
    except (ValueError, InputError):
        raise InputError(f"schedule file '{path}', line 1: '{line}' is not of the form '{COMMENT}16'") from None


def _row(path: str | Path, place: int, line: str, count: int) -> tuple[Any, ...]:
    words = [word.strip() for word in line.split(",")]
    if len(words) < 3 or not all(word.isdigit() and len(word) <= 18 for word in words[:3]) or len(words) > count:
        raise InputError(f"schedule file '{path}', line {place}: '{line}' is not three whole numbers {HEADER}")
    integers = tuple(map(int, words[:3]))
    if count == 3:
        return integers
    try:
        return (*integers, number("seconds", float(words[3])))
    except (IndexError, ValueError, InputError):
        raise InputError(
            f"schedule file '{path}', line {place}: '{line}' does not end with a number of seconds"
        ) from None


def _refuse_impossible(schedule: Schedule) -> None:
    """Raise `InputError` for the first message that cannot have happened."""
    step, workers, versions, n = schedule.step, schedule.workers, schedule.versions, schedule.n
    if (empty := np.flatnonzero(np.bincount(step, minlength=schedule.steps) == 0)).size:
        raise InputError(f"step {empty[0]} of the schedule has no message; the server steps on arrivals")
    for bad, sentence in (
        ((workers < 0) | (workers >= n), "worker {worker} in step {step} does not exist: there are {n} workers, 0 .. "),
        (versions < 0, "version {version} in step {step} does not exist: versions count from 0"),
        (versions > step, "version {version} in step {step} does not exist yet: give at most {step}"),
    ):
        if bad.any():
            m = int(np.flatnonzero(bad)[0])
            text = sentence.format(worker=workers[m], step=step[m], version=versions[m], n=n)
            raise InputError(text + (f"{n - 1}" if text.endswith(".. ") else ""))
    if not schedule.restarts:
        _refuse_repeated(schedule)
    if (late := _next_message(schedule, np.diff(versions[_by_worker(schedule)]) < 0)) is not None:
        raise InputError(
            f"worker {workers[late]} reports version {versions[late]} in step {step[late]}, older than before"
        )
    seconds = schedule.seconds
    if seconds is None:
        return
    if seconds.shape != workers.shape or not np.isfinite(seconds).all() or (seconds < 0).any():
        raise InputError("the seconds of a schedule are a number that is not negative for every message")
    if (back := np.flatnonzero(np.diff(seconds) < 0)).size:
        m = int(back[0]) + 1
        raise InputError(
            f"message {m} of the schedule arrives at second {seconds[m]:g}, before the one that is handled before it"
        )


def _refuse_repeated(schedule: Schedule) -> None:
    """Raise `InputError` if a worker, which has to wait for the step, reports twice in one."""
    if (m := _next_message(schedule, np.diff(schedule.step[_by_worker(schedule)]) == 0)) is not None:
        raise InputError(f"worker {schedule.workers[m]} reports twice in step {schedule.step[m]}")


def _by_worker(schedule: Schedule) -> IntArray:
    """Every worker's messages, in their order."""
    return np.argsort(schedule.workers, kind="stable")


def _next_message(schedule: Schedule, broken: NDArray[np.bool_]) -> int | None:
    """The first message that follows one of the same worker where `broken` says so of the two."""
    order = _by_worker(schedule)
    found = order[1:][(np.diff(schedule.workers[order]) == 0) & broken]
    return int(found.min()) if found.size else None


# ------------------------------------------------------------------------------------------------- clocks


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
                f"each={each} has the seconds of {len(taken)} workers, and there are {wanted.workers}: give one number "
                f"for each, with / between them"
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
            raise InputError("clock 'drawn' is for messages that are used once; a table needs everyone's: take cyclic")
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
                f"{wanted.arrivals}; give {letter} = {wanted.workers}, or the clock fixed:tau=0"
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
        raise InputError(f"M = {arrivals} messages a step need as many workers, and there are {workers}: give M <= n")
    require_memory(NUMBERS_OF_MESSAGE * float(steps) * arrivals, f"{steps} steps of {arrivals} messages")
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
            f"clock '{spec}' has no longest compute time: take constant, uniform, straggler, power or seconds"
        )
    return found
