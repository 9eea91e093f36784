"""GMC on real data: learning curves over rounds and over bits."""

from __future__ import annotations

import numpy as np

from ...problems import problem
from ...solvers import simulate
from ..drawing import Drawing, Frame, Frames, Line

PROBLEM = "logistic:data=breast_cancer,reg=0.01,split=sorted"
WORKERS = 4
TOP = "topk:k=3"
BETA = 0.9
STEP = 0.5
"""gamma/(1 - beta) in units of 1/L."""
RUNS: dict[str, tuple[str, str]] = {
    "DMSGD": ("dmsgd", "identity"),
    "GMC, top 3": ("gmc", TOP),
    "DGC, top 3": ("dgc", TOP),
    "error feedback, top 3": ("error-feedback", TOP),
}


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Run the methods with one effective step."""
    on = problem(PROBLEM, workers=WORKERS)
    smoothness = on.constants().L
    assert smoothness is not None
    step = STEP / smoothness
    rounds = 1500 if quick else 4000
    points = np.unique(np.geomspace(1, rounds, 61).round()).astype(int)
    by_rounds, by_bits = [], []
    for name, (method, up) in RUNS.items():
        momentum = method != "error-feedback"
        parameters = {"gamma": (1 - BETA) * step, "beta": BETA} if momentum else {"gamma": step}
        trace = simulate(
            method, on, up, parameters=parameters, rounds=rounds, seed=seed, checkpoints=points, columns=False,
            threads=1,
        )  # fmt: skip
        gap = trace.columns["gap"].mean(axis=0)
        seen = gap > 1e-12
        by_rounds.append(Line(name, trace.rounds[seen], gap[seen]))
        by_bits.append(Line(name, trace.scalars["bits_up_formula"][seen] / 1e3, gap[seen]))
    label = r"$f(x^t)-f^\star$"
    return (
        Frame("rounds $t$", label, tuple(by_rounds), letter="ll"),
        Frame("kbit sent by a worker", label, tuple(by_bits), letter="ll"),
    )


FIGURE = Drawing(
    "gmc-learning",
    "GMC",
    "Learning curves and bits of GMC on real data",
    "Logistic regression on the breast cancer data (569 rows, 30 features, reg = 0.01), sorted by label over "
    f"{WORKERS} workers, exact gradients, momentum {BETA:g}, gamma/(1 - beta) = {STEP:g}/L for all. The gap over (a) "
    "rounds and (b) the bits that a worker sends, 32 for a value and 5 for an index. Sorted data are as heterogeneous "
    "as data can be: local momentum (DGC) stalls where global momentum (GMC) goes on. With 30 features the picture "
    "shows the order of the methods, not the saving that a large model has.",
    measure,
    seconds=(1, 1.5),
)
