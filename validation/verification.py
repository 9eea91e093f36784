"""Verification: which theorems are put to the test, how the error probability is shared, where the work is done."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from ..common.errors import InputError, nearest
from ..problems import Problem
from ..problems import problem as build_problem
from ..theory import THEOREMS, theorem
from ..theory.compressors import COMPRESSORS, Compressor, compressor
from ..theory.compressors.participation import participating
from .certify_problem import certify_problem
from .claims import CLAIMS
from .conformance import Conformance, conforms
from .experiments import EXPERIMENTS, experiment
from .judging import VerificationRun
from .parts import compressor_conforms, problem_conforms
from .statements import with_statement
from .sweeps import map_pieces
from .variants import tested_controls
from .verdict import Event, Verdict
from .worst_cases import with_worst_cases

#: Random points at which a problem of a verification is held against its constants.
POINTS = 4


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
    participation: float | None = None,
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
    participation
        The probability with which a worker takes part in a round.
    seed
        Of all noise and coins: the same seed, the same verdicts.
    jobs
        Threads; the result does not depend on it. With an executor every theorem has one.
    alpha
        Probability that any verdict of this call rests on a wrong confidence limit; shared equally by the theorems.
    executor
        Any `concurrent.futures.Executor`, which judges several theorems at once; the result does not depend on it.
    progress
        Called with an `Event` whenever something can be told: how far a theorem is, and its verdict.

    Raises
    ------
    InputError
        For anything that cannot be run.
    """
    chosen = [theorem(i).name for i in ids] if ids and paper is None else select(ids, paper)[0]
    if not 0 < alpha < 1:
        raise InputError(f"alpha = {alpha} is not a probability between 0 and 1")
    given = {
        "problem": problem,
        "up": up,
        "down": down,
        "participation": participation,
        "workers": workers,
        "rounds": rounds,
        "replicas": replicas,
    }
    changes = {k: v for k, v in given.items() if v is not None}
    share = alpha / len(chosen)
    tasks = [Task(i, quick, changes, seed, jobs if executor is None else 1, share) for i in chosen]
    work = partial(_answer, progress=progress) if executor is None else _answer

    def done(verdict: Verdict) -> None:
        if progress is not None:
            progress(Event(verdict.theorem, 1.0, verdict.verdict))

    return map_pieces(executor, work, tasks, done, chosen)


@dataclass(frozen=True)
class Task:
    """One theorem to be judged: the arguments of `verify`, as they travel to another process."""

    theorem: str
    quick: bool
    changes: dict[str, Any]
    seed: int
    threads: int | None
    alpha: float


def _answer(task: Task, progress: Callable[[Event], None] | None = None) -> Verdict:
    plan = experiment(task.theorem).at_hand()
    if task.quick:
        plan = plan.quick()
    changes, uplink = dict(task.changes), theorem(task.theorem).uplink
    if (share := changes.pop("participation", None)) is not None:
        changes["up"] = participating(changes.get("up") or plan.up, share, uplink)
        speedup_up = plan.speedup_up and participating(plan.speedup_up, share, uplink)
        plan = replace(plan, speedup_up=_spec(speedup_up))
    objects = {side: compressor(changes.get(side) or getattr(plan, side)) for side in ("up", "down")}
    if isinstance(problem := changes.get("problem"), Problem):
        changes = {"workers": problem.workers, **changes}
    plan = plan.adapted(**{k: _spec(v) if k in objects else v for k, v in changes.items()})
    verdict = VerificationRun(
        plan, objects["up"], objects["down"], seed=task.seed, threads=task.threads, alpha=task.alpha,
        progress=progress, command=_command(task), own=_own(task.changes),
    ).judge()  # fmt: skip
    verdict = with_statement(with_worst_cases(verdict))
    return replace(
        verdict, conformance=_conformance(verdict, plan.problem, objects), controls=tested_controls(verdict.method, 0)
    )


def _conformance(verdict: Verdict, problem: str | Problem, compressors: dict[str, Compressor]) -> Conformance:
    """Whether what ran is the method, on this problem and with these compressors: the first answer that is no."""
    found = _conforms(verdict.method)
    parts: list[tuple[str, Callable[..., Conformance], tuple[Any, ...]]] = [
        (f"compressor {c.spec}", compressor_conforms, (c,)) for c in compressors.values()
    ]
    if verdict.rounds:
        about_problem = problem, verdict.workers
        parts.append((f"problem {verdict.problem}", problem_conforms, about_problem))
        parts.append((f"the constants of {verdict.problem}", constants_conform, about_problem))
    for name, check, about in parts:
        if found.word == "differs":
            break
        try:
            part = _cached(check, *about)
        except InputError:  # no compressor of this size, no such problem: nothing ran with it either
            continue
        if part.word == "differs":
            found = replace(part, where=f"in {name} {part.where}")
        else:
            checked = (*found.checked, *([name] if part.word == "conforms" else []))
            found = replace(found, checked=checked, rounds=found.rounds + part.rounds)
    return found


def constants_conform(problem: str | Problem, workers: int) -> Conformance:
    """Whether a problem's constants are its own, as far as a few points tell (`certify_problem`)."""
    found = certify_problem(build_problem(problem, workers=workers), points=POINTS)
    for claim in found.violated:
        return Conformance("differs", f"in {claim.name}: {claim.claimed} is claimed, {claim.measured} was found")
    return Conformance("conforms")


def _cached(check: Callable[..., Conformance], *about: Any) -> Conformance:
    """The answer about a part; that about text and its like is kept in this process."""
    key = (check.__name__, *(getattr(a, "spec", a) for a in about))
    if any(isinstance(a, Problem) or (isinstance(a, Compressor) and _is_own(a)) for a in about):  # may share a spec
        return check(*about)
    if key not in _ANSWERS:
        _ANSWERS[key] = check(*about)
    return _ANSWERS[key]


_ANSWERS: dict[tuple[Any, ...], Conformance] = {}


@cache
def _conforms(method: str) -> Conformance:
    """Whether what runs is the method; asked once in a process."""
    return conforms(method)


def _is_own(given: Compressor) -> bool:
    """Whether a compressor is an object that its spec does not give back."""
    return type(given) is not COMPRESSORS.get(given.name)


def _spec(given: str | Compressor | None) -> str | None:
    return given.spec if isinstance(given, Compressor) else given


def _own(changes: dict[str, Any]) -> tuple[str, ...]:
    """What was handed over as an object that its spec does not give back."""
    own = ["problem"] if isinstance(changes.get("problem"), Problem) else []
    for side, name in (("up", "uplink compressor"), ("down", "downlink compressor")):
        given = changes.get(side)
        if isinstance(given, Compressor):
            own += [name] if _is_own(given) else []
    return tuple(own)


def _command(task: Task) -> str:
    own = [c for c in task.changes.values() if isinstance(c, Compressor) and type(c) is not COMPRESSORS.get(c.name)]
    if own:
        named = " and ".join(f"'{c.name}'" for c in own)
        return (
            f"in Python, with your own compressor {named}: tersegrad.verify(['{task.theorem}'], ..., seed={task.seed})"
        )
    words = ["tersegrad", "verify", task.theorem]
    words += ["--quick"] if task.quick else []
    for key, value in task.changes.items():
        words += [f"--{key}", value.spec if isinstance(value, Problem | Compressor) else str(value)]
    words += ["--seed", str(task.seed)]
    return shlex.join(words)
