"""Registers that are folders: what is in a file of the folder is registered, no list names it."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def modules(package: str, path: list[str]) -> Iterator[ModuleType]:
    """Import every module of a package and yield it, in alphabetical order; packages inside it are left alone.

    Parameters
    ----------
    package, path
        Its ``__name__`` and ``__path__``.
    """
    for found in sorted(pkgutil.iter_modules(path), key=lambda module: module.name):
        if not found.ispkg:
            yield import_module(f"{package}.{found.name}")


def instances(package: str, path: list[str], kind: type[T]) -> Iterator[T]:
    """Yield every object of a class at the top level of the modules of a package, each once, in order of appearance."""
    seen: set[int] = set()
    for module in modules(package, path):
        for value in vars(module).values():
            if isinstance(value, kind) and id(value) not in seen:
                seen.add(id(value))
                yield value
