"""The claims of the five papers that no single bound decides, each with the measurement that does.

One file per paper; each has a tuple CLAIMS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module

import numpy as np

from ... import __version__
from ...theory.errors import InputError, nearest
from .base import Claim, Curve, Finding, Measured, Panel, Settings

_FILES: tuple[str, ...] = ()

#: Every claim by its id.
CLAIMS: dict[str, Claim] = {c.id: c for file in _FILES for c in import_module(f".{file}", __name__).CLAIMS}


def claim(identity: str) -> Claim:
    """Look a claim up by its id.

    Raises
    ------
    InputError
        If there is none; the nearest one is suggested.
    """
    if identity not in CLAIMS:
        raise InputError(f"unknown claim '{identity}'{nearest(identity, CLAIMS)}; known: {', '.join(CLAIMS)}")
    return CLAIMS[identity]


def examine(
    ids: Sequence[str],
    *,
    quick: bool = False,
    seed: int = 0,
    jobs: int | None = None,
    alpha: float = 1e-3,
    progress: Callable[[str, float, str], None] | None = None,
) -> list[Finding]:
    """Measure claims.

    Parameters
    ----------
    ids
        Which.
    quick, seed, jobs
        As for `validation.verify`.
    alpha
        Probability that any finding of this call rests on a wrong confidence limit; shared equally by the claims.
    progress
        Called with a claim's id, the fraction of its work that is done, and a word.
    """
    findings = []
    for subject in [claim(i) for i in ids]:
        began = time.perf_counter()

        def advance(fraction: float, subject: Claim = subject) -> None:
            if progress is not None:
                progress(subject.id, min(fraction, 0.999), "running")

        advance(0.0)
        measured = subject.measure(Settings(quick, seed, jobs, alpha / len(ids), advance))
        seconds = time.perf_counter() - began
        versions = {"tersegrad": __version__, "numpy": np.__version__}
        findings.append(Finding(subject, measured, seed, quick, seconds, versions))
        if progress is not None:
            progress(subject.id, 1.0, measured.verdict)
    return findings


__all__ = ["CLAIMS", "Claim", "Curve", "Finding", "Measured", "Panel", "Settings", "claim", "examine"]
