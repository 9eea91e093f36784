"""The state of one block of replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ...common.errors import InputError
from ...theory.compressors import Compressor
from .. import compressors
from ..random import draws, orders
from ..schedule import Schedule
from ..signatures import context, failures
from . import records, rounds
from .setup import ERRORS, MEMORIES, WORKER_STATES, Setup


class Block:
    """The state of one block of replicas: plain arrays, nothing in those that the method or the role does not use.

    The attributes are those of `records.BlockState`; `worker_scratch` stands for everything that a worker in a process
    of its own writes on, `server_scratch` has no rows there.
    """

    def __init__(self, setup: Setup, replicas: Sequence[int]) -> None:
        run, method, role = setup.run, setup.run.method, setup.role
        self.replicas = np.asarray(replicas, dtype=np.int64)
        dim, size, serves = run.problem.dim, len(replicas), role.serves
        x0 = np.asarray(run.problem.x0, dtype=np.float64)
        self.x = np.tile(x0, (size, 1))
        some, none = (size, dim), (0, 0)
        held = [np.zeros((len(role.workers), *shape)) for shape in setup.worker_shapes(size)]
        memories, errors, compressor, compressor_special, models, worker_states = held
        self.workers = records.Workers(memories, errors, (compressor, compressor_special), models)
        models[:] = x0 if method.models else 0.0
        down_states = [np.zeros((size if serves else 0, count)) for count in setup.compressor_states[2:]]
        self.server = records.Server(
            np.zeros(some if serves and setup.up_memory else none),
            np.zeros(some if serves and setup.down_error else none),
            (down_states[0], down_states[1]),
        )
        _, at_server, common = method.states
        self.states = records.States(
            worker_states, np.zeros((at_server if serves else 0, *some)), np.zeros((common, *some))
        )
        self.model = self.x
        if method.model_state is not None and serves:
            self.model = self.states.server[method.model_state]
            self.model[:] = x0
        is_model = any(channel.model_is_memory for channel in setup.downlinks)
        self.down_memory = self.x if is_model else np.zeros(some if setup.down_memory else none)
        rows, noise, coin, up, down = setup.draws
        self.random = records.Random(
            draws(self.replicas, rows),
            orders([setup.shuffled[i] for i in setup.orders if setup.shuffled], run.problem.noise.batch or 1, size),
            draws(self.replicas, noise), draws(self.replicas, coin),
            (draws(self.replicas, up[0]), draws(self.replicas, up[1])),
            (draws(self.replicas, down[0]), draws(self.replicas, down[1])),
        )  # fmt: skip
        self.arrivals = _arrivals(run.schedule if serves else None, some)
        tracked = setup.plan.track & records.TRACK_SHADOW
        self.watch = records.Watch(
            setup.shadow or 0,
            np.zeros(some if serves and tracked else none),
            np.tile(x0, (size, 1)) if run.weights and serves else np.zeros(none),
            np.zeros((2, size)),
        )
        at_hand = serves or setup.plan.track & records.TRACK_AT_HAND
        self.worker_scratch = records.WorkerScratch(
            np.zeros(some), np.zeros(some), np.zeros(some if at_hand else none), np.zeros(size)
        )
        served = some if serves else none
        self.server_scratch = records.ServerScratch(
            self.worker_scratch.vector if serves else np.zeros(none), np.zeros(served), np.zeros(served),
            self.worker_scratch.bits,
        )  # fmt: skip
        self.record = np.zeros((records.RECORD_ROWS, size))
        self.reals = setup.reals()
        self.ctx = context(0)

    def of_workers(self, kind: int) -> np.ndarray:
        """What every worker keeps of this kind, (n, ...); no rows or no numbers where nothing is kept."""
        workers = self.workers
        return (workers.memories, workers.errors, *workers.compressor, workers.models, self.states.workers)[kind]

    def each(self, kind: int) -> Iterator[np.ndarray]:
        """What every worker keeps of this kind, one worker after the other."""
        return iter(self.of_workers(kind))

    def evaluate(self, setup: Setup, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The exact gradient (B, d) and value (B,) of f at x (B, d)."""
        gradient, values = np.empty_like(x), np.empty((2, x.shape[0]))
        with failures(setup.whose):
            rounds.measure_compiled()(
                setup.common.oracle, setup.run.problem.workers, x, gradient, self.worker_scratch.vector, values
            )
        return gradient, values[0]

    def state(self) -> records.BlockState:
        """Everything, as kernels are handed it."""
        return records.BlockState(
            self.x, self.model, self.down_memory, self.workers, self.server, self.states, self.random, self.arrivals,
            self.watch, self.worker_scratch, self.server_scratch, self.reals, self.record, self.ctx,
        )  # fmt: skip

    def advance(self, setup: Setup, first: int, last: int) -> None:
        """Run the rounds first, ..., last - 1."""
        with failures(setup.whose):
            steps = rounds.steps_of(setup.plan, any(exchange.each for exchange in setup.exchanges))
            rounds.run_rounds_compiled()(steps, setup.common, setup.exchanges, self.state(), first, last)

    def within_bounds(self) -> np.ndarray:
        """Which replicas (B,) have certainly not diverged; sums in any order are exact enough for that."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is not a number is not below it either
            rows = np.einsum("rj,rj->r", self.x, self.x) < records.DIVERGED / 2
            if self.model is not self.x:
                rows &= np.einsum("rj,rj->r", self.model, self.model) < records.DIVERGED / 4
        return rows

    def entropy(self, setup: Setup, side: int, comp: Compressor) -> float:
        """The entropy of a message of the first replica: a worker's last one (side 0), or the server's (1).

        Where only the news of stored reports are added up, a report stands for a worker's message.
        """
        message = (self.worker_scratch, self.server_scratch)[side].message[0]
        if side == 0 and setup.run.method.clock == "table" and setup.run.method.states[0]:
            message = self.of_workers(WORKER_STATES)[0, 0, 0]
        return compressors.entropy_bits(comp, message)

    def spread(self, work: Callable[[int], None], count: int) -> None:
        """Do work(k) for k = 0, ..., count - 1, on the block's threads, in any order."""
        for k in range(count):
            work(k)

    def close(self) -> None:
        """The rounds are over."""

    def shadow(self, setup: Setup, done: int) -> np.ndarray:
        """The shadow sequence (B, d) at the present state, after `done` rounds.

        Raises
        ------
        InputError
            If the method declares none.
        """
        method, n = setup.run.method, setup.run.problem.workers
        if method.shadow is None:
            raise InputError(f"method '{method.name}' declares no shadow sequence")
        y = np.empty_like(self.x)
        with failures(setup.whose):
            method.shadow(
                context(done, n, n), setup.parameters, self.x, *map(self.of_workers, (MEMORIES, ERRORS, WORKER_STATES)),
                self.server.error, self.states.server, self.states.common, y,
            )  # fmt: skip
        return y


def _arrivals(schedule: Schedule | None, some: tuple[int, int]) -> records.Arrivals:
    none = np.zeros(0, np.int64)
    if schedule is None:
        return records.Arrivals(np.zeros((0, 0, 0)), none, none, none, none)
    steps = np.repeat(np.arange(schedule.starts.size - 1), np.diff(schedule.starts))
    depth = int((steps - schedule.versions).max(initial=0)) + 1
    return records.Arrivals(
        np.zeros((depth, *some)), schedule.starts, schedule.workers, schedule.versions, schedule.counts()
    )
