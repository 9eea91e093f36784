"""Is it the method? What runs is held against the paper's pseudo-code, round by round.

A bound that holds says nothing about a method that is another one: a wrong step can be slower than the right one and
still stay below a loose bound. So the engine's kernels and the method's `transcription` (see `solvers.pseudocode`) run
side by side for a few dozen rounds on small heterogeneous problems, with the same noise and the same coins, and
everything that the two keep or send must agree to rounding: models, memories, errors, the rules' own states, messages,
bits, the compressors' states.

Two more checks need no transcription and look at the engine alone. `IDENTITIES` must hold at every round: the shadow
sequence moves by the average gradient, server and workers hold the same memories, what is sent plus what is kept is
what was compressed. `REDUCTIONS` say which methods are the same for some parameters: their models must agree.

Rounding. Every number of a round comes from some tens of sums and products, each with a relative error of u = 2^-53,
and sums over n workers and d coordinates. An error of an earlier round stays in memories and models and is taken to
grow no faster than these do, so that after t rounds two evaluations of the same formulas differ by at most

    ROUNDINGS (n + d) t u S,    S = the largest number met so far.

With 24 rounds that is 2e-12 S, far below the 2^-20 S of a value's rounding on the wire: a number that is rounded the
other way there because of it would show, and does not in the cases below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.door import is_numbers, shown
from ..common.errors import InputError, counted
from ..common.hooks import Promise, called, instance
from ..common.jsonable import plain
from ..problems import Problem
from ..solvers.engines.options import RunOptions
from ..solvers.engines.request import prepare
from ..solvers.engines.setup import Run
from ..solvers.method import WHOLE, Method
from ..solvers.method import method as build_method
from ..solvers.pseudocode import Given, State
from ..solvers.schedule import Schedule
from ..theory.compressors import Compressor, compressor
from .identities import IDENTITIES, Drawn, Identity, Reduction, Step, Way, forgets, reductions_of
from .watching import REPLICA, watch

Floats = NDArray[np.float64]

ROUNDS = 24
ROUNDINGS = 64
UNIT = 2.0**-53
#: Numbers beyond this are a divergence: the comparison ends there.
FAR = 1e30

#: Everything that is compared, in the order in which a round makes it, and how a sentence names it; the arrays of the
#: first group have a row for every worker.
OF_WORKERS = {
    "memories": "the memory",
    "states": "state {k}",
    "up": "the compressor's state",
    "errors": "the error",
    "up_special": "the special compressor's state",
}
OF_ALL = {
    "message": "the message of the last worker",
    "bits_up": "the bits sent by the workers",
    "server_memory": "the server's memory",
    "server_states": "the server's state {k}",
    "down": "the state of the server's compressor",
    "server_error": "the server's error",
    "down_special": "the state of the server's special compressor",
    "broadcast": "the server's message",
    "bits_down": "the bits sent by the server",
    "down_memory": "the downlink's memory",
    "common": "the common state {k}",
    "x": "the model",
}
OWN_MODELS = {"models": "the own model"}

#: Parameters by letter, for methods that are not given any: stable on the problems below.
PARAMETERS = {
    "gamma": 0.02, "alpha": 0.3, "beta": 0.4, "eta": 0.2, "lam": 0.4, "nu": 0.7, "b": 0.7, "p": 0.3, "a": 20.0,
    "H": 4.0, "M": 2.0, "R": 2.0, "B": 4.0,
}  # fmt: skip
OTHERWISE = 0.5


@dataclass(frozen=True)
class Setting:
    """On what a method is run.

    Parameters
    ----------
    problem, workers, up, down
        As `tersegrad.run` takes them; `down` is used by two-way methods only.
    clock
        Of an asynchronous method; or a schedule of your own.
    """

    problem: str | Problem
    up: str | Compressor = "identity"
    down: str | Compressor = "identity"
    workers: int | None = 3
    clock: str | Schedule = "straggler:factor=4"


_QUADRATIC = "quadratic:dim=8,mu=0.3,L=2,heterogeneity=1,hessians=different,noise=gaussian,sigma_sq=0.5"

#: Half of its curvatures are zero: coordinates of the gradient that vanish exactly.
_FLAT = "quadratic:dim=6,mu=0,L=2,spectrum=two,heterogeneity=1"

#: Contractive and unbiased compressors on both sides; noise, sampled rows, exact gradients; a start away from zero;
#: numbers of coordinates that coins, which come in fours, fill and do not.
SETTINGS = (
    Setting(_QUADRATIC, "topk:k=2", "sign"),
    Setting(_FLAT, "randk:k=2", "qsgd:levels=2", workers=4, clock="cyclic"),
    Setting("logistic:rows=30,dim=5,reg=0.1,batch=2", "ternary", "randk:k=3,scaled=0", clock="exponential"),
    Setting("pl:dim=6,noise=uniform,sigma_sq=0.5", "sign", "topk:k=2", clock="fixed:tau=3"),
)
#: One more for methods that take a regulariser.
WITH_PROX = Setting("least-squares:rows=30,dim=6,reg=0.1,l1=0.05,l2prox=0.1", "randk:k=3", "topk:k=3")


#: For methods that reshuffle samples, over several epochs and a part of one.
RESHUFFLED = (
    Setting("logistic:rows=21,dim=5,reg=0.1,batch=1,sampling=reshuffled", "ternary"),
    Setting("least-squares:rows=20,dim=6,reg=0.1,batch=1,sampling=reshuffled", "randk:k=2", workers=4),
)


@dataclass(frozen=True)
class Conformance:
    """The answer.

    Attributes
    ----------
    word
        "conforms", "differs" or "not checked".
    where
        What differs first, and in which round; why nothing was checked.
    difference, tolerance
        The difference that came nearest to what rounding allowed there; of "differs": the first beyond it.
    rounds
        Rounds compared, over all settings.
    checked
        What was compared and which identities and reductions were tried.
    unchecked
        What should have been compared and was not, with the reason.
    """

    word: str
    where: str = ""
    difference: float = 0.0
    tolerance: float = 0.0
    rounds: int = 0
    checked: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.word == "differs":
            return f"differs {self.where} (by {self.difference:.2g}; rounding allows {self.tolerance:.1g})"
        said = self.word if self.word == "conforms" else f"{self.word}: {self.where}"
        return "; not checked: ".join([said, *self.unchecked])

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return plain(asdict(self))


def conforms(
    method: str | Method,
    problem: str | Problem | None = None,
    up: str | Compressor = "identity",
    down: str | Compressor = "identity",
    *,
    parameters: Mapping[str, float] | None = None,
    workers: int | None = None,
    clock: str | Schedule | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Conformance:
    """Compare what runs with the method's transcription, and check the identities and reductions that apply.

    Parameters
    ----------
    method
        A name, or an object of your own. It is compared with its own `transcription`; its identities and reductions
        are those of its name.
    problem, up, down, workers, clock
        A setting of your own in place of `SETTINGS`.
    parameters
        The method's numbers; those left out are looked up by their letter in `PARAMETERS`.
    rounds, seed
        Rounds in every setting, and the seed of noise and coins.

    Returns
    -------
    Conformance
        "not checked" if the method brings neither a transcription nor a shadow sequence.

    Raises
    ------
    InputError
        For anything that cannot be run.
    """
    method = build_method(method)
    numbers = {name: PARAMETERS.get(name, OTHERWISE) for name in method.parameters} | dict(parameters or {})
    if problem is None:
        settings = [*RESHUFFLED] if method.reshuffles else [*SETTINGS, *([WITH_PROX] if method.prox else [])]
        if method.shadow_step is not None and forgets(method, numbers):
            settings.append(Setting(_QUADRATIC))
    else:
        settings = [Setting(problem, up, down, workers, clock or "straggler:factor=4")]
    tried = [i for i in IDENTITIES if i.applies(method)]
    if method.transcription is None and method.shadow_step is None:
        return Conformance(
            "not checked", f"method '{method.name}' has neither a transcription nor a step of its shadow sequence"
        )
    tally = Tally()
    for setting in settings:
        compare(method, setting, numbers, tried, rounds, seed, tally)
        if tally.found:
            return tally.answer()
    if problem is None:
        for reduction in reductions_of(method):
            reduce(method, reduction, rounds, seed, tally)
            if tally.found:
                return tally.answer()
    return tally.answer()


#: What a transcription returns.
STATES = Promise("a generator of a State for every round", lambda value, *_: isinstance(value, Iterator))


class Tally:
    """The largest difference so far, and the first one beyond rounding."""

    def __init__(self) -> None:
        self.found: tuple[str, float, float] | None = None
        self.largest, self.allowed, self.rounds = 0.0, 0.0, 0
        self.checked: dict[str, None] = {}

    def note(self, what: str, difference: float, tolerance: float) -> bool:
        """Take one difference down; say whether it is the first beyond its tolerance."""
        self.checked[what] = None
        if difference * self.allowed > self.largest * tolerance or (self.largest == 0 and tolerance > 0):
            self.largest, self.allowed = difference, tolerance
        return self.found is None and not difference <= tolerance

    def answer(self) -> Conformance:
        """The record."""
        if self.found:
            return Conformance("differs", *self.found, self.rounds, tuple(self.checked))
        return Conformance("conforms", "", self.largest, self.allowed, self.rounds, tuple(self.checked))


# ---------------------------------------------------------------------------------------------------- side by side


def compare(
    method: Method,
    setting: Setting,
    numbers: Mapping[str, float],
    identities: Sequence[Identity],
    rounds: int,
    seed: int,
    tally: Tally,
) -> None:
    """Run a method in one setting beside its transcription, and check the identities at every round."""
    run = _prepare(method, setting, numbers, rounds, seed)
    paper, drawn = _transcribed(run, setting.down), Drawn(run, _given(run, setting.down))
    n, d, draws = run.problem.workers, run.problem.dim, any(identity.drawn for identity in identities)
    scale, before, past = 0.0, None, []
    for t, record in enumerate(watch(run)):
        when, about = f"at round {t - 1}", f"on {run.problem.spec}, up {run.up.spec}, down {run.down.spec}"
        expected = _expected(run, *paper, t) if t and paper is not None else record.arrays
        scale = max(scale, _size(expected))
        if scale > FAR:
            return
        if t and paper is not None:
            for what, one, other in _pairs(record.arrays, expected):
                size = float(np.abs(other).max(initial=0.0)) if what.startswith("bits") else scale
                _note_difference(tally, what, one, other, ROUNDINGS * (n + d) * t * UNIT * size, when, about)
        if before is not None:
            g, heads = drawn.next(before, past) if draws else (np.zeros((n, d)), False)
            step = Step(run, t - 1, before, record, g, heads)
            allowed = ROUNDINGS * (n + d) * t * UNIT * max(scale, float(np.abs(g).max()))
            for identity in identities:
                if (gap := identity.left(step)) is not None:
                    largest = _largest(gap)
                    if tally.note(identity.title, largest, allowed):
                        where = f"{when} from what must hold ({identity.title}), {about}"
                        tally.found = where, largest, allowed
            tally.rounds += 1
        if tally.found:
            return
        past.append(record.arrays["x"])
        before = record


def reduce(method: Method, reduction: Reduction, rounds: int, seed: int, tally: Tally) -> None:
    """Run a method in a special case, and the other method that it then is."""
    one, other, scale = reduction.one, reduction.other, 0.0
    title = f"{one.method} is {other.method} with {_choices(one)}"
    problem, workers = (WITH_PROX.problem, 3) if reduction.prox else (_QUADRATIC, 4)
    if reduction.reshuffled:
        problem = RESHUFFLED[1].problem
    runs = []
    for way, subject in ((one, method), (other, build_method(other.method))):
        setting = Setting(problem, way.up, way.down, workers, way.clock)
        runs.append(watch(_prepare(subject, setting, way.parameters, rounds, seed)))
    for t, (a, b) in enumerate(zip(*runs, strict=True)):
        x, y = a.arrays["x"], b.arrays["x"]
        scale = max(scale, _size(a.arrays), _size(b.arrays))
        allowed = ROUNDINGS * (workers + x.size) * t * UNIT * scale
        if tally.note(title, gap := _largest(x - y), allowed):
            tally.found = f"at round {t - 1} in the model where {title}", gap, allowed
            return


def _choices(way: Way) -> str:
    numbers = ", ".join(f"{name} = {value:g}" for name, value in way.parameters.items() if name != "gamma")
    links = f"up {way.up}, down {way.down}"
    return f"{numbers}, {links}" if numbers else links


def _prepare(method: Method, setting: Setting, numbers: Mapping[str, float], rounds: int, seed: int) -> Run:
    options = RunOptions(
        method, setting.problem, setting.up, setting.down if method.two_way else "identity", parameters=numbers,
        rounds=rounds, workers=setting.workers, seed=seed, columns=False,
        schedule=setting.clock if method.clock else None,
    )  # fmt: skip
    return prepare(options).run


def _given(run: Run, down: str | Compressor) -> Given:
    """What a transcription takes as given; whether the method is one that compresses the downlink is not its say."""
    samples = int(run.numbers[run.method.samples]) if run.method.samples else 1
    return Given(run.problem, run.up, compressor(down), run.rounds, samples, run.schedule, run.seed, REPLICA)


def _transcribed(run: Run, down: str | Compressor) -> tuple[Given, Iterator[State]] | None:
    if (transcription := run.method.transcription) is None:
        return None
    given = _given(run, down)
    numbers = {name: int(value) if name in WHOLE else value for name, value in run.numbers.items()}
    states = called(f"the transcription of method '{run.method.name}'", lambda: transcription(given, **numbers), STATES)
    return given, states


def _expected(run: Run, given: Given, states: Iterator[State], t: int) -> dict[str, Any]:
    """What the transcription holds after t rounds, by the names of `Record.arrays`.

    Raises
    ------
    InputError
        If it ends before.
    """
    what = f"the transcription of method '{run.method.name}'"
    state = called(what, lambda: next(states, None), instance(State, none=True))
    if state is None:
        raise InputError(f"{what} ends after {counted(t - 1, 'round')}: it must yield a State in every one")
    kept = {name: value for name, value in state._asdict().items() if value is not None}
    for name, value in kept.items():
        for part in value if isinstance(value, list | tuple) else [value]:
            if not is_numbers(part):
                raise InputError(f"{what} yields {name} = {shown(part)}: a State has arrays of numbers")
    kept |= given.compressor_states()
    kept["bits_up"], kept["bits_down"] = given.bits_up, given.bits_down
    # A report that replaces the last one travels whole; what the server adds up, and the engine shows, is its news.
    if given.sent is not None and run.method.clock != "table":
        kept["message"] = given.sent
    if given.heard is not None:
        kept["broadcast"] = given.heard
    return kept


def _pairs(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[tuple[str, Floats, Floats]]:
    """What both hold, in the order of a round, the rules' states one by one."""
    for what in chain(OF_WORKERS, OF_ALL, OWN_MODELS):
        one, other = ours.get(what), theirs.get(what)
        if one is None or other is None:
            continue
        if isinstance(one, tuple):
            for k, (a, b) in enumerate(zip(one, other, strict=False)):
                yield f"{what}[{k}]", a, np.asarray(b)
        else:
            yield what, np.asarray(one), np.asarray(other)


def _note_difference(
    tally: Tally, what: str, one: Floats, other: Floats, allowed: float, when: str, about: str
) -> None:
    name, _, k = what.rstrip("]").partition("[")
    if one.shape != other.shape:
        tally.note(what, np.inf, allowed)
        shapes = f"{one.shape} and {other.shape}"
        tally.found = tally.found or (
            f"{when} in {_phrase(name, k)}: its shapes are {shapes}, {about}",
            np.inf,
            allowed,
        )
        return
    gaps = np.abs(one - other)
    if tally.note(what, largest := _largest(gaps), allowed):
        whose = ""
        if name in OF_WORKERS or name in OWN_MODELS:
            whose = f" of worker {int(np.argmax(~(gaps.max(axis=-1) <= allowed)))}"
        tally.found = f"{when} in {_phrase(name, k)}{whose}, {about}", largest, allowed


def _phrase(name: str, k: str) -> str:
    return (OF_WORKERS | OF_ALL | OWN_MODELS)[name].format(k=k)


def _largest(gap: Floats) -> float:
    """The largest entry; infinity for what is not a number."""
    largest = float(np.abs(gap).max(initial=0.0))
    return largest if np.isfinite(largest) else np.inf


def _size(arrays: Mapping[str, Any]) -> float:
    """The largest number in the arrays, bits aside."""
    parts = [a for name, a in arrays.items() if not name.startswith("bits")]
    flat = [np.abs(a).max(initial=0.0) for part in parts for a in (part if isinstance(part, list | tuple) else [part])]
    return float(np.nan_to_num(max(flat, default=0.0), nan=np.inf))
