"""One exchange of any method, in two steps, and the loop of `simulate`.

The steps work on one block of B replicas. An engine decides where they run: `simulate` calls all of them in one
process, one after the other, in worker order; `distributed` calls a worker's in the worker's own process and the
server's in another one, and does in the same order what the loop below does between them.

The larger kernels reach each other through addresses (`Tools`, `Steps`), not by name: what is called by name is
optimised again inside every caller, which multiplies the time that the first use spends in the compiler by four. All
compile when a run first asks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit, types

from ..channels import SEND, advance, reconstruct, send
from ..random import (
    ADD_NOISE,
    DRAWS,
    ORDER,
    PHILOX,
    RESHUFFLE,
    ROWS,
    SHARED_WORKER,
    STREAM_COIN,
    STREAM_DOWN,
    STREAM_DOWN_SPECIAL,
    STREAM_NOISE,
    STREAM_ROWS,
    STREAM_UP,
    STREAM_UP_SPECIAL,
    TO_UNIFORMS,
    add_noise,
    philox,
    reshuffle,
    to_uniforms,
)
from ..signatures import (
    BARE,
    CUBE,
    INNER,
    INTS,
    MATRIX,
    ROUND,
    VECTOR,
    WORKER,
    address,
    call_gradient,
    call_rule,
    call_sent,
    call_shadow,
    call_value,
    caller,
    entry,
    flat,
    write_context,
)
from ..signatures import WORKERS as ALL_WORKERS
from . import records
from .records import Plan, Steps, Tools

f8, i8 = types.float64, types.int64

WORKER_STEP = types.void(
    records.COMMON, records.EXCHANGE, i8, INTS, MATRIX, records.RANDOM, records.WORKERS, CUBE, CUBE,
    records.WORKER_SCRATCH,
)  # fmt: skip
SERVER_STEP = types.void(
    records.COMMON, records.EXCHANGE, i8, INTS, MATRIX, MATRIX, records.RANDOM, records.SERVER, records.STATES,
    records.SERVER_SCRATCH,
)  # fmt: skip
MEASURE = types.void(records.ORACLE, i8, MATRIX, MATRIX, MATRIX, MATRIX)
MASK_DIVERGED = types.void(
    MATRIX, MATRIX, MATRIX, records.WORKERS, records.SERVER, records.STATES, CUBE, MATRIX, VECTOR, f8
)  # fmt: skip
RECORD_BEFORE = types.void(records.STEPS, records.COMMON, VECTOR, records.BLOCK_STATE, INTS, i8)
SEND_TO_EACH = types.void(records.COMMON, records.EXCHANGE, i8, records.BLOCK_STATE, INTS)
MOVE_OWN_MODELS = types.void(records.COMMON, records.RULES, records.BLOCK_STATE, INTS, MATRIX)
IS_SPECIAL = i8(records.COMMON, VECTOR, DRAWS, i8)
SAMPLE_MEMORY = types.void(records.COMMON, i8, i8, records.RANDOM, CUBE, MATRIX)
RECORD_AFTER = types.void(records.PLAN, records.BLOCK_STATE, i8)
RUN_ROUNDS = types.void(records.STEPS, records.COMMON, records.EXCHANGES, records.BLOCK_STATE, i8, i8)

call_philox, call_to_uniforms, call_add_noise, call_send, call_reshuffle = map(
    caller, (PHILOX, TO_UNIFORMS, ADD_NOISE, SEND, RESHUFFLE)
)
call_worker_step, call_server_step, call_measure, call_mask_diverged = map(
    caller, (WORKER_STEP, SERVER_STEP, MEASURE, MASK_DIVERGED)
)
call_record_before, call_send_to_each, call_move_own_models, call_record_after = map(
    caller, (RECORD_BEFORE, SEND_TO_EACH, MOVE_OWN_MODELS, RECORD_AFTER)
)
call_is_special, call_sample_memory = map(caller, (IS_SPECIAL, SAMPLE_MEMORY))


@njit(**INNER)
def add_squared_norms(v, out, weight):
    """out[r] += weight ||v[r]||^2."""
    for r in range(v.shape[0]):
        row = v[r]
        total = 0.0
        for j in range(row.size):
            total += row[j] * row[j]
        out[r] += weight * total


@njit(**INNER)
def add_absolute_sums(v, out):
    """out[r] += ||v[r]||_1."""
    for r in range(v.shape[0]):
        row = v[r]
        total = 0.0
        for j in range(row.size):
            total += abs(row[j])
        out[r] += total


@njit(**INNER)
def add_norms(v, out):
    """out[r] += ||v[r]||."""
    for r in range(v.shape[0]):
        row = v[r]
        total = 0.0
        for j in range(row.size):
            total += row[j] * row[j]
        out[r] += np.sqrt(total)


@njit(**INNER)
def add(v, total):
    """total += v."""
    flat_v, flat_total = flat(v), flat(total)
    for j in range(flat_v.size):
        flat_total[j] += flat_v[j]


@njit(**INNER)
def move_towards(v, average, weight):
    """average += weight (v - average)."""
    flat_v, flat_average = flat(v), flat(average)
    for j in range(flat_v.size):
        flat_average[j] += weight * (flat_v[j] - flat_average[j])


@njit(**INNER)
def divide(v, n):
    """v /= n: not times 1/n, so that the average of n equal messages is the message, to the bit."""
    flat_v, divisor = flat(v), float(n)
    for j in range(flat_v.size):
        flat_v[j] /= divisor


@njit(**INNER)
def clear(v):
    """v = 0."""
    flat_v = flat(v)
    for j in range(flat_v.size):
        flat_v[j] = 0.0


@njit(**INNER)
def copy(v, to):
    """to = v."""
    flat_v, flat_to = flat(v), flat(to)
    for j in range(flat_v.size):
        flat_to[j] = flat_v[j]


@njit(**INNER)
def compute_gradient(common, exchange, ctx, x, random, scratch):
    """Worker ctx[WORKER] asks its oracle for a gradient at x: it is left in scratch.vector."""
    plan, oracle, tools = common.plan, common.oracle, common.tools
    rnd, i = ctx[ROUND], ctx[WORKER]
    share = i - plan.first_data
    if not exchange.gradient:
        clear(scratch.vector)
        return
    samples = plan.samples
    for s in range(samples):
        g = scratch.vector if s == 0 else scratch.message
        if random.orders.size > 0:
            own = i - plan.first_worker
            call_reshuffle(tools.reshuffle, common.seed, rnd * samples + s, i, own, random.orders, random.rows)
        elif random.rows.key.size > 0:
            call_philox(tools.philox, common.seed, rnd * samples + s, i, STREAM_ROWS, random.rows)
            call_to_uniforms(tools.to_uniforms, random.rows)
        call_gradient(oracle.gradient, share, x, random.rows.numbers, oracle.data, g)
        if plan.track & records.TRACK_AT_HAND:
            add(g, scratch.exact_sum)
        if oracle.noise > 0:
            call_philox(tools.philox, common.seed, rnd * samples + s, i, STREAM_NOISE, random.noise)
            call_add_noise(tools.add_noise, oracle.noise, oracle.sd, random.noise, g)
        if s > 0:
            add(g, scratch.vector)
    if samples > 1:
        divide(scratch.vector, samples)


@njit(**INNER)
def send_message(common, exchange, k, ctx, x, random, workers, own_states, common_states, scratch):
    """Worker ctx[WORKER] applies its rule to the gradient and sends: the message is left in scratch.message."""
    tools, rules, uplink = common.tools, exchange.rules, exchange.uplink
    rnd, i = ctx[ROUND], ctx[WORKER]
    own = i - common.plan.first_worker
    v, c, draws = scratch.vector, scratch.message, random.up[k]
    call_rule(rules.worker, ctx, rules.parameters, x, v, own_states, common_states)
    h = workers.memories[own] if uplink.memory else v[:0]
    e = workers.errors[own] if uplink.error else v[:0]
    if draws.key.size > 0:
        sender = SHARED_WORKER if uplink.shared else i
        call_philox(tools.philox, common.seed, rnd, sender, STREAM_UP if k == 0 else STREAM_UP_SPECIAL, draws)
        call_to_uniforms(tools.to_uniforms, draws)
    call_send(tools.send, uplink, ctx, draws.numbers, workers.compressor[k][own], v, h, e, c, scratch.bits)
    advance(uplink, c, h)
    call_sent(rules.sent, ctx, rules.parameters, v, c, own_states, common_states)


@njit(**INNER)
def worker_step(common, exchange, k, ctx, x, random, workers, own_states, common_states, scratch):
    """Worker ctx[WORKER] computes its gradient at x, applies its rule and sends: the message is left in scratch.

    Where a process holds only a share, its arrays begin with worker plan.first_worker, its data with plan.first_data.
    """
    compute_gradient(common, exchange, ctx, x, random, scratch)
    send_message(common, exchange, k, ctx, x, random, workers, own_states, common_states, scratch)


@njit(**INNER)
def sample_of(orders, rnd, r, replicas):
    """The sample of a worker in this round, for replica r of its block; its `orders` are drawn that far."""
    return orders[ORDER + r * ((orders.size - ORDER) // replicas) + rnd % orders[ROWS]]


@njit(**INNER)
def take_sample_memory(common, rnd, i, random, states, h):
    """h <- the memory, among a worker's states, of the sample whose gradient it computes in this round."""
    plan = common.plan
    own = i - plan.first_worker
    call_reshuffle(common.tools.reshuffle, common.seed, rnd, i, own, random.orders, random.rows)
    for r in range(h.shape[0]):
        to, kept = h[r], states[plan.first_sample + sample_of(random.orders[own], rnd, r, h.shape[0]), r]
        for j in range(to.size):
            to[j] = kept[j]


@njit(**INNER)
def keep_sample_memory(common, rnd, i, random, states, h):
    """Put the memory back among the states: what `take_sample_memory` took, now advanced."""
    plan = common.plan
    own = i - plan.first_worker
    for r in range(h.shape[0]):
        kept, to = h[r], states[plan.first_sample + sample_of(random.orders[own], rnd, r, h.shape[0]), r]
        for j in range(to.size):
            to[j] = kept[j]


@njit(**INNER)
def server_step(common, exchange, k, ctx, x, down_memory, random, server, states, scratch):
    """The server turns the average of messages into what it broadcasts: the message is left in scratch."""
    tools, rules, uplink, downlink = common.tools, exchange.rules, exchange.uplink, exchange.downlink
    v, draws = scratch.vector, random.down[k]
    hbar = server.memory if uplink.memory else v[:0]
    e = server.error if downlink.error else v[:0]
    h = down_memory if downlink.memory else v[:0]
    reconstruct(uplink, scratch.total, hbar, v)
    advance(uplink, scratch.total, hbar)
    call_rule(rules.server, ctx, rules.parameters, x, v, states.server, states.common)
    if exchange.each:
        return
    if draws.key.size > 0:
        stream = STREAM_DOWN if k == 0 else STREAM_DOWN_SPECIAL
        call_philox(tools.philox, common.seed, ctx[ROUND], ctx[ALL_WORKERS], stream, draws)
        call_to_uniforms(tools.to_uniforms, draws)
    call_send(
        tools.send, downlink, ctx, draws.numbers, server.compressor[k], v, h, e, scratch.message, scratch.bits
    )  # fmt: skip


@njit(**INNER)
def compress_for(common, exchange, k, ctx, random, server, scratch):
    """The server's message to worker ctx[WORKER] alone: it is left in scratch.message."""
    tools, draws = common.tools, random.down[k]
    v, nothing = scratch.vector, scratch.vector[:0]
    if draws.key.size > 0:
        receiver = SHARED_WORKER if exchange.downlink.shared else ctx[WORKER]
        call_philox(
            tools.philox, common.seed, ctx[ROUND], receiver, STREAM_DOWN if k == 0 else STREAM_DOWN_SPECIAL, draws
        )  # fmt: skip
        call_to_uniforms(tools.to_uniforms, draws)
    call_send(
        tools.send, exchange.downlink, ctx, draws.numbers, server.compressor[k], v, nothing, nothing, scratch.message,
        scratch.bits,
    )  # fmt: skip


@njit(**INNER)
def apply_broadcast(exchange, ctx, x, down_memory, common_states, message, vector):
    """Everyone takes the server's message: reconstructs into vector, advances the memory, moves the shared model x."""
    rules, downlink = exchange.rules, exchange.downlink
    h = down_memory if downlink.memory else vector[:0]
    reconstruct(downlink, message, h, vector)
    advance(downlink, message, h)
    call_rule(rules.everyone, ctx, rules.parameters, x, vector, common_states, common_states)


@njit(**BARE)
def measure(oracle, n, x, gradient, scratch, values):
    """Write grad f (B, d) and, into the first row of values (2, B), f at every row of x, exactly."""
    value, one, no_draws = values[0], values[1], scratch[:0]
    clear(gradient)
    for r in range(value.size):
        value[r] = 0.0
    for i in range(n):
        call_gradient(oracle.exact_gradient, i, x, no_draws, oracle.data, scratch)
        call_value(oracle.value, i, x, oracle.data, one)
        add(scratch, gradient)
        for r in range(value.size):
            value[r] += one[r] / n
    divide(gradient, n)


@njit(**INNER)
def mask_diverged(x, model, down_memory, workers, server, states, history, average, first_bad, rnd):
    """Record the first round after which a replica is beyond bounds or not a number, and put it back to zero."""
    for r in range(x.shape[0]):
        row, other = x[r], model[r]
        total = 0.0
        for j in range(row.size):
            total += row[j] * row[j]
        if model.ctypes.data != x.ctypes.data:
            for j in range(row.size):
                total += other[j] * other[j]
        if not total < records.DIVERGED:
            if first_bad[r] == 0.0:
                first_bad[r] = rnd
            for array in (x, down_memory, average, server.memory, server.error):
                if array.shape[0] > 0:
                    array[r] = 0.0
            for array in (workers.memories, workers.errors, workers.models, states.server, states.common, history):
                for i in range(array.shape[0]):
                    array[i, r] = 0.0
            for i in range(states.workers.shape[0]):
                for s in range(states.workers.shape[1]):
                    states.workers[i, s, r] = 0.0


@njit(**INNER)
def record_evaluation(track, weight, gradient, values, record):
    """Add grad f and f at the model before a round to the sums over all rounds."""
    for r in range(values.size):
        record[records.SUM_VALUE, r] += values[r]
    if track & records.TRACK_ANEW:
        add_squared_norms(gradient, record[records.SUM_GRAD_SQ], 1.0)
        add_absolute_sums(gradient, record[records.SUM_GRAD_L1])
        add_norms(gradient, record[records.SUM_GRAD_NORM])
        for r in range(values.size):
            record[records.AVERAGE_GRAD_SQ, r] *= 1.0 - weight
        add_squared_norms(gradient, record[records.AVERAGE_GRAD_SQ], weight)


@njit(**INNER)
def record_spread(y, x, v, out, weight):
    """out[r] += weight ||y[r] - x[r]||^2; v is room for the difference."""
    flat_y, flat_x, flat_v = flat(y), flat(x), flat(v)
    for j in range(flat_v.size):
        flat_v[j] = flat_y[j] - flat_x[j]
    add_squared_norms(v, out, weight)


@njit(**INNER)
def is_special(common, reals, coin, rnd):
    """Whether this round is special."""
    plan, tools = common.plan, common.tools
    if plan.when == records.FIRST:
        return 1 if rnd == 0 else 0
    if plan.when == records.EVERY:
        return 1 if (rnd + 1) % plan.period == 0 else 0
    if plan.when == records.ON_COIN or plan.when == records.ON_HEADS:
        if rnd == 0 and plan.when == records.ON_COIN:
            return 1
        call_philox(tools.philox, common.seed, rnd, SHARED_WORKER, STREAM_COIN, coin)
        call_to_uniforms(tools.to_uniforms, coin)
        return 1 if coin.numbers[0, 0] < reals[records.PROBABILITY] else 0
    return 0


@njit(**INNER)
def next_weight(plan, reals, rnd):
    """Return w_t / (w_0 + ... + w_t) for t = rnd, called once for every t in turn."""
    if plan.weights == records.GEOMETRIC:  # the ratio itself is kept: the weights would overflow
        ratio, before = reals[records.WEIGHT_A], reals[records.WEIGHT_SUM]
        reals[records.WEIGHT_SUM] = 1.0 / (1.0 + ratio / before) if rnd > 0 else 1.0
        return reals[records.WEIGHT_SUM]
    if plan.weights == records.POLYNOMIAL:
        weight = (reals[records.WEIGHT_A] + rnd) ** reals[records.WEIGHT_B]
        reals[records.WEIGHT_SUM] += weight
        return weight / reals[records.WEIGHT_SUM]
    return 1.0 / (rnd + 1.0)


@njit(**INNER)
def record_before(steps, common, parameters, block, ctx, rnd):
    """Add what is known before a round to the averages and the sums over all rounds."""
    plan, oracle, record, track = common.plan, common.oracle, block.record, common.plan.track
    v, gradient, average = block.worker_scratch.vector, block.worker_scratch.exact_sum, block.watch.average
    values = block.watch.values
    weight = 0.0
    if plan.weights == records.POLYNOMIAL or plan.weights == records.GEOMETRIC:
        weight = next_weight(plan, block.reals, rnd)
        move_towards(block.model, average, weight)
    if track & (records.TRACK_ANEW | records.TRACK_VALUES):
        call_measure(steps.measure, oracle, plan.n, block.model, gradient, v, values)
        record_evaluation(track, weight, gradient, values[0], record)
    if track & records.TRACK_SHADOW:
        workers, states, y = block.workers, block.states, block.watch.y
        call_shadow(
            block.watch.shadow, ctx, parameters, block.x, workers.memories, workers.errors, states.workers,
            block.server.error, states.server, states.common, y,
        )  # fmt: skip
        call_measure(steps.measure, oracle, plan.n, y, gradient, v, values)
        add_squared_norms(gradient, record[records.SUM_SHADOW_GRAD_SQ], 1.0)
        for i in range(plan.n):
            own = workers.models[i] if plan.own_models else block.x
            record_spread(y, own, v, record[records.SUM_SPREAD], 1.0 / plan.n)


@njit(**INNER)
def record_after(plan, block, rnd):
    """Add the model after a round to the average."""
    move_towards(block.model, block.watch.average, next_weight(plan, block.reals, rnd))


@njit(**INNER)
def send_to_each(common, exchange, k, block, ctx):
    """The server sends every worker a message of its own, by which the worker moves its model; x is their average."""
    plan, x, models, rules, scratch = common.plan, block.x, block.workers.models, exchange.rules, block.server_scratch
    vector, record = scratch.total, block.record
    clear(x)
    for i in range(plan.n):
        ctx[WORKER] = i
        compress_for(common, exchange, k, ctx, block.random, block.server, scratch)
        reconstruct(exchange.downlink, scratch.message, vector[:0], vector)
        call_rule(rules.local, ctx, rules.parameters, models[i], vector, block.states.workers[i], block.states.common)
        add(models[i], x)
        for r in range(x.shape[0]):
            record[records.BITS_DOWN, r] += scratch.bits[r] / plan.n
    divide(x, plan.n)


@njit(**INNER)
def move_own_models(common, rules, block, ctx, vector):
    """Every worker moves its own model by what was broadcast; x is their average, or vector follows x (DETACHED)."""
    plan, x, models = common.plan, block.x, block.workers.models
    if plan.own_models == records.DETACHED:
        copy(x, vector)
    else:
        clear(x)
    for i in range(plan.n):
        ctx[WORKER] = i
        call_rule(rules.local, ctx, rules.parameters, models[i], vector, block.states.workers[i], block.states.common)
        if plan.own_models == records.AVERAGED:
            add(models[i], x)
    if plan.own_models == records.AVERAGED:
        divide(x, plan.n)


@njit(**BARE)
def run_rounds(steps, common, exchanges, block, first, last):
    """Run the rounds first, ..., last - 1 of one block.

    The steps are numbered as in `distributed.protocol`; `distributed.server.Server` goes through the same steps in the
    same order: `_begin_round` is 1 to 3 and 5, `_clear_sums` 4 and 6, `_add_message` 7, `_server_step` 8 to 10,
    `_average_models` 11, `_end_round` 12 and 13.
    """
    plan, track = common.plan, common.plan.track
    x, model, down_memory, random, record = block.x, block.model, block.down_memory, block.random, block.record
    workers, server, states, arrivals = block.workers, block.server, block.states, block.arrivals
    worker_scratch, server_scratch, average = block.worker_scratch, block.server_scratch, block.watch.average
    total, exact_sum, history = server_scratch.total, worker_scratch.exact_sum, arrivals.history
    n, size, ctx = plan.n, x.shape[0], block.ctx
    for rnd in range(first, last):
        write_context(ctx, rnd, n, n, n, 0, 0, 0)
        if steps.record_before != 0:  # steps 1, 2, 3
            call_record_before(steps.record_before, steps, common, exchanges[0].rules.parameters, block, ctx, rnd)
        special = 0
        if steps.is_special != 0:  # step 4
            special = call_is_special(steps.is_special, common, block.reals, random.coin, rnd)
        if rnd == last - 1:
            for r in range(size):
                record[records.UP_RESIDUAL, r] = 0.0
                record[records.DOWN_RESIDUAL, r] = 0.0
                record[records.LAST_SPECIAL, r] = special
        begin, end, largest_age = 0, n, 0
        if not plan.synchronous:
            begin, end = arrivals.starts[rnd], arrivals.starts[rnd + 1]
            copy(x, history[rnd % history.shape[0]])  # step 5
            for a in range(begin, end):
                largest_age = max(largest_age, rnd - arrivals.versions[a])
        for k in range(0 if special == 0 or plan.adds else 1, special + 1):
            exchange = exchanges[k]
            clear(total)  # step 6
            clear(exact_sum)
            if plan.first_sample >= 0:
                clear(server.memory)
            for a in range(begin, end):
                i, count, point = a, rnd, x
                if not plan.synchronous:
                    # What happens elsewhere meanwhile a worker does not know: it counts its own messages.
                    i, count = arrivals.workers[a], arrivals.counts[a]
                    point = history[arrivals.versions[a] % history.shape[0]]
                elif plan.own_models:
                    point = workers.models[i]
                write_context(ctx, count, i, n, n, 0, 0, k)  # step 7
                if plan.first_sample >= 0:
                    call_sample_memory(
                        steps.take_sample_memory, common, rnd, i, random, states.workers[i], workers.memories[i]
                    )
                    add(workers.memories[i], server.memory)
                call_worker_step(
                    steps.worker_step, common, exchange, k, ctx, point, random, workers, states.workers[i],
                    states.common, worker_scratch,
                )  # fmt: skip
                if plan.first_sample >= 0:
                    call_sample_memory(
                        steps.keep_sample_memory, common, rnd, i, random, states.workers[i], workers.memories[i]
                    )
                add(worker_scratch.message, total)
                for r in range(size):
                    record[records.BITS_UP, r] += worker_scratch.bits[r] / n
                if rnd == last - 1:
                    add_squared_norms(worker_scratch.vector, record[records.UP_RESIDUAL], 1.0 / (end - begin))
            if track & records.TRACK_AT_HAND:
                add_squared_norms(exact_sum, record[records.SUM_GRAD_SQ], 1.0 / n / n)
            write_context(ctx, rnd, n, n, end - begin, largest_age, largest_age, k)
            divide(total, end - begin if plan.over_arrivals else n)  # step 8
            if plan.first_sample >= 0:
                divide(server.memory, n)
            call_server_step(
                steps.server_step, common, exchange, k, ctx, x, down_memory, random, server, states, server_scratch
            )
            for r in range(size):  # step 9
                if not exchange.each:
                    record[records.BITS_DOWN, r] += server_scratch.bits[r]
                record[records.MESSAGES + k, r] += end - begin
                record[records.BROADCASTS + k, r] += 1.0
            if rnd == last - 1:
                add_squared_norms(server_scratch.vector, record[records.DOWN_RESIDUAL], 1.0)
            if exchange.each:  # steps 10 and 11
                call_send_to_each(steps.send_to_each, common, exchange, k, block, ctx)
                continue
            apply_broadcast(exchange, ctx, x, down_memory, states.common, server_scratch.message, total)  # step 10
            if plan.own_models:  # step 11
                call_move_own_models(steps.move_own_models, common, exchange.rules, block, ctx, total)
        if steps.record_after != 0:  # step 12
            call_record_after(steps.record_after, plan, block, rnd)
        call_mask_diverged(  # step 13
            steps.mask_diverged, x, model, down_memory, workers, server, states, history, average,
            record[records.FIRST_BAD], rnd + 1.0,
        )  # fmt: skip


def tools(noise: bool, reshuffled: bool = False) -> Tools:
    """What both steps call, compiled; noise and orders of rows only where there are any."""
    return Tools(
        address(philox, PHILOX), address(to_uniforms, TO_UNIFORMS), address(add_noise, ADD_NOISE) if noise else 0,
        address(send, SEND), address(reshuffle, RESHUFFLE) if reshuffled else 0,
    )  # fmt: skip


def records_before(plan: Plan) -> bool:
    """Whether there is anything to record before a round."""
    weighted = plan.weights in (records.POLYNOMIAL, records.GEOMETRIC)
    return weighted or bool(plan.track & ~records.TRACK_AT_HAND)


#: What the loop calls, by its field in `Steps`: what every run does, and what only some do.
ALWAYS = {
    "worker_step": (worker_step, WORKER_STEP), "server_step": (server_step, SERVER_STEP),
    "measure": (measure, MEASURE), "mask_diverged": (mask_diverged, MASK_DIVERGED),
}  # fmt: skip
SOMETIMES = {
    "record_before": (record_before, RECORD_BEFORE), "is_special": (is_special, IS_SPECIAL),
    "take_sample_memory": (take_sample_memory, SAMPLE_MEMORY),
    "keep_sample_memory": (keep_sample_memory, SAMPLE_MEMORY), "send_to_each": (send_to_each, SEND_TO_EACH),
    "move_own_models": (move_own_models, MOVE_OWN_MODELS), "record_after": (record_after, RECORD_AFTER),
}  # fmt: skip


@cache
def steps(*some: str) -> Steps:
    """What the loop calls, compiled: what every run does, and these of what only some do."""
    wanted = ALWAYS | {name: SOMETIMES[name] for name in some}
    return Steps(**{name: address(kernel, signature) for name, (kernel, signature) in wanted.items()})


def steps_of(plan: Plan, each: bool) -> Steps:
    """What the loop calls in runs of this plan; `each`: workers are sent messages of their own."""
    needed = {
        "record_before": records_before(plan), "is_special": plan.when != records.NEVER,
        "take_sample_memory": plan.first_sample >= 0, "keep_sample_memory": plan.first_sample >= 0,
        "send_to_each": each, "move_own_models": plan.own_models != records.SHARED_MODEL,
        "record_after": plan.weights == records.AFTER,
    }  # fmt: skip
    return steps(*(name for name in SOMETIMES if needed[name]))


@cache
def run_rounds_compiled() -> Callable[..., Any]:
    """`run_rounds` for calls from Python."""
    return entry(run_rounds, RUN_ROUNDS)


@cache
def measure_compiled() -> Callable[..., Any]:
    """`measure` for calls from Python."""
    return entry(measure, MEASURE)


def compile_usual() -> None:
    """Compile what runs of most methods need beside the kernels of methods, compressors and problems."""
    steps("record_before", "is_special", "move_own_models")
    tools(noise=True), run_rounds_compiled(), measure_compiled()
