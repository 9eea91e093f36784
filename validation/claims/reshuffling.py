"""The claim of Sadiev et al.: reshuffling helps where the compression noise vanishes, and is hidden elsewhere."""

from __future__ import annotations

import numpy as np

from ... import solvers
from ...problems import problem
from ...theory import Guarantee, theorem
from ..statistics import mean_limits
from .base import Claim, ClaimControl, Curve, Measured, Panel, Settings
from .measuring import FloatArray, each, verdict

PAPER = "Sadiev, Malinovsky, Gorbunov, Sokolov, Khaled, Burlachenko, Richtarik 2024, arXiv 2206.07021"
#: Four workers with five samples each, which differ; every sample's loss is strongly convex.
ROWS = "least-squares:rows=20,dim=10,reg=2,split=sorted,batch=1"
WORKERS, SAMPLES = 4, 5
COMPRESSOR = "randk:k=1"
#: Without compression noise and with it: the method on reshuffled samples and on samples drawn with replacement.
PAIRS = {"DIANA-RR": ("diana-rr", "diana"), "Q-RR": ("q-rr", "qsgd")}
#: By what factor reshuffling lowers the floor where it helps, at least, and where it is hidden, at most.
HELPS, HIDDEN = 2.0, 1.5


def floors(settings: Settings, *, up: str = COMPRESSOR, shifts: str = "diana-rr") -> Measured:
    """Compare the floors with and without reshuffling, of DIANA-RR and of Q-RR, at one step and compressor.

    `shifts` is what runs in the place of DIANA-RR.
    """
    epochs, replicas = (400, 32) if settings.quick else (800, 64)
    shuffled, drawn = (problem(ROWS + more, workers=WORKERS) for more in (",sampling=reshuffled", ""))
    sure = theorem("diana-rr.strongly-convex").guarantee(shuffled, COMPRESSOR)
    assert isinstance(sure, Guarantee)
    points = SAMPLES * np.unique(np.linspace(0, epochs, 126).astype(int))
    late = points >= points[-1] // 2
    means: dict[str, FloatArray] = {}
    logs: dict[str, FloatArray] = {}
    for word in each([word for pair in PAIRS.values() for word in pair], settings):
        runs = shifts if word == "diana-rr" else word
        numbers = sure.parameters if runs.startswith("diana") else {"gamma": sure.parameters["gamma"]}
        trace = solvers.simulate(
            runs, shuffled if word.endswith("-rr") else drawn, up, parameters=numbers, rounds=int(points[-1]),
            replicas=replicas, seed=settings.seed, checkpoints=points, threads=settings.threads, columns=False,
        )  # fmt: skip
        means[word] = trace.columns["dist_sq"].mean(axis=0)
        logs[word] = np.log(trace.columns["dist_sq"][:, late].mean(axis=1))
    gains = {}
    for name, (with_it, without) in PAIRS.items():
        middle, low, high = mean_limits((logs[without] - logs[with_it])[:, None], settings.alpha / 2)
        gains[name] = tuple(float(np.exp(limit[0])) for limit in (middle, low, high))
    helps, hidden = gains["DIANA-RR"], gains["Q-RR"]
    return Measured(
        verdict(helps[1] >= HELPS and hidden[2] <= HIDDEN, helps[2] < HELPS or hidden[1] > HIDDEN),
        f"reshuffling makes the floor of DIANA {helps[0]:.3g} [{helps[1]:.3g}, {helps[2]:.3g}] times smaller "
        f"(DIANA-RR), and that of QSGD {hidden[0]:.3g} [{hidden[1]:.3g}, {hidden[2]:.3g}] times (Q-RR)",
        min(helps[1] / HELPS, HIDDEN / hidden[2]),
        ("method", "floor with reshuffling", "floor without", "gain", "low", "high"),
        tuple(
            (name, float(np.exp(logs[pair[0]]).mean()), float(np.exp(logs[pair[1]]).mean()), *gains[name])
            for name, pair in PAIRS.items()
        ),
        (
            Panel(
                "epochs",
                r"$\|x-x^\star\|^2$",
                tuple(Curve(word, points / SAMPLES, mean) for word, mean in means.items()),
                log_x=False,
            ),
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "diana-rr.claim-reshuffling",
        "Reshuffling helps DIANA-RR and is hidden in Q-RR",
        "Random reshuffling lowers the floor that sampling leaves, but only where the compression noise vanishes: it "
        "helps DIANA-RR, whose shifts learn the gradients of the samples at the minimiser, and is hidden by the "
        "compression noise in Q-RR. Measured on least squares, four workers that differ, five samples each, rand-1 of "
        "ten coordinates, all methods at the step of DIANA-RR's theorem; the floor is the mean of ||x - x*||^2 after "
        "the epochs of the second half of a run. It holds if, with Student limits of the ratios over replicas, "
        "DIANA-RR's floor is at most half of DIANA's on samples drawn with replacement, and Q-RR's at least two thirds "
        "of QSGD's; it is violated if one of these fails by the other limit.",
        f"{PAPER}, abstract and section 2",
        floors,
        (
            ClaimControl("no compression, which hides nothing", lambda s: floors(s, up="identity")),
            ClaimControl("one shift for all samples of a worker", lambda s: floors(s, shifts="diana")),
        ),
    ),
)
