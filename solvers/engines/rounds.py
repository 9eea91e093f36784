"""One round of any synchronous method, in three halves, and the only loop.

The halves work on one block of B replicas. An engine decides where they run: `simulate` calls all of them in one
process, one after the other, in worker order.

The larger kernels reach each other through function pointers (`TOOLS`, `HALVES`), not by name: what is called by name
is optimised again inside every caller, which multiplies the time that the first use spends in the compiler by four.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from ...problems.kernels.signatures import DATA, GRADIENT, VALUE
from ..channels import LINK, SEND, advance, reconstruct, send
from ..random import (
    ADD_NOISE,
    DRAWS,
    PHILOX,
    SHARED_WORKER,
    STREAM_DOWN,
    STREAM_NOISE,
    STREAM_ROWS,
    STREAM_UP,
    TO_UNIFORMS,
    add_noise,
    philox,
    to_uniforms,
)
from ..signatures import CUBE, ENTRY, INNER, INTS, MATRIX, OPTIONS, RULE, VECTOR, flat, pointer

f8, i8 = types.float64, types.int64
FOUR = f8[:, :, :, ::1]
RULE_POINTER = types.FunctionType(RULE)

#: (gradient, exact gradient, value, data, noise kind, noise standard deviation per coordinate)
ORACLE = types.Tuple(
    (types.FunctionType(GRADIENT), types.FunctionType(GRADIENT), types.FunctionType(VALUE), DATA, i8, f8)
)
#: (worker rule, server rule, everyone's rule, their parameters)
RULES = types.Tuple((RULE_POINTER, RULE_POINTER, RULE_POINTER, VECTOR))
#: numbers drawn for the rows of a sampled gradient, the noise, the uplink, the downlink
RANDOM = types.Tuple((DRAWS, DRAWS, DRAWS, DRAWS))
#: memories h_i (n, B, d), errors e_i (n, B, d), compressor states (n, B, s), rule states (n, k, B, d)
WORKERS = types.Tuple((CUBE, CUBE, CUBE, FOUR))
#: memory hbar (B, d), error e (B, d), compressor state (B, s), rule states (k, B, d)
SERVER = types.Tuple((MATRIX, MATRIX, MATRIX, CUBE))
#: vector v, a worker's message, the server's message, sum of messages, sum of exact gradients (B, d), bits (B,)
SCRATCH = types.Tuple((MATRIX, MATRIX, MATRIX, MATRIX, MATRIX, VECTOR))

#: what both halves call
TOOL_SIGNATURES = (PHILOX, TO_UNIFORMS, ADD_NOISE, SEND)
TOOLS = types.Tuple(tuple(types.FunctionType(signature) for signature in TOOL_SIGNATURES))

WORKER_HALF = types.void(TOOLS, i8, i8, ORACLE, RULES, LINK, INTS, RANDOM, MATRIX, WORKERS, SCRATCH, i8)
SERVER_HALF = types.void(TOOLS, i8, RULES, LINK, LINK, INTS, RANDOM, MATRIX, SERVER, MATRIX, SCRATCH)
MEASURE = types.void(ORACLE, i8, MATRIX, MATRIX, MATRIX, VECTOR)
CATCH_DIVERGENCE = types.void(MATRIX, WORKERS, SERVER, MATRIX, VECTOR, f8)
#: what the loop calls
HALF_SIGNATURES = (WORKER_HALF, SERVER_HALF, MEASURE, CATCH_DIVERGENCE)
HALVES = types.Tuple(tuple(types.FunctionType(signature) for signature in HALF_SIGNATURES))

#: Rows of the block's record (B columns): running sums over the rounds done, norms of the last round.
(SUM_GRAD_SQ, SUM_VALUE, BITS_UP, BITS_DOWN, UP_RESIDUAL, DOWN_RESIDUAL, FIRST_BAD) = range(7)
RECORD_ROWS = 7
#: What is summed at every round: nothing, ||grad f||^2 (and f), from gradients that are there anyway or evaluated anew.
TRACK_NOTHING, TRACK_AT_HAND, TRACK_ANEW, TRACK_VALUES = 0, 1, 2, 4
#: ||x||^2 above this is a divergence: far from overflow, far above any bound.
DIVERGED = 1e60


@njit(types.void(MATRIX, VECTOR, f8), **INNER)
def add_squared_norms(v, out, weight):
    """out[r] += weight ||v[r]||^2."""
    for r in range(v.shape[0]):
        row = v[r]
        total = 0.0
        for j in range(row.size):
            total += row[j] * row[j]
        out[r] += weight * total


@njit(types.void(MATRIX, MATRIX), **INNER)
def add(v, total):
    """total += v."""
    flat_v, flat_total = flat(v), flat(total)
    for j in range(flat_v.size):
        flat_total[j] += flat_v[j]


@njit(types.void(MATRIX, f8), **INNER)
def divide(v, n):
    """v /= n: not times 1/n, so that the average of n equal messages is the message, to the bit."""
    flat_v = flat(v)
    for j in range(flat_v.size):
        flat_v[j] /= n


@njit(types.void(MATRIX), **INNER)
def clear(v):
    """v = 0."""
    flat_v = flat(v)
    for j in range(flat_v.size):
        flat_v[j] = 0.0


@njit(WORKER_HALF, **INNER)
def worker_half(tools, seed, shared, oracle, rules, link, ctx, random, x, workers, scratch, track):
    """Worker ctx[1] computes its gradient at x, applies its rule and sends: the message is left in scratch."""
    fill, uniforms, disturb, dispatch = tools
    gradient, _, _, data, noise, sd = oracle
    rnd, i = ctx[0], ctx[1]
    v, c, _, _, exact_sum, bits = scratch
    if random[0][0].size > 0:
        fill(seed, rnd, i, STREAM_ROWS, random[0])
        uniforms(random[0])
    gradient(i, x, random[0][3], data, v)
    if track & TRACK_AT_HAND:
        add(v, exact_sum)
    if noise > 0:
        fill(seed, rnd, i, STREAM_NOISE, random[1])
        disturb(noise, sd, random[1], v)
    rules[0](ctx, rules[3], x, v, workers[3][i])
    h = workers[0][i] if workers[0].shape[0] > 0 else v[:0]
    e = workers[1][i] if workers[1].shape[0] > 0 else v[:0]
    if random[2][0].size > 0:
        fill(seed, rnd, SHARED_WORKER if shared else i, STREAM_UP, random[2])
        uniforms(random[2])
    dispatch(link, ctx, random[2][3], workers[2][i], v, h, e, c, bits)
    advance(link, c, h)


@njit(SERVER_HALF, **INNER)
def server_half(tools, seed, rules, uplink, downlink, ctx, random, x, server, down_memory, scratch):
    """The server turns the sum of messages into what it broadcasts: the message is left in scratch."""
    fill, uniforms, _, dispatch = tools
    v, _, c, total, _, bits = scratch
    hbar, e, state, states = server
    divide(total, ctx[2])
    reconstruct(uplink, total, hbar, v)
    advance(uplink, total, hbar)
    rules[1](ctx, rules[3], x, v, states)
    if random[3][0].size > 0:
        fill(seed, ctx[0], ctx[2], STREAM_DOWN, random[3])
        uniforms(random[3])
    dispatch(downlink, ctx, random[3][3], state, v, down_memory, e, c, bits)


@njit(MEASURE, **OPTIONS)
def measure(oracle, n, x, gradient, scratch, value):
    """Write grad f (B, d) and f (B,) at every row of x, exactly."""
    _, exact, evaluate, data, _, _ = oracle
    no_draws = np.empty((x.shape[0], 0))
    one = np.empty(value.size)
    clear(gradient)
    for r in range(value.size):
        value[r] = 0.0
    for i in range(n):
        exact(i, x, no_draws, data, scratch)
        evaluate(i, x, data, one)
        add(scratch, gradient)
        for r in range(value.size):
            value[r] += one[r] / n
    divide(gradient, n)


@njit(CATCH_DIVERGENCE, **INNER)
def catch_divergence(x, workers, server, down_memory, first_bad, rnd):
    """Note the first round after which a replica is beyond bounds or not a number, and put it back to zero."""
    for r in range(x.shape[0]):
        row = x[r]
        total = 0.0
        for j in range(row.size):
            total += row[j] * row[j]
        if not total < DIVERGED:
            if first_bad[r] == 0.0:
                first_bad[r] = rnd
            for j in range(row.size):
                row[j] = 0.0
            for array in (workers[0], workers[1]):
                for i in range(array.shape[0]):
                    for j in range(row.size):
                        array[i, r, j] = 0.0
            for array in (server[0], server[1], down_memory):
                if array.shape[0] > 0:
                    for j in range(row.size):
                        array[r, j] = 0.0


@njit(
    types.void(
        HALVES,
        TOOLS,
        i8,
        i8,
        i8,
        i8,
        i8,
        i8,
        ORACLE,
        RULES,
        LINK,
        LINK,
        RANDOM,
        MATRIX,
        MATRIX,
        WORKERS,
        SERVER,
        SCRATCH,
        MATRIX,
    ),
    **ENTRY,
)
def run_rounds(
    halves, tools, seed, first, last, n, shared, track, oracle, rules, uplink, downlink, random, x, down_memory,
    workers, server, scratch, record,
):  # fmt: skip
    """Run the rounds first, ..., last - 1 of one block."""
    v, c_up, c_down, total, exact_sum, bits = scratch
    work, serve, evaluate, catch = halves
    ctx = np.empty(3, np.int64)
    ctx[2] = n
    values = np.empty(x.shape[0])
    for rnd in range(first, last):
        ctx[0] = rnd
        if track & (TRACK_ANEW | TRACK_VALUES):
            evaluate(oracle, n, x, exact_sum, v, values)
            for r in range(x.shape[0]):
                record[SUM_VALUE, r] += values[r]
            if track & TRACK_ANEW:
                add_squared_norms(exact_sum, record[SUM_GRAD_SQ], 1.0)
        clear(total)
        clear(exact_sum)
        for r in range(x.shape[0]):
            record[UP_RESIDUAL, r] = 0.0
            record[DOWN_RESIDUAL, r] = 0.0
        for i in range(n):
            ctx[1] = i
            work(tools, seed, shared, oracle, rules, uplink, ctx, random, x, workers, scratch, track)
            add(c_up, total)
            for r in range(bits.size):
                record[BITS_UP, r] += bits[r] / n
            if rnd == last - 1:
                add_squared_norms(v, record[UP_RESIDUAL], 1.0 / n)
        if track & TRACK_AT_HAND:
            add_squared_norms(exact_sum, record[SUM_GRAD_SQ], 1.0 / n / n)
        ctx[1] = n
        serve(tools, seed, rules, uplink, downlink, ctx, random, x, server, down_memory, scratch)
        for r in range(total.shape[0]):
            record[BITS_DOWN, r] += bits[r]
        if rnd == last - 1:
            add_squared_norms(v, record[DOWN_RESIDUAL], 1.0)
        reconstruct(downlink, c_down, down_memory, total)
        advance(downlink, c_down, down_memory)
        rules[2](ctx, rules[3], x, total, server[3])
        catch(x, workers, server, down_memory, record[FIRST_BAD], rnd + 1.0)


tools = tuple(map(pointer, (philox, to_uniforms, add_noise, send), TOOL_SIGNATURES))
halves = tuple(map(pointer, (worker_half, server_half, measure, catch_divergence), HALF_SIGNATURES))

# The machine code behind the dispatchers: typing their many arguments anew at every call would take 2 ms.
(run_rounds_compiled,) = (compiled.entry_point for compiled in run_rounds.overloads.values())
(measure_compiled,) = (compiled.entry_point for compiled in measure.overloads.values())
