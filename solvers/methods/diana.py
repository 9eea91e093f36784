"""DIANA (Mishchenko, Gorbunov, Takac, Richtarik 2019, arXiv 1901.09269).

worker i : send Q_i = C(g_i - h_i) ; h_i <- h_i + alpha Q_i
server   : v = h + avg Q_i  (the old h) ; x <- prox_{gamma R}(x - gamma v) ; h <- h + alpha avg Q_i
"""

import numpy as np

from ..channels import shift
from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend


def pseudocode(given, gamma, alpha):
    """DIANA."""
    x, h, hbar = given.x0, np.zeros((given.n, given.d)), np.zeros(given.d)
    for _ in given.rounds():
        Q = given.C_up(given.gradients(x) - h)
        v = hbar + avg(Q)
        h, hbar = h + alpha * Q, hbar + alpha * avg(Q)
        x = given.broadcast(given.prox(x - gamma * v, gamma))
        yield State(x, memories=h, server_memory=hbar)


DIANA = Method(
    name="diana",
    title="DIANA",
    source="Mishchenko, Gorbunov, Takac, Richtarik 2019, arXiv 1901.09269",
    parameters=("gamma", "alpha"),
    uplink=lambda p: shift(p["alpha"]),
    everyone=descend,
    prox=True,
    transcription=pseudocode,
)
