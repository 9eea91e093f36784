"""Many independent pieces of work on any `concurrent.futures.Executor`: a process pool, MPI ranks, a Dask cluster.

A piece is a function of a module and plain arguments; what it returns does not depend on where it runs.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from typing import Any, TypeVar

from ..common.ending import uninterrupted
from ..common.errors import InputError, WorkerError, nearest
from ..common.options import integer

T = TypeVar("T")

EXECUTORS = ("processes", "mpi", "dask")
"""Names of the executors that the library can start itself."""
MOST_JOBS = 1024
"""Processes that a pool is asked for at most."""


#: What most pieces of work import: a pool's processes, where they can, start as copies of one that has done so.
IMPORTED = (f"{__package__}.verification", "scipy.stats")


class LostPiecesError(WorkerError):
    """A process of the pool ended before its piece was done.

    Attributes
    ----------
    results
        Of the pieces that were done, in their order.
    names
        Of the pieces that were not.
    """

    def __init__(self, results: list[Any], names: Sequence[str]) -> None:
        some = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        super().__init__(
            f"a process of the pool was lost (killed, or out of memory), and with it {some or 'work'}: run "
            f"{'them' if len(names) > 1 else 'it'} again, with fewer --jobs if the memory was full"
        )
        self.results, self.names = results, list(names)


def _begin() -> None:
    """What a process of the pool does first: leave Ctrl-C to the parent, and end when the parent is gone.

    There are as many processes as cores, so BLAS has one thread in each. What is loaded by now stays: the garbage
    collector need not look through it again and again.
    """
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1, "blas")
    gc.freeze()
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _context() -> BaseContext:
    """How processes are started: as copies of one that has imported what they need, or anew where that cannot be."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED])
    return context


def prepare() -> None:
    """Let imports of the pool's processes begin, while the program that is going to start them does its own."""
    if _context().get_start_method() == "forkserver":
        with uninterrupted():
            forkserver.ensure_running()


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
    if jobs is not None:
        integer("jobs", jobs, 1, MOST_JOBS)
    if name == "processes":
        prepare()
        pool = ProcessPoolExecutor(jobs or os.cpu_count() or 1, _context(), initializer=_begin)
        try:
            yield pool
            pool.shutdown()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
            pool.shutdown()
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
    executor: Executor | None,
    work: Callable[..., T],
    pieces: Sequence[Any],
    done: Callable[[T], None] | None = None,
    names: Sequence[str] | None = None,
) -> list[T]:
    """Return [work(piece) for piece in pieces], computed by the executor; without one, here and one after the other.

    Parameters
    ----------
    work
        A function of a module.
    done
        Called with every result as soon as it is there.
    names
        What the pieces are called where one is lost; by default their places.

    Raises
    ------
    LostPiecesError
        If a process of the pool is lost; the results that are there are in it.
    """
    if executor is None:
        results = []
        for piece in pieces:
            results.append(work(piece))
            if done is not None:
                done(results[-1])
        return results
    futures: list[Future[T]] = []
    try:
        futures += [executor.submit(work, piece) for piece in pieces]
        for future in as_completed(futures):
            if done is not None:
                done(future.result())
        return [future.result() for future in futures]
    except BrokenExecutor:
        labels = [f"piece {k}" for k in range(len(pieces))] if names is None else names
        whole = [k for k, future in enumerate(futures) if _has_result(future)]
        raise LostPiecesError(
            [futures[k].result() for k in whole], [label for k, label in enumerate(labels) if k not in set(whole)]
        ) from None
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _has_result(future: Future[T]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
