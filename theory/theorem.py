"""What a theorem is: step sizes, a bound, a rate, or the reason why it says nothing.

A theorem is a final class that fills in a table (name, source, what it needs, its formulas in LaTeX) and two
or three methods that read like the paper's theorem box. What all theorems share lives here:

`Theorem.guarantee` matches constants and compressors with the assumptions, chooses the parameters, and returns a
`Guarantee` or a `NoGuarantee` with the reason (see `guarantee`). What bounds are made of is in `bounds`, families of
bounds that save a theorem most of the work in `families`.

The LaTeX formulas of the statement are evaluated against the code by the tests.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from ..common import front
from ..common.door import checked, shown
from ..common.errors import InputError, nearest, together
from ..common.hooks import watch
from ..common.house import file_of, proof_of
from .bounds import COLUMNS, Curve, Interval, Metric, NotCovered, Rate, Weights
from .compressors import AbsoluteError, Compressor, Contractive, Unbiased, compressor
from .compressors.participation import participating
from .constants import NAMES, Constants
from .guarantee import Assumption, Guarantee, NoGuarantee, positive
from .hypotheses import (
    ASYNCHRONOUS,
    CONSTANT_STEP,
    DOWNLINK,
    EVERYONE,
    FALLING_STEP,
    GUARDS,
    KNOWN,
    NO_REGULARISER,
    ONE_WORKER,
    PROX,
    STATEMENT,
    STRONGLY_CONVEX_SAMPLES,
    STRONGLY_CONVEX_WORKERS,
    UPLINK,
    name_of,
)
from .hypothesis import WORD, YES, Asked, Checked, Hypothesis  # fmt: skip
from .probe import Probe
from .promises import PROMISES, STATED
from .request import ParameterChoice, Point, Request
from .search import refined

Given = str | Compressor | Unbiased | Contractive | AbsoluteError | None

EXACT_PROMISE: dict[type, Assumption] = {
    Unbiased: Unbiased(0.0),
    Contractive: Contractive(1.0, nonexpansive=True, orthogonal=True),
    AbsoluteError: AbsoluteError(0.0),
}
"""What no compression at all satisfies, by assumption class."""

SEARCHED = 30.0
"""The search for a step goes down to e^-30 of the largest one, and on from there while the bound gets smaller."""

KIND = {Unbiased: "an unbiased", Contractive: "a contractive", AbsoluteError: "an absolute-error"}


class HasConstants(Protocol):
    """What knows its constants: a problem."""

    def constants(self) -> Constants:
        """What is known of it."""
        ...


class Theorem(ABC):
    """A theorem: its statement and what it guarantees. Subclasses are final and have no state."""

    name: ClassVar[str]
    """``paper.case``, as in ``dore.strongly-convex``."""
    title: ClassVar[str]
    source: ClassVar[str]
    provenance: ClassVar[str]
    """published | restated | ours | order."""
    method: ClassVar[str]
    requires: ClassVar[tuple[str, ...]]
    """Constants without which there is not even a step."""
    bound_requires: ClassVar[tuple[str, ...]]
    """Further constants that the value of the bound needs."""
    uplink: ClassVar[type | None] = None
    """Assumption class of the workers' compressor; None: the method sends plain vectors."""
    uplink_or: ClassVar[type | None] = None
    """A second class that the workers' compressor may be of instead."""
    downlink: ClassVar[type | None] = None
    parameters: ClassVar[tuple[str, ...]] = ("gamma",)
    analysis: ClassVar[tuple[str, ...]] = ()
    """Parameters of the proof alone."""
    messages: ClassVar[str] = "all"
    """Whose messages make a step unless M is fixed: "all" or "one"."""
    general: ClassVar[str] = ""
    """Id of the theorem that frees the parameters which this one prescribes."""
    rules: ClassVar[tuple[str, ...]] = ("",)
    """Ways to choose the free parameters; the best one is recommended."""

    assumes: ClassVar[tuple[Hypothesis, ...]]
    """What it assumes beside its compressors and what every theorem assumes, see `hypotheses`."""
    messages_latex: ClassVar[str] = ""
    """What it assumes of the workers' compressor, as a LaTeX clause, where the class alone does not say it."""
    setting: ClassVar[str] = ""
    """Notation and ranges of parameters, LaTeX sentences."""
    conditions: ClassVar[str]
    """The parameters' ranges, a LaTeX formula in terms of `definitions`."""
    definitions: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Pairs (symbol, formula), each in terms of the ones before."""
    measures: ClassVar[tuple[tuple[str, str], ...]]
    """The metric: pairs (coefficient in LaTeX, trace column)."""
    bound_latex: ClassVar[str]
    probe: ClassVar[Probe] = Probe()
    """Where the statement is evaluated against the code."""
    iterate: ClassVar[str] = "x"
    """What the method calls the model that the metric is about."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        watch(cls, PROMISES, passing=(NotCovered,))

    # ---- what a theorem fills in

    @abstractmethod
    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        """Take every parameter, in an order in which each interval depends on earlier ones only."""

    @abstractmethod
    def curve(self, request: Request, p: Point) -> Curve:
        """The bound at the parameters p."""

    @abstractmethod
    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        """The predicted slopes."""

    @abstractmethod
    def active(self, request: Request, p: Point) -> str:
        """Which term of the min or max is active, in words; see `Guarantee.active_words` for what may be left open."""

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        """The constants that the bound needs for these compressors."""
        return self.bound_requires

    def details(self, request: Request, p: Point) -> Point:
        """Named parts of the step or bound worth showing."""
        return {}

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        """The metric's coefficients, in the order of `measures`."""
        return (1.0,)

    def contraction_gap(self, request: Request, p: Point) -> float:
        """1 - rho, by which choices are compared when neither rounds nor eps is given."""
        return 0.0

    def bits_per_round(self, up: float, down: float, dense: float, p: Point) -> float:
        """Bits per worker and round from the sizes of the two compressed messages and of a dense vector."""
        return up + down

    def bits_of_first_round(self, up: float, down: float, dense: float, p: Point) -> float:
        """The same in round 0, where that is of a kind of its own."""
        return self.bits_per_round(up, down, dense, p)

    def seconds(self, constants: Constants, p: Point, rounds: int) -> float | None:
        """How long so many rounds take at most, where it says so of the compute times (`Constants.seconds`)."""
        return None

    def weights(self, request: Request, p: Point) -> Weights | None:
        """The weights of the averages (gap_avg, grad_sq_avg) in the metric; None if it has none."""
        return None

    # ---- what all theorems share

    def __repr__(self) -> str:
        return f"theorem({self.name!r})"

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """All that the theorem assumes, in the order of its statement."""
        held = {*self.assumes, KNOWN}
        held |= {UPLINK} if self.uplink else set()
        held |= {DOWNLINK} if self.downlink else set()
        held |= set() if PROX in held else {NO_REGULARISER}
        held |= set() if FALLING_STEP in held else {CONSTANT_STEP}
        held |= {EVERYONE} if held.isdisjoint(ASYNCHRONOUS) else set()
        return tuple(hypothesis for hypothesis in STATEMENT if hypothesis in held)

    @property
    def assumptions(self) -> str:
        """The hypotheses in LaTeX."""
        clauses = [hypothesis.clause(self) for hypothesis in self.hypotheses]
        return f"Assume: {'; '.join(clause for clause in clauses if clause)}. {self.setting}".rstrip()

    @property
    def file(self) -> Path:
        """Where the theorem is written."""
        return file_of(type(self))

    @property
    def proof(self) -> Path | None:
        """The document of docs/proofs that proves it; None for a theorem that a paper proves, or without the docs."""
        return proof_of(self.name)

    @property
    def statement(self) -> str:
        """The theorem in LaTeX."""
        where = "".join(rf"\[ {symbol} = {formula} \]" + "\n" for symbol, formula in self.definitions)
        where = f"where\n{where}" if where else ""
        return (
            f"\\textbf{{{self.title}.}} {self.assumptions} If ${self.conditions}$, then\n"
            f"\\[ \\mathbb{{E}}\\Big[ {self.metric_latex} \\Big] \\le {self.bound_latex} \\]\n{where}"
        ).rstrip()

    @property
    def metric_latex(self) -> str:
        """The metric in LaTeX."""
        columns = {name: latex.replace("x^t", f"{self.iterate}^t") for name, latex in COLUMNS.items()}
        terms = [coefficient + columns[column] for coefficient, column in self.measures]
        return terms[0] + "".join(f" - {term[1:]}" if term[0] == "-" else f" + {term}" for term in terms[1:])

    @staticmethod
    @checked
    def from_functions(
        name: str,
        method: Any,
        step: Callable[..., float],
        bound: Callable[..., float],
        *,
        metric: str,
        assumes: Sequence[str | Hypothesis] = (),
        **options: Any,
    ) -> Theorem:
        """Make a theorem of your own functions, which `tersegrad.register` enters in the register.

        Parameters
        ----------
        name, method
            ``paper.case``; the method (`Method`), or its name.
        step
            The largest gamma: the theorem is about 0 < gamma <= step(...), and recommends the largest where neither
            rounds nor eps is given.
        bound
            What bounds the expected metric after t rounds, for every gamma so allowed; it must not rise with t.
        metric
            The column of the trace that the bound is about: gap, dist_sq, grad_sq_mean, ... (gap_avg and grad_sq_avg
            with equal weights).
        assumes
            Hypotheses by their names, such as "smooth", "strongly convex", "one worker", "exact gradients": their
            guards refuse requests that break them.
        options
            ``up`` and ``down``, the classes of compressors that it is about (`Unbiased`, `Contractive`,
            `AbsoluteError`; left out: not compressed); ``limits``, functions for the largest values of the method's
            other parameters, {"alpha": lambda up: 1 / (1 + up.omega)}; ``requires`` and ``bound_requires``, the
            constants that the step and the bound need, where those that the functions are seen to ask for are not all;
            ``title``, ``source`` and ``bound_latex``.

        The functions are handed what their arguments are named after: ``c`` is the constants of the problem (``c.L``,
        ``c.mu``, ``c.gap0``, as in `Constants`), ``up`` and ``down`` what may be assumed of the compressors
        (``up.omega``), ``p`` the parameters by name or each by its own (``gamma``), ``t`` the number of rounds.

        Raises
        ------
        InputError
            For an unknown metric, hypothesis or argument of a function, and for functions that nowhere return a
            finite number, or a bound that rises with t.

        Examples
        --------
        >>> from tersegrad.theory import Constants, Theorem, Unbiased
        >>> mine = Theorem.from_functions(
        ...     "mine.gd", "q-gd", lambda c, up: 1 / ((1 + up.omega) * c.L),
        ...     lambda t, c, gamma: (1 - gamma * c.mu) ** t * c.gap0,
        ...     metric="gap", up=Unbiased, assumes=["smooth", "strongly convex", "one worker"],
        ... )
        >>> found = mine.guarantee(Constants(L=1.0, mu=0.5, gap0=8.0), up=Unbiased(1.0))
        >>> found.parameters, float(found.bound(2))
        ({'gamma': 0.5}, 4.5)
        >>> mine.requires, mine.bound_requires
        (('L',), ('mu', 'gap0'))
        """
        from .functions import from_functions

        return from_functions(name, method, step, bound, metric=metric, assumes=assumes, **options)

    def unprescribed(self) -> Theorem:
        """The theorem with free parameters that this one specialises (often itself)."""
        return THEOREMS[self.general] if self.general else self

    @checked
    def guarantee(
        self,
        constants: Constants | HasConstants,
        up: Given = None,
        down: Given = None,
        rounds: int | None = None,
        eps: float | None = None,
        participation: float | None = None,
        **parameters: float,
    ) -> Guarantee | NoGuarantee:
        """Apply the theorem.

        Parameters
        ----------
        constants
            Constants of the problem, or the problem itself; what they imply is filled in.
        up, down
            Compressors of the uplink and the broadcast: a spec, a compressor, or what may be assumed of it
            (`Unbiased`, `Contractive`, `AbsoluteError`). None: not compressed.
        rounds, eps
            At most one of them. The free parameters are chosen for the smallest bound at T = `rounds`, or
            for the fewest rounds to `eps`; with neither, for the best contraction, or the fastest decay of
            the initial error.
        participation
            The probability with which a worker takes part in a round; silence is a compressor
            (`theory.compressors.participation`), so the theorem covers it.
        parameters
            Values that are fixed by the caller, of the method or of the proof (`Theorem.analysis`).

        Raises
        ------
        InputError
            For an unknown parameter, a value that is not a number, or a compressor that does not exist.
        """
        known = constants if isinstance(constants, Constants) else constants.constants()
        try:
            fixed = self._fixed(parameters)
            _check_aim(rounds, eps)
            up = participating(up, participation, self.uplink)
            asked, checked = self._match(known, _resolve(up), _resolve(down), fixed)
            aim = None if rounds is None else int(rounds)
            request = Request(asked.constants, asked.promised_up, asked.promised_down, aim, eps, fixed)
            return self._apply(request, fixed, checked, asked.up, asked.down)
        except NotCovered as limit:
            return NoGuarantee(self, str(limit))

    def _fixed(self, parameters: Mapping[str, float]) -> Point:
        names = self.parameters + self.analysis
        for name, value in parameters.items():
            if name not in names:
                raise InputError(
                    f"{self.name} has no parameter '{name}'{nearest(name, names)}; it has: {', '.join(names)}"
                )
            if isinstance(value, bool | str) or not math.isfinite(float(value)):
                raise InputError(f"{name} = {value} is not a finite number")
        return {name: float(value) for name, value in parameters.items()}

    def prepared(self, constants: Constants) -> Constants:
        """The constants with what they and the theorem imply."""
        if ONE_WORKER in self.assumes and constants.n is None:
            constants = replace(
                constants, n=1, notes=(*constants.notes, "n = 1: the theorem applies to a single worker")
            )
        constants = constants.completed((*self.requires, *self.bound_requires))
        if STRONGLY_CONVEX_WORKERS in self.assumes and constants.mu_min is not None and constants.mu_min > 0:
            constants = replace(constants, mu=constants.mu_min)
        if STRONGLY_CONVEX_SAMPLES in self.assumes and constants.mu_sample is not None and constants.mu_sample > 0:
            constants = replace(constants, mu=constants.mu_sample, mu_min=constants.mu_sample)
        return constants

    def _match(self, constants: Constants, up: Any, down: Any, fixed: Point) -> tuple[Asked, tuple[Checked, ...]]:
        """Hold the request against every hypothesis."""
        constants = self.prepared(constants)
        asked = Asked(self, constants, up, down, None, None, fixed)
        held, checked = self.hypotheses, {}
        for hypothesis in GUARDS:
            if hypothesis is UPLINK:
                asked = replace(asked, promised_up=self.promised("uplink", up, constants.dim))
            if hypothesis is DOWNLINK:
                asked = replace(asked, promised_down=self.promised("downlink", down, constants.dim))
            if hypothesis in held:
                answer = hypothesis.check(asked)
                if answer.holds is False:
                    raise NotCovered(answer.sentence)
                checked[hypothesis] = answer
        return asked, tuple(
            Checked(
                hypothesis.name,
                hypothesis.clause(self),
                hypothesis.decided_by if checked.get(hypothesis, YES).holds else WORD,
                checked.get(hypothesis, YES).sentence,
            )
            for hypothesis in held
        )

    def promised(self, side: str, given: Any, dim: int | None) -> Assumption | None:
        """What the theorem may assume of the compressor of one side.

        Raises
        ------
        NotCovered
            If it does not promise what the theorem needs.
        """
        kinds = [kind for kind in ((self.uplink, self.uplink_or) if side == "uplink" else (self.downlink,)) if kind]
        if given is None:
            return EXACT_PROMISE[kinds[0]] if kinds else None
        if isinstance(given, Compressor) and dim is None:
            raise NotCovered(
                f"{self.name} needs dim to know the constants of {given.spec}; give {front.constants('dim')}"
            )
        if not kinds:
            if not _exact(given.unbiased(dim or 1) if isinstance(given, Compressor) else given):
                raise NotCovered(f"{self.name} has no {side} compression, and {name_of(given)} compresses")
            return None
        words = " or ".join([KIND[kinds[0]], *(KIND[kind].split()[-1] for kind in kinds[1:])])
        wanted = f"{self.name} needs {words} {side} compressor"
        if not isinstance(given, Compressor):
            if not any(isinstance(given, kind) for kind in kinds):
                raise NotCovered(f"{wanted}; {given} is of another class")
            return given
        given.check(dim or 1)
        promises: list[tuple[Assumption | None, str]] = [_promise(given, kind, dim or 1) for kind in kinds]
        found: Assumption | None = next((promise for promise, _ in promises if promise is not None), None)
        if found is None:
            raise NotCovered(f"{wanted}; {given.spec} is not {KIND[kinds[0]].split()[-1]}: {promises[0][1]}")
        if isinstance(found, Unbiased) and given.shared_coins:
            return replace(found, shared_coins=True)
        return found

    def _parameters_at(self, request: Request, fixed: Mapping[str, float], rule: str) -> ParameterChoice:
        choose = ParameterChoice(fixed, rule)
        self.choose_parameters(request, choose)
        if missing := [name for name in (*self.parameters, *self.analysis) if name not in choose.values]:
            raise InputError(
                f"{type(self).__name__}.choose_parameters does not choose {together(missing)}: call "
                f"choose('{missing[0]}', Interval(low, high, text), default)"
            )
        return choose

    def _apply(
        self, request: Request, fixed: Point, checked: tuple[Checked, ...], up: Any, down: Any
    ) -> Guarantee | NoGuarantee:
        notes = request.constants.notes
        if self.provenance == "conjectured":
            notes += (f"{self.name} is conjectured: it was measured, and it is not proved",)
        missing = tuple(name for name in self.bound_needs(request) if getattr(request.constants, name) is None)
        wanted = request.rounds is not None or request.eps is not None
        if missing and wanted and not self.general:
            notes += (f"the step is not tuned, because the bound needs {together(missing)}",)
        score = self._score(request) if wanted and not missing else None
        choices: list[ParameterChoice] = []
        refusal = NotCovered("")
        for rule in self.rules:
            try:
                choices.append(self._parameters_at(request, fixed, rule))
            except NotCovered as limit:
                refusal = limit
                continue
            if score is not None and "gamma" not in fixed and not self.general:
                choices.append(self._search(request, fixed, choices[-1], score))
        if not choices:
            raise refusal
        best = min(
            choices, key=lambda choice: score(choice.values) if score else -self.contraction_gap(request, choice.values)
        )
        p = best.values
        curve = None if missing else self.curve(request, p)
        active = self.active(request, p)
        if score is not None and "gamma" not in fixed and p["gamma"] < (1 - 1e-9) * choices[0].values["gamma"]:
            aim = f"T = {request.rounds}" if request.rounds else "eps = {eps}"
            active = f"gamma is set by the floor of the bound at {aim}; {active}"
        terms = tuple(
            (column, value) for (_, column), value in zip(self.measures, self.coefficients(request, p), strict=True)
        )
        return Guarantee(
            theorem=self,
            constants=request.constants,
            up=up,
            down=down,
            parameters={name: p[name] for name in self.parameters},
            analysis={name: p[name] for name in self.analysis} | self.details(request, p),
            intervals=best.intervals,
            active_words=active,
            eps=request.eps,
            metric=Metric(self.measures[0][1] if len(terms) == 1 else "lyapunov", self.metric_latex, terms),
            rate=self.rate(request, p, curve),
            missing=missing,
            notes=notes,
            hypotheses=checked,
            horizon=self.horizon(request),
            curve=curve,
            fixed=fixed,
            weights=self.weights(request, p),
        )

    def horizon(self, request: Request) -> int | None:
        """The T that the parameters depend on, if they do."""
        return None

    def _score(self, request: Request) -> Callable[[Point], float] | None:
        """What the choice of the step makes small: the bound at T, or the time to eps; None: the theorem's own rule."""
        if request.rounds is not None:
            return lambda p: float(self.curve(request, p).at(request.rounds or 1))
        return lambda p: self.curve(request, p).time_to(request.eps or 0.0)

    def _search(
        self, request: Request, fixed: Point, start: ParameterChoice, score: Callable[[Point], float]
    ) -> ParameterChoice:
        """The best step up to that of `start`: a grid in log gamma, then golden sections around its best."""

        def at(log_gamma: float) -> tuple[float, ParameterChoice]:
            try:
                choice = self._parameters_at(request, {**fixed, "gamma": math.exp(log_gamma)}, start.rule)
            except NotCovered:
                return math.inf, start
            return score(choice.values), choice

        high = math.log(start.values["gamma"])
        least = max(math.log(max(start.intervals["gamma"].low, 1e-300)), high - 20 * SEARCHED)
        grid = np.linspace(max(high - SEARCHED, least), high, 100)
        values = [at(g)[0] for g in grid]
        while grid[0] > least and (values[0] < values[1] or not math.isfinite(values[0])):
            lower = np.linspace(max(grid[0] - SEARCHED, least), grid[0], 100)[:-1]
            grid, values = np.append(lower, grid), [*(at(g)[0] for g in lower), *values]
        found = at(refined(lambda log_gamma: at(log_gamma)[0], grid, values, 1e-9))
        return found[1] if found[0] < score(start.values) else start


def choose_whole(choose: ParameterChoice, name: str, default: int) -> int:
    """Take a parameter that counts something (a period, messages): a whole number, at least 1."""
    value = choose(name, Interval(1.0, math.inf, f"1 <= {name}", low_open=False), default)
    if value != math.floor(value):
        raise NotCovered(f"{name} = {value:g} must be a whole number")
    return int(value)


def prescribe(theorem: Theorem, choose: ParameterChoice, values: Mapping[str, tuple[float, str]]) -> None:
    """Take values that the theorem prescribes, each with its formula; a fixed value must agree."""
    for name, (value, text) in values.items():
        if name in choose.fixed and not math.isclose(choose.fixed[name], value, rel_tol=1e-9):
            raise NotCovered(
                f"{theorem.name} prescribes {name} = {text} = {value:.6g}, not {choose.fixed[name]:.6g}"
                + (f"; see {theorem.general}" if theorem.general not in ("", theorem.name) else "")
            )
        choose.values[name], choose.intervals[name] = (
            value,
            Interval(value, value, f"{name} = {text}", low_open=False),
        )


# ------------------------------------------------------------------------------------------------ registry

THEOREMS: dict[str, Theorem] = {}
"""Every theorem by its name."""

T = TypeVar("T", bound=type[Theorem])


#: What a theorem must say of itself in words and formulas, besides its methods.
REQUIRED = (
    "name", "title", "source", "provenance", "method", "requires", "bound_requires", "assumes", "conditions",
    "measures", "bound_latex",
)  # fmt: skip
#: Where a theorem comes from, in a word.
PROVENANCES = ("published", "restated", "ours", "order", "conjectured")


def register(cls: T) -> T:
    """Enter a class of theorems into `THEOREMS`: a decorator.

    Raises
    ------
    InputError
        If a part is missing, or another theorem has the name.
    """
    missing = [name for name in REQUIRED if not hasattr(cls, name)] + sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        raise InputError(f"theorem {cls.__name__} lacks {', '.join(missing)}: define them in its class")
    for name, promise in STATED.items():
        if not promise.kept(value := getattr(cls, name)):
            raise InputError(f"theorem {cls.__name__}: {name} is {shown(value)}; give {promise.words}")
    if unknown := [name for name in (*cls.requires, *cls.bound_requires) if name not in NAMES]:
        raise InputError(
            f"theorem '{cls.name}' requires '{unknown[0]}', which is not a constant{nearest(unknown[0], NAMES)}; "
            f"constants: {', '.join(NAMES)}"
        )
    if cls.provenance not in PROVENANCES:
        raise InputError(
            f"theorem '{cls.name}': provenance = {cls.provenance!r}; choose one of {', '.join(PROVENANCES)}"
        )
    before = type(THEOREMS[cls.name]) if cls.name in THEOREMS else cls
    if (before.__module__, before.__qualname__) != (cls.__module__, cls.__qualname__):
        raise InputError(
            f"there is already a theorem '{cls.name}', in {file_of(before).name}: give this one another name"
        )
    THEOREMS[cls.name] = cls()
    return cls


@checked
def theorem(name: str) -> Theorem:
    """The theorem of this name, such as ``dore.strongly-convex``.

    Parameters
    ----------
    name
        As ``tersegrad list theorems`` prints it.

    Raises
    ------
    InputError
        If there is none; the sentence names the nearest one.
    """
    if name not in THEOREMS:
        raise InputError(f"unknown theorem '{name}'{nearest(name, THEOREMS)}; tersegrad list theorems prints all")
    return THEOREMS[name]


# ------------------------------------------------------------------------------------------------- helpers


def uplink_of(method: str) -> type | None:
    """The class of compressors that all theorems about a method need of its uplink; None if there is no such."""
    kinds = {found.uplink for found in THEOREMS.values() if found.method == method} - {None}
    return kinds.pop() if len(kinds) == 1 else None


def _resolve(given: Given) -> Compressor | Assumption | None:
    return compressor(given) if isinstance(given, str) else given


def _exact(promise: Assumption | None) -> bool:
    """Whether the promise is that the message arrives unchanged."""
    values = {Unbiased: ("omega", 0.0), Contractive: ("delta", 1.0), AbsoluteError: ("eps", 0.0)}
    return any(isinstance(promise, kind) and getattr(promise, name) == value for kind, (name, value) in values.items())


def _promise(given: Compressor, kind: type, dim: int) -> tuple[Assumption | None, str]:
    """What a compressor promises in the class `kind`, and why not if it promises nothing."""
    if kind is Unbiased:
        return given.unbiased(dim), given.why_not_unbiased
    if kind is Contractive:
        return given.contractive(dim), given.why_not_contractive
    return given.absolute(dim), given.why_not_absolute


def _check_aim(rounds: Any, eps: Any) -> None:
    """Raise `InputError` unless at most one of them is given, and makes sense."""
    if rounds is not None and eps is not None:
        raise InputError("give rounds or eps, not both: the step is tuned for one of them")
    if rounds is not None and (isinstance(rounds, bool) or not 1 <= rounds <= 1e300 or rounds != int(rounds)):
        raise InputError(f"rounds = {rounds} must be a whole number, 1 or more")
    if eps is not None:
        positive("eps", eps)
