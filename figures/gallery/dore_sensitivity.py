"""DORE's regression over each of its numbers, the others as in the paper."""

from __future__ import annotations

import math

import numpy as np

from ...problems import Problem, problem
from ...solvers import simulate
from ...validation.claims.dore import PARAMETERS, REGRESSION, STEPS, TERNARY, WORKERS
from ..drawing import Drawing, Frame, Frames, Line

CLOSER = 1e-2
"""||x - x*||^2 at the end, relative to the start."""
MOST = 2000
SWEEPS: dict[str, tuple[str, tuple[float, ...]]] = {
    "block": ("block of the ternary compressor", (16, 32, 64, 128, 256, 512)),
    "alpha": (r"$\alpha$", (0.01, 0.03, 0.1, 0.3, 1.0)),
    "beta": (r"$\beta$", (0.2, 0.3, 0.4, 0.6, 1.0)),
    "eta": (r"$\eta$", (0.0, 0.25, 0.5, 0.75, 1.0)),
}


def rounds_to(on: Problem, gamma: float, seed: int, name: str, value: float) -> float:
    """Rounds until the distance is `CLOSER` of its start, interpolated; infinite if it is not within `MOST`."""
    parameters = {"gamma": gamma, **PARAMETERS, **({} if name == "block" else {name: value})}
    link = f"ternary:block={value:g}" if name == "block" else TERNARY
    trace = simulate(
        "dore", on, link, link, parameters=parameters, rounds=MOST, seed=seed,
        checkpoints=np.unique(np.geomspace(1, MOST, 121).round()).astype(int), columns=False, threads=1,
    )  # fmt: skip
    dist = trace.columns["dist_sq"].mean(axis=0)
    start = on.constants().dist0_sq
    assert start is not None
    reached = np.flatnonzero(dist <= CLOSER * start)
    if not reached.size or reached[0] == 0:
        return math.inf
    k = int(reached[0])
    share = math.log(dist[k - 1] / (CLOSER * start)) / math.log(dist[k - 1] / dist[k])
    return float(trace.rounds[k - 1] + share * (trace.rounds[k] - trace.rounds[k - 1]))


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Sweep one number at a time."""
    on = problem(REGRESSION, workers=WORKERS)
    frames = []
    for name, (label, values) in SWEEPS.items():
        lines = []
        for gamma in STEPS[:1] if quick else STEPS:
            found = {value: rounds_to(on, gamma, seed, name, value) for value in (values[::2] if quick else values)}
            reached = {value: rounds for value, rounds in found.items() if math.isfinite(rounds)}
            lines.append(Line(rf"$\gamma={gamma:g}$", list(reached), list(reached.values())))
        frames.append(
            Frame(
                label,
                f"rounds to {CLOSER:g} of the start",
                tuple(lines),
                log_x=name != "eta",
                limits=(200, 3000),
                letter="ul",
            )
        )
    return tuple(frames)


FIGURE = Drawing(
    "dore-sensitivity",
    "DORE",
    "Sensitivity of DORE to its block, alpha, beta and eta",
    f"Rounds until ||x^t - x*||^2 is {CLOSER:g} of its start, on the paper's ridge regression (1200 x 500, 20 workers, "
    "full gradients), over one number while the others are the paper's: ternary in blocks of 256, alpha = 0.1, "
    f"beta = eta = 1. A value without a point does not get there within {MOST} rounds, or diverges. Nothing here is "
    f"covered "
    "by the paper's Theorem 1, which needs beta <= 1/(omega + 1).",
    measure,
    seconds=(14, 5),
)
