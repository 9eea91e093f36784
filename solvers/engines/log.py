"""What a run of one block leaves behind: its columns so far, and its way to a checkpoint file and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...common.errors import InputError
from . import records
from .block import Block
from .metrics import METER_TYPES, meters, metrics
from .setup import KINDS, Setup


class Log:
    """The measurements of one block at the checkpoints passed so far.

    Parameters
    ----------
    sample
        Whether this block also records what is the same for all replicas.
    """

    def __init__(self, sample: bool) -> None:
        self.sample = sample
        self.parts: dict[str, list[np.ndarray]] = {}

    def take(self, setup: Setup, block: Block, done: int) -> None:
        """Measure the block after `done` rounds."""
        bad = block.record[records.FIRST_BAD] > 0
        for name, column in metrics(setup, block, done).items():
            self._add(f"column/{name}", np.where(bad, np.inf, column))
        if self.sample:
            for name, value in meters(setup, block).items():
                self._add(f"scalar/{name}", np.array(value))
        if setup.run.paths:
            # What a replica does after it has diverged says nothing: its paths end at zero, as its final model does.
            self._add("path/x", np.where(bad[:, None], 0.0, block.model))
            if setup.shadow is not None:
                self._add("path/shadow", np.where(bad[:, None], 0.0, block.shadow(setup, done)))

    def _add(self, name: str, value: np.ndarray) -> None:
        self.parts.setdefault(name, []).append(value)

    def of(self, kind: str) -> dict[str, np.ndarray]:
        """Name -> (K, ...) array of the columns, scalars or paths."""
        return {name[len(kind) + 1 :]: np.stack(p) for name, p in self.parts.items() if name.startswith(kind + "/")}

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, to be stored."""
        return {name: np.stack(part) for name, part in self.parts.items()}

    def restore(self, setup: Setup, block: Block, done: int, arrays: dict[str, np.ndarray]) -> None:
        """Take up what `arrays` gave; scalars are integers or floats as they were.

        Parameters
        ----------
        block
            In the state after `done` rounds.

        Raises
        ------
        InputError
            If this run records other columns, or of other shapes.
        """
        count = int(np.searchsorted(setup.run.points, done, side="right"))
        with np.errstate(all="ignore"):
            columns = {f"column/{name}": column.shape for name, column in metrics(setup, block, done).items()}
        expected: dict[str, tuple[tuple[int, ...], Any]] = {name: (s, np.float64) for name, s in columns.items()}
        if self.sample:
            expected |= {f"scalar/{name}": ((), METER_TYPES[name]) for name in meters(setup, block)}
        if setup.run.paths:
            kept = ("path/x",) if setup.shadow is None else ("path/x", "path/shadow")
            expected |= dict.fromkeys(kept, (block.model.shape, np.float64))
        if not count:
            expected = {}
        if arrays.keys() != expected.keys() or any(
            arrays[name].shape != (count, *shape) or arrays[name].dtype != kind
            for name, (shape, kind) in expected.items()
        ):
            raise InputError("this checkpoint belongs to another run: it recorded other columns, or at other rounds")
        self.parts = {name: [np.array(value) for value in array] for name, array in arrays.items()}


def final(block: Block) -> np.ndarray:
    """The model after the last round; zeros where it diverged. The block, which is done, is not copied."""
    bad = block.record[records.FIRST_BAD] > 0
    return np.where(bad[:, None], 0.0, block.model) if bad.any() else block.model


def shared_state(block: Block) -> dict[str, np.ndarray]:
    """The arrays of a block, without those of the workers: what is not there has no numbers and is left out."""
    arrays = {
        "x": block.x, "server-states": block.states.server, "common": block.states.common,
        "history": block.arrivals.history, "average": block.watch.average, "record": block.record, "reals": block.reals,
        "server/0": block.server.memory, "server/1": block.server.error, "server/2": block.server.compressor[0],
        "server/3": block.server.compressor[1],
    }  # fmt: skip
    if block.down_memory is not block.x:
        arrays["down-memory"] = block.down_memory
    return {name: array for name, array in arrays.items() if array.size}


def worker_state(block: Block, number: int) -> dict[str, np.ndarray]:
    """The arrays of one worker of a block."""
    arrays = {f"worker/{number}/{kind}": block.of_workers(kind) for kind in range(KINDS)}
    return {name: array[number] for name, array in arrays.items() if array.size}


def refill(arrays: dict[str, np.ndarray], stored: dict[str, np.ndarray]) -> None:
    """Write what was stored into the arrays of a block.

    Raises
    ------
    InputError
        If they do not fit.
    """
    for name, array in arrays.items():
        if name not in stored or stored[name].shape != array.shape or stored[name].dtype != array.dtype:
            raise InputError("this checkpoint belongs to another run: its arrays have other shapes")
        array[...] = stored[name]


def below(prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    """The entries whose names begin with the prefix, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
