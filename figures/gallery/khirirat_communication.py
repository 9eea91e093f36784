"""Iterations and bits to an accuracy on sparse and on dense data, over delays and compressors."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np

from ...problems import Problem, problem
from ...solvers import simulate
from ...solvers.clocks import clock
from ...theory import theorem
from ...theory.compressors import compressor
from ..drawing import Drawing, Frame, Frames, Line

DIM, WORKERS = 512, 4
DATA = "sparse-least-squares:rows=2560,dim={dim},overlap={overlap},target_noise=0"
CLOSER = 1e-2
"""E||x - x*||^2 at the end, relative to the start."""
TAUS = (0, 1, 3, 7)
LINKS = {"no compression": "identity", "QSGD, 8 levels": "qsgd:levels=8,block=64"}
LATE = r"$1+2\tau$, all reports $\tau$ rounds old"
OVERLAPS = {"sparse": 1, "dense": WORKERS}


@cache
def data(overlap: int) -> Problem:
    """The problem; two figures need it, and its constants take seconds."""
    return problem(DATA.format(dim=DIM, overlap=overlap), workers=WORKERS)


def promised(on: Problem, up: str, tau: int) -> tuple[float, int]:
    """The theorem's step, and its rounds to the accuracy."""
    known = replace(on.constants(), tau=float(tau))
    assert known.dist0_sq is not None
    sure = theorem("khirirat.q-iag-strongly-convex").guarantee(known, None if up == "identity" else up)
    assert sure
    rounds = sure.rounds_to(CLOSER * known.dist0_sq)
    assert rounds is not None
    return sure.parameters["gamma"], rounds


def needed(on: Problem, up: str, gamma: float, tau: int, most: int, seed: int) -> float:
    """Rounds until the distance is `CLOSER` of its start, interpolated."""
    points = np.unique(np.linspace(0, most, 121).round()).astype(int)
    trace = simulate(
        "q-iag", on, up, parameters={"gamma": gamma}, rounds=most, seed=seed, checkpoints=points, columns=False,
        schedule=clock(f"fixed:tau={tau}", WORKERS, most, table=True), threads=1,
    )  # fmt: skip
    dist = trace.columns["dist_sq"].mean(axis=0)
    k = int(np.argmax(dist <= CLOSER * dist[0]))
    share = math.log(dist[k - 1] / (CLOSER * dist[0])) / math.log(dist[k - 1] / dist[k])
    return float(trace.rounds[k - 1] + share * (trace.rounds[k] - trace.rounds[k - 1]))


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Run with the theorem's step for every delay, compressor and kind of data."""
    taus = (0, 1, 3) if quick else TAUS
    x = [1 + 2 * tau for tau in taus]
    rounds, bits = [], []
    for title, overlap in OVERLAPS.items():
        on = data(overlap)
        lines, sent = [], []
        for look, (name, up) in enumerate(LINKS.items()):
            steps = [promised(on, up, tau) for tau in taus]
            found = [needed(on, up, gamma, tau, most, seed) for tau, (gamma, most) in zip(taus, steps, strict=True)]
            bound = [most for _, most in steps]
            each = compressor(up).formula_bits(DIM, 32) / 1e6
            for values, kind in ((found, "measured"), (bound, "bound")):
                label = name if kind == "measured" else f"{name}: theorem"
                lines.append(Line(label, x, values, kind, look))
                sent.append(Line(label, x, [each * value for value in values], kind, look))
        rounds.append(Frame(LATE, f"rounds to {CLOSER:g} of the start", tuple(lines), title, letter="ul"))
        bits.append(Frame(LATE, "Mbit sent by a worker", tuple(sent), title, letter="ul"))
    return (*rounds, *bits)


FIGURE = Drawing(
    "khirirat-communication",
    "Khirirat et al.",
    "Iterations and bits on sparse and on dense data",
    f"Q-IAG on interpolating least squares in {DIM} dimensions with {WORKERS} workers, gradients tau rounds old, at "
    f"the step of its theorem: rounds, and bits that a worker sends, until ||x - x*||^2 is {CLOSER:g} of its start, "
    "measured and as the theorem promises (dashed). Sparse: no coordinate is shared (s = 1); dense: every coordinate "
    "is shared by all (s = n). QSGD has 8 levels in blocks of 64; bits by the papers' formula, 32 a coordinate without "
    "compression.",
    measure,
    seconds=(17, 10),
)
