"""From a method, a problem and two compressors to what the kernels of `rounds` take, and the state of one block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...common.errors import InputError
from ...problems import Problem
from ...problems.kernels.signatures import GRADIENT, VALUE
from ...theory.compressors import Compressor, compressor
from .. import compressors
from ..channels import ERROR, MEMORY, Channel
from ..method import Exchange, Method
from ..random import NOISE_CODES, draws
from ..rules import model_less_errors
from ..schedule import Schedule
from ..signatures import COMPRESS, RULE, SENT, SHADOW, pointer
from . import rounds as kernels

#: Optional columns of a trace: means over all rounds so far, weighted averages, and what costs gradients to know.
OPTIONAL_COLUMNS = {
    "grad_sq_mean", "gap_mean", "grad_l1_mean", "shadow_grad_sq_mean", "shadow_spread_mean", "gap_avg", "grad_sq_avg",
    "memory_gap_sq",
}  # fmt: skip

_WHEN = {"": kernels.NEVER, "first": kernels.FIRST, "period": kernels.EVERY, "coin": kernels.ON_COIN}
_MODELS = {"": kernels.SHARED_MODEL, "averaged": kernels.AVERAGED, "detached": kernels.DETACHED}
_WEIGHTS = {"polynomial": kernels.POLYNOMIAL, "geometric": kernels.GEOMETRIC, "after": kernels.AFTER}


@dataclass(frozen=True)
class Run:
    """What is to be run, checked: the objects and numbers that `simulate` describes."""

    method: Method
    problem: Problem
    up: Compressor
    down: Compressor
    numbers: dict[str, float]
    rounds: int
    seed: int
    points: np.ndarray
    columns: frozenset[str]
    schedule: Schedule | None = None
    weights: tuple[Any, ...] | None = None
    paths: bool = False
    progress: Callable[[int], None] | None = None
    live: bool = False
    delay_bound: int | None = None


@dataclass(frozen=True)
class Role:
    """What a process is there for.

    Attributes
    ----------
    workers
        The workers that it is.
    serves
        Whether it is the server.
    """

    workers: range
    serves: bool


class Setup:
    """What all blocks of a run share: kernels, parameters and links; and whether they are to stop.

    Parameters
    ----------
    run
        What is to be run.
    role
        Of this process; by default it is everybody.
    first_data
        The worker with whose share the problem's data begin.
    """

    stop = False

    def __init__(self, run: Run, role: Role | None = None, first_data: int = 0) -> None:
        self.run = run
        self.role = role or Role(range(run.problem.workers), True)
        method, problem, numbers = run.method, run.problem, run.numbers
        dim = problem.dim
        exchanges = [method, method.special or method]
        self.exchanges = exchanges
        self.uplinks = [e.uplink(numbers) for e in exchanges]
        self.downlinks = [e.downlink(numbers) for e in exchanges]
        self.ups = [self._compressor(e.up) for e in exchanges]
        self.downs = [self._compressor(e.down if method.two_way else "identity") for e in exchanges]
        made_up = [compressors.kernel(c, dim) for c in self.ups]
        made_down = [compressors.kernel(c, dim) for c in self.downs]
        self.up_links = tuple(_link(*k, channel) for k, channel in zip(made_up, self.uplinks, strict=True))
        self.down_links = tuple(_link(*k, channel) for k, channel in zip(made_down, self.downlinks, strict=True))
        self.compressor_states = [k[2] for k in made_up] + [k[2] for k in made_down]
        values = [numbers["gamma"], *problem.regulariser, *(v for k, v in numbers.items() if k != "gamma")]
        self.rules = tuple(_rules(e, np.array(values, dtype=np.float64)) for e in exchanges)
        oracle = problem.kernels()
        self.noise = NOISE_CODES[problem.noise.kind]
        sd = float(np.sqrt(problem.noise.sigma_sq / dim)) if self.noise else 0.0
        gradients = (pointer(kernel, GRADIENT) for kernel in (oracle.gradient, oracle.exact_gradient))
        self.oracle = (*gradients, pointer(oracle.value, VALUE), _arrays(oracle.data), self.noise, sd)
        works = len(self.role.workers) > 0
        up_draws = [c.draws(dim) if works or c.shared_coins else 0 for c in self.ups]
        down_draws = [c.draws(dim) if self.role.serves or c.shared_coins else 0 for c in self.downs]
        self.draws = (
            oracle.draws if works else 0, dim if self.noise and works else 0,
            1 if method.special_when == "coin" else 0, *up_draws, *down_draws,
        )  # fmt: skip
        self.samples = int(numbers[method.samples]) if method.samples else 1
        self.plan = self._plan(self._track(bool(oracle.draws)))
        self.plan[kernels.FIRST_WORKER] = self.role.workers.start
        self.plan[kernels.FIRST_DATA] = first_data
        self.shadow = pointer(method.shadow or model_less_errors, SHADOW)

    def _compressor(self, which: str) -> Compressor:
        run = self.run
        if which == "identity":
            return compressor("identity")
        chosen = run.up if which == "up" else run.down
        return run.method.wrap(run.numbers, chosen) if run.method.wrap else chosen

    def _track(self, sampled: bool) -> int:
        """Which sums every round adds to; exact gradients at the model are at hand where the workers compute them."""
        method, columns = self.run.method, self.run.columns
        track = kernels.TRACK_NOTHING
        at_hand = not (
            sampled or method.clock or method.models or self.samples > 1 or method.model_state is not None
            or {"grad_l1_mean", "grad_sq_avg"} & columns
        )  # fmt: skip
        if {"grad_sq_mean", "grad_l1_mean", "grad_sq_avg"} & columns:
            track |= kernels.TRACK_AT_HAND if at_hand else kernels.TRACK_ANEW
        if "gap_mean" in columns:
            track |= kernels.TRACK_VALUES
        if {"shadow_grad_sq_mean", "shadow_spread_mean"} & columns:
            track |= kernels.TRACK_SHADOW
        return track

    def _plan(self, track: int) -> np.ndarray:
        run, method = self.run, self.run.method
        plan = np.zeros(kernels.PLAN_ENTRIES, np.int64)
        plan[kernels.N] = run.problem.workers
        plan[kernels.SHARED], plan[kernels.SHARED_SPECIAL] = (c.shared_coins for c in self.ups)
        plan[kernels.GRADIENT_USUAL], plan[kernels.GRADIENT_SPECIAL] = (e.gradient for e in self.exchanges)
        plan[kernels.TRACK] = track
        plan[kernels.WHEN] = _WHEN[method.special_when]
        plan[kernels.PERIOD] = int(run.numbers.get("H", 1))
        plan[kernels.ADDS] = method.special_adds
        plan[kernels.SAMPLES] = self.samples
        plan[kernels.OWN_MODELS] = _MODELS[method.models]
        plan[kernels.SYNCHRONOUS] = run.schedule is None
        plan[kernels.OVER_ARRIVALS] = method.clock == "arrivals"
        plan[kernels.WEIGHTS] = _WEIGHTS[run.weights[0]] if run.weights else kernels.UNWEIGHTED
        return plan

    def reals(self) -> np.ndarray:
        """A fresh copy of the numbers that the loop works with."""
        _, a, b, *_ = *(self.run.weights or ("",)), 0.0, 0.0
        return np.array([self.run.numbers.get("p", 0.0), a, b, 0.0])

    def worker_shapes(self, size: int) -> list[tuple[int, ...]]:
        """The shapes of what one worker keeps for `size` replicas, by kind; no numbers where it keeps nothing."""
        run, method = self.run, self.run.method
        some, none = (size, run.problem.dim), (0, 0)
        return [
            some if self.used(MEMORY)[0] else none,
            some if self.used(ERROR)[0] else none,
            (size, self.compressor_states[0]),
            (size, self.compressor_states[1]),
            some if method.models else none,
            (method.states[0], *some),
        ]

    def used(self, flag: int) -> tuple[bool, bool]:
        """Whether any exchange uses the memory or error of the uplink, and of the downlink."""
        return any(link[5] & flag for link in self.up_links), any(link[5] & flag for link in self.down_links)


#: What a worker keeps, by kind: the arrays of `kernels.WORKERS` in their order, and the states of its rules.
WORKER_STATES = 5
KINDS = 6


class Block:
    """The state of one block of replicas: plain arrays, nothing in those that the method or the role does not use."""

    def __init__(self, setup: Setup, replicas: Sequence[int]) -> None:
        run, method, role = setup.run, setup.run.method, setup.role
        self.replicas = np.asarray(replicas, dtype=np.int64)
        dim, size, serves = run.problem.dim, len(replicas), role.serves
        x0 = np.asarray(run.problem.x0, dtype=np.float64)
        self.x = np.tile(x0, (size, 1))
        some, none = (size, dim), (0, 0)
        held = [np.zeros((len(role.workers), *shape)) for shape in setup.worker_shapes(size)]
        self.workers = tuple(held[:WORKER_STATES])
        self.workers[kernels.MODELS][:] = x0 if method.models else 0.0
        compressor_states = setup.compressor_states
        self.server = (
            np.zeros(some if serves and setup.used(MEMORY)[0] else none),
            np.zeros(some if serves and setup.used(ERROR)[1] else none),
            np.zeros((size if serves else 0, compressor_states[2])),
            np.zeros((size if serves else 0, compressor_states[3])),
        )
        _, at_server, common = method.states
        self.states = (held[WORKER_STATES], np.zeros((at_server if serves else 0, *some)), np.zeros((common, *some)))
        self.model = self.x
        if method.model_state is not None and serves:
            self.model = self.states[1][method.model_state]
            self.model[:] = x0
        is_model = any(channel.model_is_memory for channel in setup.downlinks)
        self.down_memory = self.x if is_model else np.zeros(some if setup.used(MEMORY)[1] else none)
        self.random = tuple(draws(self.replicas, count) for count in setup.draws)
        self.arrivals = _arrivals(run.schedule if serves else None, some)
        y = np.zeros(some if serves and (setup.plan[kernels.TRACK] & kernels.TRACK_SHADOW or run.paths) else none)
        self.watch = (setup.shadow, y, np.tile(x0, (size, 1)) if run.weights and serves else np.zeros(none))
        v, c = np.zeros(some), np.zeros(some)
        if serves:
            self.scratch = (v, c, *(np.zeros(some) for _ in range(3)), np.zeros(size))
        else:  # a worker either sends or receives
            at_hand = setup.plan[kernels.TRACK] & kernels.TRACK_AT_HAND
            self.scratch = (v, c, c, v, np.zeros(some if at_hand else none), np.zeros(size))
        self.record = np.zeros((kernels.RECORD_ROWS, size))
        self.reals = setup.reals()

    def of_workers(self, kind: int) -> np.ndarray:
        """What every worker keeps of this kind, (n, ...); no rows or no numbers where nothing is kept."""
        return self.states[0] if kind == WORKER_STATES else self.workers[kind]

    def each(self, kind: int) -> Iterator[np.ndarray]:
        """What every worker keeps of this kind, one worker after the other."""
        return iter(self.of_workers(kind))

    def evaluate(self, setup: Setup, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The exact gradient (B, d) and value (B,) of f at x (B, d)."""
        gradient, values = np.empty_like(x), np.empty(x.shape[0])
        kernels.measure_compiled(setup.oracle, setup.run.problem.workers, x, gradient, self.scratch[0], values)
        return gradient, values

    def advance(self, setup: Setup, first: int, last: int) -> None:
        """Run the rounds first, ..., last - 1."""
        kernels.run_rounds_compiled(
            kernels.halves, kernels.tools, setup.run.seed, first, last, setup.plan, self.reals, setup.oracle,
            setup.rules, setup.up_links, setup.down_links, self.random, self.x, self.model, self.down_memory,
            self.workers, self.server, self.states, self.arrivals, self.watch, self.scratch, self.record,
        )  # fmt: skip

    def shadow(self, setup: Setup, done: int) -> np.ndarray:
        """The shadow sequence (B, d) at the present state, after `done` rounds."""
        y = np.empty_like(self.x)
        ctx = np.zeros(7, np.int64)
        ctx[0], ctx[2] = done, setup.run.problem.workers
        kernel = setup.run.method.shadow or model_less_errors
        kernel(
            ctx, setup.rules[0][5], self.x, self.of_workers(kernels.MEMORIES), self.of_workers(kernels.ERRORS),
            self.of_workers(WORKER_STATES), self.server[1], self.states[1], self.states[2], y,
        )  # fmt: skip
        return y


def _arrivals(schedule: Schedule | None, some: tuple[int, int]) -> tuple[np.ndarray, ...]:
    none = np.zeros(0, np.int64)
    if schedule is None:
        return np.zeros((0, 0, 0)), none, none, none, none
    steps = np.repeat(np.arange(schedule.starts.size - 1), np.diff(schedule.starts))
    depth = int((steps - schedule.versions).max(initial=0)) + 1
    return np.zeros((depth, *some)), schedule.starts, schedule.workers, schedule.versions, schedule.counts()


def _rules(exchange: Exchange, values: np.ndarray) -> tuple[Any, ...]:
    worker, server, everyone, local = (
        pointer(rule, RULE) for rule in (exchange.worker, exchange.server, exchange.everyone, exchange.local)
    )
    return worker, pointer(exchange.sent, SENT), server, everyone, local, values


def _arrays(data: tuple[Any, ...]) -> tuple[np.ndarray, ...]:
    """A problem's data with the types that the kernels' signature states."""
    matrix, values, index, offsets, parameters = data
    floats = [np.ascontiguousarray(a, dtype=np.float64) for a in (matrix, values, parameters)]
    integers = [np.ascontiguousarray(a, dtype=np.int64) for a in (index, offsets)]
    if floats[0].ndim != 2:
        raise InputError(f"the first array of a problem's data has {floats[0].ndim} dimensions; it must have 2")
    return floats[0], floats[1].ravel(), integers[0].ravel(), integers[1].ravel(), floats[2].ravel()


def _link(kernel: Any, numbers: np.ndarray, states: int, channel: Channel) -> tuple[Any, ...]:
    # A channel whose memory is the model is advanced by the rule that adopts what arrives.
    lam = 0.0 if channel.model_is_memory else channel.lam
    uses = MEMORY * channel.memory + ERROR * channel.error
    return pointer(kernel, COMPRESS), numbers, float(channel.eta), float(lam), float(channel.nu), uses


def regulariser(problem: Problem, x: np.ndarray) -> np.ndarray | float:
    """R at every row of x."""
    l1, l2 = problem.regulariser
    if not (l1 or l2):
        return 0.0
    return l1 * np.abs(x).sum(axis=-1) + 0.5 * l2 * np.einsum("rj,rj->r", x, x)


def columns_of(method: Method, wanted: Mapping[str, Any] | set[str] | frozenset[str]) -> frozenset[str]:
    """Check the names of the optional columns.

    Raises
    ------
    InputError
        For a name that neither the engine nor the method knows.
    """
    known = OPTIONAL_COLUMNS | set(method.columns)
    if unknown := sorted(set(wanted) - known):
        raise InputError(f"no such column: {', '.join(unknown)}; '{method.name}' can record {', '.join(sorted(known))}")
    return frozenset(wanted)
