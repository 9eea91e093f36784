"""DGC: deep gradient compression with local momentum (Lin, Han, Mao, Wang, Dally 2018, arXiv 1712.01887).

    worker i : u_i <- beta u_i + g_i ; v_i <- v_i + u_i ; send c_i = C(v_i) ;
               v_i <- v_i - c_i ; u_i <- 0 where c_i != 0                      (the mask of what was sent clears both)
    everyone : x <- x - gamma avg c_i

C is top-k. Each worker has a momentum of its own. With k = d it is parallel SGD, not heavy ball: the mask clears u_i.
"""

import numpy as np
from numba import njit

from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend
from ..signatures import OPTIONS, flat


def pseudocode(given, gamma, beta):
    """DGC."""
    x, u, v = given.x0, np.zeros((given.n, given.d)), np.zeros((given.n, given.d))
    for _ in given.rounds():
        u = beta * u + given.gradients(x)
        v = v + u
        c = given.C_up(v)
        v = v - c
        u = np.where(c != 0, 0.0, u)
        x = given.broadcast(x - gamma * avg(c))
        yield State(x, states=[u, v])


@njit(**OPTIONS)
def accumulate_momentum(ctx, params, x, v, states, common):
    """u <- beta u + g; v <- v_i + u."""
    beta, flat_v, u, kept = params[3], flat(v), flat(states[0]), flat(states[1])
    for j in range(flat_v.size):
        u[j] = beta * u[j] + flat_v[j]
        flat_v[j] = kept[j] + u[j]


@njit(**OPTIONS)
def mask(ctx, params, v, c, states, common):
    """v_i <- v - c; u <- 0 where c != 0."""
    flat_v, flat_c, u, kept = flat(v), flat(c), flat(states[0]), flat(states[1])
    for j in range(flat_v.size):
        kept[j] = flat_v[j] - flat_c[j]
        if flat_c[j] != 0.0:
            u[j] = 0.0


DGC = Method(
    name="dgc",
    title="DGC",
    source="Lin, Han, Mao, Wang, Dally 2018, arXiv 1712.01887",
    parameters=("gamma", "beta"),
    worker=accumulate_momentum,
    sent=mask,
    everyone=descend,
    states=(2, 0, 0),
    transcription=pseudocode,
)
