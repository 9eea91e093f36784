"""Rounds of long vectors: the workers of one block on several threads, and messages that stay sparse.

`rounds.run_rounds` does the same in one compiled loop, on one thread and with dense messages, which is the faster way
where a round takes no time. Here Python goes through the steps of a round, as `distributed.protocol` lists them.
Threads take the workers in their order, and add the messages in that order, so that the bits do not depend on how many
threads there are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np

from ...theory.compressors import Compressor
from .. import compressors
from ..random import draws
from ..signatures import context, failures
from . import records, rounds, sparse
from .block import Block
from .distributed import steps
from .distributed.protocol import exchanges
from .setup import Setup

#: Numbers that the workers of a block write in a round, from which on they are spread over threads.
MUCH = 1 << 19

NO_DRAWS = np.zeros((0, 0))

#: Places and values.
Sparse = tuple[np.ndarray, np.ndarray]


class Room(NamedTuple):
    """What a thread writes on: random numbers, a worker's scratch, the places and values of a sparse message."""

    random: records.Random
    scratch: records.WorkerScratch
    places: np.ndarray
    values: np.ndarray


class Turns:
    """The numbers 0, ..., n - 1, taken by several threads in this order, and let through a gate in this order."""

    def __init__(self, n: int) -> None:
        self.n, self.taken, self.passed, self.failed = n, 0, 0, False
        self.changed = threading.Condition()

    def __iter__(self) -> Iterator[int]:
        while True:
            with self.changed:
                number = self.taken
                self.taken += 1
            if number >= self.n or self.failed:
                return
            yield number

    @contextmanager
    def gate(self, number: int) -> Iterator[bool]:
        """Wait until all before have passed; False if one of them never will."""
        with self.changed:
            self.changed.wait_for(lambda: self.passed == number or self.failed)
        yield not self.failed
        with self.changed:
            self.passed += 1
            self.changed.notify_all()

    def fail(self) -> None:
        """Nobody need wait any longer."""
        with self.changed:
            self.failed = True
            self.changed.notify_all()


class LongBlock(Block):
    """A block of a synchronous run whose rounds are carried out here.

    Parameters
    ----------
    setup, replicas
        As of any block.
    threads
        How many carry it out.
    """

    def __init__(self, setup: Setup, replicas: Sequence[int], threads: int) -> None:
        super().__init__(setup, replicas)
        self.n = setup.run.problem.workers
        self.points = set(setup.run.points.tolist())
        self.sparse = [sparse.SparseExchange(setup, k, len(replicas)) for k in range(2)]
        self.rooms = [self._room(setup, number) for number in range(min(threads, self.n))]
        self.others = ThreadPoolExecutor(len(self.rooms) - 1) if len(self.rooms) > 1 else None
        #: Whether the sum of messages is zero, as a sparse exchange needs and leaves it.
        self.cleared = True
        #: Room for the sums of sparse messages: zeros.
        self.sums = np.zeros(setup.run.problem.dim if any(exchange.down for exchange in self.sparse) else 0)
        #: Of every exchange, where the largest entries of every worker, and of the server, are looked for.
        self.floors = np.zeros((2, 3, self.n + 1))
        #: A bound on ||x||: its norm when it was last measured, and the way since, if sparse broadcasts alone moved it.
        self.reach = np.inf
        #: The values of the last messages that were sparse, of a worker's and of the server's.
        self.last: list[np.ndarray | None] = [None, None]

    def _room(self, setup: Setup, number: int) -> Room:
        random, scratch = self.random, self.worker_scratch
        if setup.plan.track & records.TRACK_AT_HAND:  # the block's own is the sum over workers
            scratch = replace(scratch, exact_sum=np.zeros(scratch.exact_sum.shape))
        if number:
            rows, noise, _, up, _ = setup.draws
            made = [draws(self.replicas, count) for count in (rows, noise, *up)]
            random = replace(random, rows=made[0], noise=made[1], up=(made[2], made[3]))
            empty = {f.name: np.zeros(getattr(scratch, f.name).shape) for f in fields(scratch)}  # touched when written
            scratch = replace(scratch, **empty)
        size = setup.run.problem.dim if any(exchange.up for exchange in self.sparse) else 0
        return Room(random, scratch, np.empty(size, np.int64), np.empty(size))

    def close(self) -> None:
        """Let the threads go."""
        if self.others is not None:
            self.others.shutdown()

    def advance(self, setup: Setup, first: int, last: int) -> None:
        with failures(setup.whose):
            for rnd in range(first, last):
                self._round(setup, rnd, rnd + 1 in self.points)

    def _round(self, setup: Setup, rnd: int, measured: bool) -> None:
        plan, record = setup.plan, self.record
        if rounds.records_before(plan):  # steps 1, 2, 3
            parameters, ctx = setup.exchanges[0].rules.parameters, context(rnd, self.n, self.n)
            steps.record_before(rounds.steps(), setup.common, parameters, self.state(), ctx, rnd)
        kinds = exchanges(setup, self, rnd)  # step 4
        if measured:
            record[records.UP_RESIDUAL] = record[records.DOWN_RESIDUAL] = 0.0
            record[records.LAST_SPECIAL] = kinds[-1]
        for k in kinds:
            self._exchange(setup, rnd, k, measured)
        if plan.weights == records.AFTER:  # step 12
            steps.average_iterate(plan, self.reals, rnd, self.model, self.watch.average)
        if not self.within_bounds().all():  # step 13
            steps.mask_diverged(
                self.x, self.model, self.down_memory, self.workers, self.server, self.states, self.arrivals.history,
                self.watch.average, record[records.FIRST_BAD], rnd + 1.0,
            )  # fmt: skip

    def _exchange(self, setup: Setup, rnd: int, k: int, measured: bool) -> None:
        plan, record, total = setup.plan, self.record, self.server_scratch.total
        exact_sum, at_hand = self.worker_scratch.exact_sum, plan.track & records.TRACK_AT_HAND
        stays_sparse = bool(self.sparse[k].down)
        if not (stays_sparse and self.cleared):  # step 6
            total[:] = 0.0
        if at_hand:
            exact_sum[:] = 0.0
        self.cleared = stays_sparse
        self.last = [None, None]
        sent = self._messages(setup, rnd, k, measured)  # step 7
        if at_hand:
            steps.add_squared_norms(exact_sum, record[records.SUM_GRAD_SQ], 1.0 / self.n / self.n)
        ctx = context(rnd, self.n, self.n, special=k)
        if stays_sparse:  # steps 8 and 10
            self._sparse_broadcast(setup, ctx, k, sent, measured)
        else:
            self.reach = np.inf
            total /= self.n
            steps.server_step(
                setup.common, setup.exchanges[k], k, ctx, self.x, self.down_memory, self.random, self.server,
                self.states, self.server_scratch,
            )  # fmt: skip
            if measured:
                steps.add_squared_norms(self.server_scratch.vector, record[records.DOWN_RESIDUAL], 1.0)
        record[records.BITS_DOWN] += self.server_scratch.bits  # step 9
        record[records.MESSAGES + k] += self.n
        record[records.BROADCASTS + k] += 1.0
        if plan.own_models:  # step 11
            steps.move_own_models(setup.common, setup.exchanges[k].rules, self.state(), ctx, total)

    def _messages(self, setup: Setup, rnd: int, k: int, measured: bool) -> list[Sparse]:
        """Step 7: return the workers' messages, if everything stays sparse, or else add them to the sum."""
        exchange, found, states, record = setup.exchanges[k], self.sparse[k], self.states, self.record
        total, n = self.server_scratch.total, self.n
        at_hand = setup.plan.track & records.TRACK_AT_HAND
        sent: list[Sparse] = []

        def work(room: Room, i: int) -> Callable[[], None]:
            scratch, places, values = room.scratch, room.places, room.values
            norms = np.zeros(len(self.x) if measured else 0)
            if at_hand:
                scratch.exact_sum[:] = 0.0
            what = (
                setup.common, exchange, k, context(rnd, i, n, special=k),
                self.workers.models[i] if setup.plan.own_models else self.x, room.random, self.workers,
                states.workers[i], states.common, scratch,
            )  # fmt: skip
            if found.up:
                count = sparse.worker_step(
                    *what, found.onto, found.up, found.up_among, self.floors[k], places, values, norms
                )
            else:
                steps.worker_step(*what, norms)

            def finish() -> None:
                if found.down:
                    sent.append((places[:count].copy(), values[:count].copy()))
                elif found.up:
                    sparse.add(places, values, count, total)
                else:
                    np.add(total, scratch.message, out=total)
                if at_hand:
                    np.add(self.worker_scratch.exact_sum, scratch.exact_sum, out=self.worker_scratch.exact_sum)
                record[records.BITS_UP] += scratch.bits / n
                if measured:
                    record[records.UP_RESIDUAL] += 1.0 / n * norms
                    if i == n - 1 and found.up:  # its entropy is measured
                        self.last[0] = values[:count].copy()
                    elif i == n - 1:
                        self.worker_scratch.message[...] = scratch.message

            return finish

        self._over_workers(work)
        return sent

    def _sparse_broadcast(self, setup: Setup, ctx: np.ndarray, k: int, sent: list[Sparse], measured: bool) -> None:
        """Steps 8 and 10, from these messages: x changes where the broadcast does not vanish."""
        room, scratch, rules = self.rooms[0], self.server_scratch, setup.exchanges[k].rules
        norms = np.zeros(int(measured))
        from_places, from_values = map(np.concatenate, zip(*sent, strict=True))
        v = self.server.error if setup.exchanges[k].downlink.error else scratch.total
        sparse.add_average(self.n, from_places, from_values, self.sums, v)
        found, floors = self.sparse[k], self.floors[k]
        left = self._sift(v, floors[sparse.FLOOR, -1], room.places)
        count = sparse.broadcast(
            setup.common, setup.exchanges[k], k, ctx, from_places, v, self.random, self.server, scratch.bits,
            found.down, found.down_among, floors, left, room.places, room.values, norms,
        )  # fmt: skip
        places, values = room.places[:count], room.values[:count]
        if measured:
            self.record[records.DOWN_RESIDUAL] += norms
            self.last[1] = values.copy()
        before = self.x[0, places]
        x = before[None].copy()
        setup.described[k].everyone(ctx, rules.parameters, x, values[None], self.states.common, self.states.common)
        self.x[0, places] = x[0]
        with np.errstate(over="ignore", invalid="ignore"):
            self.reach += float(np.linalg.norm(x[0] - before))

    def _sift(self, v: np.ndarray, floor: float, places: np.ndarray) -> int:
        """Write the places of v not below the floor, in order, on all threads: how many; -1 if no floor is known."""
        if not floor > 0.0:
            return -1
        pieces = 2 * len(self.rooms)
        edges = [v.shape[1] * k // pieces for k in range(pieces + 1)]
        counts = [0] * pieces

        def work(k: int) -> None:
            counts[k] = sparse.sift_piece(v, edges[k], edges[k + 1], floor, places[edges[k] : edges[k + 1]])

        self.spread(work, pieces)
        left = counts[0]
        for k in range(1, pieces):
            places[left : left + counts[k]] = places[edges[k] : edges[k] + counts[k]]
            left += counts[k]
        return left

    def within_bounds(self) -> np.ndarray:
        """As for any block; without a look at all of x where sparse broadcasts cannot have moved it out of bounds."""
        if self.model is self.x and self.reach * self.reach < records.DIVERGED / 2:
            return np.ones(len(self.x), dtype=bool)
        rows = super().within_bounds()
        if self.cleared and rows.all():
            self.reach = float(np.linalg.norm(self.x))
        return rows

    def evaluate(self, setup: Setup, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        onto, dim = sparse.exact_onto(setup), x.shape[1]
        if not onto:
            return self._evaluate_shares(setup, x)
        oracle, gradient, terms = setup.common.oracle, np.empty(x.shape), np.empty((self.n, len(x)))

        def work(k: int) -> None:
            if k < self.n:
                steps.value(oracle, k, x, terms[k])
            else:
                first, last = (dim * j // self.n for j in (k - self.n, k - self.n + 1))
                steps.average_gradient(onto, oracle, self.n, x, first, last, gradient)

        with failures(setup.whose):
            self.spread(work, 2 * self.n)
        values = np.zeros(len(x))
        for term in terms:
            values += term / self.n
        return gradient, values

    def _evaluate_shares(self, setup: Setup, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same, one worker's gradient after the other."""
        gradient, values = np.zeros(x.shape), np.zeros(len(x))

        def work(room: Room, i: int) -> Callable[[], None]:
            own, value = room.scratch.vector, np.empty(len(x))
            steps.evaluate_share(setup.common.oracle, i, x, NO_DRAWS, own, value)

            def finish() -> None:
                np.add(gradient, own, out=gradient)
                np.add(values, value / self.n, out=values)

            return finish

        with failures(setup.whose):
            self._over_workers(work)
        gradient /= self.n
        return gradient, values

    def entropy(self, setup: Setup, side: int, comp: Compressor) -> float:
        values = self.last[side]
        if values is None:
            return super().entropy(setup, side, comp)
        return compressors.entropy_of_entries(comp, values, setup.run.problem.dim)

    def spread(self, work: Callable[[int], None], count: int) -> None:
        self._on_threads(Turns(count), lambda room, k: work(k))

    def _over_workers(self, work: Callable[[Room, int], Callable[[], None]]) -> None:
        """Do work(room, i) for every worker i, on all threads, and what that returns in the order of the workers."""
        turns = Turns(self.n)

        def then_finish(room: Room, i: int) -> None:
            finish = work(room, i)
            with turns.gate(i) as open_:
                if open_:
                    finish()

        self._on_threads(turns, then_finish)

    def _on_threads(self, turns: Turns, work: Callable[[Room, int], None]) -> None:
        """Do work(room, number) for every number that is taken, on all threads."""

        def carry_out(room: Room) -> None:
            try:
                for number in turns:
                    work(room, number)
            except BaseException:
                turns.fail()
                raise

        others = [self.others.submit(carry_out, room) for room in self.rooms[1:]] if self.others else []
        try:
            carry_out(self.rooms[0])
        finally:
            for other in others:
                other.result()


def block_for(setup: Setup, replicas: Sequence[int], threads: int) -> Block:
    """The block of these replicas, which so many threads may carry out."""
    run, count = setup.run, len(replicas)
    if run.schedule is None and not run.method.memory_per_sample and not any(e.each for e in setup.described):
        much = run.problem.workers * count * run.problem.dim >= MUCH
        spread = min(threads, run.problem.workers) > 1 and much
        if spread or any(sparse.SparseExchange(setup, k, count).up for k in range(2)):
            return LongBlock(setup, replicas, threads)
    return Block(setup, replicas)
