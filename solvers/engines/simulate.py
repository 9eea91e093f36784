"""The engine `simulate`: virtual workers in one process, blocks of replicas spread over threads.

The block of replicas is the unit of work. How replicas fall into blocks depends on their number and the dimension
alone, never on threads, so that matrix products have the same shapes, and the results the same bits, however many
threads run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from ... import __version__
from ...problems import Problem
from ...problems import problem as build_problem
from ...theory.compressors import Compressor, compressor
from ...theory.errors import InputError
from ..method import Method
from ..method import method as build_method
from ..schedule import Schedule, clock
from ..trace import Trace
from . import rounds as kernels
from .metrics import meters, metrics
from .setup import Block, Run, Setup, columns_of

#: Vectors of all the replicas of one block together hold about this many numbers (32 KiB: the first-level cache).
BLOCK_NUMBERS = 4096
MOST_REPLICAS_PER_BLOCK = 64

#: A block looks up from its work (for a Ctrl-C, for the progress bar) about this often.
SECONDS_PER_PIECE = 0.1

#: The clock of an asynchronous run that is given neither a clock nor a schedule.
DEFAULT_CLOCK = "exponential"


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
            raise InputError(f"method '{method.word}' is synchronous: leave out the clock or schedule")
        return None
    arrivals, table = int(numbers.get("M", 1)), method.clock == "table"
    if not isinstance(given, Schedule):
        return clock(given or DEFAULT_CLOCK, workers, rounds, seed, arrivals=arrivals, table=table)
    if given.n != workers:
        raise InputError(f"the schedule is one of {given.n} workers, not {workers}; give --workers {given.n}")
    given = given.first(rounds)
    given.require(arrivals=arrivals, table=table)
    return given


def simulate(
    method: str | Method,
    problem: str | Problem,
    up: str | Compressor = "identity",
    down: str | Compressor = "identity",
    *,
    parameters: Mapping[str, float],
    rounds: int,
    workers: int | None = None,
    replicas: int = 1,
    seed: int = 0,
    first_replica: int = 0,
    checkpoints: Sequence[int] | np.ndarray | None = None,
    columns: bool | Sequence[str] = True,
    schedule: str | Schedule | None = None,
    average: tuple[Any, ...] | None = None,
    paths: bool = False,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Run a method on a problem and record a `Trace`.

    Parameters
    ----------
    method, problem, up, down
        Words and specs, or objects of your own: a `Method`, a `Problem`, a `Compressor` with a kernel.
    parameters
        The method's numbers, ``gamma`` first of all.
    rounds, replicas, seed, first_replica
        T >= 1 rounds of R >= 1 independent replicas, numbered from `first_replica`; the seed is a 32-bit number.
    workers
        n, needed when `problem` is a spec.
    checkpoints
        Rounds at which to record; default: about 40, spaced geometrically.
    columns
        Which optional columns to record. Means over all rounds: ``grad_sq_mean`` is free where the workers compute
        exact gradients at x anyway, the others (``gap_mean``, ``grad_l1_mean``, ``shadow_grad_sq_mean``,
        ``shadow_spread_mean``) cost an evaluation a round. ``gap_avg`` and ``grad_sq_avg`` need `average`;
        ``memory_gap_sq`` and a method's own columns cost something at checkpoints only. True means
        ("grad_sq_mean",).
    schedule
        Of an asynchronous method: a `Schedule`, or the spec of a clock that makes one ("exponential" if left out).
    average
        Weights of the averages over iterates, as a theorem's guarantee has them (`Guarantee.weights`).
    paths
        Whether to keep the models and shadow sequences at all checkpoints, in `Trace.paths`.
    threads
        How many blocks run at once; default: all cores. The result does not depend on it.
    progress
        Called with the number of replica-rounds just done.

    Raises
    ------
    InputError
        For anything that cannot be run, in one sentence.
    """
    method = build_method(method)
    if workers is None:
        if not isinstance(problem, Problem):
            raise InputError("the number of workers is not given: write workers=n (--workers n)")
        workers = problem.workers
    problem = build_problem(problem, workers=workers)
    up, down = compressor(up), compressor(down)
    numbers = method.check(parameters)
    for name, value, low, high in (
        ("rounds", rounds, 1, 2**32 - 1),
        ("replicas", replicas, 1, 2**31),
        ("seed", seed, 0, 2**32 - 1),
        ("first_replica", first_replica, 0, 2**31),
    ):
        if value != int(value) or not low <= value <= high:
            raise InputError(f"{name} = {value} is not a whole number from {low} to {high}")
    if not method.two_way and down.name != "identity":
        raise InputError(
            f"method '{method.word}' broadcasts uncompressed: leave out the downlink compressor {down.spec}"
        )
    if any(problem.regulariser) and not method.prox:
        raise InputError(f"method '{method.word}' has no proximal step: it cannot take l1 or l2prox")
    up.check(problem.dim)
    down.check(problem.dim)
    points = log_checkpoints(rounds) if checkpoints is None else np.unique(np.append(checkpoints, rounds))
    points = points.astype(np.int64)
    if points[0] < 0 or points[-1] > rounds:
        raise InputError(f"checkpoints run from {points[0]} to {points[-1]}; they must lie between 0 and {rounds}")
    wanted = columns_of(method, {"grad_sq_mean"} if columns is True else set(columns or ()))
    if {"gap_mean", "gap_avg"} & wanted and problem.f_star is None:
        raise InputError("gap_mean and gap_avg need a problem with a known f*: leave them out")
    if "gap_mean" in wanted and any(problem.regulariser):
        raise InputError("gap_mean needs a problem without l1 and l2prox: leave it out")
    if {"gap_avg", "grad_sq_avg"} & wanted and average is None:
        raise InputError("gap_avg and grad_sq_avg need the weights of the average: give average=")
    times = timetable(method, workers, int(rounds), int(seed), numbers, schedule)

    run = Run(
        method, problem, up, down, numbers, int(rounds), int(seed), points, wanted, times, average, paths, progress
    )
    setup = Setup(run)
    # One coin serves all workers, but every replica tosses its own: the block is then a single replica.
    parts = blocks(replicas, problem.dim, 1 if method.special_when == "coin" else MOST_REPLICAS_PER_BLOCK)
    with _blas().limit(limits=1), ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        try:
            results = list(
                pool.map(lambda part: _run_block(setup, [first_replica + r for r in part], part.start == 0), parts)
            )
        except BaseException:
            setup.stop = True
            pool.shutdown(cancel_futures=True)
            raise
    scalars = results[0].pop("scalars")
    first_bad = np.concatenate([r.pop("first_bad") for r in results]).astype(np.int64)
    final = np.vstack([r.pop("final") for r in results])
    kept = [r.pop("paths") for r in results]
    recorded = {k: np.vstack([r[k] for r in results]) for k in results[0]}
    about = {
        "method": method.word,
        "problem": problem.spec,
        "workers": workers,
        "up": up.spec,
        "down": down.spec,
        "parameters": numbers,
        "rounds": int(rounds),
        "replicas": int(replicas),
        "first_replica": int(first_replica),
        "seed": int(seed),
        "engine": "simulate",
        "versions": {"tersegrad": __version__, "numpy": np.__version__},
    }
    if times is not None:
        about["delays"] = times.realised(method.clock == "table")._asdict()
    together = {name: np.concatenate([k[name] for k in kept]) for name in kept[0]}
    return Trace(points, recorded, first_bad, scalars, final, about, together)


@cache
def _blas() -> ThreadpoolController:
    """Find the BLAS libraries in this process, once: the search takes longer than a small run."""
    return ThreadpoolController()


def _run_block(setup: Setup, replicas: list[int], sample: bool) -> dict[str, Any]:
    run = setup.run
    block = Block(setup, replicas)
    columns: dict[str, list[np.ndarray]] = {}
    scalars: dict[str, list[float]] = {}
    paths: dict[str, list[np.ndarray]] = {"x": [], "shadow": []} if run.paths else {}
    done, piece = 0, 1
    for point in run.points:
        while done < point:
            last = min(done + piece, int(point))
            began = time.perf_counter()
            block.advance(setup, done, last)
            if setup.stop:
                raise KeyboardInterrupt
            if run.progress is not None:
                run.progress((last - done) * len(replicas))
            if time.perf_counter() - began < SECONDS_PER_PIECE / 2:
                piece *= 2
            done = last
        bad = block.record[kernels.FIRST_BAD] > 0
        for name, column in metrics(setup, block, done).items():
            columns.setdefault(name, []).append(np.where(bad, np.inf, column))
        if sample:
            for name, value in meters(setup, block).items():
                scalars.setdefault(name, []).append(value)
        if run.paths:
            paths["x"].append(block.model.copy())
            paths["shadow"].append(block.shadow(setup, done))
    result: dict[str, Any] = {name: np.array(c).T for name, c in columns.items()}
    result["first_bad"] = block.record[kernels.FIRST_BAD]
    result["final"] = block.model
    result["paths"] = {name: np.stack(path, axis=1) for name, path in paths.items()}
    if sample:
        result["scalars"] = {name: np.array(values) for name, values in scalars.items()}
    return result
