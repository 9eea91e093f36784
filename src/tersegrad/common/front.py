"""What things are called in the front end at hand: options on the command line, arguments in Python.

A sentence that tells the way out asks here, so that nobody who writes Python is told of ``--set``, and the other way
round. The command line says for how long it is the front end; a process of a pool is told by the piece of work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_on_command_line = False


@contextmanager
def command_line(at_hand: bool = True) -> Iterator[None]:
    """For the time of a ``with``, sentences speak of the command line (or, with False, of Python)."""
    global _on_command_line
    before, _on_command_line = _on_command_line, at_hand
    try:
        yield
    finally:
        _on_command_line = before


def on_command_line() -> bool:
    """Whether the front end is the command line."""
    return _on_command_line


def either(option: str, argument: str) -> str:
    """The first text on the command line, the second in Python."""
    return option if _on_command_line else argument


def argument(name: str, value: object) -> str:
    """An option with its value: ``--workers 3``, or ``workers=3``."""
    return either(f"--{name.replace('_', '-')} {value}", f"{name}={value!r}")


def constants(*names: str, value: object = "...") -> str:
    """Constants that are to be given: ``--set L=... mu=...``, or ``Constants(L=..., mu=...)``."""
    pairs = [f"{name}={value}" for name in names]
    return either(f"--set {' '.join(pairs)}", f"Constants({', '.join(pairs)})")


def parameters(*names: str) -> str:
    """Parameters that are to be given: ``--set gamma=VALUE``, or ``parameters={'gamma': VALUE}``."""
    pairs = ", ".join(f"'{name}': VALUE" for name in names)
    return either(f"--set {' '.join(f'{name}=VALUE' for name in names)}", f"parameters={{{pairs}}}")
