"""Judging: one theorem on one experiment, from the guarantee over the runs to the verdict.

The method runs with the theorem's own parameters on a problem whose constants are known; the expectation that the bound
is about is estimated from independent replicas; what their confidence limits say is decided in `decisions`, by more
replicas where they do not suffice, and by fresh ones where the bound looks violated (`sequential`).

no guarantee  the theorem does not cover this request; the reason says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from ..common.door import checked
from ..common.errors import InputError, counted
from ..common.hooks import Promise, called, instance
from ..common.jsonable import plain
from ..problems import Problem
from ..problems import problem as build_problem
from ..solvers.bits import bits_per_round
from ..solvers.engines.setup import OPTIONAL_COLUMNS
from ..solvers.engines.simulate import blas_on_one_thread, log_checkpoints, simulate, timetable
from ..solvers.method import Method
from ..solvers.method import method as build_method
from ..solvers.schedule import Schedule
from ..solvers.trace import Trace
from ..theory import Constants, Guarantee, NoGuarantee, theorem
from ..theory.compressors import Compressor, compressor
from .certify_problem import check_gradient
from .conformance import conforms
from .decisions import (
    SHARES,
    Decision,
    allowed_slopes,
    decide_order,
    divergence,
    linear_rate,
    meets,
    strength,
    with_promises,
)
from .experiments import Experiment
from .sequential import CONFIRMING, FRESH, Looks, decide_in_looks
from .statistics import fit_slope, mean_limits
from .verdict import (
    Confirmation,
    Event,
    MeasuredRate,
    MeasuredSeconds,
    MeasuredSpeedup,
    Points,
    Series,
    Verdict,
    versions,
)

#: Rounds of a run whose length neither the experiment nor the bound decides.
DEFAULT_ROUNDS = 4000
#: Rounding floor of a column that the problem does not list: that of the column with the same units.
FLOOR_OF = {
    "down_residual_sq": "dist_sq",
    "memory_error_sq": "grad_sq",
    "memory_sq": "grad_sq",
    "up_residual_sq": "grad_sq",
    "error_sq": "grad_sq",
    "grad_sq_mean": "grad_sq",
    "gap_mean": "gap",
}

#: Columns that take f* to measure.
GAPS = ("gap", "gap_mean", "gap_avg")
#: The speedup on a problem of one's own costs at most so many times what the main run does.
SPEEDUP_COST = 4

#: What a rule for the parameters returns.
PARAMETERS = Promise("a dictionary from names to numbers", lambda value, *_: isinstance(value, Mapping))
ParameterOverride = Callable[[Guarantee], dict[str, float]]
ConstantsOverride = Callable[[Constants], Constants]


@checked
def judge(
    plan: Experiment,
    *,
    method: Method | None = None,
    override_parameters: ParameterOverride | None = None,
    override_constants: ConstantsOverride | None = None,
    seed: int = 0,
    alpha: float = 1e-3,
) -> Verdict:
    """Judge a method of your own, or parameters of your own, against the bound of a theorem.

    Parameters
    ----------
    plan
        The experiment, which names the theorem.
    method
        What is run in place of the theorem's method; it takes the same parameters. A part of a Lyapunov value that it
        does not have (no memories) counts as zero. It is compared with its own transcription, if it has one.
    override_parameters
        From the theorem's guarantee to the parameters that are run; the bound stays the theorem's.
    override_constants
        From the problem's constants to those that the theorem is told.
    seed, alpha
        Of all noise and coins; the probability that the verdict rests on a wrong confidence limit.
    """
    run = VerificationRun(
        plan, compressor(plan.up), compressor(plan.down), seed=seed, alpha=alpha, method=method,
        override_parameters=override_parameters, override_constants=override_constants,
    )  # fmt: skip
    with blas_on_one_thread():
        verdict = run.judge()
    return verdict if method is None else replace(verdict, conformance=conforms(method, seed=seed))


@dataclass(frozen=True)
class Comparison:
    """A bound beside measurements: what was decided, the series (None for an order), the run with the last replicas.

    `compared` are the (R, K) replicas behind the series, `samples` those of the metric after T rounds by T, where each
    T took a run of its own; `rate` is the slope by which an order was judged.
    """

    decision: Decision
    series: Series | None
    trace: Trace
    compared: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    samples: dict[int, np.ndarray] = field(default_factory=dict)
    rate: MeasuredRate | None = None
    confirmation: Confirmation | None = None


class VerificationRun:
    """One theorem on one experiment.

    Parameters
    ----------
    plan, up, down
        The experiment, which names the theorem, and its compressors.
    seed, threads, alpha
        Of every run; of the engine; the probability that the verdict rests on a wrong confidence limit.
    method, override_parameters, override_constants
        As for `judge`.
    progress, command
        Called with what is done; the command that repeats the verdict.
    own
        What was handed over as an object that its spec does not give back.
    needs
        What whoever repeats the run has to bring.
    """

    def __init__(
        self,
        plan: Experiment,
        up: Compressor,
        down: Compressor,
        *,
        seed: int = 0,
        threads: int | None = None,
        alpha: float = 1e-3,
        method: Method | None = None,
        override_parameters: ParameterOverride | None = None,
        override_constants: ConstantsOverride | None = None,
        progress: Callable[[Event], None] | None = None,
        command: str = "",
        own: tuple[str, ...] = (),
        needs: tuple[str, ...] = (),
    ) -> None:
        self.theorem = theorem(plan.theorem)
        self.plan, self.up, self.down = plan, up, down
        self.seed, self.threads, self.alpha = seed, threads, alpha
        self.method = method or build_method(self.theorem.method)
        self.override_parameters = override_parameters
        self.override_constants = override_constants
        self.progress, self.command = progress, command
        self.needs = needs
        changed = {
            "method": method,
            "rule for the parameters": override_parameters,
            "rule for the constants": override_constants,
        }
        self.own = (*own, *(what for what, given in changed.items() if given is not None))
        self.work_done, self.work_planned = 0.0, 1.0
        self._ended: dict[Any, Trace] = {}
        self._problems: dict[int, Problem] = {}

    def on_speedup_problem(self) -> VerificationRun:
        """The same theorem on the problem on which its speedup is measured."""
        plan = self.plan.speedup()
        up = self.up if plan.up == self.plan.up else compressor(plan.up)
        down = self.down if plan.down == self.plan.down else compressor(plan.down)
        other = VerificationRun(
            plan, up, down, seed=self.seed, threads=self.threads, alpha=self.alpha,
            method=self.method, override_parameters=self.override_parameters,
            override_constants=self.override_constants,
        )  # fmt: skip
        if up is self.up and down is self.down:
            other._ended = self._ended
        return other

    # -- the pieces of a run -------------------------------------------------------------------------------------

    def problem(self, workers: int | None = None) -> Problem:
        """The problem of the experiment on so many workers, built once."""
        n = workers or self.plan.workers
        if n not in self._problems:
            self._problems[n] = build_problem(self.plan.problem, workers=n)
        return self._problems[n]

    def schedule(self, problem: Problem, parameters: Mapping[str, float], rounds: int) -> Schedule | None:
        """The schedule of an asynchronous run, by the experiment's clock."""
        return timetable(self.method, problem.workers, rounds, self.seed, parameters, self.plan.clock or None)

    def constants(self, problem: Problem, rounds: int | None) -> Constants:
        """The problem's constants, and the largest delay of the schedule and what else theorems ask of it."""
        times = self.schedule(problem, self.plan.choices, rounds or self.plan.rounds or DEFAULT_ROUNDS)
        constants = problem.constants().replaced(self.plan.constants)
        if times is not None:
            constants = replace(constants, **times.facts(self.method.clock == "table"))
        if self.override_constants is None:
            return constants
        return called("override_constants", self.override_constants, instance(Constants), constants)

    def guarantee(self, problem: Problem, rounds: int | None, **fixed: float) -> Guarantee | NoGuarantee:
        up = None if self.up.name == "identity" else self.up
        down = None if self.down.name == "identity" else self.down
        constants = self.constants(problem, rounds)
        found = self.theorem.guarantee(constants, up, down, rounds=rounds, **{**self.plan.choices, **fixed})
        if found and found.missing:
            return NoGuarantee(self.theorem, found.needs)
        if found and not problem.f_star_certified and any(column in GAPS for column, _ in found.metric.terms):
            how = "nothing" if problem.f_star is None else "only a lower bound"
            return NoGuarantee(
                self.theorem, f"its metric is about f(x) - f*, and of f* of {problem.spec} {how} is known"
            )
        return found

    def run(
        self,
        problem: Problem,
        guarantee: Guarantee,
        rounds: int,
        replicas: int,
        first: int = 0,
        checkpoints: Any = None,
    ) -> Trace:
        trace = simulate(
            self.method, problem, self.up, self.down, parameters=self.parameters(guarantee),
            rounds=rounds, replicas=replicas, first_replica=first, seed=self.seed,
            checkpoints=checkpoints, threads=self.threads, progress=self._advance(problem),
            columns=self.columns(guarantee), average=guarantee.weights,
            schedule=self.schedule(problem, guarantee.parameters, rounds),
        )  # fmt: skip
        self._ended[self._named(problem, guarantee, rounds, replicas, first)] = _end(trace)
        return trace

    def ends(self, problem: Problem, guarantee: Guarantee, rounds: int, replicas: int, first: int = 0) -> np.ndarray:
        """(R,) values of the metric after the last round; a run that was made before is not made again."""
        asked = self._named(problem, guarantee, rounds, replicas, first)
        if asked not in self._ended:
            self.run(problem, guarantee, rounds, replicas, first, [0])
        return self.metric(guarantee, self._ended[asked])[:, -1]

    def _named(self, problem: Problem, guarantee: Guarantee, *numbers: int) -> Any:
        """What a run is: the same name, the same bits."""
        which = (problem.spec, problem.workers) if isinstance(self.plan.problem, str) else id(problem)
        parameters = tuple(self.parameters(guarantee).items())
        return which, parameters, tuple(self.columns(guarantee)), guarantee.weights, numbers

    def parameters(self, guarantee: Guarantee) -> Mapping[str, float]:
        """Those that are run."""
        if self.override_parameters is None:
            return guarantee.parameters
        return called("override_parameters", self.override_parameters, PARAMETERS, guarantee)

    def columns(self, guarantee: Guarantee) -> list[str]:
        """The columns that the metric is made of, as far as a run has to be told."""
        return [c for c, _ in guarantee.metric.terms if c in OPTIONAL_COLUMNS or c in self.method.columns]

    def metric(self, guarantee: Guarantee, trace: Trace) -> np.ndarray:
        """(R, K) values of the metric; terms that a method of one's own does not record are left out."""
        terms = guarantee.metric.terms
        if self.method.name != self.theorem.method:
            terms = tuple(term for term in terms if term[0] in trace.columns)
        return trace.combine(terms)

    def deterministic(self, problem: Problem) -> bool:
        """Whether every replica does the same: exact gradients and compressors without coins."""
        coins = self.up.draws(problem.dim) + self.down.draws(problem.dim) + self.method.tosses
        return problem.noise.kind == "none" and problem.noise.batch is None and coins == 0

    def _advance(self, problem: Problem) -> Callable[[int], None] | None:
        if self.progress is None:
            return None
        report = self.progress

        def advance(replica_rounds: int) -> None:
            self.work_done += replica_rounds * problem.workers
            report(Event(self.theorem.name, min(self.work_done / self.work_planned, 0.999), "running"))

        return advance

    def _plan_work(self, rounds: int, replicas: int, problem: Problem) -> float:
        main = rounds * replicas * problem.workers
        grid = sum(self.plan.rounds_grid) * replicas * problem.workers
        speed = (self.plan.speedup_rounds or rounds) * self.plan.speedup_replicas * sum(self.plan.workers_grid)
        return float(main + grid + speed)

    # -- the verdict -----------------------------------------------------------------------------------------------

    def judge(self) -> Verdict:
        began = time.perf_counter()
        problem, subject = self.problem(), self.theorem
        if problem.stated:
            check_gradient(problem)
        guarantee = self.guarantee(problem, self.plan.rounds or None)
        common: dict[str, Any] = {
            "theorem": subject.name, "title": subject.title, "method": subject.method, "source": subject.source,
            "provenance": subject.provenance, "statement": subject.statement, "problem": problem.spec,
            "workers": problem.workers, "up": self.up.spec, "down": self.down.spec, "seed": self.seed,
            "alpha": self.alpha, "command": self.command,
            "constants": self.constants(problem, self.plan.rounds).completed().known(),
            "versions": versions(), "experiment": plain(replace(self.plan, problem=problem.spec)), "own": self.own,
            "needs": self.needs,
        }  # fmt: skip
        if not guarantee:
            return Verdict(verdict="no guarantee", reason=guarantee.reason, rounds=0, replicas=0, **common)
        rounds = self.plan.rounds or _enough_rounds(guarantee)
        if not self.plan.rounds:
            guarantee = self.guarantee(problem, rounds)
            assert isinstance(guarantee, Guarantee)
        if guarantee.curve is not None:
            rounds = guarantee.whole(rounds)
        replicas = 1 if self.deterministic(problem) else self.plan.replicas
        self.work_planned = self._plan_work(rounds, replicas, problem)
        if guarantee.curve is None:
            compare = self._compare_order
        else:
            compare = self._compare_path if guarantee.horizon is None else self._compare_tuned
        found = compare(problem, guarantee, rounds, replicas)
        decision, rate, speedup = found.decision, found.rate, None
        notes = guarantee.notes
        if left := _outside(problem, found.trace):
            decision = Decision("no guarantee", left, decision.margin)
        if (seconds := _seconds(guarantee, found.trace)) is not None:
            if seconds.late is not None:
                decision = Decision("violated", str(seconds), decision.margin)
            else:
                decision = replace(decision, reason=f"{decision.reason}; {seconds}")
        if decision.word in ("holds", "vacuous"):
            rate = rate or self._rate(problem, guarantee, found, replicas)
            speedup, without = self._speedup(guarantee, rounds, found.trace.replicas)
            if speedup is None and self.plan.own_problem:
                notes = (*notes, f"no speedup over n was measured: {without}")
        strong = None
        if found.series is not None and decision.word != "no guarantee":
            share = self.alpha * SHARES["violated"]
            strong = strength(
                found.series, found.compared, share, f"{problem.spec}, {counted(problem.workers, 'worker')}"
            )
        return Verdict(
            verdict=with_promises(decision.word, rate, speedup), reason=decision.reason, margin=decision.margin,
            rounds=rounds, replicas=found.trace.replicas, parameters={**guarantee.parameters, **guarantee.analysis},
            active=guarantee.active, metric=guarantee.metric, rate=rate, speedup=speedup, strength=strong,
            clock=seconds,
            confirmation=found.confirmation, bits=bits_per_round(found.trace, problem.dim), series=found.series,
            notes=notes, hypotheses=tuple(asdict(hypothesis) for hypothesis in guarantee.hypotheses),
            on_your_word=guarantee.on_your_word, seconds=time.perf_counter() - began, **common,
        )  # fmt: skip

    def _compare_path(self, problem: Problem, guarantee: Guarantee, rounds: int, replicas: int) -> Comparison:
        """Compare along one run: the bound is about every number of rounds with the same parameters."""
        points = np.concatenate([log_checkpoints(rounds, 30), np.linspace(0, rounds, 21).astype(int)])
        points = np.unique([guarantee.whole(t) if t else 0 for t in points])

        def at(t: int, count: int, first: int) -> np.ndarray:
            length = rounds if self.method.clock else t  # a schedule belongs to its length
            fresh = self.run(problem, guarantee, length, count, first, [t])
            return self.metric(guarantee, fresh)[:, np.searchsorted(fresh.rounds, t)]

        runs: list[Trace] = []

        def measure(looks: Looks) -> tuple[Series, np.ndarray]:
            done = runs[-1].replicas if runs else 0
            self.work_planned += rounds * done * problem.workers
            more = self.run(problem, guarantee, rounds, looks.replicas - done, done, points)
            runs.append(runs[-1].merge(more) if done else more)
            trace, samples = runs[-1], self.metric(guarantee, runs[-1])
            bound = guarantee.bound(trace.rounds[1:])
            series = self._series(problem, guarantee, trace.rounds[1:], bound, samples[:, 1:], samples[:, 0], looks)
            return series, trace.first_bad

        found = decide_in_looks(measure, at, replicas, self.alpha)
        return Comparison(
            found.decision, found.series, runs[-1], self.metric(guarantee, runs[-1])[:, 1:],
            confirmation=found.confirmation,
        )  # fmt: skip

    def _compare_tuned(self, problem: Problem, guarantee: Guarantee, rounds: int, replicas: int) -> Comparison:
        """Compare at the end of several runs, each with the parameters tuned for its own length."""
        lengths = sorted({*self.plan.rounds_grid, rounds})
        tuned = {T: g for T in lengths if (g := self.guarantee(problem, T))}
        bound = np.array([float(g.bound(T)) for T, g in tuned.items()])

        def at(T: int, count: int, first: int) -> np.ndarray:
            return self.ends(problem, tuned[T], T, count, first)

        traces: dict[int, Trace] = {}

        def ends() -> dict[int, np.ndarray]:
            return {T: self.metric(tuned[T], trace)[:, -1] for T, trace in traces.items()}

        def measure(looks: Looks) -> tuple[Series, np.ndarray]:
            for T, g in tuned.items():
                done = traces[T].replicas if T in traces else 0
                more = self.run(problem, g, T, looks.replicas - done, done, [0])
                traces[T] = traces[T].merge(more) if done else more
            samples, start = np.column_stack(list(ends().values())), self.metric(guarantee, traces[rounds])[:, 0]
            series = self._series(problem, guarantee, np.array(list(traces)), bound, samples, start, looks)
            return series, np.array([trace.first_bad for trace in traces.values()]).max(axis=0)

        found = decide_in_looks(measure, at, replicas, self.alpha)
        return Comparison(
            found.decision, found.series, traces[rounds], np.column_stack(list(ends().values())), ends(),
            confirmation=found.confirmation,
        )  # fmt: skip

    def _compare_order(self, problem: Problem, guarantee: Guarantee, rounds: int, replicas: int) -> Comparison:
        """Judge an order by its slope: there is no bound to compare with. Fresh replicas confirm a wrong slope."""
        trace = self.run(problem, guarantee, rounds, replicas, checkpoints=[0])
        if (bad := divergence(trace.first_bad)) is not None:
            return Comparison(bad, None, trace)
        rate = self._rate_over_lengths(problem, guarantee, {}, replicas)
        if rate is None:
            unfit = Decision("no guarantee", f"{guarantee.needs}; it takes three lengths of run to fit a slope")
            return Comparison(unfit, None, trace)
        decision = decide_order(rate)
        if decision.word == "violated" and replicas > 1:
            rate = self._rate_over_lengths(problem, guarantee, {}, CONFIRMING, first=FRESH)
            assert rate is not None
            decision = decide_order(rate)
        return Comparison(decision, None, trace, rate=rate)

    def _series(
        self,
        problem: Problem,
        guarantee: Guarantee,
        rounds: np.ndarray,
        bound: np.ndarray,
        samples: np.ndarray,
        start: np.ndarray,
        looks: Looks,
    ) -> Series:
        mean, low, high = mean_limits(samples, looks.alpha(self.alpha, "holds"))
        path = guarantee.curve is not None and guarantee.horizon is None
        floor = guarantee.curve.floor if guarantee.curve is not None and path else None
        return Series(rounds, mean, low, high, bound, float(start.mean()), floor, _rounding(problem, guarantee))

    # -- rate and speedup ------------------------------------------------------------------------------------------

    def _rate(self, problem: Problem, guarantee: Guarantee, found: Comparison, replicas: int) -> MeasuredRate | None:
        if guarantee.rate.kind != "linear":
            return self._rate_over_lengths(problem, guarantee, found.samples, replicas)
        if found.series is None:
            return None
        samples = self.metric(guarantee, found.trace)[:, 1:]
        share = self.alpha * SHARES["rate"]
        return linear_rate(samples, found.series, guarantee.rate.contraction, guarantee.rate.text, share)

    def _rate_over_lengths(
        self, problem: Problem, guarantee: Guarantee, measured: dict[int, np.ndarray], replicas: int, first: int = 0
    ) -> MeasuredRate | None:
        """The slope over T, each T with a run of its own unless it is measured; None if there are too few T."""
        lengths = [T for T in self.plan.rounds_grid if T > 1]
        if len(lengths) < 3 or guarantee.rate.in_rounds is None:
            return None
        samples, bounds = [], []
        for T in lengths:
            tuned = self.guarantee(problem, T)
            if not tuned:
                return None
            if T in measured:
                samples.append(measured[T])
            else:
                samples.append(self.ends(problem, tuned, T, replicas, first))
            if tuned.curve is not None:
                bounds.append(float(tuned.bound(T)))
        fit = fit_slope(np.array(lengths), samples, log_x=True, alpha=self.alpha * SHARES["rate"])
        predicted = min(guarantee.rate.in_rounds), max(guarantee.rate.in_rounds)
        allowed = allowed_slopes(predicted)
        points = Points(
            tuple(lengths),
            tuple(float(s.mean()) for s in samples),
            tuple(bounds) if len(bounds) == len(lengths) else None,
        )
        return MeasuredRate(
            "power in rounds", predicted, fit.slope, fit.low, fit.high, meets(fit, allowed), guarantee.rate.text,
            allowed, points,
        )  # fmt: skip

    def _speedup(self, guarantee: Guarantee, rounds: int, replicas: int) -> tuple[MeasuredSpeedup | None, str]:
        """Measure how the noise term falls with n, up to the n for which the theorem promises it; or say why not.

        Linear rates: the level of the noise floor at the same parameters for all n (at the prescribed ones where the
        theorem prescribes them). Others: the metric after T rounds with the step that the theorem recommends for this
        n and T.
        """
        if not guarantee.rate.in_workers and self.plan.own_problem:
            return None, f"{self.theorem.name} promises none here ({guarantee.rate.text})"
        if self.plan.constants and self.plan.own_problem:
            return None, f"the given constants are those of {counted(self.plan.workers, 'worker')}"
        if len(self.plan.workers_grid) < 3:
            return None, (
                f"the problem was made for {counted(self.plan.workers, 'worker')}; give its text form, or a class "
                f"that takes workers=, for other numbers"
            )
        linear = guarantee.rate.kind == "linear"
        other = self.on_speedup_problem()
        plan = other.plan
        problems = {n: p for n in plan.workers_grid if (p := other.problem_for(n)) is not None}
        fixed: dict[str, float] = {}
        length = plan.rounds or rounds
        if (
            linear
            and not self.theorem.general
            and (free := [g for p in problems.values() if (g := other.guarantee(p, None))])
        ):
            least = min(free, key=lambda g: g.parameters["gamma"]).parameters
            fixed = {name: value for name, value in least.items() if name != "M"}  # messages come from all n
        promises: dict[int, Guarantee] = {}
        for n, p in problems.items():
            g = other.guarantee(p, None if linear else length, **fixed)
            if g and g.rate.in_workers and (g.rate.speedup_until is None or n <= g.rate.speedup_until):
                promises[n] = g
        if len(promises) < 3:
            found = ", ".join(map(str, promises)) or "none"
            return None, f"it is promised for fewer than three of the n that were tried ({found} of {[*problems]})"
        if self.plan.own_problem:  # nobody has said how long: no longer than the main run, and at a like cost
            if linear:
                length = min(length, 2 * max(_to_the_floor(g, length) for g in promises.values()))
            most = SPEEDUP_COST * rounds * max(replicas, plan.speedup_replicas) * self.plan.workers
            while len(promises) > 3 and sum(promises) * length * plan.speedup_replicas > most:
                promises.pop(max(promises))
        return other._measured_speedup(problems, promises, length, linear), ""

    def problem_for(self, workers: int) -> Problem | None:
        """The problem on so many workers; None if it cannot be had for them, the data being few."""
        try:
            return self.problem(workers)
        except InputError:
            return None

    def _measured_speedup(
        self, problems: Mapping[int, Problem], promises: dict[int, Guarantee], length: int, linear: bool
    ) -> MeasuredSpeedup:
        """Measure it for the n of `promises`, in runs of `length` rounds."""
        plan = self.plan
        tail = np.linspace(length // 2, length, 25).astype(int)

        def measured(n: int, g: Guarantee, count: int, first: int) -> np.ndarray:
            if not linear:
                return self.ends(problems[n], g, length, count, first)
            return self.metric(g, self.run(problems[n], g, length, count, first, tail)).mean(axis=1)

        bounds = [float(g.curve.floor if linear else g.bound(length)) for g in promises.values() if g.curve is not None]
        workers, looks = np.array(list(promises)), Looks(plan.speedup_replicas)
        samples = [np.empty(0)] * workers.size
        while True:
            samples = [
                np.append(old, measured(n, g, looks.replicas - old.size, old.size))
                for old, (n, g) in zip(samples, promises.items(), strict=True)
            ]
            fit = fit_slope(workers, samples, log_x=True, alpha=looks.alpha(self.alpha, "speedup"))
            if looks.last or not fit.low <= 0 <= fit.high:
                break
            looks = looks.next()
        limits = [mean_limits(s[:, None], 0.05) for s in samples]
        promised, spec = next(iter(promises.values())).rate, next(iter(problems.values())).spec
        slowest = float(np.polyfit(np.log(workers), np.log(bounds), 1)[0]) if bounds else promised.in_workers
        fast, slow = allowed_slopes((promised.in_workers, promised.in_workers))
        allowed = fast, max(slow, slowest)
        return MeasuredSpeedup(
            workers=tuple(workers.tolist()), measured=tuple(float(s.mean()) for s in samples),
            low=tuple(float(low[0]) for _, low, _ in limits), high=tuple(float(high[0]) for _, _, high in limits),
            predicted=tuple(bounds), slope=fit.slope, slope_low=fit.low, slope_high=fit.high, predicted_slope=allowed,
            until=promised.speedup_until, seen=meets(fit, allowed), problem=spec, up=plan.up, down=plan.down,
            text=("level of the noise floor" if linear else f"metric at T = {length}") + f" on {spec}",
        )  # fmt: skip


def _end(trace: Trace) -> Trace:
    """The columns of a trace after its last round, and nothing else that takes room."""
    columns = {name: values[:, -1:].copy() for name, values in trace.columns.items()}
    return replace(trace, rounds=trace.rounds[-1:], columns=columns, scalars={}, final=np.empty((0, 0)), paths={})


def _to_the_floor(guarantee: Guarantee, most: int) -> int:
    """Rounds until a bound is within two per cent of its floor."""
    floor = guarantee.curve.floor if guarantee.curve is not None else 0.0
    return (guarantee.rounds_to(1.02 * floor) if floor > 0 else None) or most


def _outside(problem: Problem, trace: Trace) -> str:
    """Why constants that hold in a region only are of no use, or an empty string."""
    if problem.region is None or "dist_sq" not in trace.columns:
        return ""
    distances = trace.columns["dist_sq"]
    far = float(np.sqrt((distances.mean(axis=0) if problem.region_in_mean_square else distances).max()))
    if far <= problem.region:
        return ""
    return (
        f"the iterates are as far as {far:.4g} from x*, and the constants hold up to {problem.region:.4g}: enlarge "
        f"region"
    )


def _seconds(guarantee: Guarantee, trace: Trace) -> MeasuredSeconds | None:
    """The clock's seconds beside those that a theorem promises; None where it promises none, or nothing keeps time."""
    if guarantee.seconds(1) is None or "seconds" not in trace.scalars or trace.rounds[-1] < 1:
        return None
    rounds = trace.rounds[trace.rounds > 0]
    promised = np.array([guarantee.seconds(int(t)) for t in rounds], dtype=np.float64)
    return MeasuredSeconds(rounds, trace.seconds[trace.rounds > 0], promised)


def _rounding(problem: Problem, guarantee: Guarantee) -> float:
    """The level below which the metric is rounding error, by the problem's own analysis."""
    floors = problem.rounding_floor()
    return float(sum(c * floors.get(FLOOR_OF.get(name, name), 0.0) for name, c in guarantee.metric.terms if c > 0))


def _enough_rounds(guarantee: Guarantee) -> int:
    """Rounds for a problem without a default: until the bound has lost eight digits, within reason."""
    rho = guarantee.rate.contraction
    if guarantee.rate.kind != "linear" or rho is None or not 0 < rho < 1:
        return DEFAULT_ROUNDS
    return int(np.clip(18.0 / -np.log(rho), 200, 20000))
