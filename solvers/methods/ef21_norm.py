"""Normalised EF21: steps of one length, in the direction of EF21's estimate.

round 0  : h_i = grad f_i(x), sent dense
worker i : c_i = C(grad f_i(x) - h_i) ; send c_i ; h_i <- h_i + c_i
everyone : v = avg h_i  (the new h_i) ; x <- x - gamma v/||v||, and x stays where v = 0

The Euclidean case of EF21-Muon's steps with a linear minimisation oracle (Gruntkowska, Gaponov, Tovmasyan, Richtarik
2025, arXiv 2510.00643), without momentum. No constant of smoothness is needed to run it.
"""

import numpy as np
from numba import njit

from ..method import Exchange, Method
from ..pseudocode import State, avg
from ..signatures import OPTIONS
from .ef21 import tracking


def pseudocode(given, gamma):
    """Normalised EF21."""
    x, h, hbar = given.x0, np.zeros((given.n, given.d)), np.zeros(given.d)
    for t in given.rounds():
        g = given.gradients(x)
        if t == 0:
            h = given.send(g)
            hbar = avg(h)
        else:
            c = given.C_up(g - h)
            h, hbar = h + c, hbar + avg(c)
        length = np.linalg.norm(hbar)
        v = given.broadcast(hbar)
        x = x - gamma * v / length if length > 0 else x
        yield State(x, memories=h, server_memory=hbar)


@njit(**OPTIONS)
def descend_by_gamma(ctx, params, x, v, states, common):
    """x <- x - gamma v/||v||, replica by replica; no step where v = 0."""
    gamma = params[0]
    for r in range(v.shape[0]):
        largest = 0.0
        for j in range(v.shape[1]):
            largest = max(largest, abs(v[r, j]))
        if largest == 0.0:
            continue
        total = 0.0
        for j in range(v.shape[1]):
            total += (v[r, j] / largest) ** 2  # scaled: the squares of tiny numbers would be zero
        length = largest * np.sqrt(total)
        for j in range(v.shape[1]):
            x[r, j] -= gamma * v[r, j] / length


EF21_NORM = Method(
    name="ef21-norm",
    title="normalised EF21",
    source="Richtarik, Sokolov, Fatkhullin 2021, arXiv 2106.05203, with steps of one length",
    parameters=("gamma",),
    uplink=tracking,
    everyone=descend_by_gamma,
    special=Exchange(uplink=tracking, everyone=descend_by_gamma, up="identity"),
    special_when="first",
    transcription=pseudocode,
)
