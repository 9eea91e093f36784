"""The recursion of the second moments, and what it says of a trace's columns.

With z = (1, x, memories, errors, ...), E z z^T after a round is a linear function of E z z^T before it: noise and coins
are fresh, so that a message c = M v has E c w^T = (E M) E v w^T with everything w that was there before, and
E c_a c_b = (E M_a M_b) E v_a v_b; fair noise that a compressor adds is one more variance. No sampling, no enumeration
of coins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...problems import Problem
from ...solvers.method import Method
from ...solvers.method import method as build_method
from ...solvers.rules import model_less_errors
from ...solvers.schedule import Schedule
from ...theory.compressors import Compressor, compressor
from .coins import INDEPENDENT, FloatArray, NotClosed
from .columns import OF_THE_ROUND, RUNNING, squared_norms
from .rounds import Model, Round

#: The same for states that a run can reach, which are found one from the other: short steps make small differences.
REACHED = 1e-7


class Recursion:
    """The second moments of a method on a quadratic problem, round by round.

    Parameters
    ----------
    method, problem, up, down, parameters, schedule, average
        As of a run. The problem is quadratic, its noise additive.
    coin_dim
        If not None, the problem, of dimension 1, is one coordinate of so many that do not mix (diagonal Hessians and
        compressors): the moments of one coordinate close, and the compressors are those of so many coordinates.
    rounds
        What rounds are, as far as another recursion has found out that differs in the start alone; it is added to.

    Raises
    ------
    NotClosed
        If the moments do not close; the sentence says why.

    Examples
    --------
    >>> from tersegrad.problems import problem
    >>> exact = Recursion("qsgd", problem("quadratic:dim=2,mu=1,L=1", workers=2), "randk:k=1",
    ...                   parameters={"gamma": 0.5})
    >>> exact.expected(["dist_sq"], [0, 1])["dist_sq"]
    array([1.   , 0.375])
    """

    def __init__(
        self,
        method: str | Method,
        problem: Problem,
        up: str | Compressor = "identity",
        down: str | Compressor = "identity",
        *,
        parameters: Mapping[str, float],
        schedule: Schedule | None = None,
        average: tuple[Any, ...] | None = None,
        coin_dim: int | None = None,
        rounds: dict[Any, Round] | None = None,
    ) -> None:
        method = build_method(method)
        numbers = method.check(parameters)
        self.model = Model(method, problem, compressor(up), compressor(down), numbers, schedule, average, coin_dim)
        self.method, self.problem, self.layout = method, problem, self.model.layout
        samples = int(numbers[method.samples]) if method.samples else 1
        self.noise = problem.noise.sigma_sq / problem.dim / samples
        self._rounds = {} if rounds is None else rounds
        self._masks: dict[tuple[int, ...], Sequence[tuple[float, FloatArray | None]]] = {}
        self._later: dict[bool, list[tuple[float, Round]]] = {}
        self._weight = 0.0

    # ---------------------------------------------------------------------------------------------- the recursion

    @property
    def stationary(self) -> bool:
        """Whether a round does the same at every t >= 1, up to who arrives and the weights of averages."""
        return self.model.steady or self.model.schedule is not None

    def branches(self, t: int) -> list[tuple[float, Round]]:
        """What round t can be, with probabilities: one round, or two where a coin decides."""
        model = self.model
        if t == 0 or not model.steady or model.schedule is not None or model.average is not None:
            return self._branches(t)
        special = self.method.special_when == "period" and (t + 1) % int(model.numbers["H"]) == 0
        if special not in self._later:
            self._later[special] = self._branches(t)
        return self._later[special]

    def _branches(self, t: int) -> list[tuple[float, Round]]:
        method, numbers = self.method, self.model.numbers
        when = method.special_when
        if when == "heads" or (when == "coin" and t > 0):
            p = numbers["p"]
            return [*self._outcomes(p, t, (1,)), *self._outcomes(1 - p, t, (0,))]
        special = (when in ("first", "coin") and t == 0) or (when == "period" and (t + 1) % int(numbers["H"]) == 0)
        kinds = (0,) if not special else (0, 1) if method.special_adds else (1,)
        return self._outcomes(1.0, t, kinds)

    def _outcomes(self, probability: float, t: int, kinds: tuple[int, ...]) -> list[tuple[float, Round]]:
        """What a round of these exchanges can be: one round, or one for every way in which masks fall."""
        if kinds not in self._masks:
            self._masks[kinds] = self.model.masks(kinds)
        masks = self._masks[kinds]
        return [(probability * share, self._round(t, kinds, k, mask)) for k, (share, mask) in enumerate(masks)]

    def _round(self, t: int, kinds: tuple[int, ...], number: int, mask: FloatArray | None) -> Round:
        schedule = self.model.schedule
        key: Any = (kinds, number)
        alone = schedule is None and (t == 0 or not self.stationary)  # no other round is like this one
        if schedule is not None:
            steps = slice(schedule.starts[t], schedule.starts[t + 1])
            key = (kinds, number, tuple(schedule.workers[steps]), tuple(t - schedule.versions[steps]))
        elif alone:
            key = (kinds, number, t)
        if key not in self._rounds:
            self._rounds[key] = self.model.round(t, kinds, self._weight_at(t) if alone else 0.0, mask)
        found = self._rounds[key]
        if self.model.average is None or alone:
            return found
        if (key, 1) not in self._rounds:
            self._rounds[key, 1] = self.model.round(t, kinds, 1.0, mask)
        weight = self._weight_at(t)  # nothing but the average depends on it, and that is affine in it
        return replace(found, kept=(1 - weight) * found.kept + weight * self._rounds[key, 1].kept)

    def _weight_at(self, t: int) -> float:
        """w_t/(w_0 + ... + w_t) of the averaged iterates."""
        if self.model.average is None:
            return 0.0
        kind, *numbers = self.model.average
        if kind == "polynomial":
            shift, power = numbers
            weights = (shift + np.arange(t + 1)) ** power
            return float(weights[-1] / weights.sum())
        if kind == "geometric":
            q = numbers[0]
            return float((1 - q) / (1 - q ** (t + 1))) if q < 1 else 1 / (t + 1)
        return 1 / (t + 1)

    def start(self) -> FloatArray:
        """E z z^T before the first round."""
        z = self.model.start()
        return np.outer(z, z)

    def advance(self, Z: FloatArray, t: int) -> FloatArray:
        """E z z^T after round t from that before it."""
        return self._next(Z, t)[0]

    def registers(self, Z: FloatArray, found: Round) -> FloatArray:
        """The second moments of all registers of a round."""
        whole = np.zeros((found.size, found.size))
        kept = Z.shape[0]
        whole[:kept, :kept] = Z
        noise, diagonal = found.noise, whole.ravel()[:: found.size + 1]
        if noise:
            diagonal[noise.start : noise.stop] = self.noise
        for sent in found.sent:
            begin, end = sent.start, sent.start + sent.v.shape[1]
            crossed = sent.v.T @ whole[:begin, :begin]
            whole[begin:end, :begin] = sent.coins.mean[:, None] * crossed
            whole[:begin, begin:end] = whole[begin:end, :begin].T
            whole[begin:end, begin:end] = sent.coins.second * (crossed @ sent.v)
            diagonal[begin:end] += sent.coins.added
        return whole

    def back(self, Q: FloatArray, t: int = 1, residuals: Mapping[str, float] | None = None) -> FloatArray:
        """The form whose value at z is the expectation of the form Q after round t: the adjoint of `advance`.

        Parameters
        ----------
        residuals
            Coefficients of the columns about what was compressed in the round, added to Q.
        """
        size = Q.shape[0]
        out = np.zeros_like(Q)
        for probability, found in self.branches(t):
            whole = found.kept @ Q @ found.kept.T
            for name, streams, each in zip(OF_THE_ROUND, (found.up, found.down), (found.messages, 1), strict=True):
                whole += (residuals or {}).get(name, 0.0) / each * (streams @ streams.T)
            for sent in reversed(found.sent):
                begin, end = sent.start, sent.start + sent.v.shape[1]
                mixed = (whole[:begin, begin:end] * sent.coins.mean) @ sent.v.T
                new = sent.v @ (sent.coins.second * whole[begin:end, begin:end]) @ sent.v.T
                added = sent.coins.added * float(np.trace(whole[begin:end, begin:end]))
                whole = whole[:begin, :begin] + mixed + mixed.T + new
                whole[0, 0] += added
            noise = slice(found.noise.start, found.noise.stop)
            out += probability * whole[:size, :size]
            out[0, 0] += probability * self.noise * float(np.trace(whole[noise, noise]))
        return out

    # ------------------------------------------------------------------------------------------------ the columns

    def form(self, column: str, t: int = 1) -> FloatArray:
        """The quadratic form whose expectation a column of the trace is, for what is kept before round t.

        Raises
        ------
        NotClosed
            If the column is not a quadratic form of what is kept.
        """
        size = self.layout.size
        own = column in self.method.columns
        shadow = self._shadow(t) if not own and self._of_the_rules(column) else None
        parts = squared_norms(column, self.model, lambda name: self.layout.vectors(name, size), shadow)
        if parts is not None:
            return sum((weight * (v @ v.T) for weight, v in parts), np.zeros((size, size)))
        if own:
            return self._probed(column, t)
        raise NotClosed(f"the column {column} is not a quadratic form of what {self.method.name} keeps")

    def _of_the_rules(self, column: str) -> bool:
        """Whether a column is computed by the method itself, and may be another one in another round."""
        return column.startswith("shadow") or column in self.method.columns

    def _shadow(self, t: int) -> FloatArray:
        """The coefficients of the shadow sequence."""
        layout, method, size = self.layout, self.method, self.layout.size
        dim, n = layout.dim, layout.workers
        y = np.zeros((size, dim))
        error = layout.vectors("server_error", size)
        (method.shadow or model_less_errors)(
            self.model.ctx(t, 0, False), self.model.params, layout.vectors("x", size)[0],
            layout.vectors("memories", size), layout.vectors("errors", size),
            layout.vectors("states", size).reshape(n, method.states[0], size, dim),
            error[0] if len(error) else np.zeros((0, dim)),
            layout.vectors("server_states", size), layout.vectors("common", size), y,
        )  # fmt: skip
        return y

    def _probed(self, column: str, t: int) -> FloatArray:
        """A column of the method's own, from its values at (1, u) with u = 0, e_a, e_a + e_b, -e_a."""
        size = self.layout.size
        pairs = [(a, b) for a in range(1, size) for b in range(a + 1, size)]
        eye = np.eye(size)
        probes = np.concatenate(
            [eye[:1], eye[0] + eye[1:], eye[0] - eye[1:], *[(eye[0] + eye[a] + eye[b])[None] for a, b in pairs]]
        )
        values = np.asarray(self.method.columns[column](self._view(probes, t)), dtype=np.float64)
        zero, plus, minus = values[0], values[1:size], values[size : 2 * size - 1]
        Q = np.zeros((size, size))
        Q[0, 0] = zero
        Q[0, 1:] = Q[1:, 0] = (plus - minus) / 4
        squares = (plus + minus) / 2 - zero
        Q[np.arange(1, size), np.arange(1, size)] = squares
        for (a, b), value in zip(pairs, values[2 * size - 1 :], strict=True):
            Q[a, b] = Q[b, a] = (value - plus[a - 1] - plus[b - 1] + zero) / 2
        random = np.random.default_rng(1).standard_normal((5, size))
        random[:, 0] = 1.0
        expected = np.einsum("ra,ab,rb->r", random, Q, random)
        found = np.asarray(self.method.columns[column](self._view(random, t)), dtype=np.float64)
        if not np.allclose(expected, found, rtol=1e-6, atol=1e-6 * (1 + abs(expected).max())):
            raise NotClosed(f"the column {column} is not quadratic in what {self.method.name} keeps")
        return Q

    def _view(self, z: FloatArray, t: int) -> Any:
        """What a method's own columns are handed, for states z (B, registers)."""
        layout, method, problem = self.layout, self.method, self.problem
        dim, n, count = layout.dim, layout.workers, z.shape[0]

        def of(name: str) -> FloatArray:
            where = layout.of(name)
            return np.ascontiguousarray(z[:, where].reshape(count, -1, dim).transpose(1, 0, 2))

        x = of("x")[0]
        shadow = z @ self._shadow(t)
        state = method.model_state
        return SimpleNamespace(
            x=x, model=x if state is None else of("server_states")[state], memories=of("memories"),
            errors=of("errors"), models=of("models"),
            states=of("states").reshape(n, method.states[0], count, dim), server_states=of("server_states"),
            common=of("common"), server_memory=of("server_memory").reshape(-1, dim),
            server_error=of("server_error").reshape(-1, dim), parameters=dict(self.model.numbers), done=t,
            problem=problem, shadow=shadow,
            gradients=np.stack([problem.worker_gradient(i, x) for i in range(n)]),
        )  # fmt: skip

    def expected(self, columns: Sequence[str], points: Sequence[int]) -> dict[str, FloatArray]:
        """The expectations of columns of the trace at checkpoints.

        Returns
        -------
        name -> (len(points),)
        """
        wanted = sorted({int(p) for p in points})
        out: dict[str, list[float]] = {name: [] for name in columns}
        for t, values in self.walk(columns, wanted[-1]):
            if t in wanted:
                for name in columns:
                    out[name].append(values[name])
        index = [wanted.index(int(p)) for p in points]
        return {name: np.array(values)[index] for name, values in out.items()}

    def walk(self, columns: Sequence[str], rounds: int) -> Iterator[tuple[int, dict[str, float]]]:
        """Round after round: t and the expectations of the columns after t rounds, for t = 0, ..., `rounds`."""
        Z = self.start()
        totals = dict.fromkeys((name for name in columns if name in RUNNING), 0.0)
        residuals = dict.fromkeys(OF_THE_ROUND, 0.0)
        steady: dict[str, FloatArray] = {}

        def value(name: str, t: int) -> float:
            if name not in steady or (self._of_the_rules(name) and (t < 2 or not self.stationary)):
                steady[name] = self.form(name, t)
            return float((steady[name] * Z).sum())

        for t in range(rounds + 1):
            here = {}
            for name in columns:
                if name in OF_THE_ROUND:
                    here[name] = residuals[name]
                elif name not in RUNNING:
                    here[name] = value(name, t)
                elif t:
                    here[name] = totals[name] / t
                else:  # before the first round a trace says what there is at x^0
                    at_start = RUNNING[name].removeprefix("shadow_")
                    here[name] = 0.0 if at_start == "spread" else value(at_start, 0)
            yield t, here
            if t == rounds:
                return
            for name in totals:
                totals[name] += value(RUNNING[name], t)
            Z, residuals = self._next(Z, t, [name for name in columns if name in OF_THE_ROUND])

    def _next(self, Z: FloatArray, t: int, wanted: Sequence[str] = ()) -> tuple[FloatArray, dict[str, float]]:
        """E z z^T after round t, and of the columns about what was compressed in it those that are wanted."""
        out = np.zeros_like(Z)
        residuals = dict.fromkeys(OF_THE_ROUND, 0.0)
        for probability, found in self.branches(t):
            whole = self.registers(Z, found)
            out += probability * (found.kept.T @ whole @ found.kept)
            if not wanted:
                continue
            for name, streams, each in zip(OF_THE_ROUND, (found.up, found.down), (found.messages, 1), strict=True):
                if name in wanted:
                    residuals[name] += probability * float(np.sum((whole @ streams) * streams)) / each
        return (out + out.T) / 2, residuals

    # ----------------------------------------------------------------------------------------- the spectral radius

    def growth(self) -> float:
        """The factor a round by which second moments grow in the long run: below 1 where the method is stable.

        It is the spectral radius of the linear part of the moments' map on what can be reached from a start x^0
        (memories that the server and a worker hold alike stay alike). Where all workers are alike the search space is
        that of the moments that do not change when workers change places.

        Raises
        ------
        NotClosed
            If the rounds are not all alike from t = 1 on.
        """
        method = self.method
        if not self.stationary or self.model.schedule is not None or self.model.average is not None:
            raise NotClosed(f"the rounds of {method.name} are not all alike")
        period = int(self.model.numbers["H"]) if method.special_when == "period" else 1
        size = self.layout.size
        constant = [self.advance(np.zeros((size, size)), t) for t in range(period, 2 * period)]

        reached = self.reachable(period)
        onto = reached @ reached.T

        def clean(Z: FloatArray) -> FloatArray:
            return self._alike(onto @ Z @ onto)

        def after(Z: FloatArray) -> FloatArray:
            for t in range(period, 2 * period):
                Z = self.advance(Z, t) - constant[t - period]
            return clean(Z)

        basis: list[FloatArray] = []
        images: list[FloatArray] = []
        waiting = [clean(Z) for Z in self._seeds(period)]
        while waiting:
            Z = waiting.pop(0)
            Z = Z / max(float(np.linalg.norm(Z)), 1e-300)
            for _ in range(2):  # Gram and Schmidt, twice
                for other in basis:
                    Z = Z - np.sum(Z * other) * other
            length = float(np.linalg.norm(Z))
            if length > INDEPENDENT:
                basis.append(Z / length)
                images.append(after(basis[-1]))
                waiting.append(images[-1])
        matrix = np.array([[np.sum(b * image) for image in images] for b in basis])
        largest = float(np.max(np.abs(np.linalg.eigvals(matrix)), initial=0.0)) if basis else 0.0
        return largest ** (1 / period)

    def _seeds(self, period: int) -> list[FloatArray]:
        """Moments that span, with their images, all that can be reached: what a shift of x^0 does, and the coins."""
        start = self.model.start()
        shift = self.model.start(np.sqrt(1.0 + np.arange(self.layout.dim))) - self.model.start(
            np.zeros(self.layout.dim)
        )
        seeds = [np.outer(shift, shift)]
        whole = np.outer(start, start)
        moved = start + shift
        other = np.outer(moved, moved)
        for t in range(period):
            whole, other = self.advance(whole, t), self.advance(other, t)
        for Z in (whole, other):
            mean = Z[0]
            seeds.append(Z - np.outer(mean, mean))
        return seeds

    def reachable(self, period: int = 1) -> FloatArray:
        """An orthonormal basis (registers, m) of the differences between states that a run can reach."""
        span = self.span(period)
        _, _, rows = np.linalg.svd(span[:1])
        return span @ rows[1:].T

    def span(self, period: int = 1) -> FloatArray:
        """An orthonormal basis (registers, m) of the states that a run can reach from any x^0.

        What server and workers hold alike stays alike: the directions in which they would differ are left out.
        """
        start = self.model.start(np.zeros(self.layout.dim))
        span = np.stack([start, *(self.model.start(e) for e in np.eye(self.layout.dim))], axis=1)
        span, t, idle = _orthonormal(span), 0, 0
        while idle < period + 1:
            parts = [span, *(self._images(span, found) for _, found in self.branches(t))]
            more = _orthonormal(np.concatenate(parts, axis=1))
            idle = 0 if more.shape[1] > span.shape[1] else idle + 1
            span, t = more, t + 1
        return span

    def _images(self, span: FloatArray, found: Round) -> FloatArray:
        """Vectors that span what a round can make of the states in a span."""
        kept, noise = span.shape[0], found.noise
        values = np.zeros((found.size, span.shape[1] + len(noise) * (self.noise > 0)))
        values[:kept, : span.shape[1]] = span
        for m, register in enumerate(noise if self.noise > 0 else ()):
            values[register, span.shape[1] + m] = 1.0
        for sent in found.sent:
            begin, end = sent.start, sent.start + sent.v.shape[1]
            v = sent.v.T @ values[:begin]
            values[begin:end] = sent.coins.mean[:, None] * v
            chance = [way[:, None] * v for way in sent.coins.chance.T]
            chance += [np.eye(end - begin)] if sent.coins.added else []
            if chance:
                fresh = _orthonormal(np.concatenate(chance, axis=1))
                more = np.zeros((found.size, fresh.shape[1]))
                more[begin:end] = fresh
                values = np.concatenate([values, more], axis=1)
        return found.kept.T @ values

    def _alike(self, Z: FloatArray) -> FloatArray:
        """The mean of Z over all orders of the workers, where they are all alike."""
        labels = self._orbits
        if labels is None:
            return Z
        sums = np.bincount(labels.ravel(), Z.ravel())
        return (sums / np.bincount(labels.ravel()))[labels]

    @cached_property
    def _orbits(self) -> NDArray[np.int64] | None:
        """A number for every pair of registers, equal where a change of workers' places maps one pair on another."""
        model, layout = self.model, self.layout
        if not all(np.array_equal(H, model.hessians[0]) for H in model.hessians):
            return None
        kinds: list[tuple[str, int, int]] = [("", 0, 0)]
        owners = [-1]
        for name, count in layout.names:
            of_workers = name in ("memories", "errors", "models", "states")
            each = count // layout.workers if of_workers else count
            for vector in range(count):
                for j in range(layout.dim):
                    kinds.append((name, vector % each, j))
                    owners.append(vector // each if of_workers else -1)
        kind = np.array([kinds.index(k) for k in kinds])
        owner = np.array(owners)
        same = (owner[:, None] == owner[None, :]).astype(np.int64)
        pairs = (kind[:, None] * kind.size + kind[None, :]) * 2 + same
        return np.unique(pairs, return_inverse=True)[1].reshape(pairs.shape)


def _orthonormal(vectors: FloatArray) -> FloatArray:
    """An orthonormal basis of the span of columns."""
    basis, sizes, _ = np.linalg.svd(vectors, full_matrices=False)
    return basis[:, sizes > REACHED * max(float(sizes.max(initial=0.0)), 1e-300)]
