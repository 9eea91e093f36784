"""The columns of a trace as sums of squared norms of linear combinations of registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .coins import FloatArray, NotClosed
from .rounds import Model

#: Columns that are means over rounds: name -> what is averaged.
RUNNING = {
    "grad_sq_mean": "grad_sq",
    "gap_mean": "gap",
    "shadow_grad_sq_mean": "shadow_grad_sq",
    "shadow_spread_mean": "shadow_spread",
}
#: Columns about the round that has just ended.
OF_THE_ROUND = ("up_residual_sq", "down_residual_sq")

Parts = list[tuple[float, FloatArray]]


def squared_norms(
    column: str, model: Model, kept: Callable[[str], FloatArray], shadow: FloatArray | None = None
) -> Parts | None:
    """The column as pairs (weight, coefficients (registers, d)); None if it is not one of these.

    Parameters
    ----------
    kept
        From the name of what is kept (`Layout`) to its coefficients (vectors, registers, d).
    shadow
        The coefficients of the shadow sequence.
    """
    problem, n = model.problem, model.problem.workers
    here = kept("x")[0]
    state = model.method.model_state
    x = here if state is None else kept("server_states")[state]
    memories, errors, models = kept("memories"), kept("errors"), kept("models")
    if model.method.memory_state is not None:
        memories = kept("states")[model.method.memory_state :: model.method.states[0]]
    star = problem.gradients_at_star

    def less(v: FloatArray, constant: Any) -> FloatArray:
        v = v.copy()
        v[0] -= constant
        return v

    def gradient(at: FloatArray, worker: int | None = None) -> FloatArray:
        if worker is None:
            return less(at @ model.hessians.mean(axis=0), -model.slopes.mean(axis=0))
        return less(at @ model.hessians[worker], -model.slopes[worker])

    def gap(at: FloatArray) -> Parts:
        curvature = model.hessians.mean(axis=0) + problem.regulariser[1] * np.eye(problem.dim)
        values, basis = np.linalg.eigh(curvature)
        return [(0.5, less(at, problem.x_star) @ (basis * np.sqrt(np.maximum(values, 0.0))))]

    if column in ("dist_sq", "gap", "gap_avg", "memory_error_sq") and problem.x_star is None:
        raise NotClosed(f"{column} needs a known minimiser")
    if column == "grad_sq":
        return [(1.0, gradient(x))]
    if column == "dist_sq":
        return [(1.0, less(x, problem.x_star))]
    if column == "gap":
        return gap(x)
    if column == "gap_avg" and model.average is not None:
        return gap(kept("average")[0])
    if column == "memory_sq" and len(memories):
        return [(1 / n, h) for h in memories]
    if column == "memory_error_sq" and len(memories) and star is not None:
        return [(1 / n, less(h, g)) for h, g in zip(memories, star, strict=True)]
    if column == "memory_gap_sq" and len(memories):
        return [(1 / n, h - gradient(here, i)) for i, h in enumerate(memories)]
    if column == "worker_error_sq" and len(errors):
        return [(1 / n, e) for e in errors]
    if column == "error_sq" and (len(errors) or len(kept("server_error"))):
        return [(1.0, sum(errors, np.zeros_like(here)) / n + kept("server_error").sum(axis=0))]
    if column == "consensus_sq" and len(models):
        return [(1 / n, m - here) for m in models]
    if shadow is not None and column == "shadow_grad_sq":
        return [(1.0, gradient(shadow))]
    if shadow is not None and column == "shadow_spread":
        return [(1 / n, shadow - m) for m in (models if len(models) else [here] * n)]
    return None
