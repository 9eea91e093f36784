"""EF-BV (Condat, Yi, Richtarik 2022, arXiv 2205.04180): DIANA and EF21 in one method.

worker i : send d_i = C(grad f_i(x) - h_i) ; h_i <- h_i + lam d_i
server   : v = h + nu avg d_i  (the old h) ; x <- x - gamma v ; h <- h + lam avg d_i
"""

import numpy as np

from ..channels import Channel
from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend


def pseudocode(given, gamma, lam, nu):
    """EF-BV."""
    x, h, hbar = given.x0, np.zeros((given.n, given.d)), np.zeros(given.d)
    for _ in given.rounds():
        c = given.C_up(given.gradients(x) - h)
        v = hbar + nu * avg(c)
        h, hbar = h + lam * c, hbar + lam * avg(c)
        x = given.broadcast(x - gamma * v)
        yield State(x, memories=h, server_memory=hbar)


EF_BV = Method(
    name="ef-bv",
    title="EF-BV",
    source="Condat, Yi, Richtarik 2022, arXiv 2205.04180",
    parameters=("gamma", "lam", "nu"),
    uplink=lambda p: Channel(lam=p["lam"], nu=p["nu"], memory=True),
    everyone=descend,
    transcription=pseudocode,
)
