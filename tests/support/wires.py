"""Workers in threads of this process, on wires made of queues: the whole protocol, without what processes cost."""

from __future__ import annotations

import queue
import threading
from typing import Any

import numpy as np

from tersegrad.common.errors import WorkerError
from tersegrad.solvers.engines.distributed.asynchronous import server_for
from tersegrad.solvers.engines.distributed.protocol import FAILED, STOP
from tersegrad.solvers.engines.distributed.worker import Worker
from tersegrad.solvers.engines.options import RunOptions
from tersegrad.solvers.engines.request import prepare
from tersegrad.solvers.engines.simulate import blas_on_one_thread


def joined(data: Any) -> bytes:
    # NumPy makes one byte of no bytes.
    return b"".join(part if isinstance(part, bytes) else np.ascontiguousarray(part).tobytes() for part in data)


class QueueChannel:
    def __init__(self) -> None:
        self.commands, self.answers = queue.Queue(), queue.Queue()

    def receive(self):
        return self.commands.get()

    def send(self, what, a=0, b=0, data=()):
        self.answers.put((what, a, b, memoryview(bytearray(joined(data)))))


class Threads:
    """A pool of threads, with memory for one command's bytes: they go out when the last ones have been answered."""

    def __init__(self, workers: int) -> None:
        self.round = 0
        self.channels = [QueueChannel() for _ in range(workers)]
        self.pending = [[] for _ in range(workers)]
        self.reading = set()
        for number, channel in enumerate(self.channels):
            threading.Thread(target=self._work, args=(number, channel), daemon=True).start()

    @staticmethod
    def _work(number, channel):
        try:
            Worker(number, channel).obey()
        except BaseException as error:
            channel.send(FAILED, 0, 0, [np.frombuffer(repr(error).encode(), np.uint8)])

    def send(self, worker, what, a=0, b=0, data=()):
        self._command([worker], what, a, b, data)

    def broadcast(self, what, a=0, b=0, data=()):
        self._command(range(len(self.channels)), what, a, b, data)

    def _command(self, who, what, a, b, data):
        for reader in sorted(self.reading) if data else ():
            try:
                self.pending[reader].append(self.channels[reader].answers.get(timeout=20))
            except queue.Empty:
                raise AssertionError(f"worker {reader} may still be reading what would be written over") from None
            self.reading.discard(reader)
        for worker in who:
            self.channels[worker].commands.put((what, a, b, memoryview(bytearray(joined(data)))))
            if data:
                self.reading.add(worker)

    def receive(self, worker):
        answer = self.pending[worker].pop(0) if self.pending[worker] else self.channels[worker].answers.get(timeout=60)
        self.reading.discard(worker)
        if answer[0] == FAILED:
            raise WorkerError(bytes(answer[3]).decode())
        return answer

    def release_start_buffers(self):
        pass

    def wait_any(self, among):
        while True:
            for worker in among:
                if self.pending[worker]:
                    return worker
                try:
                    self.pending[worker].append(self.channels[worker].answers.get(timeout=0.001))
                    return worker
                except queue.Empty:
                    pass


def over_threads(*what: Any, **options: Any):
    """`tersegrad.run` with workers in threads."""
    job = prepare(RunOptions(*what, engine="processes", **options))
    pool = Threads(job.run.problem.workers)
    try:
        with blas_on_one_thread():
            return server_for(job, pool).lead()
    finally:
        pool.broadcast(STOP)


def differing(a: Any, b: Any, path: Any) -> list[str]:
    """The arrays of two traces' files that are not the same bit for bit."""
    a.save(path / "a.npz")
    b.save(path / "b.npz")
    with np.load(path / "a.npz") as one, np.load(path / "b.npz") as two:
        names = sorted({*one.files, *two.files})
        return [
            name
            for name in names
            if name not in one or name not in two or one[name].dtype != two[name].dtype
            or one[name].shape != two[name].shape or one[name].tobytes() != two[name].tobytes()
        ]  # fmt: skip
