"""QSGD: memoryless compression of the gradients, one way or both ways.

one way   x <- prox_{gamma R}(x - gamma avg C_up(g_i))          Alistarh et al. 2017, arXiv 1610.02132
two-way   x <- prox_{gamma R}(x - gamma C_down(avg C_up(g_i)))  Horvath et al. 2019, arXiv 1905.10988
"""

from dataclasses import replace

from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend


def pseudocode(given, gamma):
    """QSGD, compressed one way."""
    x = given.x0
    for _ in given.rounds():
        c = given.C_up(given.gradients(x))
        x = given.broadcast(given.prox(x - gamma * avg(c), gamma))
        yield State(x)


def two_way_pseudocode(given, gamma):
    """QSGD, compressed both ways."""
    x = given.x0
    for _ in given.rounds():
        c = given.C_down(avg(given.C_up(given.gradients(x))))
        x = given.prox(x - gamma * c, gamma)
        yield State(x)


QSGD = Method(
    name="qsgd",
    title="QSGD / DCSGD",
    source="Alistarh, Grubic, Li, Tomioka, Vojnovic 2017, arXiv 1610.02132",
    parameters=("gamma",),
    everyone=descend,
    prox=True,
    transcription=pseudocode,
)

QSGD_TWO_WAY = replace(
    QSGD,
    name="qsgd-two-way",
    title="two-way QSGD",
    source="Horvath, Ho, Horvath, Sahu, Canini, Richtarik 2019, arXiv 1905.10988",
    two_way=True,
    transcription=two_way_pseudocode,
)
