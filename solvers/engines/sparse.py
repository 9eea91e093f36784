"""Steps 7 and 8 of a round with messages that stay sparse: places and values, as a kernel of signature `SELECT` makes
them, of the one replica of a block.

They leave the same bits in every state as `rounds.worker_step` and `rounds.server_step`, the readable versions. What
those write, read, add or subtract as d numbers is here done in place: the error is what is compressed, and loses the
few entries that are sent.

Where a compressor sends the largest entries, those that are below a floor are told apart while the gradient is added,
piece by piece, or on several threads: the floor is a little below what the least entries sent in the two rounds before
foretell. It decides about no bit: if too few entries are above it, the compressor looks at all.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from ...theory.compressors import Compressor
from .. import compressors
from ..compressors.reductions import MAGNITUDE, magnitude, sift
from ..random import SHARED_WORKER, STREAM_DOWN, STREAM_DOWN_SPECIAL, STREAM_UP, STREAM_UP_SPECIAL
from ..rules import identity_rule, leaves_zeros_alone, no_op
from ..signatures import (
    AMONG,
    BARE,
    CUBE,
    INNER,
    INTS,
    MATRIX,
    ONTO,
    ROUND,
    SELECT,
    VECTOR,
    WORKER,
    address,
    call_among,
    call_onto,
    call_rule,
    call_select,
    flat,
)
from ..signatures import WORKERS as ALL_WORKERS
from . import records, rounds
from .distributed.steps import Door
from .rounds import call_philox, call_to_uniforms, f8, i8
from .setup import Setup

#: Coordinates from which on messages stay sparse.
LONG = 1 << 15
#: Coordinates of a piece that stays in the first-level cache between the gradient and the sifting.
PIECE = 1 << 11
#: Rows of `floors`: of every sender the floor of its next message, the least entry that it sent, and that foretold.
FLOOR, LEAST, FORETOLD = range(3)
#: How far the floor is below what is foretold at least, as a part of it; or twice as far as the last one was off.
SLACK = 0.02


@njit(**INNER)
def choose(select, among, v, u, ctx, params, state, left, places, values, bits, floors, own):
    """The message of v, from the first `left` places if that is not -1; foretells the next floor."""
    count = -1
    if left >= 0:
        count = call_among(among, v, u, ctx, params, state, left, places, values, bits)
    if count < 0:
        count = call_select(select, v, u, ctx, params, state, places, values, bits)
    if among != 0:
        least, flat_v = MAGNITUDE, flat(v)
        for s in range(count):
            key = magnitude(flat_v[places[s]])
            least = key if key < least else least
        size, foretold = np.int64(least).view(np.float64), floors[FORETOLD, own]
        floors[FORETOLD, own] = 2.0 * size - floors[LEAST, own]
        floors[LEAST, own] = size
        floors[FLOOR, own] = (1.0 - max(SLACK, 2.0 * abs(size - foretold) / size)) * floors[FORETOLD, own]
    return count


@njit(**BARE)
def _worker_step(
    common, exchange, k, ctx, x, random, workers, own_states, common_states, scratch, onto, select, among, floors,
    places, values, norms,
):  # fmt: skip
    plan, tools, uplink = common.plan, common.tools, exchange.uplink
    i, draws, v = ctx[WORKER], random.up[k], scratch.vector
    own = i - plan.first_worker
    h = workers.memories[own] if uplink.memory else v[:0]
    e = workers.errors[own] if uplink.error else v
    flat_v, flat_h, flat_e = flat(v), flat(h), flat(e)
    dim, left = x.shape[1], -1
    if onto != 0 and floors[FLOOR, own] > 0.0:
        left = 0
        for first in range(0, dim, PIECE):
            last = min(first + PIECE, dim)
            call_onto(onto, i - plan.first_data, x, first, last, common.oracle.data, e)
            left = sift(flat_e, first, last, magnitude(floors[FLOOR, own]), places, left)
    elif onto != 0:
        call_onto(onto, i - plan.first_data, x, 0, dim, common.oracle.data, e)
    else:
        rounds.compute_gradient(common, exchange, ctx, x, random, scratch)
        call_rule(exchange.rules.worker, ctx, exchange.rules.parameters, x, v, own_states, common_states)
        for j in range(flat_h.size):
            flat_v[j] -= flat_h[j]
        if uplink.error:
            eta = uplink.eta
            if eta != 0.0:
                for j in range(flat_e.size):
                    flat_e[j] = flat_v[j] + eta * flat_e[j]
            else:
                rounds.copy(v, e)
    if draws.key.size > 0:
        sender = SHARED_WORKER if uplink.shared else i
        call_philox(tools.philox, common.seed, ctx[ROUND], sender, STREAM_UP if k == 0 else STREAM_UP_SPECIAL, draws)
        call_to_uniforms(tools.to_uniforms, draws)
    count = choose(
        select, among, e, draws.numbers, ctx, uplink.parameters, workers.compressor[k][own], left, places, values,
        scratch.bits, floors, own,
    )  # fmt: skip
    if norms.size > 0:
        rounds.add_squared_norms(e, norms, 1.0)
    if uplink.error:
        for s in range(count):
            flat_e[places[s]] -= values[s]
    if uplink.lam != 0.0 and flat_h.size > 0:
        for s in range(count):
            flat_h[places[s]] += uplink.lam * values[s]
    return count


@njit(**BARE)
def _add_average(n, all_places, all_values, sums, v):
    """Add up what the workers sent, in their order, in `sums`, which are zero before and after."""
    flat_v = flat(v)
    for s in range(all_places.size):
        sums[all_places[s]] += all_values[s]
    for s in range(all_places.size):
        j = all_places[s]
        flat_v[j] += sums[j] / n
        sums[j] = -0.0  # which changes nothing where several workers sent j


@njit(**BARE)
def _sift(v, first, last, floor, places):
    return sift(flat(v), first, last, magnitude(floor), places, 0)


@njit(**BARE)
def _broadcast(
    common, exchange, k, ctx, all_places, v, random, server, bits, select, among, floors, left, places, values, norms,
):  # fmt: skip
    tools, downlink, draws, flat_v = common.tools, exchange.downlink, random.down[k], flat(v)
    if draws.key.size > 0:
        stream = STREAM_DOWN if k == 0 else STREAM_DOWN_SPECIAL
        call_philox(tools.philox, common.seed, ctx[ROUND], ctx[ALL_WORKERS], stream, draws)
        call_to_uniforms(tools.to_uniforms, draws)
    count = choose(
        select, among, v, draws.numbers, ctx, downlink.parameters, server.compressor[k], left, places, values, bits,
        floors, floors.shape[1] - 1,
    )  # fmt: skip
    if norms.size > 0:
        rounds.add_squared_norms(v, norms, 1.0)
    if downlink.error:
        for s in range(count):
            flat_v[places[s]] -= values[s]
    else:
        for s in range(all_places.size):
            flat_v[all_places[s]] = 0.0
    return count


@njit(**BARE)
def _add(places, values, count, total):
    to = flat(total)
    for s in range(count):
        to[places[s]] += values[s]


worker_step = Door(
    _worker_step,
    i8(
        records.COMMON, records.EXCHANGE, i8, INTS, MATRIX, records.RANDOM, records.WORKERS, CUBE, CUBE,
        records.WORKER_SCRATCH, i8, i8, i8, MATRIX, INTS, VECTOR, VECTOR,
    ),
)  # fmt: skip
add_average = Door(_add_average, types.void(i8, INTS, VECTOR, VECTOR, MATRIX))
sift_piece = Door(_sift, i8(MATRIX, i8, i8, f8, INTS))
broadcast = Door(
    _broadcast,
    i8(
        records.COMMON, records.EXCHANGE, i8, INTS, INTS, MATRIX, records.RANDOM, records.SERVER, VECTOR, i8, i8,
        MATRIX, i8, INTS, VECTOR, VECTOR,
    ),
)  # fmt: skip
add = Door(_add, types.void(INTS, VECTOR, i8, MATRIX))


def select_address(comp: Compressor) -> int:
    """The address of the compressor's kernel of signature `SELECT`; 0 if it has none."""
    kernel = compressors.selector(comp)
    return 0 if kernel is None else address(kernel, SELECT)


def exact_onto(setup: Setup) -> int:
    """The address of the kernel that adds pieces of gradients, where the oracle's are exact; 0 if there is none."""
    kernels = setup.run.problem.kernels()
    if kernels.onto is None or kernels.gradient is not kernels.exact_gradient:
        return 0
    return address(kernels.onto, ONTO)


def among_address(comp: Compressor) -> int:
    """The address of the compressor's kernel of signature `AMONG`; 0 if it has none."""
    kernel = compressors.sifter(comp)
    return 0 if kernel is None else address(kernel, AMONG)


class SparseExchange:
    """What is sparse in one exchange of a run.

    Parameters
    ----------
    k
        Which exchange.
    replicas
        Of a block. Messages of several, or short ones, are dense.

    Attributes
    ----------
    up, down
        The kernels that select, by their addresses; 0 where the message does not stay sparse.
    up_among, down_among
        Those that choose among the largest; 0 where there are none.
    onto
        The kernel that adds a worker's gradient to its error in one pass, by its address; 0 where something is done to
        the gradient in between.
    """

    def __init__(self, setup: Setup, k: int, replicas: int) -> None:
        self.up = self.down = self.up_among = self.down_among = self.onto = 0
        if replicas > 1 or setup.run.problem.dim < LONG:
            return
        method, exchange = setup.described[k], setup.exchanges[k]
        uplink, downlink = setup.uplinks[k], setup.downlinks[k]
        self.up = select_address(setup.ups[k]) if method.sent is no_op else 0
        if (
            self.up and method.server is identity_rule and not exchange.uplink.memory and not exchange.downlink.memory
            and uplink.nu == 1.0 and downlink.nu == 1.0 and (downlink.eta == 1.0 or not exchange.downlink.error)
            and leaves_zeros_alone(method.everyone, setup.parameters)
        ):  # fmt: skip
            self.down = select_address(setup.downs[k])
            self.down_among = among_address(setup.downs[k])
        adds = exact_onto(setup)
        if (
            self.up and adds and method.gradient and method.worker is identity_rule and setup.samples == 1
            and exchange.uplink.error and uplink.eta == 1.0 and not exchange.uplink.memory
            and not setup.common.oracle.noise and not setup.plan.track & records.TRACK_AT_HAND
        ):  # fmt: skip
            self.onto = adds
            self.up_among = among_address(setup.ups[k])
