"""GMC and GMC+: global momentum compression (Zhao, Xie, Gao, Li 2019, arXiv 1905.12948).

    worker i : p_i = e_i + g_i(x_i^t) - (beta/gamma)(x^t - x^{t-1}) ; send c_i = C(p_i) ; e_i <- p_i - c_i
    server   : x^{t+1} = x^t - gamma avg c_i                                           (x^{-1} = x^0)

The momentum is the same for all workers: the model's last move, d^t = -(x^t - x^{t-1})/gamma, is the last average
message, and everyone keeps it. GMC computes the gradients at x^t. GMC+ computes them at x_i^t = x^t - lam gamma e_i,
lam in [0, 1]; its printed form was not at hand, and this one is reconstructed. With lam = 0 it is GMC, and GMC
without compression is heavy ball.

The memory R^t = avg e_i + beta d^t is in units of gradients: y^t = x^t - g' R^t, g' = gamma/(1 - beta), moves by
-g' avg g_i for any compressor. GMC with decreasing steps takes gamma_t = gamma/(a + t) and the same messages; then y
moves by -g'_t avg g_i + (g'_t - g'_{t+1}) R^{t+1}.
"""

from typing import Any

import numpy as np
from numba import njit

from ..channels import error_feedback
from ..method import Method
from ..pseudocode import State, avg
from ..rules import copy, keep_residual, subtract_errors
from ..signatures import OPTIONS, ROUND, flat

GAMMA, BETA, LAM, SHIFT = 0, 3, 4, 4


def pseudocode(given, gamma, beta):
    """GMC."""
    x = before = given.x0
    e = np.zeros((given.n, given.d))
    for _ in given.rounds():
        p = e + given.gradients(x) - beta / gamma * (x - before)
        c = given.C_up(p)
        e = p - c
        before, x = x, given.broadcast(x - gamma * avg(c))
        yield State(x, errors=e, common=[(before - x) / gamma])


def plus_pseudocode(given, gamma, beta, lam):
    """GMC+: every worker computes at a point of its own."""
    x = before = given.x0
    e = np.zeros((given.n, given.d))
    for _ in given.rounds():
        g = given.gradients(x - lam * gamma * e)
        p = e + g - beta / gamma * (x - before)
        c = given.C_up(p)
        e = p - c
        before, x = x, given.broadcast(x - gamma * avg(c))
        yield State(x, errors=e, models=x - lam * gamma * e, states=[e], common=[(before - x) / gamma])


def decreasing_pseudocode(given, gamma, beta, a):
    """GMC with steps gamma/(a + t); d is the last average message, -(x^t - x^{t-1})/gamma_{t-1}."""
    x, d, e = given.x0, np.zeros(given.d), np.zeros((given.n, given.d))
    for t in given.rounds():
        p = e + given.gradients(x) + beta * d
        c = given.C_up(p)
        e, d = p - c, avg(c)
        x = given.broadcast(x - gamma / (a + t) * d)
        yield State(x, errors=e, common=[d])


@njit(**OPTIONS)
def add_global_momentum(ctx, params, x, v, states, common):
    """v <- g + beta d: d is the last average message."""
    beta, flat_v, d = params[BETA], flat(v), flat(common[0])
    for j in range(flat_v.size):
        flat_v[j] += beta * d[j]


@njit(**OPTIONS)
def descend_and_remember(ctx, params, x, v, states, common):
    """x <- x - gamma v; d <- v."""
    gamma, flat_x, flat_v, d = params[GAMMA], flat(x), flat(v), flat(common[0])
    for j in range(flat_v.size):
        flat_x[j] -= gamma * flat_v[j]
        d[j] = flat_v[j]


@njit(**OPTIONS)
def descend_ever_less_and_remember(ctx, params, x, v, states, common):
    """x <- x - gamma/(a + t) v; d <- v."""
    step, flat_x, flat_v, d = params[GAMMA] / (params[SHIFT] + ctx[ROUND]), flat(x), flat(v), flat(common[0])
    for j in range(flat_v.size):
        flat_x[j] -= step * flat_v[j]
        d[j] = flat_v[j]


@njit(**OPTIONS)
def detach(ctx, params, x, v, states, common):
    """x_i <- x - lam gamma e_i."""
    factor, flat_x, flat_v, e = params[LAM] * params[GAMMA], flat(x), flat(v), flat(states[0])
    for j in range(flat_v.size):
        flat_x[j] = flat_v[j] - factor * e[j]


@njit(**OPTIONS)
def model_less_memory(ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    """y = x - g' (avg e_i + beta d)."""
    beta = params[BETA]
    step = params[GAMMA] / (1.0 - beta)
    copy(x, y)
    subtract_errors(errors, server_error, step, y)
    flat_y, d = flat(y), flat(common[0])
    for j in range(flat_y.size):
        flat_y[j] -= step * beta * d[j]


@njit(**OPTIONS)
def model_less_ever_less_memory(ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    """y = x - g'_t (avg e_i + beta d)."""
    beta = params[BETA]
    step = params[GAMMA] / (params[SHIFT] + ctx[ROUND]) / (1.0 - beta)
    copy(x, y)
    subtract_errors(errors, server_error, step, y)
    flat_y, d = flat(y), flat(common[0])
    for j in range(flat_y.size):
        flat_y[j] -= step * beta * d[j]


def memory_sq(view: Any) -> np.ndarray:
    """||R||^2 = ||avg e_i + beta d||^2, the memory that the theorems bound."""
    R = view.errors.mean(axis=0) + view.parameters["beta"] * view.common[0]
    return np.einsum("rj,rj->r", R, R)


COLUMNS = {"global_memory_sq": memory_sq}

GMC = Method(
    name="gmc",
    title="GMC",
    source="Zhao, Xie, Gao, Li 2019, arXiv 1905.12948",
    parameters=("gamma", "beta"),
    worker=add_global_momentum,
    uplink=lambda p: error_feedback(),
    everyone=descend_and_remember,
    states=(0, 0, 1),
    columns=COLUMNS,
    shadow=model_less_memory,
    shadow_step=lambda p, t: p["gamma"] / (1 - p["beta"]),
    transcription=pseudocode,
)

GMC_PLUS = Method(
    name="gmc-plus",
    title="GMC+ (reconstructed)",
    source="Zhao, Xie, Shi, Gao, Li 2024, arXiv 1905.12948, third version",
    parameters=("gamma", "beta", "lam"),
    worker=add_global_momentum,
    uplink=lambda p: error_feedback(),
    sent=keep_residual,
    everyone=descend_and_remember,
    local=detach,
    models="detached",
    states=(1, 0, 1),
    columns=COLUMNS,
    shadow=model_less_memory,
    shadow_step=lambda p, t: p["gamma"] / (1 - p["beta"]),
    transcription=plus_pseudocode,
)

GMC_DECREASING = Method(
    name="gmc-decreasing",
    title="GMC with steps gamma/(a + t)",
    source="Zhao, Xie, Gao, Li 2019, arXiv 1905.12948",
    parameters=("gamma", "beta", "a"),
    worker=add_global_momentum,
    uplink=lambda p: error_feedback(),
    everyone=descend_ever_less_and_remember,
    states=(0, 0, 1),
    columns=COLUMNS,
    shadow=model_less_ever_less_memory,
    transcription=decreasing_pseudocode,
)
