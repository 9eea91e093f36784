"""LIEC: averaging periods over rounds and over bits, and blocks of its compressor."""

from __future__ import annotations

import numpy as np

from ...problems import problem
from ...solvers import simulate
from ...solvers.trace import Trace
from ...theory import theorem
from ..drawing import Drawing, Frame, Frames, Line

DIM, WORKERS, GAMMA = 512, 4, 0.01
PROBLEM = f"robust:rows=400,dim={DIM},split=sorted,noise=gaussian,sigma_sq=4"
PERIODS = (32, 100)
ENTRIES: dict[str, tuple[str, str, dict[str, float]]] = {
    "SGD": ("sgd", "identity", {}),
    "error feedback": ("error-feedback", "identity", {}),
    "DoubleSqueeze": ("doublesqueeze", "sign", {}),
    **{f"LIEC, $H={H}$": ("liec", "sign", {"H": float(H)}) for H in PERIODS},
}


def run(method: str, up: str, down: str, rounds: int, seed: int, quick: bool, **parameters: float) -> Trace:
    """A run with the common step."""
    points = np.unique(np.geomspace(1, rounds, 41).round()).astype(int)
    return simulate(
        method, problem(PROBLEM, workers=WORKERS), up, down, parameters={"gamma": GAMMA, **parameters}, rounds=rounds,
        replicas=2 if quick else 4, seed=seed, checkpoints=points, columns=("grad_sq_mean",), threads=1,
    )  # fmt: skip


def sent(trace: Trace) -> np.ndarray:
    """Bits of a worker, both ways, by the papers' formulas."""
    return trace.scalars["bits_up_formula"] + trace.scalars["bits_down_formula"]


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Run the methods with sign, and LIEC with sign in several blocks."""
    rounds = 400 if quick else 1500
    known = problem(PROBLEM, workers=WORKERS).constants()
    sure = theorem("sgd.nonconvex").guarantee(known, gamma=GAMMA)
    assert sure
    by_rounds, by_bits, bounds = [], [], []
    for name, (method, down, more) in ENTRIES.items():
        trace = run(method, "identity" if method == "sgd" else "sign", down, rounds, seed, quick, **more)
        mean = trace.columns["grad_sq_mean"].mean(axis=0)
        by_rounds.append(Line(name, trace.rounds, mean))
        by_bits.append(Line(name, sent(trace) / 1e6, mean))
        if method == "sgd":
            bound = sure.bound(trace.rounds)
            low = bound < mean[0]  # elsewhere it says less than the start
            for x in (trace.rounds, sent(trace) / 1e6):
                bounds.append(Line(f"{name}, bound", x[low], bound[low], "bound", 0))
    blocks = (8, 64, 512) if quick else (8, 16, 32, 64, 128, 256, 512)
    over_blocks: list[Line] = []
    bits: list[Line] = []
    for H in PERIODS:
        found = [run("liec", f"sign:block={b}", f"sign:block={b}", rounds, seed, quick, H=float(H)) for b in blocks]
        ends = [float(trace.columns["grad_sq_mean"][:, -1].mean()) for trace in found]
        over_blocks.append(Line(f"LIEC, $H={H}$", blocks, ends, look=3 + len(over_blocks)))
        spent = [float(sent(trace)[-1]) / (64 * DIM * rounds) for trace in found]
        bits.append(Line(f"LIEC, $H={H}$", blocks, spent, look=3 + len(bits)))
    label = r"mean over $s<t$ of $\|\nabla f(x^s)\|^2$"
    return (
        Frame("rounds $t$", label, (*by_rounds, bounds[0]), letter="ll"),
        Frame("Mbit per worker, both ways", label, (*by_bits, bounds[1]), letter="ll"),
        Frame(
            "block of the sign, coordinates",
            rf"mean over $s<{rounds}$ of $\|\nabla f(x^s)\|^2$",
            tuple(over_blocks),
            log_y=False,
            limits=(0, None),
            letter="ll",
        ),
        Frame("block of the sign, coordinates", "bits/bits of SGD", tuple(bits), limits=(0.03, 0.3)),
    )


FIGURE = Drawing(
    "liec-periods",
    "LIEC",
    "Averaging periods and blocks of LIEC",
    f"Robust regression in {DIM} dimensions, 400 rows sorted over {WORKERS} workers, Gaussian gradient noise, scaled "
    f"sign, step {GAMMA:g} for all; means of four runs. (a) The mean over rounds of the squared gradient (at the "
    "average of the workers' models for LIEC) for averaging periods H = 32 and 100, beside one-way error feedback and "
    "DoubleSqueeze. Dashed: SGD's bound, from where it is below the start; those of the others never are at this step. "
    "(b) The same at equal bits, both ways, by the papers' formulas. (c) and (d) The end of the run and "
    "the bits in units of those of SGD over the block of the sign: smaller blocks send more norms.",
    measure,
    seconds=(25, 3),
)
