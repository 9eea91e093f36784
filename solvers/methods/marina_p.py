"""MARINA-P: MARINA on the downlink, where every worker gets a message of its own (Gruntkowska, Tyurin, Richtarik 2024,
arXiv 2402.06412).

worker i : send grad f_i(w_i), dense
server   : v = avg grad f_i(w_i) ; x+ = x - gamma v
coin     : heads with probability p, heads in round 0: everyone gets x+, dense: w_i = x+
           tails: worker i gets C_i(x+ - x) : w_i <- w_i + C_i(x+ - x)

The server alone holds x, the model that the bounds are about; with perm-k, whose messages add up to n (x+ - x), the
mean of the w_i is x.
"""

import numpy as np
from numba import njit

from ..method import Exchange, Method
from ..pseudocode import State, avg
from ..rules import set_model
from ..signatures import OPTIONS, flat
from .ef21p import step_at_server


def pseudocode(given, gamma, p):
    """MARINA-P."""
    x, w = given.x0, np.array([given.x0] * given.n)
    for t in given.rounds():
        g = given.gradients(w)
        if t == 0 or given.heads(p):
            x = x - gamma * avg(given.C_up_special(g))  # C_up is the identity
            w = np.array([given.broadcast(x)] * given.n)
        else:
            step = -gamma * avg(given.C_up(g))
            x, w = x + step, w + given.C_each(step)
        yield State(avg(w), models=w, server_states=[x])


@njit(**OPTIONS)
def difference_at_server(ctx, params, x, v, states, common):
    """v <- -gamma v, and states[0] <- states[0] + v: how the model moves enters the downlink."""
    gamma, flat_v, model = params[0], flat(v), flat(states[0])
    for j in range(flat_v.size):
        flat_v[j] *= -gamma
        model[j] += flat_v[j]


@njit(**OPTIONS)
def add_to_model(ctx, params, x, v, states, common):
    """x <- x + v."""
    flat_x, flat_v = flat(x), flat(v)
    for j in range(flat_v.size):
        flat_x[j] += flat_v[j]


MARINA_P = Method(
    name="marina-p",
    title="MARINA-P",
    source="Gruntkowska, Tyurin, Richtarik 2024, arXiv 2402.06412",
    parameters=("gamma", "p"),
    two_way=True,
    server=difference_at_server,
    local=add_to_model,
    each=True,
    states=(0, 1, 0),
    model_state=0,
    models="averaged",
    special=Exchange(server=step_at_server, local=set_model, down="identity"),
    special_when="coin",
    transcription=pseudocode,
)
