"""Methods with one thing changed, each of which must be found to be another method."""

from __future__ import annotations

from dataclasses import replace

from numba import njit

from tersegrad.solvers.channels import plain
from tersegrad.solvers.methods.diana import DIANA
from tersegrad.solvers.methods.doublesqueeze import DOUBLESQUEEZE
from tersegrad.solvers.methods.liec import LIEC
from tersegrad.solvers.rules import nothing
from tersegrad.solvers.signatures import OPTIONS, flat


@njit(**OPTIONS)
def sum_for_average(ctx, params, x, v, states, common):
    flat_v = flat(v)
    for j in range(flat_v.size):
        flat_v[j] *= ctx[2]


@njit(**OPTIONS)
def half_as_far_again(ctx, params, x, v, states, common):
    flat_x, flat_v = flat(x), flat(v)
    for j in range(flat_v.size):
        flat_x[j] -= 1.5 * params[0] * flat_v[j]


WRONG = {
    "error memory dropped up": replace(DOUBLESQUEEZE, uplink=lambda p: plain()),
    "error memory dropped down": replace(DOUBLESQUEEZE, downlink=lambda p: plain()),
    "LIEC without compensation": replace(LIEC, sent=nothing),
    "sum for average": replace(DOUBLESQUEEZE, server=sum_for_average),
    "step 1.5 times": replace(DIANA, everyone=half_as_far_again),
}
