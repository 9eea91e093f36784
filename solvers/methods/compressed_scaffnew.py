"""CompressedScaffnew (Condat, Agarsky, Richtarik 2022, arXiv 2210.13277): Scaffnew with masked messages.

It is TAMUNA (Condat, Agarsky, Malinovsky, Richtarik 2023, arXiv 2302.09832) with every worker taking part.

worker i : xhat_i = x_i - gamma (g_i(x_i) - h_i)
coin     : one for all workers, heads with probability p
           heads: send C(xhat_i), C a mask: every coordinate is sent by s of the n workers, n/s times as large ;
                  broadcast xbar = avg C(xhat_i), the mean of the s values ;
                  h_i <- h_i + (p eta/gamma)(xbar - xhat_i) in the coordinates that worker i has sent ; x_i <- xbar
           tails: nothing is sent ; x_i <- xhat_i

A coordinate that a message does not carry is -0 in it; other compressors than masks send all coordinates. A worker's
states are h_i and xhat_i, which is -0 where it was not sent.
"""

import numpy as np
from numba import njit

from ..method import Exchange, Method
from ..pseudocode import State, avg
from ..signatures import OPTIONS, flat
from .scaffnew import local_step, stay_local


def pseudocode(given, gamma, p, eta):
    """CompressedScaffnew; x_i, xhat_i and h_i are rows of x, local and h."""
    n, x, h = given.n, np.tile(given.x0, (given.n, 1)), np.zeros((given.n, given.d))
    for _ in given.rounds():
        local = x - gamma * given.gradients(x) + gamma * h
        if given.heads(p):
            c = given.C_up_special(local)
            sent = ~((c == 0) & np.signbit(c))
            xbar = given.broadcast(avg(c))
            h = h + (p * eta / gamma) * sent * (xbar - local)
            x = np.tile(xbar, (n, 1))
            local = sent * local
        else:
            x = local
        yield State(avg(x), models=x, states=[h, local])


@njit(**OPTIONS)
def mark_unsent(ctx, params, v, c, states, common):
    """states[1] <- -0 wherever the message is -0: worker i has not sent these coordinates."""
    flat_c, local = flat(c), flat(states[1])
    for j in range(flat_c.size):
        if flat_c[j] == 0.0 and np.signbit(flat_c[j]):
            local[j] = -0.0


@njit(**OPTIONS)
def agree(ctx, params, x, v, states, common):
    """h_i <- h_i + (p eta/gamma)(xbar - xhat_i) where worker i has sent, x_i <- xbar, which is v."""
    factor = params[3] * params[4] / params[0]
    flat_x, flat_v, h, local = flat(x), flat(v), flat(states[0]), flat(states[1])
    for j in range(flat_x.size):
        if local[j] != 0.0 or not np.signbit(local[j]):
            h[j] += factor * (flat_v[j] - local[j])
        flat_x[j] = flat_v[j]


COMPRESSED_SCAFFNEW = Method(
    name="compressed-scaffnew",
    title="CompressedScaffnew (TAMUNA)",
    source="Condat, Agarsky, Richtarik 2022, arXiv 2210.13277",
    parameters=("gamma", "p", "eta"),
    worker=local_step,
    local=stay_local,
    up="nothing",
    down="nothing",
    states=(2, 0, 0),
    models="averaged",
    special=Exchange(worker=local_step, sent=mark_unsent, local=agree),
    special_when="heads",
    memory_state=0,
    transcription=pseudocode,
)
