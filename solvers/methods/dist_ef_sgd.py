"""dist-EF-SGD (Zheng, Huang, Kwok 2019, arXiv 1905.10936): DoubleSqueeze with a local Nesterov momentum.

    worker i : m_i <- b m_i + g_i ; p_i = b m_i + g_i + e_i ; send c_i = C_up(p_i) ; e_i <- p_i - c_i
    server   : v = avg c_i + e ; broadcast c = C_down(v) ; e <- v - c
    everyone : x <- x - gamma c

Their compressor is a scaled sign per block, `sign:block=...`. With b = 0 it is DoubleSqueeze. The sequence
y = x - gamma (e + avg e_i) - gamma (b^2/(1 - b)) avg m_i, all before the round, moves by
-(gamma/(1 - b)) avg g_i for any compressors.
"""

import numpy as np
from numba import njit

from ..channels import error_feedback
from ..method import Method
from ..pseudocode import State, avg
from ..rules import copy, descend, subtract_errors
from ..signatures import OPTIONS, flat


def pseudocode(given, gamma, b):
    """dist-EF-SGD with Nesterov's momentum."""
    x, m, e_i, e = given.x0, np.zeros((given.n, given.d)), np.zeros((given.n, given.d)), np.zeros(given.d)
    for _ in given.rounds():
        g = given.gradients(x)
        m = b * m + g
        p = g + b * m + e_i
        c_i = given.C_up(p)
        e_i = p - c_i
        v = avg(c_i) + e
        c = given.C_down(v)
        e = v - c
        x = x - gamma * c
        yield State(x, errors=e_i, server_error=e, states=[m])


@njit(**OPTIONS)
def push_momentum(ctx, params, x, v, states, common):
    """m <- b m + g; v <- b m + g."""
    b, flat_v, m = params[3], flat(v), flat(states[0])
    for j in range(flat_v.size):
        m[j] = b * m[j] + flat_v[j]
        flat_v[j] += b * m[j]


@njit(**OPTIONS)
def model_less_errors_and_momentum(ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    """y = x - gamma (e + avg e_i) - gamma (b^2/(1 - b)) avg m_i."""
    gamma, b, n = params[0], params[3], states.shape[0]
    copy(x, y)
    subtract_errors(errors, server_error, gamma, y)
    factor, flat_y = gamma * b * b / (1.0 - b) / n, flat(y)
    for i in range(n):
        m = flat(states[i, 0])
        for j in range(flat_y.size):
            flat_y[j] -= factor * m[j]


DIST_EF_SGD = Method(
    name="dist-ef-sgd",
    title="dist-EF-SGD with momentum",
    source="Zheng, Huang, Kwok 2019, arXiv 1905.10936",
    parameters=("gamma", "b"),
    worker=push_momentum,
    uplink=lambda p: error_feedback(),
    downlink=lambda p: error_feedback(),
    everyone=descend,
    two_way=True,
    states=(1, 0, 0),
    shadow=model_less_errors_and_momentum,
    shadow_step=lambda p, t: p["gamma"] / (1 - p["b"]),
    transcription=pseudocode,
)
