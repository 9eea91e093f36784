"""One round of a method as a linear map of what it keeps and of the messages, read off the method's own declaration.

A register is a number: one coordinate of something that the method keeps, of the noise, or of a message. Every vector
of a round is a linear combination of registers, an array (registers, d) of coefficients. The rules of a method work on
blocks of replicas, each replica by itself; given coefficients in place of replicas, a linear rule turns coefficients
into coefficients. What the engine does with kernels and coins is written out here once more, in the order of the
module `solvers.engines.rounds`, and a random compressor makes new registers, whose moments are those of its coins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np

from ...problems import Problem
from ...solvers.channels import Channel
from ...solvers.compressors.nothing import Nothing
from ...solvers.context import context
from ...solvers.method import Exchange, Method
from ...solvers.rules import identity_rule, no_op
from ...solvers.schedule import Schedule
from ...theory.compressors import Compressor, Mask, compressor
from .coins import Coins, FloatArray, NotClosed, coins, outcomes

#: Rows on which rules are tried, and how exactly they commute with sums.
ROWS, LINEAR = 64, 1e-9


@cache
def _probes(dim: int, states: int, common: int) -> tuple[FloatArray, ...]:
    """What a rule is tried on: rows of a - 2 b, then of a, then of b for each of its arrays, many entries zero."""
    random = np.random.default_rng(0)
    shapes = ((ROWS, dim), (ROWS, dim), (states, ROWS, dim), (common, ROWS, dim))
    some, more = ([random.standard_normal(s) * (random.random(s) < 0.6) + 0.0 for s in shapes] for _ in range(2))
    return tuple(np.concatenate([a - 2.0 * b, a, b], axis=-2) for a, b in zip(some, more, strict=True))


def _linear(found: FloatArray) -> bool:
    """Whether a rule has made of the rows of `_probes` what a linear one makes."""
    sums, some, more = (found[..., k * ROWS : (k + 1) * ROWS, :] for k in range(3))
    parts = some - 2.0 * more
    return bool((np.abs(sums - parts) <= LINEAR * (1 + np.abs(parts))).all())


@lru_cache(4096)
def _steady(
    rule: Any, where: range, n: int, dim: int, states: int, common: int, special: bool, params: bytes
) -> bool | None:
    """Whether a rule does the same in every round from the second one on; None if it is not linear.

    It must commute with sums, of vectors with zeros in them, too. A zero that is -0 is no number but a coordinate that
    a mask has left out.

    Parameters
    ----------
    where
        Who follows it: workers i of n, or the server, n.
    states, common, params
        How many states it has of its own and sees; its numbers.
    """
    probes, numbers, alike = _probes(dim, states, common), np.frombuffer(params).copy(), True
    for worker in where:
        seen = []
        for rnd in (0, 1, 5, 2, 23):
            found = [a.copy() for a in probes]
            rule(context(rnd, worker, n, special=special), numbers, *found)
            seen.append([a for a in found if a.size])
            if worker % n == 0 and rnd in (0, 1, 5) and not all(map(_linear, seen[-1])):
                return None
        alike = alike and all(map(np.array_equal, seen[1] + seen[1], seen[3] + seen[4]))
    return alike


@dataclass(frozen=True)
class Sent:
    """Messages that were sent at once: registers from `start` on, C(v) for the combinations v (registers, m)."""

    start: int
    v: FloatArray
    coins: Coins


@dataclass(frozen=True)
class Round:
    """A round: fresh noise, messages one after the other, and what is kept afterwards.

    Attributes
    ----------
    size
        Number of registers, those that are kept first.
    noise
        Registers of the noise, one after the other.
    sent
        In order.
    kept
        (registers, kept): what is kept afterwards.
    up, down
        (registers, m): what the workers, one after the other, and the server compressed.
    messages
        How many messages an exchange has.
    """

    size: int
    noise: range
    sent: tuple[Sent, ...]
    kept: FloatArray
    up: FloatArray
    down: FloatArray
    messages: int


@dataclass(frozen=True)
class Layout:
    """Where things are: the registers 0 (the constant 1), then vectors of d coordinates each."""

    dim: int
    workers: int
    names: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        return 1 + self.dim * sum(count for _, count in self.names)

    def of(self, name: str) -> range:
        """The registers of all vectors of this name."""
        first = 1
        for other, count in self.names:
            if other == name:
                return range(first, first + self.dim * count)
            first += self.dim * count
        return range(0)

    def vectors(self, name: str, registers: int) -> FloatArray:
        """Their coefficients: (vectors, registers, d)."""
        if (name, registers) not in self._made:
            where, dim = self.of(name), self.dim
            out = np.zeros((len(where) // dim, registers, dim))
            entry = np.arange(len(where))
            out[entry // dim, entry + where.start, entry % dim] = 1.0
            self._made[name, registers] = out
        return self._made[name, registers].copy()

    @cached_property
    def _made(self) -> dict[tuple[str, int], FloatArray]:
        """What `vectors` hands out copies of."""
        return {}


@dataclass(frozen=True)
class Model:
    """A method on a quadratic problem with two compressors: everything of which rounds are made.

    Attributes
    ----------
    coin_dim
        If not None, the problem is the first coordinate of one of so many coordinates that do not mix.
    steady
        Whether the rules do the same in every round from the second one on.

    Raises
    ------
    NotClosed
        If the problem is not quadratic with additive noise, or a compressor or a rule is not linear.
    """

    method: Method
    problem: Problem
    up: Compressor
    down: Compressor
    numbers: Mapping[str, float]
    schedule: Schedule | None = None
    average: tuple[Any, ...] | None = None
    coin_dim: int | None = None
    layout: Layout = field(init=False)
    hessians: FloatArray = field(init=False)
    slopes: FloatArray = field(init=False)
    steady: bool = field(init=False)

    def __post_init__(self) -> None:
        problem, method = self.problem, self.method
        if not problem.quadratic:
            raise NotClosed(f"{problem.spec} is not quadratic")
        if method.reshuffles:
            raise NotClosed(f"the samples of {method.name} depend on the earlier ones of the epoch")
        if problem.noise.batch is not None:
            raise NotClosed("the noise of sampled rows depends on the model")
        if problem.regulariser[0] > 0:
            raise NotClosed("the proximal map of l1 is not linear")
        if method.clock and self.schedule is None:
            raise NotClosed(f"{method.name} is asynchronous: its moments close for a given schedule")
        dim, n = problem.dim, problem.workers
        zero = np.zeros((1, dim))
        slopes = np.stack([problem.worker_gradient(i, zero)[0] for i in range(n)])
        hessians = np.stack([problem.worker_gradient(i, np.eye(dim)) - slopes[i] for i in range(n)])
        object.__setattr__(self, "slopes", slopes)
        object.__setattr__(self, "hessians", hessians)
        object.__setattr__(self, "layout", self._layout())
        changing = [not self._check(exchange) for exchange in self.exchanges]
        object.__setattr__(self, "steady", not any(changing))

    @cached_property
    def exchanges(self) -> list[Exchange]:
        return [self.method] if self.method.special is None else [self.method, self.method.special]

    @cached_property
    def params(self) -> FloatArray:
        """What the rules are handed: gamma, l1, l2, the method's other numbers."""
        others = (value for name, value in self.numbers.items() if name != "gamma")
        return np.array([self.numbers["gamma"], *self.problem.regulariser, *others], dtype=np.float64)

    @property
    def depth(self) -> int:
        """How many earlier models the schedule refers to."""
        if self.schedule is None:
            return 0
        steps = np.repeat(np.arange(self.schedule.starts.size - 1), np.diff(self.schedule.starts))
        return int((steps - self.schedule.versions).max(initial=0))

    @cached_property
    def channels(self) -> list[tuple[Channel, Channel]]:
        """Uplink and downlink of every exchange."""
        return [(e.uplink(self.numbers), e.downlink(self.numbers)) for e in self.exchanges]

    @cached_property
    def compressors(self) -> list[tuple[Compressor, Compressor]]:
        """Those of the workers and of the server in every exchange."""
        return [(self.compressor(e, "up"), self.compressor(e, "down")) for e in self.exchanges]

    @cached_property
    def model_is_memory(self) -> bool:
        return any(downlink.model_is_memory for _, downlink in self.channels)

    def _layout(self) -> Layout:
        method, n = self.method, self.problem.workers
        ups, downs = zip(*self.channels, strict=True)
        own, at_server, common = method.states
        names = {
            "x": 1,
            "memories": n * any(c.memory for c in ups),
            "errors": n * any(c.error for c in ups),
            "models": n * bool(method.models),
            "states": n * own,
            "server_memory": 1 * any(c.memory for c in ups),
            "server_error": 1 * any(c.error for c in downs),
            "server_states": at_server,
            "common": common,
            "down_memory": 1 * (any(c.memory for c in downs) and not self.model_is_memory),
            "history": self.depth,
            "average": 1 * (self.average is not None),
        }
        return Layout(self.problem.dim, n, tuple((name, count) for name, count in names.items() if count))

    def start(self, x0: FloatArray | None = None) -> FloatArray:
        """The values of the registers before the first round, from x^0 (default: the problem's)."""
        layout = self.layout
        z = np.zeros(layout.size)
        z[0] = 1.0
        x0 = np.asarray(self.problem.x0 if x0 is None else x0, dtype=np.float64)
        for name in ("x", "models", "average"):
            where = layout.of(name)
            z[where.start : where.stop] = np.tile(x0, len(where) // layout.dim)
        if self.method.model_state is not None:
            first = layout.of("server_states").start + self.method.model_state * layout.dim
            z[first : first + layout.dim] = x0
        return z

    def compressor(self, exchange: Exchange, side: str) -> Compressor:
        """The compressor of one side of an exchange."""
        which = exchange.up if side == "up" else exchange.down_of(self.method.two_way)
        if which == "identity":
            return compressor("identity")
        if which == "nothing":
            return Nothing()
        chosen = self.up if which == "up" else self.down
        return self.method.wrap(self.numbers, chosen) if self.method.wrap else chosen

    def _check(self, exchange: Exchange) -> bool:
        """Refuse rules that are not linear; return whether they do the same in every round from the second one on."""
        (own, at_server, common), n = self.method.states, self.problem.workers
        special, alike = exchange is not self.method, True
        rules = {"worker": own, "sent": own, "server": at_server, "everyone": common, "local": own}
        for name, states in rules.items():
            rule = getattr(exchange, name)
            if rule in (identity_rule, no_op):
                continue
            where = range(n) if name in ("worker", "sent", "local") else range(n, n + 1)
            steady = _steady(rule, where, n, self.problem.dim, states, common, special, self.params.tobytes())
            if steady is None:
                raise NotClosed(f"the rule {rule.__name__} of {self.method.name} is not linear")
            alike = alike and steady
        return alike

    def ctx(self, rnd: int, worker: int, special: bool, messages: int | None = None, oldest: int = 0) -> Any:
        """What rules are told besides numbers and vectors, see solvers.signatures."""
        return context(rnd, worker, self.problem.workers, arrivals=messages, age=oldest, special=special)

    # ------------------------------------------------------------------------------------------------- one round

    def masks(self, kinds: Sequence[int]) -> Sequence[tuple[float, FloatArray | None]]:
        """The outcomes of the workers' masks in a round of these exchanges; one, None, where there is no mask."""
        laws = [law for k in kinds if isinstance(law := self.compressors[k][0], Mask)]
        if not laws:
            return [(1.0, None)]
        if len(laws) > 1 or self.schedule is not None:
            raise NotClosed(
                f"masks of {self.method.name} are drawn more than once in a round, or workers are asynchronous"
            )
        n, dim = self.problem.workers, self.problem.dim
        apart = self.coin_dim
        return outcomes(laws[0], dim, n) if apart is None else outcomes(laws[0], apart, n, (0,))

    def round(self, t: int, kinds: Sequence[int], weight: float = 0.0, mask: FloatArray | None = None) -> Round:
        """Round t, made of the usual (0) and special (1) exchanges in `kinds`.

        Parameters
        ----------
        weight
            Of the average.
        mask
            Which of the outcomes of `masks`; by default the first one.
        """
        return _Trace(self, t, kinds, weight, self.masks(kinds)[0][1] if mask is None else mask).result()


class _Trace:
    """The coefficients of everything, while a round runs."""

    def __init__(self, model: Model, t: int, kinds: Sequence[int], weight: float, mask: FloatArray | None) -> None:
        self.model, self.t, self.kinds, self.mask = model, t, kinds, mask
        problem, layout = model.problem, model.layout
        self.n, self.dim = problem.workers, problem.dim
        n, dim, schedule = self.n, self.dim, model.schedule
        if schedule is None:
            self.arrivals = [(i, 0, t) for i in range(n)]
        else:
            steps = range(schedule.starts[t], schedule.starts[t + 1])
            counts = schedule.counts()
            self.arrivals = [(int(schedule.workers[a]), t - int(schedule.versions[a]), int(counts[a])) for a in steps]
        self.noisy = problem.noise.sigma_sq > 0
        asked = sum(model.exchanges[k].gradient for k in kinds)
        self.noise = range(layout.size, layout.size + dim * len(self.arrivals) * asked * self.noisy)
        self.next_noise = layout.size
        self.used = self.noise.stop
        broadcasts = sum(n if model.exchanges[k].each else 1 for k in kinds)
        self.size = self.used + dim * (len(kinds) * len(self.arrivals) + broadcasts)
        size = self.size
        own = model.method.states[0]
        (self.x,) = layout.vectors("x", size)
        self.memories = layout.vectors("memories", size)
        self.errors = layout.vectors("errors", size)
        self.models = layout.vectors("models", size)
        self.states = layout.vectors("states", size).reshape(n, own, size, dim)
        self.server_states = layout.vectors("server_states", size)
        self.common = layout.vectors("common", size)
        self.history = [self.x.copy(), *layout.vectors("history", size)]
        self.server_memory = layout.vectors("server_memory", size)
        self.server_error = layout.vectors("server_error", size)
        self.down_memory = layout.vectors("down_memory", size)
        self.average = layout.vectors("average", size)
        self.sent: list[Sent] = []
        self.up: list[FloatArray] = []
        self.down: list[FloatArray] = []
        after = model.average is not None and model.average[0] == "after"
        if model.average is not None and not after:
            self._move_average(weight)
        for k in kinds:
            self._exchange(k)
        if after:
            self._move_average(weight)

    def _move_average(self, weight: float) -> None:
        state = self.model.method.model_state
        x = self.x if state is None else self.server_states[state]
        self.average += weight * (x - self.average)

    def _gradient(self, i: int, x: FloatArray) -> FloatArray:
        """grad f_i at the point with the coefficients x, and its noise."""
        g = x @ self.model.hessians[i]
        g[0] += self.model.slopes[i]
        if self.noisy:
            for j in range(self.dim):
                g[self.next_noise + j, j] = 1.0
            self.next_noise += self.dim
        return g

    def _send(self, streams: list[FloatArray], law: Compressor) -> list[FloatArray]:
        """Compress the messages of one moment."""
        if law.name == "identity":
            return [v.copy() for v in streams]
        if law.name == "nothing":
            return [np.zeros_like(v) for v in streams]
        v = np.concatenate(streams, axis=1)
        if isinstance(law, Mask) and len(streams) == self.n and self.mask is not None:
            c = np.where(self.mask > 0, self.mask * v + 0.0, -0.0)
            return [np.ascontiguousarray(c[:, i * self.dim : (i + 1) * self.dim]) for i in range(len(streams))]
        apart = self.model.coin_dim
        found = coins(law, self.dim, len(streams)) if apart is None else coins(law, apart, len(streams), [0])
        if found.fixed is not None:
            c = v @ found.fixed.T + 0.0
        else:
            self.sent.append(Sent(self.used, v, found))
            c = np.zeros_like(v)
            c[self.used + np.arange(v.shape[1]), np.arange(v.shape[1])] = 1.0
            self.used += v.shape[1]
        return [np.ascontiguousarray(c[:, i * self.dim : (i + 1) * self.dim]) for i in range(len(streams))]

    def _stream(self, channel: Channel, v: FloatArray, h: FloatArray | None, e: FloatArray | None) -> FloatArray:
        if channel.memory and h is not None:
            v = v - h
        if channel.eta and channel.error and e is not None:
            v = v + channel.eta * e
        return v

    def _exchange(self, k: int) -> None:
        model, params, n, t = self.model, self.model.params, self.n, self.t
        exchange = model.exchanges[k]
        (uplink, downlink), (above, below) = model.channels[k], model.compressors[k]
        special = exchange is not model.method
        streams = []
        for i, age, count in self.arrivals:
            point = self.models[i] if len(self.models) else self.history[age] if model.schedule else self.x
            point = np.ascontiguousarray(point)
            v = self._gradient(i, point) if exchange.gradient else np.zeros((self.size, self.dim))
            v = np.ascontiguousarray(v)
            exchange.worker(model.ctx(count, i, special, n), params, point, v, self.states[i], self.common)
            streams.append(self._stream(uplink, v, self._row(self.memories, i), self._row(self.errors, i)))
        self.up += streams
        messages = self._send(streams, above)
        for a, ((i, _, count), v) in enumerate(zip(self.arrivals, streams, strict=True)):
            c = messages[a]
            if uplink.error:
                self.errors[i] = v - c
            if uplink.memory:
                self.memories[i] += uplink.lam * c
            exchange.sent(model.ctx(count, i, special, n), params, v.copy(), c, self.states[i], self.common)
        total = sum(messages, np.zeros((self.size, self.dim)))
        total = total / (len(self.arrivals) if model.method.clock == "arrivals" else n)
        ages = [age for _, age, _ in self.arrivals]
        oldest = max(ages, default=0)
        ctx = model.ctx(t, n, special, len(self.arrivals), oldest)
        v = uplink.nu * total + (self.server_memory[0] if uplink.memory else 0.0)
        if uplink.memory:
            self.server_memory[0] += uplink.lam * total
        v = np.ascontiguousarray(v)
        exchange.server(ctx, params, self.x, v, self.server_states, self.common)
        h = (self.x if downlink.model_is_memory else self.down_memory[0]) if downlink.memory else None
        v = self._stream(downlink, v, h, self._row(self.server_error, 0))
        self.down.append(v)
        if exchange.each:
            for i, c in enumerate(self._send([v] * n, below)):
                own = model.ctx(t, i, special, len(self.arrivals), oldest)
                exchange.local(own, params, self.models[i], downlink.nu * c, self.states[i], self.common)
            self.x = self.models.mean(axis=0)
            return
        (c,) = self._send([v], below)
        if downlink.error:
            self.server_error[0] = v - c
        y = downlink.nu * c + (0.0 if h is None else h)
        if downlink.memory and not downlink.model_is_memory:
            self.down_memory[0] += downlink.lam * c
        y = np.ascontiguousarray(y)
        exchange.everyone(ctx, params, self.x, y, self.common, self.common)
        if model.method.models == "detached":
            y = self.x.copy()
        for i in range(n if len(self.models) else 0):
            exchange.local(
                model.ctx(t, i, special, len(self.arrivals), oldest),
                params, self.models[i], y, self.states[i], self.common,
            )  # fmt: skip
        if model.method.models == "averaged":
            self.x = self.models.mean(axis=0)

    @staticmethod
    def _row(vectors: FloatArray, i: int) -> FloatArray | None:
        return vectors[i] if len(vectors) else None

    def result(self) -> Round:
        model, layout = self.model, self.model.layout
        parts: dict[str, Any] = {
            "x": [self.x], "memories": self.memories, "errors": self.errors, "models": self.models,
            "states": self.states.reshape(-1, self.size, self.dim), "server_memory": self.server_memory,
            "server_error": self.server_error, "server_states": self.server_states, "common": self.common,
            "down_memory": self.down_memory, "history": self.history[: model.depth], "average": self.average,
        }  # fmt: skip
        one = np.zeros((self.size, 1))
        one[0] = 1.0
        kept = np.concatenate([one, *(v for name, _ in layout.names for v in parts[name])], axis=1)
        if not np.isfinite(kept).all():
            raise NotClosed(f"the coefficients of {model.method.name} are not finite")
        used = slice(0, self.used)
        sent = tuple(Sent(s.start, s.v[: s.start], s.coins) for s in self.sent)
        up, down = (np.concatenate(streams, axis=1)[used] for streams in (self.up, self.down))
        return Round(self.used, self.noise, sent, kept[used], up, down, len(self.arrivals))
