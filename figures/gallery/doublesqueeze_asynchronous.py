"""DoubleSqueeze without waiting: what delays cost in rounds, and what they save in time."""

from __future__ import annotations

import numpy as np

from ...problems import problem
from ...solvers import simulate
from ...solvers.trace import Trace
from ..drawing import Drawing, Frame, Frames, Line

DIM, WORKERS, GAMMA = 512, 16, 0.02
PROBLEM = f"logistic-nonconvex:rows=800,dim={DIM},noise=gaussian,sigma_sq=0.01,homogeneous=1"
TOP = "topk:ratio=0.02"
SLOW = 10.0


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Run with fixed delays, then with a slow worker and a server that waits for M messages."""
    steps = 480 if quick else 3000
    on = problem(PROBLEM, workers=WORKERS)

    def run(schedule: str, arrivals: int, rounds: int) -> Trace:
        points = np.unique(np.geomspace(1, rounds, 41).round()).astype(int)
        return simulate(
            "doublesqueeze-async", on, TOP, TOP, parameters={"gamma": GAMMA, "M": float(arrivals)}, rounds=rounds,
            seed=seed, checkpoints=points, columns=False, schedule=schedule, threads=1,
        )  # fmt: skip

    delayed = []
    for tau in (0, 64) if quick else (0, 4, 16, 64):
        trace = run(f"fixed:tau={tau}" if tau else "fresh", WORKERS, steps)
        delayed.append(Line(rf"$\tau={tau}$", trace.rounds, trace.columns["grad_sq"].mean(axis=0)))
    timed = []
    for arrivals in (WORKERS, 8, 2):
        trace = run(f"straggler:factor={SLOW:g}", arrivals, steps * WORKERS // arrivals // 4)
        shown = trace.seconds > 0
        timed.append(Line(f"$M={arrivals}$", trace.seconds[shown], trace.columns["grad_sq"].mean(axis=0)[shown]))
    return (
        Frame("rounds $t$", r"$\|\nabla f(x^t)\|^2$", tuple(delayed), letter="ll"),
        Frame("seconds of virtual time", r"$\|\nabla f(x^t)\|^2$", tuple(timed), letter="ll"),
    )


FIGURE = Drawing(
    "doublesqueeze-asynchronous",
    "DoubleSqueeze",
    "Asynchronous DoubleSqueeze: delays, and a server that does not wait",
    f"Logistic regression with a nonconvex regulariser, {DIM} dimensions, the same 800 rows on each of {WORKERS} "
    "workers, Gaussian gradient noise of variance 0.01, top 2 % both ways, the squared gradient of one run at the step "
    f"{GAMMA:g}. (a) Every gradient is tau rounds old when it arrives; at this step short delays make no visible "
    f"difference, long ones do. (b) In virtual time, a gradient takes one second, on one worker {SLOW:g}: the server "
    f"waits for M messages before it steps, all {WORKERS}, 8, or 2. Waiting for fewer makes more and noisier steps in "
    "the same time.",
    measure,
    seconds=(16, 2.5),
)
