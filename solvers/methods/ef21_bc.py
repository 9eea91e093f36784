"""EF21-BC (Fatkhullin, Sokolov, Gorbunov, Li, Richtarik 2021, arXiv 2110.03294): EF21 in both directions.

worker i : send c_i = C_w(grad f_i(x) - h_i) ; h_i <- h_i + c_i
server   : broadcast b = C_M(avg h_i - v)  (the new h_i)
everyone : v <- v + b ; x <- x - gamma v
round 0  : h_i = grad f_i(x), v = avg h_i, sent dense
"""

import numpy as np

from ..method import Exchange, Method
from ..pseudocode import State, avg
from ..rules import descend
from .ef21 import tracking


def pseudocode(given, gamma):
    """EF21-BC."""
    x, h = given.x0, np.zeros((given.n, given.d))
    hbar, v = np.zeros(given.d), np.zeros(given.d)
    for t in given.rounds():
        g = given.gradients(x)
        if t == 0:
            h = given.send(g)
            hbar = avg(h)
            v = given.broadcast(hbar)
        else:
            c = given.C_up(g - h)
            h, hbar = h + c, hbar + avg(c)
            v = v + given.C_down(hbar - v)
        x = x - gamma * v
        yield State(x, memories=h, server_memory=hbar, down_memory=v)


EF21_BC = Method(
    name="ef21-bc",
    title="EF21-BC",
    source="Fatkhullin, Sokolov, Gorbunov, Li, Richtarik 2021, arXiv 2110.03294",
    parameters=("gamma",),
    uplink=tracking,
    downlink=tracking,
    everyone=descend,
    two_way=True,
    special=Exchange(uplink=tracking, downlink=tracking, everyone=descend, up="identity", down="identity"),
    special_when="first",
    transcription=pseudocode,
)
