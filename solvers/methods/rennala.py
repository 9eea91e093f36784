"""Rennala SGD (Tyurin, Richtarik 2023, arXiv 2305.12387): batches of whoever is fast, at the current model alone.

server : collects B gradients g(x), all computed at the current x (older ones are dropped), then x <- x - gamma avg g(x)
worker : starts anew at once, at the newest x; the fast ones send several of the B
"""

from ..method import Method
from ..pseudocode import State
from ..rules import descend


def pseudocode(given, gamma, B):
    """Rennala SGD."""
    x = [given.x0]
    for t in given.rounds():
        g = [given.message(i, given.gradient(i, x[s])) for i, s in given.arrivals() if s == t]
        x.append(given.broadcast(x[-1] - gamma * sum(g) / B))
        yield State(x[-1])


RENNALA = Method(
    name="rennala",
    title="Rennala SGD",
    source="Tyurin, Richtarik 2023, arXiv 2305.12387",
    parameters=("gamma", "B"),
    everyone=descend,
    clock="arrivals",
    drops=True,
    transcription=pseudocode,
)
