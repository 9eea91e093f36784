"""The pieces of a round that Python calls one by one, where worker and server are processes of their own.

They are the kernels that the loop of `rounds` consists of, with a door for Python. They compile when a run of real
processes first needs them.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types

from ..rules import nothing
from ..signatures import CUBE, ENTRY, INTS, MATRIX, SENT, SHADOW, VECTOR, pointer
from . import rounds
from .rounds import (
    ASK,
    FOLLOW,
    LINK,
    ORACLE,
    RANDOM,
    RULES,
    SAY,
    SCRATCH,
    SERVER,
    STATES,
    TOOLS,
    WORKERS,
    f8,
    i8,
)

QUIET = pointer(nothing, SENT)
SERVE = types.void(TOOLS, i8, i8, RULES, LINK, LINK, INTS, RANDOM, MATRIX, SERVER, STATES, MATRIX, SCRATCH)


@njit(ASK, **ENTRY)
def _ask(tools, seed, k, plan, oracle, ctx, random, x, scratch):
    rounds.ask(tools, seed, k, plan, oracle, ctx, random, x, scratch)


@njit(SAY, **ENTRY)
def _say(tools, seed, k, plan, rules, link, ctx, random, x, workers, states, common, scratch):
    rounds.say(tools, seed, k, plan, rules, link, ctx, random, x, workers, states, common, scratch)


@njit(types.void(RULES, INTS, MATRIX, MATRIX, CUBE, CUBE), **ENTRY)
def _sent(rules, ctx, v, c, states, common):
    rules[1](ctx, rules[5], v, c, states, common)


@njit(SERVE, **ENTRY)
def _serve(tools, seed, k, rules, uplink, downlink, ctx, random, x, server, states, down_memory, scratch):
    rounds.server_half(tools, seed, k, rules, uplink, downlink, ctx, random, x, server, states, down_memory, scratch)


@njit(FOLLOW, **ENTRY)
def _follow(rules, downlink, ctx, x, down_memory, common, c, v):
    rounds.follow(rules, downlink, ctx, x, down_memory, common, c, v)


@njit(types.void(RULES, INTS, MATRIX, MATRIX, CUBE, CUBE), **ENTRY)
def _move(rules, ctx, x, v, states, common):
    rules[4](ctx, rules[5], x, v, states, common)


@njit(types.void(ORACLE, i8, MATRIX, MATRIX, MATRIX, VECTOR), **ENTRY)
def _exact(oracle, worker, x, no_draws, gradient, value):
    oracle[1](worker, x, no_draws, oracle[3], gradient)
    oracle[2](worker, x, oracle[3], value)


@njit(i8(TOOLS, i8, INTS, VECTOR, RANDOM, i8), **ENTRY)
def _is_special(tools, seed, plan, reals, random, rnd):
    return rounds.is_special(tools, seed, plan, reals, random, rnd)


@njit(f8(INTS, VECTOR, i8, MATRIX, MATRIX), **ENTRY)
def _weigh(plan, reals, rnd, model, average):
    weight = rounds.next_weight(plan, reals, rnd)
    rounds.move_towards(model, average, weight)
    return weight


@njit(types.void(i8, f8, MATRIX, VECTOR, MATRIX), **ENTRY)
def _note_evaluation(track, weight, gradient, values, record):
    rounds.note_evaluation(track, weight, gradient, values, record)


@njit(types.void(MATRIX, MATRIX, MATRIX, VECTOR, f8), **ENTRY)
def _note_spread(y, x, v, out, weight):
    rounds.note_spread(y, x, v, out, weight)


@njit(types.void(MATRIX, VECTOR, f8), **ENTRY)
def _add_squared_norms(v, out, weight):
    rounds.add_squared_norms(v, out, weight)


@njit(
    types.void(
        types.FunctionType(SHADOW), INTS, VECTOR, MATRIX, CUBE, CUBE, types.float64[:, :, :, ::1], MATRIX, CUBE, CUBE,
        MATRIX,
    ),
    **ENTRY,
)  # fmt: skip
def _shadow(shadow, ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    shadow(ctx, params, x, memories, errors, states, server_error, server_states, common, y)


@njit(rounds.CATCH_DIVERGENCE, **ENTRY)
def _catch(x, model, workers, server, states, down_memory, history, average, first_bad, rnd):
    rounds.catch_divergence(x, model, workers, server, states, down_memory, history, average, first_bad, rnd)


def _entry(kernel: Any) -> Any:
    """The machine code behind the dispatcher: typing the many arguments anew at every call would take 2 ms."""
    (compiled,) = kernel.overloads.values()
    return compiled.entry_point


ask, say, sent, serve, follow, move, exact = map(_entry, (_ask, _say, _sent, _serve, _follow, _move, _exact))
is_special, weigh, note_evaluation, note_spread = map(_entry, (_is_special, _weigh, _note_evaluation, _note_spread))
add_squared_norms, shadow, catch = map(_entry, (_add_squared_norms, _shadow, _catch))

__all__ = [
    "QUIET", "WORKERS", "add_squared_norms", "ask", "catch", "exact", "follow", "is_special", "move", "note_evaluation",
    "note_spread", "say", "sent", "serve", "shadow", "weigh",
]  # fmt: skip
