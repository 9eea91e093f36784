"""Ringmaster ASGD (Maranjyan, Tyurin, Richtarik 2025, arXiv 2501.16168): asynchronous SGD that drops what is too old.

server : g(x^s) arrives at step t: if t - s < R then x <- x - gamma g(x^s), else it is dropped
worker : starts anew at once, at the newest x
"""

from ..method import Method
from ..pseudocode import State
from ..rules import descend


def pseudocode(given, gamma, R):
    """Ringmaster ASGD: a step for every gradient that is less than R steps old."""
    x = [given.x0]
    for t in given.rounds():
        for i, s in given.arrivals():
            if t - s < R:
                x.append(given.broadcast(x[-1] - gamma * given.message(i, given.gradient(i, x[s]))))
        yield State(x[-1])


RINGMASTER = Method(
    name="ringmaster",
    title="Ringmaster asynchronous SGD",
    source="Maranjyan, Tyurin, Richtarik 2025, arXiv 2501.16168",
    parameters=("gamma", "R"),
    everyone=descend,
    clock="arrivals",
    drops=True,
    transcription=pseudocode,
)
