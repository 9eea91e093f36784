"""The methods once more, as their papers write them: plain NumPy, one vector at a time, to read and to compare with.

Beside the kernels of every method stands a function of ten or twenty lines, its `Method.transcription`. It knows
nothing of channels, rules or blocks of replicas; it is what `tersegrad show METHOD --pseudocode` prints, and what
`tersegrad.validation.conformance` runs beside the engine to see whether the two are the same method::

    def pseudocode(given, gamma, alpha):                                # DIANA
        x, h, hbar = given.x0, np.zeros((given.n, given.d)), np.zeros(given.d)
        for _ in given.rounds():
            Q = given.C_up(given.gradients(x) - h)
            x = given.prox(x - gamma * (hbar + avg(Q)), gamma)
            h, hbar = h + alpha * Q, hbar + alpha * avg(Q)
            given.broadcast(x)
            yield State(x, memories=h, server_memory=hbar)

A transcription takes what is `Given` - gradients, compressors with their coins, who reports when - and the method's
parameters by name, and yields the `State` after every round. Rows of an (n, d) array belong to workers. Whoever brings
a method of his own writes one the same way and passes it as ``Method(..., transcription=pseudocode)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .context import ROUND, context

if TYPE_CHECKING:
    from ..problems import Problem
    from ..theory.compressors import Compressor
    from .schedule import Schedule

Vector = NDArray[np.float64]

#: Bits of a coordinate that is sent as it is.
DENSE = 64.0


class State(NamedTuple):
    """What a transcription keeps after a round; the names are those of a method's own columns (`metrics.View`).

    Attributes
    ----------
    x
        (d,) the model that everyone holds; where workers hold models of their own, their average.
    memories, errors, models
        (n, d): the uplink's memories h_i and errors e_i, and the workers' own models x_i.
    server_memory, server_error
        (d,): the server's average of the h_i; its error e.
    down_memory
        (d,): the downlink's memory, where that is not x.
    states, server_states, common
        What else workers (arrays (n, d)), server and everyone (arrays (d,)) keep, in the order of `Method.states`.
    """

    x: Vector
    memories: Vector | None = None
    errors: Vector | None = None
    models: Vector | None = None
    server_memory: Vector | None = None
    server_error: Vector | None = None
    down_memory: Vector | None = None
    states: Sequence[Vector] = ()
    server_states: Sequence[Vector] = ()
    common: Sequence[Vector] = ()


Transcription = Callable[..., Iterator[State]]


def avg(v: Vector) -> Vector:
    """(1/n) sum v_i of the rows of v (n, d)."""
    return np.mean(v, axis=0)


class Given:
    """What the pseudo-code takes as given, for one replica: the same gradients, noise and coins that the engine draws.

    Parameters
    ----------
    problem, up, down
        The problem and the two compressors.
    rounds
        T.
    samples
        How many gradients a worker draws in a round.
    schedule
        Of an asynchronous method.
    seed, replica
        The key of all coins.

    Attributes
    ----------
    n, d, x0
        Workers, coordinates, the starting point (a copy).
    m
        Rows of a worker, where they are reshuffled; 0 where not.
    bits_up, bits_down
        Sent so far, up per worker.
    sent, heard
        The last worker's message of the round and the server's compressed one, (d,) or None; of several that the same
        compressor made of what it left, the sum.
    """

    def __init__(
        self,
        problem: Problem,
        up: Compressor,
        down: Compressor,
        rounds: int,
        samples: int = 1,
        schedule: Schedule | None = None,
        seed: int = 0,
        replica: int = 0,
    ) -> None:
        self.n, self.d = problem.workers, problem.dim
        self.m = max(problem.kernels().shuffled, default=0)
        self.x0 = np.array(problem.x0, dtype=np.float64)
        self.bits_up = self.bits_down = 0.0
        self.sent: Vector | None = None
        self.heard: Vector | None = None
        self._last: tuple[Link, int] | None = None
        self._problem, self._rounds, self._schedule = problem, rounds, schedule
        self._seed, self._replica, self._t = seed, replica, 0
        self._samples = samples
        self._asked = [0] * self.n
        self._messages = [0] * self.n
        self._chosen = {"up": up, "down": down}
        self._links: dict[str, Link] = {}

    def rounds(self) -> Iterator[int]:
        """The rounds t = 0, ..., T - 1."""
        for t in range(self._rounds):
            self._t, self._asked = t, [0] * self.n
            self.sent = self.heard = self._last = None
            yield t

    def arrivals(self) -> Iterator[tuple[int, int]]:
        """The messages of this step: (worker i, number s of the model x^s at which it computed)."""
        assert self._schedule is not None
        starts = self._schedule.starts
        for m in range(starts[self._t], starts[self._t + 1]):
            i = int(self._schedule.workers[m])
            self._asked[i], self._last = 0, None  # a message of its own, even of a worker that has sent one before
            yield i, int(self._schedule.versions[m])
            self._messages[i] += 1

    # ---------------------------------------------------------------------------------------------- gradients, prox

    def gradient(self, i: int, x: Vector) -> Vector:
        """g_i(x): worker i's gradient with its noise or its sampled rows; fresh ones whenever it is asked again."""
        from .random import NOISE_CODES, STREAM_NOISE, STREAM_ROWS, add_noise

        problem, draw = self._problem, self._number(i) * self._samples + self._asked[i]
        self._asked[i] += 1
        oracle = problem.kernels()
        if oracle.draws:
            g = np.empty((1, self.d))
            if oracle.shuffled:
                u = (np.array([self._rows(i, draw)]) + 0.5) / oracle.shuffled[i]
            else:
                u = self._numbers(draw, i, STREAM_ROWS, oracle.draws, uniform=True).numbers
            oracle.gradient(i, np.array(x)[None, :], u, kernel_data(oracle.data), g)
        else:
            g = np.array(problem.worker_gradient(i, x), dtype=np.float64)[None, :]
        if kind := NOISE_CODES[problem.noise.kind]:
            noise = self._numbers(draw, i, STREAM_NOISE, self.d, uniform=False)
            add_noise(kind, float(np.sqrt(problem.noise.sigma_sq / self.d)), noise, g)
        return g[0]

    def row(self, i: int) -> int:
        """The row whose gradient worker i computes in this round, where rows are reshuffled, one at a time."""
        return self._rows(i, self._number(i))[0]

    def _rows(self, i: int, draw: int) -> list[int]:
        """The rows of worker i's draw of this number: the next ones of its epoch, drawn without replacement."""
        from .random import STREAM_ROWS

        batch = self._problem.noise.batch or 1
        left = list(range(self._problem.kernels().shuffled[i]))
        epoch = len(left) // batch
        taken: list[int] = []
        for t in range(draw - draw % epoch, draw + 1):
            u = self._numbers(t, i, STREAM_ROWS, batch, uniform=True).numbers[0, :batch]
            taken = []
            for number in u:
                taken.append(left[j := int(number * len(left))])
                left[j] = left[0]  # what stood in front takes the place of what was drawn
                del left[0]
        return taken

    def gradients(self, x: Vector) -> Vector:
        """All workers' gradients (n, d): at x (d,), or each at its own row of x (n, d)."""
        return np.array([self.gradient(i, point) for i, point in enumerate(np.broadcast_to(x, (self.n, self.d)))])

    def prox(self, z: Vector, gamma: float) -> Vector:
        """prox_{gamma R}(z), R(x) = l1 ||x||_1 + (l2/2) ||x||^2: soft threshold, then shrink; z itself where R = 0."""
        l1, l2 = self._problem.regulariser
        return np.sign(z) * np.maximum(np.abs(z) - gamma * l1, 0.0) / (1.0 + gamma * l2)

    def heads(self, p: float) -> bool:
        """Whether this round's coin, common to all workers, shows the probability p."""
        from .random import SHARED_WORKER, STREAM_COIN

        return self._numbers(self._t, SHARED_WORKER, STREAM_COIN, 1, uniform=True).numbers[0, 0] < p

    # -------------------------------------------------------------------------------------------------- what is sent

    def C_up(self, v: Vector) -> Vector:
        """C_up(v_i), sent by every worker, with coins of its own: (n, d) to (n, d)."""
        return np.array([self.message(i, row) for i, row in enumerate(v)])

    def message(self, i: int, v: Vector) -> Vector:
        """C_up(v), sent by worker i alone: (d,) to (d,)."""
        return self._send(self._link("up", "up"), i, v)

    def C_down(self, v: Vector) -> Vector:
        """C_down(v), broadcast by the server: (d,) to (d,)."""
        return self._broadcast(self._link("down", "down"), v)

    def C_each(self, v: Vector) -> Vector:
        """What the server sends to the workers, C_down(v) with coins of its own for everyone: (d,) to (n, d)."""
        if "each" not in self._links:
            self._links["each"] = Link(self._chosen["down"], "down", self.n, self.d, self._seed, self._replica, True)
        link = self._links["each"]
        sent = [link(v, i, context(self._t, i, self.n)) for i in range(self.n)]
        self.bits_down += sum(bits / self.n for _, bits in sent)
        self.heard = sent[-1][0]
        return np.array([c for c, _ in sent])

    def C_up_special(self, v: Vector, by: str = "up") -> Vector:
        """What the workers send in a special exchange (n, d), compressed `by` the "up" or "down" compressor."""
        return np.array([self._send(self._link("up_special", by), i, row) for i, row in enumerate(v)])

    def C_down_special(self, v: Vector, by: str = "down") -> Vector:
        """What the server broadcasts in a special exchange (d,), compressed `by` the "up" or "down" compressor."""
        return self._broadcast(self._link("down_special", by), v)

    def send(self, v: Vector) -> Vector:
        """Every worker sends v_i as it is, and v arrives: (n, d)."""
        self.bits_up += DENSE * self.d
        self.sent, self._last = v[-1], None
        return v

    def broadcast(self, v: Vector) -> Vector:
        """The server broadcasts v as it is, and v arrives: (d,)."""
        self.bits_down += DENSE * self.d
        return v

    def _link(self, name: str, by: str) -> Link:
        if name not in self._links:
            self._links[name] = Link(self._chosen[by], name, self.n, self.d, self._seed, self._replica)
        return self._links[name]

    def _send(self, link: Link, i: int, v: Vector) -> Vector:
        c, bits = link(v, i, context(self._number(i), i, self.n, special=link.special))
        self.bits_up += bits / self.n
        if i == self.n - 1 or self._schedule is not None:
            self.sent = c + self.sent if self._last == (link, i) and self.sent is not None else c
            self._last = link, i
        return c

    def _broadcast(self, link: Link, v: Vector) -> Vector:
        count, age = self.n, 0
        if self._schedule is not None:
            batch = slice(self._schedule.starts[self._t], self._schedule.starts[self._t + 1])
            count, age = batch.stop - batch.start, self._t - int(self._schedule.versions[batch].min())
        ctx = context(self._t, self.n, self.n, arrivals=count, age=age, special=link.special)
        c, bits = link(v, self.n, ctx)
        self.bits_down += bits
        self.heard = c if self.heard is None else self.heard + c
        return c

    def compressor_states(self) -> dict[str, Vector]:
        """What the compressors in use keep between rounds: (n, s) for the workers' links, (s,) for the server's."""
        return {
            name: np.array([link.state(i) for i in range(self.n)]) if name.startswith("up") else link.state(self.n)
            for name, link in self._links.items()
            if name != "each"  # a compressor that is to keep something is refused there
        }

    # --------------------------------------------------------------------------------------------------------- coins

    def _number(self, i: int) -> int:
        """Under which number worker i draws: the round's; where rounds are not common, that of its own message."""
        return self._t if self._schedule is None else self._messages[i]

    def _numbers(self, rnd: int, worker: int, stream: int, count: int, uniform: bool) -> Any:
        from .random import draws, philox, to_uniforms

        drawn = draws([self._replica], count)
        philox(self._seed, rnd, worker, stream, drawn)
        if uniform:
            to_uniforms(drawn)
        return drawn


class Link:
    """One compressor at work for one replica: C(v) with the uniforms that belong to (round, worker, stream).

    A sender that compresses several vectors in one round takes one stretch of its uniforms after the other.

    Parameters
    ----------
    chosen
        The compressor.
    name
        "up", "down", "up_special" or "down_special".
    n, d
        Workers and coordinates.
    seed, replica
        The key of the coins.
    each
        Whether the server has coins of their own for all workers.
    """

    def __init__(
        self, chosen: Compressor, name: str, n: int, d: int, seed: int, replica: int, each: bool = False
    ) -> None:
        from . import random
        from .compressors import kernel

        self.chosen, self.special = chosen, int(name.endswith("special"))
        self._compress, self._parameters, size = kernel(chosen, d)
        self._states = {i: np.zeros((1, size)) for i in range(n + 1)}
        common = chosen.shared_coins and (each or name.startswith("up"))
        self._address = (lambda i: random.SHARED_WORKER) if common else (lambda i: i)
        self._stream, self._key = getattr(random, f"STREAM_{name.upper()}"), (seed, replica)
        self._count = chosen.draws(d)
        self._used: dict[int, tuple[int, int]] = {}

    def state(self, i: int) -> Vector:
        """What the compressor of sender i (the server is n) keeps."""
        return self._states[i][0]

    def __call__(self, v: Vector, i: int, ctx: NDArray[np.int64]) -> tuple[Vector, float]:
        """Return C(v) and its bits."""
        from .random import draws, philox, to_uniforms

        rnd, used = int(ctx[ROUND]), self._used.get(i, (-1, 0))
        first = used[1] if used[0] == rnd else 0
        self._used[i] = rnd, first + self._count
        seed, replica = self._key
        drawn = draws([replica], first + self._count)
        if self._count:
            philox(seed, rnd, self._address(i), self._stream, drawn)
            to_uniforms(drawn)
        out, bits = np.empty((1, v.size)), np.empty(1)
        coins = np.ascontiguousarray(drawn.numbers[:, first:])
        self._compress(v[None, :].copy(), coins, ctx, self._parameters, self._states[i], out, bits)
        return out[0], float(bits[0])


def kernel_data(data: tuple[Any, ...]) -> tuple[Any, ...]:
    """A problem's data with the types that the kernels' signature states."""
    kinds = (np.float64, np.float64, np.int64, np.int64, np.float64)
    return tuple(np.ascontiguousarray(a, dtype=kind) for a, kind in zip(data, kinds, strict=True))
