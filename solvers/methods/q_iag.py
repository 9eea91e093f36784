"""Q-IAG, quantised incremental aggregated gradients.

worker i reports, now and then, c = C(grad f_i(x^(t - tau_i)))
server : gbar <- gbar + (1/n) sum over the reports of this step (c - h_i) ; h_i <- c
x <- x - gamma gbar in every step, gbar = avg h_i; all workers report in step 0

Without compression it is the incremental aggregated gradient method; with all workers reporting at age 0 it is D-QGD.
The server's gbar is a running sum: it differs from avg h_i by the rounding of as many additions as there were reports.
"""

import numpy as np
from numba import njit

from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend
from ..signatures import OPTIONS, flat
from ._khirirat import PAPER


def pseudocode(given, gamma):
    """Q-IAG."""
    x, h = [given.x0], np.zeros((given.n, given.d))
    for _ in given.rounds():
        for i, s in given.arrivals():
            h[i] = given.message(i, given.gradient(i, x[s]))
        x.append(given.broadcast(x[-1] - gamma * avg(h)))
        yield State(x[-1], states=[h], server_states=[avg(h)])


@njit(**OPTIONS)
def replace_report(ctx, params, v, c, states, common):
    """c <- c - h_i, h_i <- c: the message changes the average of the stored reports by what is new."""
    flat_c, h = flat(c), flat(states[0])
    for j in range(h.size):
        sent = flat_c[j]
        flat_c[j] = sent - h[j]
        h[j] = sent


@njit(**OPTIONS)
def use_all_reports(ctx, params, x, v, states, common):
    """gbar <- gbar + v, v <- gbar."""
    flat_v, gbar = flat(v), flat(states[0])
    for j in range(gbar.size):
        gbar[j] += flat_v[j]
        flat_v[j] = gbar[j]


Q_IAG = Method(
    name="q-iag",
    title="Q-IAG",
    source=PAPER,
    parameters=("gamma",),
    sent=replace_report,
    server=use_all_reports,
    everyone=descend,
    states=(1, 1, 0),
    clock="table",
    transcription=pseudocode,
)
