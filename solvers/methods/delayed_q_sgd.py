"""Delayed Q-SGD : x <- x - gamma avg of C(g(x^(t - tau))) over the M messages that arrive in this step."""

from ..method import Method
from ..pseudocode import State
from ..rules import descend
from ._khirirat import PAPER


def pseudocode(given, gamma, M):
    """Delayed Q-SGD."""
    x = [given.x0]
    for _ in given.rounds():
        c = [given.message(i, given.gradient(i, x[s])) for i, s in given.arrivals()]
        x.append(given.broadcast(x[-1] - gamma * sum(c) / M))
        yield State(x[-1])


DELAYED_Q_SGD = Method(
    name="delayed-q-sgd",
    title="delayed Q-SGD",
    source=PAPER,
    parameters=("gamma", "M"),
    everyone=descend,
    clock="arrivals",
    transcription=pseudocode,
)
