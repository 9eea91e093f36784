"""The engine `simulate`: virtual workers in one process, blocks of replicas spread over threads.

The block of replicas is the unit of work. How replicas fall into blocks depends on their number and the dimension
alone, never on threads, so that matrix products have the same shapes, and the results the same bits, however many
threads run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from ...common.ending import Ended
from ...common.errors import InputError, counted
from ...common.limits import require_memory
from ..trace import Trace
from .block import Block
from .guaranteed import guaranteed, with_guarantee
from .log import Log
from .long import block_for
from .options import RunOptions, takes_options
from .request import Job, assemble, blocks, log_checkpoints, prepare, timetable
from .setup import Setup

#: A block looks up from its work (for a Ctrl-C, for the progress bar) about this often.
SECONDS_PER_PIECE = 0.1


@takes_options(RunOptions)
def simulate(options: RunOptions) -> Trace:
    """Run a method on a problem in this process and record a `Trace`: `run` with the engine "simulate".

    Raises
    ------
    InputError
        For anything that cannot be run, in one sentence.
    """
    if options.engine != "simulate":
        raise InputError(f"simulate runs the engine simulate: for the engine {options.engine} call run")
    return with_guarantee(carry_out(prepare(guaranteed(options)), options.threads), options.method)


@takes_options(RunOptions)
def later(options: RunOptions) -> Callable[[], Trace]:
    """Check all that `simulate` checks before its first round, the memory too; what is returned then runs it."""
    job = prepare(guaranteed(options))
    _require_memory(Setup(job.run), sum(map(len, job.parts)))
    return lambda: with_guarantee(carry_out(job, options.threads), options.method)


def carry_out(job: Job, threads: int | None = None) -> Trace:
    """Run what has been prepared."""
    setup = Setup(job.run)
    _require_memory(setup, sum(map(len, job.parts)))
    with blas_on_one_thread():
        threads = threads or os.cpu_count() or 1
        pool = ThreadPoolExecutor(threads)
        blocks = [
            pool.submit(_run_block, setup, job, number, threads // len(job.parts) or 1)
            for number in range(len(job.parts))
        ]
        try:
            results = [block.result() for block in blocks]
        except BaseException as end:
            setup.stop = True
            asked = isinstance(end, Ended) and job.saver is not None
            pool.shutdown(wait=asked, cancel_futures=True)  # one that is interrupted does not wait for a long round
            if isinstance(end, Ended) and job.saver is not None and job.saver.stored:
                end.stored = job.saver.path, job.saver.write_deposits()
            raise
        pool.shutdown()
    if job.saver is not None:
        job.saver.write_deposits()
    return assemble(job, results, job.run.schedule)


def _require_memory(setup: Setup, replicas: int) -> None:
    """Refuse a run whose workers' states and models do not fit into this machine's memory."""
    run = setup.run
    states = sum(float(np.prod(shape, dtype=float)) for shape in setup.worker_shapes(replicas))
    numbers = run.problem.workers * states + 3.0 * replicas * run.problem.dim
    what = f"{counted(replicas, 'replica')} of {counted(run.problem.workers, 'worker')}"
    what += f" with {counted(run.problem.dim, 'coordinate')}"
    require_memory(numbers, f"the states that {what} keep for method '{run.method.name}'")


def blas_on_one_thread() -> Any:
    """Keep BLAS on one thread: the context to run in."""
    return _blas().limit(limits=1)


@cache
def _blas() -> ThreadpoolController:
    """Find the BLAS libraries in this process, once: the search takes longer than a small run."""
    return ThreadpoolController()


def _run_block(setup: Setup, job: Job, number: int, threads: int) -> tuple[Block, Log]:
    block = block_for(setup, job.parts[number], threads)
    try:
        return block, _log_block(setup, job, number, block)
    finally:
        block.close()


def _log_block(setup: Setup, job: Job, number: int, block: Block) -> Log:
    run, saver, log = setup.run, job.saver, Log(number == 0)
    done = job.stored.fill(setup, number, block, log) if job.stored else 0
    if done and run.progress is not None:
        run.progress(done * len(block.replicas))
    piece = 1
    for point in run.points[len(next(iter(log.parts.values()), ())) :]:
        while done < point:
            last = min(done + piece, int(point))
            if saver is not None:
                last = min(last, saver.every.next_after(done, run.rounds))
            began = time.perf_counter()
            block.advance(setup, done, last)
            if run.progress is not None:
                run.progress((last - done) * len(block.replicas))
            if time.perf_counter() - began < SECONDS_PER_PIECE / 2:
                piece *= 2
            done = last
            if done < point:
                if saver is not None and (setup.stop or saver.due(done, number)):
                    saver.deposit(number, done, block, log)
                if setup.stop:
                    raise KeyboardInterrupt
        log.take(setup, block, done)
        # A block that is done is kept for the files that others write.
        if saver is not None and done and (setup.stop or saver.due(done, number) or done == run.rounds):
            saver.deposit(number, done, block, log)
        if setup.stop and done < run.rounds:
            raise KeyboardInterrupt
    return log


__all__ = ["blocks", "carry_out", "log_checkpoints", "simulate", "timetable"]
