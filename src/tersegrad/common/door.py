"""The public door: arguments are held against the annotations of what takes them, before anything is done with them.

A function that is marked `checked` names the argument, what it was and what it takes, in one sentence; a record does so
with `require_types`. Ranges are the business of the function itself (`common.options`).
"""

from __future__ import annotations

import inspect
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache, wraps
from numbers import Integral, Real
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .errors import InputError

F = TypeVar("F", bound=Callable[..., Any])

#: Characters of a value in a sentence.
LONGEST_VALUE = 60

#: Names that annotations have for several kinds of things.
ALIASES = {
    "str | Path": "Path",
    "str | Path | None": "Path | None",
    "Given": "str | Compressor | Assumption | None",
    "Assumption": "Unbiased | Contractive | AbsoluteError | General | Correlated",
    "Transcription | None": "Callable | None",
    "ProblemOf": "str | Problem | Callable",
    "Value": "Callable",
    "Gradient": "Callable",
    "ParameterOverride": "Callable",
    "ConstantsOverride": "Callable",
    "Judged": "Verdict | ClaimResult",
    "T": "Any",
}


class Kind(NamedTuple):
    """What an argument may be: `read` returns it as the function wants it, or raises; `words` says it to people."""

    read: Callable[[str, Any], Any]
    words: str


class _WrongKindError(Exception):
    """The value of this name is not of the kind."""

    def __init__(self, name: str, value: Any, words: str) -> None:
        super().__init__(name, value, words)
        self.name, self.value, self.words = name, value, words


def shown(value: Any) -> str:
    """A value in a sentence: short, on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 4]} ..."


def _only(kind: str, accept: Callable[[Any], bool], convert: Callable[[Any], Any] = lambda value: value) -> Kind:
    def read(name: str, value: Any) -> Any:
        if not accept(value):
            raise _WrongKindError(name, value, kind)
        return convert(value)

    return Kind(read, kind)


#: Truth values, which are no numbers here.
TRUTH = (bool, np.bool_)


def _is_whole(value: Any) -> bool:
    if type(value) is int:
        return True
    real = isinstance(value, Real) and not isinstance(value, TRUTH)
    return real and (isinstance(value, Integral) or float(value).is_integer())


def is_real(value: Any) -> bool:
    """Whether it is a real number; NaN, which is none, and truth values are not."""
    return (type(value) is float or (isinstance(value, Real) and not isinstance(value, TRUTH))) and value == value


def _is_truth(value: Any) -> bool:
    return type(value) is bool or (isinstance(value, Integral | np.bool_) and value in (0, 1))


def _as_double(value: Any) -> Any:
    """The number; infinity for a whole number above all doubles."""
    try:
        float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    return value


def is_numbers(value: Any) -> bool:
    """Whether NumPy makes real numbers of it."""
    if type(value) is np.ndarray and value.dtype.kind in "iuf":
        return True
    if value is None or isinstance(value, str | bytes | Mapping):
        return False
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, MemoryError):
        return False
    if array.dtype.kind == "b":
        return array.ndim > 0
    whole = array.dtype.kind == "O" and all(isinstance(x, Real) and _as_double(x) is x for x in array.flat)
    return array.dtype.kind in "iuf" or whole


def _has_class(word: str) -> Callable[[Any], bool]:
    return lambda value: word in _names(type(value).__mro__)


@cache
def _names(classes: tuple[type, ...]) -> frozenset[str]:
    """What they are called."""
    return frozenset(one.__name__ for one in classes)


#: What one word of an annotation accepts; other words are names of classes.
SIMPLE = {
    "str": _only("a string", lambda value: isinstance(value, str)),
    "int": _only("a whole number", _is_whole, int),
    "float": _only("a number", is_real, _as_double),
    "bool": _only("True or False", _is_truth, bool),
    "None": _only("None", lambda value: value is None),
    "Path": _only("a path", lambda value: isinstance(value, str | os.PathLike) and "\0" not in str(value)),
    "Any": Kind(lambda name, value: value, "anything"),
    "Callable": _only("a function", callable),
    "ArrayLike": _only("an array of numbers", is_numbers),
    "np.ndarray": _only("an array of numbers", is_numbers),
    "FloatArray": _only("an array of numbers", is_numbers),
    "HasConstants": _only("a Problem", lambda value: callable(getattr(value, "constants", None))),
    "Executor": _only("an executor", lambda value: callable(getattr(value, "submit", None))),
}


def _sequence(of: Kind) -> Kind:
    words = f"a list of {_plural(of.words)}"

    def read(name: str, value: Any) -> Any:
        given = value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else value
        if type(given) not in (tuple, list) and (not isinstance(given, Sequence) or isinstance(given, str | bytes)):
            raise _WrongKindError(name, value, words)
        if isinstance(given, range):  # whole numbers all of them, perhaps billions
            of.read(f"{name}[0]", next(iter(given), 0))
            return value
        items = [of.read(f"{name}[{k}]", item) for k, item in enumerate(given)]
        same = given is value and all(item is before for item, before in zip(items, given, strict=True))
        return value if same else items

    return Kind(read, words)


def _tuple(of: Sequence[Kind]) -> Kind:
    words = f"({', '.join(kind.words for kind in of)})"

    def read(name: str, value: Any) -> Any:
        if not isinstance(value, tuple | list) or len(value) != len(of):
            raise _WrongKindError(name, value, words)
        return tuple(kind.read(f"{name}[{k}]", item) for k, (kind, item) in enumerate(zip(of, value, strict=True)))

    return Kind(read, words)


def _mapping(of: Kind) -> Kind:
    words = "a dictionary from names to " + (_plural(of.words) if of.words != "anything" else "values")

    def read(name: str, value: Any) -> Any:
        if type(value) is not dict and not isinstance(value, Mapping):
            raise _WrongKindError(name, value, words)
        for key in value:
            if not isinstance(key, str):
                raise _WrongKindError(f"{name}: the key {shown(key)}", key, "a name")
        items = {key: of.read(f"{name}[{key!r}]", item) for key, item in value.items()}
        return value if all(items[key] is item for key, item in value.items()) else items

    return Kind(read, words)


def _plural(words: str) -> str:
    singular = re.sub(r"^an? ", "", re.sub(r"(?<= or )an? ", "", words)).split(" or ")
    return " or ".join(re.sub("is$", "e", word) + "s" for word in singular)


def _either(kinds: Sequence[Kind]) -> Kind:
    words = [kind.words for kind in kinds if kind.words != "None"]
    together = ", ".join(words[:-1]) + (" or " if words[:-1] else "") + (words[-1] if words else "None")
    nothing = len(words) < len(kinds)

    def read(name: str, value: Any) -> Any:
        if value is None and nothing:
            return None
        inner: _WrongKindError | None = None
        for kind in kinds:
            try:
                return kind.read(name, value)
            except _WrongKindError as wrong:
                inner = wrong if wrong.name != name else inner
        raise inner or _WrongKindError(name, value, together)

    return Kind(read, together)


def _split(text: str, at: str) -> list[str]:
    """Split at a character outside brackets."""
    parts, depth = [""], 0
    for c in text:
        depth += (c == "[") - (c == "]")
        if c == at and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts]


@cache
def kind_of(annotation: str) -> Kind:
    """Read an annotation: unions, lists, dictionaries, numbers, texts, arrays, functions and classes by their name."""
    annotation = ALIASES.get(annotation, annotation)
    parts = _split(annotation.strip(" '\""), "|")
    if len(parts) > 1:
        return _either([kind_of(part) for part in parts])
    word, _, inside = parts[0].partition("[")
    arguments = _split(inside.removesuffix("]"), ",")
    if word in SIMPLE:
        return SIMPLE[word]
    if word in ("Sequence", "list", "Iterable") or (word == "tuple" and arguments[-1] == "..."):
        return _sequence(kind_of(arguments[0]))
    if word in ("Mapping", "dict"):
        return _mapping(kind_of(arguments[1]))
    if word == "tuple":
        return _tuple([kind_of(argument) for argument in arguments])
    name = word.rpartition(".")[2]
    return _only(f"{'an' if name[0] in 'AEIOU' else 'a'} {name}", _has_class(name))


def words_of(annotation: str) -> set[str]:
    """The words that decide what an annotation accepts: all but those inside ``Callable[...]``."""
    outside = re.sub(r"Callable\[.*\]", "Callable", ALIASES.get(annotation, annotation))
    return {word.rpartition(".")[2] if word not in SIMPLE else word for word in re.findall(r"[A-Za-z_][\w.]*", outside)}


def read_as(kind: Kind, name: str, value: Any) -> Any:
    """Return a value as its kind wants it.

    Raises
    ------
    InputError
        If it is not of the kind; the sentence names the argument, what it was and what it takes.
    """
    try:
        return kind.read(name, value)
    except _WrongKindError as wrong:
        raise InputError(f"{wrong.name}={shown(wrong.value)}: give {wrong.words}") from None


def checked(function: F) -> F:
    """Mark a public function: what it is called with is held against its annotations, in the order of its arguments.

    Arguments that are left out are not looked at; ``**options`` are, by their one annotation.
    """
    kinds: dict[str, Kind] = {}
    positional: list[str] = []
    others: list[Kind] = []

    def learn() -> None:
        for name, parameter in inspect.signature(function).parameters.items():
            kind = kind_of("Any" if parameter.annotation is parameter.empty else str(parameter.annotation))
            if parameter.kind is parameter.VAR_KEYWORD:
                others.append(kind)
                continue
            kinds[name] = kind
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                positional.append(name)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not kinds:
            learn()
        if args and len(args) <= len(positional):
            args = tuple([read_as(kinds[name], name, value) for name, value in zip(positional, args, strict=False)])
        for name, value in kwargs.items():
            kind = kinds.get(name) or (others[0] if others else None)
            if kind is not None:
                kwargs[name] = read_as(kind, name, value)
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def require_types(record: Any, names: Iterable[str] | None = None) -> None:
    """Hold the fields of a frozen record (those named; all that it is made with) against their annotations.

    Raises
    ------
    InputError
        As `read_as`.
    """
    for name, kind in _kinds_of(record.__class__, None if names is None else tuple(names)):
        given = getattr(record, name)
        if (wanted := read_as(kind, name, given)) is not given:
            object.__setattr__(record, name, wanted)


@cache
def _kinds_of(record: type, names: tuple[str, ...] | None) -> list[tuple[str, Kind]]:
    """The fields that a record is made with, those named, and what each may be."""
    made = [field for field in fields(record) if field.init and (names is None or field.name in names)]
    return [(field.name, kind_of(str(field.type))) for field in made]
