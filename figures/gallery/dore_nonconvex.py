"""DORE on a nonconvex problem beside its rivals, over rounds and over bits."""

from __future__ import annotations

import numpy as np

from ...problems import problem
from ...solvers import simulate
from ..drawing import Drawing, Frame, Frames, Line

DIM, WORKERS, GAMMA, SIGMA_SQ = 512, 10, 0.05, 0.01
PROBLEM = f"logistic-nonconvex:rows=1000,dim={DIM},noise=gaussian,sigma_sq={SIGMA_SQ},split=sorted"
TERNARY, TOP = "ternary:block=256", "topk:ratio=0.02"
RUNS: dict[str, tuple[str, str, str, dict[str, float]]] = {
    "SGD": ("sgd", "identity", "identity", {}),
    "QSGD": ("qsgd", TERNARY, "identity", {}),
    "MEM-SGD": ("error-feedback", TERNARY, "identity", {}),
    "DIANA": ("diana", TERNARY, "identity", {"alpha": 0.1}),
    "DoubleSqueeze, top 2 %": ("doublesqueeze", TOP, TOP, {}),
    "DORE": ("dore", TERNARY, TERNARY, {"alpha": 0.1, "beta": 1.0, "eta": 1.0}),
}


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Run all with one step and the same noise."""
    on = problem(PROBLEM, workers=WORKERS)
    rounds, replicas = (400, 1) if quick else (4000, 2)
    points = np.unique(np.geomspace(1, rounds, 41).round()).astype(int)
    losses, gradients = [], []
    for name, (method, up, down, numbers) in RUNS.items():
        trace = simulate(
            method, on, up, down, parameters={"gamma": GAMMA, **numbers}, rounds=rounds, replicas=replicas, seed=seed,
            checkpoints=points, columns=False, threads=1,
        )  # fmt: skip
        loss, gradient = (trace.columns[column].mean(axis=0) for column in ("above_bound", "grad_sq"))  # above 0
        sent = trace.columns["bits_up_encoded"] + trace.columns["bits_down_encoded"]
        losses.append(Line(name, trace.rounds, loss))
        gradients.append(Line(name, sent.mean(axis=0) / 1e6, gradient))
    return (
        Frame("rounds $t$", "loss $f(x^t)$", tuple(losses), log_y=False, letter="ll"),
        Frame("Mbit per worker, both ways", r"$\|\nabla f(x^t)\|^2$", tuple(gradients), letter="ll"),
    )


FIGURE = Drawing(
    "dore-nonconvex",
    "DORE",
    "DORE on a nonconvex problem",
    f"Logistic regression with a nonconvex regulariser, {DIM} dimensions, 1000 rows sorted by label on {WORKERS} "
    f"workers, Gaussian gradient noise of variance {SIGMA_SQ:g}, step {GAMMA:g} for all; means of two runs. Ternary "
    "dithering in blocks of 256, both ways for DORE, with the paper's alpha = 0.1, beta = eta = 1; DoubleSqueeze sends "
    "the top 2 %, since with ternary dithering, which is not contractive, it diverges at this step. (a) The loss over "
    "rounds. (b) The squared gradient over the bits, as encoded, that pass a worker both ways. No "
    "bound is drawn: theorems bound the mean of this over the rounds, and at this step only SGD's is below the start.",
    measure,
    seconds=(5, 2),
)
