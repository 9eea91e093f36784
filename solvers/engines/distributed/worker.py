"""A worker: does what the server commands, in a process of its own."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ....common.errors import InputError
from ....problems.digest import file_digest, share_digest
from ...rules import no_op
from ...signatures import WORKER, context, failures
from .. import sparse
from ..block import Block
from ..setup import KINDS, Role, Setup
from ..sparse import SparseExchange
from . import frames, steps
from .protocol import (
    APPLY_AND_ANSWER,
    APPLY_BROADCAST,
    COMMON,
    COMPUTE_GRADIENT,
    DONE,
    DOWN_MEMORY,
    EVALUATE,
    MASK_DIVERGED,
    MESSAGE,
    MODEL,
    READ_STATE,
    READY,
    SEND_MESSAGE,
    STATE,
    STOP,
    VALUES,
    WORKER_STEP,
    WRITE_STATE,
    Codecs,
    ReadShare,
    SharedCoins,
    WorkerChannel,
    exchanges,
    padding,
    replica_slices,
    unpack_named,
)
from .run_spec import from_spec

NO_DRAWS = np.zeros((0, 0))


class Worker:
    """One worker: obeys commands until one says stop.

    Parameters
    ----------
    number
        Which one.
    channel
        Its end of the connection.
    read_share
        From what it was told and its number to its share of the data, if it reads that itself.
    """

    def __init__(self, number: int, channel: WorkerChannel, read_share: ReadShare | None = None) -> None:
        self.number, self.channel = number, channel
        what, reduced, _, data = channel.receive()
        self.unwanted = what == STOP
        if self.unwanted:
            return
        config, arrays = unpack_named(data)
        if config.get("read"):
            if read_share is None:
                raise InputError("this worker cannot read its share of the data itself")
            reduced, more = 1, read_share(config["read"], number)
            arrays = [*more, *arrays]
        read_from = config["read"]["path"] if config.get("read") else None
        about = {
            "host": socket.gethostname(),
            "share": share_digest(arrays[:-1]),
            "file": None if read_from is None else file_digest(read_from),
        }
        run, parts = from_spec(config, arrays)
        del arrays, data
        self.setup = setup = Setup(run, Role(range(number, number + 1), False), number if reduced else 0)
        self.blocks = [Block(setup, part) for part in parts]
        self.slices = replica_slices(self.blocks)
        self.size = self.slices[-1].stop
        run.problem.x0 = np.zeros(0)
        self.coins = [SharedCoins(setup, block) for block in self.blocks]
        self.codecs = Codecs(setup)
        # What follows sending is called by itself, after the message has been written.
        self.sending = [replace(e, rules=steps.without_sent(e.rules)) for e in setup.exchanges]
        self.sparse = [[SparseExchange(setup, k, len(part)) for k in range(2)] for part in parts]
        self.has_sent_rule = [e.sent is not no_op for e in setup.described]
        self.sent_rule_checked = run.method.clock == "table" or not any(self.has_sent_rule)
        channel.send(DONE, 0, 0, [json.dumps(about).encode()])

    def obey(self) -> None:
        """Do what the server commands, until it says stop."""
        if self.unwanted:
            return
        handlers: dict[int, Callable[..., None]] = {
            COMPUTE_GRADIENT: self._compute_gradient, SEND_MESSAGE: self._send_message,
            WORKER_STEP: self._worker_step, APPLY_BROADCAST: self._apply_broadcast,
            APPLY_AND_ANSWER: self._apply_and_answer, EVALUATE: self._evaluate, READ_STATE: self._read_state,
            WRITE_STATE: self._write_state, MASK_DIVERGED: self._mask_diverged,
        }  # fmt: skip
        while True:
            what, a, b, data = self.channel.receive()
            if what == STOP:
                return
            handlers[what](a, b, data)
            del data  # the channel may take another block of memory for the next one

    def _context(self, rnd: int, k: int) -> np.ndarray:
        return context(rnd, self.number, self.setup.run.problem.workers, special=k)

    def _active_blocks(self, rnd: int, phase: int) -> Iterator[tuple[int, Block, int]]:
        """(number, block, exchange) of the blocks that take part in this phase of the round."""
        for number, block in enumerate(self.blocks):
            kinds = exchanges(self.setup, block, rnd)
            if phase < len(kinds):
                yield number, block, kinds[phase]

    def _point(self, block: Block) -> np.ndarray:
        return block.workers.models[0] if self.setup.run.method.models else block.x

    # -- step 7: gradient and message --------------------------------------------------------------------------------

    def _compute_gradient(self, rnd: int, phase: int, _: memoryview) -> None:
        setup = self.setup
        for _number, block, k in self._active_blocks(rnd, phase):
            block.worker_scratch.exact_sum[:] = 0.0
            with failures(setup.whose):
                steps.compute_gradient(
                    setup.common, self.sending[k], self._context(rnd, k), self._point(block), block.random,
                    block.worker_scratch,
                )  # fmt: skip
        self.channel.send(READY)

    def _send_message(self, rnd: int, phase: int, _: memoryview) -> None:
        self._compress_and_send(rnd, phase, steps.send_message)

    def _worker_step(self, rnd: int, phase: int, _: memoryview) -> None:
        for block in self.blocks:
            block.worker_scratch.exact_sum[:] = 0.0
        self._compress_and_send(rnd, phase, steps.worker_step)

    def _compress_and_send(self, rnd: int, phase: int, step: steps.Door) -> None:
        """Have a step leave every block's message in its scratch, and send them all."""
        setup = self.setup
        lengths, norms = [frames.ABSENT] * self.size, np.zeros(self.size)
        exact, data = [], []
        for number, block, k in self._active_blocks(rnd, phase):
            scratch, states = block.worker_scratch, block.states
            v, c = scratch.vector, scratch.message
            place = self.slices[number]
            ctx = self._context(rnd, k)
            by_sample = setup.common, rnd, self.number, block.random, states.workers[0]
            if setup.plan.first_sample >= 0:
                steps.take_sample_memory(*by_sample, block.workers.memories[0])
            what = (
                setup.common, self.sending[k], k, ctx, self._point(block), block.random, block.workers,
                states.workers[0], states.common, scratch,
            )  # fmt: skip
            found, coins = self.sparse[number][k], block.random.up[k].numbers
            if found.up and step is steps.worker_step:
                places, values = np.empty(v.size, np.int64), np.empty(v.size)
                with failures(setup.whose):
                    count = sparse.worker_step(*what, 0, found.up, 0, np.zeros((3, 1)), places, values, norms[place])
                entries = places[:count], values[:count], v.size, coins
                lengths[place], pieces = self.codecs.ups[k].write_entries(*entries)
            else:
                with failures(setup.whose):
                    step(*what, norms[place])
                state = block.workers.compressor[k][0]
                lengths[place], pieces = self.codecs.ups[k].write(c, v, coins, state, ctx)
            if setup.plan.first_sample >= 0:
                steps.keep_sample_memory(*by_sample, block.workers.memories[0])
            data += pieces
            if scratch.exact_sum.size:
                exact.append(scratch.exact_sum)
            if self.has_sent_rule[k]:
                was_sent = None if self.sent_rule_checked else c.copy()
                with failures(setup.whose):
                    steps.after_sending(setup.exchanges[k].rules, ctx, v, c, states.workers[0], states.common)
                if was_sent is not None and not np.array_equal(was_sent, c, equal_nan=True):
                    raise InputError(
                        f"method '{setup.run.method.name}' changes a message after it is sent, which separate "
                        f"processes allow only where the server keeps a table: use the engine simulate"
                    )
        self.sent_rule_checked = True
        total = sum(map(len, data))
        self.channel.send(MESSAGE, total, 0, [np.array(lengths), norms, *exact, *data])

    # -- steps 10 and 11: the broadcast ------------------------------------------------------------------------------

    def _apply_and_answer(self, count: int, phase: int, data: memoryview) -> None:
        """Apply broadcasts and answer, with the own model if it goes into an average."""
        self._apply_broadcast(count, phase, data)
        averaged = self.setup.run.method.models == "averaged"
        models = [block.workers.models[0] for block in self.blocks] if averaged else ()
        self.channel.send(DONE, 0, 0, models)

    def _apply_broadcast(self, count: int, phase: int, data: memoryview) -> None:
        """Apply broadcasts: everyone's rule and the local rule."""
        setup, at = self.setup, 0
        run = setup.run
        for _ in range(count):
            head = np.frombuffer(data, np.int64, 4 + self.size, at)
            rnd, arrivals, age, total, *lengths = head.tolist()
            at += head.nbytes
            body, at = data[at : at + total], at + total + padding(total)
            used = 0
            for block, coins, place in zip(self.blocks, self.coins, self.slices, strict=True):
                own_lengths = lengths[place]
                if own_lengths[0] == frames.ABSENT:
                    continue
                k = exchanges(setup, block, rnd)[phase]
                v, c = block.worker_scratch.vector, block.worker_scratch.message
                _, read = self.codecs.downs[k].read(own_lengths, body[used:], coins.down(k, rnd), c)
                used += read
                n, exchange, states = run.problem.workers, setup.exchanges[k], block.states
                ctx = context(rnd, n, n, arrivals=arrivals, age=age, special=k)
                with failures(setup.whose):
                    steps.apply_broadcast(exchange, ctx, block.x, block.down_memory, states.common, c, v)
                if run.method.models:
                    if run.method.models == "detached":
                        v[:] = block.x
                    ctx[WORKER] = self.number
                    model = block.workers.models[0]
                    with failures(setup.whose):
                        steps.move_own_model(exchange.rules, ctx, model, v, states.workers[0], states.common)

    # -- measurements and state --------------------------------------------------------------------------------------

    def _evaluate(self, number: int, given: int, data: memoryview) -> None:
        setup, block = self.setup, self.blocks[number]
        x = np.frombuffer(data, np.float64).reshape(block.x.shape) if given else block.x
        # The gradient that has been computed but not been sent lies in the other one.
        gradient, value = block.worker_scratch.message, np.zeros(len(block.x))
        with failures(setup.whose):
            worker = self.number - setup.plan.first_data
            steps.evaluate_share(setup.common.oracle, worker, x, NO_DRAWS, gradient, value)
        self.channel.send(VALUES, 0, 0, [value, gradient])

    def _array(self, kind: int, number: int) -> np.ndarray:
        block = self.blocks[number]
        if kind < KINDS:
            return block.of_workers(kind)[0]
        return {MODEL: block.x, DOWN_MEMORY: block.down_memory, COMMON: block.states.common}[kind]

    def _read_state(self, kind: int, number: int, _: memoryview) -> None:
        self.channel.send(STATE, 0, 0, [self._array(kind, number)])

    def _write_state(self, kind: int, number: int, data: memoryview) -> None:
        array = self._array(kind, number)
        array[...] = np.frombuffer(data, np.float64).reshape(array.shape)
        self.channel.send(DONE)

    def _mask_diverged(self, _: int, __: int, data: memoryview) -> None:
        """Step 13 at the worker: replicas that diverged are put to zero."""
        lost = np.frombuffer(data, np.uint8).astype(bool)
        for block, place in zip(self.blocks, self.slices, strict=True):
            rows = np.flatnonzero(lost[place])
            held = (block.workers.memories[0], block.workers.errors[0], block.workers.models[0])
            for array in (block.x, block.down_memory, *held):
                if array.size:
                    array[rows] = 0.0
            block.states.workers[0][:, rows] = 0.0
            block.states.common[:, rows] = 0.0
        self.channel.send(DONE)
