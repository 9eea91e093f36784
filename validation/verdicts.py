"""Verdicts: a theorem's bound against a method's measurements.

For every theorem: the method runs with the theorem's own parameters on a problem whose constants are known, the
expectation that the bound is about is estimated from independent replicas, and one-sided confidence limits that hold
simultaneously over all checkpoints decide:

holds         every upper limit is at or below the bound;
violated      some lower limit is above the bound, or a replica diverged;
inconclusive  neither, even after doubling the replicas up to `MOST_REPLICAS_FACTOR` times;
vacuous       the bound is never below the metric's value at x^0, so that holding says nothing;
no guarantee  the theorem does not cover this request; the reason says why.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ..common.errors import InputError, nearest
from ..common.jsonable import plain
from ..common.version import __version__
from ..problems import Problem
from ..problems import problem as build_problem
from ..solvers.engines.setup import OPTIONAL_COLUMNS
from ..solvers.engines.simulate import log_checkpoints, simulate, timetable
from ..solvers.method import Method
from ..solvers.method import method as build_method
from ..solvers.schedule import Schedule
from ..solvers.trace import Trace
from ..theory import THEOREMS, Constants, Guarantee, NoGuarantee, Theorem, theorem
from ..theory.compressors import Compressor, compressor
from .claims import CLAIMS, Finding
from .experiments import EXPERIMENTS, Experiment, experiment
from .statistics import Fit, fit_path_slope, fit_slope, mean_limits
from .sweeps import spread

#: Replicas are doubled while undecided, up to this multiple of the experiment's number.
MOST_REPLICAS_FACTOR = 16
#: A linear rate is fitted where the metric is above this multiple of its level in the last tenth of the run.
ABOVE_FLOOR = 30.0
#: A metric this many times above its rounding level is above a bound that is below that level (10 times in length).
ABOVE_ROUNDING = 100.0
#: The share of a promised slope (in T or in n) that is left to the lower-order terms which the promise neglects.
LOWER_ORDER = 0.2
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


Spoil = Callable[[Guarantee], dict[str, float]]


@dataclass(frozen=True)
class Event:
    """Progress: how much of a theorem's verdict is done."""

    theorem: str
    done: float
    text: str


@dataclass(frozen=True)
class Series:
    """What a verdict compares: (K,) arrays over rounds; `floor` is what the bound tends to."""

    rounds: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    bound: np.ndarray
    start: float
    floor: float | None = None
    rounding: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """The outcome for one theorem, with everything that is needed to repeat it."""

    theorem: str
    title: str
    method: str
    verdict: str
    reason: str
    source: str
    provenance: str
    statement: str
    problem: str
    workers: int
    up: str
    down: str
    rounds: int
    replicas: int
    seed: int
    alpha: float
    command: str
    margin: float | None = None
    constants: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    active: str = ""
    metric: dict[str, str] = field(default_factory=dict)
    rate: dict[str, Any] | None = None
    speedup: dict[str, Any] | None = None
    bits: dict[str, float] = field(default_factory=dict)
    series: Series | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)

    def certificate(self) -> dict[str, Any]:
        """Return the verdict as a JSON-able document with stable keys."""
        keys = (
            "theorem", "verdict", "reason", "margin", "method", "problem", "workers", "up", "down", "alpha", "replicas",
            "rounds", "constants", "parameters", "active", "metric", "rate", "speedup", "bits", "provenance", "source",
            "title", "statement", "notes", "command", "seed", "versions", "seconds",
        )  # fmt: skip
        return {key: plain(getattr(self, key)) for key in keys}


def exit_status(verdicts: Sequence[Verdict | Finding]) -> int:
    """Return 0 if every bound and claim held, 1 if one was violated, 3 if one was undecided, vacuous or not covered."""
    words = {v.verdict for v in verdicts}
    if "violated" in words:
        return 1
    return 0 if words == {"holds"} else 3


def select(ids: Sequence[str] = (), paper: str | None = None) -> tuple[list[str], list[str]]:
    """Return the ids of the theorems and of the claims that are asked for: by name, by the paper's word, or all.

    Raises
    ------
    InputError
        Unknown id or paper (the nearest is suggested).
    """
    for i in ids:
        if i not in THEOREMS and i not in CLAIMS:
            raise InputError(
                f"unknown theorem or claim '{i}'{nearest(i, [*THEOREMS, *CLAIMS])}; "
                "see tersegrad list theorems and tersegrad list claims"
            )
    chosen = list(ids)
    if paper is not None:
        papers = sorted({i.split(".")[0] for i in [*THEOREMS, *CLAIMS]})
        if paper not in papers:
            raise InputError(f"unknown paper '{paper}'{nearest(paper, papers)}; known: {', '.join(papers)}")
        chosen += [i for i in [*THEOREMS, *CLAIMS] if _of_paper(i, paper) and i not in chosen]
    chosen = chosen or [*(i for i in THEOREMS if i in EXPERIMENTS), *CLAIMS]
    return [i for i in chosen if i in THEOREMS], [i for i in chosen if i in CLAIMS]


def _of_paper(identity: str, paper: str) -> bool:
    """Whether a theorem is one of a paper: its word is the paper's, alone or with a suffix (gmc, gmc-plus)."""
    word = identity.split(".")[0]
    return word == paper or word.startswith(paper + "-")


def verify(
    ids: Sequence[str] = (),
    *,
    paper: str | None = None,
    quick: bool = False,
    problem: str | Problem | None = None,
    up: str | Compressor | None = None,
    down: str | Compressor | None = None,
    workers: int | None = None,
    rounds: int | None = None,
    replicas: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    alpha: float = 1e-3,
    executor: Executor | None = None,
    progress: Callable[[Event], None] | None = None,
) -> list[Verdict]:
    """Put theorems to the test.

    Parameters
    ----------
    ids, paper
        Which theorems: ids, all of one paper (its word), or by default all. (Claims have `claims.examine`.)
    quick
        Fewer rounds and replicas, smaller grids.
    problem, up, down, workers, rounds, replicas
        In place of those of the theorem's default experiment.
    jobs
        Threads; the result does not depend on it. With an executor every theorem has one.
    alpha
        Probability that any verdict of this call rests on a wrong confidence limit; shared equally by the theorems.
    executor
        Any `concurrent.futures.Executor`, which judges several theorems at once; the result does not depend on it.

    Raises
    ------
    InputError
        For anything that cannot be run.
    """
    chosen = [theorem(i).name for i in ids] if ids and paper is None else select(ids, paper)[0]
    if not 0 < alpha < 1:
        raise InputError(f"alpha = {alpha} is not a probability between 0 and 1")
    given = {"problem": problem, "up": up, "down": down, "workers": workers, "rounds": rounds, "replicas": replicas}
    changes = {k: v for k, v in given.items() if v is not None}
    share = alpha / len(chosen)
    requests = [Request(i, quick, changes, seed, jobs if executor is None else 1, share) for i in chosen]
    work = partial(_answer, progress=progress) if executor is None else _answer

    def done(verdict: Verdict) -> None:
        if progress is not None:
            progress(Event(verdict.theorem, 1.0, verdict.verdict))

    return spread(executor, work, requests, done)


@dataclass(frozen=True)
class Request:
    """One theorem to be judged: the arguments of `verify`, as they travel to another process."""

    theorem: str
    quick: bool
    changes: dict[str, Any]
    seed: int
    threads: int | None
    alpha: float


def _answer(request: Request, progress: Callable[[Event], None] | None = None) -> Verdict:
    plan = experiment(request.theorem).at_hand()
    if request.quick:
        plan = plan.quick()
    changes = request.changes
    objects = {side: compressor(changes.get(side) or getattr(plan, side)) for side in ("up", "down")}
    plan = plan.adapted(**{k: _spec(v) if k in objects else v for k, v in changes.items()})
    trial = _Trial(theorem(request.theorem), plan, objects, request.seed, request.threads, request.alpha, progress)
    trial.command = _command(request.theorem, request.quick, changes, request.seed)
    return trial.judge()


def judge(
    plan: Experiment,
    *,
    method: Method | None = None,
    spoil: Spoil | None = None,
    seed: int = 0,
    alpha: float = 1e-3,
) -> Verdict:
    """Judge a method of one's own, or parameters of one's own, against the bound of a theorem.

    Parameters
    ----------
    plan
        The experiment, which names the theorem.
    method
        What is run in place of the theorem's method; it takes the same parameters. A part of a Lyapunov value that it
        does not have (no memories) counts as zero.
    spoil
        From the theorem's guarantee to the parameters that are run; the bound stays the theorem's.
    """
    objects = {"up": compressor(plan.up), "down": compressor(plan.down)}
    trial = _Trial(theorem(plan.theorem), plan, objects, seed, None, alpha, None)
    trial.method = method or trial.method
    trial.spoil = spoil
    return trial.judge()


class _Trial:
    """One theorem on one experiment."""

    command = ""
    spoil: Spoil | None = None

    def __init__(
        self,
        subject: Theorem,
        plan: Experiment,
        compressors: dict[str, Compressor],
        seed: int,
        jobs: int | None,
        alpha: float,
        progress: Callable[[Event], None] | None,
    ) -> None:
        self.subject, self.plan, self.seed, self.jobs, self.alpha = subject, plan, seed, jobs, alpha
        self.method = build_method(subject.method)
        self.up, self.down = compressors["up"], compressors["down"]
        self.progress = progress
        self.work_done = 0.0
        self.work_planned = 1.0
        self.began = time.perf_counter()

    # -- the pieces of a trial -------------------------------------------------------------------------------------

    def problem(self, workers: int | None = None) -> Problem:
        return build_problem(self.plan.problem, workers=workers or self.plan.workers)

    def schedule(self, problem: Problem, parameters: Mapping[str, float], rounds: int) -> Schedule | None:
        """The schedule of an asynchronous run, by the experiment's clock."""
        return timetable(self.method, problem.workers, rounds, self.seed, parameters, self.plan.clock or None)

    def constants(self, problem: Problem, rounds: int | None) -> Constants:
        """The problem's constants, and the largest delay of the schedule and what else theorems ask of it."""
        times = self.schedule(problem, self.plan.choices, rounds or self.plan.rounds or DEFAULT_ROUNDS)
        if times is None:
            return problem.constants()
        return replace(problem.constants(), **times.facts(self.method.clock == "table"))

    def guarantee(self, problem: Problem, rounds: int | None, **fixed: float) -> Guarantee | NoGuarantee:
        up = None if self.up.name == "identity" else self.up
        down = None if self.down.name == "identity" else self.down
        constants = self.constants(problem, rounds)
        found = self.subject.guarantee(constants, up, down, rounds=rounds, **{**self.plan.choices, **fixed})
        if found and found.missing:
            return NoGuarantee(self.subject, found.needs)
        return found

    def run(
        self,
        problem: Problem,
        sure: Guarantee,
        rounds: int,
        replicas: int,
        first: int = 0,
        checkpoints: Any = None,
    ) -> Trace:
        return simulate(
            self.method, problem, self.up, self.down,
            parameters=self.spoil(sure) if self.spoil else sure.parameters,
            rounds=rounds, replicas=replicas, first_replica=first, seed=self.seed,
            checkpoints=checkpoints, threads=self.jobs, progress=self._advance(problem),
            columns=[c for c, _ in sure.metric.terms if c in OPTIONAL_COLUMNS or c in self.method.columns],
            average=sure.weights, schedule=self.schedule(problem, sure.parameters, rounds),
        )  # fmt: skip

    def terms(self, sure: Guarantee, trace: Trace) -> tuple[tuple[str, float], ...]:
        """The metric's terms; those that a method of one's own does not record are left out."""
        if self.method.name == self.subject.method:
            return sure.metric.terms
        return tuple(term for term in sure.metric.terms if term[0] in trace.columns)

    def _advance(self, problem: Problem) -> Callable[[int], None] | None:
        if self.progress is None:
            return None
        report = self.progress

        def advance(replica_rounds: int) -> None:
            self.work_done += replica_rounds * problem.workers
            report(Event(self.subject.name, min(self.work_done / self.work_planned, 0.999), "running"))

        return advance

    def deterministic(self, problem: Problem) -> bool:
        """Whether every replica does the same: exact gradients and compressors without coins."""
        coins = self.up.draws(problem.dim) + self.down.draws(problem.dim) + (self.method.special_when == "coin")
        return problem.noise.kind == "none" and problem.noise.batch is None and coins == 0

    # -- the verdict -----------------------------------------------------------------------------------------------

    def judge(self) -> Verdict:
        problem = self.problem()
        sure = self.guarantee(problem, self.plan.rounds or None)
        common: dict[str, Any] = {
            "theorem": self.subject.name, "title": self.subject.title, "method": self.subject.method,
            "source": self.subject.source, "provenance": self.subject.provenance, "statement": self.subject.statement,
            "problem": problem.spec, "workers": problem.workers, "up": self.up.spec, "down": self.down.spec,
            "seed": self.seed, "alpha": self.alpha, "command": self.command,
            "constants": self.constants(problem, self.plan.rounds).completed().known(),
            "versions": {"tersegrad": __version__, "numpy": np.__version__},
        }  # fmt: skip
        if not sure:
            return Verdict(verdict="no guarantee", reason=sure.reason, rounds=0, replicas=0, **common)
        rounds = self.plan.rounds or _enough_rounds(sure)
        if not self.plan.rounds:
            sure = self.guarantee(problem, rounds)
            assert isinstance(sure, Guarantee)
        replicas = 1 if self.deterministic(problem) else self.plan.replicas
        self.work_planned = self._plan_work(rounds, replicas, problem)

        speedup = rate = None
        if sure.curve is None:
            word, reason, margin, series, trace, rate = self._compare_order(problem, sure, rounds, replicas)
        else:
            compare = self._compare_path if sure.horizon is None else self._compare_tuned
            word, reason, margin, series, trace = compare(problem, sure, rounds, replicas)
        if left := _outside(problem, trace):
            word, reason = "no guarantee", left
        if word in ("holds", "vacuous"):
            rate = rate or self._rate(problem, sure, trace, series, replicas)
            speedup = self._speedup(sure)
        return Verdict(
            verdict=word, reason=reason, margin=margin, rounds=rounds, replicas=trace.replicas,
            parameters={**sure.parameters, **sure.analysis}, active=sure.active,
            metric={"name": sure.metric.name, "latex": sure.metric.latex}, rate=rate, speedup=speedup,
            bits=_bits(trace, problem.dim), series=series, notes=sure.notes,
            seconds=time.perf_counter() - self.began, **common,
        )  # fmt: skip

    def _plan_work(self, rounds: int, replicas: int, problem: Problem) -> float:
        main = rounds * replicas * problem.workers
        grid = sum(self.plan.rounds_grid) * replicas * problem.workers
        speed = (self.plan.speedup_rounds or rounds) * self.plan.speedup_replicas * sum(self.plan.workers_grid)
        return float(main + grid + speed)

    def _compare_path(
        self, problem: Problem, sure: Guarantee, rounds: int, replicas: int
    ) -> tuple[str, str, float | None, Series, Trace]:
        """Compare along one run: the bound is about every number of rounds with the same parameters."""
        points = np.unique(np.concatenate([log_checkpoints(rounds, 30), np.linspace(0, rounds, 21).astype(int)]))
        trace = self.run(problem, sure, rounds, replicas, checkpoints=points)
        most = replicas * MOST_REPLICAS_FACTOR
        while True:
            samples = trace.combine(self.terms(sure, trace))
            series = self._series(problem, sure, trace.rounds[1:], samples[:, 1:], float(samples[:, 0].mean()))
            word, reason, margin = _decide(series, trace)
            if word != "inconclusive" or trace.replicas >= most or replicas == 1:
                return word, reason, margin, series, trace
            more = trace.replicas
            self.work_planned += rounds * more * problem.workers
            trace = trace.merge(self.run(problem, sure, rounds, more, trace.replicas, points))

    def _compare_tuned(
        self, problem: Problem, sure: Guarantee, rounds: int, replicas: int
    ) -> tuple[str, str, float | None, Series, Trace]:
        """Compare at the end of several runs, each with the parameters tuned for its own length."""
        lengths = sorted({*self.plan.rounds_grid, rounds})
        found = {T: g for T in lengths if (g := self.guarantee(problem, T))}
        while True:
            traces = {T: self.run(problem, g, T, replicas, checkpoints=[0]) for T, g in found.items()}
            samples = np.column_stack([traces[T].combine(found[T].metric.terms)[:, -1] for T in traces])
            start = float(traces[rounds].combine(sure.metric.terms)[:, 0].mean())
            mean, low, high = mean_limits(samples, self.alpha)
            bound = np.array([float(found[T].bound(T)) for T in traces])
            rounding = _rounding(problem, sure)
            series = Series(np.array(list(traces)), mean, low, high, bound, start, None, rounding)
            self.runs = {T: samples[:, k] for k, T in enumerate(traces)}
            word, reason, margin = _decide(series, traces[rounds])
            if word != "inconclusive" or replicas >= self.plan.replicas * MOST_REPLICAS_FACTOR:
                return word, reason, margin, series, traces[rounds]
            replicas *= 2

    def _compare_order(
        self, problem: Problem, sure: Guarantee, rounds: int, replicas: int
    ) -> tuple[str, str, float | None, None, Trace, dict[str, Any] | None]:
        """Judge an order by its slope: there is no bound to compare with."""
        trace = self.run(problem, sure, rounds, replicas, checkpoints=[0])
        if trace.diverged is not None:
            return "violated", _divergence(trace), 0.0, None, trace, None
        rate = self._rate(problem, sure, trace, None, replicas)
        if rate is None:
            return "no guarantee", f"{sure.needs}; it takes three lengths of run to fit it", None, None, trace, None
        low, high = rate["low"], rate["high"]
        words = (
            f"fitted slope {rate['fitted']:.3g} in [{low:.3g}, {high:.3g}], the order allows {rate['allowed'][1]:.3g}"
        )
        verdict = "holds" if rate["seen"] else "violated" if low > rate["allowed"][1] else "inconclusive"
        return verdict, f"an order has no bound, but a slope: {words}", None, None, trace, rate

    def _series(
        self, problem: Problem, sure: Guarantee, rounds: np.ndarray, samples: np.ndarray, start: float
    ) -> Series:
        mean, low, high = mean_limits(samples, self.alpha)
        bound = np.asarray(sure.bound(rounds), float)
        floor = sure.curve.floor if sure.curve is not None else None
        return Series(rounds, mean, low, high, bound, start, floor, _rounding(problem, sure))

    # -- rate and speedup ------------------------------------------------------------------------------------------

    def _rate(
        self, problem: Problem, sure: Guarantee, trace: Trace, series: Series | None, replicas: int
    ) -> dict[str, Any] | None:
        if sure.rate.kind == "linear":
            return None if series is None else _linear_rate(sure, trace, series)
        lengths = [T for T in self.plan.rounds_grid if T > 1]
        if len(lengths) < 3 or sure.rate.in_rounds is None:
            return None
        samples, bounds = [], []
        for T in lengths:
            tuned = self.guarantee(problem, T)
            if not tuned:
                return None
            if sure.horizon is not None:
                samples.append(self.runs[T])
            else:
                run = self.run(problem, tuned, T, replicas, checkpoints=[0])
                samples.append(run.combine(tuned.metric.terms)[:, -1])
            bounds.append(None if tuned.curve is None else float(tuned.bound(T)))
        fit = fit_slope(np.array(lengths), samples, log_x=True, seed=self.seed)
        fast, slow = sorted(sure.rate.in_rounds)
        allowed = [(1 + LOWER_ORDER) * fast, (1 - LOWER_ORDER) * slow]
        return {
            "kind": "power in rounds",
            "predicted": [fast, slow],
            "allowed": allowed,
            "fitted": fit.slope,
            "low": fit.low,
            "high": fit.high,
            "seen": _meets(fit, *allowed),
            "points": {"x": lengths, "y": [float(s.mean()) for s in samples]}
            | ({"bound": bounds} if all(bounds) else {}),
            "text": sure.rate.text,
        }

    def _speedup(self, sure: Guarantee) -> dict[str, Any] | None:
        """Measure how the noise term falls with n, up to the n for which the theorem promises it.

        Linear rates: the level of the noise floor at the same parameters for all n (at the prescribed ones where the
        theorem prescribes them). Others: the metric after T rounds with the step that the theorem recommends for this
        n and T.
        """
        if len(self.plan.workers_grid) < 3:
            return None
        plan = self.plan.speedup()
        linear = sure.rate.kind == "linear"
        other = copy(self)
        other.plan, other.up, other.down = plan, compressor(plan.up), compressor(plan.down)
        problems = {n: other.problem(n) for n in plan.workers_grid}
        fixed: dict[str, float] = {}
        if (
            linear
            and not self.subject.general
            and (free := [g for p in problems.values() if (g := other.guarantee(p, None))])
        ):
            least = min(free, key=lambda g: g.parameters["gamma"]).parameters
            fixed = {name: value for name, value in least.items() if name != "M"}  # messages come from all n
        found: dict[int, Guarantee] = {}
        for n, p in problems.items():
            g = other.guarantee(p, None if linear else plan.rounds, **fixed)
            if g and g.rate.in_workers and (g.rate.speedup_until is None or n <= g.rate.speedup_until):
                found[n] = g
        if len(found) < 3:
            return None
        samples, bounds = [], []
        for n, g in found.items():
            tail = np.linspace(plan.rounds // 2, plan.rounds, 25).astype(int) if linear else [0]
            trace = other.run(problems[n], g, plan.rounds, plan.speedup_replicas, checkpoints=tail)
            values = trace.combine(g.metric.terms)
            samples.append(values.mean(axis=1) if linear else values[:, -1])
            if g.curve is not None:
                bounds.append(float(g.curve.floor if linear else g.bound(plan.rounds)))
        workers = np.array(list(found))
        fit = fit_slope(workers, samples, log_x=True, seed=self.seed)
        limits = [mean_limits(s[:, None], 0.05) for s in samples]
        promised = next(iter(found.values())).rate.in_workers
        of_bound = float(np.polyfit(np.log(workers), np.log(bounds), 1)[0]) if bounds else promised
        range_ = [(1 + LOWER_ORDER) * promised, max((1 - LOWER_ORDER) * promised, of_bound)]
        return {
            "workers": workers.tolist(),
            "measured": [float(s.mean()) for s in samples],
            "low": [float(low[0]) for _, low, _ in limits],
            "high": [float(high[0]) for _, _, high in limits],
            "predicted": bounds,
            "slope": fit.slope,
            "slope_low": fit.low,
            "slope_high": fit.high,
            "predicted_slope": range_,
            "until": next(iter(found.values())).rate.speedup_until,
            "seen": _meets(fit, *range_),
            "problem": plan.problem,
            "up": plan.up,
            "down": plan.down,
            "text": ("level of the noise floor" if linear else f"metric at T = {plan.rounds}") + f" on {plan.problem}",
        }


def _outside(problem: Problem, trace: Trace) -> str:
    """Why constants that hold in a region only are of no use, or an empty string."""
    if problem.region is None or "dist_sq" not in trace.columns:
        return ""
    far = float(np.sqrt(trace.columns["dist_sq"].mean(axis=0).max()))
    if far <= problem.region:
        return ""
    return f"the iterates come to the distance {far:.4g} of x*, and G holds up to {problem.region:.4g}: enlarge region"


def _linear_rate(sure: Guarantee, trace: Trace, series: Series) -> dict[str, Any] | None:
    samples = trace.combine(sure.metric.terms)[:, 1:]
    level = max(float(series.mean[series.rounds >= 0.9 * series.rounds[-1]].mean()), series.rounding)
    use = series.mean > ABOVE_FLOOR * level
    rho = sure.rate.contraction
    if rho is None or use.sum() < 4:
        return None
    fit = fit_path_slope(series.rounds[use].astype(float), samples[:, use])
    contraction = Fit(*(float(np.exp(s)) for s in (fit.slope, fit.low, fit.high)))
    return {
        "kind": "linear",
        "predicted": rho,
        "fitted": contraction.slope,
        "low": contraction.low,
        "high": contraction.high,
        "seen": contraction.low <= rho,
        "points": None,
        "text": sure.rate.text,
    }


def _meets(fit: Fit, low: float, high: float) -> bool:
    """Whether the fitted interval meets the predicted one (widened by rounding only)."""
    return bool(fit.low <= high + 1e-9 and fit.high >= low - 1e-9)


def _decide(series: Series, trace: Trace) -> tuple[str, str, float | None]:
    if trace.diverged is not None:
        return "violated", _divergence(trace), 0.0
    use = series.bound > series.rounding
    if words := _above_rounding(series, ~use):
        return "violated", words, 0.0
    if not use.any():
        most = float(series.high.max())
        words = (
            f"the bound is below double precision at every checkpoint; the upper limits are at most {most:.3g}, and "
            f"rounding explains {series.rounding:.3g}"
        )
        return ("holds" if np.all(series.high <= series.bound + series.rounding) else "inconclusive"), words, None
    bound, low, high = series.bound[use], series.low[use], series.high[use]
    slack = 1e-9 * bound + series.rounding
    margin = float(np.min(bound / np.maximum(high, np.finfo(float).tiny)))
    if np.any(low > bound + slack):
        k = int(np.argmax(low / bound))
        t = int(series.rounds[use][k])
        return (
            "violated",
            f"at round {t} the metric is at least {low[k]:.4g}, the bound {bound[k]:.4g}",
            margin,
        )
    if np.any(high > bound + slack):
        k = int(np.argmax(high / bound))
        t = int(series.rounds[use][k])
        return (
            "inconclusive",
            f"at round {t} the upper limit {high[k]:.4g} is above the bound {bound[k]:.4g}",
            margin,
        )
    if np.min(bound) >= series.start > 0:  # a memory starts at 0, which no bound can beat
        return "vacuous", f"the bound is never below the value {series.start:.4g} at x^0", margin
    return "holds", f"every upper limit is at or below the bound; smallest margin {margin:.3g}", margin


def _above_rounding(series: Series, where: np.ndarray) -> str:
    """Where a bound below double precision is missed by more than rounding explains, or an empty string."""
    far = where & (series.low > series.bound + ABOVE_ROUNDING * series.rounding)
    if not far.any():
        return ""
    k = int(np.argmax(far))
    return (
        f"at round {int(series.rounds[k])} the metric is at least {series.low[k]:.4g}, the bound "
        f"{series.bound[k]:.4g}, and rounding explains {series.rounding:.3g}"
    )


def _divergence(trace: Trace) -> str:
    bad = int((trace.first_bad > 0).sum())
    return f"{bad} of {trace.replicas} replicas diverged, the first at round {trace.diverged}"


def _rounding(problem: Problem, sure: Guarantee) -> float:
    """The level below which the metric is rounding error, by the problem's own analysis."""
    floors = problem.rounding_floor()
    return float(sum(c * floors.get(FLOOR_OF.get(name, name), 0.0) for name, c in sure.metric.terms if c > 0))


def _enough_rounds(sure: Guarantee) -> int:
    """Rounds for a problem without a default: until the bound has lost eight digits, within reason."""
    rho = sure.rate.contraction
    if sure.rate.kind != "linear" or rho is None or not 0 < rho < 1:
        return DEFAULT_ROUNDS
    return int(np.clip(18.0 / -np.log(rho), 200, 20000))


def _bits(trace: Trace, dim: int) -> dict[str, float]:
    """Bits per worker and round, both directions together, by the three meters."""
    rounds = float(trace.rounds[-1])
    formula = float(trace.scalars["bits_up_formula"][-1] + trace.scalars["bits_down_formula"][-1]) / rounds
    encoded = float((trace.columns["bits_up_encoded"] + trace.columns["bits_down_encoded"])[:, -1].mean()) / rounds
    entropy = float((trace.scalars["entropy_up"] + trace.scalars["entropy_down"])[1:].mean())
    dense = 64.0 * dim
    return {
        "formula": formula,
        "encoded": encoded,
        "entropy": entropy,
        "saved_vs_dense32": 1.0 - encoded / dense,
        "saved_vs_dense32_formula": 1.0 - formula / dense,
    }


def _spec(given: str | Compressor | None) -> str | None:
    return given.spec if isinstance(given, Compressor) else given


def _command(identity: str, quick: bool, changes: dict[str, Any], seed: int) -> str:
    words = ["tersegrad", "verify", identity]
    words += ["--quick"] if quick else []
    for key, value in changes.items():
        words += [f"--{key}", value.spec if isinstance(value, Problem | Compressor) else str(value)]
    words += ["--seed", str(seed)]
    return shlex.join(words)
