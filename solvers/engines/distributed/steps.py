"""The pieces of a round that Python calls one by one, where worker and server are processes of their own.

They are the kernels that the loop of `rounds` consists of, with a door for Python. They compile when a run of real
processes first needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numba import njit, types

from ....problems.kernels.signatures import DATA, GRADIENT, VALUE
from ...channels import SEND
from ...random import ADD_NOISE, PHILOX, TO_UNIFORMS
from ...rules import nothing
from ...signatures import COMPRESS, CUBE, ENTRY, INNER, INTS, MATRIX, RULE, SENT, VECTOR, function_at, pointer
from .. import rounds
from ..rounds import RANDOM, SCRATCH, SERVER, STATES, WORKERS, f8, i8

#: Oracle, rules, link and tools as `addresses` makes them of those of `rounds`.
ORACLE = types.Tuple((i8, i8, i8, DATA, i8, f8))
RULES = types.Tuple((i8, i8, i8, i8, i8, VECTOR))
LINK = types.Tuple((i8, VECTOR, f8, f8, f8, i8))
TOOLS = types.UniTuple(i8, 4)

COMPUTE_GRADIENT = types.void(TOOLS, i8, i8, INTS, ORACLE, INTS, RANDOM, MATRIX, SCRATCH)
SEND_MESSAGE = types.void(TOOLS, i8, i8, INTS, RULES, LINK, INTS, RANDOM, MATRIX, WORKERS, CUBE, CUBE, SCRATCH, VECTOR)
WORKER_STEP = types.void(
    TOOLS, i8, i8, INTS, ORACLE, RULES, LINK, INTS, RANDOM, MATRIX, WORKERS, CUBE, CUBE, SCRATCH, VECTOR
)  # fmt: skip
SERVER_STEP = types.void(TOOLS, i8, i8, RULES, LINK, LINK, INTS, RANDOM, MATRIX, SERVER, STATES, MATRIX, SCRATCH)
APPLY_BROADCAST = types.void(RULES, LINK, INTS, MATRIX, MATRIX, CUBE, MATRIX, MATRIX)


def addresses(values: Sequence[Any]) -> tuple[Any, ...]:
    """The same with the kernels' addresses in place of the pointers to them."""
    return tuple(int(value) if hasattr(value, "__wrapper_address__") else value for value in values)


gradient_at, value_at, rule_at, sent_at, compress_at = map(function_at, (GRADIENT, VALUE, RULE, SENT, COMPRESS))
philox_at, uniforms_at, noise_at, send_at = map(function_at, (PHILOX, TO_UNIFORMS, ADD_NOISE, SEND))


@njit(rounds.TOOLS(TOOLS), **INNER)
def tools_at(a):
    """The tools at these addresses."""
    return philox_at(a[0]), uniforms_at(a[1]), noise_at(a[2]), send_at(a[3])


@njit(rounds.ORACLE(ORACLE), **INNER)
def oracle_at(a):
    """The oracle at these addresses."""
    return gradient_at(a[0]), gradient_at(a[1]), value_at(a[2]), a[3], a[4], a[5]


@njit(rounds.RULES(RULES), **INNER)
def rules_at(a):
    """The rules at these addresses."""
    return rule_at(a[0]), sent_at(a[1]), rule_at(a[2]), rule_at(a[3]), rule_at(a[4]), a[5]


@njit(rounds.LINK(LINK), **INNER)
def link_at(a):
    """The link at this address."""
    return compress_at(a[0]), a[1], a[2], a[3], a[4], a[5]


@njit(COMPUTE_GRADIENT, **ENTRY)
def _compute_gradient(tools, seed, k, plan, oracle, ctx, random, x, scratch):
    rounds.ask(tools_at(tools), seed, k, plan, oracle_at(oracle), ctx, random, x, scratch)


@njit(SEND_MESSAGE, **ENTRY)
def _send_message(tools, seed, k, plan, rules, link, ctx, random, x, workers, states, common, scratch, norms):
    rounds.say(
        tools_at(tools), seed, k, plan, rules_at(rules), link_at(link), ctx, random, x, workers, states, common, scratch
    )
    rounds.add_squared_norms(scratch[0], norms, 1.0)


@njit(WORKER_STEP, **ENTRY)
def _worker_step(tools, seed, k, plan, oracle, rules, link, ctx, random, x, workers, states, common, scratch, norms):
    rounds.worker_half(
        tools_at(tools), seed, k, plan, oracle_at(oracle), rules_at(rules), link_at(link), ctx, random, x, workers,
        states, common, scratch,
    )  # fmt: skip
    rounds.add_squared_norms(scratch[0], norms, 1.0)


@njit(types.void(RULES, INTS, MATRIX, MATRIX, CUBE, CUBE), **ENTRY)
def _sent(rules, ctx, v, c, states, common):
    sent_at(rules[1])(ctx, rules[5], v, c, states, common)


@njit(SERVER_STEP, **ENTRY)
def _server_step(tools, seed, k, rules, uplink, downlink, ctx, random, x, server, states, down_memory, scratch):
    rounds.server_half(
        tools_at(tools), seed, k, rules_at(rules), link_at(uplink), link_at(downlink), ctx, random, x, server, states,
        down_memory, scratch,
    )  # fmt: skip
    rounds.follow(rules_at(rules), link_at(downlink), ctx, x, down_memory, states[2], scratch[2], scratch[3])


@njit(APPLY_BROADCAST, **ENTRY)
def _apply_broadcast(rules, downlink, ctx, x, down_memory, common, c, v):
    rounds.follow(rules_at(rules), link_at(downlink), ctx, x, down_memory, common, c, v)


@njit(types.void(RULES, INTS, MATRIX, MATRIX, CUBE, CUBE), **ENTRY)
def _move(rules, ctx, x, v, states, common):
    rule_at(rules[4])(ctx, rules[5], x, v, states, common)


@njit(types.void(ORACLE, i8, MATRIX, MATRIX, MATRIX, VECTOR), **ENTRY)
def _exact(oracle, worker, x, no_draws, gradient, value):
    gradient_at(oracle[1])(worker, x, no_draws, oracle[3], gradient)
    value_at(oracle[2])(worker, x, oracle[3], value)


@njit(i8(TOOLS, i8, INTS, VECTOR, RANDOM, i8), **ENTRY)
def _is_special(tools, seed, plan, reals, random, rnd):
    return rounds.is_special(tools_at(tools), seed, plan, reals, random, rnd)


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


@njit(rounds.CATCH_DIVERGENCE, **ENTRY)
def _catch(x, model, workers, server, states, down_memory, history, average, first_bad, rnd):
    rounds.catch_divergence(x, model, workers, server, states, down_memory, history, average, first_bad, rnd)


def _entry(kernel: Any) -> Any:
    """The machine code behind the dispatcher: typing the many arguments anew at every call would take 2 ms."""
    (compiled,) = kernel.overloads.values()
    return compiled.entry_point


NO_OP = int(pointer(nothing, SENT))
tools = addresses(rounds.tools)
compute_gradient, send_message, worker_step, sent = map(_entry, (_compute_gradient, _send_message, _worker_step, _sent))
server_step, apply_broadcast, move, exact = map(_entry, (_server_step, _apply_broadcast, _move, _exact))
is_special, weigh, note_evaluation, note_spread = map(_entry, (_is_special, _weigh, _note_evaluation, _note_spread))
add_squared_norms, catch = map(_entry, (_add_squared_norms, _catch))

__all__ = [
    "NO_OP", "WORKERS", "add_squared_norms", "addresses", "apply_broadcast", "catch", "compute_gradient", "exact",
    "is_special", "move", "note_evaluation", "note_spread", "send_message", "sent", "server_step", "tools", "weigh",
    "worker_step",
]  # fmt: skip
