"""When a run is stored, and whether a stored one is the one that is to be continued."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...common.errors import InputError
from .. import snapshot
from .log import Log, below, refill, shared_state, worker_state
from .setup import Block, Run

DEFAULT_EVERY = "60s"


@dataclass(frozen=True)
class Every:
    """How often to store: every so many rounds, or seconds.

    Attributes
    ----------
    rounds, seconds
        One of them is None.
    """

    rounds: int | None
    seconds: float | None

    @classmethod
    def read(cls, text: str | int) -> Every:
        """Read "500" (rounds) or "30s" (seconds).

        Raises
        ------
        InputError
            For anything else.
        """
        word = str(text).strip()
        try:
            if word.endswith("s"):
                seconds = float(word[:-1])
                if 0 < seconds < float("inf"):
                    return cls(None, seconds)
            elif (rounds := int(word)) >= 1:
                return cls(rounds, None)
        except ValueError:
            pass
        raise InputError(
            f"'{text}' does not say how often to store a checkpoint: write a number of rounds, as in 500, or of "
            f"seconds, as in 30s"
        )

    def next_after(self, done: int, rounds: int) -> int:
        """The next round after which to store, if it is known beforehand."""
        return rounds if self.rounds is None else (done // self.rounds + 1) * self.rounds


def identity(run: Run, parts: Sequence[Sequence[int]]) -> dict[str, Any]:
    """What must be the same for a run to be continued: everything that decides about its bits, but not the engine."""
    times = run.schedule
    digest = None
    if times is not None:
        digest = hashlib.sha256(
            b"".join(a.tobytes() for a in (times.starts, times.workers, times.versions))
        ).hexdigest()
    return {
        "method": run.method.name,
        "problem": run.problem.spec,
        "workers": run.problem.workers,
        "up": run.up.spec,
        "down": run.down.spec,
        "parameters": run.numbers,
        "rounds": run.rounds,
        "seed": run.seed,
        "replicas": [int(r) for part in parts for r in (part[0], part[-1])],
        "columns": sorted(run.columns),
        "checkpoints": [int(p) for p in run.points],
        "average": None if run.weights is None else list(run.weights),
        "paths": run.paths,
        "schedule": digest or ("live" if run.live else None),
    }


def same_run(stored: dict[str, Any], wanted: dict[str, Any], path: str | Path) -> None:
    """Raise `InputError` unless a stored run is the one wanted."""
    for name, value in wanted.items():
        if name not in stored or stored[name] != value:
            was = str(stored.get(name))
            raise InputError(
                f"the checkpoint '{path}' is of another run: {name} was {was[:60]}, now it is {str(value)[:60]}; "
                f"repeat the command that wrote it, with --resume"
            )


class Saver:
    """Stores the blocks of a run, each at its own pace, in one file.

    Parameters
    ----------
    path, every
        Where and how often.
    run, parts
        The run and the replicas of its blocks.
    """

    def __init__(self, path: str | Path, every: Every, run: Run, parts: Sequence[Sequence[int]]) -> None:
        self.path, self.every = Path(path), every
        self.about = identity(run, parts)
        self.stored: dict[int, tuple[int, dict[str, np.ndarray]]] = {}
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.last: dict[int, float] = {}

    def due(self, done: int, number: int = 0) -> bool:
        """Whether it is time to store block `number`, after `done` rounds."""
        if self.every.rounds is not None:
            return done % self.every.rounds == 0
        since = self.last.get(number, self.began)
        return time.monotonic() - since >= self.every.seconds  # type: ignore[operator]

    def deposit(self, number: int, done: int, block: Block, log: Log) -> None:
        """Store block `number`, with the last that is known of the others; write the file if it is time."""
        arrays = {f"log/{name}": array for name, array in log.arrays().items()}
        arrays |= {name: array.copy() for name, array in shared_state(block).items()}
        for i in range(len(block.of_workers(0))):
            arrays |= {name: array.copy() for name, array in worker_state(block, i).items()}
        with self.lock:
            self.stored[number] = (done, arrays)
            if not self.due(done, number):
                return
            together = {f"{n}/{name}": a for n, (_, arrays) in self.stored.items() for name, a in arrays.items()}
            self.write({n: rounds for n, (rounds, _) in self.stored.items()}, together)
            self.last[number] = time.monotonic()

    def write(
        self,
        done: dict[int, int],
        arrays: dict[str, np.ndarray],
        more: Sequence[snapshot.Entry] = (),
        later: Iterable[np.ndarray] = (),
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Write the file: arrays at hand, then those that come one at a time."""
        about = {"run": self.about, "done": {str(n): d for n, d in done.items()}, **(extra or {})}

        def all_arrays() -> Iterable[np.ndarray]:
            yield from arrays.values()
            yield from later

        snapshot.write(self.path, about, [*snapshot.describe(arrays), *more], all_arrays())


@dataclass(frozen=True)
class Stored:
    """A stored run: how many rounds each block had done, and its arrays."""

    done: dict[int, int]
    arrays: dict[str, np.ndarray]
    about: dict[str, Any]

    @classmethod
    def load(cls, path: str | Path, run: Run, parts: Sequence[Sequence[int]]) -> Stored:
        """Read a file of this very run.

        Raises
        ------
        InputError
            If it cannot be read, or is of another run.
        """
        about, arrays = snapshot.read(path)
        try:
            stored, done = dict(about["run"]), {int(n): int(d) for n, d in about["done"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError(f"'{path}' is not a checkpoint that can be read (no run)") from None
        same_run(stored, identity(run, parts), path)
        if not all(0 <= n < len(parts) and 0 <= d <= run.rounds for n, d in done.items()):
            raise InputError(f"'{path}' is not a checkpoint that can be read (no such block)")
        return cls(done, arrays, about)

    def of(self, number: int) -> dict[str, np.ndarray]:
        """The arrays of one block."""
        return below(f"{number}/", self.arrays)

    def fill(self, number: int, block: Block, log: Log) -> int:
        """Put a block and its log where they were; return the rounds done (0 if it had not begun)."""
        if number not in self.done:
            return 0
        arrays = self.of(number)
        refill(shared_state(block), arrays)
        for i in range(len(block.of_workers(0))):
            refill(worker_state(block, i), arrays)
        log.restore(below("log/", arrays))
        return self.done[number]
