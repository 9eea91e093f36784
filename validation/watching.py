"""One replica of a run, watched round by round: what the engine holds and sends, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..solvers.engines import records
from ..solvers.engines.block import Block
from ..solvers.engines.metrics import View
from ..solvers.engines.setup import Run, Setup

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Record:
    """What the engine holds after a round.

    Attributes
    ----------
    arrays
        By name, what the run keeps of: "x" (d,), the model; "memories", "errors", "models" (n, d), the workers' own;
        "server_memory", "server_error", "down_memory" (d,); "up", "up_special" (n, s) and "down", "down_special" (s,),
        the compressors' states; "message", "broadcast" (d,), the last message of a worker, as the server adds it up,
        and the server's; "bits_up" (per worker) and "bits_down", so far. "states" (arrays (n, d)), "server_states" and
        "common" (arrays (d,)) are tuples, of the rules' states.
    shadow
        y (d,), the shadow sequence; x where the method declares none.
    squeezed
        What the server compressed last (d,).
    """

    arrays: dict[str, Any]
    shadow: Floats
    squeezed: Floats


#: The replica that is watched, and those with which it shares its block; a coin common to all workers is tossed by
#: every replica for itself, so that there a block is one replica.
REPLICA = 1
COMPANY = (2, REPLICA, 0)


def watch(run: Run) -> Iterator[Record]:
    """Run a round at a time: what the engine holds of replica 1 before the first round, and after every one."""
    alone = run.method.tosses
    setup, row = Setup(run), 0 if alone else COMPANY.index(REPLICA)
    block = Block(setup, [REPLICA] if alone else COMPANY)
    yield _record(setup, block, row, 0)
    for t in range(run.rounds):
        block.advance(setup, t, t + 1)
        yield _record(setup, block, row, t + 1)


def _record(setup: Setup, block: Block, r: int, done: int) -> Record:
    """Copy the state of one replica of a block: the only place outside the engine that knows how it is kept."""
    view = View(setup, block, done)
    own = {
        "memories": view.memories, "errors": view.errors, "models": view.models,
        "up": block.workers.compressor[0], "up_special": block.workers.compressor[1],
    }  # fmt: skip
    single = {
        "server_memory": view.server_memory, "server_error": view.server_error,
        "down": block.server.compressor[0], "down_special": block.server.compressor[1],
        "message": block.worker_scratch.message, "broadcast": block.server_scratch.message, "x": view.x,
        "down_memory": block.down_memory if block.down_memory is not block.x else np.zeros((0, 0)),
    }  # fmt: skip
    arrays: dict[str, Any] = {name: a[:, r].copy() for name, a in own.items() if a.size}
    arrays |= {name: a[r].copy() for name, a in single.items() if a.size}
    arrays["states"] = tuple(view.states[:, k, r].copy() for k in range(view.states.shape[1]))
    arrays["server_states"] = tuple(a[r].copy() for a in view.server_states)
    arrays["common"] = tuple(a[r].copy() for a in view.common)
    arrays["bits_up"], arrays["bits_down"] = block.record[[records.BITS_UP, records.BITS_DOWN], r]
    shadow = view.x if setup.shadow is None else view.shadow
    return Record(arrays, shadow[r].copy(), block.server_scratch.vector[r].copy())
