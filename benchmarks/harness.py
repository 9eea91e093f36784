"""Time ours against each rival, in pairs."""

from __future__ import annotations

import gc
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from . import c_rival, jax_rival, numpy_plain_rival, numpy_rival, torch_rival
from .limits import limit
from .ours import OURS
from .rival import Rival
from .workloads import QUICK, WORKLOADS, Instance, Workload, instance

RIVALS = (numpy_plain_rival.RIVAL, numpy_rival.RIVAL, jax_rival.RIVAL, torch_rival.RIVAL, c_rival.RIVAL)

#: Seconds after which a rival's cell starts no further pair (every cell has at least one).
BUDGET = {True: 6.0, False: 90.0}


@dataclass(frozen=True)
class Cell:
    """One workload against one rival.

    Attributes
    ----------
    workload, rival
        Names.
    note
        Why there is nothing to show, or "".
    ours, theirs, limits
        Seconds per replica and round, one number a pair; `limits` is what the machine needs at least (`limits`).
    our_dist_sq, their_dist_sq
        Mean over replicas and pairs of ||x - x*||^2 after the last round: both sides did the same thing.
    """

    workload: str
    rival: str
    note: str = ""
    ours: tuple[float, ...] = ()
    theirs: tuple[float, ...] = ()
    limits: tuple[float, ...] = ()
    our_dist_sq: float = float("nan")
    their_dist_sq: float = float("nan")

    @property
    def ratios(self) -> tuple[float, ...]:
        """Their time over ours, pair by pair."""
        return tuple(b / a for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def of_limit(self) -> float:
        """Our time over the limit: the median of the pairs."""
        return median(a / b for a, b in zip(self.ours, self.limits, strict=True))

    def as_json(self) -> dict[str, Any]:
        """Return the cell as plain JSON data, with the median of the ratios and their range."""
        if self.note:
            return {"workload": self.workload, "rival": self.rival, "note": self.note}
        numbers = asdict(self)
        del numbers["note"]
        ratios = self.ratios
        summary = {"median": median(ratios), "low": min(ratios), "high": max(ratios), "pairs": ratios}
        return {**numbers, "ratio": summary, "of_limit": self.of_limit}


def pair(chosen: Instance, rival: Rival, threads: int, budget: float) -> Cell:
    """Run ours, rival, limit, ours, rival, ... after one short warm-up each; both get the same seed."""
    workload = chosen.workload
    reason = rival.missing()
    if reason:
        return Cell(workload.name, rival.name, f"not available: {reason}")
    runners = [side.prepare(chosen, threads) for side in (OURS, rival)]
    for run in runners:
        run(1, 0)
    seconds: list[list[float]] = [[], []]
    dist_sq: list[list[float]] = [[], []]
    least, limits = limit(chosen, threads), []
    spent = 0.0
    for seed in range(1, workload.pairs + 1):
        for side, run in enumerate(runners):
            gc.collect()
            outcome = run(workload.rounds, seed)
            seconds[side].append(outcome.seconds / workload.rounds / workload.replicas)
            dist_sq[side].append(float(chosen.dist_sq(outcome.x).mean()))
            spent += outcome.seconds
        limits.append(least())
        if spent > budget:
            break
    ours, theirs = (tuple(side) for side in seconds)
    ends = (float(np.mean(side)) for side in dist_sq)
    return Cell(workload.name, rival.name, "", ours, theirs, tuple(limits), *ends)


def cells(names: list[str], quick: bool, threads: int) -> Iterator[Cell]:
    """Measure the named workloads against all rivals that are written for them, one cell after the other."""
    for name in names:
        chosen = instance(workloads(quick)[name])
        for rival in RIVALS:
            if name in rival.workloads:
                yield pair(chosen, rival, threads, BUDGET[quick])


def workloads(quick: bool) -> dict[str, Workload]:
    """Return the workloads in their short or their full form."""
    return QUICK if quick else WORKLOADS


def machine(threads: int) -> dict[str, Any]:
    """Return the processor's name, threads and the versions of all sides."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "threads": threads,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {
            side.name: f"not available: {side.missing()}" if side.missing() else side.version()
            for side in (OURS, *RIVALS)
        },
    }
