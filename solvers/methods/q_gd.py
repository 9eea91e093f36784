"""Q-GD : x <- x - gamma C(grad f(x)), one node (Khirirat, Feyzmahdavian, Johansson 2018)."""

from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend
from ._khirirat import PAPER


def pseudocode(given, gamma):
    """Q-GD, and with several workers D-QGD."""
    x = given.x0
    for _ in given.rounds():
        c = given.C_up(given.gradients(x))
        x = given.broadcast(x - gamma * avg(c))
        yield State(x)


Q_GD = Method(
    name="q-gd",
    title="Q-GD",
    source=PAPER,
    parameters=("gamma",),
    everyone=descend,
    transcription=pseudocode,
)
