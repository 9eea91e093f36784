"""The one exception that a user's mistake may raise, in one sentence that can be read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

#: Characters of a sentence.
LONGEST_SENTENCE = 1200


def legible(text: str) -> str:
    """One line without control characters, which a file may have brought, and without pages of input."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(text.split()))
    if len(shown) <= LONGEST_SENTENCE:
        return shown
    kept = LONGEST_SENTENCE // 2
    return f"{shown[:kept]} [... {len(shown) - 2 * kept} characters ...] {shown[-kept:]}"


class InputError(ValueError):
    """Bad input: one sentence that names the value, the limit and the way out.

    The command line prints the sentence and exits with status 2.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(legible(str(sentence)))


class TooMuchError(InputError):
    """More memory or time than this machine has: not wrong, but not to be had here."""


def told(error: BaseException) -> str:
    """What an exception says, on one line: ``"ValueError: ..."``."""
    return f"{type(error).__name__}: {' '.join(str(error).split()) or 'no reason given'}"


def together(words: Sequence[str]) -> str:
    """Return ``"a, b and c"``."""
    return " and ".join([*([", ".join(words[:-1])] if words[1:] else []), *words[-1:]])


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, ``"1 worker"`` or ``"8 workers"``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the known name closest to `name`, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else ""


class WorkerError(RuntimeError):
    """A worker's process was lost, does not respond or has failed; the text says which one, when and why."""
