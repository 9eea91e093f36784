"""The simulation held against exact second moments: agrees, differs at round t in WHAT, or not closed.

Three computations of the same expectations, on small heterogeneous quadratics with noise:

- the method's transcription, run on coefficients (`transcribed`), where it has one;
- the method's declaration, channels and rules (`moments.Recursion`), which must agree with it to rounding;
- the mean over replicas of the engine, which must lie within its confidence limits at every checkpoint.

A deviation of the mean is only believed once fresh replicas, four times as many, show it in the same place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ...problems import Problem
from ...problems import problem as build_problem
from ...solvers.engines.request import timetable
from ...solvers.engines.setup import OPTIONAL_COLUMNS
from ...solvers.engines.simulate import simulate
from ...solvers.method import Method
from ...solvers.method import method as build_method
from ...theory.compressors import Compressor
from .. import conformance
from .coins import FloatArray, NotClosed
from .columns import OF_THE_ROUND, RUNNING
from .moments import Recursion
from .transcribed import transcribed

#: Two settings (problem, workers, up, down): a contraction with coins of its own, and unbiased messages.
SETTINGS = (
    ("quadratic:dim=4,mu=0.2,L=1,hessians=different,heterogeneity=1,noise=gaussian,sigma_sq=0.5", 3,
     "randk:k=1,scaled=0", "randk:k=2,scaled=0"),
    ("quadratic:dim=3,mu=0.2,L=1,hessians=scaled,heterogeneity=1,noise=gaussian,sigma_sq=0.5", 4,
     "randk:k=2", "randk:k=2"),
)  # fmt: skip
#: Parameters by their letter, where none are given: those of conformance with longer steps, which show more.
PARAMETERS = conformance.PARAMETERS | {"gamma": 0.15, "a": 3.0, "H": 3.0}
ROUNDS = 10
#: A transcription runs on coefficients, which become more in every round.
TRANSCRIBED = 6
REPLICAS = 2048
#: Replicas that toss a coin common to all workers are that much slower; so many times fewer of them will do.
FEWER = 8
#: Probability that a method that agrees is looked at twice; a false "differs" is rarer by another factor of 1e-4.
ALPHA = 1e-4
CONFIRMED = 4.0
#: Two exact computations agree to this, relative to the largest value of the column.
EXACT = 1e-9
#: Rounding of values on the wire, which the moments leave out, and what rounding adds to it.
WIRE = 1e-5
COLUMNS = (
    "dist_sq", "gap", "grad_sq", "memory_sq", "memory_error_sq", "memory_gap_sq", "error_sq", "worker_error_sq",
    "consensus_sq", *OF_THE_ROUND, "grad_sq_mean",
)  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """Whether what runs has the moments that it should have.

    Attributes
    ----------
    word
        "agrees", "differs" or "not closed".
    where
        At which round and in what it differs, with both values; or why the moments do not close.
    deviation
        The largest deviation of a mean, in standard errors.
    columns
        What was compared.
    replicas, rounds
        Of every setting.
    transcribed
        Whether a transcription was among what was compared.
    """

    word: str
    where: str
    deviation: float = 0.0
    columns: tuple[str, ...] = ()
    replicas: int = 0
    rounds: int = 0
    transcribed: bool = False

    def __bool__(self) -> bool:
        return self.word == "agrees"


def agreement(
    method: str | Method,
    problem: str | Problem | None = None,
    up: str | Compressor = "identity",
    down: str | Compressor = "identity",
    *,
    workers: int | None = None,
    parameters: Mapping[str, float] | None = None,
    rounds: int = ROUNDS,
    replicas: int = REPLICAS,
    clock: str | None = None,
    seed: int = 0,
    reference: str | Method | None = None,
) -> Agreement:
    """Compare the engine's means with exact second moments.

    Parameters
    ----------
    method
        What runs; a name, or an object of your own.
    problem, up, down, workers, clock
        A setting of your own in place of `SETTINGS`: a quadratic, compressors that are random linear maps.
    parameters
        The method's numbers; those left out are looked up in `PARAMETERS`.
    reference
        The method whose moments are computed, if it is not what runs.

    Raises
    ------
    InputError
        For anything that cannot be run.

    Examples
    --------
    >>> found = agreement("ef21", replicas=256, rounds=4)
    >>> found.word
    'agrees'
    """
    method = build_method(method)
    model_of = build_method(reference or method)
    numbers = {name: PARAMETERS.get(name, conformance.OTHERWISE) for name in method.parameters} | dict(parameters or {})
    settings: Sequence[tuple[str | Problem, int | None, str | Compressor, str | Compressor]] = SETTINGS
    if problem is not None:
        settings = ((problem, workers, up, down),)
    deviation, by_paper = 0.0, False
    seen: dict[str, None] = {}
    for given, count, above, below in settings:
        quadratic = build_problem(given, workers=count)
        try:
            found = _compare(
                method, model_of, quadratic, above, below if method.two_way else "identity", numbers, rounds, replicas,
                clock, seed,
            )  # fmt: skip
        except NotClosed as reason:
            return Agreement("not closed", str(reason))
        deviation, by_paper = max(deviation, found.deviation), by_paper or found.transcribed
        seen |= dict.fromkeys(found.columns)
        if not found:
            return found
    return Agreement("agrees", "", deviation, tuple(seen), replicas, rounds, by_paper)


def _compare(
    method: Method, reference: Method, problem: Problem, up: str | Compressor, down: str | Compressor,
    numbers: Mapping[str, float], rounds: int, replicas: int, clock: str | None, seed: int,
) -> Agreement:  # fmt: skip
    points = np.unique(np.minimum([0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, rounds], rounds))
    schedule = timetable(reference, problem.workers, rounds, seed, reference.check(numbers), clock)
    exact = Recursion(reference, problem, up, down, parameters=numbers, schedule=schedule)
    columns = [name for name in (*COLUMNS, *reference.columns) if _has(exact, name)]
    expected = exact.expected(columns, points.tolist())
    about = f"on {problem.spec}, up {exact.model.up.spec}, down {exact.model.down.spec}"
    paper: dict[str, FloatArray] = {}
    if reference.transcription is not None:
        early = points[points <= TRANSCRIBED]
        try:
            paper = transcribed(exact.model, columns, early.tolist())
        except NotClosed:
            paper = {}
        for name, values in paper.items():
            ours = expected[name][: early.size]
            gap = np.abs(ours - values)
            if bad := np.flatnonzero(~(gap <= EXACT * np.abs(values).max(initial=1e-300))).tolist():
                k = bad[0]
                where = (
                    f"at round {early[k]} in {name}: the declared rules give {ours[k]:.9g}, the transcription "
                    f"{values[k]:.9g}, {about}"
                )
                return Agreement("differs", where, np.inf, tuple(columns), 0, rounds, True)

    def run(count: int, first: int) -> tuple[list[str], FloatArray, FloatArray]:
        trace = simulate(
            method, problem, up, down, parameters=numbers, rounds=rounds, replicas=count, first_replica=first,
            seed=seed, checkpoints=points, schedule=schedule,
            columns=[c for c in columns if c in OPTIONAL_COLUMNS or c in method.columns],
        )  # fmt: skip
        names = [name for name in columns if name in trace.columns]
        samples = np.stack([trace.columns[name] for name in names])
        mean, error = samples.mean(axis=1), samples.std(axis=1, ddof=1) / np.sqrt(count)
        theirs = np.stack([expected[name] for name in names])
        slack = WIRE * np.abs(theirs).max(axis=1, keepdims=True)
        beyond = np.maximum(np.abs(mean - theirs) - slack, 0.0)
        return names, mean, np.where(beyond > 0, beyond / np.maximum(error, 1e-300), 0.0)

    if reference.tosses:  # every replica is a block of its own
        replicas = max(replicas // FEWER, 2)
    names, _, off = run(replicas, 0)
    limit = -float(ndtri(ALPHA / 2 / off.size))
    if off.max() > limit:
        _, again, off_again = run(4 * replicas, replicas)
        both = np.where((off > limit) & (off_again > CONFIRMED), off_again, 0.0)
        if both.any():
            k = int(np.flatnonzero(both.any(axis=0))[0])
            c = int(np.argmax(both[:, k]))
            where = (
                f"at round {points[k]} in {names[c]}: the mean over {4 * replicas} replicas is {again[c, k]:.6g}, the "
                f"exact moment {expected[names[c]][k]:.6g}, {off_again[c, k]:.1f} standard errors away, {about}"
            )
            return Agreement("differs", where, float(off_again[c, k]), tuple(names), replicas, rounds, bool(paper))
    return Agreement("agrees", "", float(np.minimum(off, limit).max()), tuple(names), replicas, rounds, bool(paper))


def _has(exact: Recursion, column: str) -> bool:
    """Whether a column is one of the method's, and quadratic."""
    if column in OF_THE_ROUND:
        return True
    try:
        exact.form(RUNNING.get(column, column))
    except NotClosed:
        return False
    return True
