"""DoubleSqueeze (Tang, Lian, Yu, Zhang, Liu, ICML 2019, arXiv 1905.05957).

    worker i : v_i = g_i + e_i ; send c_i = C_up(v_i) ; e_i <- v_i - c_i
    server   : v = avg c_i + e ; broadcast c = C_down(v) ; e <- v - c
    everyone : x <- x - gamma c

The errors are in gradient units. y = x - gamma (e + avg e_i) follows uncompressed SGD for any compressors.

Asynchronous: a step of the server averages the M messages that have arrived, each computed at an older model. Then
y = x - gamma (e + (1/M) sum_i e_i), the sum over all n workers, follows delayed SGD: y <- y - (gamma/M) sum of the g_i
that have arrived.
"""

import numpy as np
from numba import njit

from ..channels import error_feedback
from ..method import Method
from ..pseudocode import State, avg
from ..rules import copy, descend, model_less_scaled_errors, subtract_errors
from ..signatures import OPTIONS


def pseudocode(given, gamma):
    """DoubleSqueeze."""
    x, e_i, e = given.x0, np.zeros((given.n, given.d)), np.zeros(given.d)
    for _ in given.rounds():
        v_i = given.gradients(x) + e_i
        c_i = given.C_up(v_i)
        e_i = v_i - c_i
        v = avg(c_i) + e
        c = given.C_down(v)
        e = v - c
        x = x - gamma * c
        yield State(x, errors=e_i, server_error=e)


def asynchronous_pseudocode(given, gamma, M):
    """DoubleSqueeze on the M messages that have arrived."""
    x, e_i, e = [given.x0], np.zeros((given.n, given.d)), np.zeros(given.d)
    for _ in given.rounds():
        arrived = np.zeros(given.d)
        for i, s in given.arrivals():
            v_i = given.gradient(i, x[s]) + e_i[i]
            c_i = given.message(i, v_i)
            e_i[i] = v_i - c_i
            arrived += c_i
        v = arrived / M + e
        c = given.C_down(v)
        e = v - c
        x.append(x[-1] - gamma * c)
        yield State(x[-1], errors=e_i, server_error=e)


@njit(**OPTIONS)
def model_less_arriving_errors(ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    """y = x - gamma (e + (1/M) sum e_i)."""
    gamma, M, n = params[0], params[3], errors.shape[0]
    copy(x, y)
    subtract_errors(errors, server_error[:0], gamma * n / M, y)
    subtract_errors(errors[:0], server_error, gamma, y)


DOUBLESQUEEZE = Method(
    name="doublesqueeze",
    title="DoubleSqueeze",
    source="Tang, Lian, Yu, Zhang, Liu 2019, arXiv 1905.05957",
    parameters=("gamma",),
    uplink=lambda p: error_feedback(),
    downlink=lambda p: error_feedback(),
    everyone=descend,
    two_way=True,
    shadow=model_less_scaled_errors,
    shadow_step=lambda p, t: p["gamma"],
    transcription=pseudocode,
)

DOUBLESQUEEZE_ASYNC = Method(
    name="doublesqueeze-async",
    title="asynchronous DoubleSqueeze",
    source="Tang, Lian, Yu, Zhang, Liu 2019, arXiv 1905.05957",
    parameters=("gamma", "M"),
    uplink=lambda p: error_feedback(),
    downlink=lambda p: error_feedback(),
    everyone=descend,
    two_way=True,
    clock="arrivals",
    shadow=model_less_arriving_errors,
    shadow_step=lambda p, t: p["gamma"],
    transcription=asynchronous_pseudocode,
)
