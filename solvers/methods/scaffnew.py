"""Scaffnew, ProxSkip for local training (Mishchenko, Malinovsky, Stich, Richtarik 2022, arXiv 2202.09357).

Every worker has a model x_i and a control variate h_i of its own; sum h_i = 0.

worker i : xhat_i = x_i - gamma (g_i(x_i) - h_i)
coin     : one for all workers, heads with probability p
           heads: send xhat_i dense ; broadcast xbar = avg xhat_i ; h_i <- h_i + (p/gamma)(xbar - xhat_i) ; x_i <- xbar
           tails: nothing is sent ; x_i <- xhat_i

A worker's states are h_i and xhat_i.
"""

import numpy as np
from numba import njit

from ..method import Exchange, Method
from ..pseudocode import State, avg
from ..signatures import OPTIONS, flat


def pseudocode(given, gamma, p):
    """Scaffnew; x_i, xhat_i and h_i are rows of x, local and h."""
    n, x, h = given.n, np.tile(given.x0, (given.n, 1)), np.zeros((given.n, given.d))
    for _ in given.rounds():
        local = x - gamma * given.gradients(x) + gamma * h
        if given.heads(p):
            xbar = given.broadcast(avg(given.send(local)))
            h = h + (p / gamma) * (xbar - local)
            x = np.tile(xbar, (n, 1))
        else:
            x = local
        yield State(avg(x), models=x, states=[h, local])


@njit(**OPTIONS)
def local_step(ctx, params, x, v, states, common):
    """v <- xhat_i = x_i - gamma v + gamma h_i, kept in states[1]. Zeros are +0: -0 means that nothing is sent."""
    gamma, flat_x, flat_v, h, local = params[0], flat(x), flat(v), flat(states[0]), flat(states[1])
    for j in range(flat_v.size):
        flat_v[j] = flat_x[j] - gamma * flat_v[j] + gamma * h[j] + 0.0
        local[j] = flat_v[j]


@njit(**OPTIONS)
def stay_local(ctx, params, x, v, states, common):
    """x_i <- xhat_i."""
    flat_x, local = flat(x), flat(states[1])
    for j in range(flat_x.size):
        flat_x[j] = local[j]


@njit(**OPTIONS)
def agree(ctx, params, x, v, states, common):
    """h_i <- h_i + (p/gamma)(xbar - xhat_i), x_i <- xbar, which is v."""
    factor, flat_x, flat_v, h, local = params[3] / params[0], flat(x), flat(v), flat(states[0]), flat(states[1])
    for j in range(flat_x.size):
        h[j] += factor * (flat_v[j] - local[j])
        flat_x[j] = flat_v[j]


SCAFFNEW = Method(
    name="scaffnew",
    title="Scaffnew (ProxSkip)",
    source="Mishchenko, Malinovsky, Stich, Richtarik 2022, arXiv 2202.09357",
    parameters=("gamma", "p"),
    worker=local_step,
    local=stay_local,
    up="nothing",
    down="nothing",
    states=(2, 0, 0),
    models="averaged",
    special=Exchange(worker=local_step, local=agree, up="identity"),
    special_when="heads",
    memory_state=0,
    transcription=pseudocode,
)
