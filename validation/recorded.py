"""Is what a run records what it did? Columns, meters and the round of a divergence, from the paper's pseudo-code.

A method that conforms and a bound that holds say nothing if the numbers beside them are wrong: half the gradient, bits
of another message, a divergence that comes a round late. So one replica of a run is followed by the method's
`transcription`, and every column and every meter of the trace is computed anew from what that holds and sends: norms
from plain sums, means from all rounds, bits by the formula and encoded from every message, gradients by counting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..problems import Problem
from ..problems import problem as build_problem
from ..solvers import compressors, simulate
from ..solvers.bits import bits_per_round
from ..solvers.engines.request import timetable
from ..solvers.engines.setup import OPTIONAL_COLUMNS, SHADOW_COLUMNS
from ..solvers.method import WHOLE, Method
from ..solvers.method import method as build_method
from ..solvers.pseudocode import Given, Link, State
from ..solvers.trace import Trace
from ..theory import THEOREMS
from ..theory.compressors import Compressor, compressor
from .conformance import (
    OTHERWISE,
    PARAMETERS,
    RESHUFFLED,
    ROUNDINGS,
    SETTINGS,
    UNIT,
    Conformance,
    Setting,
    Tally,
)  # fmt: skip
from .meters import formula

Floats = NDArray[np.float64]

#: Rounds that are followed, a multiple of the period of special rounds, and of a run that diverges.
ROUNDS, FAR = 8, 40
#: Weights of the averaged iterates: (3 + t)^2 in one setting, 0.9^-(t+1) in the other.
POLYNOMIAL, GEOMETRIC = ("polynomial", 3.0, 2.0), ("geometric", 0.9)
#: A step at which a model that can leave all bounds does, and the square of the bound.
MUCH_TOO_LONG, BEYOND = 1e4, 1e60


class Followed(Given):
    """What a transcription is given, with a count of what it asks for and sends."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.gradients_asked = 0
        self.formula = {"up": 0.0, "down": 0.0}
        self.sizes: dict[str, list[float]] = {"up": [], "down": []}
        self.compressor: Compressor = compressor("identity")
        self._seen: set[tuple[str, int, int, int]] = set()
        self._who: set[tuple[int, int]] = set()

    @property
    def senders(self) -> int:
        """How many workers have sent in this round, one that has reported twice counted twice."""
        return len(self._who)

    def rounds(self) -> Iterator[int]:
        for t in super().rounds():
            self.sizes = {"up": [], "down": []}
            self._seen, self._who = set(), set()
            yield t

    def gradient(self, i: int, x: Floats) -> Floats:
        self.gradients_asked += 1
        return super().gradient(i, x)

    def send(self, v: Floats) -> Floats:
        self._count("up", compressor("identity"), len(v) / self.n)
        self.sizes["up"] += [float(row @ row) for row in v]
        self._who |= {(i, 0) for i in range(self.n)}
        self.compressor = compressor("identity")
        return super().send(v)

    def broadcast(self, v: Floats) -> Floats:
        self._count("down", compressor("identity"), 1.0)
        return super().broadcast(v)

    def C_each(self, v: Floats) -> Floats:
        self._count("down", self._chosen["down"], 1.0)  # a share of 1/n for each of n messages
        self.sizes["down"].append(float(v @ v))
        return super().C_each(v)

    def _send(self, link: Link, i: int, v: Floats) -> Floats:
        self._note("up", link, i, v, 1 / self.n)
        return super()._send(link, i, v)

    def _broadcast(self, link: Link, v: Floats) -> Floats:
        self._note("down", link, self.n, v, 1.0)
        return super()._broadcast(link, v)

    def _note(self, side: str, link: Link, i: int, v: Floats, share: float) -> None:
        chosen = link.chosen
        self._count(side, chosen, share)
        if side == "up":
            self.compressor = chosen
            self._who.add((i, self._messages[i]))
        if (
            key := (side, id(link), i, self._messages[i] if i < self.n else 0)
        ) not in self._seen:  # one that sends what it left, too, was asked for the whole
            self.sizes[side].append(float(v @ v))
        self._seen.add(key)

    def _count(self, side: str, chosen: Compressor, share: float) -> None:
        bits = compressors.formula_bits(chosen, self.d)
        self.formula[side] += np.nan if bits is None else share * bits


def records_conform(method: str | Method, seed: int = 0) -> Conformance:
    """Compare the columns and meters of a method's runs with what its transcription says they are.

    Parameters
    ----------
    method
        A name, or an object with a `transcription`.
    seed
        Of the runs.

    Returns
    -------
    Conformance
        "not checked" if there is no transcription.
    """
    method = build_method(method)
    if method.transcription is None:
        return Conformance("not checked", f"method '{method.name}' has no transcription")
    numbers = {name: PARAMETERS.get(name, OTHERWISE) for name in method.parameters}
    tally = Tally()
    for setting in RESHUFFLED if method.reshuffles else (SETTINGS[0], SETTINGS[2]):
        problem, trace, given, states = _followed(method, setting, numbers, ROUNDS, seed)
        expected = expectations(method, problem, trace, given, states, numbers, _average(setting))
        _compare(trace, expected, tally)
        _compare_totals(trace, expected, problem.dim, tally)
        _compare_promised(method, setting, numbers, expected, problem.dim, tally)
        tally.rounds += ROUNDS
        if tally.found:
            return tally.answer()
    _divergence(method, numbers, seed, tally)
    return tally.answer()


def _average(setting: Setting) -> tuple[Any, ...]:
    """The weights of a setting's averaged iterates."""
    return POLYNOMIAL if setting == SETTINGS[0] else GEOMETRIC


def _followed(
    method: Method, setting: Setting, numbers: Mapping[str, float], rounds: int, seed: int
) -> tuple[Problem, Trace, Followed, Iterator[State]]:
    """A problem, a run with everything that can be recorded, and its transcription, which has not begun."""
    problem = build_problem(setting.problem, workers=setting.workers)
    up, down = compressor(setting.up), compressor(setting.down if method.two_way else "identity")
    times = None
    if method.clock:
        times = timetable(method, problem.workers, rounds, seed, numbers, setting.clock)
    columns = OPTIONAL_COLUMNS | set(method.columns)
    columns -= SHADOW_COLUMNS if method.shadow is None else set()
    columns -= set() if problem.f_star_certified else {"gap_mean", "gap_avg"}
    trace = simulate(
        method, problem, up, down, parameters=numbers, rounds=rounds, seed=seed, checkpoints=range(rounds + 1),
        columns=sorted(columns), average=_average(setting), paths=True, schedule=times,
    )  # fmt: skip
    samples = int(numbers[method.samples]) if method.samples else 1
    given = Followed(problem, up, down, rounds, samples, times, seed, 0)
    assert method.transcription is not None
    told = {name: int(value) if name in WHOLE else value for name, value in numbers.items()}
    return problem, trace, given, method.transcription(given, **told)


def expectations(
    method: Method,
    problem: Problem,
    trace: Trace,
    given: Followed,
    states: Iterator[State],
    numbers: Mapping[str, float],
    average: tuple[Any, ...],
) -> dict[str, Floats]:
    """Every column and meter that the transcription tells, at every round after the first."""
    n = given.n
    points = [np.array(problem.x0)]
    out: dict[str, Floats] = {}

    def note(**values: float) -> None:
        for name, value in values.items():
            out.setdefault(name, np.full(trace.rounds[-1], np.nan))[len(points) - 2] = value

    spreads = [0.0]
    for state in states:
        x = np.asarray(state.x, dtype=np.float64)
        model = x if method.model_state is None else np.asarray(state.server_states[method.model_state])
        points.append(model.copy())
        note(bits_up_encoded=given.bits_up, bits_down_encoded=given.bits_down)
        note(bits_up_formula=given.formula["up"], bits_down_formula=given.formula["down"])
        if method.special_when not in ("first", "coin"):  # there an old gradient is asked for once more
            dropped = 0 if trace.schedule is None else int(trace.schedule.dropped_after(len(points) - 1))
            note(gradient_evaluations=given.gradients_asked + dropped)
        if method.clock != "table" and given.senders:  # else the round was silent
            note(up_residual_sq=np.sum(given.sizes["up"]) / given.senders, entropy_up=_entropy(method, given))
        if given.heard is not None:
            note(down_residual_sq=np.sum(given.sizes["down"]))
        errors = np.zeros(x.size)
        if state.errors is not None:
            e = np.asarray(state.errors)
            note(worker_error_sq=np.sum(e * e) / n)
            errors = e.sum(axis=0) / n
        if state.server_error is not None:
            errors = errors + np.asarray(state.server_error)
        if state.errors is not None or state.server_error is not None:
            note(error_sq=np.sum(np.square(errors)))
        memories = state.memories if method.memory_state is None else state.states[method.memory_state]
        if memories is not None:
            h = np.asarray(memories)
            slopes = np.array([problem.worker_gradient(i, x) for i in range(n)])
            note(memory_sq=np.sum(h * h) / n, memory_gap_sq=np.sum((h - slopes) ** 2) / n)
            if problem.gradients_at_star is not None:
                note(memory_error_sq=np.sum((h - np.asarray(problem.gradients_at_star)) ** 2) / n)
        own = np.broadcast_to(x, (n, x.size)) if state.models is None else np.asarray(state.models)
        if method.models:
            note(consensus_sq=np.sum((own - x) ** 2) / n)
        y = trace.paths["shadow"][0][len(points) - 1] if method.shadow is not None else x
        spreads.append(float(np.sum((y - own) ** 2)) / n)
        if method.shadow is not None and "shadow_dist_sq" in method.columns and problem.x_star is not None:
            note(shadow_dist_sq=np.sum((y - problem.x_star) ** 2))
        if "sample_memory_error_sq" in method.columns and problem.sample_gradients_at_star is not None:
            kept = np.asarray(state.states)  # (m, n, d)
            far = [[kept[j, i] - g for j, g in enumerate(at)] for i, at in enumerate(problem.sample_gradients_at_star)]
            note(sample_memory_error_sq=np.mean([np.mean([v @ v for v in one]) for one in far]))
        if "global_memory_sq" in method.columns:
            note(global_memory_sq=np.sum(np.square(errors + numbers["beta"] * np.asarray(state.common[0]))))
    found = out | _along(problem, np.array(points), average)
    if method.shadow is not None:
        shadow = np.array(trace.paths["shadow"][0])
        found["shadow_grad_sq_mean"] = _means(np.sum(problem.gradient(shadow) ** 2, axis=1))
        found["shadow_spread_mean"] = _means(np.array(spreads))
    return found


def _along(problem: Problem, X: Floats, average: tuple[Any, ...]) -> dict[str, Floats]:
    """The columns that models alone tell."""
    slopes, values = problem.gradient(X), problem.value(X)
    squares, penalty = np.sum(slopes**2, axis=1), problem.objective(X) - values
    t = np.arange(len(X) - 1)
    weights = (average[1] + t) ** average[2] if average == POLYNOMIAL else average[1] ** -(t + 1.0)
    out = {
        "grad_sq": squares[1:], "grad_sq_mean": _means(squares), "grad_l1_mean": _means(np.abs(slopes).sum(axis=1)),
        "grad_norm_mean": _means(np.sqrt(squares)),
        "grad_sq_avg": np.cumsum(weights * squares[:-1]) / np.cumsum(weights),
    }  # fmt: skip
    if problem.x_star is not None:
        out["dist_sq"] = np.sum((X[1:] - problem.x_star) ** 2, axis=1)
    if problem.f_star is None:
        return out | {"objective": (values + penalty)[1:]}
    out["gap" if problem.f_star_certified else "above_bound"] = (values + penalty)[1:] - problem.f_star
    if problem.f_star_certified:
        averages = np.cumsum(weights[:, None] * X[:-1], axis=0) / np.cumsum(weights)[:, None]
        out |= {
            "gap_mean": _means(values) - problem.f_star,
            "gap_avg": problem.objective(averages) - problem.f_star,
        }
    return out


def _means(values: Floats) -> Floats:
    """The means over the rounds before, from round 1 on."""
    return np.cumsum(values[:-1]) / np.arange(1, values.size)


def _entropy(method: Method, given: Followed) -> float:
    """The entropy of the last message, per worker and round: those who are silent are charged nothing."""
    if given.sent is None or method.wrap is not None or not compressors.tells_entropy(given.compressor):
        return float("nan")
    return given.senders / given.n * compressors.entropy_bits(given.compressor, given.sent)


def _compare(trace: Trace, expected: Mapping[str, Floats], tally: Tally) -> None:
    known = {name: column[0] for name, column in trace.columns.items()} | trace.scalars
    size = max(float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) for values in expected.values())
    for name, values in expected.items():
        told = np.isfinite(values)
        if name not in known or not told.any():
            continue
        meter = name.startswith(("bits", "entropy", "gradient_evaluations"))
        scale = float(np.abs(values[told]).max()) if meter else size
        gap = np.where(told, np.abs(known[name][1:] - values), 0.0)
        allowed = ROUNDINGS * (values.size + 10) ** 2 * UNIT * scale
        t = int(np.argmax(~(gap <= allowed)))
        if tally.note(f"the column {name}", float(gap[t]) if np.isfinite(gap[t]) else np.inf, allowed):
            about = f"on {trace.about['problem']}, up {trace.about['up']}, down {trace.about['down']}"
            tally.found = f"at round {t} in what is recorded as {name}, {about}", float(gap[t]), allowed
            return


def _compare_totals(trace: Trace, expected: Mapping[str, Floats], d: int, tally: Tally) -> None:
    """Bits per worker and round, both ways, and the share saved against 32 bits a coordinate."""
    found = bits_per_round(trace, d)
    formula, encoded = (
        float(expected[f"bits_up_{kind}"][-1] + expected[f"bits_down_{kind}"][-1]) / len(expected[f"bits_up_{kind}"])
        for kind in ("formula", "encoded")
    )
    rows = {
        "formula": formula, "encoded": encoded, "saved_vs_dense32": 1 - encoded / (2 * 32 * d),
        "saved_vs_dense32_formula": 1 - formula / (2 * 32 * d),
    }  # fmt: skip
    for name, right in rows.items():
        computed = getattr(found, name)
        if computed is None or not np.isfinite(right):
            continue
        allowed = ROUNDINGS * UNIT * (abs(right) + 1)
        if tally.note(f"{name} bits a round", gap := abs(computed - right), allowed):
            tally.found = f"in the bits a round ({name}) of {trace.about['up']} and {trace.about['down']}", gap, allowed


def _compare_promised(
    method: Method, setting: Setting, numbers: Mapping[str, float], expected: Mapping[str, Floats], d: int, tally: Tally
) -> None:
    """The bits that the method's theorems count, by the papers' formulas, against those that were sent."""
    if method.clock or "p" in method.parameters:  # few send in a step; what a coin decides is a mean
        return
    up, down = (
        formula(compressor(spec), d) for spec in (setting.up, setting.down if method.two_way else "identity")
    )  # fmt: skip
    sent = float(expected["bits_up_formula"][-1] + expected["bits_down_formula"][-1])
    for theorem in THEOREMS.values():
        if theorem.method != method.name or np.isnan(sent):
            continue
        dense = formula(compressor("identity"), d)
        promised = theorem.bits_of_first_round(up, down, dense, dict(numbers))
        promised += (ROUNDS - 1) * theorem.bits_per_round(up, down, dense, dict(numbers))
        allowed = ROUNDINGS * UNIT * (sent + 1)
        if tally.note("the bits that theorems count", gap := abs(promised - sent), allowed):
            tally.found = (
                f"in the bits that {theorem.name} counts with up {setting.up}, down {setting.down}",
                gap,
                allowed,
            )
            return


def _divergence(method: Method, numbers: Mapping[str, float], seed: int, tally: Tally) -> None:
    """Run far beyond every stable step: the round in which the model leaves all bounds, and what is recorded after."""
    if "gamma" not in numbers:
        return
    numbers = {**numbers, "gamma": MUCH_TOO_LONG}
    with np.errstate(all="ignore"):
        _, trace, _, states = _followed(method, RESHUFFLED[0] if method.reshuffles else SETTINGS[0], numbers, FAR, seed)
        left = 0
        for t, state in enumerate(states, start=1):
            model = [] if method.model_state is None else [np.asarray(state.server_states[method.model_state])]
            if not sum(float(np.sum(np.square(v))) for v in (np.asarray(state.x), *model)) < BEYOND:
                left = t
                break
    recorded, about = int(trace.first_bad[0]), f"with gamma = {MUCH_TOO_LONG:g}"
    if tally.note("the round of a divergence", abs(recorded - left), 0.0):
        tally.found = (
            f"in the round of a divergence {about}: {recorded} is recorded; expected: {left}",
            recorded - left,
            0,
        )
        return
    kept, bad = trace.columns["grad_sq"][0], np.arange(FAR + 1) >= (left or FAR + 1)
    wrong = np.flatnonzero(np.isfinite(kept) == bad)
    if tally.note("what is recorded after a divergence", float(wrong.size), 0.0):
        tally.found = f"at round {wrong[0]} in what is recorded of a divergence {about}", float(wrong.size), 0.0
