"""What the ranks of tests/solvers/test_mpi.py run in one start: mpiexec -n 4 python -m support.ranks FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import tersegrad as tg
from support.method_table import call
from support.problem_table import NOISY

SYNCHRONOUS = ("dore", "liec", "marina", "ef21-p-diana", "diana-rr", "marina-p")
ASYNCHRONOUS = ("doublesqueeze-async", "q-iag")


def runs(folder: Path):
    """(name, what, options) of every run."""
    for word in SYNCHRONOUS:
        yield word, *call(word, NOISY)
    file = f"logistic:data={folder / 'data.svm'},reg=0.1,batch=2,split=sorted"
    yield "file", *call("diana", file, columns=["grad_sq_mean"])
    for word in ASYNCHRONOUS:
        yield word, *call(word, NOISY, schedule=None, rounds=25, columns=())


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, what, options in runs(folder):
        trace = tg.run(*what, engine="mpi", **options)
        if trace is not None:
            trace.save(folder / f"{name}.npz")
            if trace.schedule is not None:
                trace.schedule.save(folder / f"{name}.csv")
