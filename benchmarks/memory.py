"""What each process of the engine `processes` holds at d = 10^7: python -m benchmarks.memory [dim] [workers].

A worker of DoubleSqueeze holds its error, the model, the vector that it compresses and the message: four vectors. The
server holds the model, its error, and what `rounds` calls scratch: seven vectors. Peaks have the coding in them, and,
at a checkpoint of the trace, what is measured there: the exact gradients, the workers' errors. Printed is what exceeds
a run with one coordinate.
"""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import tersegrad as tg


def memory(pid: int | str, what: str) -> int:
    """The peak (VmHWM) or the present size (VmRSS) of the resident memory of a process, in bytes."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(what))
    return 1024 * int(line.split()[1])


def measure(dim: int, workers: int, rounds: int = 4) -> dict[str, dict[str, int]]:
    """Who -> what it holds between rounds, its peak before, and its peak after a checkpoint of the trace."""
    found: dict[str, dict[str, int]] = {}
    done = 0

    def look(_: int) -> None:
        nonlocal done
        done += 1
        people = {person.name: person.pid or "self" for person in multiprocessing.active_children()}
        for name, pid in {**people, "server": "self"}.items():
            here = found.setdefault(name, {})
            if done == rounds - 1:
                here |= {"between rounds": memory(pid, "VmRSS"), "at the peak": memory(pid, "VmHWM")}
            elif done == rounds:
                here["at the peak of a checkpoint"] = memory(pid, "VmHWM")

    top = f"topk:k={max(1, dim // 1000)}"
    tg.run(
        "doublesqueeze", f"pl:dim={dim}", top, top, workers=workers, parameters={"gamma": 0.05}, rounds=rounds,
        checkpoints=[rounds], columns=(), engine="processes", progress=look,
    )  # fmt: skip
    return found


def main(dim: int, workers: int) -> None:
    """Print what everybody holds, in vectors of 8 d bytes above a run with one coordinate."""
    small, large = measure(1, workers), measure(dim, workers)
    for name in sorted(large):
        parts = [f"{(size - small[name][what]) / (8 * dim):.2f} {what}" for what, size in large[name].items()]
        print(f"{name}: {', '.join(parts)} (vectors of {8 * dim / 1e6:.0f} MB)")


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], "10000000", "2"][:2]))
