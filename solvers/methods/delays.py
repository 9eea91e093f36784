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

from numba import njit

from ..channels import track
from ..method import Method
from ..rules import descend
from ..signatures import AGE, OPTIONS, WORKERS, flat


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
)

DELAY_ADAPTIVE = Method(
    name="delay-adaptive",
    title="delay-adaptive asynchronous SGD",
    source="Mishchenko, Bach, Even, Woodworth 2022, arXiv 2206.07638",
    parameters=("gamma",),
    server=shrink_with_age,
    everyone=descend,
    clock="arrivals",
)

IAG = Method(
    name="iag",
    title="incremental aggregated gradients",
    source="Blatt, Hero, Gauchman 2007",
    parameters=("gamma",),
    uplink=lambda p: track(),
    everyone=descend,
    clock="table",
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
)
