"""Who reports when, and how old the model was: schedules of asynchronous runs.

The server of an asynchronous method steps on the messages that have arrived. A `Schedule` is the record of a run:
step t handles the messages starts[t], ..., starts[t+1] - 1, in this order; message m comes from worker workers[m],
which computed it at the model x^versions[m]. Everything about delays is in it, so a run can be replayed from a file.
The clocks of `solvers.clocks` make schedules.

Two readings of a schedule:

- "arrivals": every step averages the messages that arrive in it; the delay of a message is its age when it arrives;
- "table": the server stores the last report of every worker and uses all of them in every step; the delay is the age
  at use, which grows as long as a report stays in the table. In step 0 every worker reports version 0.

Where the server drops what is R or more steps old, no worker waits, and one may report several times in a step.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.door import checked, require_types
from ..common.errors import InputError, counted
from ..common.files import require_regular, write_whole
from ..common.options import integer, number, whole_numbers

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

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
            raise InputError("a schedule needs at least one message, and a step, a worker and a version for each")
        if (late := np.flatnonzero(np.diff(rows[0]) < 0)).size:
            row = int(late[0])
            raise InputError(
                f"message {row + 1} of the schedule belongs to step {rows[0][row + 1]} and follows one of step "
                f"{rows[0][row]}; sort the messages by step"
            )
        n = int(rows[1].max()) + 1 if n is None else integer("workers", n)
        steps = int(rows[0][-1]) + 1 if steps is None else integer("steps", steps)
        if rows[0][-1] >= steps:
            raise InputError(f"the schedule has a message in step {rows[0][-1]}, beyond its last step {steps - 1}")
        starts = np.searchsorted(rows[0], np.arange(steps + 1))
        if rows[0][0] < 0:
            raise InputError(f"message 0 of the schedule belongs to step {rows[0][0]}; steps count from 0")
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
                f"rounds run from {rounds.min()} to {rounds.max()}: the schedule has those from 0 to {self.steps}"
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
        >>> from tersegrad.solvers.clocks import clock
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
                f"a message in step {self.step[old[0]]} is {counted(self.ages()[old[0]], 'step')} old, and the server "
                f"drops what is R or more steps old: this schedule cannot happen with R = {limit}"
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
            raise InputError(f"the schedule has {counted(self.steps, 'step')}, not {steps}: run at most as many rounds")
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
        ((workers < 0) | (workers >= n), "worker {worker} in step {step} does not exist: workers are 0 to {last}"),
        (versions < 0, "version {version} in step {step} does not exist: versions count from 0"),
        (versions > step, "version {version} in step {step} does not exist yet: give at most {step}"),
    ):
        if bad.any():
            m = int(np.flatnonzero(bad)[0])
            raise InputError(sentence.format(worker=workers[m], step=step[m], version=versions[m], last=n - 1))
    if not schedule.restarts:
        _refuse_repeated(schedule)
    if (late := _next_message(schedule, np.diff(versions[_by_worker(schedule)]) < 0)) is not None:
        raise InputError(
            f"worker {workers[late]} reports version {versions[late]} in step {step[late]}, older than its last one"
        )
    seconds = schedule.seconds
    if seconds is None:
        return
    if seconds.shape != workers.shape or not np.isfinite(seconds).all() or (seconds < 0).any():
        raise InputError("the seconds of a schedule must be one finite number, 0 or more, for every message")
    if (back := np.flatnonzero(np.diff(seconds) < 0)).size:
        m = int(back[0]) + 1
        raise InputError(
            f"message {m} of the schedule arrives at second {seconds[m]:g}, earlier than the message that is handled "
            f"before it"
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
