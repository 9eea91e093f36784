"""Distributed error feedback, EF-SGD / MEM-SGD (Stich, Cordonnier, Jaggi 2018, arXiv 1809.07599).

worker i : p_i = e_i + gamma_t g_i ; send c_i = C(p_i) ; e_i <- p_i - c_i
everyone : x <- x - avg c_i

gamma_t = gamma for `error-feedback`, gamma/(a + t) in round t = 0, 1, ... for `mem-sgd`. The memory holds steps: a step
size that changes multiplies the gradient before it enters and never the memory. y = x - avg e_i follows uncompressed
SGD for any compressor and any steps.
"""

from dataclasses import replace

import numpy as np
from numba import njit

from ..channels import error_feedback
from ..method import Method
from ..pseudocode import State, avg
from ..rules import model_less_errors, subtract, times_step
from ..signatures import OPTIONS, ROUND, flat


def pseudocode(given, gamma):
    """EF-SGD / MEM-SGD with one step size."""
    x, e = given.x0, np.zeros((given.n, given.d))
    for _ in given.rounds():
        p = e + gamma * given.gradients(x)
        c = given.C_up(p)
        e = p - c
        x = given.broadcast(x - avg(c))
        yield State(x, errors=e)


def falling_steps_pseudocode(given, gamma, a):
    """MEM-SGD with steps gamma/(a + t)."""
    x, e = given.x0, np.zeros((given.n, given.d))
    for t in given.rounds():
        p = e + gamma / (a + t) * given.gradients(x)
        c = given.C_up(p)
        e = p - c
        x = given.broadcast(x - avg(c))
        yield State(x, errors=e)


@njit(**OPTIONS)
def times_falling_step(ctx, params, x, v, states, common):
    """v <- gamma/(a + t) v."""
    step, flat_v = params[0] / (params[3] + ctx[ROUND]), flat(v)
    for j in range(flat_v.size):
        flat_v[j] *= step


def shadow_dist_sq(view):
    """||x - avg e_i - x*||^2, a part of the Lyapunov function whose rate is tight; not a number without an x*."""
    if view.problem.x_star is None:
        return np.full(view.x.shape[0], np.nan)
    off = view.shadow - view.problem.x_star
    return np.einsum("rj,rj->r", off, off)


ERROR_FEEDBACK = Method(
    name="error-feedback",
    title="EF-SGD / MEM-SGD",
    source="Stich, Cordonnier, Jaggi 2018, arXiv 1809.07599",
    parameters=("gamma",),
    worker=times_step,
    uplink=lambda p: error_feedback(),
    everyone=subtract,
    shadow=model_less_errors,
    columns={"shadow_dist_sq": shadow_dist_sq},
    shadow_step=lambda p, t: p["gamma"],
    transcription=pseudocode,
)

MEM_SGD = replace(
    ERROR_FEEDBACK,
    name="mem-sgd",
    title="MEM-SGD, decreasing steps",
    parameters=("gamma", "a"),
    worker=times_falling_step,
    shadow_step=lambda p, t: p["gamma"] / (p["a"] + t),
    transcription=falling_steps_pseudocode,
)
