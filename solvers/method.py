"""What a method is, and the register of methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..theory.errors import InputError, nearest
from .channels import Channel
from .rules import keep

Parameters = Mapping[str, float]


@dataclass(frozen=True)
class Method:
    """A method: two channels and three local rules, in the order in which a round runs them.

    A round: every worker computes its gradient at the model x and hands it to `worker`; the result goes through the
    uplink; the server hands the average reconstruction to `server`; the result goes through the downlink; everyone
    hands what arrives to `everyone`, which moves x.

    Parameters
    ----------
    word
        Name on the command line.
    title, source
        The method's usual name; the paper it comes from.
    parameters
        Names of the numbers that the method needs, the step size ``gamma`` first.
    uplink, downlink
        From the parameters to the `Channel`.
    worker, server, everyone
        Kernels of signature `RULE`. Their ``params`` are (gamma, l1, l2) followed by the other parameters in order.
    two_way
        Whether the downlink is compressed. If not, the downlink carries dense vectors.
    prox
        Whether the method can take a regulariser by its proximal map.
    states
        How many states (worker, server) the rules keep.
    """

    word: str
    title: str
    source: str
    parameters: tuple[str, ...]
    uplink: Callable[[Parameters], Channel]
    downlink: Callable[[Parameters], Channel]
    everyone: Callable[..., None]
    worker: Callable[..., None] = keep
    server: Callable[..., None] = keep
    two_way: bool = False
    prox: bool = False
    states: tuple[int, int] = (0, 0)

    def check(self, parameters: Mapping[str, Any]) -> dict[str, float]:
        """Return the parameters as floats, complete and in order.

        Raises
        ------
        InputError
            For a missing, unknown, non-numeric or impossible value (gamma > 0, all others >= 0).
        """
        for name in parameters:
            if name not in self.parameters:
                raise InputError(
                    f"method '{self.word}' has no parameter '{name}'{nearest(name, self.parameters)}; "
                    f"it takes: {', '.join(self.parameters)}"
                )
        values = {}
        for name in self.parameters:
            if name not in parameters:
                raise InputError(f"method '{self.word}' needs {name}: write --set {name}=VALUE")
            try:
                value = float(parameters[name])
            except (TypeError, ValueError):
                raise InputError(f"{name} = {parameters[name]!r} is not a number") from None
            low = 0.0
            if not (value > low if name == "gamma" else value >= low) or value == float("inf"):
                sign = ">" if name == "gamma" else ">="
                raise InputError(
                    f"{name} = {value:g} is not possible: method '{self.word}' needs {name} {sign} 0, finite"
                )
            values[name] = value
        return values


#: word -> module of this package that defines it as METHOD (one file per word).
MODULES = {
    "sgd": ("sgd", "SGD"),
    "qsgd": ("qsgd", "QSGD"),
    "qsgd-two-way": ("qsgd", "QSGD_TWO_WAY"),
    "diana": ("diana", "DIANA"),
    "error-feedback": ("error_feedback", "ERROR_FEEDBACK"),
    "doublesqueeze": ("doublesqueeze", "DOUBLESQUEEZE"),
    "dore": ("dore", "DORE"),
}


def method(word: str | Method) -> Method:
    """Look a method up by its word; a `Method` of your own passes through.

    Raises
    ------
    InputError
        If no method has this name; the nearest one is suggested.
    """
    if isinstance(word, Method):
        return word
    if word not in MODULES:
        raise InputError(f"unknown method '{word}'{nearest(word, MODULES)}; known: {', '.join(MODULES)}")
    module, name = MODULES[word]
    return getattr(import_module(f".{module}", __package__), name)
