"""Delays one by one: Q-IAG at the step of its theorem, on sparse and on dense data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...solvers import simulate
from ...solvers.clocks import clock
from ...theory import theorem
from ..drawing import Drawing, Frame, Frames, Line
from .khirirat_communication import DIM, OVERLAPS, WORKERS, data

UP = "qsgd:levels=8,block=64"
TAUS = (0, 2, 8, 24)


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Run with every delay on both kinds of data."""
    rounds, taus = (400, (0, 2)) if quick else (12_000, TAUS)
    frames = []
    for title, overlap in OVERLAPS.items():
        on = data(overlap)
        lines = []
        for look, tau in enumerate(taus):
            known = replace(on.constants(), tau=float(tau))
            sure = theorem("khirirat.q-iag-strongly-convex").guarantee(known, UP)
            assert sure
            points = np.unique(np.linspace(0, rounds, 61).round()).astype(int)
            trace = simulate(
                "q-iag", on, UP, parameters=sure.parameters, rounds=rounds, seed=seed, checkpoints=points,
                columns=False, schedule=clock(f"fixed:tau={tau}", WORKERS, rounds, table=True), threads=1,
            )  # fmt: skip
            dist = trace.columns["dist_sq"].mean(axis=0)
            lines.append(Line(rf"$\tau={tau}$", points, dist, look=look))
            lines.append(Line(rf"$\tau={tau}$: bound", points, sure.bound(points), "bound", look, shown=False))
        lines.append(Line("bound", [], [], "bound"))  # one entry of the legend for all of them
        frames.append(Frame("rounds $t$", r"$\|x^t-x^\star\|^2$", tuple(lines), title, log_x=False, limits=(1e-12, 10)))
    return tuple(frames)


FIGURE = Drawing(
    "khirirat-delays",
    "Khirirat et al.",
    "Several delays, on sparse and on dense data",
    f"Q-IAG on interpolating least squares in {DIM} dimensions with {WORKERS} workers, QSGD with 8 levels in blocks of "
    "64, all reports tau rounds old, each run at the step of the theorem for its tau, "
    "3 n/(8 s a L_max (1 + 2 tau)): the distance, and the bound (dashed, in the colour of its run). Sparse: every "
    "coordinate belongs to one worker (s = 1), and the step is n times longer; dense: all share all (s = n). Delays "
    "make the step, and with it the rate, smaller by 1 + 2 tau.",
    measure,
    seconds=(30, 9),
)
