"""What the measurements of several claims share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ... import solvers
from ...problems import Problem
from ...solvers.method import Method
from ...theory.compressors import Compressor
from ..statistics import Fit, fit_slope
from .base import Settings

if TYPE_CHECKING:
    from ...solvers import Trace

FloatArray = NDArray[np.float64]
T = TypeVar("T")


def verdict(holds: bool, violated: bool) -> str:
    """The verdict's word; what is neither holds nor violated is inconclusive."""
    return "violated" if violated else "holds" if holds else "inconclusive"


def each(items: Iterable[T], settings: Settings) -> Iterator[T]:
    """Yield the items and tell how many of them are done."""
    every = list(items)
    for done, item in enumerate(every):
        settings.advance(done / len(every))
        yield item


def bits(trace: Trace, meter: str = "encoded") -> FloatArray:
    """(K,) bits per worker, up and down: compressed messages by the meter, uncompressed ones 32 bits a coordinate.

    The engine sends uncompressed vectors as doubles, which nobody would in practice; to count them would flatter
    whatever is compressed.
    """
    total = np.zeros(trace.rounds.size)
    for way in ("up", "down"):
        formula = trace.scalars[f"bits_{way}_formula"]
        if meter == "formula" or trace.about[way] == "identity":
            total += formula
        else:
            total += trace.columns[f"bits_{way}_encoded"].mean(axis=0)
    return total


@dataclass(frozen=True)
class Tuned:
    """A metric after T rounds with the best step for each T of a grid.

    Attributes
    ----------
    rounds, steps
        (K,): T, and the best step of those tried.
    samples
        K arrays (R,) of replicas.
    """

    rounds: tuple[int, ...]
    steps: FloatArray
    samples: list[FloatArray]

    @property
    def mean(self) -> FloatArray:
        """(K,) means."""
        return np.array([s.mean() for s in self.samples])

    def slope(self, last: int = 0) -> Fit:
        """Slope of log mean against log T, over all T or the last few."""
        return fit_slope(np.array(self.rounds[-last:]), self.samples[-last:], log_x=True)


def tuned(
    settings: Settings,
    method: str | Method,
    on: Problem,
    up: str | Compressor,
    down: str | Compressor,
    *,
    rounds: Sequence[int],
    steps: Sequence[float] | FloatArray,
    replicas: int,
    column: str = "grad_sq_mean",
    schedule: str | None = None,
    **parameters: Any,
) -> Tuned:
    """Measure a mean over rounds for every T with the best of the steps.

    One run for each step serves all T. The best step is that of the smallest mean over replicas.
    """
    from ...solvers.engines.setup import OPTIONAL_COLUMNS

    measured = []
    for gamma in steps:
        trace = solvers.simulate(
            method, on, up, down, parameters={"gamma": float(gamma), **parameters}, rounds=rounds[-1],
            replicas=replicas, seed=settings.seed, checkpoints=list(rounds), threads=settings.threads,
            schedule=schedule, columns=(column,) if column in OPTIONAL_COLUMNS else False,
        )  # fmt: skip
        measured.append(trace.columns[column])
    values = np.array(measured)  # (steps, replicas, T)
    best = values.mean(axis=1).argmin(axis=0)
    samples = [values[b, :, k] for k, b in enumerate(best)]
    return Tuned(tuple(rounds), np.asarray(steps)[best], samples)
