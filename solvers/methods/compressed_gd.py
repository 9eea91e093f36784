"""Compressed gradient descent without memory, for biased compressors; DCGD on several workers.

x <- x - gamma avg C(grad f_i(x))

One worker converges with any contraction. Several may diverge for every step: Beznosikov, Horvath, Richtarik, Safaryan
2020 (arXiv 2002.12410) give three quadratics on which top-1 does, the problem `three-quadratics` here.
"""

from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend


def pseudocode(given, gamma):
    """Compressed gradient descent."""
    x = given.x0
    for _ in given.rounds():
        c = given.C_up(given.gradients(x))
        x = given.broadcast(x - gamma * avg(c))
        yield State(x)


COMPRESSED_GD = Method(
    name="compressed-gd",
    title="compressed gradient descent",
    source="Beznosikov, Horvath, Richtarik, Safaryan 2020, arXiv 2002.12410",
    parameters=("gamma",),
    everyone=descend,
    transcription=pseudocode,
)
