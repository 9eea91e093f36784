"""What a claim is: a sentence of a paper that no single bound decides, and the measurement that does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...common.jsonable import plain


@dataclass(frozen=True)
class Curve:
    """One line of a picture: (K,) arrays, drawn as measured or as the theory's bound."""

    label: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    bound: bool = False


@dataclass(frozen=True)
class Panel:
    """Axes and their lines; scales are logarithmic unless said otherwise."""

    x: str
    y: str
    curves: tuple[Curve, ...]
    log_x: bool = True
    log_y: bool = True


def _quiet(fraction: float) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Settings:
    """How a claim is measured.

    Attributes
    ----------
    quick
        Fewer rounds and replicas, coarser sweeps.
    seed
        Of every run.
    threads
        How many blocks of replicas run at once; the result does not depend on it.
    alpha
        Probability that the result rests on a wrong confidence limit, where it uses limits.
    advance
        Called with the fraction of the work that is done.
    """

    quick: bool = False
    seed: int = 0
    threads: int | None = None
    alpha: float = 1e-3
    advance: Callable[[float], None] = _quiet


@dataclass(frozen=True)
class Measured:
    """What the measurement of a claim found.

    Attributes
    ----------
    verdict
        "holds", "violated" or "inconclusive".
    reason
        The result in one sentence with its figures.
    margin
        By which factor the claim holds, at its weakest point; None where no factor makes sense.
    columns, rows
        A table of the figures, numbers or text.
    panels
        The picture.
    """

    verdict: str
    reason: str
    margin: float | None
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    panels: tuple[Panel, ...] = ()


@dataclass(frozen=True)
class ClaimControl:
    """Something wrong in the place of what a claim is about: its measurement must not hold.

    Parameters
    ----------
    name
        What is wrong.
    measure
        The claim's measurement of it.
    """

    name: str
    measure: Callable[[Settings], Measured] = field(repr=False)


@dataclass(frozen=True)
class Claim:
    """A claim of a paper.

    Parameters
    ----------
    name
        ``word.claim-name``; the word is the paper's.
    title
        A few words.
    text
        What is claimed, and the measurement that decides, in our words.
    source
        Where the claim stands.
    measure
        The measurement.
    controls
        Two wrong variants that the measurement must reject.
    """

    name: str
    title: str
    text: str
    source: str
    measure: Callable[[Settings], Measured] = field(repr=False)
    controls: tuple[ClaimControl, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class ClaimResult:
    """A claim and what was measured, with everything that is needed to repeat it."""

    name: str
    measured: Measured
    seed: int
    quick: bool
    alpha: float
    seconds: float
    versions: dict[str, str]
    controls: tuple[tuple[str, str], ...] = ()
    """(what was wrong, the measurement's verdict on it) of the controls that were run; none with --quick."""

    @property
    def rejected(self) -> int:
        """How many of the controls that were run did not hold."""
        return sum(word != "holds" for _, word in self.controls)

    @property
    def claim(self) -> Claim:
        """The claim."""
        from . import claim

        return claim(self.name)

    @property
    def verdict(self) -> str:
        """The measurement's verdict."""
        return self.measured.verdict

    @property
    def command(self) -> str:
        """The command that repeats the result."""
        return f"tersegrad verify {self.name}{' --quick' if self.quick else ''} --seed {self.seed}"

    def certificate(self) -> dict[str, Any]:
        """Return the result as a JSON-able document with stable keys."""
        found = self.measured
        return plain(
            {
                "claim": self.name,
                "title": self.claim.title,
                "text": self.claim.text,
                "source": self.claim.source,
                "verdict": found.verdict,
                "reason": found.reason,
                "margin": found.margin,
                "columns": found.columns,
                "rows": found.rows,
                "controls": [{"control": name, "verdict": word} for name, word in self.controls],
                "quick": self.quick,
                "alpha": self.alpha,
                "command": self.command,
                "seed": self.seed,
                "versions": self.versions,
                "seconds": self.seconds,
            }
        )
