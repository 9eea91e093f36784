"""What the harness asks of everyone who runs a workload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .workloads import Instance


@dataclass(frozen=True)
class Outcome:
    """Seconds of wall time of all rounds, and the models (replicas, d) after the last of them."""

    seconds: float
    x: np.ndarray


#: (rounds, seed) -> Outcome; everything that is done once (compiling, copying the data) is done before.
Runner = Callable[[int, int], Outcome]


@dataclass(frozen=True)
class Rival:
    """One implementation.

    Parameters
    ----------
    name
        Its column in the table.
    workloads
        The workloads that it has an implementation of.
    missing
        Returns None if it can run here, else why it cannot.
    version
        Returns what runs: library or compiler with its version.
    prepare
        (instance, threads) -> `Runner`.
    """

    name: str
    workloads: tuple[str, ...]
    missing: Callable[[], str | None]
    version: Callable[[], str]
    prepare: Callable[[Instance, int], Runner]
