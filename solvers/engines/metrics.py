"""What a trace records of a block at a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np

from ...common.hooks import array, called
from ...problems import Problem
from .. import compressors
from . import records
from .block import Block
from .setup import ERRORS, MEMORIES, MODELS, WORKER_STATES, Setup, regulariser


def squares(v: np.ndarray) -> np.ndarray:
    """||v||^2 of every row of (B, d): shape (B,)."""
    return np.einsum("rj,rj->r", v, v)


def mean_squares(vectors: Iterable[np.ndarray], less: Iterable[np.ndarray | float] = repeat(0.0)) -> np.ndarray:
    """The mean over workers of ||v_i - u_i||^2, row by row: shape (B,). One worker after the other."""
    terms = [squares(v - u if isinstance(u, np.ndarray) else v) for v, u in zip(vectors, less, strict=False)]
    return np.sum(terms, axis=0) / len(terms)


#: Coordinates that one thread takes at a time.
PIECE = 1 << 19


def add_up(block: Block, vectors: Iterable[np.ndarray], total: np.ndarray) -> np.ndarray:
    """Add vectors (B, d) to a total, on all the block's threads; returns the mean of their squares, as above."""
    pieces, terms = [slice(first, first + PIECE) for first in range(0, total.shape[1], PIECE)], []
    for v in vectors:
        terms.append(np.empty(len(v)))

        def work(k: int, v: np.ndarray = v, term: np.ndarray = terms[-1]) -> None:
            if k == 0:
                term[:] = squares(v)
            else:
                total[:, pieces[k - 1]] += v[:, pieces[k - 1]]

        block.spread(work, 1 + len(pieces))
    return np.sum(terms, axis=0) / len(terms)


@dataclass(frozen=True)
class View:
    """The state of a block before a round, for a method's own columns.

    Attributes
    ----------
    x, model
        (B, d): the shared model, and the model that bounds are about (the same but for EF21-P).
    memories, errors, models
        (n, B, d), or no rows where the method keeps none.
    states, server_states, common
        (n, k, B, d), (k, B, d), (k, B, d): the states of the rules.
    server_memory, server_error
        (B, d), or no rows.
    parameters
        The method's numbers.
    done
        Rounds done.
    """

    setup: Setup
    block: Block
    done: int

    @property
    def problem(self) -> Problem:
        """The problem."""
        return self.setup.run.problem

    @property
    def parameters(self) -> dict[str, float]:
        return self.setup.run.numbers

    @property
    def x(self) -> np.ndarray:
        return self.block.x

    @property
    def model(self) -> np.ndarray:
        return self.block.model

    @property
    def memories(self) -> np.ndarray:
        return self.block.of_workers(MEMORIES)

    @property
    def errors(self) -> np.ndarray:
        return self.block.of_workers(ERRORS)

    @property
    def models(self) -> np.ndarray:
        return self.block.of_workers(MODELS)

    @property
    def states(self) -> np.ndarray:
        return self.block.of_workers(WORKER_STATES)

    @property
    def server_states(self) -> np.ndarray:
        return self.block.states.server

    @property
    def common(self) -> np.ndarray:
        return self.block.states.common

    @property
    def server_memory(self) -> np.ndarray:
        return self.block.server.memory

    @property
    def server_error(self) -> np.ndarray:
        return self.block.server.error

    @cached_property
    def gradients(self) -> np.ndarray:
        """The exact gradients (n, B, d) of all workers at x."""
        return np.stack([self.problem.worker_gradient(i, self.x) for i in range(self.problem.workers)])

    @cached_property
    def shadow(self) -> np.ndarray:
        """The shadow sequence (B, d)."""
        return self.block.shadow(self.setup, self.done)


PER_REPLICA = array("a number for each replica, (B,)", lambda view: view.x.shape[:1])


def metrics(setup: Setup, block: Block, done: int) -> dict[str, np.ndarray]:
    """Every column of the trace at this checkpoint: name -> (B,)."""
    run, problem, record = setup.run, setup.run.problem, block.record
    view = View(setup, block, done)
    x, wanted = block.model, run.columns
    gradient, values = block.evaluate(setup, x)
    here = {"grad_sq": squares(gradient)}
    grad_l1 = np.abs(gradient).sum(axis=1) if "grad_l1_mean" in wanted else values
    room = gradient  # which is done with: another array would be memory touched for the first time
    objective = values + regulariser(problem, x)
    if problem.f_star is None:
        here["objective"] = objective
    else:
        here["gap" if problem.f_star_certified else "above_bound"] = objective - problem.f_star
    if problem.x_star is not None:
        here["dist_sq"] = squares(np.subtract(x, problem.x_star, out=room))

    def mean(row: int, start: np.ndarray) -> np.ndarray:
        return record[row] / done if done else start

    if "grad_sq_mean" in wanted:
        here["grad_sq_mean"] = mean(records.SUM_GRAD_SQ, here["grad_sq"])
    if "grad_l1_mean" in wanted:
        here["grad_l1_mean"] = mean(records.SUM_GRAD_L1, grad_l1)
    if "grad_norm_mean" in wanted:
        here["grad_norm_mean"] = mean(records.SUM_GRAD_NORM, np.sqrt(here["grad_sq"]))
    if "gap_mean" in wanted:
        here["gap_mean"] = mean(records.SUM_VALUE, values) - problem.f_star
    if "grad_sq_avg" in wanted:
        here["grad_sq_avg"] = record[records.AVERAGE_GRAD_SQ].copy() if done else here["grad_sq"]
    if "gap_avg" in wanted:
        assert problem.f_star is not None
        average = block.watch.average
        values = block.evaluate(setup, average)[1]
        here["gap_avg"] = values + regulariser(problem, average) - problem.f_star
    if "shadow_grad_sq_mean" in wanted:
        here["shadow_grad_sq_mean"] = mean(records.SUM_SHADOW_GRAD_SQ, here["grad_sq"])
    if "shadow_spread_mean" in wanted:
        here["shadow_spread_mean"] = mean(records.SUM_SPREAD, np.zeros(x.shape[0]))
    here["up_residual_sq"] = record[records.UP_RESIDUAL].copy()
    here["down_residual_sq"] = record[records.DOWN_RESIDUAL].copy()
    if setup.up_memory or run.method.memory_state is not None:
        here["memory_sq"] = mean_squares(_memories(setup, block))
        if problem.gradients_at_star is not None:
            here["memory_error_sq"] = mean_squares(_memories(setup, block), problem.gradients_at_star)
        if "memory_gap_sq" in wanted:
            here["memory_gap_sq"] = mean_squares(_memories(setup, block), view.gradients)
    up_error, down_error = setup.up_error, setup.down_error
    if up_error or down_error:
        omega = room
        omega[:] = 0.0
        if up_error:
            here["worker_error_sq"] = add_up(block, block.each(ERRORS), omega)
            omega /= problem.workers
        if down_error:
            omega += view.server_error
        here["error_sq"] = squares(omega)
    if run.method.models:
        here["consensus_sq"] = mean_squares(block.each(MODELS), repeat(block.x))
    for name in wanted:
        if name in run.method.columns:
            what, own = f"column '{name}' of method '{run.method.name}'", run.method.columns[name]
            here[name] = np.asarray(called(what, own, PER_REPLICA, view))
    for side, links, row in (("up", setup.ups, records.BITS_UP), ("down", setup.downs, records.BITS_DOWN)):
        if all(map(compressors.has_kernel_bits, links)):
            here[f"bits_{side}_encoded"] = record[row].copy()
    return here


def _memories(setup: Setup, block: Block) -> Iterator[np.ndarray]:
    """The workers' memories h_i, one after the other: those of the uplink, or a state of the rules."""
    state = setup.run.method.memory_state
    return block.each(MEMORIES) if state is None else (states[state] for states in block.each(WORKER_STATES))


#: The types of what `meters` returns.
METER_TYPES = {
    "gradient_evaluations": np.int64, "bits_up_formula": np.float64, "bits_down_formula": np.float64,
    "entropy_up": np.float64, "entropy_down": np.float64,
}  # fmt: skip


def meters(setup: Setup, block: Block) -> dict[str, float]:
    """What the formulas say was sent so far, the entropy of the last messages, gradients computed; first replica.

    The entropies are per worker and round: in an asynchronous step few workers send; the others are charged nothing.
    """
    dim, n, record = setup.run.problem.dim, setup.run.problem.workers, block.record[:, 0]
    messages = record[[records.MESSAGES, records.MESSAGES_SPECIAL]]
    broadcasts = record[[records.BROADCASTS, records.BROADCASTS_SPECIAL]]
    computed = np.array([e.gradient for e in setup.described]) @ messages
    last = int(record[records.LAST_SPECIAL])
    started = bool(messages.any())
    # What belongs to a replica that diverged means nothing.
    started = started and not record[records.FIRST_BAD]
    known: dict[str, float] = {"gradient_evaluations": int(computed) * setup.samples}
    senders = float(messages.sum() / (n * broadcasts.sum())) if started and setup.run.method.clock else 1.0
    sides = (("up", setup.ups, messages / n, senders), ("down", setup.downs, broadcasts, 1.0))
    for number, (side, links, counts, share) in enumerate(sides):
        sizes = [compressors.formula_bits(c, dim) for c in links]
        if None not in sizes:
            known[f"bits_{side}_formula"] = float(counts @ np.array(sizes, dtype=float))
        if all(map(compressors.tells_entropy, links)):
            known[f"entropy_{side}"] = share * block.entropy(setup, number, links[last]) if started else 0.0
    return known
