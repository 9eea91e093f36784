"""The pieces of a round that Python calls one by one, where worker and server are processes of their own.

They are the kernels that the loop of `rounds` consists of, each with a door for Python, which compiles when it is first
gone through: a worker does not compile what only the server does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from numba import njit, types

from ...channels import LINK
from ...method import Exchange
from ...random import DRAWS, philox, to_uniforms
from ...rules import no_op
from ...signatures import (
    BARE,
    CUBE,
    INTS,
    MATRIX,
    SENT,
    VECTOR,
    address,
    call_gradient,
    call_onto,
    call_rule,
    call_sent,
    call_value,
    entry,
)
from .. import rounds
from ..records import (
    COMMON,
    EXCHANGE,
    NEVER,
    ORACLE,
    PLAN,
    RANDOM,
    RULES,
    SERVER,
    SERVER_SCRATCH,
    WORKER_SCRATCH,
    WORKERS,
    Plan,
    Rules,
)
from ..rounds import IS_SPECIAL, MASK_DIVERGED, MOVE_OWN_MODELS, RECORD_BEFORE, SAMPLE_MEMORY, SERVER_STEP, f8, i8

#: Coordinates of a piece of all workers' gradients, which stays in the second-level cache.
PIECE = 1 << 13


class Door:
    """A kernel for calls from Python."""

    def __init__(self, kernel: Any, signature: Any) -> None:
        self._kernel, self._signature = kernel, signature

    def compile(self) -> Callable[..., Any]:
        """The machine code, compiled if it was not before."""
        return entry(self._kernel, self._signature)

    def __call__(self, *arguments: Any) -> Any:
        return self.compile()(*arguments)


@njit(**BARE)
def _compute_gradient(common, exchange, ctx, x, random, scratch):
    rounds.compute_gradient(common, exchange, ctx, x, random, scratch)


@njit(**BARE)
def _send_message(common, exchange, k, ctx, x, random, workers, own_states, common_states, scratch, norms):
    rounds.send_message(common, exchange, k, ctx, x, random, workers, own_states, common_states, scratch)
    rounds.add_squared_norms(scratch.vector, norms, 1.0)


@njit(**BARE)
def _worker_step(common, exchange, k, ctx, x, random, workers, own_states, common_states, scratch, norms):
    rounds.worker_step(common, exchange, k, ctx, x, random, workers, own_states, common_states, scratch)
    if norms.size > 0:
        rounds.add_squared_norms(scratch.vector, norms, 1.0)


@njit(**BARE)
def _after_sending(rules, ctx, v, c, own_states, common_states):
    call_sent(rules.sent, ctx, rules.parameters, v, c, own_states, common_states)


@njit(**BARE)
def _server_step(common, exchange, k, ctx, x, down_memory, random, server, states, scratch):
    rounds.server_step(common, exchange, k, ctx, x, down_memory, random, server, states, scratch)
    if not exchange.each:
        rounds.apply_broadcast(exchange, ctx, x, down_memory, states.common, scratch.message, scratch.total)


@njit(**BARE)
def _compress_for(common, exchange, k, ctx, random, server, scratch):
    rounds.compress_for(common, exchange, k, ctx, random, server, scratch)


@njit(**BARE)
def _take_sample_memory(common, rnd, i, random, states, h):
    rounds.take_sample_memory(common, rnd, i, random, states, h)


@njit(**BARE)
def _keep_sample_memory(common, rnd, i, random, states, h):
    rounds.keep_sample_memory(common, rnd, i, random, states, h)


@njit(**BARE)
def _advance(link, c, h):
    rounds.advance(link, c, h)


@njit(**BARE)
def _apply_broadcast(exchange, ctx, x, down_memory, common_states, message, vector):
    rounds.apply_broadcast(exchange, ctx, x, down_memory, common_states, message, vector)


@njit(**BARE)
def _move_own_model(rules, ctx, model, v, own_states, common_states):
    call_rule(rules.local, ctx, rules.parameters, model, v, own_states, common_states)


@njit(**BARE)
def _move_own_models(common, rules, block, ctx, vector):
    rounds.move_own_models(common, rules, block, ctx, vector)


@njit(**BARE)
def _record_before(steps, common, parameters, block, ctx, rnd):
    rounds.record_before(steps, common, parameters, block, ctx, rnd)


@njit(**BARE)
def _evaluate_share(oracle, worker, x, no_draws, gradient, value):
    call_gradient(oracle.exact_gradient, worker, x, no_draws, oracle.data, gradient)
    call_value(oracle.value, worker, x, oracle.data, value)


@njit(**BARE)
def _average_gradient(onto, oracle, n, x, first, last, gradient):
    for start in range(first, last, PIECE):
        end = min(start + PIECE, last)
        piece = gradient[:, start:end]
        for r in range(piece.shape[0]):
            row = piece[r]
            for j in range(row.size):
                row[j] = 0.0
        for i in range(n):
            call_onto(onto, i, x, start, end, oracle.data, gradient)
        for r in range(piece.shape[0]):
            row = piece[r]
            for j in range(row.size):
                row[j] /= n


@njit(**BARE)
def _value(oracle, worker, x, value):
    call_value(oracle.value, worker, x, oracle.data, value)


@njit(**BARE)
def _is_special(common, reals, coin, rnd):
    return rounds.is_special(common, reals, coin, rnd)


@njit(**BARE)
def _average_iterate(plan, reals, rnd, model, average):
    weight = rounds.next_weight(plan, reals, rnd)
    rounds.move_towards(model, average, weight)
    return weight


@njit(**BARE)
def _record_evaluation(track, weight, gradient, values, record):
    rounds.record_evaluation(track, weight, gradient, values, record)


@njit(**BARE)
def _record_spread(y, x, v, out, weight):
    rounds.record_spread(y, x, v, out, weight)


@njit(**BARE)
def _add_squared_norms(v, out, weight):
    rounds.add_squared_norms(v, out, weight)


@njit(**BARE)
def _mask_diverged(x, model, down_memory, workers, server, states, history, average, first_bad, rnd):
    rounds.mask_diverged(x, model, down_memory, workers, server, states, history, average, first_bad, rnd)


@njit(**BARE)
def _uniforms(seed, rnd, sender, stream, draws):
    philox(seed, rnd, sender, stream, draws)
    to_uniforms(draws)


_SEND = types.void(COMMON, EXCHANGE, i8, INTS, MATRIX, RANDOM, WORKERS, CUBE, CUBE, WORKER_SCRATCH, VECTOR)
_RULE = types.void(RULES, INTS, MATRIX, MATRIX, CUBE, CUBE)

compute_gradient = Door(_compute_gradient, types.void(COMMON, EXCHANGE, INTS, MATRIX, RANDOM, WORKER_SCRATCH))
send_message = Door(_send_message, _SEND)
worker_step = Door(_worker_step, _SEND)
after_sending = Door(_after_sending, _RULE)
server_step = Door(
    _server_step,
    SERVER_STEP,
)
compress_for = Door(_compress_for, types.void(COMMON, EXCHANGE, i8, INTS, RANDOM, SERVER, SERVER_SCRATCH))
take_sample_memory = Door(_take_sample_memory, SAMPLE_MEMORY)
keep_sample_memory = Door(_keep_sample_memory, SAMPLE_MEMORY)
advance = Door(_advance, types.void(LINK, MATRIX, MATRIX))
apply_broadcast = Door(_apply_broadcast, types.void(EXCHANGE, INTS, MATRIX, MATRIX, CUBE, MATRIX, MATRIX))
move_own_model = Door(_move_own_model, _RULE)
move_own_models = Door(_move_own_models, MOVE_OWN_MODELS)
record_before = Door(_record_before, RECORD_BEFORE)
evaluate_share = Door(_evaluate_share, types.void(ORACLE, i8, MATRIX, MATRIX, MATRIX, VECTOR))
#: Coordinates first, ..., last - 1 of the average of n exact gradients, by a kernel of signature `ONTO`.
average_gradient = Door(_average_gradient, types.void(i8, ORACLE, i8, MATRIX, i8, i8, MATRIX))
value = Door(_value, types.void(ORACLE, i8, MATRIX, VECTOR))
is_special = Door(_is_special, IS_SPECIAL)
average_iterate = Door(_average_iterate, f8(PLAN, VECTOR, i8, MATRIX, MATRIX))
record_evaluation = Door(_record_evaluation, types.void(i8, f8, MATRIX, VECTOR, MATRIX))
record_spread = Door(_record_spread, types.void(MATRIX, MATRIX, MATRIX, VECTOR, f8))
add_squared_norms = Door(_add_squared_norms, types.void(MATRIX, VECTOR, f8))
mask_diverged = Door(_mask_diverged, MASK_DIVERGED)
uniforms = Door(_uniforms, types.void(i8, i8, i8, i8, DRAWS))


def compile_for_workers(exchanges: Sequence[Exchange], plan: Plan, live: bool) -> None:
    """Compile what the workers of such a run call."""
    doors = [apply_broadcast, evaluate_share, *([compute_gradient, send_message] if live else [worker_step])]
    if any(e.sent is not no_op for e in exchanges):
        doors.append(after_sending)
    if plan.own_models:
        doors.append(move_own_model)
    if plan.when != NEVER:
        doors.append(is_special)
    if plan.first_sample >= 0:
        doors += [take_sample_memory, keep_sample_memory]
    for door in doors:
        door.compile()
    address(no_op, SENT)


def without_sent(rules: Rules) -> Rules:
    """The same rules, but for what follows sending: where a message is written first, that is called by itself."""
    return replace(rules, sent=address(no_op, SENT))
