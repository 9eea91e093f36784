"""Real workers: who says what to whom, whatever the wire.

The server leads. It sends commands, a worker answers them in order. A command is four numbers (which, two arguments,
how many bytes follow) and the bytes. What travels is of three kinds:

- *messages*, the encoded bytes of C(...), one for each replica: this is the communication that methods are about, and
  its bytes are counted;
- *measurements*: exact gradients and values of f_i, the workers' memories, errors and models at checkpoints, norms of
  what was compressed. They exist because a trace is recorded, and are not counted;
- *control*: the commands themselves, lengths, what a worker starts with. Not counted.

A worker holds its share of the data, its memories, the model and room for one message each way. The server holds the
model and its own memories. Everything is done in the order in which `rounds.run_rounds` does it, with the same
kernels on blocks of the same shapes, so that the result has the same bits.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Protocol

import numpy as np

from ....common.errors import InputError, WorkerError
from ....problems import Problem
from ....problems.share import numbers_of
from ...method import Method
from ...random import (
    SHARED_WORKER,
    STREAM_DOWN,
    STREAM_DOWN_SPECIAL,
    STREAM_UP,
    STREAM_UP_SPECIAL,
    philox,
    to_uniforms,
)
from ...rules import keep, nothing
from ...schedule import Schedule
from ...trace import Trace
from .. import rounds as kernels
from ..log import Log, refill, shared_state
from ..request import Job, assemble
from ..setup import KINDS, WORKER_STATES, Block, Role, Setup
from . import frames, steps
from .orders import orders, share_of, understand

#: Commands of the server, and answers of a worker.
(
    BEGIN, ASK, SAY, WORK, HEAR, EVALUATE, STATE, RESTORE, DROP, STOP, READY, MESSAGE, HEARD, VALUES, STATES, FAILED,
    TAKE,
) = range(17)  # fmt: skip
#: Further kinds of state: those that a worker shares with the server.
MODEL, DOWN_MEMORY, COMMON = KINDS, KINDS + 1, KINDS + 2
NO_DRAWS = np.zeros((0, 0))
WORD = 8

Buffers = Sequence[Any]
ReadShare = Callable[[dict[str, Any], int], list[np.ndarray]]
Received = tuple[int, int, int, memoryview]


class Line(Protocol):
    """A worker's end of the wire."""

    def receive(self) -> Received:
        """The next command; its bytes are there until the next answer is sent."""

    def send(self, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        """Answer."""


class Crew(Protocol):
    """The server's end of all wires."""

    round: int

    def send(self, worker: int, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        """Command one worker; with bytes, only when it has answered since the last bytes that it was sent."""

    def tell(self, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        """Command all workers."""

    def hear(self, worker: int) -> Received:
        """The worker's next answer; its bytes are there until the worker's next command."""

    def begun(self) -> None:
        """Everybody has what it starts with: the room that this took is free."""

    def whoever(self, among: Iterable[int]) -> int:
        """Wait until one of these workers has answered, and return which: the one that answered first."""


def check(method: Method, problem: Problem, setup: Setup) -> None:
    """Refuse what processes cannot do.

    Raises
    ------
    InputError
        In one sentence.
    """
    averaged = method.models == "averaged"
    if averaged and any(e.everyone is not keep for e in setup.exchanges):
        raise InputError(
            f"method '{method.name}' has own models on every worker and a rule for everyone: workers in processes of "
            f"their own do not know the average; use the engine simulate"
        )
    if method.clock and (method.special or method.models or method.states[2]):
        raise InputError(
            f"method '{method.name}' is asynchronous and has special exchanges, own models or common states: "
            f"use the engine simulate"
        )


class Coins:
    """The uniforms of a shared seed, made again where a message is read."""

    def __init__(self, setup: Setup, block: Block) -> None:
        self.setup, self.block = setup, block

    def up(self, k: int, rnd: int) -> np.ndarray | None:
        """Of the workers' messages."""
        streams = (STREAM_UP, STREAM_UP_SPECIAL)
        return self._make(self.setup.ups[k], kernels.UP + k, rnd, SHARED_WORKER, streams[k])

    def down(self, k: int, rnd: int) -> np.ndarray | None:
        """Of the server's message."""
        streams = (STREAM_DOWN, STREAM_DOWN_SPECIAL)
        return self._make(self.setup.downs[k], kernels.DOWN + k, rnd, self.setup.run.problem.workers, streams[k])

    def _make(self, comp: Any, place: int, rnd: int, address: int, stream: int) -> np.ndarray | None:
        draws = self.block.random[place]
        if not comp.shared_coins or not draws[0].size:
            return None
        philox(self.setup.run.seed, rnd, address, stream, draws)
        to_uniforms(draws)
        return draws[3][:, : comp.draws(self.setup.run.problem.dim)]


def exchanges(setup: Setup, block: Block, rnd: int) -> tuple[int, ...]:
    """Which exchanges this round has: 0 the usual one, 1 the special one, in their order."""
    if setup.plan[kernels.WHEN] == kernels.NEVER:
        return (0,)
    special = steps.is_special(steps.tools, setup.run.seed, setup.plan, block.reals, block.random, rnd)
    if not special:
        return (0,)
    return (0, 1) if setup.plan[kernels.ADDS] else (1,)


def places(blocks: Sequence[Block]) -> list[slice]:
    """Where the blocks' replicas stand among all."""
    ends = accumulate(len(block.x) for block in blocks)
    return [slice(end - len(block.x), end) for block, end in zip(blocks, ends, strict=True)]


def padding(size: int) -> int:
    """How many bytes bring a size to whole words."""
    return -size % WORD


class Kernels:
    """What a run calls: oracle, rules and links of both exchanges as `steps` takes them, and what writes messages."""

    def __init__(self, setup: Setup) -> None:
        self.ups, self.downs = (
            [frames.Frames(c, setup.run.problem.dim) for c in side] for side in (setup.ups, setup.downs)
        )
        self.oracle = steps.addresses(setup.oracle)
        self.rules = [steps.addresses(rules) for rules in setup.rules]
        self.up_links = [steps.addresses(link) for link in setup.up_links]
        self.down_links = [steps.addresses(link) for link in setup.down_links]


class Worker:
    """One worker: does what it is told until it is told to stop.

    Parameters
    ----------
    number
        Which one.
    line
        Its end of the wire.
    read_share
        From what it was told and its number to its share of the data, if it reads that itself.
    """

    def __init__(self, number: int, line: Line, read_share: ReadShare | None = None) -> None:
        self.number, self.line = number, line
        what, reduced, _, data = line.receive()
        self.idle = what == STOP
        if self.idle:
            return
        told, arrays = unpack_named(data)
        if told.get("read"):
            assert read_share is not None
            reduced, more = 1, read_share(told["read"], number)
            arrays = [*more, *arrays]
        run, parts = understand(told, arrays)
        del arrays, data
        self.setup = setup = Setup(run, Role(range(number, number + 1), False), number if reduced else 0)
        self.blocks = [Block(setup, part) for part in parts]
        self.places = places(self.blocks)
        self.size = self.places[-1].stop
        run.problem.x0 = np.zeros(0)
        self.coins = [Coins(setup, block) for block in self.blocks]
        self.kernels = Kernels(setup)
        self.quiet = [(rules[0], steps.QUIET, *rules[2:]) for rules in self.kernels.rules]
        self.speaks = [e.sent is not nothing for e in setup.exchanges]
        self.ctx = np.zeros(7, np.int64)
        self.now: tuple[int, int] = (0, 0)
        self.checked = run.method.clock == "table" or not any(self.speaks)
        line.send(HEARD)

    def follow(self) -> None:
        """Do what the server commands, until it says stop."""
        if self.idle:
            return
        deeds: dict[int, Callable[..., None]] = {
            ASK: self._ask, SAY: self._say, WORK: self._work, HEAR: self._hear, EVALUATE: self._evaluate,
            STATE: self._state, RESTORE: self._restore, DROP: self._drop, TAKE: self._take,
        }  # fmt: skip
        while True:
            what, a, b, data = self.line.receive()
            if what == STOP:
                return
            deeds[what](a, b, data)
            del data  # the line may take another block of memory for the next one

    def _context(self, rnd: int, k: int) -> np.ndarray:
        n = self.setup.run.problem.workers
        self.ctx[:] = rnd, self.number, n, n, 0, 0, k
        return self.ctx

    def _turns(self) -> Iterator[tuple[int, Block, int]]:
        """(number, block, exchange) of the blocks that take part in the present phase."""
        rnd, phase = self.now
        for number, block in enumerate(self.blocks):
            kinds = exchanges(self.setup, block, rnd)
            if phase < len(kinds):
                yield number, block, kinds[phase]

    def _point(self, block: Block) -> np.ndarray:
        return block.workers[kernels.MODELS][0] if self.setup.run.method.models else block.x

    def _ask(self, rnd: int, phase: int, _: memoryview) -> None:
        setup, self.now = self.setup, (rnd, phase)
        for _number, block, k in self._turns():
            block.scratch[4][:] = 0.0
            steps.ask(
                steps.tools, setup.run.seed, k, setup.plan, self.kernels.oracle, self._context(rnd, k), block.random,
                self._point(block), block.scratch,
            )  # fmt: skip
        self.line.send(READY)

    def _say(self, rnd: int, phase: int, _: memoryview) -> None:
        self._speak(rnd, steps.say)

    def _work(self, rnd: int, phase: int, _: memoryview) -> None:
        self.now = (rnd, phase)
        for block in self.blocks:
            block.scratch[4][:] = 0.0
        self._speak(rnd, steps.work, self.kernels.oracle)

    def _speak(self, rnd: int, kernel: Callable[..., None], *oracle: Any) -> None:
        """Have a kernel leave every block's message in its scratch, and send them all."""
        setup = self.setup
        lengths, norms = [frames.ABSENT] * self.size, np.zeros(self.size)
        exact, data = [], []
        for number, block, k in self._turns():
            v, c, _, _, exact_sum, _ = block.scratch
            place = self.places[number]
            ctx = self._context(rnd, k)
            kernel(
                steps.tools, setup.run.seed, k, setup.plan, *oracle, self.quiet[k], self.kernels.up_links[k], ctx,
                block.random, self._point(block), block.workers, block.states[0][0], block.states[2], block.scratch,
                norms[place],
            )  # fmt: skip
            state = block.workers[kernels.COMPRESSOR + k][0]
            lengths[place], pieces = self.kernels.ups[k].write(c, v, block.random[kernels.UP + k][3], state, ctx)
            data += pieces
            if exact_sum.size:
                exact.append(exact_sum)
            if self.speaks[k]:
                was_sent = None if self.checked else c.copy()
                steps.sent(self.kernels.rules[k], ctx, v, c, block.states[0][0], block.states[2])
                if was_sent is not None and not np.array_equal(was_sent, c, equal_nan=True):
                    raise InputError(
                        f"method '{setup.run.method.name}' changes a message after it was sent: only one whose server "
                        f"keeps a table can do this with workers of their own; use the engine simulate"
                    )
        self.checked = True
        total = sum(map(len, data))
        self.line.send(MESSAGE, total, 0, [np.array(lengths), norms, *exact, *data])

    def _hear(self, count: int, phase: int, data: memoryview) -> None:
        """Take broadcasts and answer, with the own model if it goes into an average."""
        self._take(count, phase, data)
        averaged = self.setup.run.method.models == "averaged"
        self.line.send(HEARD, 0, 0, [block.workers[kernels.MODELS][0] for block in self.blocks] if averaged else ())

    def _take(self, count: int, phase: int, data: memoryview) -> None:
        """Take broadcasts: everyone's and the local rule."""
        setup, at = self.setup, 0
        run = setup.run
        for _ in range(count):
            head = np.frombuffer(data, np.int64, 4 + self.size, at)
            rnd, arrivals, age, total, *lengths = head.tolist()
            at += head.nbytes
            body, at = data[at : at + total], at + total + padding(total)
            used = 0
            for block, coins, place in zip(self.blocks, self.coins, self.places, strict=True):
                own_lengths = lengths[place]
                if own_lengths[0] == frames.ABSENT:
                    continue
                k = exchanges(setup, block, rnd)[phase]
                v, c = block.scratch[3], block.scratch[2]
                _, read = self.kernels.downs[k].read(own_lengths, body[used:], coins.down(k, rnd), c)
                used += read
                ctx = self._context(rnd, k)
                ctx[1], ctx[3], ctx[4], ctx[5] = run.problem.workers, arrivals, age, age
                rules = self.kernels.rules[k]
                steps.follow(rules, self.kernels.down_links[k], ctx, block.x, block.down_memory, block.states[2], c, v)
                if run.method.models:
                    if run.method.models == "detached":
                        v[:] = block.x
                    ctx[1] = self.number
                    steps.move(rules, ctx, block.workers[kernels.MODELS][0], v, block.states[0][0], block.states[2])

    def _evaluate(self, number: int, given: int, data: memoryview) -> None:
        setup, block = self.setup, self.blocks[number]
        x = np.frombuffer(data, np.float64).reshape(block.x.shape) if given else block.x
        # The gradient that has been asked for but not been sent lies in the other one.
        gradient, value = block.scratch[1], np.zeros(len(block.x))
        worker = self.number - int(setup.plan[kernels.FIRST_DATA])
        steps.exact(self.kernels.oracle, worker, x, NO_DRAWS, gradient, value)
        self.line.send(VALUES, 0, 0, [value, gradient])

    def _array(self, kind: int, number: int) -> np.ndarray:
        block = self.blocks[number]
        if kind < KINDS:
            return block.of_workers(kind)[0]
        return {MODEL: block.x, DOWN_MEMORY: block.down_memory, COMMON: block.states[2]}[kind]

    def _state(self, kind: int, number: int, _: memoryview) -> None:
        self.line.send(STATES, 0, 0, [self._array(kind, number)])

    def _restore(self, kind: int, number: int, data: memoryview) -> None:
        array = self._array(kind, number)
        array[...] = np.frombuffer(data, np.float64).reshape(array.shape)
        self.line.send(HEARD)

    def _drop(self, _: int, __: int, data: memoryview) -> None:
        lost = np.frombuffer(data, np.uint8).astype(bool)
        for block, place in zip(self.blocks, self.places, strict=True):
            rows = np.flatnonzero(lost[place])
            held = (block.x, block.down_memory, *(block.workers[kind][0] for kind in (0, 1, 4)))
            for array in held:
                if array.size:
                    array[rows] = 0.0
            block.states[0][0][:, rows] = 0.0
            block.states[2][:, rows] = 0.0
        self.line.send(HEARD)


class Served(Block):
    """A block at the server: what belongs to the workers is asked for when it is wanted."""

    def __init__(self, setup: Setup, replicas: Sequence[int], number: int, server: Server) -> None:
        super().__init__(setup, replicas)
        self.number, self.asks = number, server
        self.gathered: dict[int, np.ndarray] = {}
        self.coins = Coins(setup, self)

    def each(self, kind: int) -> Iterator[np.ndarray]:
        if kind in self.gathered:
            return iter(self.gathered[kind])
        return self.asks.states(kind, self.number)

    def of_workers(self, kind: int) -> np.ndarray:
        if kind not in self.gathered:
            self.gathered[kind] = np.stack([array.copy() for array in self.asks.states(kind, self.number)])
        return self.gathered[kind]

    def evaluate(self, setup: Setup, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.asks.evaluate(self.number, x)


class Server:
    """The server of a run, and the one who leads it.

    Parameters
    ----------
    job
        The run.
    crew
        The other ends of the wires.
    reads
        Whether the workers read their shares of the data themselves.
    """

    def __init__(self, job: Job, crew: Crew, reads: bool = False) -> None:
        self.job, self.run, self.crew = job, job.run, crew
        self.setup = setup = Setup(self.run, Role(range(0), True))
        check(self.run.method, self.run.problem, setup)
        self.kernels = Kernels(setup)
        self.n = self.run.problem.workers
        self.blocks = [Served(setup, part, number, self) for number, part in enumerate(job.parts)]
        self.places = places(self.blocks)
        self.logs = [Log(number == 0) for number in range(len(job.parts))]
        self.ctx = np.zeros(7, np.int64)
        self.done = 0
        table = self.run.method.clock == "table" and self.run.method.sent is not nothing
        for block in self.blocks if table else ():
            shape = setup.worker_shapes(len(block.x))[WORKER_STATES]
            block.states = (np.zeros((self.n, *shape)), *block.states[1:])
        self.table = table
        # Asynchronous runs: the model each worker has got to, messages that not all have heard, messages handled.
        self.version = [0] * self.n
        self.news: deque[tuple[int, bytes]] = deque()
        self.rows: list[tuple[int, int, int]] = []
        self.counts = [0] * self.n
        self.started: set[int] = set()
        self.waiting: deque[int] = deque()
        #: Workers that may still be reading the last broadcast, which in a synchronous round nobody answers.
        self.reading: set[int] = set()
        self.points = {int(point) for point in self.run.points}
        self.resumed = 0
        self._begin(reads)

    # -- the beginning -----------------------------------------------------------------------------------------------

    def _begin(self, reads: bool) -> None:
        told = orders(self.job)
        if reads:
            problem = self.run.problem
            told["read"] = {"spec": problem.spec, "workers": self.n, "numbers": numbers_of(problem.kernels())}
        for i in range(self.n):
            if reads:
                self.crew.send(i, BEGIN, 1, 0, pack_named(told, [np.asarray(self.run.problem.x0)]))
            else:
                reduced, arrays = share_of(self.run.problem, i)
                self.crew.send(i, BEGIN, int(reduced), 0, pack_named(told, arrays))
        for i in range(self.n):
            self.crew.hear(i)
        self.crew.begun()
        if self.job.stored is not None:
            self._resume()

    def _resume(self) -> None:
        stored = self.job.stored
        assert stored is not None
        done = set(stored.done.values())
        if len(done) != 1 or len(stored.done) != len(self.blocks):
            raise InputError(
                "the blocks of this checkpoint stand at different rounds, as the engine simulate leaves them: "
                "continue it with --engine simulate"
            )
        self.done = self.resumed = done.pop()
        times = self.run.schedule
        for number, block in enumerate(self.blocks):
            arrays = stored.of(number)
            refill(shared_state(block), arrays)
            self.logs[number].restore({k[4:]: a for k, a in arrays.items() if k.startswith("log/")})
            for i in range(self.n):
                for kind, shape in enumerate(self.setup.worker_shapes(len(block.x))):
                    if np.prod(shape):
                        self._restore(i, number, kind, arrays, f"worker/{i}/{kind}", shape)
                if self.table:
                    block.states[0][i] = arrays[f"worker/{i}/{WORKER_STATES}"]
                if block.down_memory is not block.x and block.down_memory.size:
                    self._put(i, number, DOWN_MEMORY, block.down_memory)
                if block.states[2].size:
                    self._put(i, number, COMMON, block.states[2])
                if self.run.live:
                    self._restore(i, number, MODEL, arrays, f"worker/{i}/x", block.x.shape)
                elif times is not None:
                    self.version[i] = version = self._next_version(times, i)
                    history = block.arrivals[0]
                    model = history[version % len(history)] if version < self.done else block.x
                    self._put(i, number, MODEL, model)
                    self.version[i] = min(version, self.done)
                else:
                    self._put(i, number, MODEL, block.x)
        if self.run.live:
            rows, versions = stored.arrays.get("schedule"), stored.arrays.get("versions")
            if rows is None or versions is None or versions.shape != (self.n,) or rows.ndim != 2:
                raise InputError("this checkpoint is not one of asynchronous processes")
            self.rows = [(int(t), int(i), int(v)) for t, i, v in rows]
            self.version = [int(v) for v in versions]
            for _, i, _ in self.rows:
                self.counts[i] += 1

    def _next_version(self, times: Schedule, worker: int) -> int:
        ahead = np.flatnonzero(times.workers[times.starts[self.done] :] == worker)
        return int(times.versions[times.starts[self.done] + ahead[0]]) if ahead.size else self.done

    def _restore(
        self, worker: int, number: int, kind: int, arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...]
    ) -> None:
        if name not in arrays or arrays[name].shape != tuple(shape):
            raise InputError("this checkpoint belongs to another run: its arrays have other shapes")
        self._put(worker, number, kind, arrays[name])

    def _put(self, worker: int, number: int, kind: int, array: np.ndarray) -> None:
        """Have a worker take up an array of a block."""
        self._have_read([worker])
        self.crew.send(worker, RESTORE, kind, number, [np.ascontiguousarray(array)])
        self._answer(worker, HEARD)

    # -- what is asked of the workers --------------------------------------------------------------------------------

    def states(self, kind: int, number: int) -> Iterator[np.ndarray]:
        """What every worker keeps of a kind, one after the other; each is there until the next is asked for."""
        block = self.blocks[number]
        shapes = {MODEL: block.x.shape}
        shape = shapes.get(kind) or self.setup.worker_shapes(len(block.x))[kind]
        if self.table and kind == WORKER_STATES:
            yield from block.states[0]
            return
        self._settle()
        for i in range(self.n):
            if not np.prod(shape):
                yield np.zeros(shape)
                continue
            self.crew.send(i, STATE, kind, number)
            yield np.frombuffer(self._answer(i, STATES)[3], np.float64).reshape(shape)

    def evaluate(self, number: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The exact gradient (B, d) and value (B,) of f at x (B, d): the workers' sum."""
        block = self.blocks[number]
        self._settle()
        at_hand = x is block.x and self.run.method.models != "averaged" and not self.run.method.clock
        if not at_hand:
            self._have_read(range(self.n))
        self.crew.tell(EVALUATE, number, 0 if at_hand else 1, () if at_hand else [x])
        gradient, values = np.zeros_like(x), np.zeros(len(x))
        for i in range(self.n):
            data = self._answer(i, VALUES)[3]
            values += np.frombuffer(data, np.float64, len(x)) / self.n
            gradient += np.frombuffer(data, np.float64, x.size, WORD * len(x)).reshape(x.shape)
        gradient /= self.n
        return gradient, values

    def _answer(self, worker: int, wanted: int) -> Received:
        """The worker's next answer, which must be of this kind."""
        answer = self.crew.hear(worker)
        self.reading.discard(worker)
        if answer[0] != wanted:
            raise WorkerError(f"worker {worker} answered {answer[0]} in place of {wanted} in round {self.crew.round}")
        return answer

    def _have_read(self, workers: Iterable[int]) -> None:
        """Wait until these workers have read the last broadcast: the next bytes may be written where it stands."""
        late = [i for i in workers if i in self.reading]
        for i in late:
            self.crew.send(i, HEAR)
        for i in late:
            self._answer(i, HEARD)

    def _settle(self) -> None:
        """Wait until no worker is computing: those that are done wait to be heard."""
        for i in sorted(self.started):
            self._answer(i, READY)
            self.started.discard(i)
            self.waiting.append(i)

    # -- a round -----------------------------------------------------------------------------------------------------

    def _before(self, rnd: int) -> None:
        """What is noted of the state before a round."""
        setup, track = self.setup, int(self.setup.plan[kernels.TRACK])
        for block in self.blocks:
            block.gathered.clear()
            weight = 0.0
            if setup.plan[kernels.WEIGHTS] in (kernels.POLYNOMIAL, kernels.GEOMETRIC):
                weight = steps.weigh(setup.plan, block.reals, rnd, block.model, block.watch[2])
            if track & (kernels.TRACK_ANEW | kernels.TRACK_VALUES):
                gradient, values = block.evaluate(setup, block.model)
                steps.note_evaluation(track, weight, gradient, values, block.record)
            if track & kernels.TRACK_SHADOW:
                self._along_shadow(block, rnd)
            if len(block.arrivals[0]):
                block.arrivals[0][rnd % len(block.arrivals[0])] = block.x
            block.gathered.clear()

    def _along_shadow(self, block: Served, rnd: int) -> None:
        record, own = block.record, bool(self.run.method.models)
        y = block.shadow(self.setup, rnd)
        gradient, _ = block.evaluate(self.setup, y)
        steps.add_squared_norms(gradient, record[kernels.SUM_SHADOW_GRAD_SQ], 1.0)
        models = block.of_workers(kernels.MODELS) if own else [block.x] * self.n
        for model in models:
            steps.note_spread(y, model, block.scratch[0], record[kernels.SUM_SPREAD], 1.0 / self.n)

    def _after(self, rnd: int) -> None:
        """What is noted of the state after a round; replicas that diverged are put to zero everywhere."""
        lost = []
        for block in self.blocks:
            if self.setup.plan[kernels.WEIGHTS] == kernels.AFTER:
                steps.weigh(self.setup.plan, block.reals, rnd, block.model, block.watch[2])
            with np.errstate(over="ignore", invalid="ignore"):  # what is not a number is not below it either
                rows = np.einsum("rj,rj->r", block.x, block.x) < kernels.DIVERGED / 2
                if block.model is not block.x:
                    rows &= np.einsum("rj,rj->r", block.model, block.model) < kernels.DIVERGED / 4
            marks = np.zeros(len(block.x))
            if not rows.all():
                steps.catch(
                    block.x, block.model, block.workers, block.server, block.states, block.down_memory,
                    block.arrivals[0], block.watch[2], marks, rnd + 1.0,
                )  # fmt: skip
                first = (block.record[kernels.FIRST_BAD] == 0) & (marks > 0)
                block.record[kernels.FIRST_BAD][first] = marks[first]
            lost.append(marks > 0)
        mask = np.concatenate(lost)
        if mask.any():
            idle = [i for i in range(self.n) if i not in self.started and i not in self.waiting]
            self._have_read(idle)
            for i in idle:
                self.crew.send(i, DROP, 0, 0, [mask.astype(np.uint8)])
                self._answer(i, HEARD)

    def _context(self, rnd: int, arrivals: int, age: int, k: int) -> np.ndarray:
        self.ctx[:] = rnd, self.n, self.n, arrivals, age, age, k
        return self.ctx

    def _collect(self, rnd: int, worker: int, kinds: Sequence[int | None], coin_round: int, share: float) -> None:
        """Take a worker's message into the sums."""
        setup, n = self.setup, self.n
        _, _, _, data = self._answer(worker, MESSAGE)
        size = self.places[-1].stop
        lengths = np.frombuffer(data, np.int64, size).tolist()
        norms = np.frombuffer(data, np.float64, size, WORD * size)
        at = 2 * WORD * size
        at_hand = bool(setup.plan[kernels.TRACK] & kernels.TRACK_AT_HAND)
        exact = []
        for block, k in zip(self.blocks, kinds, strict=True):
            if at_hand and k is not None:
                exact.append(np.frombuffer(data, np.float64, block.x.size, at).reshape(block.x.shape))
                at += block.x.nbytes
        for block, k, place in zip(self.blocks, kinds, self.places, strict=True):
            if k is None:
                continue
            v, c, _, total, exact_sum, _ = block.scratch
            bits, used = self.kernels.ups[k].read(lengths[place], data[at:], block.coins.up(k, coin_round), c)
            at += used
            if self.table:
                ctx = self._context(coin_round, n, 0, k)
                ctx[1] = worker
                v[:] = c
                steps.sent(self.kernels.rules[k], ctx, v, c, block.states[0][worker], block.states[2])
            total += c
            if at_hand:
                exact_sum += exact.pop(0)
            block.record[kernels.BITS_UP] += bits / n
            block.record[kernels.MESSAGES + k] += 1.0
            if self._is_measured(rnd):
                block.record[kernels.UP_RESIDUAL] += share * norms[place]

    def _is_measured(self, rnd: int) -> bool:
        return rnd + 1 in self.points

    def _serve(self, rnd: int, kinds: Sequence[int | None], arrivals: int, age: int) -> list[Any]:
        """From the sums to the server's messages, and what everyone does with them; return the message to send."""
        plan = self.setup.plan
        lengths, data = [], []
        for block, k in zip(self.blocks, kinds, strict=True):
            if k is None:
                lengths += [frames.ABSENT] * len(block.x)
                continue
            v, _, c, total, exact_sum, _ = block.scratch
            record = block.record
            if plan[kernels.TRACK] & kernels.TRACK_AT_HAND:
                steps.add_squared_norms(exact_sum, record[kernels.SUM_GRAD_SQ], 1.0 / self.n / self.n)
            total /= arrivals if plan[kernels.OVER_ARRIVALS] else self.n
            ctx = self._context(rnd, arrivals, age, k)
            steps.serve(
                steps.tools, self.run.seed, k, self.kernels.rules[k], self.kernels.up_links[k],
                self.kernels.down_links[k], ctx, block.random, block.x, block.server, block.states, block.down_memory,
                block.scratch,
            )  # fmt: skip
            uniforms = block.random[kernels.DOWN + k][3]
            own, pieces = self.kernels.downs[k].write(c, v, uniforms, block.server[2 + k], ctx)
            lengths += own
            data += pieces
            record[kernels.BITS_DOWN] += [8.0 * len(piece) for piece in pieces]
            record[kernels.BROADCASTS + k] += 1.0
            if self._is_measured(rnd):
                steps.add_squared_norms(v, record[kernels.DOWN_RESIDUAL], 1.0)
        size = sum(map(len, data))
        head = np.array([rnd, arrivals, age, size, *lengths], np.int64)
        return [head, *data, bytes(padding(size))]

    def _clear(self, rnd: int, kinds: Sequence[int | None], first: bool) -> None:
        for block, k in zip(self.blocks, kinds, strict=True):
            if first and self._is_measured(rnd):
                block.record[kernels.UP_RESIDUAL] = 0.0
                block.record[kernels.DOWN_RESIDUAL] = 0.0
                block.record[kernels.LAST_SPECIAL] = float(exchanges(self.setup, block, rnd)[-1])
            if k is not None:
                block.scratch[3][:] = 0.0
                block.scratch[4][:] = 0.0

    def _round(self, rnd: int) -> None:
        """A synchronous round."""
        self._before(rnd)
        every = [exchanges(self.setup, block, rnd) for block in self.blocks]
        for phase in range(max(map(len, every))):
            kinds = [kind[phase] if phase < len(kind) else None for kind in every]
            self.crew.tell(WORK, rnd, phase)
            self._clear(rnd, kinds, phase == 0)
            for i in range(self.n):
                self._collect(rnd, i, kinds, rnd, 1.0 / self.n)
            averaged = self.run.method.models == "averaged"
            self.crew.tell(HEAR if averaged else TAKE, 1, phase, self._serve(rnd, kinds, self.n, 0))
            if averaged:
                self._average(kinds)
            else:
                self.reading.update(range(self.n))
        self._after(rnd)

    def _average(self, kinds: Sequence[int | None]) -> None:
        """Set x to the average of the workers' own models, which come with their answers to a message."""
        taking_part = [block for block, k in zip(self.blocks, kinds, strict=True) if k is not None]
        for block in taking_part:
            block.x[:] = 0.0
        for i in range(self.n):
            data, at = self._answer(i, HEARD)[3], 0
            for block in self.blocks:
                if block in taking_part:
                    block.x += np.frombuffer(data, np.float64, block.x.size, at).reshape(block.x.shape)
                at += block.x.nbytes
        for block in taking_part:
            block.x /= self.n

    # -- asynchronous steps ------------------------------------------------------------------------------------------

    def _bring(self, worker: int, to: int, step: int) -> None:
        """Let a worker hear all messages up to those that made x^to."""
        if self.version[worker] >= to:
            return
        if self.version[worker] < self.resumed:  # what came before the checkpoint was not kept
            for number, block in enumerate(self.blocks):
                history = block.arrivals[0]
                self._put(worker, number, MODEL, history[to % len(history)] if to <= step and len(history) else block.x)
        else:
            missed = [data for made, data in self.news if self.version[worker] < made <= to]
            self.crew.send(worker, HEAR, len(missed), 0, missed)
            self._answer(worker, HEARD)
        self.version[worker] = to

    def _start(self, worker: int) -> None:
        self.crew.send(worker, ASK, self.counts[worker], 0)
        self.started.add(worker)

    def _arrivals(self, rnd: int) -> list[tuple[int, int]]:
        """(worker, version) of the messages of this step, asked for and on their way, in their order."""
        times, arrived = self.run.schedule, []
        if times is not None:
            for a in range(times.starts[rnd], times.starts[rnd + 1]):
                i, version = int(times.workers[a]), int(times.versions[a])
                self._bring(i, version, rnd)
                self.crew.send(i, WORK, self.counts[i], 0)
                arrived.append((i, version))
            return arrived
        table = self.run.method.clock == "table"
        wanted = self.n if table and rnd == 0 else int(self.run.numbers.get("M", 1))
        overdue = deque(self._overdue(rnd, wanted))
        while len(arrived) < wanted:
            if overdue:
                i = overdue.popleft()
                if i in self.waiting:
                    self.waiting.remove(i)
                else:
                    self._answer(i, READY)
                    self.started.discard(i)
            elif self.waiting:
                i = self.waiting.popleft()
            else:
                i = self.crew.whoever(self.started)
                self._answer(i, READY)
                self.started.discard(i)
            self.crew.send(i, SAY, self.counts[i], 0)
            arrived.append((i, self.version[i]))
        return arrived

    def _overdue(self, rnd: int, wanted: int) -> list[int]:
        """The workers whose messages this step must wait for, so that no delay exceeds the bound.

        A step can take `wanted` messages. If taking others now would make somebody late, the earliest deadlines come
        first. A report in a table is as old as it was on arrival, and ages until the next one: if no worker is silent
        for more than G steps, no report is older than 2 G - 2.
        """
        bound = self.run.delay_bound
        if bound is None:
            return []
        table = self.run.method.clock == "table"
        if table and rnd == 0:
            return []
        ahead = (bound + 2) // 2 - 1 if table else bound
        deadlines = sorted((self.version[i] + ahead, i) for i in range(self.n))
        tight = any(deadline <= rnd + place // wanted for place, (deadline, _) in enumerate(deadlines))
        return [i for _, i in deadlines[:wanted]] if tight else []

    def _step(self, rnd: int) -> None:
        """A step of the asynchronous server."""
        self._before(rnd)
        kinds = [0] * len(self.blocks)
        self._clear(rnd, kinds, True)
        arrived = self._arrivals(rnd)
        age = max(rnd - version for _, version in arrived)
        for i, version in arrived:
            self._collect(rnd, i, kinds, self.counts[i], 1.0 / len(arrived))
            self.counts[i] += 1
            self.rows.append((rnd, i, version))
        message = b"".join(bytes(memoryview(part).cast("B")) for part in self._serve(rnd, kinds, len(arrived), age))
        self.news.append((rnd + 1, message))
        if self.run.live:
            for i, _ in arrived:
                self._bring(i, rnd + 1, rnd)
        self._after(rnd)
        if self.run.live:
            for i, _ in arrived:
                self._start(i)
        while self.news and self.news[0][0] <= min(self.version):
            self.news.popleft()

    # -- the run -----------------------------------------------------------------------------------------------------

    def lead(self) -> Trace:
        """Run all rounds and return the trace."""
        run, job = self.run, self.job
        replicas = sum(map(len, job.parts))
        asynchronous = bool(run.method.clock)
        if self.done and run.progress is not None:
            run.progress(self.done * replicas)
        if self.done in self.points and not any(log.parts for log in self.logs):
            self._measure(self.done)
        if run.schedule is not None:
            counts = run.schedule.counts()
            for a in range(run.schedule.starts[self.done]):
                self.counts[int(run.schedule.workers[a])] = int(counts[a]) + 1
        if run.live:
            for i in range(self.n):
                self._start(i)
        for rnd in range(self.done, run.rounds):
            self.crew.round = rnd
            (self._step if asynchronous else self._round)(rnd)
            if rnd + 1 in self.points:
                self._measure(rnd + 1)
            if run.progress is not None:
                run.progress(replicas)
            if job.saver is not None and job.saver.due(rnd + 1):
                self._save(rnd + 1)
                job.saver.last[0] = time.monotonic()
        times = run.schedule
        if run.live:
            step, worker, version = np.array(self.rows, dtype=np.int64).T
            times = Schedule.of(step, worker, version, self.n, run.rounds)
        return assemble(job, list(zip(self.blocks, self.logs, strict=True)), times)

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
        wanted: list[tuple[str, int, int, tuple[int, ...]]] = []
        for number, (block, log) in enumerate(zip(self.blocks, self.logs, strict=True)):
            here |= {f"{number}/log/{name}": array for name, array in log.arrays().items()}
            here |= {f"{number}/{name}": array for name, array in shared_state(block).items()}
            shapes = dict(enumerate(self.setup.worker_shapes(len(block.x))))
            if self.run.live:
                shapes[MODEL] = block.x.shape
            for kind, shape in shapes.items():
                if np.prod(shape):
                    name = "x" if kind == MODEL else str(kind)
                    wanted.append((f"{number}/worker/{{}}/{name}", kind, number, shape))
        if self.run.live:
            here["schedule"] = np.array(self.rows, dtype=np.int64)
            here["versions"] = np.array(self.version, dtype=np.int64)
        entries = [(name.format(i), "float64", shape) for name, _, _, shape in wanted for i in range(self.n)]
        later = (array for _, kind, number, _ in wanted for array in self.states(kind, number))
        saver.write(dict.fromkeys(range(len(self.blocks)), done), here, entries, later)


def pack_named(told: dict[str, Any], arrays: Sequence[np.ndarray]) -> list[Any]:
    """A text and arrays as bytes: how long the text is, the text with what the arrays are, the arrays."""
    text = json.dumps({"told": told, "arrays": [[str(a.dtype), a.shape] for a in arrays]}).encode()
    text += b" " * padding(len(text))
    return [np.array([len(text)], np.int64), text, *(np.ascontiguousarray(a) for a in arrays)]


def unpack_named(data: memoryview) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Read what `pack_named` wrote; the arrays are copies."""
    (length,) = np.frombuffer(data, np.int64, 1)
    at = WORD + int(length)
    header = json.loads(bytes(data[WORD:at]))
    arrays = []
    for kind, shape in header["arrays"]:
        count = int(np.prod(shape))
        arrays.append(np.frombuffer(data, kind, count, at).reshape(shape).copy())
        at += arrays[-1].nbytes
    return header["told"], arrays


__all__ = ["FAILED", "STOP", "Crew", "Line", "Received", "Server", "Worker"]
