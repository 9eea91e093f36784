"""The server of a run, which leads it: a synchronous round waits for every worker.

Beside the code stand the numbers of the steps of a round, as `protocol` lists them and `rounds.run_rounds` does them.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ....common.ending import Ended, asked, deferred
from ....common.errors import InputError, WorkerError
from ....problems.digest import file_digest, problem_digest, share_digests, share_of
from ....problems.share import data_file, numbers_of
from ...signatures import WORKER, context, failures
from ...trace import Trace
from .. import records
from ..block import Block
from ..log import Log, below, refill, shared_state
from ..request import Job, assemble
from ..saving import same_problem
from ..setup import MODELS, WORKER_STATES, Role, Setup
from ..sparse import SparseExchange
from . import frames, steps
from .protocol import (
    APPLY_AND_ANSWER,
    APPLY_BROADCAST,
    BEGIN,
    COMMON,
    DONE,
    DOWN_MEMORY,
    EVALUATE,
    MASK_DIVERGED,
    MESSAGE,
    MODEL,
    READ_STATE,
    STATE,
    VALUES,
    WORD,
    WORKER_STEP,
    WRITE_STATE,
    Codecs,
    Received,
    SharedCoins,
    WorkerPool,
    exchanges,
    pack_named,
    padding,
    replica_slices,
    require_support,
)
from .run_spec import run_spec


class ServedBlock(Block):
    """A block at the server: what belongs to the workers is asked for when it is wanted."""

    def __init__(self, setup: Setup, replicas: Sequence[int], number: int, server: Server) -> None:
        super().__init__(setup, replicas)
        self.number, self.server_of_run = number, server
        self.gathered: dict[int, np.ndarray] = {}
        self.coins = SharedCoins(setup, self)
        if setup.plan.first_sample >= 0:  # the server keeps the memories of all samples
            shape = setup.worker_shapes(len(self.x))[WORKER_STATES]
            self.states = replace(self.states, workers=np.zeros((setup.run.problem.workers, *shape)))

    def each(self, kind: int) -> Iterator[np.ndarray]:
        if kind in self.gathered:
            return iter(self.gathered[kind])
        return self.server_of_run.states(kind, self.number)

    def of_workers(self, kind: int) -> np.ndarray:
        if kind not in self.gathered:
            states = self.server_of_run.states(kind, self.number)
            self.gathered[kind] = np.stack([array.copy() for array in states])
        return self.gathered[kind]

    def evaluate(self, setup: Setup, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.server_of_run.evaluate(self.number, x)


class Server:
    """The server of a synchronous run.

    Parameters
    ----------
    job
        The run.
    pool
        The connections to the workers.
    reads
        Whether the workers read their shares of the data themselves.
    """

    def __init__(self, job: Job, pool: WorkerPool, reads: bool = False) -> None:
        self.job, self.run, self.pool = job, job.run, pool
        self.setup = setup = Setup(self.run, Role(range(0), True))
        require_support(self.run.method, self.run.problem, setup)
        self.codecs = Codecs(setup)
        self.n = self.run.problem.workers
        self.blocks = [ServedBlock(setup, part, number, self) for number, part in enumerate(job.parts)]
        self.slices = replica_slices(self.blocks)
        self.sparse = [[SparseExchange(setup, k, len(part)) for k in range(2)] for part in job.parts]
        #: Whether something is done to a message beside adding it up.
        self._needs_messages = bool(self.run.method.clock) or setup.plan.first_sample >= 0
        self.logs = [Log(number == 0) for number in range(len(job.parts))]
        self.done = 0
        #: Workers that may still be reading the last broadcast, which in a synchronous round nobody answers.
        self.reading: set[int] = set()
        self.points = {int(point) for point in self.run.points}
        # Here, once: the workers, which start all at the same time, find it in the cache.
        steps.compile_for_workers(setup.described, setup.plan, self.run.live)
        self._begin(reads)

    # -- the beginning -----------------------------------------------------------------------------------------------

    def _begin(self, reads: bool) -> None:
        config = run_spec(self.job)
        problem = self.run.problem
        file = data_file(problem.spec) if reads else None
        if reads:
            numbers = numbers_of(problem.kernels())
            config["read"] = {"spec": problem.spec, "path": file, "workers": self.n, "numbers": numbers}
        for i in range(self.n):
            if reads:
                self.pool.send(i, BEGIN, 1, 0, pack_named(config, [np.asarray(problem.x0)]))
            else:
                reduced, arrays = share_of(problem, i)
                arrays.append(np.asarray(problem.x0, dtype=np.float64))
                self.pool.send(i, BEGIN, int(reduced), 0, pack_named(config, arrays))
        answers = [json.loads(bytes(self.pool.receive(i)[3])) for i in range(self.n)]
        self.pool.release_start_buffers()
        if file is not None:
            self._require_same_data(file, answers)
        if self.job.digest is None:
            self._know_digest(problem_digest(problem, [answer["share"] for answer in answers]))
        if self.job.stored is not None:
            self._resume()

    def _require_same_data(self, file: str, answers: Sequence[dict[str, Any]]) -> None:
        """Refuse workers that have read other data under the same name: of another machine, or of another time."""
        if self.job.digest is None:
            kind, own = "file", [file_digest(file)] * self.n
        else:
            kind, own = "share", share_digests(self.run.problem)
        for i, (answer, digest) in enumerate(zip(answers, own, strict=True)):
            if answer[kind] != digest:
                raise InputError(
                    f"worker {i} on host '{answer['host']}' has other data in '{file}' than the server on host "
                    f"'{socket.gethostname()}': put the same file on all machines"
                )

    def _know_digest(self, digest: str) -> None:
        """Take note of what the workers' shares together are, and compare it with what was stored."""
        self.job = replace(self.job, digest=digest)
        if self.job.stored is not None:
            same_problem(self.job.stored.run, self.run.problem.spec, digest, self.job.stored.path)
        if self.job.saver is not None:
            self.job.saver.about["digest"] = digest

    def _resume(self) -> None:
        """Put everything where a checkpoint says that it was."""
        stored = self.job.stored
        assert stored is not None
        done = set(stored.done.values())
        if len(done) != 1 or len(stored.done) != len(self.blocks):
            raise InputError(
                "the blocks of this checkpoint are at different rounds, as the engine simulate leaves them: "
                "continue it with --engine simulate"
            )
        self.done = done.pop()
        for number, block in enumerate(self.blocks):
            arrays = stored.of(number)
            here = shared_state(block)
            shapes = self._stored_shapes(block).items()
            kept = [self._state_name(i, kind) for kind, shape in shapes if np.prod(shape) for i in range(self.n)]
            stored.require_no_others(arrays, [*here, *kept])
            refill(here, arrays)
            stored.require_sense(number, block)
            for i in range(self.n):
                for kind, shape in enumerate(self.setup.worker_shapes(len(block.x))):
                    if np.prod(shape):
                        self._restore(i, number, kind, arrays, shape)
                if block.down_memory is not block.x and block.down_memory.size:
                    self._write_state(i, number, DOWN_MEMORY, block.down_memory)
                if block.states.common.size:
                    self._write_state(i, number, COMMON, block.states.common)
                self._restore_model(i, number, arrays)
                if len(block.states.workers):
                    block.states.workers[i] = arrays[self._state_name(i, WORKER_STATES)]
        for number, (block, log) in enumerate(zip(self.blocks, self.logs, strict=True)):
            block.gathered.clear()
            log.restore(self.setup, block, self.done, below("log/", stored.of(number)))
            block.gathered.clear()

    @staticmethod
    def _state_name(worker: int, kind: int) -> str:
        """The name of a worker's array in a block of a checkpoint."""
        return f"worker/{worker}/{'x' if kind == MODEL else kind}"

    def _restore_model(self, worker: int, number: int, arrays: dict[str, np.ndarray]) -> None:
        """Give a worker the model that it had: here, the one that all share."""
        self._write_state(worker, number, MODEL, self.blocks[number].x)

    def _restore(
        self, worker: int, number: int, kind: int, arrays: dict[str, np.ndarray], shape: tuple[int, ...]
    ) -> None:
        name = self._state_name(worker, kind)
        if name not in arrays or arrays[name].shape != tuple(shape) or arrays[name].dtype != np.float64:
            raise InputError("this checkpoint belongs to another run: its arrays have other shapes")
        self._write_state(worker, number, kind, arrays[name])

    def _write_state(self, worker: int, number: int, kind: int, array: np.ndarray) -> None:
        """Have a worker take up an array of a block."""
        self._await_readers([worker])
        self.pool.send(worker, WRITE_STATE, kind, number, [np.ascontiguousarray(array)])
        self._receive(worker, DONE)

    # -- what is asked of the workers --------------------------------------------------------------------------------

    def states(self, kind: int, number: int) -> Iterator[np.ndarray]:
        """What every worker keeps of a kind, one after the other; each is there until the next is asked for."""
        block = self.blocks[number]
        shape = block.x.shape if kind == MODEL else self.setup.worker_shapes(len(block.x))[kind]
        for i in range(self.n):
            if not np.prod(shape):
                yield np.zeros(shape)
                continue
            self.pool.send(i, READ_STATE, kind, number)
            yield np.frombuffer(self._receive(i, STATE)[3], np.float64).reshape(shape)

    def evaluate(self, number: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The exact gradient (B, d) and value (B,) of f at x (B, d): the workers' sum."""
        at_hand = self._workers_are_at(number, x)
        if not at_hand:
            self._await_readers(range(self.n))
        self.pool.broadcast(EVALUATE, number, 0 if at_hand else 1, () if at_hand else [x])
        gradient, values = np.zeros_like(x), np.zeros(len(x))
        for i in range(self.n):
            data = self._receive(i, VALUES)[3]
            values += np.frombuffer(data, np.float64, len(x)) / self.n
            gradient += np.frombuffer(data, np.float64, x.size, WORD * len(x)).reshape(x.shape)
        gradient /= self.n
        return gradient, values

    def _workers_are_at(self, number: int, x: np.ndarray) -> bool:
        """Whether all workers hold this very point, so that it need not be sent."""
        return x is self.blocks[number].x and self.run.method.models != "averaged"

    def _receive(self, worker: int, wanted: int) -> Received:
        """The worker's next answer, which must be of this kind."""
        answer = self.pool.receive(worker)
        self.reading.discard(worker)
        if answer[0] != wanted:
            raise WorkerError(f"worker {worker} answered {answer[0]} instead of {wanted} in round {self.pool.round}")
        return answer

    def _await_readers(self, workers: Iterable[int]) -> None:
        """Wait until these workers have read the last broadcast: the next bytes may be written where it stands."""
        late = [i for i in workers if i in self.reading]
        for i in late:
            self.pool.send(i, APPLY_AND_ANSWER)
        for i in late:
            self._receive(i, DONE)

    # -- the steps of a round ----------------------------------------------------------------------------------------

    def _begin_round(self, rnd: int) -> None:
        """Steps 1, 2, 3 and 5: what is noted of the state before a round."""
        setup, track = self.setup, self.setup.plan.track
        for block in self.blocks:
            block.gathered.clear()
            weight = 0.0
            if setup.plan.weights in (records.POLYNOMIAL, records.GEOMETRIC):  # step 1
                weight = steps.average_iterate(setup.plan, block.reals, rnd, block.model, block.watch.average)
            if track & (records.TRACK_ANEW | records.TRACK_VALUES):  # step 2
                gradient, values = block.evaluate(setup, block.model)
                steps.record_evaluation(track, weight, gradient, values, block.record)
            if track & records.TRACK_SHADOW:  # step 3
                self._record_virtual_iterate(block, rnd)
            history = block.arrivals.history
            if len(history):  # step 5
                history[rnd % len(history)] = block.x
            block.gathered.clear()

    def _record_virtual_iterate(self, block: ServedBlock, rnd: int) -> None:
        record, own = block.record, bool(self.run.method.models)
        y = block.shadow(self.setup, rnd)
        gradient, _ = block.evaluate(self.setup, y)
        steps.add_squared_norms(gradient, record[records.SUM_SHADOW_GRAD_SQ], 1.0)
        models = block.of_workers(MODELS) if own else [block.x] * self.n
        for model in models:
            steps.record_spread(y, model, block.worker_scratch.vector, record[records.SUM_SPREAD], 1.0 / self.n)

    def _clear_sums(self, rnd: int, kinds: Sequence[int | None], first: bool) -> None:
        """The rest of step 4, and step 6."""
        for block, k in zip(self.blocks, kinds, strict=True):
            if first and self._is_measured(rnd):
                block.record[records.UP_RESIDUAL] = 0.0
                block.record[records.DOWN_RESIDUAL] = 0.0
                block.record[records.LAST_SPECIAL] = float(exchanges(self.setup, block, rnd)[-1])
            if k is not None:
                block.server_scratch.total[:] = 0.0
                if self.setup.plan.first_sample >= 0:
                    block.server.memory[:] = 0.0
                block.worker_scratch.exact_sum[:] = 0.0

    def _context(self, rnd: int, arrivals: int, age: int, k: int) -> np.ndarray:
        return context(rnd, self.n, self.n, arrivals=arrivals, age=age, special=k)

    def _is_measured(self, rnd: int) -> bool:
        return rnd + 1 in self.points

    def _add_message(
        self, rnd: int, worker: int, kinds: Sequence[int | None], message_round: int, share: float
    ) -> None:
        """Step 7 at the server, and the uplink's part of step 9: add a worker's message to the sums.

        Parameters
        ----------
        message_round
            The round that is the address of the message's coins: an asynchronous worker counts its own messages.
        share
            Of this message in the average of the norms.
        """
        setup, n = self.setup, self.n
        _, _, _, data = self._receive(worker, MESSAGE)
        size = self.slices[-1].stop
        lengths = np.frombuffer(data, np.int64, size).tolist()
        norms = np.frombuffer(data, np.float64, size, WORD * size)
        at = 2 * WORD * size
        at_hand = bool(setup.plan.track & records.TRACK_AT_HAND)
        exact = []
        for block, k in zip(self.blocks, kinds, strict=True):
            if at_hand and k is not None:
                exact.append(np.frombuffer(data, np.float64, block.x.size, at).reshape(block.x.shape))
                at += block.x.nbytes
        for block, k, place in zip(self.blocks, kinds, self.slices, strict=True):
            if k is None:
                continue
            c, total, exact_sum = (
                block.worker_scratch.message,
                block.server_scratch.total,
                block.worker_scratch.exact_sum,
            )
            coins = block.coins.up(k, message_round)
            if self.sparse[block.number][k].up and not self._needs_messages and not self._is_measured(rnd):
                (length,) = lengths[place]
                places, values, used = self.codecs.ups[k].read_entries(length, data[at:], c.size, coins)
                total[0, places] += values
                bits = np.array([8.0 * used])
            else:
                bits, used = self.codecs.ups[k].read(lengths[place], data[at:], coins, c)
                self._enter(block, worker, message_round, k)
                total += c
            at += used
            if at_hand:
                exact_sum += exact.pop(0)
            block.record[records.BITS_UP] += bits / n
            block.record[records.MESSAGES + k] += 1.0
            if self._is_measured(rnd):
                block.record[records.UP_RESIDUAL] += share * norms[place]

    def _enter(self, block: ServedBlock, worker: int, message_round: int, k: int) -> None:
        """What the server keeps of a message beside the sum: here, the memories where they are kept by sample."""
        setup = self.setup
        if setup.plan.first_sample >= 0:
            h, c = block.worker_scratch.vector, block.worker_scratch.message
            sample = setup.common, message_round, worker, block.random, block.states.workers[worker]
            steps.take_sample_memory(*sample, h)
            block.server.memory[:] += h
            steps.advance(setup.exchanges[k].uplink, c, h)
            steps.keep_sample_memory(*sample, h)

    def _server_step(self, rnd: int, kinds: Sequence[int | None], arrivals: int, age: int) -> list[list[Any]]:
        """Steps 8, 9 and, for the server, 10: from the sums to what is sent.

        Return the bytes for every worker, or one list for all of them where nobody gets a message of his own.
        """
        plan, described = self.setup.plan, self.setup.exchanges
        receivers = self.n if any(k is not None and described[k].each for k in kinds) else 1
        lengths: list[list[int]] = [[] for _ in range(receivers)]
        data: list[list[bytes]] = [[] for _ in range(receivers)]
        for block, k in zip(self.blocks, kinds, strict=True):
            if k is None:
                for i in range(receivers):
                    lengths[i] += [frames.ABSENT] * len(block.x)
                continue
            scratch, record = block.server_scratch, block.record
            if plan.track & records.TRACK_AT_HAND:
                exact_sum = block.worker_scratch.exact_sum
                steps.add_squared_norms(exact_sum, record[records.SUM_GRAD_SQ], 1.0 / self.n / self.n)
            total = scratch.total
            total /= arrivals if plan.over_arrivals else self.n
            if plan.first_sample >= 0:
                block.server.memory[:] /= self.n
            ctx = self._context(rnd, arrivals, age, k)
            with failures(self.setup.whose):
                steps.server_step(
                    self.setup.common, described[k], k, ctx, block.x, block.down_memory, block.random,
                    block.server, block.states, scratch,
                )  # fmt: skip
            each = described[k].each
            uniforms, state = block.random.down[k].numbers, block.server.compressor[k]
            for i in range(receivers):
                if each:
                    ctx[WORKER] = i
                    with failures(self.setup.whose):
                        steps.compress_for(self.setup.common, described[k], k, ctx, block.random, block.server, scratch)
                if each or i == 0:
                    own, pieces = self.codecs.downs[k].write(scratch.message, scratch.vector, uniforms, state, ctx)
                    record[records.BITS_DOWN] += np.array([8.0 * len(piece) for piece in pieces]) / (
                        self.n if each else 1
                    )
                lengths[i] += own
                data[i] += pieces
            record[records.BROADCASTS + k] += 1.0
            if self._is_measured(rnd):
                steps.add_squared_norms(scratch.vector, record[records.DOWN_RESIDUAL], 1.0)
        sent = []
        for own, pieces in zip(lengths, data, strict=True):
            size = sum(map(len, pieces))
            head = np.array([rnd, arrivals, age, size, *own], np.int64)
            sent.append([head, *pieces, bytes(padding(size))])
        return sent

    def _average_models(self, kinds: Sequence[int | None]) -> None:
        """Step 11: x becomes the average of the workers' own models, which come with their answers to a broadcast."""
        taking_part = [block for block, k in zip(self.blocks, kinds, strict=True) if k is not None]
        for block in taking_part:
            block.x[:] = 0.0
        for i in range(self.n):
            data, at = self._receive(i, DONE)[3], 0
            for block in self.blocks:
                if block in taking_part:
                    block.x += np.frombuffer(data, np.float64, block.x.size, at).reshape(block.x.shape)
                at += block.x.nbytes
        for block in taking_part:
            block.x /= self.n

    def _end_round(self, rnd: int) -> None:
        """Steps 12 and 13: what is noted after a round; replicas that diverged are put to zero everywhere."""
        lost = []
        for block in self.blocks:
            if self.setup.plan.weights == records.AFTER:  # step 12
                steps.average_iterate(self.setup.plan, block.reals, rnd, block.model, block.watch.average)
            marks = np.zeros(len(block.x))
            if not block.within_bounds().all():  # step 13
                steps.mask_diverged(
                    block.x, block.model, block.down_memory, block.workers, block.server, block.states,
                    block.arrivals.history, block.watch.average, marks, rnd + 1.0,
                )  # fmt: skip
                first = (block.record[records.FIRST_BAD] == 0) & (marks > 0)
                block.record[records.FIRST_BAD][first] = marks[first]
            lost.append(marks > 0)
        mask = np.concatenate(lost)
        if mask.any():
            self._mask_diverged(mask, range(self.n))

    def _mask_diverged(self, mask: np.ndarray, workers: Iterable[int]) -> None:
        workers = list(workers)
        self._await_readers(workers)
        for i in workers:
            self.pool.send(i, MASK_DIVERGED, 0, 0, [mask.astype(np.uint8)])
            self._receive(i, DONE)

    # -- the run -----------------------------------------------------------------------------------------------------

    def _round(self, rnd: int) -> None:
        """A round, in the order that `protocol` lists and `rounds.run_rounds` has."""
        self._begin_round(rnd)  # steps 1, 2, 3
        every = [exchanges(self.setup, block, rnd) for block in self.blocks]  # step 4
        averaged = self.run.method.models == "averaged"
        for phase in range(max(map(len, every))):
            kinds = [kind[phase] if phase < len(kind) else None for kind in every]
            self.pool.broadcast(WORKER_STEP, rnd, phase)
            self._clear_sums(rnd, kinds, phase == 0)  # step 6
            for i in range(self.n):
                self._add_message(rnd, i, kinds, rnd, 1.0 / self.n)  # step 7
            sent = self._server_step(rnd, kinds, self.n, 0)  # steps 8, 9
            what = APPLY_AND_ANSWER if averaged else APPLY_BROADCAST  # step 10
            if len(sent) == 1:
                self.pool.broadcast(what, 1, phase, sent[0])
            for i, own in enumerate(sent if len(sent) > 1 else ()):
                self.pool.send(i, what, 1, phase, own)
            if averaged:
                self._average_models(kinds)  # step 11
            else:
                self.reading.update(range(self.n))
        self._end_round(rnd)  # steps 12, 13

    def lead(self) -> Trace:
        """Run all rounds and return the trace."""
        run, job = self.run, self.job
        replicas = sum(map(len, job.parts))
        if self.done and run.progress is not None:
            run.progress(self.done * replicas)
        if self.done in self.points and not any(log.parts for log in self.logs):
            self._measure(self.done)
        self._set_out()
        with deferred():  # a signal to end waits for the end of the round, where the run can be stored
            self._run_rounds(replicas)
        return self._trace()

    def _run_rounds(self, replicas: int) -> None:
        run, job = self.run, self.job
        for rnd in range(self.done, run.rounds):
            self.pool.round = rnd
            self._round(rnd)
            if rnd + 1 in self.points:
                self._measure(rnd + 1)
            if run.progress is not None:
                run.progress(replicas)
            if job.saver is not None and (job.saver.due(rnd + 1) or rnd + 1 == run.rounds):
                self._save(rnd + 1)
                job.saver.last[0] = time.monotonic()
            if asked() and rnd + 1 < run.rounds:
                end = Ended(asked())
                if job.saver is not None:
                    self._save(rnd + 1)
                    end.stored = job.saver.path, rnd + 1
                raise end

    def _set_out(self) -> None:
        """What comes before the first round that is run here: in a synchronous run, nothing."""

    def _trace(self) -> Trace:
        return assemble(self.job, list(zip(self.blocks, self.logs, strict=True)), None)

    def _measure(self, done: int) -> None:
        for block, log in zip(self.blocks, self.logs, strict=True):
            block.gathered.clear()
            log.take(self.setup, block, done)
            block.gathered.clear()

    def _save(self, done: int) -> None:
        """Store the run: what is here, then what the workers keep, one array after the other."""
        saver = self.job.saver
        assert saver is not None
        here: dict[str, np.ndarray] = {}
        wanted: list[tuple[int, int, tuple[int, ...]]] = []
        for number, (block, log) in enumerate(zip(self.blocks, self.logs, strict=True)):
            here |= {f"{number}/log/{name}": array for name, array in log.arrays().items()}
            here |= {f"{number}/{name}": array for name, array in shared_state(block).items()}
            for kind, shape in self._stored_shapes(block).items():
                if np.prod(shape):
                    wanted.append((kind, number, shape))
        here |= self._stored_arrays()
        entries = [
            (f"{number}/{self._state_name(i, kind)}", "float64", shape)
            for kind, number, shape in wanted
            for i in range(self.n)
        ]
        later = (array for kind, number, _ in wanted for array in self.states(kind, number))
        saver.write(dict.fromkeys(range(len(self.blocks)), done), here, entries, later)

    def _stored_shapes(self, block: ServedBlock) -> dict[int, tuple[int, ...]]:
        """Which kinds of state of every worker go into a checkpoint, and their shapes."""
        return dict(enumerate(self.setup.worker_shapes(len(block.x))))

    def _stored_arrays(self) -> dict[str, np.ndarray]:
        """What else goes into a checkpoint."""
        return {}


__all__ = ["ServedBlock", "Server"]
