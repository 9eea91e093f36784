"""Asynchronous SGD and incremental aggregated gradients: gradients that were computed at older models.

delayed SGD    : x <- x - gamma avg of g(x^s) over the M messages that arrive in this step

delay-adaptive : x <- x - gamma (n/max{n, t - s}) g(x^s), one message in every step
                 (Mishchenko, Bach, Even, Woodworth 2022, arXiv 2206.07638)

IAG            : worker i reports, now and then, grad f_i(x^s), which replaces its last report h_i at the server
                 x <- x - gamma avg h_i in every step; all workers report in step 0 (Blatt, Hero, Gauchman 2007)

PIAG           : the same with x <- prox_{gamma R}(x - gamma avg h_i)
                 (Aytekin, Feyzmahdavian, Johansson 2016, arXiv 1610.05507)

A report that replaces the last one is the channel "track" without compression: worker and server hold h_i, the message
is the difference to it.
"""

import numpy as np
from numba import njit

from ..channels import track
from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend
from ..signatures import AGE, OPTIONS, WORKERS, flat


def delayed_pseudocode(given, gamma, M):
    """Delayed SGD; C_up is the identity in all four."""
    x = [given.x0]
    for _ in given.rounds():
        g = [given.message(i, given.gradient(i, x[s])) for i, s in given.arrivals()]
        x.append(given.broadcast(x[-1] - gamma * sum(g) / M))
        yield State(x[-1])


def adaptive_pseudocode(given, gamma):
    """Delay-adaptive asynchronous SGD."""
    x = [given.x0]
    for t in given.rounds():
        for i, s in given.arrivals():
            g = given.message(i, given.gradient(i, x[s]))
            step = gamma * given.n / max(given.n, t - s)
        x.append(given.broadcast(x[-1] - step * g))
        yield State(x[-1])


def incremental_pseudocode(given, gamma):
    """IAG, and with a regulariser PIAG: a report replaces the last one, h_i; what travels is the difference."""
    x, h = [given.x0], np.zeros((given.n, given.d))
    for _ in given.rounds():
        for i, s in given.arrivals():
            h[i] += given.message(i, given.gradient(i, x[s]) - h[i])
        x.append(given.broadcast(given.prox(x[-1] - gamma * avg(h), gamma)))
        yield State(x[-1], memories=h, server_memory=avg(h))


@njit(**OPTIONS)
def shrink_with_age(ctx, params, x, v, states, common):
    """v <- v n/max{n, age}: only the server knows the age of the message that has arrived."""
    n, age, flat_v = ctx[WORKERS], ctx[AGE], flat(v)
    if age > n:
        for j in range(flat_v.size):
            flat_v[j] *= n / age


DELAYED_SGD = Method(
    name="delayed-sgd",
    title="delayed SGD",
    source="Arjevani, Shamir, Srebro 2020, arXiv 1806.10188",
    parameters=("gamma", "M"),
    everyone=descend,
    clock="arrivals",
    transcription=delayed_pseudocode,
)

DELAY_ADAPTIVE = Method(
    name="delay-adaptive",
    title="delay-adaptive asynchronous SGD",
    source="Mishchenko, Bach, Even, Woodworth 2022, arXiv 2206.07638",
    parameters=("gamma",),
    server=shrink_with_age,
    everyone=descend,
    clock="arrivals",
    transcription=adaptive_pseudocode,
)

IAG = Method(
    name="iag",
    title="incremental aggregated gradients",
    source="Blatt, Hero, Gauchman 2007",
    parameters=("gamma",),
    uplink=lambda p: track(),
    everyone=descend,
    clock="table",
    transcription=incremental_pseudocode,
)

PIAG = Method(
    name="piag",
    title="proximal incremental aggregated gradients",
    source="Aytekin, Feyzmahdavian, Johansson 2016, arXiv 1610.05507",
    parameters=("gamma",),
    uplink=lambda p: track(),
    everyone=descend,
    prox=True,
    clock="table",
    transcription=incremental_pseudocode,
)
