"""From what a caller asks for to a run that can be carried out, and from its results to a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

import numpy as np

from ...common import front
from ...common.errors import InputError, counted
from ...common.limits import require_memory, require_time
from ...common.options import integer, whole_numbers
from ...common.version import __version__
from ...problems import Problem
from ...problems import problem as build_problem
from ...problems.digest import problem_digest, share_digests
from ...problems.share import Share
from ...theory.compressors import compressor
from ...theory.compressors.participation import participating
from ...theory.theorem import uplink_of
from ..clocks import clock
from ..method import Method
from ..method import method as build_method
from ..schedule import Schedule
from ..trace import Trace
from . import records
from .block import Block
from .log import Log, final
from .options import RunOptions
from .saving import Every, Saver, Stored, identity
from .setup import Run, optional_columns

#: Vectors of all the replicas of one block together hold about this many numbers (32 KiB: the first-level cache).
BLOCK_NUMBERS = 4096
MOST_REPLICAS_PER_BLOCK = 64
#: The memory that the process of a worker takes for itself before it has any data (30 MB or more), in numbers.
NUMBERS_A_PROCESS = 30e6 / 8

#: The clock of an asynchronous run that is given neither a clock nor a schedule.
DEFAULT_CLOCK = "exponential"


def require_processes(engine: str, workers: int) -> None:
    """Refuse more workers than this machine has memory for, where each of them is a process of it."""
    if engine == "processes":
        require_memory(workers * NUMBERS_A_PROCESS, f"{counted(workers, 'worker')}, each with a process of its own,")


@dataclass(frozen=True)
class Job:
    """A run, the replicas of its blocks, where it is stored, and what was stored of it before.

    Attributes
    ----------
    digest
        Of the problem; None as long as only the workers, each for its share, can tell.
    """

    run: Run
    parts: list[list[int]]
    saver: Saver | None
    stored: Stored | None
    digest: str | None


def blocks(replicas: int, dim: int, most: int = MOST_REPLICAS_PER_BLOCK) -> list[range]:
    """Partition the replicas 0, ..., R - 1 into an even number of nearly equal blocks (one block if R = 1)."""
    largest = max(1, min(most, BLOCK_NUMBERS // dim))
    count = min(replicas, 2 * -(-replicas // (2 * largest)))
    edges = [replicas * k // count for k in range(count + 1)]
    return [range(a, b) for a, b in pairwise(edges)]


def log_checkpoints(rounds: int, count: int = 40) -> np.ndarray:
    """Return up to `count` integers from 0 to `rounds`, both included, spaced geometrically."""
    points = np.geomspace(1, rounds, max(count - 1, 2)).round().astype(np.int64)
    return np.unique(np.concatenate([[0], points, [rounds]]))


def timetable(
    method: Method, workers: int, rounds: int, seed: int, numbers: Mapping[str, float], given: str | Schedule | None
) -> Schedule | None:
    """The schedule of an asynchronous run: as given, or as the given clock (default: `DEFAULT_CLOCK`) makes it.

    Raises
    ------
    InputError
        If the method is synchronous and a schedule is given, or the schedule is for other workers or too short.
    """
    if not method.clock:
        if given is not None:
            raise InputError(f"method '{method.name}' is synchronous: leave out the clock or schedule")
        return None
    arrivals, table = messages_in_step(method, numbers), method.clock == "table"
    limit = limit_on_delays(method, numbers, workers)
    if not isinstance(given, Schedule):
        return clock(given or DEFAULT_CLOCK, workers, rounds, seed, arrivals=arrivals, table=table, limit=limit)
    if given.n != workers:
        raise InputError(
            f"the schedule is one of {counted(given.n, 'worker')}, not {workers}; "
            f"give {front.argument('workers', given.n)}"
        )
    given = given.first(rounds)
    given.require(arrivals=arrivals, table=table, limit=limit)
    return given


def messages_in_step(method: Method, numbers: Mapping[str, float]) -> int:
    """How many messages make a step of an asynchronous server."""
    letter = "B" if method.drops else "M"
    return integer(letter, numbers.get(letter, 1))


def limit_on_delays(method: Method, numbers: Mapping[str, float], workers: int) -> int | None:
    """R, if messages that are R or more steps old are dropped; as long as it is not chosen, the number of workers."""
    if not method.drops:
        return None
    return integer("R", numbers.get("R", workers)) if "R" in method.parameters else 1


def least_delay(method: Method, workers: int, numbers: Mapping[str, float]) -> int:
    """The largest delay, where all take turns: nobody can promise less.

    With P = ceil(n/M) steps between two messages of a worker, a message is P - 1 steps old when it arrives, and twice
    that when the next one takes its place in a table.
    """
    waits = 0 if method.drops else (workers - 1) // int(numbers.get("M", 1))
    return 2 * waits if method.clock == "table" else waits


def prepare(options: RunOptions) -> Job:
    """Check what a run is asked for; a guarantee in the place of the method has been filled in (`guaranteed`).

    Raises
    ------
    InputError
        For anything that cannot be run, in one sentence.
    """
    rounds, workers, seed, columns, average = (
        options.rounds, options.workers, options.seed, options.columns, options.average
    )  # fmt: skip
    method = build_method(cast("str | Method", options.method))
    if workers is None:
        if not isinstance(options.problem, Problem):
            raise InputError(f"the number of workers is not given: write {front.either('--workers n', 'workers=n')}")
        workers = options.problem.workers
    require_processes(options.engine, workers)
    problem = build_problem(options.problem, workers=workers)
    up = compressor(participating(options.up, options.participation, uplink_of(method.name)))
    down = compressor(options.down)
    numbers = method.check(options.parameters or {})
    for name, value, low, high in (
        ("rounds", rounds, 1, 2**32 - 1),
        ("replicas", options.replicas, 1, 2**31),
        ("seed", seed, 0, 2**32 - 1),
        ("first_replica", options.first_replica, 0, 2**31),
    ):
        if not low <= value <= high:
            raise InputError(f"{name} = {value} is not a whole number from {low} to {high}")
    if not method.two_way and down.name != "identity":
        raise InputError(
            f"method '{method.name}' broadcasts uncompressed: leave out the downlink compressor {down.spec}"
        )
    if any(problem.regulariser) and not method.prox:
        raise InputError(f"method '{method.name}' has no proximal step: it cannot handle l1 or l2prox")
    if method.reshuffles and not (problem.noise.reshuffled and problem.noise.batch == 1):
        raise InputError(
            f"method '{method.name}' goes through the samples of every worker in random order, one at a time: take a "
            f"problem with rows, and add batch=1,sampling=reshuffled"
        )
    up.check(problem.dim)
    down.check(problem.dim)
    given = options.checkpoints
    points = log_checkpoints(rounds) if given is None else _points(given, rounds)
    points = points.astype(np.int64)
    if points[0] < 0 or points[-1] > rounds:
        raise InputError(f"checkpoints run from {points[0]} to {points[-1]}; they must lie between 0 and {rounds}")
    # A full gradient in every round costs more than a round of sampled ones, and makes asynchronous workers wait.
    usual = set() if method.clock or problem.noise.batch is not None else {"grad_sq_mean"}
    wanted = optional_columns(usual if columns is True else columns or (), method, problem, numbers, up, down)
    if {"gap_mean", "gap_avg"} & wanted and not problem.f_star_certified:
        found = "which is not known" if problem.f_star is None else "of which only a lower bound is known"
        raise InputError(f"gap_mean and gap_avg need f*, {found} for '{problem.spec}': leave them out")
    if "gap_mean" in wanted and any(problem.regulariser):
        raise InputError("gap_mean needs a problem without l1 and l2prox: leave it out")
    if {"gap_avg", "grad_sq_avg"} & wanted and average is None:
        how = front.either("run a guarantee from Python, which has them", "give average=")
        raise InputError(f"gap_avg and grad_sq_avg need the weights of the average: {how}")
    live = options.engine != "simulate" and bool(method.clock) and options.schedule is None
    times = None if live else timetable(method, workers, int(rounds), int(seed), numbers, options.schedule)
    if live and not method.drops and int(numbers.get("M", 1)) > workers:
        raise InputError(
            f"M = {numbers['M']:g} messages per step need as many workers, not {workers}: give M <= {workers}"
        )
    if live and options.delay_bound is not None:
        least = least_delay(method, workers, numbers)
        if options.delay_bound < least:
            raise InputError(
                f"delays of at most {options.delay_bound} are not possible: with {counted(workers, 'worker')} and "
                f"{counted(int(numbers.get('M', 1)), 'message')} per step some delay is {least}; give tau >= {least}"
            )
    run = Run(
        method, problem, up, down, numbers, int(rounds), int(seed), points, wanted, times, average, options.paths,
        options.progress, live, options.delay_bound,
    )  # fmt: skip
    # Before any of them is numbered: their models and what they record, a word or two for each beside them.
    require_memory(
        float(options.replicas) * (3 * problem.dim + 4), f"{counted(options.replicas, 'replica')} of {problem.spec}"
    )
    samples = float(numbers.get(method.samples or "", 1))
    require_time(
        float(rounds) * options.replicas * workers * max(samples, 1.0),
        max(problem.dim, up.work(problem.dim)),
        f"{counted(rounds, 'round')} of {counted(options.replicas, 'replica')} of {counted(workers, 'worker')}",
    )  # fmt: skip
    # One coin serves all workers, but every replica tosses its own: the block is then a single replica.
    cut = blocks(int(options.replicas), problem.dim, 1 if method.tosses else MOST_REPLICAS_PER_BLOCK)
    parts = [[int(options.first_replica) + r for r in part] for part in cut]
    complete = not isinstance(problem, Share) or problem.complete
    digest = problem_digest(problem, share_digests(problem)) if complete else None
    stored = None
    if options.resume is not None:
        stored = Stored.load(options.resume, run, parts, digest, given is not None)
        run = replace(run, points=stored.points)
    saver = None
    if options.checkpoint is not None:
        saver = Saver(options.checkpoint, Every.read(options.checkpoint_every), identity(run, parts, digest))
    return Job(run, parts, saver, stored, digest)


def _points(checkpoints: Sequence[int] | np.ndarray, rounds: int) -> np.ndarray:
    """The checkpoints that were asked for, and the last round."""
    return np.unique(np.append(whole_numbers("checkpoints", checkpoints), rounds))


def assemble(job: Job, results: Sequence[tuple[Block, Log]], times: Schedule | None) -> Trace:
    """Put the blocks together to a trace, in which nothing tells the engine."""
    run, logs, ends = job.run, [log for _, log in results], [final(block) for block, _ in results]
    columns, paths = [log.of("column") for log in logs], [log.of("path") for log in logs]
    about: dict[str, Any] = {
        "method": run.method.name,
        "problem": run.problem.spec,
        "problem_digest": job.digest,
        "workers": run.problem.workers,
        "up": run.up.spec,
        "down": run.down.spec,
        "parameters": run.numbers,
        "rounds": run.rounds,
        "replicas": sum(map(len, job.parts)),
        "first_replica": job.parts[0][0],
        "seed": run.seed,
        "versions": {"tersegrad": __version__, "numpy": np.__version__},
    }
    if times is not None:
        about["delays"] = times.realised(run.method.clock == "table")._asdict()
    scalars = logs[0].of("scalar")
    if times is not None and times.dropped is not None:
        about["delays"]["dropped"] = int(times.dropped.sum())
        scalars["gradient_evaluations"] = scalars["gradient_evaluations"] + times.dropped_after(run.points)
    if times is not None and times.seconds is not None:
        scalars["seconds"] = times.seconds_after(run.points)
    return Trace(
        rounds=run.points,
        columns={name: np.vstack([c[name].T for c in columns]) for name in columns[0]},
        first_bad=np.concatenate([block.record[records.FIRST_BAD] for block, _ in results]).astype(np.int64),
        scalars=scalars,
        final=ends[0] if len(ends) == 1 else np.vstack(ends),
        about=about,
        paths={name: np.concatenate([p[name].swapaxes(0, 1) for p in paths]) for name in paths[0]},
        schedule=times,
    )
