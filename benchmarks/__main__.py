"""``python -m benchmarks [--quick] [--workload W1 ...] [--out results.json]``"""

from __future__ import annotations

import argparse
import json
import os

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


def main(arguments: list[str] | None = None) -> None:
    """Measure, print the table and write the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time tersegrad against its rivals.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, W3 with d = 10^6; about 2 minutes")
    parser.add_argument("--workload", nargs="+", choices=("W1", "W2", "W3"), default=["W1", "W2", "W3"])
    parser.add_argument("--out", default="results.json", help="JSON file to write (default: results.json)")
    options = parser.parse_args(arguments)

    threads = keep_to(THREADS)  # before the libraries count the cores

    from statistics import median

    from rich.console import Console
    from rich.table import Table

    from . import harness

    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    about = harness.machine(threads)
    table = Table(title=f"{about['cpu']}, {threads} threads: time of one round of one replica")
    for column in ("workload", "rival", "tersegrad", "rival's", "ratio (range)", "limit", "dist_sq of both"):
        table.add_column(column)
    results = []
    with console.status("measuring") as status:
        for cell in harness.cells(options.workload, options.quick, threads):
            status.update(f"measured {cell.workload} against {cell.rival}")
            results.append(cell.as_json())
            if cell.note:
                table.add_row(cell.workload, cell.rival, "", "", cell.note)
                continue
            ratios = cell.ratios
            table.add_row(
                cell.workload,
                cell.rival,
                duration(median(cell.ours)),
                duration(median(cell.theirs)),
                f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
                f"{duration(median(cell.limits))}: {cell.of_limit:.2f} of it",
                f"{cell.our_dist_sq:.4g}, {cell.their_dist_sq:.4g}",
            )
    console.print(table)
    titles = {name: w.title for name, w in harness.workloads(options.quick).items() if name in options.workload}
    for name, title in titles.items():
        console.print(f"{name} {title}", highlight=False)
    document = {"quick": options.quick, "machine": about, "workloads": titles, "results": results}
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
    console.print(f"written to {options.out}", highlight=False)


if __name__ == "__main__":
    main()
