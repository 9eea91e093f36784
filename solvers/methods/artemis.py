"""Artemis (Philippenko, Dieuleveut 2020, arXiv 2006.14591): DIANA's uplink, a plain compressed downlink.

worker i : send Q_i = C_up(g_i - h_i) ; h_i <- h_i + alpha Q_i
server   : v = h + avg Q_i  (the old h) ; broadcast C_down(v) ; h <- h + alpha avg Q_i
everyone : x <- x - gamma C_down(v)
"""

import numpy as np

from ..channels import shift
from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend


def pseudocode(given, gamma, alpha):
    """Artemis."""
    x, h, hbar = given.x0, np.zeros((given.n, given.d)), np.zeros(given.d)
    for _ in given.rounds():
        Q = given.C_up(given.gradients(x) - h)
        v = given.C_down(hbar + avg(Q))
        h, hbar = h + alpha * Q, hbar + alpha * avg(Q)
        x = x - gamma * v
        yield State(x, memories=h, server_memory=hbar)


ARTEMIS = Method(
    name="artemis",
    title="Artemis",
    source="Philippenko, Dieuleveut 2020, arXiv 2006.14591",
    parameters=("gamma", "alpha"),
    uplink=lambda p: shift(p["alpha"]),
    everyone=descend,
    two_way=True,
    transcription=pseudocode,
)
