"""EF21-P, alone and with DIANA on the uplink (Gruntkowska, Tyurin, Richtarik 2023, arXiv 2209.15218).

worker i : send m_i = Q(grad f_i(w) - h_i) ; h_i <- h_i + beta m_i        (EF21-P: sends grad f_i(w))
server   : v = h + avg m_i  (the old h) ; h <- h + beta avg m_i ; x <- x - gamma v ; broadcast p = C(x - w)
everyone : w <- w + p

The server alone holds x, the model that the bounds are about; w, at which the gradients are computed, is EF21's memory
of the stream x.
"""

import numpy as np
from numba import njit

from ..channels import Channel, shift
from ..method import Method, Parameters
from ..pseudocode import State, avg
from ..rules import set_model
from ..signatures import OPTIONS, flat


def pseudocode(given, gamma):
    """EF21-P: everyone computes at w, the server alone holds x."""
    x = w = given.x0
    for _ in given.rounds():
        x = x - gamma * avg(given.C_up(given.gradients(w)))  # C_up is the identity
        w = w + given.C_down(x - w)
        yield State(w, server_states=[x])


def with_diana_pseudocode(given, gamma, beta):
    """EF21-P + DIANA."""
    x = w = given.x0
    h, hbar = np.zeros((given.n, given.d)), np.zeros(given.d)
    for _ in given.rounds():
        m = given.C_up(given.gradients(w) - h)
        v = hbar + avg(m)
        h, hbar = h + beta * m, hbar + beta * avg(m)
        x = x - gamma * v
        w = w + given.C_down(x - w)
        yield State(w, memories=h, server_memory=hbar, server_states=[x])


@njit(**OPTIONS)
def step_at_server(ctx, params, x, v, states, common):
    """states[0] <- states[0] - gamma v, and v <- states[0]: the model itself enters the downlink."""
    gamma, flat_v, model = params[0], flat(v), flat(states[0])
    for j in range(flat_v.size):
        model[j] -= gamma * flat_v[j]
        flat_v[j] = model[j]


def track_model(parameters: Parameters) -> Channel:
    """Return the channel whose memory, w, follows the server's model."""
    return Channel(lam=1.0, memory=True, model_is_memory=True)


EF21_P = Method(
    name="ef21-p",
    title="EF21-P",
    source="Gruntkowska, Tyurin, Richtarik 2023, arXiv 2209.15218",
    parameters=("gamma",),
    server=step_at_server,
    downlink=track_model,
    everyone=set_model,
    two_way=True,
    states=(0, 1, 0),
    model_state=0,
    transcription=pseudocode,
)

EF21_P_DIANA = Method(
    name="ef21-p-diana",
    title="EF21-P + DIANA",
    source="Gruntkowska, Tyurin, Richtarik 2023, arXiv 2209.15218",
    parameters=("gamma", "beta"),
    uplink=lambda p: shift(p["beta"]),
    server=step_at_server,
    downlink=track_model,
    everyone=set_model,
    two_way=True,
    states=(0, 1, 0),
    model_state=0,
    transcription=with_diana_pseudocode,
)
