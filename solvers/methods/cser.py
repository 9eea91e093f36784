"""CSER: SGD with error reset (Xie, Zheng, Koyejo, Gupta, Li, Lin 2020, arXiv 2007.13221).

Every worker has a model x_i and an error e_i of its own.

worker i              : v_i = gamma g_i(x_i) ; c_i = C_2(v_i) ; r_i = v_i - c_i ; send c_i
                        x_i <- x_i - (avg c + r_i) ; e_i <- e_i - r_i
after every H-th round: c_i = C_1(e_i) ; send c_i ; x_i <- x_i + avg c - c_i ; e_i <- e_i - c_i

C_2 is the uplink's compressor, C_1, that of the error reset, is given as the other one ("down"). What the server
broadcasts, avg c, is not compressed again. The paper's gamma is called eta there.

x_i - e_i is the same on all workers, and avg x_i follows uncompressed SGD for any compressors.
"""

import numpy as np
from numba import njit

from ..method import Exchange, Method
from ..pseudocode import State, avg
from ..rules import model_less_errors, times_step
from ..signatures import OPTIONS, flat


def pseudocode(given, gamma, H):
    """CSER; x_i and e_i are rows of x and e. C_2 is C_up, C_1 the second compressor."""
    x, e = np.tile(given.x0, (given.n, 1)), np.zeros((given.n, given.d))
    for t in given.rounds():
        v = gamma * given.gradients(x)
        c = given.C_up(v)
        r = kept = v - c
        x = x - (given.broadcast(avg(c)) + r)
        e = e - r
        if (t + 1) % H == 0:
            c = kept = given.C_up_special(e, by="down")
            x = x + given.broadcast(avg(c)) - c
            e = e - c
        yield State(avg(x), models=x, states=[kept, e])


@njit(**OPTIONS)
def keep_residual_and_error(ctx, params, v, c, states, common):
    """r_i = v_i - c_i ; e_i <- e_i - r_i. The states are (r_i or c_i, e_i)."""
    flat_v, flat_c, rest, e = flat(v), flat(c), flat(states[0]), flat(states[1])
    for j in range(flat_v.size):
        rest[j] = flat_v[j] - flat_c[j]
        e[j] -= rest[j]


@njit(**OPTIONS)
def synchronise(ctx, params, x, v, states, common):
    """x_i <- x_i - (avg c + r_i)."""
    flat_x, flat_v, rest = flat(x), flat(v), flat(states[0])
    for j in range(flat_x.size):
        flat_x[j] -= flat_v[j] + rest[j]


@njit(**OPTIONS)
def the_error(ctx, params, x, v, states, common):
    """v <- e_i."""
    flat_v, e = flat(v), flat(states[1])
    for j in range(flat_v.size):
        flat_v[j] = e[j]


@njit(**OPTIONS)
def apply_reset(ctx, params, v, c, states, common):
    """e_i <- e_i - c_i, and c_i is kept for the model."""
    flat_c, kept, e = flat(c), flat(states[0]), flat(states[1])
    for j in range(flat_c.size):
        kept[j] = flat_c[j]
        e[j] -= flat_c[j]


@njit(**OPTIONS)
def reset(ctx, params, x, v, states, common):
    """x_i <- x_i + avg c - c_i."""
    flat_x, flat_v, kept = flat(x), flat(v), flat(states[0])
    for j in range(flat_x.size):
        flat_x[j] += flat_v[j] - kept[j]


CSER = Method(
    name="cser",
    title="CSER",
    source="Xie, Zheng, Koyejo, Gupta, Li, Lin 2020, arXiv 2007.13221",
    parameters=("gamma", "H"),
    worker=times_step,
    sent=keep_residual_and_error,
    local=synchronise,
    down="identity",
    two_way=True,
    states=(2, 0, 0),
    models="averaged",
    special_when="period",
    special_adds=True,
    special=Exchange(worker=the_error, sent=apply_reset, local=reset, gradient=False, up="down", down="identity"),
    shadow=model_less_errors,
    shadow_step=lambda p, t: p["gamma"],
    transcription=pseudocode,
)
