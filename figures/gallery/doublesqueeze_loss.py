"""Loss of DoubleSqueeze beside its rivals, over rounds and over bits."""

from __future__ import annotations

import numpy as np

from ...problems import problem
from ...solvers import simulate
from ..drawing import Drawing, Frame, Frames, Line

DIM, WORKERS, GAMMA, SIGMA_SQ = 512, 8, 0.05, 0.01
PROBLEM = f"logistic-nonconvex:rows=800,dim={DIM},noise=gaussian,sigma_sq={SIGMA_SQ}"
TOP = "topk:ratio=0.02"
RUNS: dict[str, tuple[str, str, str]] = {
    "SGD": ("sgd", "identity", "identity"),
    "QSGD": ("qsgd", "qsgd:levels=4,block=64", "identity"),
    "MEM-SGD, 1 bit": ("error-feedback", "sign", "identity"),
    "DoubleSqueeze, 1 bit": ("doublesqueeze", "sign", "sign"),
    "DoubleSqueeze, top 2 %": ("doublesqueeze", TOP, TOP),
    "top 2 %, no memory": ("qsgd-two-way", TOP, TOP),
}


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Run all with one step and the same noise."""
    on = problem(PROBLEM, workers=WORKERS)
    rounds, replicas = (1000, 1) if quick else (4000, 2)
    points = np.unique(np.geomspace(1, rounds, 41).round()).astype(int)
    losses, gradients = [], []
    for name, (method, up, down) in RUNS.items():
        trace = simulate(
            method, on, up, down, parameters={"gamma": GAMMA}, rounds=rounds, replicas=replicas, seed=seed,
            checkpoints=points, columns=False, threads=1,
        )  # fmt: skip
        loss, gradient = (trace.columns[column].mean(axis=0) for column in ("above_bound", "grad_sq"))  # above 0
        sent = trace.scalars["bits_up_formula"] + trace.scalars["bits_down_formula"]
        losses.append(Line(name, trace.rounds, loss))
        gradients.append(Line(name, sent / 1e6, gradient))
    return (
        Frame("rounds $t$", "loss $f(x^t)$", tuple(losses), log_y=False, letter="ll"),
        Frame("Mbit per worker, both ways", r"$\|\nabla f(x^t)\|^2$", tuple(gradients), letter="ll"),
    )


FIGURE = Drawing(
    "doublesqueeze-loss",
    "DoubleSqueeze",
    "Loss of DoubleSqueeze beside SGD, QSGD, MEM-SGD and top-k without memory",
    f"Logistic regression with a nonconvex regulariser, {DIM} dimensions, 800 rows on {WORKERS} workers, Gaussian "
    f"gradient noise of variance {SIGMA_SQ:g}, step {GAMMA:g} for all; means of two runs. (a) The loss over rounds. "
    "(b) The squared gradient over the bits that pass a worker both ways, by the papers' formulas. One bit with memory "
    "both ways follows SGD; top 2 % both ways needs more rounds and ends where its errors, of second order in the "
    "step, do; without memory the same messages hardly descend. What is left at the end is the noise and the "
    "errors at this step. No bound is drawn: theorems bound the mean of the squared gradient over the rounds, and at "
    "this step only those of SGD and QSGD are below the start.",
    measure,
    seconds=(5, 1.1),
)
