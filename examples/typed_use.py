"""
A typed script
==============

A step size with its guarantee, a run and a method of one's own, as a type checker sees them: the continuous integration
holds this script against ``mypy --strict`` and pyright.
"""

# pyright: strict, reportUnknownVariableType=false, reportUnknownArgumentType=false
# Kernels (descend below) have numba's types, which no checker reads.

from __future__ import annotations

import tersegrad as tg
from tersegrad.solvers.channels import Channel, error_feedback
from tersegrad.solvers.method import Parameters
from tersegrad.solvers.rules import descend

PROBLEM = "quadratic:dim=20,mu=0.1,L=1,heterogeneity=1"


def with_memory(parameters: Parameters) -> Channel:
    """Return the uplink of the method below: what a message loses enters the next one."""
    return error_feedback()


MINE = tg.Method(
    name="mine",
    title="compressed gradients with error feedback",
    source="this script",
    parameters=("gamma",),
    uplink=with_memory,
    everyone=descend,
)


def guaranteed(theorem: str, problem: tg.Problem, up: str) -> tg.Guarantee:
    """Return what a theorem guarantees on a problem.

    Raises
    ------
    tersegrad.InputError
        With the theorem's reason, where it has no guarantee.
    """
    found = tg.theorem(theorem).guarantee(problem.constants(), up)
    if isinstance(found, tg.NoGuarantee):
        raise tg.InputError(found.reason)
    return found


def distance(trace: tg.Trace) -> float:
    """Return the last ||x - x*||^2, averaged over replicas."""
    return float(trace.columns["dist_sq"][:, -1].mean())


def main() -> None:
    """Compare DIANA, at the step of its theorem, with the method above."""
    problem, up = tg.problem(PROBLEM, workers=4), "qsgd:levels=4"
    found = guaranteed("diana.strongly-convex", problem, up)
    print(f"gamma = {found.parameters['gamma']:.3g}: {found.active}; {found.rounds_to(1e-2)} rounds to 0.01")
    diana = tg.simulate("diana", problem, up, parameters=found.parameters, rounds=400, replicas=8)
    mine = tg.simulate(MINE, problem, up, parameters={"gamma": found.parameters["gamma"]}, rounds=400, replicas=8)
    print(f"after 400 rounds: DIANA {distance(diana):.2g}, error feedback {distance(mine):.2g}")


if __name__ == "__main__":
    main()
