"""signSGD (Bernstein, Wang, Azizzadenesheli, Anandkumar 2018, arXiv 1802.04434).

    worker i : g_i the mean of R fresh stochastic gradients ; send s_i = sign(g_i), one bit a coordinate
    everyone : x <- x - gamma avg s_i

sign(0) = +1: one bit has no room for a zero. So every entry is +1 or -1, the mean absolute value is 1, and the
compressor `sign` sends the vector as it is. There is no memory, and on some problems no convergence: `error-feedback`
with `sign` is the way out.
"""

import numpy as np
from numba import njit

from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend
from ..signatures import OPTIONS, flat


def pseudocode(given, gamma, R):
    """signSGD."""
    x = given.x0
    for _ in given.rounds():
        g = sum(given.gradients(x) for _ in range(R)) / R
        s = given.C_up(np.where(g < 0, -1.0, 1.0))  # signs pass through the compressor `sign`
        x = given.broadcast(x - gamma * avg(s))
        yield State(x)


@njit(**OPTIONS)
def signs(ctx, params, x, v, states, common):
    """v <- sign(v), sign(0) = +1; a NaN passes through."""
    flat_v = flat(v)
    for j in range(flat_v.size):
        if flat_v[j] >= 0.0:
            flat_v[j] = 1.0
        elif flat_v[j] < 0.0:
            flat_v[j] = -1.0


SIGNSGD = Method(
    name="signsgd",
    title="signSGD",
    source="Bernstein, Wang, Azizzadenesheli, Anandkumar 2018, arXiv 1802.04434",
    parameters=("gamma", "R"),
    worker=signs,
    everyone=descend,
    samples="R",
    transcription=pseudocode,
)
