"""What a machine can hold: an estimate before work starts, and a sentence where it cannot fit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import InputError
from .front import either

_forced = False


@contextmanager
def force(given: bool = True) -> Iterator[None]:
    """For the time of a ``with``, estimates refuse nothing."""
    global _forced
    before, _forced = _forced, given
    try:
        yield
    finally:
        _forced = before


def memory() -> float:
    """Bytes of memory of this machine; infinity where it does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return float("inf")


def require_memory(numbers: float, what: str) -> None:
    """Refuse what takes more doubles than the memory of this machine holds.

    Parameters
    ----------
    numbers
        How many doubles it takes at least.
    what
        What they are, for the sentence.

    Raises
    ------
    InputError
        If they do not fit, and nobody has said `force`.
    """
    needed, there = 8.0 * numbers, memory()
    if needed > there and not _forced:
        raise InputError(
            f"{what} take {needed / 1e9:.3g} GB, and this machine has {there / 1e9:.3g} GB: make them smaller"
            f"{either(' (tersegrad run --force goes on all the same)', '')}"
        )
