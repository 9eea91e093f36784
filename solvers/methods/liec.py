"""LIEC-SGD: local immediate error compensation (Cheng et al. 2024, arXiv 2402.11857; the authors' released code).

Every worker has a model x_i of its own; the server has one error e. Rounds t = 1, 2, ...

t mod H != 0:
    worker i : g_i at x_i ; c_i = C_up(g_i) ; r_i = g_i - c_i ; send c_i
    server   : v = avg c_i + e ; broadcast c = C_down(v) ; e <- v - c
    worker i : x_i <- x_i - gamma (c + r_i)
t mod H = 0, full precision:
    all      : x_i <- avg x_j - gamma (avg g_j + e) ; e <- 0

In the full-precision round x_i - gamma g_i travels as one vector, and the server takes gamma e from the average: it is
an error feedback with the factor -gamma, which leaves no error behind, because nothing is compressed.

y = avg x_i - gamma e follows uncompressed SGD for any compressors.
"""

import numpy as np
from numba import njit

from ..channels import Channel, error_feedback
from ..method import Exchange, Method
from ..pseudocode import State, avg
from ..rules import keep_residual, model_less_scaled_errors, next_model, set_model
from ..signatures import OPTIONS, flat


def pseudocode(given, gamma, H):
    """LIEC-SGD; x_i and e_i are rows of x and e."""
    n, x = given.n, np.tile(given.x0, (given.n, 1))
    r, e = np.zeros((n, given.d)), np.zeros(given.d)
    for t in given.rounds():
        g = given.gradients(x)
        if (t + 1) % H:
            c_i = given.C_up(g)
            r = g - c_i
            v = avg(c_i) + e
            c = given.C_down(v)
            e = v - c
            x = x - gamma * (c + r)
        else:
            x = np.tile(given.broadcast(avg(given.send(x - gamma * g)) - gamma * e), (n, 1))
            e = np.zeros(given.d)
        yield State(avg(x), models=x, server_error=e, states=[r])


@njit(**OPTIONS)
def compensate(ctx, params, x, v, states, common):
    """x_i <- x_i - gamma (c + r_i): what the worker's own message lost is made up for at once."""
    gamma, flat_x, flat_v, rest = params[0], flat(x), flat(v), flat(states[0])
    for j in range(flat_x.size):
        flat_x[j] -= gamma * (flat_v[j] + rest[j])


LIEC = Method(
    name="liec",
    title="LIEC-SGD",
    source="Cheng, Shen, Xu, Qian, Wu, Zhou, Zhang, Tao, Chen 2024, arXiv 2402.11857",
    parameters=("gamma", "H"),
    sent=keep_residual,
    downlink=lambda p: error_feedback(),
    local=compensate,
    two_way=True,
    states=(1, 0, 0),
    models="averaged",
    shadow=model_less_scaled_errors,
    special_when="period",
    special=Exchange(
        worker=next_model,
        downlink=lambda p: Channel(eta=-p["gamma"], error=True),
        local=set_model,
        up="identity",
        down="identity",
    ),
    shadow_step=lambda p, t: p["gamma"],
    transcription=pseudocode,
)
