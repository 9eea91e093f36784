"""Checks of a problem's options: each returns the value it was asked for or raises one clear sentence."""

from __future__ import annotations

import math
from typing import Any

from .errors import InputError, nearest


def integer(name: str, value: Any, low: int = 1) -> int:
    """Return `value` as an int of at least `low`."""
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or value < low:
        raise InputError(f"{name}={value}: give a whole number of at least {low}")
    return int(value)


def number(name: str, value: Any, low: float = 0.0, *, strict: bool = False) -> float:
    """Return `value` as a finite float that is at least `low`, or above it when `strict`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{name}={value}: give a finite number")
    if value < low or (strict and value == low):
        raise InputError(f"{name}={value}: give a number {'above' if strict else 'of at least'} {low:g}")
    return float(value)


def choice(name: str, value: Any, words: tuple[str, ...]) -> str:
    """Return `value` if it is one of `words`."""
    if value not in words:
        raise InputError(f"{name}={value}: choose one of {', '.join(words)}{nearest(str(value), words)}")
    return str(value)


def flag(name: str, value: Any) -> bool:
    """Return `value`, 0 or 1, as a bool."""
    if value not in (0, 1):
        raise InputError(f"{name}={value}: give 0 or 1")
    return bool(value)
