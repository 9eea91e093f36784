"""Checks of options and arguments: each returns the value it was asked for or raises one clear sentence.

A NumPy scalar is as good as a Python number; a bool is no number; 3.0 is a whole number, as 1e3 on the command line is.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError, nearest
from .specs import parse_value

#: No whole number is larger: up to here a double is exact.
MOST = 2**53


def integer(name: str, value: Any, low: int = 1, high: int | None = None) -> int:
    """Return `value` as an int of at least `low` and at most `high`."""
    if type(value) is int and low <= value <= (MOST if high is None else high):
        return value
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    whole = is_number and (isinstance(value, Integral) or float(value).is_integer())
    high = MOST if high is None and whole and value > MOST else high
    if not whole or value < low or (high is not None and value > high):
        wanted = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise InputError(f"{name}={value}: give a whole number {wanted}")
    return int(value)


def whole_numbers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """Return `values` as a flat array of integers."""
    try:
        given = np.asarray(values, dtype=np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} = {str(values)[:60]} are not whole numbers") from None
    wrong = given[~((np.abs(given) <= MOST) & (given == np.trunc(given)))]
    if wrong.size:
        raise InputError(f"{name} hold {wrong[0]:g}, which is not a whole number")
    return given.astype(np.int64)


def number(name: str, value: Any, low: float = 0.0, high: float | None = None, *, strict: bool = False) -> float:
    """Return `value` as a finite float that is at least `low`, or above it when `strict`, and at most `high`."""
    try:
        real = type(value) is float or (isinstance(value, Real) and not isinstance(value, bool))
        given = float(value) if real else math.nan
    except OverflowError:  # a whole number above all doubles
        given = math.inf
    if not math.isfinite(given):
        raise InputError(f"{name}={value}: give a finite number")
    if given < low or (strict and given == low) or (high is not None and given > high):
        most = "" if high is None else f" and at most {high:g}"
        raise InputError(f"{name}={value}: give a number {'above' if strict else 'of at least'} {low:g}{most}")
    return given


def positive_numbers(name: str, value: Any) -> tuple[float, ...]:
    """Return finite numbers above 0: a sequence of them, or text with / between them.

    Examples
    --------
    >>> positive_numbers("seconds", "1/1/2.5")
    (1.0, 1.0, 2.5)
    """
    try:
        words = value.split("/") if isinstance(value, str) else [value] if isinstance(value, Real) else list(value)
    except TypeError:
        raise InputError(f"{name}={value!r}: give numbers, as a sequence or as text with / between them") from None
    return tuple(number(name, parse_value(w) if isinstance(w, str) else w, strict=True) for w in words)


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
