"""The engine `processes`: one process per worker, the server in this one.

Commands go through sockets, the bytes behind them through shared memory: one buffer per worker for what it answers, one
for what the server says, to all or to one. A buffer is a file without a name, handed over through the socket, so that
none is left over, whatever dies and when. Buffers that turn out too small are replaced.

A worker that dies is noticed at once, one that raises an exception says so. A worker that stands still (stopped, or
swapped out) is noticed because its heart does not beat: a thread in every worker counts up a number four times a
second, also while a kernel computes. Workers notice within a second that the server is gone, and end.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import multiprocessing
import os
import selectors
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ....common.ending import uninterrupted
from ....common.errors import InputError, WorkerError, counted
from ....problems.share import Share, data_file, read_share
from ...trace import Trace
from ..request import Job
from ..simulate import blas_on_one_thread
from .asynchronous import server_for
from .protocol import FAILED, STOP, Buffers, Received, failure, refusal
from .worker import Worker

#: Seconds without a heartbeat after which a worker counts as standing still.
PATIENCE = 10.0
#: Seconds that a worker has to start: it imports numba, and compiles what is not in the cache.
START_PATIENCE = 300.0
BEAT_SECONDS = 0.25
SMALLEST = 1 << 16
#: An answer of a worker that needs a larger buffer, a command to use another block, and what the engine says by itself.
LARGER_ANSWERS, OTHER_ANSWERS, OTHER_COMMANDS = 100, 101, 102
_HEAD = struct.Struct("<qqqq")
#: Seconds for which a worker that has a core to itself looks out for the next command before it sleeps: to be woken
#: takes longer than what most servers have to do, and a core that has slept is slow at first.
EAGER_SECONDS = 2e-3


def _read(line: socket.socket, size: int, eager: float = 0.0) -> bytes:
    """Read so many bytes; for so many seconds look out for them without sleeping.

    Raises
    ------
    EOFError
        If nobody is at the other end.
    TimeoutError
        If the line has a timeout, and nothing comes.
    """
    until = time.perf_counter() + eager
    while eager and time.perf_counter() < until:
        try:
            data = line.recv(size, socket.MSG_DONTWAIT)
            break
        except BlockingIOError:
            os.sched_yield()
    else:
        data = line.recv(size, socket.MSG_WAITALL)
    while len(data) < size:
        with contextlib.suppress(TimeoutError):  # the rest of what has begun is on its way
            more = line.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
    return data


def _bytes(part: Any) -> memoryview:
    """The bytes of an array or of bytes."""
    if isinstance(part, np.ndarray):
        return np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
    return memoryview(part).cast("B")


class SharedBuffer:
    """Memory that two processes write and read: a file without a name, which is gone with the last who has it open."""

    def __init__(self, handle: int) -> None:
        self.handle, self.size = handle, os.fstat(handle).st_size
        self.map = mmap.mmap(handle, self.size)

    @classmethod
    def create(cls, size: int) -> SharedBuffer:
        """Make a buffer.

        Raises
        ------
        InputError
            If there is not enough memory: writing to what is not there would kill the process.
        """
        size = max(SMALLEST, size)
        free = available_memory()
        if free < size:
            raise InputError(
                f"messages need {size / 1e6:.3g} MB of shared memory, and {free / 1e6:.3g} MB are available: "
                f"use fewer replicas or coordinates"
            )
        try:
            if hasattr(os, "memfd_create"):
                handle = os.memfd_create("tersegrad")
            else:
                with tempfile.TemporaryFile() as file:
                    handle = os.dup(file.fileno())
            os.ftruncate(handle, size)
            return cls(handle)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            raise InputError(
                f"the system cannot provide {size / 1e6:.3g} MB of shared memory: {error.strerror or error}; "
                f"use fewer workers, replicas or coordinates"
            ) from None

    def send(self, connection: socket.socket) -> None:
        """Hand it to the process at the other end."""
        socket.send_fds(connection, [b"\0"], [self.handle])

    @classmethod
    def receive(cls, connection: socket.socket) -> SharedBuffer:
        """Take what `send` hands over.

        Raises
        ------
        EOFError
            If nobody is at the other end.
        """
        data, handles, _, _ = socket.recv_fds(connection, 1, 1)
        if not data or not handles:
            raise EOFError
        return cls(handles[0])

    @property
    def bytes(self) -> memoryview:
        """What is in it."""
        return memoryview(self.map)

    def put(self, parts: Iterable[memoryview]) -> None:
        """Write the parts one after the other from the beginning."""
        at, target = 0, self.bytes
        for part in parts:
            target[at : at + len(part)] = part
            at += len(part)

    def close(self) -> None:
        """Let go of it; the memory is free when nobody has a view of it any more."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1
        with contextlib.suppress(BufferError):
            self.map.close()


def available_memory() -> float:
    """Bytes of memory that this process may still take, as far as the system says; else infinity."""
    free = [float("inf")]
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free += [1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")]
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        free += [] if limit == "max" else [float(int(limit) - int(used))]
    return min(free)


# ------------------------------------------------------------------------------------------------- a worker's process


class SocketChannel:
    """A worker's end of the wire."""

    def __init__(self, line: socket.socket, answers: SharedBuffer, commands: SharedBuffer, eager: float) -> None:
        self.line, self.answers, self.commands, self.eager = line, answers, commands, eager

    def receive(self) -> Received:
        while True:
            what, a, b, size = _HEAD.unpack(_read(self.line, _HEAD.size, self.eager))
            if what in (OTHER_ANSWERS, OTHER_COMMANDS):
                self._change(what)
                continue
            return what, a, b, self.commands.bytes[:size]

    def _change(self, what: int) -> None:
        buffer = SharedBuffer.receive(self.line)
        if what == OTHER_ANSWERS:
            self.answers, old = buffer, self.answers
        else:
            self.commands, old = buffer, self.commands
        self.line.sendall(_HEAD.pack(what, 0, 0, 0))
        old.close()

    def send(self, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        parts = [_bytes(part) for part in data]
        size = sum(map(len, parts))
        if size > self.answers.size:
            self.line.sendall(_HEAD.pack(LARGER_ANSWERS, size, 0, 0))
            while self.answers.size < size:
                self._change(_HEAD.unpack(_read(self.line, _HEAD.size))[0])
        self.answers.put(parts)
        self.line.sendall(_HEAD.pack(what, a, b, size))


def work(number: int, own_end: socket.socket, eager: float) -> None:
    """What a worker's process does: the entry of the process, all of whose arguments are plain."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides
    if hasattr(os, "SCHED_BATCH"):
        # A worker that is woken must not push the server aside before that has woken the others.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    parent = os.getppid()
    try:
        answers, commands, beats = (SharedBuffer.receive(own_end) for _ in range(3))
    except (EOFError, OSError):
        os._exit(1)  # the server is gone
    channel = SocketChannel(own_end, answers, commands, eager)
    heartbeats = np.frombuffer(beats.bytes, np.int64)

    def beat() -> None:
        while True:
            heartbeats[number] += 1
            if os.getppid() != parent:
                os._exit(1)
            time.sleep(BEAT_SECONDS)

    threading.Thread(target=beat, daemon=True).start()
    status = 1
    try:
        own_end.sendall(_HEAD.pack(0, 0, 0, 0))
        with blas_on_one_thread():
            Worker(number, channel, read_share).obey()
        status = 0
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the server is gone
    except BaseException as error:
        own, text = refusal(error)
        with contextlib.suppress(OSError):
            channel.send(FAILED, own, 0, [text[:SMALLEST]])
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or nobody reads it
            stream.flush()
    os._exit(status)  # nothing is left to be done: no views of shared memory to be closed in the right order


# ------------------------------------------------------------------------------------------------- the server's process


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ProcessPool:
    """The server's end of all wires, and the processes at the other ends.

    Parameters
    ----------
    workers
        How many.
    patience
        Seconds without a heartbeat after which a worker counts as standing still.
    """

    def __init__(self, workers: int, patience: float = PATIENCE) -> None:
        self.round = 0
        self.patience = patience
        self.pending_headers: list[deque[tuple[int, int, int, int]]] = [deque() for _ in range(workers)]
        self.arrived: deque[int] = deque()
        self.selector = selectors.DefaultSelector()
        self.sockets: list[socket.socket] = []
        self.processes: list[Any] = []
        self.buffers: list[SharedBuffer] = []
        self.readers: set[int] = set()
        self.acknowledged: dict[tuple[int, int], bool] = {}
        self.started = False
        try:
            self._start(workers)
        except OSError as error:
            self.end()
            if error.errno not in (errno.EMFILE, errno.ENFILE, errno.EAGAIN):
                raise
            raise InputError(
                f"the system grants too few processes or open files for {counted(workers, 'worker')} "
                f"({error.strerror}): raise the limit (ulimit -n, ulimit -u), or use fewer workers"
            ) from None
        except BaseException:
            self.end()
            raise

    def _start(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.commands = SharedBuffer.create(SMALLEST)
        self.beats = SharedBuffer.create(8 * workers)
        self.answers = [SharedBuffer.create(SMALLEST) for _ in range(workers)]
        self.buffers = [self.commands, self.beats, *self.answers]
        self.heartbeats = np.frombuffer(self.beats.bytes, np.int64, workers)
        self.seen_heartbeats = self.heartbeats.copy()
        self.silence = [0.0] * workers
        eager = EAGER_SECONDS if workers <= cores() and hasattr(os, "sched_yield") else 0.0
        with uninterrupted():
            for i in range(workers):
                here, there = socket.socketpair()
                here.settimeout(BEAT_SECONDS * 2)
                process = context.Process(target=work, args=(i, there, eager), name=f"worker-{i}", daemon=True)
                self.sockets.append(here)
                self.processes.append(process)
                process.start()
                there.close()
                for buffer in (self.answers[i], self.commands, self.beats):
                    buffer.send(here)
                self.selector.register(here, selectors.EVENT_READ, (i, True))
                self.selector.register(process.sentinel, selectors.EVENT_READ, (i, False))
        for i in range(workers):
            self.receive(i)
        self.started = True

    # -- commands ----------------------------------------------------------------------------------------------------

    def send(self, worker: int, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        self._command([worker], what, a, b, data)

    def broadcast(self, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        self._command(range(len(self.sockets)), what, a, b, data)

    def _command(self, who: Iterable[int], what: int, a: int, b: int, data: Buffers) -> None:
        parts = [_bytes(part) for part in data]
        size = sum(map(len, parts))
        if size:
            for i in sorted(self.readers):  # nobody may still be reading what is overwritten now
                self._wait(i, lambda i=i: i not in self.readers)
            if size > self.commands.size:
                self.commands = self._replace(self.commands, size, range(len(self.sockets)), OTHER_COMMANDS)
            self.commands.put(parts)
        for i in who:
            if size:
                self.readers.add(i)
            self._write(i, _HEAD.pack(what, a, b, size))

    def release_start_buffers(self) -> None:
        if self.commands.size > SMALLEST:
            self.commands = self._replace(self.commands, 0, range(len(self.sockets)), OTHER_COMMANDS)

    def _replace(self, old: SharedBuffer, size: int, who: Iterable[int], what: int) -> SharedBuffer:
        """A larger block in place of an old one."""
        buffer = SharedBuffer.create(size + size // 4)
        self.buffers.append(buffer)
        for i in who:
            self._write(i, _HEAD.pack(what, 0, 0, 0))
            self._hand_over(i, buffer)
        for i in who:
            self._wait(i, lambda i=i: self.acknowledged.pop((i, what), False))
        self.buffers.remove(old)
        old.close()
        return buffer

    def _hand_over(self, worker: int, buffer: SharedBuffer) -> None:
        try:
            buffer.send(self.sockets[worker])
        except OSError:
            raise self._lost(worker) from None

    def _write(self, worker: int, data: bytes) -> None:
        try:
            self.sockets[worker].sendall(data)
        except OSError:
            raise self._lost(worker) from None

    # -- answers -----------------------------------------------------------------------------------------------------

    def receive(self, worker: int) -> Received:
        if not self.pending_headers[worker] and not self._listen(worker):
            self._wait(worker, lambda: bool(self.pending_headers[worker]))
        what, a, b, size = self.pending_headers[worker].popleft()
        with contextlib.suppress(ValueError):
            self.arrived.remove(worker)
        data = self.answers[worker].bytes[:size]
        if what == FAILED:
            raise failure(worker, self.round, data, a)
        return what, a, b, data

    def wait_any(self, among: Iterable[int]) -> int:
        wanted = set(among)

        def first() -> int | None:
            return next((i for i in self.arrived if i in wanted), None)

        self._wait_for(wanted, lambda: first() is not None)
        found = first()
        assert found is not None
        return found

    def _wait(self, worker: int, there: Any) -> None:
        self._wait_for((worker,), there)

    def _wait_for(self, who: Iterable[int], there: Any) -> None:
        """Read what comes until it is there; watch those who are waited for."""
        while not there():
            ready = [key.data for key, _ in self.selector.select(BEAT_SECONDS * 2)]
            # One at a time: reading what one says may take reading what others say as well.
            spoke = next((worker for worker, is_socket in ready if is_socket), None)
            if spoke is not None:
                self._listen(spoke)
                continue
            for worker, _ in ready:
                if not self.pending_headers[worker]:
                    raise self._lost(worker)
            if not ready:
                self._watch_heartbeats(who)

    def _listen(self, worker: int) -> bool:
        """Read what a worker says next, if it speaks soon; return whether it did."""
        try:
            head = _HEAD.unpack(_read(self.sockets[worker], _HEAD.size))
        except TimeoutError:
            return False
        except (EOFError, OSError):
            while self.pending_headers[worker]:
                self.receive(worker)  # its last words may say why
            raise self._lost(worker) from None
        what, size = head[0], head[1]
        self.readers.discard(worker)
        if what == LARGER_ANSWERS:
            self.answers[worker] = self._replace(self.answers[worker], size, [worker], OTHER_ANSWERS)
        elif what in (OTHER_ANSWERS, OTHER_COMMANDS):
            self.acknowledged[worker, what] = True
        else:
            self.pending_headers[worker].append(head)
            self.arrived.append(worker)
        return bool(self.pending_headers[worker])

    def _watch_heartbeats(self, who: Iterable[int]) -> None:
        """Look for a heartbeat of those who are waited for.

        What counts is how often the server has looked, not the time: when everybody was stopped together, nobody is to
        blame.
        """
        for i in who:
            starting = not self.seen_heartbeats[i] and not _is_stopped(self.processes[i].pid)
            patience = START_PATIENCE if starting else self.patience
            if self.heartbeats[i] != self.seen_heartbeats[i]:
                self.seen_heartbeats[i], self.silence[i] = self.heartbeats[i], 0.0
                continue
            self.silence[i] += BEAT_SECONDS * 2
            if self.silence[i] >= patience:
                raise WorkerError(
                    f"worker {i} (process {self.processes[i].pid}) has not responded for {patience:g} seconds in "
                    f"round {self.round}: it is stopped, or the machine is overloaded"
                )

    def _lost(self, worker: int) -> WorkerError:
        process = self.processes[worker]
        process.join(1.0)
        code = process.exitcode
        why = "its connection broke"
        if code is not None:
            why = f"it ended with status {code}"
            if code < 0:
                why = f"it was killed by {signal.Signals(-code).name}"
        when = f"in round {self.round}" if self.started else "while it was starting"
        hint = "" if self.started else " (a script that starts processes needs 'if __name__ == \"__main__\":')"
        return WorkerError(f"worker {worker} (process {process.pid}) was lost {when}: {why}{hint}")

    # -- the end -----------------------------------------------------------------------------------------------------

    def end(self, kindly: bool = False) -> None:
        """Let the workers go, or end them; nothing is left of them."""
        with uninterrupted():
            for connection in self.sockets if kindly else ():
                with contextlib.suppress(OSError):
                    connection.sendall(_HEAD.pack(STOP, 0, 0, 0))
            for process in self.processes:
                if process.pid is None:
                    continue
                if kindly:
                    process.join(5.0)
                if process.is_alive():
                    process.kill()
                process.join()
            self.selector.close()
            for connection in self.sockets:
                connection.close()
            for process in self.processes:
                if process.pid is not None:
                    process.close()
            self.heartbeats = self.seen_heartbeats = np.zeros(0, np.int64)  # lets go of the shared memory
            for buffer in self.buffers:
                buffer.close()


def _is_stopped(process: int) -> bool:
    """Whether a process has been stopped (SIGSTOP), as far as the system says."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    return False


def carry_out(job: Job, patience: float = PATIENCE) -> Trace:
    """Run what has been prepared, with a process for every worker.

    Raises
    ------
    WorkerError
        If a worker is lost, stands still or fails.
    """
    problem = job.run.problem
    reads = isinstance(problem, Share) and data_file(problem.spec) is not None
    pool = ProcessPool(problem.workers, patience)
    try:
        with blas_on_one_thread():
            trace = server_for(job, pool, reads).lead()
    except BaseException:
        pool.end()
        raise
    pool.end(kindly=True)
    return trace
