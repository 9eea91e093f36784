"""The claims of the DORE paper: vanishing residuals, and the communication that is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ... import solvers
from ...problems import problem
from ..statistics import mean_limits
from .base import Claim, ClaimControl, Curve, Measured, Panel, Settings
from .measuring import bits, each, verdict

if TYPE_CHECKING:
    from ...solvers import Trace

PAPER = "Liu, Li, Tang, Yan, AISTATS 2020, arXiv 1910.07561"
#: The paper's linear regression. It does not print the scaling of A; see `figures.gallery.dore_regression`.
REGRESSION = "least-squares:rows=1200,dim=500,reg=0.05,scale=0.5"
TERNARY = "ternary:block=256"
WORKERS = 20
STEPS = (0.05, 0.025)
PARAMETERS: dict[str, float] = {"alpha": 0.1, "beta": 1.0, "eta": 1.0}

RESIDUALS = (("up_residual_sq", "up"), ("down_residual_sq", "down"))
#: A residual vanishes if it falls by this factor, and stays if it falls by at most that one, after the first fifth.
VANISHES, STAYS = 10.0, 2.0
#: The least squared correlation of an exponential.
STRAIGHT = 0.9


def residuals(settings: Settings, *, dore: dict[str, float] | None = None) -> Measured:
    """Fit the decay of what DORE and DoubleSqueeze compress, on the paper's regression.

    `dore` are DORE's parameters beside the step, the paper's by default.
    """
    rounds, replicas, steps = (400, 16, STEPS[1:]) if settings.quick else (1500, 16, STEPS)
    runs = {"DORE": ("dore", dore or PARAMETERS), "DoubleSqueeze": ("doublesqueeze", {})}
    regression = problem(REGRESSION, workers=WORKERS)
    points = np.linspace(0, rounds, 36).round().astype(int)
    traces: dict[tuple[float, str], Trace] = {}
    for gamma, name in each([(gamma, name) for gamma in steps for name in runs], settings):
        word, parameters = runs[name]
        traces[gamma, name] = solvers.simulate(
            word, regression, TERNARY, TERNARY, parameters={"gamma": gamma, **parameters}, rounds=rounds,
            replicas=replicas, seed=settings.seed, checkpoints=points, columns=False, threads=settings.threads,
        )  # fmt: skip
    rows, decays = [], {}
    limits = settings.alpha / (2 * len(traces))
    for (gamma, name), trace in traces.items():
        for column, way in RESIDUALS:
            rate, low, high, straight = _decay(trace, column, limits)
            decays[gamma, name, way] = (low, high, straight)
            last = float(trace.columns[column][:, -1].mean())
            rows.append((name, gamma, way, rate, low, high, straight, last, trace.diverged or "no"))
    time = 0.8 * rounds
    mine, other = ([v for (_, name, _), v in decays.items() if name == word] for word in runs)
    vanish = all(time * low >= np.log(VANISHES) and straight >= STRAIGHT for low, _, straight in mine)
    stay = all(time * high <= np.log(STAYS) for _, high, _ in other)
    broken = any(time * high < np.log(VANISHES) for _, high, _ in mine) or any(
        time * low > np.log(STAYS) for low, _, _ in other
    )
    slowest, fastest = min(row[3] for row in rows if row[0] == "DORE"), max(row[3] for row in rows if row[0] != "DORE")
    return Measured(
        verdict(vanish and stay, broken),
        f"from the first fifth of {rounds} rounds to the end DORE's residuals fall {_times(slowest * time)} or more, "
        f"by exp(-{slowest:.2g} t), squared correlation {min(straight for *_, straight in mine):.2f} or more; "
        f"DoubleSqueeze's fall {_times(max(fastest, 0.0) * time)} at most",
        float(np.exp(time * slowest) / VANISHES),
        ("method", "step", "link", "decay", "low", "high", "correlation squared", "last", "diverged"),
        tuple(rows),
        tuple(
            Panel(
                "rounds $t$",
                f"$\\|$compressed vector$\\|^2$, {way}link",
                tuple(
                    Curve(
                        name if len(steps) == 1 else f"{name}, step {gamma:g}",
                        trace.rounds[1:],
                        trace.columns[column][:, 1:].mean(axis=0),
                    )
                    for (gamma, name), trace in traces.items()
                ),
                log_x=False,
            )
            for column, way in RESIDUALS
        ),
    )


def _times(log_factor: float) -> str:
    return f"{np.exp(log_factor):.3g}-fold"


def _decay(trace: Trace, column: str, alpha: float) -> tuple[float, float, float, float]:
    """Decay rate of a column after the first fifth: mean, limits, and the smallest squared correlation of a replica."""
    late = trace.rounds >= trace.rounds[-1] / 5
    t, y = trace.rounds[late].astype(float), np.log(trace.columns[column][:, late])
    if not np.isfinite(y).all():
        return -np.inf, -np.inf, -np.inf, 0.0
    t = t - t.mean()
    slopes = y @ t / (t @ t)
    centred = y - y.mean(axis=1, keepdims=True)
    straight = float(np.min((centred @ t) ** 2 / (t @ t) / np.sum(centred**2, axis=1)))
    mean, low, high = mean_limits(-slopes[:, None], alpha)
    return float(mean[0]), float(low[0]), float(high[0]), straight


#: By what part of dense communication in 32-bit floats the paper says that DORE reduces it.
SAVED = 0.95
METERS = ("formula", "entropy", "encoded")


def savings(settings: Settings, *, down: str | None = None) -> Measured:
    """Count the bits of DORE's messages for several blocks, both directions.

    `down` replaces the downlink's compressor.
    """
    blocks = (64, 256, 512, 4096) if settings.quick else (16, 32, 64, 128, 256, 320, 384, 512, 1024, 2048, 4096)
    dim, rounds = blocks[-1], 40 if settings.quick else 200
    on = problem(f"quadratic:dim={dim},mu=0.1,L=1,heterogeneity=1,radius=1", workers=4)
    points = np.linspace(0, rounds, 11).round().astype(int)
    dense, rows = 2 * 32 * dim, []
    for block in each(blocks, settings):
        up = f"ternary:block={block}"
        omega = (block**0.5 - 1) / 2
        parameters = {"gamma": 1.0, "alpha": 0.5 / (omega + 1), "beta": 1 / (omega + 1), "eta": 0.0}
        trace = solvers.simulate(
            "dore", on, up, down or up, parameters=parameters, rounds=rounds, seed=settings.seed, checkpoints=points,
            columns=False, threads=settings.threads,
        )  # fmt: skip
        spent = {m: float(bits(trace, m)[-1]) / rounds for m in ("formula", "encoded")}
        entropy = np.max(trace.scalars["entropy_up"][1:]), np.max(trace.scalars["entropy_down"][1:])
        spent["entropy"] = float(entropy[0] + (32 * dim if down == "identity" else entropy[1]))
        rows.append((block, *(1 - spent[m] / dense for m in METERS)))
    passing = {m: [row[0] for row in rows if row[1 + k] > SAVED] for k, m in enumerate(METERS)}
    both = [row[0] for row in rows if row[1] > SAVED and row[2] > SAVED]
    from_some_block_on = bool(both) and both == [b for b in blocks if b >= both[0]]
    saved = {row[0]: row[1:] for row in rows}
    words = {m: f"from block {passing[m][0]} on" if passing[m] else "at no block" for m in METERS}
    return Measured(
        verdict(from_some_block_on, not passing["formula"] or not passing["entropy"]),
        f"over 95 % saved, of the blocks tried: by the paper's count {words['formula']} ({saved[256][0]:.2%} at its "
        f"own 256, "
        f"{saved[dim][0]:.2%} at {dim}), by the entropy of the messages {words['entropy']} ({saved[256][1]:.2%} at 256)"
        f", by the bytes sent here, five trits in one, {words['encoded']} ({saved[256][2]:.2%} at 256)",
        min(row[2] for row in rows if row[0] == blocks[-1]) / SAVED,
        ("block", "saved by the paper's count", "saved by entropy", "saved by encoded bytes"),
        tuple(rows),
        (
            Panel(
                "block of the ternary compressor, coordinates",
                "bits sent / bits of dense 32-bit vectors",
                (
                    *(
                        Curve(name, blocks, [1 - row[1 + k] for row in rows])
                        for k, name in enumerate(("the paper's count", "entropy", "encoded bytes"))
                    ),
                    Curve("claimed: 5 %", (blocks[0], blocks[-1]), (1 - SAVED, 1 - SAVED), bound=True),
                ),
                log_y=False,
            ),
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "dore.claim-residuals",
        "What DORE compresses vanishes",
        "The norms of what DORE compresses, the differences Delta_i and the increments q of the model, decay "
        "exponentially, while DoubleSqueeze's stay. Measured on the paper's linear regression (1200 x 500, 20 "
        "workers, full gradients, ternary in blocks of 256, alpha = 0.1, beta = eta = 1; the scaling of A, which is "
        "not printed, is chosen so that both methods run): the decay rates of the squared norms after the first fifth "
        "of the run, with Student limits over replicas. It holds if in this time DORE's fall at least tenfold, along "
        "an exponential (squared correlation of at least 0.9 in every replica), and DoubleSqueeze's at most twofold; "
        "it is violated if one of DORE's falls less than tenfold, or one of DoubleSqueeze's more than twofold.",
        f"{PAPER}, experiment on linear regression",
        residuals,
        (
            ClaimControl("DORE without its memory", lambda s: residuals(s, dore={**PARAMETERS, "alpha": 0.0})),
            ClaimControl("a memory that hardly moves", lambda s: residuals(s, dore={**PARAMETERS, "alpha": 1e-4})),
        ),
    ),
    Claim(
        "dore.claim-bits",
        "Over 95 % of the communication saved",
        "DORE saves over 95 % of the communication, both directions, against dense vectors of 32-bit floats. The "
        "abstract does not say for which block; the paper's experiments take 256. Three counts of the messages that "
        "are really sent: the paper's count (32 bits a block, 3/2 a coordinate), the entropy of the symbols with 32 "
        "bits a block, which a good code attains, and the bytes as this library encodes them (five trits in a byte: "
        "1.6 bits each, which cannot save more than 95 %). It holds if from some block on both the paper's count and "
        "the entropy save over 95 %; it is violated if one of the two does so at no block.",
        f"{PAPER}, abstract",
        savings,
        (
            ClaimControl("the broadcast is left dense", lambda s: savings(s, down="identity")),
            ClaimControl("a broadcast in 64 levels", lambda s: savings(s, down="qsgd:levels=64")),
        ),
    ),
)

__all__ = ["CLAIMS", "PARAMETERS", "REGRESSION", "STEPS", "TERNARY", "WORKERS"]
