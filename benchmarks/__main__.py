"""``python -m benchmarks [--quick] [--workload W1 ...] [--out results.json]``"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .harness import Cell

THREADS = 2
#: Of a table that goes into a file.
WIDTH = 120


def keep_to(threads: int) -> int:
    """Let this process use at most `threads` cores; returns how many it has."""
    if not hasattr(os, "sched_setaffinity"):
        return min(threads, os.cpu_count() or 1)
    cores = sorted(os.sched_getaffinity(0))[:threads]
    os.sched_setaffinity(0, cores)
    return len(cores)


def duration(seconds: float) -> str:
    """Write a duration with three digits and a fitting unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def row(cell: Cell) -> list[str]:
    """What the table says of a cell, behind its rival's name."""
    if cell.note:
        return ["", "", cell.note]
    ratios = cell.ratios
    return [
        duration(median(cell.ours)),
        duration(median(cell.theirs)),
        f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        f"{duration(median(cell.limits))}: {cell.of_limit:.2f} of it",
        f"{cell.our_dist_sq:.4g}, {cell.their_dist_sq:.4g}",
    ]


def main(arguments: list[str] | None = None) -> None:
    """Measure; print each workload's table when it is whole, and write the JSON file after every rival."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time tersegrad against its rivals.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, W3 with d = 10^6; about 2 minutes")
    parser.add_argument("--workload", nargs="+", choices=("W1", "W2", "W3"), default=["W1", "W2", "W3"])
    parser.add_argument("--out", default="results.json", help="JSON file to write (default: results.json)")
    options = parser.parse_args(arguments)

    threads = keep_to(THREADS)  # before the libraries count the cores

    from rich.console import Console
    from rich.table import Table

    from . import harness

    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    about, known = harness.machine(threads), harness.workloads(options.quick)
    titles: dict[str, str] = {}
    results: list[dict[str, Any]] = []
    console.print(f"{about['cpu']}, {threads} threads: time of one round of one replica", highlight=False)
    for name in options.workload:
        titles[name] = known[name].title
        table = Table(title=f"{name} {titles[name]}", title_justify="left")
        for column in ("rival", "tersegrad", "rival's", "ratio (range)", "limit", "dist_sq of both"):
            table.add_column(column)
        with console.status("measuring") as status:
            for cell in harness.cells([name], options.quick, threads):
                status.update(f"measured {name} against {cell.rival}")
                table.add_row(cell.rival, *row(cell))
                results.append(cell.as_json())
                # After every cell, which may have taken minutes: who stops the command keeps what was measured.
                document = {"quick": options.quick, "machine": about, "workloads": titles, "results": results}
                Path(options.out).write_text(json.dumps(document, indent=1), encoding="utf-8")
        console.print(table)
    console.print(f"written to {options.out}", highlight=False)


if __name__ == "__main__":
    main()
