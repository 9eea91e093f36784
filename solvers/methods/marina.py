"""MARINA (Gorbunov, Burlachenko, Li, Richtarik 2021, arXiv 2102.07845).

coin     : heads with probability p, the same for all workers; heads in round 0
worker i : heads: send g_i(x) dense ; tails: send Q(g_i(x) - g_i(x_prev))
server   : heads: v = avg g_i(x) ; tails: v <- v + avg Q(...)
everyone : x_prev <- x, x <- x - gamma v
"""

import numpy as np
from numba import njit

from ..method import Exchange, Method
from ..pseudocode import State, avg
from ..rules import descend
from ..signatures import OPTIONS, flat


def pseudocode(given, gamma, p):
    """MARINA."""
    x, v, before = given.x0, np.zeros(given.d), np.zeros((given.n, given.d))
    for t in given.rounds():
        g = given.gradients(x)
        v = avg(given.send(g)) if t == 0 or given.heads(p) else v + avg(given.C_up(g - before))
        before = g
        x = given.broadcast(x - gamma * v)
        yield State(x, states=[before], server_states=[v])


@njit(**OPTIONS)
def remember(ctx, params, x, v, states, common):
    """states[0] <- v."""
    flat_v, last = flat(v), flat(states[0])
    for j in range(flat_v.size):
        last[j] = flat_v[j]


@njit(**OPTIONS)
def difference(ctx, params, x, v, states, common):
    """v <- v - states[0], which becomes v as it was: from a gradient to how it differs from the last one."""
    flat_v, last = flat(v), flat(states[0])
    for j in range(flat_v.size):
        gradient = flat_v[j]
        flat_v[j] -= last[j]
        last[j] = gradient


@njit(**OPTIONS)
def accumulate(ctx, params, x, v, states, common):
    """v <- states[0] + v, kept in states[0]: from the average difference to the estimate."""
    flat_v, estimate = flat(v), flat(states[0])
    for j in range(flat_v.size):
        estimate[j] += flat_v[j]
        flat_v[j] = estimate[j]


MARINA = Method(
    name="marina",
    title="MARINA",
    source="Gorbunov, Burlachenko, Li, Richtarik 2021, arXiv 2102.07845",
    parameters=("gamma", "p"),
    worker=difference,
    server=accumulate,
    everyone=descend,
    states=(1, 1, 0),
    special=Exchange(worker=remember, server=remember, everyone=descend, up="identity"),
    special_when="coin",
    transcription=pseudocode,
)
