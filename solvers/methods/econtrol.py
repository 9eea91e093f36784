"""EControl (Gao, Islamov, Stich 2023, arXiv 2311.05645): EF21's memory, with the error fed back by a factor eta.

worker i : c_i = C(g_i(x) - h_i + eta e_i) ; send c_i ; e_i <- e_i + g_i - h_i - c_i ; h_i <- h_i + c_i
everyone : x <- x - gamma avg h_i  (the new h_i; h_i and e_i start at zero)

x - gamma avg e_i follows uncompressed SGD for any compressor; eta = 0 is EF21.
"""

import numpy as np
from numba import njit

from ..method import Method
from ..pseudocode import State, avg
from ..rules import copy, descend
from ..signatures import OPTIONS, flat
from .ef21 import tracking


def pseudocode(given, gamma, eta):
    """EControl."""
    x, h, e = given.x0, np.zeros((given.n, given.d)), np.zeros((given.n, given.d))
    hbar = avg(h)
    for _ in given.rounds():
        g = given.gradients(x)
        c = given.C_up(g - h + eta * e)
        e = e + g - h - c
        h, hbar = h + c, hbar + avg(c)
        x = given.broadcast(x - gamma * hbar)
        yield State(x, memories=h, server_memory=hbar, states=[e])


@njit(**OPTIONS)
def feed_back(ctx, params, x, v, states, common):
    """v <- v + eta e."""
    eta, flat_v, e = params[3], flat(v), flat(states[0])
    for j in range(flat_v.size):
        flat_v[j] += eta * e[j]


@njit(**OPTIONS)
def accumulate(ctx, params, v, c, states, common):
    """e <- e + (v - eta e) - c: v, what was compressed, is g - h + eta e."""
    eta, flat_v, flat_c, e = params[3], flat(v), flat(c), flat(states[0])
    for j in range(flat_v.size):
        e[j] += flat_v[j] - eta * e[j] - flat_c[j]


@njit(**OPTIONS)
def model_less_errors(ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    """y = x - gamma avg e_i."""
    factor, flat_y = params[0] / states.shape[0], flat(y)
    copy(x, y)
    for i in range(states.shape[0]):
        e = flat(states[i, 0])
        for j in range(flat_y.size):
            flat_y[j] -= factor * e[j]


ECONTROL = Method(
    name="econtrol",
    title="EControl",
    source="Gao, Islamov, Stich 2023, arXiv 2311.05645",
    parameters=("gamma", "eta"),
    worker=feed_back,
    uplink=tracking,
    sent=accumulate,
    everyone=descend,
    states=(1, 0, 0),
    shadow=model_less_errors,
    shadow_step=lambda p, t: p["gamma"],
    transcription=pseudocode,
)
