"""Verification: which theorems are put to the test, how the error probability is shared, where the work is done."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..common import front
from ..common.door import checked
from ..common.errors import InputError, TooMuchError, counted, nearest, together
from ..common.hooks import PACKAGE
from ..common.limits import force, forced
from ..common.options import integer
from ..problems import PROBLEMS, Problem
from ..problems import problem as build_problem
from ..problems.digest import problem_digest, share_digests
from ..problems.registry import OBJECTS
from ..solvers.engines.simulate import blas_on_one_thread
from ..solvers.method import Method, known_methods
from ..solvers.method import method as build_method
from ..theory import THEOREMS, Theorem, theorem
from ..theory.compressors import COMPRESSORS, Compressor, compressor
from ..theory.compressors.participation import participating
from .checks import checks_conform
from .claims import CLAIMS
from .clocks import schedules_conform
from .conformance import Conformance, conforms
from .drawn import random_conforms
from .experiments import EXPERIMENTS, Experiment, experiment
from .families import FAMILIES, family_conforms
from .judging import VerificationRun
from .own import PREFIX, described, load_all
from .parts import completion_conforms, compressor_conforms, measures_conform, problem_conforms
from .promises import constants_conform, promises_conform
from .recorded import records_conform
from .statements import with_statement
from .sweeps import LostPiecesError, map_pieces
from .variants import tested_controls
from .verdict import Event, Verdict
from .worst_cases import with_worst_cases


def select(ids: Sequence[str] = (), paper: str | None = None) -> tuple[list[str], list[str]]:
    """Return the ids of the theorems and of the claims that are asked for: by name, by the paper's word, or all.

    The first word of ids stands for all of them: ``dasha`` for ``dasha.nonconvex`` and ``dasha.pl``.

    Raises
    ------
    InputError
        Unknown id or paper (the nearest is suggested).
    """
    known = [*THEOREMS, *CLAIMS]
    families = {
        word: [i for i in known if i.partition(".")[0] == word] for word in {i.partition(".")[0] for i in known}
    }
    for i in ids:
        if i not in known and i not in families:
            raise InputError(
                f"unknown theorem or claim '{i}'{nearest(i, [*known, *families])}; "
                "see tersegrad list theorems and tersegrad list claims"
            )
    chosen = list(dict.fromkeys(j for i in ids for j in ([i] if i in known else families[i])))
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


@checked
def verify(
    ids: Sequence[str] | None = None,
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
    parameters: Mapping[str, float] | None = None,
    constants: Mapping[str, Any] | None = None,
    modules: Sequence[str] = (),
    executor: Executor | None = None,
    progress: Callable[[Event], None] | None = None,
) -> list[Verdict]:
    """Put theorems to the test.

    Parameters
    ----------
    ids, paper
        Which theorems: ids or the first words of ids, all of one paper (its word), or all if both are left out. (Claims
        have `claims.examine`.)
    quick
        Fewer rounds and replicas, smaller grids.
    problem, up, down, workers, rounds, replicas
        In place of those of the theorem's default experiment. A theorem of your own that has none needs a problem.
    participation
        The probability with which a worker takes part in a round.
    seed
        Of all noise and coins: the same seed, the same verdicts.
    jobs
        Threads; the result does not depend on it. With an executor every theorem has one.
    alpha
        Probability that any verdict of this call rests on a wrong confidence limit; shared equally by the theorems.
    parameters
        Parameters of the theorem that are fixed (``{"gamma": 0.01}``) instead of recommended.
    constants
        Constants of the problem that replace what it says of itself, or are added (``{"pl": 0.1}``): the theorem is
        told these.
    modules
        Python files that are run first, here and in every process that judges, and whose theorems, methods,
        compressors, problems and experiments are registered (`tersegrad.validation.own.load`).
    executor
        Any `concurrent.futures.Executor`, which judges several theorems at once; the result does not depend on it.
    progress
        Called with an `Event` whenever something can be told: how far a theorem is, and its verdict.

    Raises
    ------
    InputError
        For anything that cannot be run.
    """
    modules = tuple(str(Path(path).resolve()) for path in modules)
    load_all(modules)
    if ids is not None and not ids:
        raise InputError("ids=[]: an empty list names no theorem; leave it out to judge all of them")
    ids = ids or ()
    chosen = [theorem(i).name for i in ids] if paper is None and set(ids) & set(CLAIMS) else select(ids, paper)[0]
    if not 0 < alpha < 1:
        raise InputError(f"alpha = {alpha} is not a probability between 0 and 1")
    counts = {"workers": workers, "rounds": rounds, "replicas": replicas, "jobs": jobs}
    for name, value in counts.items():
        if value is not None:
            integer(name, value, 1, 2**32 - 1)
    integer("seed", seed, 0, 2**32 - 1)
    given = {
        "problem": problem,
        "up": up,
        "down": down,
        "participation": participation,
        "workers": workers,
        "rounds": rounds,
        "replicas": replicas,
        "parameters": dict(parameters or {}) or None,
        "constants": dict(constants or {}) or None,
    }
    changes = {k: v for k, v in given.items() if v is not None}
    share = alpha / len(chosen)
    threads = jobs if executor is None else 1
    tasks = [Task(i, quick, changes, seed, threads, share, modules, front.on_command_line(), forced()) for i in chosen]

    def done(verdict: Verdict) -> None:
        if progress is not None:
            progress(Event(verdict.theorem, 1.0, verdict.verdict))

    if executor is None:
        return map_pieces(None, partial(_answer, progress=progress), tasks, done, chosen)
    return _judged_by(executor, tasks, done)


def _judged_by(executor: Executor, tasks: Sequence[Task], done: Callable[[Verdict], None]) -> list[Verdict]:
    """The verdicts, from a pool: what a verdict shares with others is asked once, as soon as one of them wants it."""
    names = [task.theorem for task in tasks]
    lost: list[str] = []
    answers: dict[Any, Future[Any]] = {}
    pieces: dict[Any, tuple[Task, Part]] = {}

    def ask(judged: Judged) -> None:
        done(judged.verdict)
        for part in judged.parts:
            if part.answer is None and part.key not in pieces:
                pieces[part.key] = tasks[0], part
                answers[part.key] = executor.submit(_answered, pieces[part.key])

    try:
        found = map_pieces(executor, _judged_apart, tasks, ask, names)
    except LostPiecesError as loss:
        found, lost = loss.results, loss.names
    except BaseException:
        for future in answers.values():
            future.cancel()
        raise

    def answer(part: Part) -> Any:
        try:
            return answers[part.key].result()
        except (BrokenExecutor, KeyError):  # the pool is lost: what it owes is found out here
            return _answered((tasks[0], part))

    verdicts = [judged.whole(answer) for judged in found]
    if lost:
        raise LostPiecesError(verdicts, lost)
    return verdicts


@dataclass(frozen=True)
class Task:
    """One theorem to be judged: the arguments of `verify`, as they travel to another process, and who asks."""

    theorem: str
    quick: bool
    changes: dict[str, Any]
    seed: int
    threads: int | None
    alpha: float
    modules: tuple[str, ...] = ()
    on_command_line: bool = False
    forced: bool = False


@contextmanager
def _as_asked(task: Task) -> Iterator[None]:
    """Whoever asks for a task, and what he brings; sums have the same bits on any number of cores."""
    with front.command_line(task.on_command_line), force(task.forced), blas_on_one_thread():
        load_all(task.modules)
        yield


def _answer(task: Task, progress: Callable[[Event], None] | None = None) -> Verdict:
    with _as_asked(task):
        return _judged(task, progress).whole(_answer_of)


def _judged_apart(task: Task) -> Judged:
    """A verdict without what others may share with it, as it travels to another process."""
    with _as_asked(task):
        judged = _judged(task, None)
        return replace(judged, parts=tuple(part.apart() for part in judged.parts))


def _answered(piece: tuple[Task, Part]) -> Any:
    task, part = piece
    with _as_asked(task):
        return _answer_of(part)


def _plan(task: Task) -> Experiment:
    """The theorem's default experiment; for one of your own that has none, a frame for the problem that is given."""
    if task.theorem in EXPERIMENTS:
        plan = experiment(task.theorem).at_hand()
        return plan.quick() if task.quick else plan
    if "problem" not in task.changes:
        raise InputError(
            f"theorem '{task.theorem}' has no default experiment: give it a problem, "
            f"{front.either('--problem SPEC', 'problem=')}, or register an Experiment"
        )
    plan = Experiment(task.theorem, "", rounds=0)
    return plan.quick() if task.quick else plan


def _judged(task: Task, progress: Callable[[Event], None] | None) -> Judged:
    plan = _plan(task)
    changes, uplink = dict(task.changes), theorem(task.theorem).uplink
    if (choices := changes.pop("parameters", None)) is not None:
        changes["choices"] = {**plan.choices, **choices}
    if (share := changes.pop("participation", None)) is not None:
        changes["up"] = participating(changes.get("up") or plan.up, share, uplink)
        speedup_up = plan.speedup_up and participating(plan.speedup_up, share, uplink)
        plan = replace(plan, speedup_up=_spec(speedup_up))
    objects = {side: compressor(changes.get(side) or getattr(plan, side)) for side in ("up", "down")}
    problem = changes.get("problem")
    if isinstance(problem, str) and problem in OBJECTS:
        problem = changes["problem"] = OBJECTS[problem]
    if isinstance(problem, Problem):
        changes = {"workers": problem.workers, **changes}
    plan = plan.adapted(**{k: _spec(v) if k in objects else v for k, v in changes.items()})
    run = VerificationRun(
        plan, objects["up"], objects["down"], seed=task.seed, threads=task.threads, alpha=task.alpha,
        progress=progress, command=_command(task), own=_own(task), needs=_needs(task),
    )  # fmt: skip
    verdict = with_statement(with_worst_cases(run.judge()))
    return Judged(verdict, tuple(_parts(verdict, plan.problem, run.problem(), objects)))


@dataclass(frozen=True)
class Part:
    """What a verdict asks of its method, problem or compressors: `check(*about)`, and verdicts on the same share it.

    `given` stands for `about` where that is at hand already; `answer` is there where nobody else can give it. Without
    one that is `needed` there is no verdict.
    """

    name: str
    check: Callable[..., Any]
    about: tuple[Any, ...]
    given: tuple[Any, ...] | None = None
    answer: Any = None
    needed: bool = False

    @property
    def key(self) -> tuple[Any, ...]:
        """The same key, the same answer."""
        return (self.check.__name__, *(getattr(a, "spec", a) for a in self.about))

    @property
    def own(self) -> bool:
        """Whether it is about an object that its spec does not give back."""
        return any(isinstance(a, Problem) or (isinstance(a, Compressor) and _is_own(a)) for a in self.about)

    def apart(self) -> Part:
        """As it travels: text, or the answer about an object."""
        if self.own:
            return Part(self.name, self.check, (), answer=_answer_of(self))
        return replace(self, given=None)


@dataclass(frozen=True)
class Judged:
    """A verdict, and what it asks besides."""

    verdict: Verdict
    parts: tuple[Part, ...]

    def whole(self, answer: Callable[[Part], Any]) -> Verdict:
        """The verdict with the answers: whether what ran is the method, the first answer that is no; the controls."""

        def asked(part: Part) -> Any:
            return answer(part) if part.answer is None else part.answer

        method, controls, *others = self.parts
        found: Conformance = asked(method)
        for part in others:
            if found.word == "differs":
                break
            one: Conformance = asked(part)
            if one.word == "differs":
                found = replace(one, where=f"in {part.name} {one.where}")
            elif one.word == "conforms":
                found = replace(found, checked=(*found.checked, part.name), rounds=found.rounds + one.rounds)
            else:
                found = replace(found, unchecked=(*found.unchecked, f"{part.name} ({one.where})"))
        return replace(self.verdict, conformance=found, controls=asked(controls))


def _parts(
    verdict: Verdict, problem: str | Problem, built: Problem, compressors: dict[str, Compressor]
) -> Iterator[Part]:
    """What is asked of whatever ran: the method itself, its wrong variants, and then the rest, cheap things first."""
    method = verdict.method
    yield Part("the method", conforms, (method,), needed=True)
    yield Part("the controls", tested_controls, (method, 0), needed=True)
    yield Part("what is recorded", records_conform, (method,))
    yield Part("the constants", completion_conforms, ())
    yield Part("the random numbers", random_conforms, ())
    yield Part("the checks", checks_conform, ())
    for c in compressors.values():
        yield Part(f"compressor {c.spec}", compressor_conforms, (c,))
    if build_method(method).clock:
        yield Part("the schedules", schedules_conform, (method,))
    if dim := int(verdict.constants.get("dim") or 0):
        for c in compressors.values():
            yield Part(f"the constants of {c.spec}", promises_conform, (c, dim))
    if not verdict.rounds:
        return
    about, given = (problem, verdict.workers), (built,)
    yield Part(f"problem {verdict.problem}", problem_conforms, about, given)
    yield Part(f"what is measured on {verdict.problem}", measures_conform, about, given)
    yield Part(f"the constants of {verdict.problem}", constants_conform, about, given)
    if isinstance(problem, str) and (family := problem.partition(":")[0]) in FAMILIES:
        yield Part(f"the family {family}", family_conforms, (family,))


def _answer_of(part: Part) -> Any:
    """The answer about a part; that about text is kept in this process, as long as names mean the same methods.

    What ran can be checked: a refusal of the toolkit's own is as good as a difference.
    """
    given = part.about if part.given is None else part.given
    methods = [known_methods().get(a) for a in part.about if isinstance(a, str)]
    try:
        if part.own:  # another one may have the same spec
            return part.check(*given)
        if part.key not in _ANSWERS or any(a is not b for a, b in zip(_ANSWERS[part.key][0], methods, strict=True)):
            _ANSWERS[part.key] = methods, part.check(*given)
        return _ANSWERS[part.key][1]
    except TooMuchError as reason:
        if part.needed:
            raise
        return Conformance("not checked", str(reason))
    except InputError as reason:
        if part.needed:
            raise
        return Conformance("not checked" if part.own else "differs", f"which cannot be checked: {reason}")


_ANSWERS: dict[tuple[Any, ...], tuple[list[Method | None], Any]] = {}


def _is_own(given: Compressor) -> bool:
    """Whether a compressor is an object that its spec does not give back."""
    return type(given) is not COMPRESSORS.get(given.name)


def _spec(given: str | Compressor | None) -> str | None:
    return given.spec if isinstance(given, Compressor) else given


def digest(problem: Problem) -> str:
    """The digest of a problem and its data."""
    return problem_digest(problem, share_digests(problem))


def _brought(kind: type, task: Task) -> bool:
    """Whether a class is the toolkit's, or one of the modules that the command names."""
    return kind.__module__.startswith(f"{PACKAGE}.") or (bool(task.modules) and kind.__module__.startswith(PREFIX))


def _rebuilt(problem: Problem, task: Task) -> bool:
    """Whether the text form of a problem gives back the same problem, its data included."""
    if OBJECTS.get(problem.name) is problem and task.modules:
        return True
    if type(problem) is not PROBLEMS.get(problem.name) or not _brought(type(problem), task):
        return False
    try:
        again = build_problem(problem.spec, workers=problem.workers)
    except InputError:
        return False
    return digest(again) == digest(problem)


def _objects(task: Task) -> dict[str, Problem | Compressor | Theorem]:
    """What takes part and neither the toolkit nor a module gives back, by what it is."""
    found: dict[str, Problem | Compressor | Theorem] = {}
    problem = task.changes.get("problem")
    if isinstance(problem, str) and (own := OBJECTS.get(problem)):
        problem = own
    if isinstance(problem, Problem) and not _rebuilt(problem, task):
        found["problem"] = problem
    for side, name in (("up", "uplink compressor"), ("down", "downlink compressor")):
        if (given := task.changes.get(side)) is not None:
            given = compressor(given)
            if _is_own(given) or not _brought(type(given), task):
                found[name] = given
    subject = theorem(task.theorem)
    if not _brought(type(subject), task):
        found["theorem"] = subject
    return found


def _own(task: Task) -> tuple[str, ...]:
    """What no certificate holds, by what it is."""
    kept = ["problem"] if isinstance(task.changes.get("problem"), Problem) else []
    return tuple(dict.fromkeys([*kept, *_objects(task), *(["module"] if task.modules else [])]))


def _needs(task: Task) -> tuple[str, ...]:
    """What whoever repeats the run has to bring, a sentence each."""
    needs = [described(path) for path in task.modules]
    for what, given in _objects(task).items():
        kind = type(given)
        words = f"the {what} '{given.name if isinstance(given, Theorem) else given.spec}'"
        words += f", of the class {kind.__module__}.{kind.__qualname__}"
        if isinstance(given, Problem):
            words += f", with {counted(given.dim, 'coordinate')} and {counted(given.workers, 'worker')}"
            words += f" (digest {digest(given)})"
        needs.append(words)
    return tuple(needs)


def _command(task: Task) -> str:
    """The command that repeats the verdict; without one, how it was come by."""
    if objects := _objects(task):
        named = together([f"{what} '{given.name}'" for what, given in objects.items()])
        return (
            f"no command repeats this run; in Python, with your own {named}: "
            f"tersegrad.verify(['{task.theorem}'], ..., seed={task.seed})"
        )
    words = ["tersegrad", "verify", task.theorem]
    words += [word for path in task.modules for word in ("--module", path)]
    words += ["--quick"] if task.quick else []
    settings = {**task.changes.get("parameters", {}), **task.changes.get("constants", {})}
    if isinstance(problem := task.changes.get("problem"), Problem) and "workers" not in task.changes:
        words += ["--workers", str(problem.workers)]
    for key, value in task.changes.items():
        if key not in ("parameters", "constants"):
            words += [f"--{key}", value.spec if isinstance(value, Problem | Compressor) else str(value)]
    words += ["--set", *(f"{key}={value}" for key, value in settings.items())] if settings else []
    words += ["--seed", str(task.seed)]
    return shlex.join(words)
