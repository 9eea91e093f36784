"""EF21 (Richtarik, Sokolov, Fatkhullin 2021, arXiv 2106.05203).

worker i : c_i = C(grad f_i(x) - h_i) ; send c_i ; h_i <- h_i + c_i
everyone : x <- x - gamma avg h_i  (the new h_i; they start at zero)
"""

import numpy as np

from ..channels import Channel, track
from ..method import Method, Parameters
from ..pseudocode import State, avg
from ..rules import descend


def pseudocode(given, gamma):
    """EF21."""
    x, h, hbar = given.x0, np.zeros((given.n, given.d)), np.zeros(given.d)
    for _ in given.rounds():
        c = given.C_up(given.gradients(x) - h)
        h, hbar = h + c, hbar + avg(c)
        x = given.broadcast(x - gamma * hbar)
        yield State(x, memories=h, server_memory=hbar)


def tracking(parameters: Parameters) -> Channel:
    """Return the channel whose memory follows the stream, whatever the parameters."""
    return track()


EF21 = Method(
    name="ef21",
    title="EF21",
    source="Richtarik, Sokolov, Fatkhullin 2021, arXiv 2106.05203",
    parameters=("gamma",),
    uplink=tracking,
    everyone=descend,
    transcription=pseudocode,
)
