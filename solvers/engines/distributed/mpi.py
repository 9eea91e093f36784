"""The engine `mpi`: rank 0 serves, every other rank is a worker, on as many machines as mpiexec reaches.

Commands and answers are four numbers, and bytes in buffers; nothing is pickled. Waiting costs little: a rank looks for
a message at short intervals that grow to a millisecond, so that more ranks than cores do not take each other's time.

If a rank raises an exception, rank 0 says so and all ranks end; ranks that do not are ended by MPI_Abort. If a rank is
killed, mpiexec ends the others.
"""

from __future__ import annotations

import contextlib
import signal
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ....common.errors import InputError, counted
from ....problems.share import data_file, read_share
from ...trace import Trace
from ..request import Job
from ..simulate import blas_on_one_thread
from .asynchronous import server_for
from .protocol import FAILED, STOP, Buffers, Received, failure, refusal
from .worker import Worker

HEAD, BODY = 1, 2
BYE = 200
#: A buffer larger than this is sent in pieces: counts are 32-bit numbers.
PIECE = 1 << 30
#: Seconds that workers have to end once something has gone wrong.
GRACE = 5.0
_HEAD = struct.Struct("<qqqq")
_NOTHING = memoryview(b"")


def world() -> Any:
    """All ranks.

    Raises
    ------
    InputError
        If mpi4py is not installed, or cannot be used.
    """
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise InputError(
            f"the engine mpi needs mpi4py and mpiexec: pip install 'tersegrad[mpi]' mpich ({error})"
        ) from None
    return MPI.COMM_WORLD


def rank() -> int:
    """The number of this rank."""
    return int(world().Get_rank())


def _wait(there: Callable[[], bool]) -> None:
    """Look until it is there: at once, then ever less often."""
    pause, looks = 0.0, 0
    while not there():
        looks += 1
        if looks > 200:
            pause = min(1e-3, pause + 1e-5)
        time.sleep(pause)


class Wire:
    """Buffers to and from one other rank."""

    def __init__(self, comm: Any, other: int) -> None:
        self.comm, self.other = comm, other

    def put(self, what: int, a: int, b: int, data: Buffers) -> None:
        """Send a head and the bytes behind it."""
        parts = [np.ascontiguousarray(np.frombuffer(p, np.uint8) if not isinstance(p, np.ndarray) else p).reshape(-1)
                 for p in data if len(memoryview(p).cast("B"))]  # fmt: skip
        parts = [part.view(np.uint8) for part in parts]
        size = sum(part.size for part in parts)
        self.comm.Send(np.frombuffer(_HEAD.pack(what, a, b, size), np.uint8), self.other, HEAD)
        for part in parts:
            for at in range(0, part.size, PIECE):
                self.comm.Send(part[at : at + PIECE], self.other, BODY)

    def is_there(self) -> bool:
        """Whether a head has come."""
        return bool(self.comm.Iprobe(self.other, HEAD))

    def take(self) -> Received:
        """Receive a head and its bytes."""
        from mpi4py import MPI

        head = np.empty(_HEAD.size, np.uint8)
        _wait(self.is_there)
        self.comm.Recv(head, self.other, HEAD)
        what, a, b, size = _HEAD.unpack(head.tobytes())
        body, at, status = np.empty(size, np.uint8), 0, MPI.Status()
        while at < size:
            _wait(lambda: bool(self.comm.Iprobe(self.other, BODY)))
            self.comm.Recv(body[at : at + PIECE], self.other, BODY, status)
            at += status.Get_count(MPI.BYTE)
        return what, a, b, body.data if size else _NOTHING


class RankChannel:
    """A worker's end of the wire."""

    def __init__(self, comm: Any) -> None:
        self.wire = Wire(comm, 0)

    def receive(self) -> Received:
        return self.wire.take()

    def send(self, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        self.wire.put(what, a, b, data)


class RankPool:
    """The server's end of all wires."""

    #: Whether the workers of this run are still to be let go.
    waiting = False

    def __init__(self, comm: Any) -> None:
        self.comm, self.round = comm, 0
        self.wires = [Wire(comm, other) for other in range(1, comm.Get_size())]

    def send(self, worker: int, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        self.wires[worker].put(what, a, b, data)

    def broadcast(self, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        for wire in self.wires:
            wire.put(what, a, b, data)

    def receive(self, worker: int) -> Received:
        answer: deque[Received] = deque()

        def is_there() -> bool:
            if self.wires[worker].is_there():
                answer.append(self.wires[worker].take())
            return bool(answer)

        _wait(is_there)
        what, a, b, data = answer.popleft()
        if what == FAILED:
            raise failure(worker, self.round, data, a)
        return what, a, b, data

    def release_start_buffers(self) -> None:
        pass

    def wait_any(self, among: Iterable[int]) -> int:
        wanted = list(among)
        found: list[int] = []

        def is_there() -> bool:
            found.extend(i for i in wanted if self.wires[i].is_there())
            return bool(found)

        _wait(is_there)
        return found[0]

    def end(self) -> None:
        """Let the workers go after a run."""
        RankPool.waiting = False
        self.broadcast(STOP)
        for wire in self.wires:
            wire.take()

    def dismiss(self) -> None:
        """Make the workers end after something has gone wrong, whatever they are doing."""
        RankPool.waiting = False
        stop = np.frombuffer(_HEAD.pack(STOP, 0, 0, 0), np.uint8)
        requests = [self.comm.Isend(stop, wire.other, HEAD) for wire in self.wires]
        left, until = set(range(len(self.wires))), time.monotonic() + GRACE
        while left and time.monotonic() < until:
            for i in list(left):
                if self.wires[i].is_there() and self.wires[i].take()[0] == BYE:
                    left.discard(i)
            time.sleep(1e-3)
        if left:
            late = ", ".join(map(str, sorted(left)))
            print(f"not ended within {GRACE:g} seconds: worker {late}; all ranks are aborted", file=sys.stderr)
            sys.stderr.flush()
            self.comm.Abort(1)
        for request in requests:
            request.Wait()


def work() -> None:
    """What every rank but 0 does: one run, as rank 0 wants it; nothing if rank 0 finds that nothing can be run."""
    comm = world()
    channel = RankChannel(comm)
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # rank 0 decides
    _wait(channel.wire.is_there)
    try:
        with blas_on_one_thread():
            Worker(comm.Get_rank() - 1, channel, read_share).obey()
    except Exception as error:
        own, text = refusal(error)
        channel.send(FAILED, own, 0, [text])
        while channel.receive()[0] != STOP:
            pass
    channel.send(BYE)


@contextlib.contextmanager
def in_charge() -> Iterator[None]:
    """What rank 0 does while the others wait: whatever happens, they are let go."""
    RankPool.waiting = True
    try:
        yield
    except BaseException:
        if RankPool.waiting:
            RankPool(world()).dismiss()
        raise


def _abort(kind: type[BaseException], error: BaseException, where: Any) -> None:
    sys.__excepthook__(kind, error, where)
    sys.stderr.flush()
    world().Abort(1)


def everywhere(prepared: Callable[[], Job]) -> Any:
    """The part of this rank: on rank 0 the trace of what has been prepared, on the others None.

    An exception that nobody catches ends all ranks: the others would wait for ever.
    """
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _abort
    if rank():
        return work()
    with in_charge():
        return carry_out(prepared())


def carry_out(job: Job) -> Trace:
    """Run what has been prepared: the part of rank 0.

    Raises
    ------
    InputError
        If there are not as many ranks as the run needs.
    WorkerError
        If a worker fails.
    """
    comm, workers = world(), job.run.problem.workers
    pool = RankPool(comm)
    try:
        if comm.Get_size() != workers + 1:
            raise InputError(
                f"{counted(workers, 'worker')} and the server take {workers + 1} ranks, not {comm.Get_size()}: start "
                f"mpiexec -n {workers + 1} tersegrad run ..."
            )
        with blas_on_one_thread():
            trace = server_for(job, pool, data_file(job.run.problem.spec) is not None).lead()
    except BaseException:
        pool.dismiss()
        raise
    pool.end()
    return trace
