"""Q-RR: QSGD on reshuffled samples (Sadiev, Malinovsky, Gorbunov, Sokolov, Khaled, Burlachenko, Richtarik 2024,
arXiv 2206.07021).

epoch    : every worker draws a random permutation pi_i of its m samples
worker i : step k of the epoch: send Q(grad f_{i, pi_i(k)}(x))
everyone : x <- x - gamma avg Q(...)
"""

from dataclasses import replace

from ..pseudocode import State, avg
from .qsgd import QSGD

PAPER = "Sadiev, Malinovsky, Gorbunov, Sokolov, Khaled, Burlachenko, Richtarik 2024, arXiv 2206.07021"


def pseudocode(given, gamma):
    """Q-RR; `given.gradients` are those of the samples whose turn it is."""
    x = given.x0
    for _ in given.rounds():
        Q = given.C_up(given.gradients(x))
        x = given.broadcast(given.prox(x - gamma * avg(Q), gamma))
        yield State(x)


Q_RR = replace(QSGD, name="q-rr", title="Q-RR", source=PAPER, prox=False, reshuffles=True, transcription=pseudocode)
