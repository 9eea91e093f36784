"""Parallel SGD: x <- prox_{gamma R}(x - gamma avg g_i), everything dense."""

from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend, model_less_errors


def pseudocode(given, gamma):
    """Parallel SGD: C_up is the identity."""
    x = given.x0
    for _ in given.rounds():
        g = given.C_up(given.gradients(x))
        x = given.broadcast(given.prox(x - gamma * avg(g), gamma))
        yield State(x)


SGD = Method(
    name="sgd",
    title="parallel SGD",
    source="Robbins and Monro 1951",
    parameters=("gamma",),
    everyone=descend,
    prox=True,
    shadow=model_less_errors,
    shadow_step=lambda p, t: p["gamma"],
    transcription=pseudocode,
)
