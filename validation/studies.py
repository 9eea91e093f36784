"""Studies: methods at equal bits, the speedup over workers, grids of steps, tables of steps, fitted rates.

Each returns a record that prints as a table, turns into a data frame, and draws itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common.door import checked, shown
from ..common.errors import InputError, counted, nearest
from ..common.limits import require_time
from ..common.optional import needed
from ..common.options import integer
from ..problems import Problem
from ..problems import problem as build_problem
from ..solvers import simulate
from ..solvers.engines.simulate import later
from ..solvers.method import known_methods
from ..solvers.trace import Trace
from ..theory import THEOREMS, Guarantee, NoGuarantee, Theorem, theorem
from ..theory.compressors import Compressor, compressor
from .experiments import EXPERIMENTS
from .statistics import Fit, fit_path_slope, fit_slope, mean_limits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..theory import Constants
    from ..theory.theorem import HasConstants

Given = str | Compressor | None
ProblemOf = str | Problem | Callable[[int], Problem]

#: Probability that any limit of a study's record is wrong.
ALPHA = 1e-2


class Table:
    """What studies' records share: rows as dictionaries, as text and as a data frame."""

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a row."""
        raise NotImplementedError

    def __str__(self) -> str:
        """The rows in columns."""
        rows = self.rows()
        if not rows:
            return "nothing to show"
        cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
        widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
        )

    def _repr_html_(self) -> str:
        """The rows as a table, for notebooks."""
        from html import escape

        rows = self.rows()
        if not rows:
            return "<p>nothing to show</p>"
        head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
        body = "".join("<tr>" + "".join(f"<td>{escape(_cell(v))}</td>" for v in row.values()) + "</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        return needed("pandas", "to_pandas").DataFrame(self.rows())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


# -------------------------------------------------------------------------------------------------- comparison


#: Compressors made to be as bad as their constants allow, which nobody sends messages with.
WORST_CASES = ("adversary", "additive")


@dataclass(frozen=True)
class Contender:
    """One method of a comparison.

    Attributes
    ----------
    guarantee
        With the step for so many rounds.
    rounds, bits
        T, and the bits of one worker, both ways, by the papers' formulas.
    trace
        The run; its column `Comparison.column` is what is compared.
    """

    guarantee: Guarantee
    rounds: int
    bits: float
    trace: Trace


@dataclass(frozen=True)
class Comparison(Table):
    """Methods at equal bits or rounds, best first.

    Attributes
    ----------
    column
        What is compared: "gap", or "grad_sq" where f* is unknown.
    contenders
        In the order of what they reached.
    skipped
        (name, reason) of those that could not take part.
    """

    problem: str
    workers: int
    column: str
    contenders: list[Contender]
    skipped: list[tuple[str, str]]

    def rows(self) -> list[dict[str, Any]]:
        """Theorem, compressors, step, rounds, bits, and the mean of the column at the end with its limits."""
        rows = []
        for c in self.contenders:
            last = c.trace.columns[self.column][:, -1:]
            mean, low, high = (float(a[0]) for a in mean_limits(last, ALPHA))
            rows.append(
                {
                    "theorem": c.guarantee.theorem.name,
                    "up": c.trace.about["up"],
                    "down": c.trace.about["down"],
                    "gamma": c.guarantee.parameters["gamma"],
                    "rounds": c.rounds,
                    "bits": c.bits,
                    self.column: mean,
                    "low": low,
                    "high": high,
                }
            )
        return rows

    def plot(self) -> Figure:
        """Draw the column over the bits of one worker."""
        needed("matplotlib", "a picture")
        from ..figures.curves import comparison

        return comparison(self)


@checked
def compare(
    names: Sequence[str],
    problem: str | Problem,
    *,
    bits: float | None = None,
    rounds: int | None = None,
    up: Given = None,
    down: Given = None,
    workers: int | None = None,
    replicas: int = 8,
    seed: int = 0,
) -> Comparison:
    """Run methods for the same bits, or the same rounds, each with the step that its theorem recommends for them.

    Parameters
    ----------
    names
        Theorems, or methods: of a method the theorem with the fastest rate that applies is taken.
    problem, workers
        A problem or its text form, and n where it is a text form.
    bits, rounds
        What everyone may spend: bits of one worker, both ways, by the papers' formulas; or rounds. One of them.
    up, down
        Compressors, for those methods that compress this way. Left out: those of the default experiment of the theorem,
        or of the first of the method's whose compressor is used in practice and is not a worst case.
    replicas, seed
        Of the runs.

    Raises
    ------
    InputError
        For an unknown name, or if no method can take part.
    """
    if (bits is None) == (rounds is None):
        raise InputError("give either bits or rounds: what every method may spend")
    if bits is not None and not (bits > 0 and math.isfinite(bits)):
        raise InputError(f"bits = {bits} is not a number above 0")
    rounds, replicas = None if rounds is None else integer("rounds", rounds), integer("replicas", replicas)
    up, down = (None if given is None else compressor(given) for given in (up, down))
    subject = build_problem(problem, workers=workers)
    chosen, skipped = [], []
    for name in names:
        found = _best_guarantee(name, subject, up, down, bits, rounds)
        if isinstance(found, str):
            skipped.append((name, found))
        else:
            chosen.append(found)
    if not chosen:
        raise InputError("no method can take part: " + "; ".join(f"{name}: {reason}" for name, reason in skipped))
    _require_time(len(chosen), float(sum(affordable for _, affordable in chosen)), subject, replicas)
    runs = [later(g, subject, rounds=affordable, replicas=replicas, seed=seed) for g, affordable in chosen]
    contenders = []
    for (guarantee, affordable), run in zip(chosen, runs, strict=True):
        spent = affordable * (guarantee.bits_per_round or math.nan)
        contenders.append(Contender(guarantee, affordable, spent, run()))
    column = _what(subject)
    contenders.sort(key=lambda c: _ordered(float(c.trace.columns[column][:, -1].mean())))
    return Comparison(subject.spec, subject.workers, column, contenders, skipped)


#: What a run, and a row of a table, take beside their rounds, in rounds of a small run: 5 and 1 milliseconds.
A_RUN, A_ROW = 1e5, 2e4


def _require_time(runs: int, rounds: float, problem: Problem, replicas: int) -> None:
    """Estimate the time of several runs before the first one begins; one alone does so itself."""
    if runs > 1:
        many = [counted(k, noun) for k, noun in ((runs, "run"), (replicas, "replica"), (problem.workers, "worker"))]
        what = f"{' of '.join(many)}, {rounds:g} rounds in all,"
        require_time(runs * A_RUN + rounds * replicas * problem.workers, problem.dim, what)


def _what(problem: Problem) -> str:
    """The column in which runs are compared."""
    return "gap" if problem.f_star is not None and problem.f_star_certified else "grad_sq"


def _ordered(value: float) -> float:
    return value if math.isfinite(value) else math.inf


def _best_guarantee(
    name: str, problem: Problem, up: Given, down: Given, bits: float | None, rounds: int | None
) -> tuple[Guarantee, int] | str:
    """The guarantee of a theorem, or the best one of a method's, and the rounds it can afford; or why there is none."""
    reasons, found = [], []
    for subject in _theorems_of(name):
        sides = {"up": up, "down": down}
        for way, kind in (("up", subject.uplink), ("down", subject.downlink)):
            if kind is None:
                sides[way] = None
            elif sides[way] is None:
                sides[way] = _usual(way, [subject] if name == subject.name else [subject, *_theorems_of(name)])
        answer = _affordable(subject, problem, sides["up"], sides["down"], bits, rounds)
        if isinstance(answer, str):
            reasons.append(answer)
        else:
            found.append(answer)
    if not found:
        return "; ".join(dict.fromkeys(reasons))

    def rank(entry: tuple[Guarantee, int]) -> tuple[int, float]:
        guarantee, _ = entry
        return (guarantee.rate.contraction is None, -guarantee.parameters["gamma"])

    return min(found, key=rank)


def _usual(way: str, theorems: list[Theorem]) -> str | None:
    """The first compressor of the default experiments that is no worst case; else the first theorem's."""
    specs = [getattr(EXPERIMENTS[t.name], way) for t in theorems if t.name in EXPERIMENTS]
    return next((spec for spec in specs if compressor(spec).name not in WORST_CASES), specs[0] if specs else None)


def _theorems_of(name: str) -> list[Theorem]:
    if name in THEOREMS:
        return [theorem(name)]
    methods = known_methods()
    if name not in methods:
        known = [*THEOREMS, *methods]
        raise InputError(f"'{name}' is neither a theorem nor a method{nearest(name, known)}")
    return [t for t in THEOREMS.values() if t.method == name]


def _affordable(
    subject: Theorem, problem: Problem, up: Given, down: Given, bits: float | None, rounds: int | None
) -> tuple[Guarantee, int] | str:
    """The guarantee for the rounds that the bits buy, and these rounds; or the reason why not."""
    first = subject.guarantee(problem, up, down, rounds)
    if isinstance(first, NoGuarantee):
        return first.reason
    if first.theorem.name != subject.name:
        return f"{subject.name} hands over to {first.theorem.name}"
    if rounds is not None:
        return first, rounds
    assert bits is not None
    each = first.bits_per_round
    if each is None:
        return f"{subject.name}: the bits of a round are unknown, so that equal bits mean nothing; give rounds"
    affordable = int(bits // each)
    if affordable < 1:
        return f"{subject.name}: one round takes {each:g} bits, more than {bits:g}"
    tuned = first if first.needs else subject.guarantee(problem, up, down, affordable)
    return (tuned, affordable) if isinstance(tuned, Guarantee) else tuned.reason


# ----------------------------------------------------------------------------------------------------- speedup


@dataclass(frozen=True)
class Speedup(Table):
    """A theorem's metric after T rounds, over the number of workers.

    Attributes
    ----------
    workers, mean, low, high, bound
        (K,) n, the mean of the metric with its limits, the bound (nan where there is none).
    fit
        Slope of log(mean) against log n with a 95 % interval; None for a single n.
    ideal
        The slope of a linear speedup that the theorem promises for this metric (0: none).
    """

    theorem: str
    problem: str
    rounds: int
    metric: str
    workers: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    bound: np.ndarray
    fit: Fit | None
    ideal: float

    def rows(self) -> list[dict[str, Any]]:
        """n, the mean and its limits, the bound."""
        columns = {"n": self.workers, "mean": self.mean, "low": self.low, "high": self.high, "bound": self.bound}
        return [{name: values[k].item() for name, values in columns.items()} for k in range(self.workers.size)]

    def plot(self) -> Figure:
        """Draw measurement, bound and the ideal slope over n."""
        needed("matplotlib", "a picture")
        from ..figures.curves import speedup

        return speedup(self)


@checked
def speedup(
    name: str,
    problem: ProblemOf,
    n: Sequence[int],
    *,
    rounds: int | None = None,
    up: Given = None,
    down: Given = None,
    replicas: int = 16,
    seed: int = 0,
    **parameters: float,
) -> Speedup:
    """Measure a theorem's metric after T rounds for several numbers of workers, each with its own recommended step.

    Parameters
    ----------
    name
        The theorem.
    problem
        A text form, or a function from n to a problem; a problem object is bound to its own n.
    n
        Numbers of workers, 1 or more each.
    rounds
        T; default: that of the theorem's default experiment, else 4000.
    up, down
        Compressors; default: those of the theorem's default experiment.
    replicas, seed
        Of the runs.
    parameters
        Parameters that are fixed for all n.

    Raises
    ------
    InputError
        If the theorem does not apply for one of the n, or the problem cannot change its number of workers.
    """
    if len(n) == 0:
        raise InputError("n is empty: give numbers of workers, as in n=[1, 2, 4]")
    if isinstance(problem, Problem):
        raise _bound(problem, "its text form, or a function from n to a problem")
    subject, default = theorem(name), EXPERIMENTS.get(name)
    numbers = sorted({integer("n", value) for value in n})
    rounds = integer("rounds", rounds) if rounds is not None else (default.rounds if default else 4000)
    up = up if up is not None or default is None or subject.uplink is None else default.up
    down = down if down is not None or default is None or subject.downlink is None else default.down
    replicas = integer("replicas", replicas)
    samples, bounds, spec, found = [], [], "", None
    for workers in numbers:
        p = build_problem(problem, workers=workers) if isinstance(problem, str) else problem(workers)
        if not isinstance(p, Problem):
            raise InputError(f"problem({workers}) is {shown(p)}: give a function from n to a Problem")
        if workers == numbers[0] != numbers[-1]:
            what = f"{counted(rounds, 'round')} of {counted(replicas, 'replica')} of {workers} to {numbers[-1]} workers"
            require_time(float(rounds) * replicas * sum(numbers), p.dim, what)
        found = subject.guarantee(p, up, down, rounds, **parameters)
        if isinstance(found, NoGuarantee):
            raise InputError(f"n = {workers}: {found.reason}")
        trace = simulate(found, p, rounds=rounds, replicas=replicas, seed=seed)
        samples.append(trace.metric[:, -1])
        bounds.append(float(trace.bound[-1]))
        spec = p.spec
    assert isinstance(found, Guarantee)
    limits = [[float(a[0]) for a in mean_limits(s[:, None], ALPHA)] for s in samples]
    mean, low, high = (np.array(column) for column in zip(*limits, strict=True))
    fitted = len(numbers) > 1 and all(np.isfinite(s).all() and s.mean() > 0 for s in samples)
    fit = fit_slope(np.array(numbers), samples, log_x=True) if fitted else None
    return Speedup(
        name, spec, rounds, found.metric.latex, np.array(numbers), mean, low, high, np.array(bounds), fit,
        float(found.rate.in_workers or 0.0),
    )  # fmt: skip


def _bound(problem: Problem, way_out: str) -> InputError:
    """A problem has the number of workers with which it was built."""
    return InputError(f"'{problem.spec}' is for {counted(problem.workers, 'worker')} only: give {way_out}")


# --------------------------------------------------------------------------------------------- tables and grids


@dataclass(frozen=True)
class Steps(Table):
    """A table of steps: one row for every combination; a row without a guarantee has its reason."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def rows(self) -> list[dict[str, Any]]:
        """n, compressors, gamma, contraction, rounds and bits to eps, reason."""
        return self.entries


@checked
def step_table(
    name: str,
    known: str | Constants | HasConstants | None = None,
    *,
    n: Sequence[int] = (),
    up: Sequence[Given] | Given = None,
    down: Sequence[Given] | Given = None,
    eps: float | None = None,
    constants: Mapping[str, Any] | None = None,
) -> Steps:
    """Tabulate a theorem's step over numbers of workers and compressors.

    Parameters
    ----------
    name
        The theorem.
    known
        A problem, `Constants`, or a problem's text form (then every n builds its own problem); left out: `constants`.
    n
        Numbers of workers; left out: that of what is known.
    up, down
        One compressor or several.
    eps
        Accuracy for rounds and bits.
    constants
        Constants that replace or add to those known.

    Raises
    ------
    InputError
        For an unknown theorem, constant or compressor, or a problem that is bound to another n.
    """
    subject = theorem(name)
    count = (len(n) or 1) * len(_several(up)) * len(_several(down))
    require_time(count * A_ROW, 0, f"{count} rows of a table")
    rows = []
    for workers in n or (None,):
        if isinstance(known, Problem) and workers not in (None, known.workers):
            raise _bound(known, "its text form, or its constants")
        base = _constants(known, workers)
        base = base.replaced(dict(constants or {}) | ({} if workers is None else {"n": workers}))
        for one in _several(up):
            for other in _several(down):
                found = subject.guarantee(base, one, other, None, eps)
                row: dict[str, Any] = {"n": base.n, "up": _spec(one), "down": _spec(other)}
                if isinstance(found, NoGuarantee):
                    row |= {"gamma": None, "contraction": None, "rounds": None, "bits": None, "reason": found.reason}
                else:
                    reach = eps is not None and not found.needs
                    row |= {
                        "gamma": found.parameters["gamma"],
                        "contraction": found.rate.contraction,
                        "rounds": found.rounds_to(eps) if reach and eps is not None else None,
                        "bits": found.bits_to(eps) if reach and eps is not None else None,
                        "reason": found.needs,
                    }
                rows.append(row)
    return Steps(rows)


def _constants(known: Any, workers: int | None) -> Any:
    from ..theory import Constants

    if known is None:
        return Constants()
    if isinstance(known, str):
        return build_problem(known, workers=workers or 1).constants()
    return known if isinstance(known, Constants) else known.constants()


def _several(given: Sequence[Given] | Given) -> Sequence[Given]:
    return given if isinstance(given, Sequence) and not isinstance(given, str) else (given,)


def _spec(given: Given) -> str:
    return "" if given is None else given if isinstance(given, str) else given.spec


@dataclass(frozen=True)
class Sweep(Table):
    """A grid of runs: one row for every combination of parameters.

    Attributes
    ----------
    column
        What was measured at the end.
    entries
        The parameters, the mean over replicas with its limits, and the round of a divergence (None if there was none).
    """

    column: str
    entries: list[dict[str, Any]]

    def rows(self) -> list[dict[str, Any]]:
        """One row for every combination, in the order of the grid."""
        return self.entries

    @property
    def best(self) -> dict[str, Any]:
        """The combination with the smallest mean."""
        return min(self.entries, key=lambda row: _ordered(row[self.column]))


@checked
def sweep(
    method: Any,
    problem: str | Problem,
    up: str | Compressor = "identity",
    down: str | Compressor = "identity",
    *,
    grid: Mapping[str, Sequence[float]],
    rounds: int,
    workers: int | None = None,
    replicas: int = 8,
    seed: int = 0,
    column: str | None = None,
    **parameters: float,
) -> Sweep:
    """Run a method at every combination of parameters on a grid.

    Parameters
    ----------
    method, problem, up, down, workers
        As `tersegrad.run` takes them.
    grid
        Parameter -> its values, as in ``{"gamma": [0.01, 0.1, 1.0]}``.
    rounds, replicas, seed
        T, R and the seed of every run.
    parameters
        Those that stay the same.
    column
        What to measure at the end; default "gap", or "grad_sq" where f* is unknown.

    Raises
    ------
    InputError
        For an empty grid, or anything that cannot be run.
    """
    from itertools import product

    if not grid or any(len(values) == 0 for values in grid.values()):
        raise InputError('the grid is empty: give values, as in grid={"gamma": [0.01, 0.1]}')
    subject = build_problem(problem, workers=workers)
    rounds, replicas = integer("rounds", rounds), integer("replicas", replicas)
    if column is None:
        column = _what(subject)
    count = math.prod(len(values) for values in grid.values())
    _require_time(count, float(count) * rounds, subject, replicas)
    entries = []
    for values in product(*grid.values()):
        chosen = dict(zip(grid, map(float, values), strict=True))
        trace = simulate(
            method, subject, up, down, parameters={**parameters, **chosen}, rounds=rounds, replicas=replicas, seed=seed,
            columns=[column], checkpoints=[rounds],
        )  # fmt: skip
        mean, low, high = (float(a[-1]) for a in mean_limits(trace.columns[column][:, -1:], ALPHA))
        entries.append({**chosen, column: mean, "low": low, "high": high, "diverged": trace.diverged})
    return Sweep(column, entries)


@checked
def fit_rate(trace: Trace, column: str | None = None, *, start: float = 0.5, power: bool = False) -> Fit:
    """Fit the rate of a run by least squares on the logarithm of the mean, with a 95 % interval.

    Parameters
    ----------
    trace
        The run.
    column
        A column of the trace; default: its metric, or "gap", or "grad_sq".
    start
        Share of the logarithmic checkpoints to leave out at the beginning.
    power
        Fit the exponent of a power of the rounds instead of the factor of a round.

    Returns
    -------
    Fit
        ``slope``: the contraction of one round, or the exponent; ``low``, ``high``: its interval.

    Raises
    ------
    InputError
        If fewer than three checkpoints are left with values above zero.
    """
    values = _values(trace, column)
    if not 0 <= start < 1:
        raise InputError(f"start = {start} is not a share of the checkpoints: give a number from 0 to below 1")
    usable = np.flatnonzero((trace.rounds >= 1) & np.isfinite(values).all(axis=0) & (values > 0).all(axis=0))
    usable = usable[int(start * usable.size) :]
    if usable.size < 3:
        raise InputError("fewer than three checkpoints have values above zero to fit: run longer, or start earlier")
    x = trace.rounds[usable].astype(float)
    fit = fit_path_slope(np.log(x) if power else x, values[:, usable])
    return fit if power else Fit(*(float(np.exp(s)) for s in (fit.slope, fit.low, fit.high)))


def _values(trace: Trace, column: str | None) -> np.ndarray:
    if column is None and "metric" in trace.about:
        return trace.metric
    if column is None:
        column = "gap" if "gap" in trace.columns else "grad_sq"
    if column not in trace.columns:
        raise InputError(f"this run has no column '{column}'{nearest(column, trace.columns)}")
    return trace.columns[column]
