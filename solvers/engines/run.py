"""One door to all engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.errors import InputError, nearest
from .request import prepare
from .saving import DEFAULT_EVERY

if TYPE_CHECKING:
    import numpy as np

    from ...problems import Problem
    from ...theory.compressors import Compressor
    from ..method import Method
    from ..schedule import Schedule
    from ..trace import Trace

ENGINES = ("simulate", "processes", "mpi")


def run(
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
    progress: Callable[[int], None] | None = None,
    engine: str = "simulate",
    checkpoint: str | Path | None = None,
    checkpoint_every: str | int = DEFAULT_EVERY,
    resume: str | Path | None = None,
    delay_bound: int | None = None,
    patience: float | None = None,
) -> Trace:
    """Run a method on a problem and record a `Trace`, which has the same bits in every engine.

    Parameters
    ----------
    method, problem, up, down
        Words and specs, or objects of your own: a `Method`, a `Problem`, a `Compressor` with a kernel. Other processes
        must find those, and kernels, at the top level of modules that they can import.
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
        ("grad_sq_mean",), for asynchronous methods nothing.
    schedule
        Of an asynchronous method: a `Schedule`, or the spec of a clock that makes one. If left out, the clock
        "exponential" in the engine simulate, and the workers' own times where they are real (`Trace.schedule` is what
        happened).
    average
        Weights of the averages over iterates, as a theorem's guarantee has them (`Guarantee.weights`).
    paths
        Whether to keep the models and shadow sequences at all checkpoints, in `Trace.paths`.
    progress
        Called with the number of replica-rounds just done.
    engine
        "simulate": virtual workers in this process. "processes": a process for every worker on this machine. "mpi":
        one rank for the server and one for every worker, under mpiexec; all ranks call, and only rank 0, which serves,
        gets the trace: the others work, and get None.
    checkpoint, checkpoint_every
        A file in which the run is stored every so many rounds (500) or seconds ("60s").
    resume
        A file written by `checkpoint`, from which to continue.
    delay_bound
        tau, which no delay of real asynchronous workers may exceed: where one would, the server waits.
    patience
        Of the engine processes: seconds without a sign of life after which a worker is given up; default 10.

    Raises
    ------
    InputError
        For anything that cannot be run, in one sentence.
    WorkerError
        If a worker's process is lost.
    """
    if engine not in ENGINES:
        raise InputError(f"unknown engine '{engine}'{nearest(engine, ENGINES)}; known: {', '.join(ENGINES)}")
    if patience is not None and not patience > 0:
        raise InputError(f"patience = {patience} is not a number of seconds above 0")
    options: dict[str, Any] = {
        "parameters": parameters, "rounds": rounds, "workers": workers, "replicas": replicas, "seed": seed,
        "first_replica": first_replica, "checkpoints": checkpoints, "columns": columns, "schedule": schedule,
        "average": average, "paths": paths, "progress": progress, "checkpoint": checkpoint,
        "checkpoint_every": checkpoint_every, "resume": resume, "real_time": engine != "simulate",
        "delay_bound": delay_bound,
    }  # fmt: skip
    if engine == "mpi":
        from .distributed import mpi

        return mpi.everywhere(lambda: prepare(method, problem, up, down, **options))
    job = prepare(method, problem, up, down, **options)
    if engine == "processes":
        from .distributed import processes

        return processes.carry_out(job, patience or processes.PATIENCE)
    from .simulate import carry_out

    return carry_out(job)
