"""Momentum without compression, in its four usual forms (the first two are the same).

    heavy ball   : x^{t+1} = x^t - gamma avg g_i + beta (x^t - x^{t-1})             (Polyak 1964)
    DMSGD        : m <- beta m + avg g_i ; x <- x - gamma m                         (distributed momentum SGD)
    averaged     : m <- b m + (1 - b) avg g_i ; x <- x - gamma m                    (heavy ball with step (1 - b) gamma)
    SGD momentum : z <- z - gamma avg g_i ; x^{k+1} = (lambda_{k+1} x^k + z)/(lambda_{k+1} + 1),
                   lambda_k = k/2, z^0 = x^0 (Sebbouh, Gower, Defazio 2021, arXiv 2006.07867)

Adding what the momentum is still going to do gives a sequence that follows SGD with step gamma/(1 - beta):
y = x^t - (beta/(1 - beta))(x^{t-1} - x^t) for heavy ball, y = x - (gamma beta/(1 - beta)) m for DMSGD; for the averaged
form the same with b, and the step is gamma; for the last one it is z.
"""

import numpy as np
from numba import njit

from ..method import Method
from ..pseudocode import State, avg
from ..rules import copy
from ..signatures import OPTIONS, ROUND, flat


def heavy_ball_pseudocode(given, gamma, beta):
    """Heavy ball; C_up is the identity in all four."""
    x = before = given.x0
    for _ in given.rounds():
        g = given.C_up(given.gradients(x))
        before, x = x, given.broadcast(x - gamma * avg(g) + beta * (x - before))
        yield State(x, common=[before])


def dmsgd_pseudocode(given, gamma, beta):
    """Distributed momentum SGD."""
    x, m = given.x0, np.zeros(given.d)
    for _ in given.rounds():
        m = beta * m + avg(given.C_up(given.gradients(x)))
        x = given.broadcast(x - gamma * m)
        yield State(x, common=[m])


def averaged_pseudocode(given, gamma, b):
    """Averaged momentum."""
    x, m = given.x0, np.zeros(given.d)
    for _ in given.rounds():
        m = b * m + (1 - b) * avg(given.C_up(given.gradients(x)))
        x = given.broadcast(x - gamma * m)
        yield State(x, common=[m])


def iterate_averaging_pseudocode(given, gamma):
    """SGD with momentum, written as iterate averaging: lambda_k = k/2."""
    x = z = given.x0
    for k in given.rounds():
        z = z - gamma * avg(given.C_up(given.gradients(x)))
        lam = (k + 1) / 2
        x = given.broadcast((lam * x + z) / (lam + 1))
        yield State(x, common=[z])


@njit(**OPTIONS)
def heavy_ball(ctx, params, x, v, states, common):
    """x <- x - gamma v + beta (x - x^{t-1})."""
    gamma, beta, flat_x, flat_v, before = params[0], params[3], flat(x), flat(v), flat(common[0])
    if ctx[ROUND] == 0:
        beta = 0.0
    for j in range(flat_v.size):
        move = beta * (flat_x[j] - before[j]) - gamma * flat_v[j]
        before[j] = flat_x[j]
        flat_x[j] += move


@njit(**OPTIONS)
def momentum_step(gamma, beta, weight, x, v, m):
    """m <- beta m + weight v; x <- x - gamma m."""
    flat_x, flat_v, flat_m = flat(x), flat(v), flat(m)
    for j in range(flat_v.size):
        flat_m[j] = beta * flat_m[j] + weight * flat_v[j]
        flat_x[j] -= gamma * flat_m[j]


@njit(**OPTIONS)
def distributed_momentum(ctx, params, x, v, states, common):
    """m <- beta m + v; x <- x - gamma m."""
    momentum_step(params[0], params[3], 1.0, x, v, common[0])


@njit(**OPTIONS)
def averaged_momentum(ctx, params, x, v, states, common):
    """m <- b m + (1 - b) v; x <- x - gamma m."""
    momentum_step(params[0], params[3], 1.0 - params[3], x, v, common[0])


@njit(**OPTIONS)
def averaged_iterates(ctx, params, x, v, states, common):
    """z <- z - gamma v; x <- (lambda x + z)/(lambda + 1), lambda = (t + 1)/2."""
    gamma, flat_x, flat_v, z = params[0], flat(x), flat(v), flat(common[0])
    if ctx[ROUND] == 0:
        for j in range(flat_x.size):
            z[j] = flat_x[j]
    lam = 0.5 * (ctx[ROUND] + 1)
    for j in range(flat_v.size):
        z[j] -= gamma * flat_v[j]
        flat_x[j] = (lam * flat_x[j] + z[j]) / (lam + 1.0)


@njit(**OPTIONS)
def ahead_of_heavy_ball(ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    """y = x - (beta/(1 - beta))(x^{t-1} - x^t)."""
    factor = params[3] / (1.0 - params[3])
    if ctx[ROUND] == 0:
        factor = 0.0
    flat_x, flat_y, before = flat(x), flat(y), flat(common[0])
    for j in range(flat_y.size):
        flat_y[j] = flat_x[j] - factor * (before[j] - flat_x[j])


@njit(**OPTIONS)
def ahead_of_momentum(ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    """y = x - (gamma beta/(1 - beta)) m."""
    factor = params[0] * params[3] / (1.0 - params[3])
    flat_x, flat_y, m = flat(x), flat(y), flat(common[0])
    for j in range(flat_y.size):
        flat_y[j] = flat_x[j] - factor * m[j]


@njit(**OPTIONS)
def steps_alone(ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    """y = z."""
    copy(x if ctx[ROUND] == 0 else common[0], y)


HEAVY_BALL = Method(
    name="heavy-ball",
    title="Heavy ball",
    source="Polyak 1964",
    parameters=("gamma", "beta"),
    everyone=heavy_ball,
    states=(0, 0, 1),
    shadow=ahead_of_heavy_ball,
    shadow_step=lambda p, t: p["gamma"] / (1 - p["beta"]),
    transcription=heavy_ball_pseudocode,
)

DMSGD = Method(
    name="dmsgd",
    title="Distributed momentum SGD",
    source="Polyak 1964; the baseline of Zhao, Xie, Gao, Li 2019, arXiv 1905.12948",
    parameters=("gamma", "beta"),
    everyone=distributed_momentum,
    states=(0, 0, 1),
    shadow=ahead_of_momentum,
    shadow_step=lambda p, t: p["gamma"] / (1 - p["beta"]),
    transcription=dmsgd_pseudocode,
)

MOMENTUM = Method(
    name="momentum",
    title="Averaged momentum",
    source="Polyak 1964, averaged form",
    parameters=("gamma", "b"),
    everyone=averaged_momentum,
    states=(0, 0, 1),
    shadow=ahead_of_momentum,
    shadow_step=lambda p, t: p["gamma"],
    transcription=averaged_pseudocode,
)

SGD_MOMENTUM = Method(
    name="sgd-momentum",
    title="SGD with momentum as iterate averaging",
    source="Sebbouh, Gower, Defazio 2021, arXiv 2006.07867",
    parameters=("gamma",),
    everyone=averaged_iterates,
    states=(0, 0, 1),
    shadow=steps_alone,
    shadow_step=lambda p, t: p["gamma"],
    transcription=iterate_averaging_pseudocode,
)
