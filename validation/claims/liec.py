"""The claim of the LIEC-SGD paper: the rate of one-way methods at the bits of two-way methods."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...problems import problem
from ...solvers.method import Method
from ...solvers.methods.liec import LIEC
from ...solvers.rules import descend
from ..comparison import compare
from ..statistics import mean_limits
from .base import Claim, ClaimControl, Curve, Measured, Panel, Settings
from .measuring import Tuned, each, tuned, verdict

PAPER = "Cheng, Shen, Xu, Qian, Wu, Zhou, Zhang, Tao, Chen 2024, arXiv 2402.11857"
#: Bounded gradients, so that every rival's bound has a value; workers that differ; noise, which makes the leading term.
PROBLEM = "robust:rows=80,dim=20,split=sorted,noise=gaussian,sigma_sq=4"
WORKERS = 4
COMPRESSOR = "sign"
#: The paper's averaging period.
PERIOD = 32
NAMES = {
    "liec": "LIEC",
    "error-feedback": "error feedback, one-way",
    "doublesqueeze": "DoubleSqueeze",
    "cser": "CSER, one-way",
    "neolithic": "NEOLITHIC",
}
ONE_WAY = ("error-feedback", "cser")
#: What LIEC may exceed a one-way method by at equal rounds, and a two-way method in bits a round.
SAME_RATE, SAME_BITS = 1.2, 2.0


#: LIEC whose workers do not make up for what their own messages lose.
UNCOMPENSATED = replace(LIEC, name="liec-uncompensated", local=descend)


def equal_bits(settings: Settings, *, averages: bool = True, liec: str | Method = "liec") -> Measured:
    """Compare LIEC with its rivals at equal rounds and at equal bits, the best of several steps everywhere.

    With `averages` = False its workers never average their models, though their bits are counted as if they did;
    `liec` is what runs in its place.
    """
    horizons = (256, 2048) if settings.quick else (256, 1024, 4096)
    replicas = 8
    steps = 2.0 ** -np.arange(3.0, 7.1 if settings.quick else 8.1, 1.0 if settings.quick else 0.5)
    on = problem(PROBLEM, workers=WORKERS)
    constants = on.constants()
    ask: dict[str, Any] = {"H": PERIOD, "methods": tuple(NAMES)}
    a_round = {row.method: row for row in compare(constants, COMPRESSOR, COMPRESSOR, budget=1e9, **ask)}
    costs = {word: row.bits_per_round for word, row in a_round.items()}
    budgets = [T * costs["liec"] for T in horizons]
    bought = {word: [int(budget // costs[word]) for budget in budgets] for word in NAMES}
    found: dict[str, Tuned] = {}
    for word in each(NAMES, settings):
        lengths = {*bought[word], *(horizons if word == "error-feedback" else ())}
        parameters: dict[str, Any] = {
            name: value for name, value in a_round[word].parameters.items() if name != "gamma"
        }
        if word == "liec" and not averages:
            parameters["H"] = float(10 * horizons[-1])
        runs, broadcast = liec if word == "liec" else word, "identity" if word == "error-feedback" else COMPRESSOR
        found[word] = tuned(
            settings, runs, on, COMPRESSOR, broadcast, rounds=sorted(lengths), steps=steps, replicas=replicas,
            **parameters,
        )  # fmt: skip
    alpha = settings.alpha / 3

    def ratio(rival: str, rounds: int) -> tuple[float, float, float]:
        """LIEC at the largest T against a rival after `rounds` rounds: mean and limits."""
        logs = np.log(found["liec"].samples[-1]) - np.log(found[rival].samples[found[rival].rounds.index(rounds)])
        middle, low, high = mean_limits(logs[:, None], alpha)
        return float(np.exp(middle[0])), float(np.exp(low[0])), float(np.exp(high[0]))

    rate = ratio("error-feedback", horizons[-1])
    gains = {word: ratio(word, bought[word][-1]) for word in NAMES if word != "liec"}
    size = costs["liec"] / costs["doublesqueeze"]
    good = rate[2] <= SAME_RATE and size <= SAME_BITS and all(gains[word][2] < 1 for word in ONE_WAY)
    bad = rate[1] > SAME_RATE or size > SAME_BITS or any(gains[word][1] > 1 for word in ONE_WAY)
    promised = {row.method: row for row in compare(constants, COMPRESSOR, COMPRESSOR, budget=budgets[-1], **ask)}
    return Measured(
        verdict(good, bad),
        f"after {horizons[-1]} rounds LIEC's mean squared gradient is {rate[0]:.3f} [{rate[1]:.3f}, {rate[2]:.3f}] of "
        f"one-way error feedback's, for {costs['liec'] / costs['error-feedback']:.2f} of its bits and {size:.2f} of "
        f"DoubleSqueeze's; at equal bits it is {gains['error-feedback'][0]:.2f} of error feedback's, "
        f"{gains['cser'][0]:.2f} of CSER's, {gains['doublesqueeze'][0]:.2f} of DoubleSqueeze's, "
        f"{gains['neolithic'][0]:.2f} of NEOLITHIC's",
        SAME_RATE / rate[2],
        ("method", "bits per round", "rounds", "bound", "noise term / gamma", "error term / gamma^2", "measured"),
        tuple(
            (
                NAMES[word],
                costs[word],
                bought[word][-1],
                promised[word].bound,
                promised[word].noise,
                promised[word].error,
                _at(found[word], bought[word][-1]),
            )
            for word in NAMES
        ),
        (
            Panel(
                "bits per worker, both directions",
                r"mean over $t<T$ of $\|\nabla f(x^t)\|^2$",
                tuple(Curve(NAMES[w], budgets, [_at(found[w], T) for T in bought[w]]) for w in NAMES),
            ),
            Panel(
                "rounds $T$",
                r"mean over $t<T$ of $\|\nabla f(x^t)\|^2$",
                tuple(
                    Curve(NAMES[w], found[w].rounds, found[w].mean) for w in ("liec", "error-feedback", "doublesqueeze")
                ),
            ),
        ),
    )


def _at(found: Tuned, rounds: int) -> float:
    return float(found.mean[found.rounds.index(rounds)])


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "liec.claim-equal-bits",
        "One-way rate, two-way bits",
        "LIEC has the rate of one-way compressed methods at the bits of two-way methods. Measured on robust "
        "regression with noise and heterogeneous workers, scaled sign, averaging period 32, the best of several steps "
        "for every method and length; bits per round and the error terms of the bounds are computed by the theorems. "
        "It holds if, with Student limits of the ratios over replicas, LIEC's mean squared gradient is at most 1.2 "
        "times that of one-way error feedback after as many rounds, its round takes at most twice the bits of "
        "DoubleSqueeze's, and at equal bits it is below both one-way methods, error feedback and CSER; it is violated "
        "if one of these fails by the other limit. How it compares with the two-way methods at equal bits is reported "
        "and not judged.",
        f"{PAPER}, abstract",
        equal_bits,
        (
            ClaimControl("models that are never averaged", lambda s: equal_bits(s, averages=False)),
            ClaimControl("no compensation of what a message lost", lambda s: equal_bits(s, liec=UNCOMPENSATED)),
        ),
    ),
)
