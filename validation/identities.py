"""What must hold at every round whatever the compressors do, and which methods are the same for some parameters.

Both look at what the engine holds, not at a transcription. An identity is a row of `IDENTITIES`: to which methods it
applies, and an array that vanishes. A reduction is a row of `REDUCTIONS`: two ways to run whose models agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.hooks import NUMBER, called
from ..solvers.engines.setup import Run
from ..solvers.method import Method, known_methods
from ..solvers.pseudocode import Given
from ..solvers.rules import no_op
from .watching import Record

Floats = NDArray[np.float64]


class Drawn:
    """The gradients that the workers of a run drew, computed anew at the models that the engine was at."""

    def __init__(self, run: Run, given: Given) -> None:
        self._run, self._given, self._rounds = run, given, given.rounds()
        self._samples = int(run.numbers[run.method.samples]) if run.method.samples else 1

    def next(self, before: Record, past: Sequence[Floats]) -> tuple[Floats, bool]:
        """Gradients (n, d), or (M, d) of what arrived, of the next round; whether its coin shows heads.

        Parameters
        ----------
        before, past
            The state before the round; the models of all rounds so far.
        """
        t, given = next(self._rounds), self._given
        if self._run.schedule is not None:
            return np.array([given.gradient(i, past[s]) for i, s in given.arrivals()]), False
        points = before.arrays.get("models", before.arrays["x"])
        g = np.mean([given.gradients(points) for _ in range(self._samples)], axis=0)
        p = self._run.numbers.get("p")
        return g, p is not None and (t == 0 or given.heads(p))


@dataclass(frozen=True)
class Step:
    """One round t: the state before and after it, the gradients (n, d) drawn in it, whether its coin shows heads."""

    run: Run
    t: int
    before: Record
    after: Record
    g: Floats
    heads: bool

    @property
    def p(self) -> Mapping[str, float]:
        """The method's parameters."""
        return self.run.numbers

    def now(self, name: str) -> Any:
        """An array after the round."""
        return self.after.arrays[name]

    def then(self, name: str) -> Any:
        """An array before the round."""
        return self.before.arrays[name]

    @property
    def full(self) -> bool:
        """Whether the round is one of a method's special ones, every H-th."""
        return (self.t + 1) % int(self.p["H"]) == 0


@dataclass(frozen=True)
class Identity:
    """Something that vanishes at every round.

    Parameters
    ----------
    title
        What it says.
    applies
        To which methods.
    gap
        From a round to what vanishes; None in rounds in which it says nothing.
    drawn
        Whether it is about the gradients that the workers drew.
    """

    title: str
    applies: Callable[[Method], bool]
    gap: Callable[[Step], Floats | None]
    drawn: bool = False

    def left(self, step: Step) -> Floats | None:
        """What should vanish; None where it says nothing, or where a method of this name keeps its states elsewhere."""
        try:
            return self.gap(step)
        except LookupError:
            return None


def _any(method: Method) -> bool:
    return True


def _of(*names: str) -> Callable[[Method], bool]:
    return lambda method: method.name in names


def forgets(method: Method, p: Mapping[str, float]) -> bool:
    """Whether what the uplink's compressor loses is lost: then a shadow sequence needs one that loses nothing."""
    return not method.uplink(p).error and method.sent is no_op


def _shadow(s: Step) -> Floats | None:
    """y+ = y - gamma' avg g."""
    method, step = s.run.method, s.run.method.shadow_step
    if step is None or any(s.run.problem.regulariser):
        return None
    if forgets(method, s.p) and s.run.up.name != "identity":
        return None
    length = called(f"shadow_step of method '{method.name}'", step, NUMBER, s.p, s.t)
    return s.after.shadow - (s.before.shadow - length * s.g.mean(axis=0))


def _falling_shadow(s: Step) -> Floats:
    """y+ = y - g'_t avg g + (g'_t - g'_{t+1}) R, R = (x+ - y+)/g'_{t+1}, for memories in units of gradients."""
    now, soon = (s.p["gamma"] / (1 - s.p["beta"]) / (s.p["a"] + t) for t in (s.t, s.t + 1))
    left = (now / soon - 1) * (s.now("x") - s.after.shadow)
    return s.after.shadow - (s.before.shadow - now * s.g.mean(axis=0) + left)


def _memories(s: Step) -> Floats | None:
    """The server's memory is the average of the workers'."""
    if "memories" not in s.after.arrays or "server_memory" not in s.after.arrays:
        return None
    return s.now("server_memory") - s.now("memories").mean(axis=0)


def _down(s: Step) -> Floats | None:
    """c + e+ = what the server compressed."""
    if "server_error" not in s.after.arrays:
        return None
    return s.now("broadcast") + s.now("server_error") - s.after.squeezed


def _memory_moves(s: Step) -> Floats | None:
    """h+ = h + lambda c, of the last worker."""
    channel = s.run.method.uplink(s.p)
    if s.run.schedule is not None or not channel.memory or s.run.method.memory_per_sample:
        return None
    return s.now("memories")[-1] - s.then("memories")[-1] - channel.lam * s.now("message")


def _model_moves(s: Step) -> Floats | None:
    """xhat+ = xhat + beta c, where the model is the downlink's memory."""
    channel = s.run.method.downlink(s.p)
    return s.now("x") - s.then("x") - channel.lam * s.now("broadcast") if channel.model_is_memory else None


#: The factor of the gradient that enters the uplink of a method with errors, and what goes in beside it.
_ENTERS: dict[str, Callable[[Step], Any]] = {
    "error-feedback": lambda s: s.p["gamma"] * s.g[-1],
    "mem-sgd": lambda s: s.p["gamma"] / (s.p["a"] + s.t) * s.g[-1],
    "doublesqueeze": lambda s: s.g[-1],
    "neolithic": lambda s: s.g[-1],
    "gmc": lambda s: s.g[-1] + s.p["beta"] * s.then("common")[0],
    "gmc-plus": lambda s: s.g[-1] + s.p["beta"] * s.then("common")[0],
    "gmc-decreasing": lambda s: s.g[-1] + s.p["beta"] * s.then("common")[0],
    "dist-ef-sgd": lambda s: s.g[-1] + s.p["b"] * s.now("states")[0][-1],
}


def _up(s: Step) -> Floats:
    """c + e+ = e + what enters, of the last worker."""
    return s.now("message") + s.now("errors")[-1] - s.then("errors")[-1] - _ENTERS[s.run.method.name](s)


def _descends(s: Step) -> Floats:
    """x+ = x - gamma h, h the memory after the round."""
    h = s.now("down_memory" if "down_memory" in s.after.arrays else "server_memory")
    return s.now("x") - s.then("x") + s.p["gamma"] * h


def _last_move(s: Step) -> Floats:
    """d = -(x+ - x)/gamma_t."""
    step = s.p["gamma"] / (s.p["a"] + s.t) if "a" in s.p else s.p["gamma"]
    return step * s.now("common")[0] + s.now("x") - s.then("x")


def _agree(s: Step) -> Floats:
    """x_i - e_i is the same on all workers."""
    less = s.now("models") - s.now("states")[1]
    return less - less[0]


def _full(s: Step) -> Floats | None:
    """After a full-precision round all models are the same and the error is gone."""
    return np.vstack([s.now("models") - s.now("x"), s.now("server_error")]) if s.full else None


IDENTITIES = (
    Identity("the shadow sequence", lambda m: m.shadow_step is not None, _shadow, drawn=True),
    Identity("the shadow sequence with decreasing steps", _of("gmc-decreasing"), _falling_shadow, drawn=True),
    Identity("the server's memory is the average of the workers'", _any, _memories),
    Identity("what the server sends plus what it keeps is what it compressed", lambda m: m.two_way, _down),
    Identity("what a worker sends plus what it keeps is what it had", lambda m: m.name in _ENTERS, _up, drawn=True),
    Identity("the memory moves by what is sent", _any, _memory_moves),
    Identity("the model moves by what is broadcast", lambda m: m.two_way, _model_moves),
    Identity("the model moves by -gamma times the memory", _of("ef21", "ef21-sgdm", "ef21-bc"), _descends),
    Identity("the momentum is the model's last move", _of("gmc", "gmc-plus", "gmc-decreasing"), _last_move),
    Identity(
        "the model is the average of the workers' models", lambda m: m.models == "averaged",
        lambda s: s.now("x") - s.now("models").mean(axis=0),
    ),
    Identity("model minus error is the same on all workers", _of("cser"), _agree),
    Identity(
        "the control variates sum to zero", _of("scaffnew"), lambda s: s.now("states")[0].mean(axis=0)
    ),
    Identity("a full-precision round leaves no error and one model", _of("liec"), _full),
    Identity(
        "on heads the estimate is the average gradient", _of("marina"),
        lambda s: s.now("server_states")[0] - s.g.mean(axis=0) if s.heads else None, drawn=True,
    ),
    Identity(
        "the running sum is the average of the stored reports", _of("q-iag"),
        lambda s: s.now("server_states")[0] - s.now("states")[0].mean(axis=0),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Way:
    """A method with compressors and parameters, and a clock if it is asynchronous."""

    method: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    up: str = "identity"
    down: str = "identity"
    clock: str = "fresh"


@dataclass(frozen=True)
class Reduction:
    """Two ways that are the same method: the models agree at every round.

    Parameters
    ----------
    one
        The method in question.
    other
        What it is the same as.
    prox, reshuffled
        Whether to compare on a problem with a regulariser; on one whose rows are reshuffled.
    """

    one: Way
    other: Way
    prox: bool = False
    reshuffled: bool = False


_STEP = {"gamma": 0.0625}
_SGD = Way("sgd", _STEP)


def _without_loss() -> Iterator[Reduction]:
    """Without compression (and momentum) everything is parallel SGD."""
    numbers: dict[str, dict[str, float]] = {
        "qsgd": {}, "qsgd-two-way": {}, "q-gd": {}, "d-qgd": {}, "compressed-gd": {}, "error-feedback": {},
        "doublesqueeze": {}, "ef21": {}, "ef21-bc": {}, "ef21-p": {}, "iag": {}, "piag": {}, "q-iag": {},
        "diana": {"alpha": 0.7}, "artemis": {"alpha": 0.7}, "ef21-p-diana": {"beta": 0.7}, "marina": {"p": 0.3},
        "dasha": {"alpha": 0.7}, "ef-bv": {"lam": 0.4, "nu": 1.0}, "murana": {"lam": 0.4, "beta": 1.0},
        "ef21-sgdm": {"eta": 1.0}, "dore": {"alpha": 0.6, "beta": 1.0, "eta": 0.0}, "liec": {"H": 3.0},
        "cser": {"H": 3.0}, "gmc": {"beta": 0.0}, "gmc-plus": {"beta": 0.0, "lam": 0.6}, "dist-ef-sgd": {"b": 0.0},
        "neolithic": {"R": 1.0}, "dgc": {"beta": 0.7}, "dmsgd": {"beta": 0.0}, "heavy-ball": {"beta": 0.0},
        "momentum": {"b": 0.0}, "delayed-sgd": {"M": 4.0}, "delayed-q-sgd": {"M": 4.0},
        "doublesqueeze-async": {"M": 4.0}, "marina-p": {"p": 0.3}, "scaffnew": {"p": 1.0},
        "compressed-scaffnew": {"p": 1.0, "eta": 0.7},
    }  # fmt: skip
    for name, more in numbers.items():
        down = "topk:k=1" if name == "cser" else "identity"  # its error reset has nothing to send
        yield Reduction(Way(name, _STEP | more, down=down), _SGD)
    for name in ("qsgd", "qsgd-two-way", "diana", "dore", "murana", "piag"):
        yield Reduction(Way(name, _STEP | numbers[name]), _SGD, prox=True)


def _pair(one: Way, name: str, more: Mapping[str, float] | None = None, **changed: str) -> Reduction:
    """The same compressors and step, and another method."""
    links = {"up": one.up, "down": one.down, "clock": one.clock} | changed
    return Reduction(one, Way(name, {"gamma": one.parameters["gamma"]} | dict(more or {}), **links))


_TOP, _RAND = "topk:k=2", "randk:k=2"
_BALL = {"gamma": 0.03, "beta": 0.7}

REDUCTIONS: tuple[Reduction, ...] = (
    *_without_loss(),
    _pair(Way("qsgd-two-way", _STEP, _RAND), "qsgd"),
    _pair(Way("compressed-gd", _STEP, _TOP), "qsgd"),
    _pair(Way("d-qgd", _STEP, _RAND), "qsgd"),
    _pair(Way("dore", _STEP | {"alpha": 0.3, "beta": 1.0, "eta": 0.0}, _RAND), "diana", {"alpha": 0.3}),
    _pair(Way("artemis", _STEP | {"alpha": 0.3}, _RAND), "diana", {"alpha": 0.3}),
    _pair(Way("murana", _STEP | {"lam": 0.3, "beta": 1.0}, _RAND), "diana", {"alpha": 0.3}),
    _pair(Way("ef21-p-diana", _STEP | {"beta": 0.3}, _RAND), "diana", {"alpha": 0.3}),
    _pair(Way("ef-bv", _STEP | {"lam": 0.3, "nu": 1.0}, _RAND), "diana", {"alpha": 0.3}),
    _pair(Way("ef-bv", _STEP | {"lam": 1.0, "nu": 1.0}, _TOP), "ef21"),
    _pair(Way("ef21-bc", _STEP, _TOP), "ef21-sgdm", {"eta": 1.0}),
    # gamma is a power of two, and these compressors commute with scaling
    _pair(Way("doublesqueeze", _STEP, _TOP), "error-feedback"),
    _pair(Way("doublesqueeze", _STEP, "randk:k=2,scaled=0"), "error-feedback"),
    _pair(Way("gmc", _STEP | {"beta": 0.0}, _TOP), "error-feedback"),
    _pair(Way("neolithic", _STEP | {"R": 1.0}, _TOP, "sign"), "doublesqueeze"),
    _pair(Way("dist-ef-sgd", _STEP | {"b": 0.0}, _TOP, "sign"), "doublesqueeze"),
    _pair(Way("doublesqueeze-async", _STEP | {"M": 4.0}, _RAND, _TOP), "doublesqueeze"),
    _pair(Way("liec", _STEP | {"H": 1.0}, _TOP, "sign"), "sgd", up="identity", down="identity"),
    Reduction(Way("gmc", _BALL), Way("heavy-ball", _BALL)),
    Reduction(Way("dmsgd", _BALL), Way("heavy-ball", _BALL)),
    Reduction(Way("momentum", {"gamma": 0.1, "b": 0.7}), Way("heavy-ball", _BALL)),
    _pair(Way("gmc-plus", _BALL | {"lam": 0.0}, _TOP), "gmc", {"beta": 0.7}),
    _pair(Way("compressed-scaffnew", _STEP | {"p": 0.3, "eta": 1.0}), "scaffnew", {"p": 0.3}),
    _pair(
        Way("compressed-scaffnew", _STEP | {"p": 0.3, "eta": 1.0}, "mask:workers=4,s=4"),
        "scaffnew",
        {"p": 0.3},
        up="identity",
    ),
    _pair(Way("q-iag", _STEP, _RAND), "d-qgd"),
    _pair(Way("delayed-q-sgd", _STEP | {"M": 4.0}, _RAND), "d-qgd"),
    _pair(Way("q-iag", _STEP, clock="straggler:factor=4"), "iag"),
    _pair(Way("delayed-q-sgd", _STEP | {"M": 2.0}, clock="exponential"), "delayed-sgd", {"M": 2.0}),
    _pair(Way("delay-adaptive", _STEP, clock="cyclic"), "delayed-sgd", {"M": 1.0}),
    Reduction(Way("q-rr", _STEP), _SGD, reshuffled=True),
    Reduction(Way("q-rr", _STEP, _RAND), Way("qsgd", _STEP, _RAND), reshuffled=True),
    Reduction(Way("diana-rr", _STEP | {"alpha": 0.7}), _SGD, reshuffled=True),
    Reduction(Way("diana-rr", _STEP | {"alpha": 0.0}, _RAND), Way("q-rr", _STEP, _RAND), reshuffled=True),
    _pair(Way("ringmaster", _STEP | {"R": 1e6}, clock="straggler:factor=4"), "delayed-sgd", {"M": 1.0}),
    _pair(Way("ringmaster", _STEP | {"R": 1.0}, clock="straggler:factor=4"), "rennala", {"B": 1.0}),
    _pair(Way("rennala", _STEP | {"B": 4.0}), "sgd"),
    _pair(Way("signsgd", _STEP | {"R": 2.0}, "sign"), "signsgd", {"R": 2.0}, up="identity"),
)


def reductions_of(method: Method) -> list[Reduction]:
    """Those of a method of the library, or of one that goes by its name."""
    return [r for r in REDUCTIONS if r.one.method == method.name] if method.name in known_methods() else []
