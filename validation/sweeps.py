"""Many independent pieces of work on any `concurrent.futures.Executor`: a process pool, MPI ranks, a Dask cluster.

A piece is a function of a module and plain arguments; what it returns does not depend on where it runs.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, TypeVar

from ..common.errors import InputError, nearest

T = TypeVar("T")

EXECUTORS = ("processes", "mpi", "dask")
"""Names of the executors that the library can start itself."""


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def started(name: str, jobs: int | None = None) -> Iterator[Executor]:
    """Start an executor by its name and shut it down at the end.

    Parameters
    ----------
    name
        "processes": a pool on this machine. "mpi": the ranks of ``mpiexec -n N python -m mpi4py.futures -m tersegrad
        verify --executor mpi``. "dask": the cluster at DASK_SCHEDULER_ADDRESS, or one on this machine.
    jobs
        Workers; default: all cores (the ranks, the cluster's workers).

    Raises
    ------
    InputError
        Unknown name, or a package that is not installed.
    """
    if name == "processes":
        pool = ProcessPoolExecutor(
            jobs or os.cpu_count() or 1, multiprocessing.get_context("spawn"), initializer=_ignore_interrupts
        )
        try:
            yield pool
            pool.shutdown()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise
    elif name == "mpi":
        try:
            from mpi4py.futures import MPIPoolExecutor
        except ImportError:
            raise InputError("the executor 'mpi' needs mpi4py: pip install 'tersegrad[mpi]'") from None
        with MPIPoolExecutor(jobs) as ranks:
            yield ranks
    elif name == "dask":
        try:
            from dask.distributed import Client
        except ImportError:
            raise InputError("the executor 'dask' needs dask.distributed: pip install 'tersegrad[dask]'") from None
        address = os.environ.get("DASK_SCHEDULER_ADDRESS")
        options = {"address": address} if address else {"n_workers": jobs or os.cpu_count(), "threads_per_worker": 1}
        with Client(**options, dashboard_address=None) as client, client.get_executor() as cluster:
            yield cluster
    else:
        raise InputError(f"unknown executor '{name}'{nearest(name, EXECUTORS)}; known: {', '.join(EXECUTORS)}")


def map_pieces(
    executor: Executor | None, work: Callable[..., T], pieces: Sequence[Any], done: Callable[[T], None] | None = None
) -> list[T]:
    """Return [work(piece) for piece in pieces], computed by the executor; without one, here and one after the other.

    Parameters
    ----------
    work
        A function of a module.
    done
        Called with every result as soon as it is there.
    """
    if executor is None:
        results = []
        for piece in pieces:
            results.append(work(piece))
            if done is not None:
                done(results[-1])
        return results
    futures = [executor.submit(work, piece) for piece in pieces]
    try:
        for future in as_completed(futures):
            if done is not None:
                done(future.result())
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise
