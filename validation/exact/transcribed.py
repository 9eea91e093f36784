"""Exact moments of the paper's pseudo-code: a method's transcription, run on coefficients in place of numbers.

A transcription (see `solvers.pseudocode`) adds, subtracts and multiplies vectors and does not look at their length. So
it is handed vectors of B d entries, the coefficients of d coordinates in B registers; what it is given draws no coins
but opens new registers, whose second moments are those of noise and coins. Nothing of the method's own declaration, its
channels and rules, is used: where this and `moments.Recursion` agree, the two are the same method in the mean square.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...solvers.method import WHOLE
from ...theory.compressors import Compressor, Mask
from .coins import FloatArray, NotClosed, coins
from .columns import RUNNING, squared_norms
from .rounds import Model

#: Coins common to all workers double the number of paths in every round; more paths than this are not followed.
MOST_PATHS = 4096


def transcribed(model: Model, columns: Sequence[str], points: Sequence[int]) -> dict[str, FloatArray]:
    """The expectations of columns of the trace at checkpoints, by the method's transcription.

    Parameters
    ----------
    model
        The method, its problem, compressors, parameters and schedule.
    columns, points
        Names of columns (those of the transcription's state; others are left out) and numbers of rounds.

    Returns
    -------
    name -> (len(points),)

    Raises
    ------
    NotClosed
        If the method has no transcription, or its moments do not close.
    """
    method = model.method
    if method.transcription is None:
        raise NotClosed(f"method '{method.name}' has no transcription")
    rounds = max(int(p) for p in points)
    flips = (rounds - (method.special_when == "coin")) * method.tosses
    if 2 ** max(flips, 0) > MOST_PATHS:
        raise NotClosed(f"{flips} coins common to all workers have more than {MOST_PATHS} outcomes")
    total: dict[str, FloatArray] = {}
    for path in range(2 ** max(flips, 0)):
        heads = [bool(path >> k & 1) for k in range(flips)]
        size = _Coefficients(model, rounds, 1, heads, counting=True).run(columns, points)
        given = _Coefficients(model, rounds, size, heads)
        given.run(columns, points)
        for name, values in given.found.items():
            total[name] = total.get(name, 0.0) + given.probability * np.array(values)
    return total


class _Coefficients:
    """What a transcription takes as given (`solvers.pseudocode.Given`), on coefficients.

    Parameters
    ----------
    size
        B, the number of registers; while they are counted, any.
    heads
        What the coin common to all workers shows, round by round.
    """

    def __init__(self, model: Model, rounds: int, size: int, heads: Sequence[bool], counting: bool = False) -> None:
        problem = model.problem
        self.model, self.counting, self.size = model, counting, size
        self.n, self.dim = problem.workers, problem.dim
        self.d = size * self.dim
        self.x0 = np.zeros(self.d)
        self.x0[: self.dim] = problem.x0
        self.probability = 1.0
        self.found: dict[str, list[float]] = {}
        self._heads, self._rounds, self._t = iter(heads), rounds, 0
        self._moments = np.zeros((size, size))
        self._moments[0, 0] = 1.0
        self._used = 1

    # ------------------------------------------------------------------------------------------------ the run itself

    def run(self, columns: Sequence[str], points: Sequence[int]) -> int:
        """Run the transcription; return the number of registers."""
        model, numbers = self.model, self.model.numbers
        transcription = model.method.transcription
        assert transcription is not None
        typed = {name: int(value) if name in WHOLE else value for name, value in numbers.items()}
        steps = transcription(self, **typed)
        x0 = self.x0.reshape(self.size, self.dim)
        zero = np.zeros_like(x0)
        at_start: dict[str, Any] = {name: [zero] * count for name, count in model.layout.names}
        at_start |= {"x": [x0], "models": [x0] * len(at_start.get("models", ()))}
        if model.method.model_state is not None:
            at_start["server_states"][model.method.model_state] = x0
        values = {0: self._values(columns, self._kept(at_start))}
        sums = {name: values[0].get(RUNNING[name], 0.0) for name in columns if name in RUNNING}
        for name in sums:
            values[0][name] = values[0].get(RUNNING[name], np.nan)
        for t, state in enumerate(steps, start=1):
            of_workers = np.array(state.states).swapaxes(0, 1) if state.states else ()  # the engine's order
            here = self._values(columns, self._kept({**state._asdict(), "states": of_workers}))
            for name in sums:
                here[name] = sums[name] / t
                sums[name] += here.get(RUNNING[name], np.nan)
            values[t] = here
        known = [name for name in columns if all(name in values[int(p)] for p in points)]
        self.found = {name: [values[int(p)][name] for p in points] for name in known}
        return self._used

    def _kept(self, state: Mapping[str, Any]) -> dict[str, FloatArray]:
        shaped = {}
        for name, value in state.items():
            if value is None or len(value) == 0:
                continue
            shaped[name] = np.asarray(value, dtype=np.float64).reshape(-1, self.size, self.dim)
        return shaped

    def _values(self, columns: Sequence[str], kept: Mapping[str, FloatArray]) -> dict[str, float]:
        none = np.zeros((0, self.size, self.dim))
        out: dict[str, float] = {}
        for name in {RUNNING.get(name, name) for name in columns}:
            if name == "consensus_sq" and not self.model.method.models:
                continue
            parts = squared_norms(name, self.model, lambda key: kept.get(key, none))
            if parts is not None:
                out[name] = sum(weight * float(np.sum((self._moments @ v) * v)) for weight, v in parts)
        return out

    # ------------------------------------------------------------------------------------- what a transcription sees

    def rounds(self) -> Iterator[int]:
        """The rounds t = 0, ..., T - 1."""
        for t in range(self._rounds):
            self._t = t
            yield t

    def arrivals(self) -> Iterator[tuple[int, int]]:
        """The messages of this step: (worker i, number s of the model x^s at which it computed)."""
        schedule = self.model.schedule
        assert schedule is not None
        for a in range(schedule.starts[self._t], schedule.starts[self._t + 1]):
            yield int(schedule.workers[a]), int(schedule.versions[a])

    def gradient(self, i: int, x: FloatArray) -> FloatArray:
        """Worker i's gradient, with fresh noise."""
        g = np.asarray(x).reshape(self.size, self.dim) @ self.model.hessians[i]
        g[0] += self.model.slopes[i]
        variance = self.model.problem.noise.sigma_sq / self.dim
        if variance:
            fresh = self._open(self.dim)
            if not self.counting:
                g[fresh, np.arange(self.dim)] = 1.0
                self._moments[fresh, fresh] = variance
        return g.ravel()

    def gradients(self, x: FloatArray) -> FloatArray:
        """All workers' gradients."""
        return np.array([self.gradient(i, point) for i, point in enumerate(np.broadcast_to(x, (self.n, self.d)))])

    def prox(self, z: FloatArray, gamma: float) -> FloatArray:
        """The proximal map of (l2/2) ||x||^2."""
        return z / (1.0 + gamma * self.model.problem.regulariser[1])

    def heads(self, p: float) -> bool:
        """What the coin shows on this path."""
        shown = next(self._heads)
        self.probability *= p if shown else 1 - p
        return shown

    def C_up(self, v: FloatArray) -> FloatArray:
        return self._send(v, self._law("up"))

    def C_up_special(self, v: FloatArray, by: str = "up") -> FloatArray:
        return self._send(v, self._law(by))

    def message(self, i: int, v: FloatArray) -> FloatArray:
        law = self._law("up")
        if law is not None and law.shared_coins:
            raise NotClosed(f"the workers of {law.spec} share their coins, which messages one by one do not show")
        return self._send(v[None], law)[0]

    def C_down(self, v: FloatArray) -> FloatArray:
        return self._send(v[None], self._law("down" if self.model.method.two_way else "identity"))[0]

    def C_each(self, v: FloatArray) -> FloatArray:
        return self._send(np.array([v] * self.n), self._law("down"))

    def C_down_special(self, v: FloatArray, by: str = "down") -> FloatArray:
        return self._send(v[None], self._law(by))[0]

    def send(self, v: FloatArray) -> FloatArray:
        return v

    def broadcast(self, v: FloatArray) -> FloatArray:
        return v

    # ---------------------------------------------------------------------------------------------------- registers

    def _law(self, which: str) -> Compressor | None:
        chosen = {"up": self.model.up, "down": self.model.down, "identity": None}[which]
        return None if chosen is None or chosen.name == "identity" else chosen

    def _open(self, count: int) -> NDArray[np.int64]:
        first = self._used
        self._used += count
        return np.arange(first, first + count)

    def _send(self, v: FloatArray, law: Compressor | None) -> FloatArray:
        """C(v_i) of all rows at once."""
        if law is None:
            return v
        if isinstance(law, Mask):
            raise NotClosed(f"the outcomes of {law.spec} are looked at one by one, which a transcription does not show")
        found = coins(law, self.dim, len(v))
        streams = np.concatenate([row.reshape(self.size, self.dim) for row in v], axis=1)
        if found.fixed is not None:
            c = streams @ found.fixed.T
        else:
            fresh = self._open(streams.shape[1])
            if self.counting:
                return np.zeros_like(v)
            crossed = streams.T @ self._moments
            self._moments[fresh] = found.mean[:, None] * crossed
            self._moments[:, fresh] = self._moments[fresh].T
            self._moments[np.ix_(fresh, fresh)] = found.second * (crossed @ streams)
            c = np.zeros_like(streams)
            c[fresh, np.arange(fresh.size)] = 1.0
        each = [c[:, i * self.dim : (i + 1) * self.dim].ravel() for i in range(len(v))]
        return np.array(each)
