"""Who reports when, and how old the model was: schedules of asynchronous runs, and the clocks that make them.

The server of an asynchronous method steps on the messages that have arrived. A `Schedule` is the record of a run:
step t handles the messages starts[t], ..., starts[t+1] - 1, in this order; message m comes from worker workers[m],
which computed it at the model x^versions[m]. Everything about delays is in it, so a run can be replayed from a file.

A clock makes a schedule from a model of the workers' compute times, in virtual time: a worker reads the model when it
starts to compute, computes, reports, and starts anew after the step that used its report. Events are ordered by time,
ties by worker number, and the k-th compute time of a worker depends on (seed, worker, k) alone: the same seed gives
the same schedule everywhere.

Two readings of a schedule:

- "arrivals": every step averages the messages that arrive in it; the delay of a message is its age when it arrives;
- "table": the server stores the last report of every worker and uses all of them in every step; the delay is the age
  at use, which grows as long as a report stays in the table. In step 0 every worker reports version 0.
"""

from __future__ import annotations

import heapq
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.errors import InputError
from ..common.files import require_regular, write_whole
from ..common.options import integer, number
from ..common.specs import build

IntArray = NDArray[np.int64]

HEADER = "step,worker,version"
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

    Raises
    ------
    InputError
        For a schedule that cannot happen: a step without a message, a worker that does not exist or reports twice in
        one step, a version from the future, or a worker's report that is older than the one before it.

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

    def __post_init__(self) -> None:
        for name in ("starts", "workers", "versions"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.int64))
        _refuse_impossible(self.step, self.workers, self.versions, self.n, self.steps)

    @classmethod
    def of(
        cls, step: ArrayLike, worker: ArrayLike, version: ArrayLike, n: int | None = None, steps: int | None = None
    ) -> Schedule:
        """Build from one row per message, ordered by step; n and steps default to the smallest that fit."""
        rows = [np.asarray(column, dtype=np.int64).ravel() for column in (step, worker, version)]
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
        return cls(starts, rows[1], rows[2], n)

    @property
    def steps(self) -> int:
        """T, the number of steps of the server."""
        return self.starts.size - 1

    @property
    def step(self) -> IntArray:
        """(messages,): the step that handles the message."""
        return np.repeat(np.arange(self.steps), np.diff(self.starts))

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

    def realised(self, table: bool = False) -> Delays:
        """Return the maximal and the average delay: of arriving messages, or at use of the stored reports."""
        ages = self.ages_at_use() if table else self.ages()
        return Delays(int(ages.max()), float(ages.mean()))

    def facts(self, table: bool = False) -> dict[str, Any]:
        """What theorems ask of a schedule, by the names that `theory.Constants` has for it.

        Examples
        --------
        >>> clock("fixed:tau=2", workers=4, steps=20).facts()
        {'tau': 2, 'independent_delays': True, 'uniform_draws': False, 'same_age': True, 'every_worker': False}
        """
        first = self.versions[self.starts[:-1]]
        return {
            "tau": self.realised(table).maximal,
            "independent_delays": True,  # it is there before the run
            "uniform_draws": self.drawn,
            "same_age": bool((self.versions == np.repeat(first, np.diff(self.starts))).all()),
            "every_worker": bool((np.diff(self.starts) == self.n).all()),
        }

    def require(self, *, tau: float | None = None, arrivals: int | None = None, table: bool = False) -> None:
        """Check what a method or a theorem asks of the delays.

        Parameters
        ----------
        tau
            Bound on every delay, in rounds.
        arrivals
            Number of messages in every step.
        table
            Whether the delay is the age at use.

        Raises
        ------
        InputError
            Naming the first step that breaks the requirement.
        """
        counts = np.diff(self.starts)
        if arrivals is not None and not table and (counts != arrivals).any():
            bad = int(np.flatnonzero(counts != arrivals)[0])
            raise InputError(
                f"step {bad} of the schedule has {counts[bad]} messages; with M = {arrivals} every step has {arrivals}"
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

    def first(self, steps: int) -> Schedule:
        """Return the schedule of the first `steps` steps.

        Raises
        ------
        InputError
            If the schedule is shorter.
        """
        if steps > self.steps:
            raise InputError(f"the schedule has {self.steps} steps, not {steps}: run at most {self.steps} rounds")
        end = self.starts[steps]
        return Schedule(self.starts[: steps + 1], self.workers[:end], self.versions[:end], self.n, self.tau, self.drawn)

    def save(self, path: str | Path) -> None:
        """Write a CSV file with the columns step, worker, version, one line per message; `tau` as a comment before.

        The file appears whole or not at all.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        rows = zip(self.step.tolist(), self.workers.tolist(), self.versions.tolist(), strict=True)
        text = "".join(f"{step},{worker},{version}\n" for step, worker, version in rows)
        comment = "" if self.tau is None else f"{COMMENT}{self.tau:g}\n"
        write_whole(path, f"{comment}{HEADER}\n{text}", "choose another --schedule-out")

    @classmethod
    def load(cls, path: str | Path, n: int | None = None) -> Schedule:
        """Read what `save` writes; n defaults to the largest worker number + 1.

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
        if not lines or [word.strip() for word in lines[0].split(",")] != HEADER.split(","):
            raise InputError(f"schedule file '{path}' does not start with the line {HEADER}")
        rows = [_row(path, place, line) for place, line in enumerate(lines[1:], start=first)]
        try:
            step, worker, version = np.array(rows, dtype=np.int64).reshape(-1, 3).T
            return replace(cls.of(step, worker, version, n), tau=tau)
        except InputError as error:
            raise InputError(f"schedule file '{path}': {error}") from None


def _tau(path: str | Path, line: str) -> float:
    words = line.removeprefix(COMMENT)
    try:
        return number("tau", float(words))
    except (ValueError, InputError):
        raise InputError(f"schedule file '{path}', line 1: '{line}' is not of the form '{COMMENT}16'") from None


def _row(path: str | Path, place: int, line: str) -> tuple[int, ...]:
    words = [word.strip() for word in line.split(",")]
    if len(words) != 3 or not all(word.isdigit() and len(word) <= 18 for word in words):
        raise InputError(f"schedule file '{path}', line {place}: '{line}' is not three whole numbers {HEADER}")
    return tuple(map(int, words))


def _refuse_impossible(step: IntArray, workers: IntArray, versions: IntArray, n: int, steps: int) -> None:
    """Raise `InputError` for the first message that cannot have happened."""
    if (empty := np.flatnonzero(np.bincount(step, minlength=steps) == 0)).size:
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
    order = np.argsort(workers, kind="stable")  # every worker's messages, in their order
    same = np.diff(workers[order]) == 0
    for broken, sentence in (
        (np.diff(step[order]) == 0, "worker {worker} reports twice in step {step}"),
        (np.diff(versions[order]) < 0, "worker {worker} reports version {version} in step {step}, older than before"),
    ):
        if (found := order[1:][same & broken]).size:
            m = int(found.min())
            raise InputError(sentence.format(worker=workers[m], step=step[m], version=versions[m]))


# ------------------------------------------------------------------------------------------------- clocks

Clock = Callable[[int, int, int, int, bool], Schedule]
"""(workers, steps, seed, arrivals, table) -> Schedule."""

Duration = Callable[[np.random.Generator, int, int], float]
"""(the worker's random numbers, worker, n) -> how long its next gradient takes."""


def constant() -> Clock:
    """Every gradient takes the same time."""
    return _timed(lambda random, worker, n: 1.0)


def uniform(low: float = 0.5, high: float = 1.5) -> Clock:
    """Compute times uniform in [low, high]."""
    low, high = number("low", low), number("high", high, strict=True)
    if low > high:
        raise InputError(f"low={low:g} exceeds high={high:g}: give low <= high")
    return _timed(lambda random, worker, n: random.uniform(low, high))


def exponential(mean: float = 1.0) -> Clock:
    """Exponential compute times."""
    mean = number("mean", mean, strict=True)
    return _timed(lambda random, worker, n: random.exponential(mean))


def straggler(factor: float = 10.0) -> Clock:
    """The last worker takes `factor` times as long as the others."""
    factor = number("factor", factor, low=1.0)
    return _timed(lambda random, worker, n: factor if worker == n - 1 else 1.0)


def cyclic() -> Clock:
    """Round robin: the delay is at most ceil(n/M) - 1.

    By arrival, the worker whose turn it is sends what it computed since its last turn. With a table, it computes at
    the current model, and its report stays in use until its next turn.
    """

    def make(workers: int, steps: int, seed: int, arrivals: int, table: bool) -> Schedule:
        rows = [(0, i, 0) for i in range(workers)] if table else []
        turn, read = 0, [0] * workers
        for t in range(int(table), steps):
            for i in (place % workers for place in range(turn, turn + arrivals)):
                rows.append((t, i, t if table else read[i]))
                read[i] = t + 1
            turn = (turn + arrivals) % workers
        return _scheduled(rows, workers, steps)

    return make


def fixed(tau: int) -> Clock:
    """Every message is computed at x^max(t - tau, 0): by arrival from M workers in turn, with a table from all."""
    tau = integer("tau", tau, low=0)

    def make(workers: int, steps: int, seed: int, arrivals: int, table: bool) -> Schedule:
        count = workers if table else arrivals
        step = np.repeat(np.arange(steps), count)
        return Schedule.of(step, np.arange(steps * count) % workers, np.maximum(step - tau, 0), workers, steps)

    return make


def drawn(tau: int = 0) -> Clock:
    """The workers of every step are drawn uniformly; every message is computed at x^max(t - tau, 0)."""
    tau = integer("tau", tau, low=0)

    def make(workers: int, steps: int, seed: int, arrivals: int, table: bool) -> Schedule:
        if table:
            raise InputError("clock 'drawn' is for messages that are used once; a table needs everyone's: take cyclic")
        random = np.random.default_rng(seed)
        chosen = np.array([random.permutation(workers)[:arrivals] for _ in range(steps)]).ravel()
        step = np.repeat(np.arange(steps), arrivals)
        return replace(Schedule.of(step, chosen, np.maximum(step - tau, 0), workers, steps), drawn=True)

    return make


def fresh() -> Clock:
    """Every worker reports in every step, at the current model: no delay."""

    def make(workers: int, steps: int, seed: int, arrivals: int, table: bool) -> Schedule:
        if not table and arrivals != workers:
            raise InputError(
                f"clock 'fresh' has all {workers} workers report in every step, but M = {arrivals}; "
                f"give M = {workers}, or the clock fixed:tau=0"
            )
        return fixed(0)(workers, steps, seed, arrivals, table)

    return make


def _timed(duration: Duration) -> Clock:
    """A clock in virtual time: the server steps when `arrivals` reports are there."""

    def make(workers: int, steps: int, seed: int, arrivals: int, table: bool) -> Schedule:
        random = [np.random.default_rng((seed, i)) for i in range(workers)]
        rows = [(0, i, 0) for i in range(workers)] if table else []
        version = int(table)  # what everyone computes at in the beginning
        computing = [(duration(random[i], i, workers), i, version) for i in range(workers)]
        heapq.heapify(computing)
        for t in range(version, steps):
            arrived = [heapq.heappop(computing) for _ in range(arrivals)]
            now = arrived[-1][0]
            for _, i, read in arrived:
                rows.append((t, i, read))
                heapq.heappush(computing, (now + duration(random[i], i, workers), i, t + 1))
        return _scheduled(rows, workers, steps)

    return make


def _scheduled(rows: Sequence[tuple[int, int, int]], workers: int, steps: int) -> Schedule:
    step, worker, version = np.array(rows, dtype=np.int64).T
    return Schedule.of(step, worker, version, workers, steps)


CLOCKS: dict[str, Callable[..., Clock]] = {
    entry.__name__: entry for entry in (constant, uniform, exponential, straggler, cyclic, fixed, drawn, fresh)
}


def clock(spec: str, workers: int, steps: int, seed: int = 0, arrivals: Any = 1, table: bool = False) -> Schedule:
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
        M, the number of messages that a step waits for, 1 <= M <= n.
    table
        Whether the server keeps every worker's last report (then all report in step 0).

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
    """
    workers, steps, seed = integer("workers", workers), integer("steps", steps), integer("seed", seed, low=0)
    arrivals = integer("M", arrivals)
    if arrivals > workers:
        raise InputError(f"M = {arrivals} messages a step need as many workers, and there are {workers}: give M <= n")
    return build("clock", spec, CLOCKS)(workers, steps, seed, arrivals, table)
