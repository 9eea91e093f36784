"""GMC+: what lambda does, and heterogeneity under global and local momentum."""

from __future__ import annotations

import numpy as np

from ...problems import problem
from ...solvers import simulate
from ..drawing import Drawing, Frame, Frames, Line

DIM, WORKERS, BETA, STEP = 512, 4, 0.9, 0.1
TOP = "topk:ratio=0.01"
PROBLEM = "quadratic:dim={dim},mu=0.1,L=1,heterogeneity={spread:g},radius=1"


def run(method: str, spread: float, rounds: int, seed: int, points: np.ndarray, **parameters: float) -> np.ndarray:
    """||grad f||^2 at the points."""
    trace = simulate(
        method, problem(PROBLEM.format(dim=DIM, spread=spread), workers=WORKERS), TOP,
        parameters={"gamma": (1 - BETA) * STEP, "beta": BETA, **parameters}, rounds=rounds, seed=seed,
        checkpoints=points, columns=False, threads=1,
    )  # fmt: skip
    return trace.columns["grad_sq"].mean(axis=0)


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Sweep lambda at one heterogeneity, and the heterogeneity for GMC, GMC+ and DGC."""
    rounds = 1500 if quick else 6000
    points = np.unique(np.geomspace(1, rounds, 41).round()).astype(int)
    curves = tuple(
        Line(
            rf"$\lambda={lam:g}$" + (" (GMC)" if lam == 0 else ""),
            points,
            run("gmc-plus", 1.0, rounds, seed, points, lam=lam),
        )
        for lam in (0.0, 0.3, 0.6, 0.9)
    )
    late = np.linspace(2 * rounds // 3, rounds, 41).round().astype(int)
    spreads = (0.25, 1.0, 4.0) if quick else (0.25, 0.5, 1.0, 2.0, 4.0)
    contenders: dict[str, tuple[str, dict[str, float]]] = {
        "DGC": ("dgc", {}),
        "GMC": ("gmc", {}),
        r"GMC+, $\lambda=0.9$": ("gmc-plus", {"lam": 0.9}),
    }
    levels = tuple(
        Line(name, spreads, [float(run(method, s, rounds, seed, late, **more).mean()) for s in spreads])
        for name, (method, more) in contenders.items()
    )
    return (
        Frame("rounds $t$", r"$\|\nabla f(x^t)\|^2$", curves, letter="ll"),
        Frame("spread of the workers' minimisers", r"$\|\nabla f(x^t)\|^2$ at the end", levels, letter="ul"),
    )


FIGURE = Drawing(
    "gmc-plus",
    "GMC",
    "GMC+ over lambda, and heterogeneous workers",
    f"A quadratic in {DIM} dimensions with {WORKERS} workers whose minimisers differ, exact gradients, 1 % of the "
    f"entries (5 of {DIM}), momentum {BETA:g}, gamma/(1 - beta) = {STEP:g}/L. (a) GMC+, where the momentum is detached "
    "from the memory by lambda; lambda = 0 is GMC. (b) The mean of ||grad f||^2 over the last third of the run while "
    "the minimisers move apart: local momentum (DGC) ends highest.",
    measure,
    seconds=(2, 1),
)
