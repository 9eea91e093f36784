"""Our side: `tersegrad.solvers.engines.simulate`, with one checkpoint at the end."""

from __future__ import annotations

from time import perf_counter

import tersegrad
from tersegrad.solvers.engines.simulate import simulate

from .rival import Outcome, Rival, Runner
from .workloads import Instance


def prepare(instance: Instance, threads: int) -> Runner:
    """Return the runner; kernels are compiled at the first call, or read from numba's cache."""
    workload = instance.workload

    def run(rounds: int, seed: int) -> Outcome:
        start = perf_counter()
        trace = simulate(
            workload.method,
            instance.problem,
            workload.up,
            workload.down,
            parameters=workload.parameters,
            rounds=rounds,
            replicas=workload.replicas,
            seed=seed,
            checkpoints=[rounds],
            columns=False,
            threads=threads,
        )
        return Outcome(perf_counter() - start, trace.final)

    return run


OURS = Rival(
    name="tersegrad",
    workloads=("W1", "W2", "W3"),
    missing=lambda: None,
    version=lambda: f"tersegrad {tersegrad.__version__}",
    prepare=prepare,
)
