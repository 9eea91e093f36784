"""What a hypothesis of a theorem is, and who decides for a request whether it holds.

A `Hypothesis` knows how a statement says it, what decides it, and its guard: a request that breaks it gets no
guarantee, and the guard's sentence is the reason. What nothing in the request decides is taken on the user's word, and
the answer says so (`Guarantee.on_your_word`). The hypotheses themselves are in `theory.hypotheses`.

What decides:

constants    a constant or a flag of the problem;
compressor   its class, its constants, whose coins it tosses;
schedule     who reports when (`solvers.schedule.Schedule.facts`; constants of their own in `theory.Constants`);
method       the algorithm that is run: nothing in a request can break it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..common import front
from ..common.errors import together
from .constants import NAMES, Constants

if TYPE_CHECKING:
    from .theorem import Theorem

CONSTANTS, COMPRESSOR, SCHEDULE, METHOD, WORD = "constants", "compressor", "schedule", "method", "your word"


@dataclass(frozen=True)
class Asked:
    """What a guard looks at.

    Attributes
    ----------
    constants
        With what they imply filled in.
    up, down
        The compressors as given, specs resolved; None: not compressed.
    promised_up, promised_down
        What the theorem may assume of them.
    fixed
        Parameters that the caller fixed.
    """

    theorem: Theorem
    constants: Constants
    up: Any
    down: Any
    promised_up: Any
    promised_down: Any
    fixed: Mapping[str, float] = field(default_factory=dict)

    @property
    def messages(self) -> float:
        """M, how many messages make a step."""
        n = self.constants.n or 1
        return self.fixed.get("M", n if self.theorem.messages == "all" else 1)


@dataclass(frozen=True)
class Answer:
    """Whether a hypothesis holds: yes, no with the reason, or nobody knows and it is taken on the user's word."""

    holds: bool | None
    sentence: str = ""


YES = Answer(True)


def no(reason: str) -> Answer:
    """The request breaks the hypothesis."""
    return Answer(False, reason)


def on_your_word(sentence: str) -> Answer:
    """Nothing in the request decides."""
    return Answer(None, sentence)


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One thing that a theorem assumes; there is one object of each.

    Attributes
    ----------
    name
        A few words, without symbols.
    says
        The clause of the LaTeX statement, or what makes it from the theorem (its symbols differ); empty where another
        clause says it already.
    decided_by
        `CONSTANTS`, `COMPRESSOR`, `SCHEDULE` or `METHOD`.
    check
        The guard.
    """

    name: str
    says: str | Callable[[Theorem], str]
    decided_by: str
    check: Callable[[Asked], Answer] = field(default=lambda asked: YES, repr=False)

    def clause(self, theorem: Theorem) -> str:
        """The hypothesis in the statement of a theorem."""
        return self.says if isinstance(self.says, str) else self.says(theorem)


@dataclass(frozen=True)
class Checked:
    """A hypothesis of a guarantee: what decided that it holds, and the sentence where it is the user's word."""

    name: str
    says: str
    decided_by: str
    sentence: str = ""


def wants(what: str, missing: tuple[str, ...] | list[str]) -> str:
    """The sentence that asks for constants."""
    assert set(missing) <= set(NAMES)
    return f"{what} needs {together(missing)}; give {front.constants(*missing)}"
