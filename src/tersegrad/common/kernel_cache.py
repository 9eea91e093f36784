"""Compiled kernels on disk: a cache that is damaged, full or cannot be written costs time, never a run.

Numba reads its cache with pickle and lets whatever that raises end the program, at every start, until somebody removes
the files. Here a file that cannot be read counts as one that is not there: the kernel is compiled, and its file written
anew. This module is imported before any kernel is defined.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from numba import config
from numba.core import caching
from numba.core.dispatcher import Dispatcher

from .errors import InputError

_said = False


def require_compiler() -> None:
    """Refuse to go on where numba has been told to compile nothing.

    Raises
    ------
    InputError
        If NUMBA_DISABLE_JIT is set.
    """
    if getattr(config, "DISABLE_JIT", False):
        raise InputError(
            "NUMBA_DISABLE_JIT is set, and methods run as compiled kernels that call each other by address: unset it"
        )


def _or_nothing(read: Callable[..., Any], nothing: Callable[[], Any]) -> Callable[..., Any]:
    @wraps(read)
    def guarded(*arguments: Any) -> Any:
        try:
            return read(*arguments)
        except Exception:  # whatever pickle makes of a damaged file
            return nothing()

    return guarded


def _unless_full(save: Callable[..., None]) -> Callable[..., None]:
    @wraps(save)
    def guarded(*arguments: Any) -> None:
        try:
            save(*arguments)
        except OSError as error:
            _say(f"compiled kernels cannot be stored ({error.strerror or error})")

    return guarded


def _where_possible(enable: Callable[[Any], None]) -> Callable[[Any], None]:
    @wraps(enable)
    def guarded(dispatcher: Any) -> None:
        try:
            enable(dispatcher)
        except RuntimeError:  # neither beside the source nor in the user's folder
            _say("there is no folder for compiled kernels that can be written to")

    return guarded


def _say(what: str) -> None:
    """Say it, once."""
    global _said
    if not _said and sys.stderr is not None:
        print(
            f"{what}: they are compiled anew at every start; set NUMBA_CACHE_DIR to a folder that can be written to",
            file=sys.stderr,
        )
    _said = True


def guard() -> None:
    """Make numba's cache one that cannot end a program."""
    for owner, name, guarded in (
        (caching.IndexDataCacheFile, "_load_index", partial(_or_nothing, nothing=dict)),
        (caching.Cache, "load_overload", partial(_or_nothing, nothing=lambda: None)),
        (caching.Cache, "save_overload", _unless_full),
        (Dispatcher, "enable_caching", _where_possible),
    ):
        setattr(owner, name, guarded(getattr(owner, name)))


require_compiler()
guard()
