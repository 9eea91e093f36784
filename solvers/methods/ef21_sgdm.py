"""EF21-SGDM (Fatkhullin, Tyurin, Richtarik 2023, arXiv 2305.15155): EF21 on momentum.

worker i : m_i <- (1 - eta) m_i + eta g_i(x) ; send c_i = C(m_i - h_i) ; h_i <- h_i + c_i
everyone : x <- x - gamma avg h_i  (the new h_i)
round 0  : m_i = h_i = g_i(x), sent dense
"""

import numpy as np
from numba import njit

from ..method import Exchange, Method
from ..pseudocode import State, avg
from ..rules import descend
from ..signatures import OPTIONS, SPECIAL, flat
from .ef21 import tracking


def pseudocode(given, gamma, eta):
    """EF21-SGDM."""
    x, h, hbar = given.x0, np.zeros((given.n, given.d)), np.zeros(given.d)
    for t in given.rounds():
        g = given.gradients(x)
        if t == 0:
            m = h = given.send(g)
            hbar = avg(h)
        else:
            m = m + eta * (g - m)  # (1 - eta) m + eta g
            c = given.C_up(m - h)
            h, hbar = h + c, hbar + avg(c)
        x = given.broadcast(x - gamma * hbar)
        yield State(x, memories=h, server_memory=hbar, states=[m])


@njit(**OPTIONS)
def momentum(ctx, params, x, v, states, common):
    """m <- (1 - eta) m + eta v and v <- m; in the special first round m <- v."""
    eta = 1.0 if ctx[SPECIAL] == 1 else params[3]
    flat_v, m = flat(v), flat(states[0])
    for j in range(flat_v.size):
        m[j] += eta * (flat_v[j] - m[j])
        flat_v[j] = m[j]


EF21_SGDM = Method(
    name="ef21-sgdm",
    title="EF21-SGDM",
    source="Fatkhullin, Tyurin, Richtarik 2023, arXiv 2305.15155",
    parameters=("gamma", "eta"),
    worker=momentum,
    uplink=tracking,
    everyone=descend,
    states=(1, 0, 0),
    special=Exchange(worker=momentum, uplink=tracking, everyone=descend, up="identity"),
    special_when="first",
    transcription=pseudocode,
)
