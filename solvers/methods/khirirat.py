"""Quantised gradients (Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573).

Q-GD           : x <- x - gamma C(grad f(x)), one node

D-QGD          : worker i sends C(grad f_i(x)) ; x <- x - gamma avg C(grad f_i(x)) ; the model is broadcast as it is

Q-IAG          : worker i reports, now and then, c = C(grad f_i(x^(t - tau_i)))
                 server : gbar <- gbar + (1/n) sum over the reports of this step (c - h_i) ; h_i <- c
                 x <- x - gamma gbar in every step, gbar = avg h_i; all workers report in step 0

delayed Q-SGD  : x <- x - gamma avg of C(g(x^(t - tau))) over the M messages that arrive in this step

The paper minimises sum f_i: its step is gamma/n. Q-IAG without compression is the incremental aggregated gradient
method; with all workers reporting at age 0 it is D-QGD. The server's gbar is a running sum: it differs from avg h_i by
the rounding of as many additions as there were reports.
"""

import numpy as np
from numba import njit

from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend
from ..signatures import OPTIONS, flat

PAPER = "Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573"


def pseudocode(given, gamma):
    """Q-GD, and with several workers D-QGD."""
    x = given.x0
    for _ in given.rounds():
        c = given.C_up(given.gradients(x))
        x = given.broadcast(x - gamma * avg(c))
        yield State(x)


def incremental_pseudocode(given, gamma):
    """Q-IAG."""
    x, h = [given.x0], np.zeros((given.n, given.d))
    for _ in given.rounds():
        for i, s in given.arrivals():
            h[i] = given.message(i, given.gradient(i, x[s]))
        x.append(given.broadcast(x[-1] - gamma * avg(h)))
        yield State(x[-1], states=[h], server_states=[avg(h)])


def delayed_pseudocode(given, gamma, M):
    """Delayed Q-SGD."""
    x = [given.x0]
    for _ in given.rounds():
        c = [given.message(i, given.gradient(i, x[s])) for i, s in given.arrivals()]
        x.append(given.broadcast(x[-1] - gamma * sum(c) / M))
        yield State(x[-1])


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


Q_GD = Method(
    name="q-gd",
    title="Q-GD",
    source=PAPER,
    parameters=("gamma",),
    everyone=descend,
    transcription=pseudocode,
)

D_QGD = Method(
    name="d-qgd",
    title="D-QGD",
    source=PAPER,
    parameters=("gamma",),
    everyone=descend,
    transcription=pseudocode,
)

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
    transcription=incremental_pseudocode,
)

DELAYED_Q_SGD = Method(
    name="delayed-q-sgd",
    title="delayed Q-SGD",
    source=PAPER,
    parameters=("gamma", "M"),
    everyone=descend,
    clock="arrivals",
    transcription=delayed_pseudocode,
)
