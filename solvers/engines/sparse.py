"""Steps 7 and 8 of a round with messages that stay sparse: places and values, as a kernel of signature `SELECT` makes
them, of the one replica of a block.

They leave the same bits in every state as `rounds.worker_step` and `rounds.server_step`, the readable versions. What
those write, read, add or subtract as d numbers is here done in place: the error is what is compressed, and loses the
few entries that are sent.
"""

from __future__ import annotations

from numba import njit, types

from ...theory.compressors import Compressor
from .. import compressors
from ..random import SHARED_WORKER, STREAM_DOWN, STREAM_DOWN_SPECIAL, STREAM_UP, STREAM_UP_SPECIAL
from ..rules import identity_rule, leaves_zeros_alone, no_op
from ..signatures import (
    BARE,
    CUBE,
    INTS,
    MATRIX,
    ONTO,
    ROUND,
    SELECT,
    VECTOR,
    WORKER,
    address,
    call_onto,
    call_rule,
    call_select,
    flat,
)
from ..signatures import WORKERS as ALL_WORKERS
from . import records, rounds
from .distributed.steps import Door
from .rounds import call_philox, call_to_uniforms, i8
from .setup import Setup

#: Coordinates from which on messages stay sparse.
LONG = 1 << 15


@njit(**BARE)
def _worker_step(
    common, exchange, k, ctx, x, random, workers, own_states, common_states, scratch, onto, select, places, values,
    norms,
):  # fmt: skip
    plan, tools, uplink = common.plan, common.tools, exchange.uplink
    i, draws, v = ctx[WORKER], random.up[k], scratch.vector
    own = i - plan.first_worker
    h = workers.memories[own] if uplink.memory else v[:0]
    e = workers.errors[own] if uplink.error else v
    flat_v, flat_h, flat_e = flat(v), flat(h), flat(e)
    if onto != 0:
        call_onto(onto, i - plan.first_data, x, 0, x.shape[1], common.oracle.data, e)
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
    count = call_select(
        select, e, draws.numbers, ctx, uplink.parameters, workers.compressor[k][own], places, values, scratch.bits
    )
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
def _server_step(
    common, exchange, k, ctx, n, all_places, all_values, order, zeros, random, server, bits, select, places, values,
    norms,
):  # fmt: skip
    tools, downlink, draws = common.tools, exchange.downlink, random.down[k]
    v = server.error if downlink.error else zeros
    flat_v = flat(v)
    s = 0
    while s < order.size:
        j, total = all_places[order[s]], 0.0
        while s < order.size and all_places[order[s]] == j:
            total += all_values[order[s]]
            s += 1
        flat_v[j] += total / n
    if draws.key.size > 0:
        stream = STREAM_DOWN if k == 0 else STREAM_DOWN_SPECIAL
        call_philox(tools.philox, common.seed, ctx[ROUND], ctx[ALL_WORKERS], stream, draws)
        call_to_uniforms(tools.to_uniforms, draws)
    count = call_select(
        select, v, draws.numbers, ctx, downlink.parameters, server.compressor[k], places, values, bits
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
        records.WORKER_SCRATCH, i8, i8, INTS, VECTOR, VECTOR,
    ),
)  # fmt: skip
server_step = Door(
    _server_step,
    i8(
        records.COMMON, records.EXCHANGE, i8, INTS, i8, INTS, VECTOR, INTS, MATRIX, records.RANDOM, records.SERVER,
        VECTOR, i8, INTS, VECTOR, VECTOR,
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
    onto
        The kernel that adds a worker's gradient to its error in one pass, by its address; 0 where something is done to
        the gradient in between.
    """

    def __init__(self, setup: Setup, k: int, replicas: int) -> None:
        self.up = self.down = self.onto = 0
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
        adds = exact_onto(setup)
        if (
            self.up and adds and method.gradient and method.worker is identity_rule and setup.samples == 1
            and exchange.uplink.error and uplink.eta == 1.0 and not exchange.uplink.memory
            and not setup.common.oracle.noise and not setup.plan.track & records.TRACK_AT_HAND
        ):  # fmt: skip
            self.onto = adds
