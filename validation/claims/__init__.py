"""The claims of the five papers and of the field since that no single bound decides, and what decides them.

One file per paper; each has a tuple CLAIMS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

from ...common.errors import InputError, nearest
from ...common.scan import modules
from ...solvers.engines.simulate import blas_on_one_thread
from ..sweeps import map_pieces
from ..verdict import versions
from .base import Claim, ClaimControl, ClaimResult, Curve, Measured, Panel, Settings

#: Every claim by its id.
CLAIMS: dict[str, Claim] = {c.name: c for module in modules(__name__, __path__) for c in getattr(module, "CLAIMS", ())}


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
    executor: Executor | None = None,
    progress: Callable[[str, float, str], None] | None = None,
) -> list[ClaimResult]:
    """Measure claims.

    Parameters
    ----------
    ids
        Which.
    quick, seed, jobs, executor
        As for `validation.verify`.
    alpha
        Probability that any result of this call rests on a wrong confidence limit; shared equally by the claims.
    progress
        Called with a claim's id, the fraction of its work that is done, and a word.
    """
    if not ids:
        raise InputError("ids=[]: an empty list names no claim; tersegrad list claims prints all")
    threads = jobs if executor is None else 1
    requests = [(claim(i).name, Settings(quick, seed, threads, alpha / len(ids))) for i in ids]
    work = partial(_answer, progress=progress) if executor is None else _answer

    def done(result: ClaimResult) -> None:
        if progress is not None:
            progress(result.name, 1.0, result.verdict)

    return map_pieces(executor, work, requests, done, ids)


def _answer(request: tuple[str, Settings], progress: Callable[[str, float, str], None] | None = None) -> ClaimResult:
    identity, settings = request
    if progress is not None:
        settings = replace(settings, advance=lambda fraction: progress(identity, min(fraction, 0.999), "running"))
    began = time.perf_counter()
    settings.advance(0.0)
    subject = claim(identity)
    with blas_on_one_thread():
        measured = subject.measure(settings)
        calm = replace(settings, quick=True, advance=lambda fraction: None)
        controls = () if settings.quick else tuple((c.name, c.measure(calm).verdict) for c in subject.controls)
    seconds = time.perf_counter() - began
    return ClaimResult(identity, measured, settings.seed, settings.quick, settings.alpha, seconds, versions(), controls)


__all__ = [
    "CLAIMS",
    "Claim",
    "ClaimControl",
    "ClaimResult",
    "Curve",
    "Measured",
    "Panel",
    "Settings",
    "claim",
    "examine",
]
