"""What a machine can hold and do: an estimate before work starts, and a sentence where it cannot fit."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import front
from .errors import TooMuchError

_forced = False

#: What no run of this program undercuts: seconds of a core for a worker's round, and for a number that it handles.
SECONDS_A_ROUND, SECONDS_A_NUMBER = 5e-8, 1e-10
#: Days from which on a run is refused by that estimate, and seconds from which on it says how long it takes.
MOST_DAYS, SECONDS_TO_SAY = 30.0, 60.0


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
    """Refuse what takes all cores more than thirty days, however fast it goes; say of what is long how long it takes.

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
    seconds = rounds * (SECONDS_A_ROUND + SECONDS_A_NUMBER * numbers) / (os.cpu_count() or 1)
    sentence = f"{what} take at least {span(seconds)} on this machine"
    if seconds > 86400 * MOST_DAYS and not _forced:
        raise TooMuchError(f"{sentence}: reduce their number{_way_out()}")
    if seconds > SECONDS_TO_SAY:
        _say(sentence)


def span(seconds: float) -> str:
    """Seconds, minutes, hours or days, whatever reads best."""
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"


def _say(sentence: str) -> None:
    """Tell on standard error on the command line, as a warning in Python."""
    if front.on_command_line():
        print(sentence, file=sys.stderr)
    else:
        warnings.warn(sentence, stacklevel=4)


def _way_out() -> str:
    anyway = front.either("--force", "a block with tersegrad.common.limits.force()")
    return f" ({anyway} starts all the same)"


def memory() -> float:
    """Bytes of memory of this machine, or of the container that this process runs in; infinity where nobody tells."""
    told = [float("inf")]
    with suppress(ValueError, OSError, AttributeError):
        told.append(float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")))
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(ValueError, OSError):
            told.append(float(Path(limit).read_text()))
    return min(told)


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
        raise TooMuchError(
            f"{what} take {needed / 1e9:.3g} GB, and this machine has {there / 1e9:.3g} GB: "
            f"reduce their number or size{_way_out()}"
        )
