"""What server and workers say to each other, whatever carries it.

The server leads. It sends commands, a worker answers them in order. A command is four numbers (which, two arguments,
how many bytes follow) and the bytes. What travels is of three kinds:

- *messages*, the encoded bytes of C(...), one for each replica: this is the communication that methods are about, and
  its bytes are counted;
- *measurements*: exact gradients and values of f_i, the workers' memories, errors and models at checkpoints, norms of
  what was compressed. They exist because a trace is recorded, and are not counted;
- *control*: the commands themselves, lengths, what a worker starts with. Not counted.

A worker holds its share of the data, its memories, the model and room for one message each way. The server holds the
model and its own memories.

The order of a round
--------------------
A round has the same bits in every engine because its steps come in the same order, with the same kernels, on blocks of
the same shapes. The order is written three times: in the compiled loop `rounds.run_rounds` for virtual workers, in
Python in `long.LongBlock` for those with long vectors, and in `server.Server` for real ones. The numbers below stand
beside all of them.

1. The weight of this round, and the weighted average of the iterates (weights that are known before the round).
2. grad f and f at the model, where a column needs them at every round.
3. The same at the virtual iterate, and its distance from the workers' models.
4. Which exchanges this round has: the usual one, the special one, or both. Before a checkpoint, the norms of what was
   compressed are set to zero.
5. An asynchronous step keeps the model x^t for the messages that are computed at it.

For each exchange:

6. The sums of messages and of exact gradients are cleared.
7. Every worker (every arrival, in an asynchronous step) computes its gradient, applies its rule and compresses; the
   messages are added in this order.
8. The server divides the sum, applies its rule and compresses.
9. Bits, messages and broadcasts are counted.
10. Everyone applies the broadcast to the shared model.
11. Where workers have models of their own, every one applies its local rule; x is their average or goes its own way.

And in the end:

12. The weighted average (weights that are known after the round).
13. Replicas beyond bounds are noted and put to zero.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, Protocol

import numpy as np

from ....common.errors import InputError, WorkerError, told
from ....problems import Problem
from ....theory.compressors import Compressor
from ...method import Method
from ...random import (
    SHARED_WORKER,
    STREAM_DOWN,
    STREAM_DOWN_SPECIAL,
    STREAM_UP,
    STREAM_UP_SPECIAL,
    Draws,
)
from ...rules import identity_rule
from .. import records
from ..block import Block
from ..setup import KINDS, Setup
from . import steps
from .frames import MessageCodec

#: Commands of the server. BEGIN: what the run is. COMPUTE_GRADIENT, then SEND_MESSAGE, or both as WORKER_STEP.
#: APPLY_BROADCAST is not answered, APPLY_AND_ANSWER is (with the own model, if it goes into an average). EVALUATE: the
#: exact gradient and value. READ_STATE, WRITE_STATE: an array of a block. MASK_DIVERGED: put replicas to zero.
(
    BEGIN, COMPUTE_GRADIENT, SEND_MESSAGE, WORKER_STEP, APPLY_BROADCAST, APPLY_AND_ANSWER, EVALUATE, READ_STATE,
    WRITE_STATE, MASK_DIVERGED, STOP,
) = range(11)  # fmt: skip
#: Answers of a worker: it has its gradient; its message; it has done as told; values of f_i; an array; why it failed.
READY, MESSAGE, DONE, VALUES, STATE, FAILED = range(11, 17)
#: Kinds of state beside those of `setup`: what a worker shares with the server.
MODEL, DOWN_MEMORY, COMMON = KINDS, KINDS + 1, KINDS + 2
WORD = 8

Buffers = Sequence[Any]
ReadShare = Callable[[dict[str, Any], int], list[np.ndarray]]
Received = tuple[int, int, int, memoryview]


def refusal(error: BaseException) -> tuple[int, bytes]:
    """What the answer `FAILED` says of an exception: whether a user's own object or input is to blame, and why."""
    known = isinstance(error, InputError)
    return int(known), (" ".join(str(error).split()) if known else told(error)).encode()


def failure(worker: int, rnd: int, data: memoryview, own: int) -> Exception:
    """Why a worker failed, by its answer `FAILED`: `own` is 1 if a user's own object or input is to blame."""
    reason = bytes(data).decode(errors="replace")
    if own:
        return InputError(f"{reason} (worker {worker}, round {rnd})" if rnd else reason)
    return WorkerError(f"worker {worker} failed in round {rnd}: {reason}")


class WorkerChannel(Protocol):
    """A worker's end of the connection to the server."""

    def receive(self) -> Received:
        """The next command; its bytes are there until the next answer is sent."""

    def send(self, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        """Answer."""


class WorkerPool(Protocol):
    """The server's end of the connections to all workers."""

    round: int

    def send(self, worker: int, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        """Command one worker; with bytes, only when it has answered since the last bytes that it was sent."""

    def broadcast(self, what: int, a: int = 0, b: int = 0, data: Buffers = ()) -> None:
        """Command all workers."""

    def receive(self, worker: int) -> Received:
        """The worker's next answer; its bytes are there until the worker's next command."""

    def release_start_buffers(self) -> None:
        """Every worker has what it starts with: the memory that this took is free."""

    def wait_any(self, among: Iterable[int]) -> int:
        """Wait until one of these workers has answered, and return which: the one that answered first."""


def require_support(method: Method, problem: Problem, setup: Setup) -> None:
    """Refuse what processes cannot do.

    Raises
    ------
    InputError
        In one sentence.
    """
    averaged = method.models == "averaged"
    if averaged and any(e.everyone is not identity_rule for e in setup.described):
        raise InputError(
            f"method '{method.name}' keeps a model of its own on every worker and has a rule for everyone, but "
            f"workers in separate processes do not know the average model: use the engine simulate"
        )
    if method.clock and (method.special or method.models or method.states[2]):
        raise InputError(
            f"method '{method.name}' is asynchronous and has special exchanges, models of the workers' own or common "
            f"states: use the engine simulate"
        )


class SharedCoins:
    """The uniforms of a shared seed, made again where a message is read."""

    def __init__(self, setup: Setup, block: Block) -> None:
        self.setup, self.block = setup, block

    def up(self, k: int, rnd: int) -> np.ndarray | None:
        """Of the workers' messages."""
        streams = (STREAM_UP, STREAM_UP_SPECIAL)
        return self._make(self.setup.ups[k], self.block.random.up[k], rnd, SHARED_WORKER, streams[k])

    def down(self, k: int, rnd: int) -> np.ndarray | None:
        """Of the server's message."""
        streams = (STREAM_DOWN, STREAM_DOWN_SPECIAL)
        sender = SHARED_WORKER if self.setup.exchanges[k].each else self.setup.run.problem.workers
        return self._make(self.setup.downs[k], self.block.random.down[k], rnd, sender, streams[k])

    def _make(self, comp: Compressor, draws: Draws, rnd: int, sender: int, stream: int) -> np.ndarray | None:
        if not comp.shared_coins or not draws.key.size:
            return None
        steps.uniforms(self.setup.run.seed, rnd, sender, stream, draws)
        return draws.numbers[:, : comp.draws(self.setup.run.problem.dim)]


def exchanges(setup: Setup, block: Block, rnd: int) -> tuple[int, ...]:
    """Step 4: which exchanges this round has, in their order; 0 is the usual one, 1 the special one."""
    plan = setup.plan
    if plan.when == records.NEVER or not steps.is_special(setup.common, block.reals, block.random.coin, rnd):
        return (0,)
    return (0, 1) if plan.adds else (1,)


def replica_slices(blocks: Sequence[Block]) -> list[slice]:
    """Where the blocks' replicas stand among all."""
    ends = accumulate(len(block.x) for block in blocks)
    return [slice(end - len(block.x), end) for block, end in zip(blocks, ends, strict=True)]


def padding(size: int) -> int:
    """How many bytes bring a size to whole words."""
    return -size % WORD


class Codecs:
    """What writes and reads the messages of both directions, for both exchanges."""

    def __init__(self, setup: Setup) -> None:
        self.ups, self.downs = (
            [MessageCodec(c, setup.run.problem.dim) for c in side] for side in (setup.ups, setup.downs)
        )


def pack_named(config: dict[str, Any], arrays: Sequence[np.ndarray]) -> list[Any]:
    """A text and arrays as bytes: how long the text is, the text with what the arrays are, the arrays."""
    text = json.dumps({"config": config, "arrays": [[str(a.dtype), a.shape] for a in arrays]}).encode()
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
    return header["config"], arrays
