"""What a class of a user's own overrides: where it fails, or returns nonsense, one sentence says which class and what.

A base class names its hooks and what each must return; of the classes derived from it outside the toolkit, those that
they define are watched. What the toolkit's own exceptions say is passed on.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from .door import is_real, shown
from .errors import InputError, told

PACKAGE = __package__.partition(".")[0]


class Promise(NamedTuple):
    """What a hook must return: in words, and as a question about the value, the object and the arguments."""

    words: str
    kept: Callable[..., bool]


def _finite(value: Any) -> bool:
    return is_real(value) and abs(float(value)) < float("inf")


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


NUMBER = Promise("a finite number", lambda value, *_: _finite(value))
SIZE = Promise("a finite number of at least 0", lambda value, *_: _finite(value) and value >= 0)
COUNT = Promise(
    "a whole number of at least 0",
    lambda value, *_: isinstance(value, Integral) and not _is_truth(value) and int(value) >= 0,
)
TRUTH = Promise("True or False", lambda value, *_: _is_truth(value))
TEXT = Promise("a string", lambda value, *_: isinstance(value, str))
NOTHING = Promise("nothing", lambda value, *_: True)


def instance(*kinds: type, none: bool = False) -> Promise:
    """An object of one of the classes; None too, if it may be."""
    words = [f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}" for kind in kinds]
    words += ["None"] if none else []
    return Promise(" or ".join(words), lambda value, *_: isinstance(value, kinds) or (none and value is None))


def perhaps(promise: Promise) -> Promise:
    """What is promised, or None."""
    return Promise(f"{promise.words}, or None", lambda value, *about: value is None or promise.kept(value, *about))


def by_name(of: Promise) -> Promise:
    """A dictionary from names to what is promised."""
    return Promise(
        f"a dictionary from names, each to {of.words}",
        lambda value, *about: (
            isinstance(value, Mapping)
            and all(isinstance(name, str) and of.kept(entry, *about) for name, entry in value.items())
        ),
    )


def several(words: str, of: Promise, count: Callable[..., int | None] = lambda *_: None) -> Promise:
    """A tuple or list of what is promised, as many as `count` says of the object and the arguments."""

    def kept(value: Any, *about: Any) -> bool:
        if not isinstance(value, tuple | list) or not all(of.kept(entry, *about) for entry in value):
            return False
        return count(*about) in (None, len(value))

    return Promise(words, kept)


def array(words: str, shape: Callable[..., tuple[int, ...]]) -> Promise:
    """An array of real numbers of the shape that belongs to the object and the arguments."""

    def kept(value: Any, *about: Any) -> bool:
        try:
            found = np.asarray(value)
        except (TypeError, ValueError):
            return False
        return found.dtype.kind in "iuf" and found.shape == shape(*about)

    return Promise(words, kept)


def watch(cls: type, hooks: Mapping[str, Promise], passing: tuple[type[Exception], ...] = ()) -> None:
    """Watch the hooks that a class of a user's own defines.

    Parameters
    ----------
    hooks
        By name.
    passing
        Exceptions that say something, besides `InputError` and `NotImplementedError`.

    Raises
    ------
    InputError
        If something else stands where a method should.
    """
    if cls.__module__.partition(".")[0] == PACKAGE:
        return
    for name, promise in hooks.items():
        if name in vars(cls) and not any(vars(cls)[name] is vars(base).get(name) for base in cls.__mro__[1:]):
            setattr(cls, name, _watched(cls, name, promise, passing))


def _watched(cls: type, name: str, promise: Promise, passing: tuple[type[Exception], ...]) -> Any:
    given, base = vars(cls)[name], inspect.getattr_static(cls.__mro__[1], name, None)
    if isinstance(given, property) and given.fget is not None:
        return property(_call(cls, given.fget, name, promise, passing), given.fset, given.fdel)
    if inspect.isfunction(given):
        return _call(cls, given, name, promise, passing)
    if isinstance(given, cached_property) or isinstance(base, cached_property | property):
        # What is no function is one value for all objects.
        function = given.func if isinstance(given, cached_property) else lambda self: given
        made = cached_property(_call(cls, function, name, promise, passing))
        made.__set_name__(cls, name)
        return made
    if callable(base) and not callable(given) and not isinstance(given, staticmethod | classmethod):
        raise InputError(f"{cls.__name__}.{name} = {shown(given)}: define a method that returns {promise.words}")
    return given


def _call(
    cls: type, function: Callable[..., Any], name: str, promise: Promise, passing: tuple[type[Exception], ...]
) -> Callable[..., Any]:
    @wraps(function)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        return called(f"{cls.__name__}.{name}", function, promise, self, *arguments, passing=passing, **named)

    return call


def called(
    what: str,
    function: Callable[..., Any],
    promise: Promise,
    *arguments: Any,
    passing: tuple[type[Exception], ...] = (),
    **named: Any,
) -> Any:
    """Call a function of a user's own, and return what it returns.

    Raises
    ------
    InputError
        If it fails, or returns something else than it must; `what` names it.
    """
    known: tuple[type[Exception], ...] = (InputError, NotImplementedError, MemoryError, *passing)
    try:
        value = function(*arguments, **named)
    except known:
        raise
    except Exception as error:
        raise InputError(f"{what} fails: {told(error)}") from error
    if not promise.kept(value, *arguments):
        raise InputError(f"{what} returns {shown(value)}: it must return {promise.words}")
    return value
