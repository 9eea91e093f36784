"""The noise floor of many methods over the number of workers, beside the ideal slope."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...problems import problem
from ...solvers import simulate
from ...theory import theorem
from ..drawing import Drawing, Frame, Frames, Line

DIM, GAMMA, SIGMA_SQ = 20, 0.05, 1.0
PROBLEM = f"quadratic:dim={DIM},mu=0.5,L=1,noise=gaussian,sigma_sq={SIGMA_SQ:g}"
FINE, TOP = "qsgd:levels=4", "topk:k=5"
RUNS: dict[str, dict[str, tuple[str, str, str, dict[str, float]]]] = {
    "unbiased": {
        "SGD": ("sgd", "identity", "identity", {}),
        "QSGD": ("qsgd", FINE, "identity", {}),
        "DIANA": ("diana", FINE, "identity", {"alpha": 0.5}),
        "DORE": ("dore", FINE, FINE, {"alpha": 0.5, "beta": 0.5, "eta": 0.0}),
        "Artemis": ("artemis", FINE, FINE, {"alpha": 0.5}),
        "LIEC-SGD": ("liec", FINE, FINE, {"H": 8.0}),
    },
    "top 5 of 20": {
        "MEM-SGD": ("error-feedback", TOP, "identity", {}),
        "DoubleSqueeze": ("doublesqueeze", TOP, TOP, {}),
        "GMC": ("gmc", TOP, "identity", {"beta": 0.5}),
        "CSER": ("cser", TOP, TOP, {"H": 8.0}),
        "EF21": ("ef21", TOP, "identity", {}),
        "EF21-SGDM": ("ef21-sgdm", TOP, "identity", {"eta": 0.1}),
    },
}

BOUNDS = {
    "SGD": "sgd.finite-sum", "QSGD": "qsgd.strongly-convex", "DIANA": "diana.strongly-convex",
    "DORE": "dore.strongly-convex", "Artemis": "artemis.strongly-convex",
}  # fmt: skip
"""Theorems whose metric is at least ||x - x*||^2."""


def promised(name: str, n: int, late: np.ndarray) -> float:
    """The bound of a method's theorem, averaged over the rounds `late`."""
    _, *links, numbers = RUNS["unbiased"][name]
    up, down = (None if link == "identity" else link for link in links)
    parameters: dict[str, Any] = {"gamma": GAMMA, **numbers}
    sure = theorem(BOUNDS[name]).guarantee(problem(PROBLEM, workers=n), up, down, **parameters)
    assert sure
    return float(np.mean(sure.bound(late)))


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Run every method at one step for many n; the floor is the mean of the second half of the run."""
    workers = (1, 4, 16) if quick else (1, 2, 4, 8, 16, 32, 64)
    rounds, replicas = (400, 4) if quick else (1000, 16)
    late = np.arange(rounds // 2, rounds + 1, 10)
    frames = []
    for title, runs in RUNS.items():
        lines: list[Line] = []
        for name, (method, up, down, numbers) in runs.items():
            floors = [
                simulate(
                    method, problem(PROBLEM, workers=n), up, down, parameters={"gamma": GAMMA, **numbers},
                    rounds=rounds, replicas=replicas, seed=seed, checkpoints=late, columns=False,
                ).columns["dist_sq"].mean()
                for n in workers
            ]  # fmt: skip
            lines.append(Line(name, workers, floors, look=len(lines)))
        for look, name in enumerate(runs):
            if name in BOUNDS:
                bound = [promised(name, n, late) for n in workers]
                lines.append(Line(f"{name}, bound", workers, bound, "bound", look, shown=False))
        if title == "unbiased":
            lines.append(Line("bounds", [], [], "bound"))  # one entry of the legend for all of them
        ideal = 0.4 * lines[0].y[0] / np.asarray(workers, float)
        lines.append(Line("ideal: slope $-1$", workers, ideal, "reference"))
        frames.append(Frame("workers $n$", r"$\mathbb{E}\;\|x^t-x^\star\|^2$, late", tuple(lines), title, letter="ll"))
    return tuple(frames)


FIGURE = Drawing(
    "overview-speedup",
    "overview",
    "Linear speedup of many methods",
    f"Where ||x^t - x*||^2 settles over the number of workers, all at the step {GAMMA:g}, on a quadratic in {DIM} "
    "dimensions, L = 1, mu = 0.5, the same for every worker, with Gaussian gradient noise of variance "
    f"{SIGMA_SQ:g} a worker; mean over 16 runs and the second half of each. (a) QSGD with 4 levels, both ways for "
    "DORE, Artemis and LIEC-SGD; LIEC-SGD lies on SGD. Dashed, in the colours of their methods, are the bounds that "
    "theorems give at this step. (b) The 5 largest of 20 coordinates, both ways for DoubleSqueeze and CSER; these two, "
    "MEM-SGD and EF21-SGDM lie on one curve, that of SGD; no theorem bounds this distance for the methods in (b). The "
    "dash-dot line has the ideal slope -1; its height is arbitrary. GMC has momentum 0.5, so that its steps are twice "
    f"as long. In {DIM} dimensions this tests the speedup, not a saving.",
    measure,
    seconds=(9, 1),
)
