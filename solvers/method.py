"""What a method is, and the register of methods.

A round is one exchange of messages: every worker computes its gradient and hands it to `worker`; the result goes
through the uplink; the server hands the average reconstruction to `server`; the result goes through the downlink;
everyone hands what arrives to `everyone`, which moves the model x. That is most of the field.

Some methods have a second kind of exchange, for special rounds: the full-precision round of LIEC-SGD, the error reset
of CSER, the dense gradients of MARINA's coin, the exact first memories of EF21. It is described in the same words.

Two more things can differ. Workers may hold models of their own (LIEC, CSER), or compute at points of their own
(GMC+): then `local` moves them. And the rounds may be asynchronous: then a `Schedule` says which workers' messages
arrive in which step, and at which older model they were computed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from ..common import front
from ..common.door import checked, require_types
from ..common.errors import InputError, nearest
from ..common.hooks import called, instance
from ..common.options import choice
from ..common.scan import instances
from .channels import Channel
from .channels import plain as plain_channel
from .rules import identity_rule, no_op

if TYPE_CHECKING:
    from ..theory.compressors import Compressor
    from .pseudocode import Transcription

Parameters = Mapping[str, float]

#: Parameters that count something.
WHOLE = ("H", "M", "R", "B")
LARGEST = 2.0**53  # every whole number up to it is a double


def plain(parameters: Parameters) -> Channel:
    """Return a channel without memory, whatever the parameters."""
    return plain_channel()


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One exchange of messages between the workers and the server.

    Parameters
    ----------
    uplink, downlink
        From the parameters to the `Channel`.
    worker, server, everyone, local
        Kernels of signature `RULE`, in the order in which they run. Their ``params`` are (gamma, l1, l2) followed by
        the method's other parameters in order. `worker` turns the gradient into what enters the uplink (its x is the
        model at which the worker computed), `server` the average reconstruction into what enters the downlink,
        `everyone` moves the shared model x by what arrives and is handed the common states twice, `local` moves a
        worker's own model, its x, by what arrives.
    sent
        Kernel of signature `SENT`, run by a worker after sending.
    gradient
        Whether the workers compute gradients; if not, zeros enter `worker`.
    up, down
        Which compressor the links use: the method's "up" or "down" one, "identity", or "nothing" where the round is
        silent: nothing is sent and nothing charged.
    each
        Whether the server compresses anew for every worker, with coins of the worker's own, instead of broadcasting:
        every worker gets its own message of the same vector, and only its `local` is handed what it got. Such a
        downlink keeps neither memory nor error.
    """

    uplink: Callable[[Parameters], Channel] = plain
    downlink: Callable[[Parameters], Channel] = plain
    worker: Callable[..., None] = identity_rule
    sent: Callable[..., None] = no_op
    server: Callable[..., None] = identity_rule
    everyone: Callable[..., None] = identity_rule
    local: Callable[..., None] = identity_rule
    gradient: bool = True
    up: str = "up"
    down: str = "down"
    each: bool = False

    def down_of(self, two_way: bool) -> str:
        """What `down` means: where there is no second compressor, a downlink that is not silent is dense."""
        return self.down if two_way or self.down == "nothing" else "identity"


@dataclass(frozen=True, kw_only=True)
class Method(Exchange):
    """A method: its usual exchange, and what else it needs.

    Parameters
    ----------
    name
        Name on the command line.
    title, source
        The method's usual name; the paper it comes from.
    parameters
        Names of the numbers that the method needs, the step size ``gamma`` first. H (a period), M and B (messages per
        step) and R (samples, or a limit on delays) are whole numbers, p is a probability.
    two_way
        Whether there is a second compressor: on the downlink, or where an exchange names it (CSER's error reset). If
        not, the downlink carries dense vectors.
    prox
        Whether the method can take a regulariser by its proximal map.
    states
        How many states the rules keep: per worker, at the server, common to all. All start at zero.
    special, special_when, special_adds
        The exchange of special rounds, which are the "first" one, every H-th ("period"), those in which a coin, common
        to all workers, shows "heads" (with probability p), or these and the first one ("coin"). It replaces the usual
        exchange or follows it.
    models
        "": all workers hold x. "averaged": every worker holds a model of its own, and x is their average. "detached":
        x is shared, but every worker computes at a point of its own; `local` is handed the new x and sets the point.
    model_state
        The server's state that holds the model which bounds are about, where that is not x (EF21-P); it starts at x^0.
    memory_state
        The workers' state that is their memory h_i, where the uplink keeps none: columns are about it.
    clock
        "" for synchronous rounds; "arrivals" for an asynchronous server that averages the M messages that arrive in a
        step; "table" for one that stores the last message of every worker (all report in the first step): a worker's
        state 0 is its stored report, and `sent` leaves in c what is new.
    drops
        Whether an asynchronous server drops messages that are R or more steps old (without a parameter R: all that are
        not of the current model), so that no worker has to wait; a step takes B messages (one without a parameter B),
        perhaps several of one worker.
    samples
        The parameter that says how many fresh gradients a worker averages, if there is one.
    reshuffles
        Whether the workers go through their samples in random orders, one at a time: other problems are refused.
    memory_per_sample
        Whether the uplink has a memory for every sample (of a method that `reshuffles`): worker and server use that of
        the sample whose gradient is sent. They are stored after the states of the rules.
    wrap
        From the parameters and a compressor to the compressor really used on that side.
    shadow
        Kernel of signature `SHADOW`: the sequence on which the method's analysis rests, in most cases what is left of x
        when the errors are taken off. Without one the columns along it are refused.
    shadow_step
        From the parameters and the round to the step with which that sequence follows the average gradient,
        y+ = y - shadow_step avg g_i: for any compressors if the workers keep what the uplink loses, else without one.
    columns
        Further columns of the trace by name: functions of the `View` of a block at a checkpoint to an array (B,).
    transcription
        The paper's pseudo-code in plain NumPy, see `solvers.pseudocode`: what the engine's runs are compared with.
    """

    name: str
    title: str
    source: str
    parameters: tuple[str, ...]
    two_way: bool = False
    prox: bool = False
    states: tuple[int, int, int] = (0, 0, 0)
    special: Exchange | None = None
    special_when: str = ""
    special_adds: bool = False
    models: str = ""
    model_state: int | None = None
    memory_state: int | None = None
    clock: str = ""
    drops: bool = False
    samples: str | None = None
    reshuffles: bool = False
    memory_per_sample: bool = False
    wrap: Callable[[Parameters, Compressor], Compressor] | None = None
    shadow: Callable[..., None] | None = None
    shadow_step: Callable[[Parameters, int], float] | None = None
    columns: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    transcription: Transcription | None = None

    @staticmethod
    @checked
    def from_functions(name: str, update: Callable[..., Any], **options: Any) -> Method:
        """Make a method of one function of your own: every worker sends C(g_i), and everyone moves x by their mean.

        Parameters
        ----------
        name
            Its name on the command line, once `tersegrad.register` has entered it.
        update
            A function of the model x (d,), of what arrived, v = (1/n) sum C(g_i) (d,), and of the method's parameters,
            gamma first, that returns the new model: ``lambda x, v, gamma: x - gamma * v``. Plain NumPy: the engine
            calls it back, one vector at a time, which is slow and works in one process only.
        options
            ``keeps``, names of vectors (d,) that are kept between rounds and start at zero: the function takes them
            after v, and returns the new ones after the new x, as in ``lambda x, v, m, gamma, beta: (x - gamma * (beta *
            m + v), beta * m + v)`` with ``keeps=["m"]``; ``title`` and ``source``.

        Raises
        ------
        InputError
            For a function of other arguments. What it returns is checked when it runs.

        Examples
        --------
        >>> from tersegrad.solvers import Method, simulate
        >>> mine = Method.from_functions("mine", lambda x, v, gamma: x - gamma * v)
        >>> trace = simulate(mine, "quadratic:dim=4", workers=2, parameters={"gamma": 0.5}, rounds=3)
        >>> mine.parameters, trace.rounds[-1]
        (('gamma',), 3)
        """
        from .functions import from_functions

        return from_functions(name, update, **options)

    def __repr__(self) -> str:
        return f"method({self.name!r})"

    def __post_init__(self) -> None:
        require_types(self)
        choice("models", self.models, ("", "averaged", "detached"))
        choice("clock", self.clock, ("", "arrivals", "table"))
        choice("special_when", self.special_when, ("", "first", "period", "heads", "coin"))
        object.__setattr__(self, "parameters", tuple(self.parameters))
        whose = f"method '{self.name}'"
        if self.parameters[:1] != ("gamma",) or len(set(self.parameters)) < len(self.parameters):
            raise InputError(f"{whose}: parameters={self.parameters}: give different names, the step size gamma first")
        if min(self.states) < 0:
            raise InputError(f"{whose}: states={self.states}: give how many states workers, server and everyone keep")
        for what, state, of in (("memory_state", self.memory_state, 0), ("model_state", self.model_state, 1)):
            if state is not None and not 0 <= state < self.states[of]:
                raise InputError(f"{whose}: {what}={state}: states={self.states} has no such state")
        if self.samples is not None and self.samples not in self.parameters:
            raise InputError(f"{whose}: samples='{self.samples}': name one of the parameters {self.parameters}")

    @property
    def tosses(self) -> bool:
        """Whether a coin common to all workers decides about special rounds."""
        return self.special_when in ("coin", "heads")

    @checked
    def check(self, parameters: Mapping[str, Any]) -> dict[str, float]:
        """Return the parameters as floats, complete and in order.

        Raises
        ------
        InputError
            For a missing, unknown, non-numeric or impossible value.
        """
        for name in parameters:
            if name not in self.parameters:
                raise InputError(
                    f"method '{self.name}' has no parameter '{name}'{nearest(name, self.parameters)}; "
                    f"it takes: {', '.join(self.parameters)}"
                )
        values = {}
        for name in self.parameters:
            if name not in parameters:
                raise InputError(f"method '{self.name}' needs {name}: write {front.parameters(name)}")
            given = parameters[name]
            try:
                if isinstance(given, str):  # one that the command line does not read as a number
                    raise TypeError
                value = float(given)
            except (TypeError, ValueError, OverflowError):
                raise InputError(f"{name} = {given!r} is not a number") from None
            if name in WHOLE:
                fits, wanted = 1 <= value <= LARGEST and value == value // 1, "a whole number from 1 to 2^53"
            elif name == "p":
                fits, wanted = 0 < value <= 1, "a probability, above 0 and at most 1"
            elif name in ("gamma", "a"):  # a step, or the shift of the steps gamma/(a + t)
                fits, wanted = value > 0, f"{name} > 0, finite"
            else:
                fits, wanted = value >= 0, f"{name} >= 0, finite"
            if not fits or value == float("inf"):
                raise InputError(f"{name} = {value:g} is not possible: method '{self.name}' needs {wanted}")
            values[name] = value
        return values


def channel_of(method: Method, exchange: Exchange, way: str, numbers: Parameters) -> Channel:
    """The channel of one way ("uplink", "downlink") of one of the method's exchanges."""
    return called(f"{way} of method '{method.name}'", getattr(exchange, way), instance(Channel), numbers)


@cache
def known_methods() -> dict[str, Method]:
    """Every method by its name: what the files of the folder ``methods`` define."""
    from . import methods as folder

    return {found.name: found for found in instances(folder.__name__, folder.__path__, Method)}


def enter(own: Method) -> Method:
    """Enter a method of your own in the register.

    Raises
    ------
    InputError
        If a method of the toolkit has its name.
    """
    known = known_methods().get(own.name)
    if known is not None and known is not own and of_toolkit(known):
        raise InputError(f"the toolkit already has a method '{own.name}': give yours another name")
    known_methods()[own.name] = own
    return own


def of_toolkit(given: Method) -> bool:
    """Whether a method is one that the toolkit brings."""
    from . import methods as folder

    return any(
        value is given
        for name, module in list(sys.modules.items())
        if name.startswith(f"{folder.__name__}.")
        for value in list(vars(module).values())
    )


@checked
def method(name: str | Method) -> Method:
    """Look a method up by its name; a `Method` of your own passes through.

    Parameters
    ----------
    name
        As ``tersegrad list methods`` prints it.

    Raises
    ------
    InputError
        If no method has this name; the nearest one is suggested.
    """
    if isinstance(name, Method):
        return name
    known = known_methods()
    if name not in known:
        raise InputError(f"unknown method '{name}'{nearest(name, known)}; known: {', '.join(known)}")
    return known[name]
