"""What a machine can hold and do: an estimate before work starts, and a sentence where it cannot fit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import InputError
from .front import either

_forced = False

#: What no run of this program undercuts: seconds of a core for a worker's round, and for a number that it handles.
SECONDS_A_ROUND, SECONDS_A_NUMBER = 5e-8, 1e-10
#: Days from which on a run is refused by that estimate.
MOST_DAYS = 30.0


@contextmanager
def force(given: bool = True) -> Iterator[None]:
    """For the time of a ``with``, estimates refuse nothing."""
    global _forced
    before, _forced = _forced, given
    try:
        yield
    finally:
        _forced = before


def forced() -> bool:
    """Whether estimates refuse nothing just now."""
    return _forced


def require_time(rounds: float, numbers: float, what: str) -> None:
    """Refuse what takes all cores more than thirty days, however fast it goes.

    Parameters
    ----------
    rounds
        Of all workers and replicas together.
    numbers
        That are handled in one of them.
    what
        What it is, for the sentence.

    Raises
    ------
    InputError
        If it takes longer, and nobody has said `force`.
    """
    days = rounds * (SECONDS_A_ROUND + SECONDS_A_NUMBER * numbers) / (os.cpu_count() or 1) / 86400
    if days > MOST_DAYS and not _forced:
        raise InputError(f"{what} take at least {days:.3g} days on this machine: make them fewer{_way_out()}")


def _way_out() -> str:
    anyway = either("--force", "a block with tersegrad.common.limits.force()")
    return f" ({anyway} goes on all the same)"


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
            f"{what} take {needed / 1e9:.3g} GB, and this machine has {there / 1e9:.3g} GB: "
            f"make them smaller{_way_out()}"
        )
