"""Parallel SGD: x <- prox_{gamma R}(x - gamma avg g_i), everything dense."""

from ..method import Method
from ..rules import descend

SGD = Method(
    name="sgd",
    title="parallel SGD",
    source="Robbins and Monro 1951",
    parameters=("gamma",),
    everyone=descend,
    prox=True,
)
