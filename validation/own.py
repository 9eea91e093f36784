"""What a user brings: entered in the registers one by one, or all that a module defines.

Running a module is the user's explicit act: `load` executes the file with all rights of the user, as ``python`` would.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from ..common.errors import InputError
from ..problems import Problem
from ..problems.digest import file_digest
from ..problems.registry import enter as enter_problem
from ..solvers.method import Method
from ..solvers.method import enter as enter_method
from ..theory.compressors import Compressor
from ..theory.compressors.registry import enter as enter_compressor
from ..theory.theorem import Theorem
from ..theory.theorem import register as enter_theorem
from .experiments import Experiment
from .experiments import enter as enter_experiment

T = TypeVar("T")

#: Modules of users are entered in ``sys.modules`` under this and their own name, so that they shadow no other.
PREFIX = "tersegrad_own_"


def register(thing: T) -> T:
    """Enter something of your own in the register, so that its name works wherever a name of the toolkit does.

    Parameters
    ----------
    thing
        A class of theorems, compressors or problems (as a decorator, too), or an object: a `Method`, a `Problem`, a
        theorem that `Theorem.from_functions` made, an `Experiment`, the default one of the theorem that it names.

    Returns
    -------
    thing
        As it was given.

    Raises
    ------
    InputError
        For anything else, for a name that the toolkit already has, and for a theorem that lacks a part.
    """
    known: tuple[tuple[type, Any], ...] = (
        (Method, enter_method), (Problem, enter_problem), (Experiment, enter_experiment),
        (Theorem, lambda own: enter_theorem(type(own))),
    )  # fmt: skip
    classes: tuple[tuple[type, Any], ...] = (
        (Theorem, enter_theorem), (Compressor, enter_compressor), (Problem, enter_problem),
    )  # fmt: skip
    for kind, enter in classes if isinstance(thing, type) else known:
        if issubclass(thing, kind) if isinstance(thing, type) else isinstance(thing, kind):
            enter(thing)
            return thing
    raise InputError(
        f"{thing!r} cannot be registered: give a class of theorems, compressors or problems, or a Method, a Problem, a "
        "theorem of functions or an Experiment"
    )


def load(path: str | Path) -> ModuleType:
    """Run a Python file and register every method, theorem, compressor, problem and experiment that it defines.

    A file that was run before is not run again.

    Raises
    ------
    InputError
        If the file cannot be read, or raises something; the sentence says what, and in which line.
    """
    file = Path(path).resolve()
    name = PREFIX + file.stem
    if (loaded := sys.modules.get(name)) is not None:
        if Path(loaded.__file__ or "") == file:
            return loaded
        raise InputError(
            f"module '{path}' has the name of '{loaded.__file__}', which is already loaded: rename one of them"
        )
    if not file.is_file() or file.suffix != ".py":
        raise InputError(f"module '{path}' is not a Python file: give the path of a file FILE.py that exists")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        for thing in _defined(module):
            register(thing)
    except InputError as mistake:
        del sys.modules[name]
        raise InputError(f"module '{path}': {mistake}") from None
    except (Exception, SystemExit) as mistake:
        del sys.modules[name]
        raise InputError(f"module '{path}' cannot be run: {_told(mistake, file)}") from None
    return module


def load_all(paths: Sequence[str]) -> None:
    """Run several files, in their order; `load` says how."""
    for path in paths:
        load(path)


def described(path: str | Path) -> str:
    """A module as a certificate names it: its file and the digest of its bytes."""
    return f"the module {Path(path).name} (digest {file_digest(path)})"


def _defined(module: ModuleType) -> list[Any]:
    """What a module defines itself, in order: what it imports is somebody else's."""
    found: list[Any] = []
    for value in vars(module).values():
        if isinstance(value, type):
            own = value.__module__ == module.__name__ and issubclass(value, Theorem | Compressor | Problem)
            if own and not inspect.isabstract(value) and isinstance(vars(value).get("name"), str):
                found.append(value)
        elif isinstance(value, Method | Problem | Experiment) or (
            isinstance(value, Theorem) and type(value).__module__ == module.__name__
        ):
            found.append(value)
    return found


def _told(mistake: BaseException, file: Path) -> str:
    """What went wrong, and in which line of the file."""
    kind = f"{type(mistake).__name__}: {mistake}"
    if isinstance(mistake, SyntaxError):
        return f"{type(mistake).__name__}: {mistake.msg} (line {mistake.lineno})"
    lines = [frame.lineno for frame in traceback.extract_tb(mistake.__traceback__) if Path(frame.filename) == file]
    return f"{kind} (line {lines[-1]})" if lines else kind
