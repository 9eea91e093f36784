"""The server of an asynchronous run: a step waits for M messages, of whoever is first or as a schedule says."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from ....common.errors import InputError
from ...rules import no_op
from ...schedule import Schedule
from ...signatures import context, failures
from ...trace import Trace
from ..request import Job, assemble, limit_on_delays, messages_in_step
from ..saving import Stored, damaged
from ..setup import WORKER_STATES
from . import steps
from .protocol import APPLY_AND_ANSWER, COMPUTE_GRADIENT, DONE, MODEL, READY, SEND_MESSAGE, WORKER_STEP, WorkerPool
from .server import ServedBlock, Server


class AsynchronousServer(Server):
    """The server of an asynchronous run.

    Where a schedule says who arrives when, its steps are replayed; in a live run, whoever has its gradient first comes
    first. Parameters as of `Server`.
    """

    def __init__(self, job: Job, pool: WorkerPool, reads: bool = False) -> None:
        n = job.run.problem.workers
        #: The model x^v that each worker has got to, and how many messages it has sent.
        self.model_version = [0] * n
        self.messages_sent = [0] * n
        #: (t, bytes) of the broadcasts that make x^t and that not all workers have applied.
        self.pending_broadcasts: deque[tuple[int, bytes]] = deque()
        #: (step, worker, version) of every message that arrived.
        self.arrivals: list[tuple[int, int, int]] = []
        #: R, if messages that are as old are dropped; how many were, before each step.
        self.limit = limit_on_delays(job.run.method, job.run.numbers, n)
        self.dropped: list[int] = []
        #: Live workers that are computing a gradient, and those that have one which no step has taken.
        self.computing: set[int] = set()
        self.ready: deque[int] = deque()
        #: Rounds before this one belong to the checkpoint: their broadcasts were not kept.
        self.resumed_at = 0
        #: Whether the server keeps the workers' reports in a table, and makes their states itself.
        self.keeps_table = job.run.method.clock == "table" and job.run.method.sent is not no_op
        super().__init__(job, pool, reads)

    # -- the beginning -----------------------------------------------------------------------------------------------

    def _begin(self, reads: bool) -> None:
        for block in self.blocks if self.keeps_table else ():
            shape = self.setup.worker_shapes(len(block.x))[WORKER_STATES]
            block.states = replace(block.states, workers=np.zeros((self.n, *shape)))
        super()._begin(reads)

    def _resume(self) -> None:
        stored = self.job.stored
        assert stored is not None
        super()._resume()
        self.resumed_at = self.done
        for number, block in enumerate(self.blocks) if self.keeps_table else ():
            for i in range(self.n):
                block.states.workers[i] = stored.of(number)[self._state_name(i, WORKER_STATES)]
        if self.run.live:
            self.arrivals, self.model_version, self.dropped = self._stored_delays(stored)
            for _, i, _ in self.arrivals:
                self.messages_sent[i] += 1

    def _stored_delays(self, stored: Stored) -> tuple[list[tuple[int, int, int]], list[int], list[int]]:
        """(step, worker, version) of a stored live run's messages, every worker's model, how many were dropped."""
        rows, versions, dropped = (stored.arrays.get(name) for name in ("schedule", "versions", "dropped"))
        integers = all(array is not None and array.dtype == np.int64 for array in (rows, versions, dropped))
        if (
            rows is None or versions is None or dropped is None or not integers or versions.shape != (self.n,)
            or rows.shape[1:] != (3,) or dropped.shape != (self.done,)
        ):  # fmt: skip
            raise InputError("this checkpoint was not written by asynchronous workers")
        if (dropped < 0).any():
            raise damaged(stored.path, "a number of dropped messages is negative")
        if ((versions < 0) | (versions > self.done)).any():
            raise damaged(stored.path, f"a worker has a model from after step {self.done}")
        if rows.size or self.done:
            self._schedule(rows, self.done)  # refuses delays that cannot have been
        return [(int(t), int(i), int(v)) for t, i, v in rows], versions.tolist(), dropped.tolist()

    def _schedule(self, rows: np.ndarray, steps: int) -> Schedule:
        """The schedule of (step, worker, version) of every message."""
        step, worker, version = rows.T
        return Schedule.of(step, worker, version, self.n, steps, restarts=self.limit is not None)

    def _restore_model(self, worker: int, number: int, arrays: dict[str, np.ndarray]) -> None:
        """Give a worker the model that it was at, or the one at which its next message will be computed."""
        block, times = self.blocks[number], self.run.schedule
        if times is None:
            self._restore(worker, number, MODEL, arrays, block.x.shape)
            return
        history, version = block.arrivals.history, self._next_version(times, worker)
        self._write_state(worker, number, MODEL, history[version % len(history)] if version < self.done else block.x)
        self.model_version[worker] = min(version, self.done)

    def _next_version(self, times: Schedule, worker: int) -> int:
        ahead = np.flatnonzero(times.workers[times.starts[self.done] :] == worker)
        return int(times.versions[times.starts[self.done] + ahead[0]]) if ahead.size else self.done

    def _set_out(self) -> None:
        times = self.run.schedule
        if times is not None:
            counts = times.counts()
            for a in range(times.starts[self.done]):
                self.messages_sent[int(times.workers[a])] = int(counts[a]) + 1
        for i in range(self.n) if self.run.live else ():
            self._start(i)

    # -- what is asked of the workers --------------------------------------------------------------------------------

    def states(self, kind: int, number: int) -> Iterator[np.ndarray]:
        if self.keeps_table and kind == WORKER_STATES:
            yield from self.blocks[number].states.workers
            return
        self._await_gradients()
        yield from super().states(kind, number)

    def evaluate(self, number: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._await_gradients()
        return super().evaluate(number, x)

    def _workers_are_at(self, number: int, x: np.ndarray) -> bool:
        return False

    def _await_gradients(self) -> None:
        """Wait until no worker is computing: those that are done wait until a step takes their messages."""
        for i in sorted(self.computing):
            self._receive(i, READY)
            self.computing.discard(i)
            self.ready.append(i)

    def _mask_diverged(self, mask: np.ndarray, workers: Iterable[int]) -> None:
        """A worker that has computed a gradient sends it first: what it holds is put to zero when it has."""
        super()._mask_diverged(mask, [i for i in workers if i not in self.computing and i not in self.ready])

    def _enter(self, block: ServedBlock, worker: int, message_round: int, k: int) -> None:
        """Keep a report in the table."""
        if self.keeps_table:
            v, c, states = block.worker_scratch.vector, block.worker_scratch.message, block.states
            v[:] = c
            ctx, rules = context(message_round, worker, self.n, special=k), self.setup.exchanges[k].rules
            with failures(self.setup.whose):
                steps.after_sending(rules, ctx, v, c, states.workers[worker], states.common)

    # -- a step ------------------------------------------------------------------------------------------------------

    def _advance_model(self, worker: int, to: int, step: int) -> None:
        """Have a worker apply all broadcasts up to the one that made x^to."""
        if self.model_version[worker] >= to:
            return
        if self.model_version[worker] < self.resumed_at:
            for number, block in enumerate(self.blocks):
                history = block.arrivals.history
                kept = to <= step and len(history)
                self._write_state(worker, number, MODEL, history[to % len(history)] if kept else block.x)
        else:
            missed = [data for made, data in self.pending_broadcasts if self.model_version[worker] < made <= to]
            self.pool.send(worker, APPLY_AND_ANSWER, len(missed), 0, missed)
            self._receive(worker, DONE)
        self.model_version[worker] = to

    def _start(self, worker: int) -> None:
        self.pool.send(worker, COMPUTE_GRADIENT, self.messages_sent[worker], 0)
        self.computing.add(worker)

    def _take_gradient(self, worker: int) -> None:
        """Take a worker that has its gradient, or wait until it has."""
        if worker in self.ready:
            self.ready.remove(worker)
            return
        self._receive(worker, READY)
        self.computing.discard(worker)

    def _wanted(self, rnd: int) -> int:
        """How many messages make this step."""
        if self.run.schedule is not None:
            return int(self.run.schedule.starts[rnd + 1] - self.run.schedule.starts[rnd])
        if self.run.method.clock == "table" and rnd == 0:
            return self.n
        return messages_in_step(self.run.method, self.run.numbers)

    def _arrivals(self, rnd: int) -> Iterator[tuple[int, int]]:
        """(worker, version) of the messages of this step, in their order; each is on its way when it is its turn."""
        times, wanted = self.run.schedule, self._wanted(rnd)
        if times is None:
            yield from self._live(rnd, wanted)
            return
        messages = slice(times.starts[rnd], times.starts[rnd + 1])
        arrived = list(zip(times.workers[messages].tolist(), times.versions[messages].tolist(), strict=True))
        asked: dict[int, None] = {}
        for i, version in arrived:
            if i not in asked:  # all at once
                asked[i] = None
                self._ask(rnd, i, version)
        for i, version in arrived:
            if i not in asked:  # it has sent another one before in this step
                self._ask(rnd, i, version)
            asked.pop(i, None)
            yield i, version

    def _ask(self, rnd: int, worker: int, version: int) -> None:
        self._advance_model(worker, version, rnd)
        self.pool.send(worker, WORKER_STEP, self.messages_sent[worker], 0)

    def _live(self, rnd: int, wanted: int) -> Iterator[tuple[int, int]]:
        """Whoever has its gradient first, unless somebody is overdue; what is too old is dropped."""
        arrived: list[tuple[int, int]] = []
        overdue = deque(self._overdue(rnd, wanted))
        self.dropped.append(0)
        while len(arrived) < wanted:
            if overdue:
                i = overdue.popleft()
            elif self.ready:
                i = self.ready[0]
            else:
                i = self.pool.wait_any(self.computing)
            self._take_gradient(i)
            if self.limit is not None and rnd - self.model_version[i] >= self.limit:
                self.dropped[-1] += 1
                self._advance_model(i, rnd, rnd)
                self._start(i)
                continue
            self.pool.send(i, SEND_MESSAGE, self.messages_sent[i], 0)
            arrived.append((i, self.model_version[i]))
            if self.limit is None:
                continue
            yield arrived[-1]
            if len(arrived) < wanted:  # nobody waits for the step
                self._advance_model(i, rnd, rnd)
                self._start(i)
        if self.limit is None:
            yield from arrived

    def _overdue(self, rnd: int, wanted: int) -> list[int]:
        """The workers whose messages this step must wait for, so that no delay exceeds the bound.

        A step can take `wanted` messages. If taking others now would make somebody late, the earliest deadlines come
        first. A report in a table is as old as it was on arrival, and ages until the next one: if no worker is silent
        for more than G steps, no report is older than 2 G - 2.
        """
        bound = self.run.delay_bound
        if bound is None or self.limit is not None:
            return []
        table = self.run.method.clock == "table"
        if table and rnd == 0:
            return []
        ahead = (bound + 2) // 2 - 1 if table else bound
        deadlines = sorted((self.model_version[i] + ahead, i) for i in range(self.n))
        tight = any(deadline <= rnd + place // wanted for place, (deadline, _) in enumerate(deadlines))
        return [i for _, i in deadlines[:wanted]] if tight else []

    def _round(self, rnd: int) -> None:
        """A step of the asynchronous server, in the order that `protocol` lists and `rounds.run_rounds` has."""
        self._begin_round(rnd)  # steps 1, 2, 3, 5
        kinds = [0] * len(self.blocks)
        self._clear_sums(rnd, kinds, True)  # steps 4, 6
        count, age = self._wanted(rnd), 0
        senders: dict[int, None] = {}
        for i, version in self._arrivals(rnd):
            self._add_message(rnd, i, kinds, self.messages_sent[i], 1.0 / count)  # step 7
            self.messages_sent[i] += 1
            self.arrivals.append((rnd, i, version))
            age, senders[i] = max(age, rnd - version), None
        (parts,) = self._server_step(rnd, kinds, count, age)  # steps 8, 9, 10
        idle = [i for i in senders if i not in self.computing and i not in self.ready]
        self.pending_broadcasts.append((rnd + 1, b"".join(bytes(memoryview(part).cast("B")) for part in parts)))
        if self.run.live:
            for i in idle:
                self._advance_model(i, rnd + 1, rnd)
        self._end_round(rnd)  # steps 12, 13
        if self.run.live:
            for i in idle:
                self._start(i)
        while self.pending_broadcasts and self.pending_broadcasts[0][0] <= min(self.model_version):
            self.pending_broadcasts.popleft()

    # -- the end -----------------------------------------------------------------------------------------------------

    def _trace(self) -> Trace:
        times = self.run.schedule
        if times is None:
            times = self._schedule(np.array(self.arrivals, dtype=np.int64), self.run.rounds)
            times = times if self.limit is None else replace(times, dropped=np.array(self.dropped))
        return assemble(self.job, list(zip(self.blocks, self.logs, strict=True)), times)

    def _stored_shapes(self, block: ServedBlock) -> dict[int, tuple[int, ...]]:
        return super()._stored_shapes(block) | ({MODEL: block.x.shape} if self.run.live else {})

    def _stored_arrays(self) -> dict[str, np.ndarray]:
        if not self.run.live:
            return {}
        return {
            "schedule": np.array(self.arrivals, dtype=np.int64),
            "versions": np.array(self.model_version, dtype=np.int64),
            "dropped": np.array(self.dropped, dtype=np.int64),
        }


def server_for(job: Job, pool: WorkerPool, reads: bool = False) -> Server:
    """The server that a run's method needs."""
    return (AsynchronousServer if job.run.method.clock else Server)(job, pool, reads)


__all__ = ["AsynchronousServer", "server_for"]
