"""DASHA (Tyurin, Richtarik 2022, arXiv 2202.01268): MARINA without dense rounds.

round 0  : h_i = grad f_i(x), sent dense
worker i : send c_i = Q(grad f_i(x) - grad f_i(x_prev) - alpha (h_i - grad f_i(x_prev))) ; h_i <- h_i + c_i
everyone : x_prev <- x, x <- x - gamma avg h_i  (the new h_i; alpha is the paper's a)

What is compressed is grad f_i(x) + (1 - alpha)(h_i - grad f_i(x_prev)) less h_i: the channel is EF21's, and a worker
keeps e_i = h_i - grad f_i(x_prev) for the next message.
"""

import numpy as np
from numba import njit

from ..method import Exchange, Method
from ..pseudocode import State, avg
from ..rules import descend
from ..signatures import OPTIONS, flat
from .ef21 import tracking


def pseudocode(given, gamma, alpha):
    """DASHA."""
    x, h, e = given.x0, np.zeros((given.n, given.d)), np.zeros((given.n, given.d))
    hbar = np.zeros(given.d)
    for t in given.rounds():
        g = given.gradients(x)
        if t == 0:
            h = given.send(g)
            hbar = avg(h)
        else:
            before = h - e  # the gradients of the round before
            c = given.C_up(g - before - alpha * (h - before))
            h, hbar = h + c, hbar + avg(c)
        e = h - g
        x = given.broadcast(x - gamma * hbar)
        yield State(x, memories=h, server_memory=hbar, states=[e])


@njit(**OPTIONS)
def keep_errors(ctx, params, x, v, states, common):
    """v <- v + (1 - alpha) e: from the gradient to what h_i should become."""
    kept, flat_v, e = 1.0 - params[3], flat(v), flat(states[0])
    for j in range(flat_v.size):
        flat_v[j] += kept * e[j]


@njit(**OPTIONS)
def err(ctx, params, v, c, states, common):
    """e <- (1 - alpha) e + c - v: v, what was compressed, is grad f_i(x) + (1 - alpha) e - h_i."""
    kept, flat_v, flat_c, e = 1.0 - params[3], flat(v), flat(c), flat(states[0])
    for j in range(flat_v.size):
        e[j] = kept * e[j] + flat_c[j] - flat_v[j]


DASHA = Method(
    name="dasha",
    title="DASHA",
    source="Tyurin, Richtarik 2022, arXiv 2202.01268",
    parameters=("gamma", "alpha"),
    worker=keep_errors,
    uplink=tracking,
    sent=err,
    everyone=descend,
    states=(1, 0, 0),
    special=Exchange(uplink=tracking, everyone=descend, up="identity"),
    special_when="first",
    transcription=pseudocode,
)
