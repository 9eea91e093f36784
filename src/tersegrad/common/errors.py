"""The one exception that a user's mistake may raise."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input: one sentence that names the value, the limit and the way out.

    The command line prints the sentence and exits with status 2.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the known name closest to `name`, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else ""


class WorkerError(RuntimeError):
    """A worker's process was lost, stands still or has failed; the text says which one, when and why."""
