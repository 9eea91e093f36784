"""From a method, a problem and two compressors to what the kernels of `rounds` take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...common.errors import InputError, nearest, together
from ...common.hooks import called, instance
from ...problems import Problem
from ...problems.kernels.signatures import GRADIENT, VALUE
from ...theory.compressors import Compressor, compressor
from .. import compressors
from ..channels import Channel, Link
from ..compressors.nothing import Nothing
from ..method import Exchange, Method, channel_of
from ..random import NOISE_CODES
from ..rules import identity_rule
from ..schedule import Schedule
from ..signatures import COMPRESS, RULE, SENT, SHADOW, address
from . import records, rounds

#: Optional columns of a trace that look along the shadow sequence of a method.
SHADOW_COLUMNS = {"shadow_grad_sq_mean", "shadow_spread_mean"}
#: Optional columns of a trace: means over all rounds so far, weighted averages, and what costs gradients to know.
OPTIONAL_COLUMNS = SHADOW_COLUMNS | {
    "grad_sq_mean", "gap_mean", "grad_l1_mean", "grad_norm_mean", "gap_avg", "grad_sq_avg", "memory_gap_sq",
}  # fmt: skip

_WHEN = {
    "": records.NEVER, "first": records.FIRST, "period": records.EVERY, "coin": records.ON_COIN,
    "heads": records.ON_HEADS,
}  # fmt: skip
_MODELS = {"": records.SHARED_MODEL, "averaged": records.AVERAGED, "detached": records.DETACHED}
_WEIGHTS = {"polynomial": records.POLYNOMIAL, "geometric": records.GEOMETRIC, "after": records.AFTER}

#: What a worker keeps, by kind, as checkpoints and messages number it: memory, error, the compressor's states in both
#: exchanges, own model, states of its rules.
MEMORIES, ERRORS, COMPRESSOR, COMPRESSOR_SPECIAL, MODELS, WORKER_STATES = range(6)
KINDS = 6


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

    Attributes
    ----------
    common
        What every step of a round is handed (`records.Common`).
    exchanges
        The usual exchange and the special one (`records.Exchange`).
    parameters
        The numbers that rules are handed: gamma, l1, l2 and the method's others.
    ups, downs, uplinks, downlinks
        Compressors and channels of both exchanges.
    """

    stop = False

    def __init__(self, run: Run, role: Role | None = None, first_data: int = 0) -> None:
        self.run = run
        self.role = role or Role(range(run.problem.workers), True)
        method, problem, numbers = run.method, run.problem, run.numbers
        dim = problem.dim
        self.described: list[Exchange] = [method, method.special or method]
        self.uplinks = [channel_of(method, e, "uplink", numbers) for e in self.described]
        self.downlinks = [channel_of(method, e, "downlink", numbers) for e in self.described]
        self.ups = [self._compressor(e.up) for e in self.described]
        self.downs = [self._compressor(e.down_of(method.two_way)) for e in self.described]
        made_up = [compressors.kernel(c, dim) for c in self.ups]
        made_down = [compressors.kernel(c, dim) for c in self.downs]
        self.compressor_states = [k[2] for k in made_up] + [k[2] for k in made_down]
        for exchange, comp, (_, _, kept) in zip(self.described, self.downs, made_down, strict=True):
            if exchange.each and (method.models != "averaged" or exchange.everyone is not identity_rule):
                raise InputError(
                    f"method '{method.name}' sends every worker a message of its own: the workers must hold models of "
                    f"their own (models='averaged'), and there can be no rule for everyone"
                )
            if exchange.each and kept:
                raise InputError(
                    f"method '{method.name}' compresses for every worker separately, and {comp.spec} keeps a state: "
                    f"take a downlink compressor without one"
                )
        values = [numbers["gamma"], *problem.regulariser, *(v for k, v in numbers.items() if k != "gamma")]
        self.parameters = np.array(values, dtype=np.float64)
        up_links = map(_link, made_up, self.uplinks, self.ups)
        down_links = map(_link, made_down, self.downlinks, self.downs)
        self.exchanges = tuple(
            records.Exchange(_rules(e, self.parameters), up, down, e.gradient, e.each)
            for e, up, down in zip(self.described, up_links, down_links, strict=True)
        )
        oracle = problem.kernels()
        noise = NOISE_CODES[problem.noise.kind]
        works = len(self.role.workers) > 0
        #: The numbers of rows that the workers reshuffle, and of the workers whose orders this process keeps: its own;
        #: a server that has memories by sample keeps all.
        self.shuffled = oracle.shuffled
        self.orders = range(problem.workers) if method.memory_per_sample and self.role.serves else self.role.workers
        up_draws = [c.draws(dim) if works or c.shared_coins else 0 for c in self.ups]
        down_draws = [c.draws(dim) if self.role.serves or c.shared_coins else 0 for c in self.downs]
        #: How many random numbers the rows, the noise, the coin, and both directions of each exchange take.
        self.draws = (
            oracle.draws if self.orders else 0, dim if noise and works else 0, int(method.tosses), up_draws,
            down_draws,
        )  # fmt: skip
        self.samples = int(numbers[method.samples]) if method.samples else 1
        self.common = records.Common(
            run.seed, self._plan(self._track(bool(oracle.draws)), first_data),
            records.Oracle(
                address(oracle.gradient, GRADIENT), address(oracle.exact_gradient, GRADIENT),
                address(oracle.value, VALUE), _arrays(oracle.data), noise,
                float(np.sqrt(problem.noise.sigma_sq / dim)) if noise else 0.0,
            ),
            rounds.tools(noise=noise > 0, reshuffled=bool(oracle.shuffled)),
        )  # fmt: skip
        self.shadow = None if method.shadow is None else address(method.shadow, SHADOW)

    def _compressor(self, which: str) -> Compressor:
        run = self.run
        if which == "identity":
            return compressor("identity")
        if which == "nothing":
            return Nothing()
        chosen = run.up if which == "up" else run.down
        if run.method.wrap is None:
            return chosen
        return called(f"wrap of method '{run.method.name}'", run.method.wrap, instance(Compressor), run.numbers, chosen)

    def _track(self, sampled: bool) -> int:
        """Which sums every round adds to; exact gradients at the model are at hand where the workers compute them."""
        method, columns = self.run.method, self.run.columns
        track = records.TRACK_NOTHING
        at_hand = not (
            sampled or method.clock or method.models or self.samples > 1 or method.model_state is not None
            or {"grad_l1_mean", "grad_norm_mean", "grad_sq_avg"} & columns
        )  # fmt: skip
        if {"grad_sq_mean", "grad_l1_mean", "grad_norm_mean", "grad_sq_avg"} & columns:
            track |= records.TRACK_AT_HAND if at_hand else records.TRACK_ANEW
        if "gap_mean" in columns:
            track |= records.TRACK_VALUES
        if SHADOW_COLUMNS & columns:
            track |= records.TRACK_SHADOW
        return track

    def _plan(self, track: int, first_data: int) -> records.Plan:
        run, method = self.run, self.run.method
        return records.Plan(
            n=run.problem.workers,
            track=track,
            when=_WHEN[method.special_when],
            period=int(run.numbers.get("H", 1)),
            adds=int(method.special_adds),
            samples=self.samples,
            own_models=_MODELS[method.models],
            synchronous=int(run.schedule is None),
            over_arrivals=int(method.clock == "arrivals"),
            weights=_WEIGHTS[run.weights[0]] if run.weights else records.UNWEIGHTED,
            first_worker=self.role.workers.start,
            first_data=first_data,
            first_sample=method.states[0] if method.memory_per_sample else -1,
        )

    @property
    def plan(self) -> records.Plan:
        """The whole numbers of the run."""
        return self.common.plan

    @cached_property
    def whose(self) -> str:
        """Whose kernels are at work, for the sentence that says that one failed."""
        run = self.run
        return f"method '{run.method.name}' on {run.problem.spec} with {run.up.spec} up and {run.down.spec} down"

    def reals(self) -> np.ndarray:
        """A fresh copy of the numbers that the loop works with."""
        _, a, b, *_ = *(self.run.weights or ("",)), 0.0, 0.0
        return np.array([self.run.numbers.get("p", 0.0), a, b, 0.0])

    def worker_shapes(self, size: int) -> list[tuple[int, ...]]:
        """The shapes of what one worker keeps for `size` replicas, by kind; no numbers where it keeps nothing."""
        run, method = self.run, self.run.method
        some, none = (size, run.problem.dim), (0, 0)
        return [
            some if self.up_memory else none,
            some if self.up_error else none,
            (size, self.compressor_states[0]),
            (size, self.compressor_states[1]),
            some if method.models else none,
            (method.states[0] + (max(self.shuffled) if method.memory_per_sample else 0), *some),
        ]

    @cached_property
    def up_memory(self) -> bool:
        """Whether any exchange uses the memories of the uplink."""
        return any(e.uplink.memory for e in self.exchanges)

    @cached_property
    def up_error(self) -> bool:
        """Whether any exchange uses the errors of the uplink."""
        return any(e.uplink.error for e in self.exchanges)

    @cached_property
    def down_memory(self) -> bool:
        """Whether any exchange uses the memory of the downlink."""
        return any(e.downlink.memory for e in self.exchanges)

    @cached_property
    def down_error(self) -> bool:
        """Whether any exchange uses the error of the downlink."""
        return any(e.downlink.error for e in self.exchanges)


def _rules(exchange: Exchange, values: np.ndarray) -> records.Rules:
    worker, server, everyone, local = (
        address(rule, RULE) for rule in (exchange.worker, exchange.server, exchange.everyone, exchange.local)
    )
    return records.Rules(worker, address(exchange.sent, SENT), server, everyone, local, values)


def _arrays(data: tuple[Any, ...]) -> tuple[np.ndarray, ...]:
    """A problem's data with the types that the kernels' signature states."""
    matrix, values, index, offsets, parameters = data
    floats = [np.ascontiguousarray(a, dtype=np.float64) for a in (matrix, values, parameters)]
    integers = [np.ascontiguousarray(a, dtype=np.int64) for a in (index, offsets)]
    if floats[0].ndim != 2:
        raise InputError(f"the first array of a problem's data has {floats[0].ndim} dimensions; it must have 2")
    return floats[0], floats[1].ravel(), integers[0].ravel(), integers[1].ravel(), floats[2].ravel()


def _link(made: compressors.Kernel, channel: Channel, comp: Compressor) -> Link:
    kernel, numbers, _ = made
    # A channel whose memory is the model is advanced by the rule that sets the model to what arrives.
    lam = 0.0 if channel.model_is_memory else channel.lam
    return Link(
        address(kernel, COMPRESS), numbers, float(channel.eta), float(lam), float(channel.nu), channel.memory,
        channel.error, comp.shared_coins,
    )  # fmt: skip


def regulariser(problem: Problem, x: np.ndarray) -> np.ndarray | float:
    """R at every row of x."""
    l1, l2 = problem.regulariser
    if not (l1 or l2):
        return 0.0
    return l1 * np.abs(x).sum(axis=-1) + 0.5 * l2 * np.einsum("rj,rj->r", x, x)


def optional_columns(
    wanted: Iterable[str], method: Method, problem: Problem, numbers: dict[str, float], up: Compressor, down: Compressor
) -> frozenset[str]:
    """Check the names of the columns that are asked for, and leave out those that this run records anyway.

    Raises
    ------
    InputError
        For a name that neither the engine nor the method knows, or that of something this run does not have.
    """
    known = OPTIONAL_COLUMNS | set(method.columns)
    if method.shadow is None:
        known -= SHADOW_COLUMNS
    others = sorted(set(wanted) - known)
    if asked := sorted(SHADOW_COLUMNS & set(others)):
        raise InputError(
            f"method '{method.name}' declares no shadow sequence for {together(asked)}: leave out what needs one, or "
            f"give the method a shadow"
        )
    usual = _usual_columns(method, problem, numbers, up, down) if others else {}
    for name in others:
        if name not in usual:
            choice = f"'{method.name}' can record {', '.join(sorted(known))}"
            always = ", ".join(sorted(column for column, there in usual.items() if there))
            close = nearest(name, [*known, *usual])
            raise InputError(f"no such column: {name}{close}; {choice}, and always records {always}")
        if not usual[name]:
            raise InputError(f"this run has no column '{name}', which needs {NEEDED_FOR[name]}: leave it out")
    return frozenset(wanted) & known


#: The columns that nobody has to ask for, and what it takes that a run has them.
NEEDED_FOR = {
    "grad_sq": "nothing",
    "gap": "a problem whose f* is known",
    "above_bound": "a problem of whose f* only a lower bound is known",
    "objective": "a problem of whose f* nothing is known",
    "dist_sq": "a problem whose minimiser is known",
    "up_residual_sq": "nothing",
    "down_residual_sq": "nothing",
    "memory_sq": "a method whose workers keep memories",
    "memory_error_sq": "a method whose workers keep memories, and a problem whose minimiser is known",
    "worker_error_sq": "a method whose workers keep errors",
    "error_sq": "a method that keeps errors",
    "consensus_sq": "a method whose workers have models of their own",
    "bits_up_encoded": "an uplink compressor with a codec",
    "bits_down_encoded": "a downlink compressor with a codec",
}


def _usual_columns(
    method: Method, problem: Problem, numbers: dict[str, float], up: Compressor, down: Compressor
) -> dict[str, bool]:
    """The columns that nobody has to ask for: name -> whether this run has it (as `metrics` records them)."""
    exchanges = [method, method.special or method]
    uplinks, downlinks = ([channel_of(method, e, way, numbers) for e in exchanges] for way in ("uplink", "downlink"))
    memories = any(c.memory for c in uplinks) or method.memory_state is not None
    up_error, down_error = any(c.error for c in uplinks), any(c.error for c in downlinks)
    has = {
        "gap": problem.f_star is not None and problem.f_star_certified,
        "above_bound": problem.f_star is not None and not problem.f_star_certified,
        "objective": problem.f_star is None,
        "dist_sq": problem.x_star is not None,
        "memory_sq": memories,
        "memory_error_sq": memories and problem.gradients_at_star is not None,
        "worker_error_sq": up_error,
        "error_sq": up_error or down_error,
        "consensus_sq": bool(method.models),
        "bits_up_encoded": compressors.has_kernel_bits(up),
        "bits_down_encoded": compressors.has_kernel_bits(down),
    }
    return {name: has.get(name, True) for name in NEEDED_FOR}
