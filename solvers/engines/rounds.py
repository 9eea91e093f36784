"""One exchange of any method, in halves, and the loop of `simulate`.

The halves work on one block of B replicas. An engine decides where they run: `simulate` calls all of them in one
process, one after the other, in worker order; `distributed` calls a worker's in the worker's own process and the
server's in another one, and does in the same order what the loop below does between them.

The larger kernels reach each other through function pointers (`TOOLS`, `HALVES`), not by name: what is called by name
is optimised again inside every caller, which multiplies the time that the first use spends in the compiler by four.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from ...problems.kernels.signatures import DATA, GRADIENT, VALUE
from ..channels import ERROR, LINK, MEMORY, SEND, advance, reconstruct, send
from ..random import (
    ADD_NOISE,
    DRAWS,
    PHILOX,
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
    to_uniforms,
)
from ..signatures import CUBE, ENTRY, FOUR, INNER, INTS, MATRIX, OPTIONS, RULE, SENT, SHADOW, VECTOR, flat, pointer

f8, i8 = types.float64, types.int64
RULE_POINTER = types.FunctionType(RULE)

#: (gradient, exact gradient, value, data, noise kind, noise standard deviation per coordinate)
ORACLE = types.Tuple(
    (types.FunctionType(GRADIENT), types.FunctionType(GRADIENT), types.FunctionType(VALUE), DATA, i8, f8)
)
#: (worker rule, what follows sending, server rule, everyone's rule, local rule, their parameters) of one exchange
RULES = types.Tuple((RULE_POINTER, types.FunctionType(SENT), RULE_POINTER, RULE_POINTER, RULE_POINTER, VECTOR))
#: the usual exchange and the special one
BOTH_RULES, BOTH_LINKS = types.UniTuple(RULES, 2), types.UniTuple(LINK, 2)
#: numbers drawn for the rows of a sampled gradient, the noise, the coin, and the uplink and downlink of each exchange
RANDOM = types.UniTuple(DRAWS, 7)
ROWS, NOISE, COIN, UP, DOWN = 0, 1, 2, 3, 5
#: memories h_i (n, B, d), errors e_i (n, B, d), compressor states (n, B, s) of each exchange, own models x_i (n, B, d)
WORKERS = types.UniTuple(CUBE, 5)
MEMORIES, ERRORS, COMPRESSOR, MODELS = 0, 1, 2, 4
#: memory hbar (B, d), error e (B, d), compressor state (B, s) of each exchange
SERVER = types.UniTuple(MATRIX, 4)
#: (n, k, B, d) states of the workers' rules, (k, B, d) of the server's, (k, B, d) common to all
STATES = types.Tuple((FOUR, CUBE, CUBE))
#: vector v, a worker's message, the server's message, sum of messages, sum of exact gradients (B, d), bits (B,)
SCRATCH = types.Tuple((MATRIX, MATRIX, MATRIX, MATRIX, MATRIX, VECTOR))
#: (models of earlier rounds (depth, B, d), first message of each step, workers, versions, how many messages the worker
#: has sent before); empty if synchronous
ARRIVALS = types.Tuple((CUBE, INTS, INTS, INTS, INTS))
#: (shadow kernel, shadow sequence y (B, d), weighted average of the iterates (B, d))
WATCH = types.Tuple((types.FunctionType(SHADOW), MATRIX, MATRIX))

#: Entries of the plan (integers) of a run.
(
    N, SHARED, SHARED_SPECIAL, GRADIENT_USUAL, GRADIENT_SPECIAL, TRACK, WHEN, PERIOD, ADDS, SAMPLES, OWN_MODELS,
    SYNCHRONOUS, OVER_ARRIVALS, WEIGHTS, FIRST_WORKER, FIRST_DATA,
) = range(16)  # fmt: skip
PLAN_ENTRIES = 16
NEVER, FIRST, EVERY, ON_COIN = range(4)
SHARED_MODEL, AVERAGED, DETACHED = range(3)
UNWEIGHTED, POLYNOMIAL, GEOMETRIC, AFTER = range(4)
#: Entries of the numbers of a run: the coin's probability, the weights' parameters, their running sum.
PROBABILITY, WEIGHT_A, WEIGHT_B, WEIGHT_SUM = range(4)

#: what both halves call
TOOL_SIGNATURES = (PHILOX, TO_UNIFORMS, ADD_NOISE, SEND)
TOOLS = types.Tuple(tuple(types.FunctionType(signature) for signature in TOOL_SIGNATURES))

ASK = types.void(TOOLS, i8, i8, INTS, ORACLE, INTS, RANDOM, MATRIX, SCRATCH)
SAY = types.void(TOOLS, i8, i8, INTS, RULES, LINK, INTS, RANDOM, MATRIX, WORKERS, CUBE, CUBE, SCRATCH)
WORKER_HALF = types.void(
    TOOLS, i8, i8, INTS, ORACLE, RULES, LINK, INTS, RANDOM, MATRIX, WORKERS, CUBE, CUBE, SCRATCH
)  # fmt: skip
SERVER_HALF = types.void(TOOLS, i8, i8, RULES, LINK, LINK, INTS, RANDOM, MATRIX, SERVER, STATES, MATRIX, SCRATCH)
FOLLOW = types.void(RULES, LINK, INTS, MATRIX, MATRIX, CUBE, MATRIX, MATRIX)
MEASURE = types.void(ORACLE, i8, MATRIX, MATRIX, MATRIX, VECTOR)
CATCH_DIVERGENCE = types.void(MATRIX, MATRIX, WORKERS, SERVER, STATES, MATRIX, CUBE, MATRIX, VECTOR, f8)
#: what the loop calls
HALF_SIGNATURES = (WORKER_HALF, SERVER_HALF, MEASURE, CATCH_DIVERGENCE)
HALVES = types.Tuple(tuple(types.FunctionType(signature) for signature in HALF_SIGNATURES))

#: Rows of the block's record (B columns): running sums over the rounds done, norms of the last round, messages per
#: worker and broadcasts of each exchange, running weighted average.
(
    SUM_GRAD_SQ, SUM_VALUE, BITS_UP, BITS_DOWN, UP_RESIDUAL, DOWN_RESIDUAL, FIRST_BAD, SUM_GRAD_L1, SUM_SHADOW_GRAD_SQ,
    SUM_SPREAD, AVERAGE_GRAD_SQ, MESSAGES, MESSAGES_SPECIAL, BROADCASTS, BROADCASTS_SPECIAL, LAST_SPECIAL,
) = range(16)  # fmt: skip
RECORD_ROWS = 16
#: What is summed at every round: ||grad f||^2 from gradients that are there anyway, or (with its l1 norm) evaluated
#: anew, f, and what belongs to the shadow sequence.
TRACK_NOTHING, TRACK_AT_HAND, TRACK_ANEW, TRACK_VALUES, TRACK_SHADOW = 0, 1, 2, 4, 8
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


@njit(types.void(MATRIX, VECTOR), **INNER)
def add_absolute_sums(v, out):
    """out[r] += ||v[r]||_1."""
    for r in range(v.shape[0]):
        row = v[r]
        total = 0.0
        for j in range(row.size):
            total += abs(row[j])
        out[r] += total


@njit(types.void(MATRIX, MATRIX), **INNER)
def add(v, total):
    """total += v."""
    flat_v, flat_total = flat(v), flat(total)
    for j in range(flat_v.size):
        flat_total[j] += flat_v[j]


@njit(types.void(MATRIX, MATRIX, f8), **INNER)
def move_towards(v, average, weight):
    """average += weight (v - average)."""
    flat_v, flat_average = flat(v), flat(average)
    for j in range(flat_v.size):
        flat_average[j] += weight * (flat_v[j] - flat_average[j])


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


@njit(types.void(MATRIX, MATRIX), **INNER)
def copy(v, to):
    """to = v."""
    flat_v, flat_to = flat(v), flat(to)
    for j in range(flat_v.size):
        flat_to[j] = flat_v[j]


@njit(ASK, **INNER)
def ask(tools, seed, k, plan, oracle, ctx, random, x, scratch):
    """Worker ctx[1] asks its oracle for a gradient at x: it is left in scratch."""
    fill, uniforms, disturb, _ = tools
    gradient, _, _, data, noise, sd = oracle
    rnd, i = ctx[0], ctx[1]
    share = i - plan[FIRST_DATA]
    v, c, _, _, exact_sum, _ = scratch
    if plan[GRADIENT_USUAL + k] == 0:
        clear(v)
        return
    samples = plan[SAMPLES]
    for s in range(samples):
        g = v if s == 0 else c
        if random[ROWS][0].size > 0:
            fill(seed, rnd * samples + s, i, STREAM_ROWS, random[ROWS])
            uniforms(random[ROWS])
        gradient(share, x, random[ROWS][3], data, g)
        if plan[TRACK] & TRACK_AT_HAND:
            add(g, exact_sum)
        if noise > 0:
            fill(seed, rnd * samples + s, i, STREAM_NOISE, random[NOISE])
            disturb(noise, sd, random[NOISE], g)
        if s > 0:
            add(g, v)
    if samples > 1:
        divide(v, samples)


@njit(SAY, **INNER)
def say(tools, seed, k, plan, rules, link, ctx, random, x, workers, states, common, scratch):
    """Worker ctx[1] applies its rule to the gradient and sends: the message is left in scratch."""
    fill, uniforms, _, dispatch = tools
    rnd, i = ctx[0], ctx[1]
    own = i - plan[FIRST_WORKER]
    v, c, _, _, _, bits = scratch
    rules[0](ctx, rules[5], x, v, states, common)
    h = workers[MEMORIES][own] if link[5] & MEMORY else v[:0]
    e = workers[ERRORS][own] if link[5] & ERROR else v[:0]
    if random[UP + k][0].size > 0:
        address = SHARED_WORKER if plan[SHARED + k] else i
        fill(seed, rnd, address, STREAM_UP if k == 0 else STREAM_UP_SPECIAL, random[UP + k])
        uniforms(random[UP + k])
    dispatch(link, ctx, random[UP + k][3], workers[COMPRESSOR + k][own], v, h, e, c, bits)
    advance(link, c, h)
    rules[1](ctx, rules[5], v, c, states, common)


@njit(WORKER_HALF, **INNER)
def worker_half(tools, seed, k, plan, oracle, rules, link, ctx, random, x, workers, states, common, scratch):
    """Worker ctx[1] computes its gradient at x, applies its rule and sends: the message is left in scratch.

    Where a process holds only a share, its arrays begin with worker plan[FIRST_WORKER], its data with plan[FIRST_DATA].
    """
    ask(tools, seed, k, plan, oracle, ctx, random, x, scratch)
    say(tools, seed, k, plan, rules, link, ctx, random, x, workers, states, common, scratch)


@njit(SERVER_HALF, **INNER)
def server_half(tools, seed, k, rules, uplink, downlink, ctx, random, x, server, states, down_memory, scratch):
    """The server turns the average of messages into what it broadcasts: the message is left in scratch."""
    fill, uniforms, _, dispatch = tools
    v, _, c, total, _, bits = scratch
    hbar = server[0] if uplink[5] & MEMORY else v[:0]
    e = server[1] if downlink[5] & ERROR else v[:0]
    h = down_memory if downlink[5] & MEMORY else v[:0]
    reconstruct(uplink, total, hbar, v)
    advance(uplink, total, hbar)
    rules[2](ctx, rules[5], x, v, states[1], states[2])
    if random[DOWN + k][0].size > 0:
        fill(seed, ctx[0], ctx[2], STREAM_DOWN if k == 0 else STREAM_DOWN_SPECIAL, random[DOWN + k])
        uniforms(random[DOWN + k])
    dispatch(downlink, ctx, random[DOWN + k][3], server[2 + k], v, h, e, c, bits)


@njit(FOLLOW, **INNER)
def follow(rules, downlink, ctx, x, down_memory, common, c, v):
    """Everyone takes the server's message c: reconstructs into v, advances the memory, moves the shared model x."""
    h = down_memory if downlink[5] & MEMORY else v[:0]
    reconstruct(downlink, c, h, v)
    advance(downlink, c, h)
    rules[3](ctx, rules[5], x, v, common, common)


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
def catch_divergence(x, model, workers, server, states, down_memory, history, average, first_bad, rnd):
    """Note the first round after which a replica is beyond bounds or not a number, and put it back to zero."""
    for r in range(x.shape[0]):
        row, other = x[r], model[r]
        total = 0.0
        for j in range(row.size):
            total += row[j] * row[j]
        if model.ctypes.data != x.ctypes.data:
            for j in range(row.size):
                total += other[j] * other[j]
        if not total < DIVERGED:
            if first_bad[r] == 0.0:
                first_bad[r] = rnd
            for array in (x, down_memory, average, server[0], server[1]):
                if array.shape[0] > 0:
                    array[r] = 0.0
            for array in (workers[MEMORIES], workers[ERRORS], workers[MODELS], states[1], states[2], history):
                for i in range(array.shape[0]):
                    array[i, r] = 0.0
            for i in range(states[0].shape[0]):
                for s in range(states[0].shape[1]):
                    states[0][i, s, r] = 0.0


@njit(types.void(i8, f8, MATRIX, VECTOR, MATRIX), **INNER)
def note_evaluation(track, weight, gradient, values, record):
    """Add grad f and f at the model before a round to the sums over all rounds."""
    for r in range(values.size):
        record[SUM_VALUE, r] += values[r]
    if track & TRACK_ANEW:
        add_squared_norms(gradient, record[SUM_GRAD_SQ], 1.0)
        add_absolute_sums(gradient, record[SUM_GRAD_L1])
        for r in range(values.size):
            record[AVERAGE_GRAD_SQ, r] *= 1.0 - weight
        add_squared_norms(gradient, record[AVERAGE_GRAD_SQ], weight)


@njit(types.void(MATRIX, MATRIX, MATRIX, VECTOR, f8), **INNER)
def note_spread(y, x, v, out, weight):
    """out[r] += weight ||y[r] - x[r]||^2; v is room for the difference."""
    flat_y, flat_x, flat_v = flat(y), flat(x), flat(v)
    for j in range(flat_v.size):
        flat_v[j] = flat_y[j] - flat_x[j]
    add_squared_norms(v, out, weight)


@njit(i8(TOOLS, i8, INTS, VECTOR, RANDOM, i8), **INNER)
def is_special(tools, seed, plan, reals, random, rnd):
    """Whether this round is special."""
    when = plan[WHEN]
    if when == FIRST:
        return 1 if rnd == 0 else 0
    if when == EVERY:
        return 1 if (rnd + 1) % plan[PERIOD] == 0 else 0
    if when == ON_COIN:
        if rnd == 0:
            return 1
        tools[0](seed, rnd, SHARED_WORKER, STREAM_COIN, random[COIN])
        tools[1](random[COIN])
        return 1 if random[COIN][3][0, 0] < reals[PROBABILITY] else 0
    return 0


@njit(f8(INTS, VECTOR, i8), **INNER)
def next_weight(plan, reals, rnd):
    """Return w_t / (w_0 + ... + w_t) for t = rnd, called once for every t in turn."""
    kind = plan[WEIGHTS]
    if kind == GEOMETRIC:  # the ratio itself is kept: the weights would overflow
        reals[WEIGHT_SUM] = 1.0 / (1.0 + reals[WEIGHT_A] / reals[WEIGHT_SUM]) if rnd > 0 else 1.0
        return reals[WEIGHT_SUM]
    if kind == POLYNOMIAL:
        weight = (reals[WEIGHT_A] + rnd) ** reals[WEIGHT_B]
        reals[WEIGHT_SUM] += weight
        return weight / reals[WEIGHT_SUM]
    return 1.0 / (rnd + 1.0)


@njit(
    types.void(
        HALVES, TOOLS, i8, i8, i8, INTS, VECTOR, ORACLE, BOTH_RULES, BOTH_LINKS, BOTH_LINKS, RANDOM, MATRIX, MATRIX,
        MATRIX, WORKERS, SERVER, STATES, ARRIVALS, WATCH, SCRATCH, MATRIX,
    ),
    **ENTRY,
)  # fmt: skip
def run_rounds(
    halves, tools, seed, first, last, plan, reals, oracle, both_rules, uplinks, downlinks, random, x, model,
    down_memory, workers, server, states, arrivals, watch, scratch, record,
):  # fmt: skip
    """Run the rounds first, ..., last - 1 of one block; `model` is x or the server's state that stands for it."""
    v, c_up, c_down, total, exact_sum, bits = scratch
    work, serve, evaluate, catch = halves
    history, starts, who, versions, counts = arrivals
    shadow, y, average = watch
    n, track, own = plan[N], plan[TRACK], plan[OWN_MODELS]
    models, common = workers[MODELS], states[2]
    size = x.shape[0]
    ctx = np.zeros(7, np.int64)
    ctx[2] = n
    values = np.empty(size)
    for rnd in range(first, last):
        ctx[0] = rnd
        weight = 0.0
        if plan[WEIGHTS] == POLYNOMIAL or plan[WEIGHTS] == GEOMETRIC:
            weight = next_weight(plan, reals, rnd)
            move_towards(model, average, weight)
        if track & (TRACK_ANEW | TRACK_VALUES):
            evaluate(oracle, n, model, exact_sum, v, values)
            note_evaluation(track, weight, exact_sum, values, record)
        if track & TRACK_SHADOW:
            shadow(
                ctx, both_rules[0][5], x, workers[MEMORIES], workers[ERRORS], states[0], server[1], states[1], common, y
            )
            evaluate(oracle, n, y, exact_sum, v, values)
            add_squared_norms(exact_sum, record[SUM_SHADOW_GRAD_SQ], 1.0)
            for i in range(n):
                note_spread(y, models[i] if own else x, v, record[SUM_SPREAD], 1.0 / n)
        special = is_special(tools, seed, plan, reals, random, rnd)
        if rnd == last - 1:
            for r in range(size):
                record[UP_RESIDUAL, r] = 0.0
                record[DOWN_RESIDUAL, r] = 0.0
                record[LAST_SPECIAL, r] = special
        begin, end = 0, n
        if plan[SYNCHRONOUS] == 0:
            begin, end = starts[rnd], starts[rnd + 1]
            copy(x, history[rnd % history.shape[0]])
        largest_age = 0
        for a in range(begin, end if plan[SYNCHRONOUS] == 0 else begin):
            largest_age = max(largest_age, rnd - versions[a])
        for k in range(0 if special == 0 or plan[ADDS] else 1, special + 1):
            rules, uplink, downlink = both_rules[k], uplinks[k], downlinks[k]
            ctx[6] = k
            clear(total)
            clear(exact_sum)
            ctx[3], ctx[4], ctx[5] = n, 0, 0
            for a in range(begin, end):
                i = a
                if plan[SYNCHRONOUS] == 0:
                    # What happens elsewhere meanwhile a worker does not know: it counts its own messages.
                    i, ctx[0] = who[a], counts[a]
                    point = history[versions[a] % history.shape[0]]
                elif own:
                    point = models[i]
                else:
                    point = x
                ctx[1] = i
                own_states = states[0][i]
                work(
                    tools,
                    seed,
                    k,
                    plan,
                    oracle,
                    rules,
                    uplink,
                    ctx,
                    random,
                    point,
                    workers,
                    own_states,
                    common,
                    scratch,
                )
                add(c_up, total)
                for r in range(size):
                    record[BITS_UP, r] += bits[r] / n
                if rnd == last - 1:
                    add_squared_norms(v, record[UP_RESIDUAL], 1.0 / (end - begin))
            if track & TRACK_AT_HAND:
                add_squared_norms(exact_sum, record[SUM_GRAD_SQ], 1.0 / n / n)
            ctx[0], ctx[1], ctx[3] = rnd, n, end - begin
            ctx[4] = ctx[5] = largest_age
            divide(total, end - begin if plan[OVER_ARRIVALS] else n)
            serve(tools, seed, k, rules, uplink, downlink, ctx, random, x, server, states, down_memory, scratch)
            for r in range(size):
                record[BITS_DOWN, r] += bits[r]
                record[MESSAGES + k, r] += end - begin
                record[BROADCASTS + k, r] += 1.0
            if rnd == last - 1:
                add_squared_norms(v, record[DOWN_RESIDUAL], 1.0)
            follow(rules, downlink, ctx, x, down_memory, common, c_down, total)
            if own:
                if own == DETACHED:
                    copy(x, total)
                else:
                    clear(x)
                for i in range(n):
                    ctx[1] = i
                    rules[4](ctx, rules[5], models[i], total, states[0][i], common)
                    if own == AVERAGED:
                        add(models[i], x)
                if own == AVERAGED:
                    divide(x, n)
        if plan[WEIGHTS] == AFTER:
            move_towards(model, average, next_weight(plan, reals, rnd))
        catch(x, model, workers, server, states, down_memory, history, average, record[FIRST_BAD], rnd + 1.0)


tools = tuple(map(pointer, (philox, to_uniforms, add_noise, send), TOOL_SIGNATURES))
halves = tuple(map(pointer, (worker_half, server_half, measure, catch_divergence), HALF_SIGNATURES))

# The machine code behind the dispatchers: typing their many arguments anew at every call would take 2 ms.
(run_rounds_compiled,) = (compiled.entry_point for compiled in run_rounds.overloads.values())
(measure_compiled,) = (compiled.entry_point for compiled in measure.overloads.values())
