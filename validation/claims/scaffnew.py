"""The claim of Scaffnew: local training communicates like sqrt(kappa)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from ... import solvers
from ...problems import Problem, problem
from ...theory import Guarantee, theorem
from .base import Claim, ClaimControl, Curve, Measured, Panel, Settings
from .measuring import each, verdict

PAPER = "Mishchenko, Malinovsky, Stich, Richtarik 2022, arXiv 2202.09357"
#: Minimisers differ, Hessians do not: f would be better conditioned than the f_i. L = 1.
PROBLEM = "quadratic:dim=6,mu={mu},L=1,heterogeneity=1,radius=3"
WORKERS, CLOSER = 4, 1e-6
#: Slopes of log communications against log sqrt(kappa): promised 1 with local steps, 2 without.
PROMISED, NEAR = 1.0, 0.25

#: From a problem and its condition number to the parameters of a run.
Rule = Callable[[Guarantee, float], dict[str, float]]


def as_tuned(found: Guarantee, kappa: float) -> dict[str, float]:
    """The step and coin of the theorem."""
    return found.parameters


def communications(on: Problem, method: str, parameters: dict[str, float], most: int, settings: Settings) -> float:
    """How often the workers communicate until avg||x_i - x*||^2 is CLOSER times its start; infinite if it never is."""
    points = np.unique(np.linspace(0, most, 240).round().astype(int))
    trace = solvers.simulate(
        method, on, parameters=parameters, rounds=most, replicas=4 if settings.quick else 16, seed=settings.seed,
        checkpoints=points, threads=settings.threads, columns=False,
    )  # fmt: skip
    distance = np.mean(trace.columns["dist_sq"] + trace.columns.get("consensus_sq", 0.0), axis=0)
    sent = trace.columns["bits_up_encoded"].mean(axis=0) / (64 * on.dim)
    wanted = CLOSER * distance[0]
    k = int(np.argmax(distance <= wanted))
    if not distance[k] <= wanted:
        return math.inf
    share = math.log(distance[k - 1] / wanted) / math.log(distance[k - 1] / distance[k])
    return float(sent[k - 1] + share * (sent[k] - sent[k - 1]))


def slope(kappas: np.ndarray, counts: list[float]) -> float:
    """Slope of log counts against log sqrt(kappa)."""
    return float(np.polyfit(0.5 * np.log(kappas), np.log(counts), 1)[0]) if np.isfinite(counts).all() else math.inf


def communication(settings: Settings, *, method: str = "scaffnew", rule: Rule = as_tuned) -> Measured:
    """Count the communications to an accuracy while the condition number grows, beside gradient descent."""
    kappas = np.array([16.0, 64.0, 256.0] if settings.quick else [16.0, 64.0, 256.0, 1024.0])
    local, plain, bounds = [], [], []
    for kappa in each(kappas.tolist(), settings):
        on = problem(PROBLEM.format(mu=1 / kappa), workers=WORKERS)
        found = theorem("scaffnew.strongly-convex-tuned").guarantee(on)
        assert isinstance(found, Guarantee)
        assert found.constants.dist0_sq is not None
        most = found.rounds_to(CLOSER * found.constants.dist0_sq)
        assert most is not None
        bounds.append(found.parameters["p"] * most)
        local.append(communications(on, method, rule(found, kappa), 2 * most, settings))
        plain.append(communications(on, "sgd", {"gamma": found.parameters["gamma"]}, 2 * most, settings))
    slopes = slope(kappas, local), slope(kappas, plain)
    off = abs(slopes[0] - PROMISED)
    saved = plain[-1] / local[-1]
    return Measured(
        verdict(off <= NEAR and saved > 1, not off <= 2 * NEAR or saved <= 1),
        f"communications grow like sqrt(kappa)^{slopes[0]:.3g} with local steps and like sqrt(kappa)^{slopes[1]:.3g} "
        f"without; at kappa = {kappas[-1]:g} local steps save a factor {saved:.3g}",
        NEAR / off if 0 < off < math.inf else None,
        ("kappa", "communications", "theorem's", "of gradient descent"),
        tuple(
            (kappa, *(round(value, 2) if math.isfinite(value) else "never" for value in values))
            for kappa, *values in zip(kappas.tolist(), local, bounds, plain, strict=True)
        ),
        (
            Panel(
                r"$\sqrt{\kappa}$",
                f"communications until $\\frac{{1}}{{n}}\\sum\\|x_i-x^\\star\\|^2$ is {CLOSER:g} of its start",
                tuple(
                    Curve(label, np.sqrt(kappas), values, bound=label == "theorem, Scaffnew")
                    for label, values in (
                        ("Scaffnew", local),
                        ("gradient descent", plain),
                        ("theorem, Scaffnew", bounds),
                    )
                    if np.isfinite(values).all()
                ),
            ),
        ),
    )


CLAIMS = (
    Claim(
        "scaffnew.claim-communication",
        "Scaffnew: local training communicates like sqrt(kappa)",
        "With control variates, and a coin that lets workers communicate in about one of sqrt(kappa) rounds, local "
        "training needs as many gradients as gradient descent and communicates like sqrt(kappa) only. Measured: on "
        "workers that differ, communications until the mean squared distance of their models from x* is a millionth of "
        "its start, for kappa from 16 on, at the theorem's step and coin. It holds if the slope of their logarithm "
        f"against that of sqrt(kappa) is within {NEAR:g} of 1 and gradient descent needs more; it is violated at twice "
        "that distance, or if nothing is saved.",
        PAPER,
        communication,
        (
            ClaimControl(
                "a coin that is the same whatever kappa",
                partial(communication, rule=lambda found, kappa: {**found.parameters, "p": 0.4}),
            ),
            ClaimControl(
                "control variates that stay zero",
                partial(
                    communication, method="compressed-scaffnew",
                    rule=lambda found, kappa: {**found.parameters, "eta": 0.0},
                ),
            ),
        ),
    ),
)  # fmt: skip
