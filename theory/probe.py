"""Where the LaTeX statement of a theorem is evaluated against its code.

Every formula of a statement is a formula: at random constants and compressors its value is what the code computes
(`validation.statements`). Most theorems need no more than that. One that has symbols of its own, whose parameters are
recommended where terms vanish, or that excludes the usual constants, says so in its class attribute ``probe``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: A symbol's value from the guarantee that was found and the symbols so far.
Symbol = Callable[[Any, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Probe:
    """How a theorem is asked when its statement is evaluated.

    Parameters
    ----------
    constants
        In place of the random ones.
    fixed
        Parameters away from their recommended values, so that every term of the formulas counts.
    up, down
        What stands for the assumption class where the random members of the class are outside the theorem.
    symbols
        Further symbols of the statement.
    tuned
        Whether the theorem has to be told T.
    """

    constants: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    up: Any = None
    down: Any = None
    symbols: Mapping[str, Symbol] = field(default_factory=dict)
    tuned: bool = False


def parameter(name: str) -> Symbol:
    """A parameter of the method or of the proof, by its name in the code."""
    return lambda found, symbols: found.parameters.get(name, found.analysis.get(name))


def constant(name: str) -> Symbol:
    """A constant of the problem."""
    return lambda found, symbols: getattr(found.constants, name)


#: Bias and averaged variance of unbiased messages with independent coins (EF-BV).
AVERAGED: dict[str, Symbol] = {
    r"\lambda": parameter("lam"),
    r"\eta": lambda found, symbols: 0.0,
    r"\omega_{av}": lambda found, symbols: symbols[r"\omega"] / symbols["n"],
}
#: LIEC's w: how much a compressor may lengthen a vector, squared.
GROWTH: dict[str, Symbol] = {
    "w": lambda found, s: 1.0 if found.up and found.up.orthogonal else (1 + math.sqrt(1 - s[r"\delta_u"])) ** 2
}
EULER: dict[str, Symbol] = {"e": lambda found, symbols: math.e}
