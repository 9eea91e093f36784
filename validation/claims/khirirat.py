"""The claims of Khirirat, Feyzmahdavian and Johansson: explicit steps, the use of sparsity, the fewest bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from ... import solvers
from ...problems import Problem, problem
from ...solvers.clocks import clock
from ...theory import Guarantee, theorem
from ...theory.fewest_bits import fewest_bits
from ..stability import Stability, largest_stable_step
from .base import Claim, ClaimControl, Curve, Measured, Panel, Settings
from .measuring import each, verdict

PAPER = "Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573"

CASES = ("dense", "held")
#: What the limit may exceed the step by at one delay and compressor, compared with another.
SAME_ORDER = 2.0


def step(settings: Settings, *, rule: Callable[[Stability], float] = lambda found: found.largest) -> Measured:
    """Compare Q-IAG's largest stable step with a rule, the theorem's by default, while tau and a grow."""
    taus, factors = ((0, 3), (1, 2)) if settings.quick else ((0, 1, 3, 7), (1, 4))
    plan = [(case, tau, a) for case in CASES for a in factors for tau in taus]
    found = {key: largest_stable_step(*key, seed=settings.seed) for key in each(plan, settings)}
    ratios = {(tau, a): min(_room(found[case, tau, a], rule) for case in CASES) for a in factors for tau in taus}
    least, most = min(ratios.values()), max(ratios.values())
    limits = [found[key].stable / found[key].simple * (found[key].largest / rule(found[key])) for key in plan]
    spread = most / least
    return Measured(
        verdict(least >= 1 and spread <= SAME_ORDER, least < 1 or spread > 2 * SAME_ORDER),
        f"the largest stable step is {least:.3g} to {most:.3g} times the rule's, a spread of {spread:.2g} over delays "
        f"and compressors, while the rule itself falls {_fall(found, plan, rule):.3g}-fold",
        min(least, SAME_ORDER / spread),
        ("case", "tau", "a", "largest stable step", "rule's step", "ratio", "in units of n/(4 s a L (1 + 2 tau))"),
        tuple(
            (*key, found[key].stable, rule(found[key]), _room(found[key], rule), limits[k])
            for k, key in enumerate(plan)
        ),
        tuple(
            Panel(
                r"$1+2\tau$",
                rf"step $\gamma$, {name}",
                (
                    *(
                        Curve(
                            f"largest stable, a = {a}",
                            [1 + 2 * tau for tau in taus],
                            [found[case, tau, a].stable for tau in taus],
                        )
                        for a in factors
                    ),
                    *(
                        Curve(
                            f"rule, a = {a}",
                            [1 + 2 * tau for tau in taus],
                            [rule(found[case, tau, a]) for tau in taus],
                            bound=True,
                        )
                        for a in (factors[0], factors[-1])
                    ),
                ),
            )
            for case, name in (("dense", "all equally late"), ("held", "one after the other"))
        ),
    )


def _room(found: Stability, rule: Callable[[Stability], float]) -> float:
    return found.stable / rule(found)


def _fall(
    found: dict[tuple[str, int, int], Stability], plan: list[tuple[str, int, int]], rule: Callable[[Stability], float]
) -> float:
    """How much smaller than at no delay and no compression the rule gets, in the dense case, where n is the same."""
    steps = [rule(found[key]) for key in plan if key[0] == "dense"]
    return max(steps) / min(steps)


#: Interpolating and sparse; QSGD sends no coordinate that is zero.
SPARSE = "sparse-least-squares:rows=800,dim=32,overlap={overlap},target_noise=0"
WORKERS = 8
FINE = "qsgd:levels=8"
#: E||x - x*||^2 at the end, relative to the start.
CLOSER = 1e-3
SHRUNK = r"$\|x-x^\star\|^2$ is a thousandth"
#: How far the measured gain may be from the predicted one.
AS_PREDICTED = 0.2


def sparsity(settings: Settings, *, known: Callable[[float], float] = lambda overlap: overlap) -> Measured:
    """Run Q-IAG round robin with the step for the true overlap and with that for none (s = n).

    `known` gives the overlap that the theorem is told for the true one.
    """
    overlaps = (1, 2, 8) if settings.quick else (1, 2, 4, 8)
    replicas = 2 if settings.quick else 8
    rows, gains, promised = [], [], []
    for overlap in each(overlaps, settings):
        on = problem(SPARSE.format(overlap=overlap), workers=WORKERS)
        constants = replace(on.constants(), tau=float(WORKERS - 1))
        rounds: dict[str, tuple[int, int]] = {}
        for name, told in (("dense", float(WORKERS)), ("sparse", float(known(overlap)))):
            if told == WORKERS and rounds:
                rounds[name] = rounds["dense"]
                continue
            sure = theorem("khirirat.q-iag-strongly-convex").guarantee(replace(constants, overlap=told), FINE)
            assert isinstance(sure, Guarantee)
            assert constants.dist0_sq is not None
            most = sure.rounds_to(CLOSER * constants.dist0_sq)
            assert most is not None
            rounds[name] = _rounds_to(on, sure.parameters["gamma"], most, replicas, settings), most
        gains.append(rounds["dense"][0] / rounds["sparse"][0])
        promised.append(rounds["dense"][1] / rounds["sparse"][1])
        rows.append((overlap, *rounds["sparse"], *rounds["dense"], gains[-1], promised[-1]))
    fall = np.array([row[1] for row in rows])
    as_told = [WORKERS / overlap for overlap in overlaps]
    off = max(abs(g / p - 1) for g, p in zip(gains, as_told, strict=True))
    ordered = bool(np.all(np.diff(fall) > 0))
    return Measured(
        verdict(off <= AS_PREDICTED and ordered, off > 2 * AS_PREDICTED or not ordered),
        f"with overlap {overlaps[0]} of {WORKERS} the step for the overlap saves a factor {gains[0]:.3g} of the rounds "
        f"(predicted {as_told[0]:.3g}); over all overlaps the saving is within {off:.1%} of n/s, and the rounds fall "
        f"from {fall[-1]} at s = {overlaps[-1]} to {fall[0]} at s = {overlaps[0]}",
        AS_PREDICTED / off if off else None,
        ("s", "rounds", "theorem's rounds", "rounds, step for s = n", "theorem's", "gain", "theorem's gain"),
        tuple(rows),
        (
            Panel(
                f"overlap $s$ of {WORKERS} workers",
                f"rounds until {SHRUNK}",
                (
                    Curve("step for the overlap s", overlaps, fall),
                    Curve("step for s = n", overlaps, [row[3] for row in rows]),
                    Curve("theorem, step for s", overlaps, [row[2] for row in rows], bound=True),
                ),
            ),
        ),
    )


def _rounds_to(on: Problem, gamma: float, most: int, replicas: int, settings: Settings) -> int:
    """Rounds until the mean squared distance is `CLOSER` times that of the start, interpolated between checkpoints."""
    points = np.linspace(0, most, 201).round().astype(int)
    trace = solvers.simulate(
        "q-iag", on, FINE, parameters={"gamma": gamma}, rounds=most, replicas=replicas, seed=settings.seed,
        checkpoints=points, columns=False, threads=settings.threads,
        schedule=clock("cyclic", WORKERS, most, table=True),
    )  # fmt: skip
    mean = trace.columns["dist_sq"].mean(axis=0)
    k = int(np.argmax(mean <= CLOSER * mean[0]))
    share = math.log(mean[k - 1] / (CLOSER * mean[0])) / math.log(mean[k - 1] / mean[k])
    return round(trace.rounds[k - 1] + share * (trace.rounds[k] - trace.rounds[k - 1]))


#: One node, so that nothing but the messages and their number counts.
NODE = "quadratic:dim=64,mu=0.1,L=1,radius=1"
#: What the calculator's choice may cost more than the best choice measured.
NEARLY_BEST = 1.25


def _ranked(predicted: dict[int, float]) -> list[int]:
    """The levels, those with the fewest bits first."""
    return sorted(predicted, key=predicted.__getitem__)


def fewest(settings: Settings, *, choose: Callable[[dict[int, float]], int] | None = None) -> Measured:
    """Let the calculator choose the levels of QSGD for Q-GD, and measure the bits with all of them.

    `choose` may take the place of the calculator; it is handed its bits for all levels.
    """
    levels = (1, 2, 4, 8, 16, 32, 64) if settings.quick else (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 128)
    replicas = 8 if settings.quick else 32
    on = problem(NODE, workers=1)
    constants = on.constants()
    assert constants.dist0_sq is not None
    eps = CLOSER * constants.dist0_sq
    subject = theorem("khirirat.q-gd-strongly-convex")
    sweep = fewest_bits(partial(subject.guarantee, constants, eps=eps), "qsgd", "levels", levels, eps)
    predicted, measured, rows = {}, {}, []
    for s, entry in each(list(zip(levels, sweep.entries, strict=True)), settings):
        assert isinstance(entry.found, Guarantee)
        assert entry.rounds is not None
        assert entry.uplink is not None
        predicted[s] = entry.uplink
        trace = solvers.simulate(
            "q-gd", on, entry.up, parameters=entry.found.parameters, rounds=entry.rounds, replicas=replicas,
            seed=settings.seed, checkpoints=np.linspace(0, entry.rounds, 201).round().astype(int), columns=False,
            threads=settings.threads,
        )  # fmt: skip
        mean = trace.columns["dist_sq"].mean(axis=0)
        k = int(np.argmax(mean <= eps))
        formula = float(trace.scalars["bits_up_formula"][k])
        measured[s] = float(trace.columns["bits_up_encoded"][:, k].mean())
        promised = entry.up.unbiased(on.dim)
        assert promised is not None
        rows.append((s, 1 + promised.omega, entry.rounds, int(trace.rounds[k]), predicted[s], formula, measured[s]))
    chosen = choose(predicted) if choose else min(predicted, key=predicted.__getitem__)
    best = min(measured, key=measured.__getitem__)
    cost = measured[chosen] / measured[best]
    worst = max(measured.values()) / measured[best]
    return Measured(
        verdict(cost <= NEARLY_BEST, cost > 2 * NEARLY_BEST),
        f"the calculator takes {chosen} levels, the measurement {best}; its choice sends {cost:.3g} times the fewest "
        f"bits measured, the worst one {worst:.3g} times",
        NEARLY_BEST / cost,
        ("levels", "a", "theorem's rounds", "rounds", "theorem's bits", "formula bits", "encoded bits"),
        tuple(rows),
        (
            Panel(
                "levels of QSGD",
                f"uplink bits until {SHRUNK}",
                (
                    Curve("measured, encoded", levels, list(measured.values())),
                    Curve("measured, formula", levels, [row[5] for row in rows]),
                    Curve("calculator", levels, list(predicted.values()), bound=True),
                ),
            ),
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "khirirat.claim-step",
        "Explicit steps: how far from the limit",
        "The explicit step of Q-IAG, 3 n/(8 s a L_max (1 + 2 tau)) in the theorem, has the right dependence on the "
        "delay tau and on the compressor's second moment a. Measured by bisection where the problems interpolate, so "
        "that a step is stable or not: all workers report equally late with the same coins (s = n), or each owns its "
        "coordinates and they report in turn (s = 1); of the two, the smaller ratio of the largest stable step to the "
        "rule counts. It holds if no ratio is below 1 (the rule is safe) and the largest is at most twice the "
        "smallest, over delays and compressors that change the rule several times as much; it is violated if a ratio "
        "is below 1 or they differ more than fourfold.",
        f"{PAPER}, step sizes of Q-IAG; the constants are ours",
        step,
        (
            ClaimControl(
                "a step that knows neither the delay nor the compressor",
                lambda s: step(s, rule=lambda found: found.largest * (1 + 2 * found.tau) * found.a),
            ),
            ClaimControl(
                "a step that falls too fast with the delay",
                lambda s: step(s, rule=lambda found: found.largest / (1 + 2 * found.tau)),
            ),
        ),
    ),
    Claim(
        "khirirat.claim-sparsity",
        "Sparsity saves rounds",
        "Sparse data allow a larger step, n/s times that for dense data, and so save rounds by this factor. Measured "
        "with Q-IAG round robin over 8 workers on interpolating least squares whose supports overlap s-fold, QSGD "
        "with 8 levels, at the theorem's step for s and at that for s = n on the same data: rounds until the mean "
        "squared distance has fallen a thousandfold. It holds if the saving is within a fifth of n/s for every s and "
        "the rounds fall with s; it is violated if it is off by more than two fifths or they do not fall. (The two "
        "problems of a comparison are the same; over different s the condition number changes a little, too.)",
        f"{PAPER}, the overlap of supports; the constants are ours",
        sparsity,
        (
            ClaimControl("a step that ignores sparsity", lambda s: sparsity(s, known=lambda overlap: 8)),
            ClaimControl("four times the overlap", lambda s: sparsity(s, known=lambda overlap: min(8, 4 * overlap))),
        ),
    ),
    Claim(
        "khirirat.claim-bits",
        "The compressor with the fewest bits",
        "The explicit steps and rounds tell which compressor needs the fewest bits to reach an accuracy. Measured "
        "with Q-GD on a quadratic in 64 dimensions, QSGD with 1 to 64 levels (1 to 128 in full), each at the "
        "theorem's step: the encoded uplink bits until the mean squared distance has fallen a thousandfold. It holds "
        "if the levels that the calculator takes send at most 1.25 times the bits of the best ones measured, and is "
        "violated beyond 2.5 times.",
        f"{PAPER}, communication complexity",
        fewest,
        (
            ClaimControl("the levels with the most bits", lambda s: fewest(s, choose=lambda bits: _ranked(bits)[-1])),
            ClaimControl("the levels before these", lambda s: fewest(s, choose=lambda bits: _ranked(bits)[-2])),
        ),
    ),
)
