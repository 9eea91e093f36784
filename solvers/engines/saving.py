"""When a run is stored, and whether a stored one is the one that is to be continued."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ...common.errors import InputError
from ...problems.share import Share
from .. import snapshot
from . import records
from .block import Block
from .log import Log, below, refill, shared_state, worker_state
from .setup import Run, Setup

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


def identity(run: Run, parts: Sequence[Sequence[int]], digest: str | None, rounds: int | None = None) -> dict[str, Any]:
    """What must be the same for a run to be continued: everything that decides about its bits, but not the engine.

    Parameters
    ----------
    digest
        Of the problem; None if no process here can know it.
    rounds
        Of the run that this one makes longer, which had no more of the schedule.
    """
    times = run.schedule if run.schedule is None or rounds is None else run.schedule.first(rounds)
    delays = None
    if times is not None:
        delays = hashlib.sha256(
            b"".join(a.tobytes() for a in (times.starts, times.workers, times.versions))
        ).hexdigest()
    return {
        "method": run.method.name,
        "problem": run.problem.spec,
        "shares_only": isinstance(run.problem, Share),
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
        "schedule": delays or ("live" if run.live else None),
        "digest": digest,
    }


def same_problem(stored: dict[str, Any], spec: str, digest: str, path: str | Path) -> None:
    """Raise `InputError` unless a stored run is of the problem with this digest, whatever its files are called."""
    if stored.get("digest") == digest:
        return
    was = stored.get("problem")
    if was != spec:
        why = f"problem was {str(was)[:200]}, now it is {spec[:200]}, and their data differ"
    else:
        why = f"the data of {spec[:200]} were different (A, b or x0 has changed)"
    raise InputError(f"the checkpoint '{path}' is of another run: {why}; give the data that it was written with")


def same_run(stored: dict[str, Any], wanted: dict[str, Any], path: str | Path) -> None:
    """Raise `InputError` unless a stored run is the one wanted."""
    for name, value in wanted.items():
        if name == "digest":
            if value is not None:
                same_problem(stored, wanted["problem"], value, path)
        elif name != "problem" and (name not in stored or stored[name] != value):
            way = "repeat the command that wrote it, with --resume"
            if name == "rounds":
                way = "a run can be made longer, not shorter"
            was = str(stored.get(name))
            label = {"shares_only": "--shares-only"}.get(name, name)
            raise InputError(
                f"the checkpoint '{path}' is of another run: {label} was {was[:60]}, now it is {str(value)[:60]}; {way}"
            )


class Saver:
    """Stores the blocks of a run, each at its own pace, in one file.

    Parameters
    ----------
    path, every
        Where and how often.
    about
        The run's `identity`.
    """

    def __init__(self, path: str | Path, every: Every, about: dict[str, Any]) -> None:
        self.path, self.every = Path(path), every
        self.about = about
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
            if self.due(done, number):
                self.write_deposits()
                self.last[number] = time.monotonic()

    def write_deposits(self) -> int:
        """Write the file with what is known of all blocks; return the least number of rounds that is in it."""
        together = {f"{n}/{name}": a for n, (_, arrays) in self.stored.items() for name, a in arrays.items()}
        self.write({n: rounds for n, (rounds, _) in self.stored.items()}, together)
        return min(rounds for rounds, _ in self.stored.values())

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
    """A stored run.

    Attributes
    ----------
    path
        Its file.
    done
        Rounds that each block had done.
    arrays
        By name.
    run
        Its `identity`.
    points
        The checkpoints of the trace: those of the stored run and, where it is made longer, the later ones wanted.
    """

    path: Path
    done: dict[int, int]
    arrays: dict[str, np.ndarray]
    run: dict[str, Any]
    points: np.ndarray

    @classmethod
    def load(
        cls, path: str | Path, run: Run, parts: Sequence[Sequence[int]], digest: str | None, every_point: bool
    ) -> Stored:
        """Read a file of this very run, or of one that had fewer rounds.

        Parameters
        ----------
        every_point
            Whether the run's checkpoints were asked for one by one, so that the stored run must have had them.

        Raises
        ------
        InputError
            If it cannot be read, or is of another run.
        """
        about, arrays = snapshot.read(path)
        stored, counts = about.get("run"), about.get("done")
        if not isinstance(stored, dict) or not isinstance(counts, dict):
            raise damaged(path, "it does not say of which run it is")
        rounds, points = stored.get("rounds"), stored.get("checkpoints")
        if not isinstance(rounds, int) or not _are_points(points, rounds):
            raise damaged(path, "its rounds are not numbers of rounds")
        if rounds < run.rounds:
            kept, later = np.array(points, np.int64), run.points[run.points > rounds]
            if every_point and not np.isin(run.points[run.points <= rounds], kept).all():
                raise InputError(
                    f"the checkpoint '{path}' is of a run that recorded other checkpoints in its first {rounds} "
                    f"rounds: leave out checkpoints, or take its own"
                )
            wanted = identity(run, parts, digest, rounds) | {"rounds": rounds, "checkpoints": points}
            together = np.concatenate([kept, later])
        else:
            wanted, together = identity(run, parts, digest), run.points
        same_run(stored, wanted, path)
        blocks = {str(n): n for n in range(len(parts))}
        if not all(name in blocks and _is_count(d) and d <= rounds for name, d in counts.items()):
            raise damaged(path, "no such block")
        done = {blocks[name]: d for name, d in counts.items()}
        known = tuple(f"{n}/" for n in done)
        if stray := [n for n in arrays if not n.startswith(known) and n not in ("schedule", "versions", "dropped")]:
            raise damaged(path, f"its array '{stray[0][:60]}' belongs to no block")
        return cls(Path(path), done, arrays, stored, together)

    def of(self, number: int) -> dict[str, np.ndarray]:
        """The arrays of one block."""
        return below(f"{number}/", self.arrays)

    def fill(self, setup: Setup, number: int, block: Block, log: Log) -> int:
        """Put a block and its log where they were; return the rounds done (0 if it had not begun)."""
        if number not in self.done:
            return 0
        arrays = self.of(number)
        here = shared_state(block)
        for i in range(len(block.of_workers(0))):
            here |= worker_state(block, i)
        self.require_no_others(arrays, here)
        refill(here, arrays)
        self.require_sense(number, block)
        log.restore(setup, block, self.done[number], below("log/", arrays))
        return self.done[number]

    def require_no_others(self, arrays: Iterable[str], known: Iterable[str]) -> None:
        """Raise `InputError` if a block has arrays, beside its log, that the run does not know."""
        names = set(known)
        if stray := [name for name in arrays if name not in names and not name.startswith("log/")]:
            raise damaged(self.path, f"the run has no array '{stray[0][:60]}'")

    def require_sense(self, number: int, block: Block) -> None:
        """Raise `InputError` if what was just read of a block is no state that a run can be in."""
        record, done = block.record, self.done[number]
        counts = record[[records.MESSAGES, records.MESSAGES_SPECIAL, records.BROADCASTS, records.BROADCASTS_SPECIAL]]
        bad, special = record[records.FIRST_BAD], record[records.LAST_SPECIAL]
        whole = (bad == np.floor(bad)) & (bad >= 0) & (bad <= done)
        if not (
            whole.all() and np.isin(special, (0.0, 1.0)).all() and (counts >= 0).all() and np.isfinite(counts).all()
            and np.isfinite(block.x).all() and np.isfinite(block.arrivals.history).all()
        ):  # fmt: skip
            raise damaged(self.path, "it holds a state that no run can be in")


def damaged(path: str | Path, why: str) -> InputError:
    """The refusal of a file whose checksum fits but that says what cannot be."""
    return InputError(f"'{path}' is not a checkpoint that can be read ({why})")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_points(points: Any, rounds: int) -> bool:
    """Whether these are ascending numbers of rounds, of which the last is the end."""
    if not isinstance(points, list) or not points or not all(map(_is_count, [rounds, *points])):
        return False
    return points[-1] == rounds and all(a < b for a, b in pairwise(points))
