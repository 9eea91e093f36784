"""Compiled kernels on disk: a cache that is damaged, full or cannot be written costs time, never a run.

Numba reads its cache with pickle and lets whatever that raises end the program, at every start, until somebody removes
the files. Here a file that cannot be read counts as one that is not there: the kernel is compiled, and its file written
anew. Numba also takes a kernel for unchanged as long as its own file is; here it is compiled anew, too, where a kernel
that it calls, or a number that it takes from elsewhere, has changed. This module is imported before any kernel is
defined.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial, wraps
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
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


def _by_all_it_takes(load: Callable[..., Any]) -> Callable[..., Any]:
    """Look a kernel up by its source and that of everything it calls."""

    @wraps(load)
    def guarded(kernel: Any, *arguments: Any) -> Any:
        stamp = kernel._impl.locator.get_source_stamp()
        kernel._cache_file._source_stamp = stamp, *taken(kernel._py_func)
        return load(kernel, *arguments)

    return guarded


def taken(function: FunctionType) -> list[str]:
    """What the machine code of a kernel is made from: digests of code and of its files, and numbers by their names.

    They are those of the kernel, of the kernels that it calls, and that these call in turn. A file alone does not tell
    what is compiled: it may have changed after it was imported, or Python may have taken an older ``.pyc`` for it.
    """
    found, met, left = set(), {function}, [function]
    while left:
        asking = left.pop()
        for name, value in _referred(asking):
            if isinstance(value, Dispatcher):
                if value.py_func not in met:
                    met.add(value.py_func)
                    left.append(value.py_func)
            elif isinstance(value, bool | int | float | tuple):
                found.add(f"{asking.__module__}.{name} = {value!r}")
    files = {callee.__code__.co_filename for callee in met}
    codes = {_digest_of_code(callee) for callee in met}
    return sorted(found | codes | {_digest(file) for file in files if Path(file).exists()})


def _referred(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The names in a function that stand for something outside of it, and for what."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    yield from ((name, cell.cell_contents) for name, cell in cells)
    names: list[str] = []
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        names += code.co_names
        codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    known = [(name, function.__globals__[name]) for name in names if name in function.__globals__]
    yield from known
    for module in (value for _, value in known if isinstance(value, ModuleType)):
        yield from ((f"{module.__name__}.{name}", vars(module)[name]) for name in names if name in vars(module))


@cache
def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@cache
def _digest_of_code(function: FunctionType) -> str:
    return hashlib.sha256(repr(_plain(function.__code__)).encode()).hexdigest()


def _plain(code: CodeType) -> tuple[Any, ...]:
    """What a function does, without where it stands."""
    constants = [_plain(part) if isinstance(part, CodeType) else part for part in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants


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
        (caching.Cache, "load_overload", lambda load: _or_nothing(_by_all_it_takes(load), lambda: None)),
        (caching.Cache, "save_overload", _unless_full),
        (Dispatcher, "enable_caching", _where_possible),
    ):
        setattr(owner, name, guarded(getattr(owner, name)))


require_compiler()
guard()
