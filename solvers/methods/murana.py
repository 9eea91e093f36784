"""MURANA, two-way (Condat, Richtarik 2021, arXiv 2106.03056): DIANA's uplink, the model's increment down.

worker i : send d_i = C_up(grad f_i(x) - h_i) ; h_i <- h_i + lam d_i
server   : xt = prox_{gamma R}(x - gamma (h + avg d_i))  (the old h) ; h <- h + lam avg d_i
           broadcast r = C_down(xt - x)
everyone : x <- x + beta r
"""

import numpy as np

from ..channels import Channel, shift
from ..method import Method
from ..pseudocode import State, avg
from ..rules import next_model, set_model


def pseudocode(given, gamma, lam, beta):
    """MURANA, two-way."""
    x, h, hbar = given.x0, np.zeros((given.n, given.d)), np.zeros(given.d)
    for _ in given.rounds():
        c = given.C_up(given.gradients(x) - h)
        target = given.prox(x - gamma * (hbar + avg(c)), gamma)
        h, hbar = h + lam * c, hbar + lam * avg(c)
        x = x + beta * given.C_down(target - x)
        yield State(x, memories=h, server_memory=hbar)


MURANA = Method(
    name="murana",
    title="MURANA",
    source="Condat, Richtarik 2021, arXiv 2106.03056",
    parameters=("gamma", "lam", "beta"),
    uplink=lambda p: shift(p["lam"]),
    server=next_model,
    downlink=lambda p: Channel(lam=p["beta"], nu=p["beta"], memory=True, model_is_memory=True),
    everyone=set_model,
    two_way=True,
    prox=True,
    transcription=pseudocode,
)
