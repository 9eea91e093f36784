"""The text form of a component: ``name`` or ``name:key=value,key=value``.

Compressors and problems are named on the command line, in certificates and in tables by this form. Values are
read as int, float, or plain text, in that order; nothing is ever evaluated.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from .errors import InputError, nearest, told
from .hooks import PACKAGE

T = TypeVar("T")
Value = int | float | str


def parse_value(text: str) -> Value:
    """Read one value: an int if it looks like one, else a float, else the text itself.

    A number has ASCII digits, and neither spaces nor underscores: ``k= 1`` and the digits of other scripts are text.
    """
    if not text.isascii() or "_" in text or text != text.strip():
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def is_number(text: str) -> bool:
    """Whether Python reads it as a float."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def split_pairs(items: Iterable[str], what: str) -> dict[str, str]:
    """Split ``key=value`` items; a malformed or repeated one raises `InputError` naming it."""
    pairs: dict[str, str] = {}
    for item in items:
        key, equals, text = item.partition("=")
        if not (key and equals and text):
            raise InputError(
                f"{what}: '{item}' is not of the form key=value; a value with a comma needs double quotes around it"
            )
        if key in pairs:
            raise InputError(f"{what}: '{key}' is given twice")
        pairs[key] = text
    return pairs


def parse_pairs(items: Iterable[str], what: str) -> dict[str, Value]:
    """Read ``key=value`` items with the values that `parse_value` makes of them."""
    return {key: parse_value(text) for key, text in split_pairs(items, what).items()}


def split_spec(text: str) -> tuple[str, dict[str, str]]:
    """Split ``name:key=value,key=value`` into the name and its options as text.

    A value in double quotes may hold commas: ``logistic:data="a,b.svm",reg=0.1``.

    Raises
    ------
    InputError
        If the name is empty, an option is not of the form key=value, or a quotation does not end.
    """
    name, _, rest = text.strip().partition(":")
    if not name:
        raise InputError(f"'{text}' names nothing; write name or name:key=value,key=value")
    if not rest:
        return name, {}
    if rest.count('"') % 2:
        raise InputError(f"'{text}' has a quotation mark that is not closed")
    items = re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', rest)
    return name, {key: value.strip('"') for key, value in split_pairs(items, f"'{text}'").items()}


def parse_spec(text: str) -> tuple[str, dict[str, Value]]:
    """Split ``name:key=value,key=value`` into the name and its options, read by `parse_value`.

    Raises
    ------
    InputError
        As `split_spec`.
    """
    name, options = split_spec(text)
    return name, {key: parse_value(value) for key, value in options.items()}


def nested(text: str) -> str:
    """Write a text form as a value inside another one: `/` for `:` and `,`, one more `/` for every level below."""
    return re.sub("/+", lambda run: run.group() + "/", text).replace(":", "/").replace(",", "/")


def unnested(value: str) -> str:
    """Read back what `nested` wrote; ``topk/k=5`` is ``topk:k=5``."""
    name, *options = re.split("(?<!/)/(?!/)", value)
    text = f"{name}:{','.join(options)}" if options else name
    return re.sub("/+", lambda run: run.group()[1:], text)


def format_spec(name: str, options: Mapping[str, Any]) -> str:
    """Write the text form back, leaving out options that are None; an option may itself have a `spec`."""
    values = {k: nested(v.spec) if hasattr(v, "spec") else v for k, v in options.items()}
    given = ",".join(f'{k}="{v}"' if "," in str(v) else f"{k}={v}" for k, v in values.items() if v is not None)
    return f"{name}:{given}" if given else name


@cache
def parameters_of(entry: Any) -> Mapping[str, inspect.Parameter]:
    """The arguments that a function, or a class, takes."""
    return inspect.signature(entry).parameters


def read_spec(kind: str, text: str, registry: Mapping[str, T], without: Iterable[str] = ()) -> tuple[T, dict[str, Any]]:
    """Return the registry's entry for `text` and the options that the text gives it.

    An option that the entry takes as text stays text (``data=007`` is a file's name); others are read as numbers where
    they are numbers.

    Parameters
    ----------
    kind
        What the thing is called in messages ("compressor", "problem").
    without
        Arguments of the entry that are not part of the text form.

    Raises
    ------
    InputError
        Unknown name or unknown option; the nearest one is suggested.
    """
    name, words = split_spec(text)
    if name not in registry:
        raise InputError(f"unknown {kind} '{name}'{nearest(name, registry)}; known: {', '.join(sorted(registry))}")
    entry = registry[name]
    parameters = {k: p for k, p in parameters_of(entry).items() if k not in without}
    for key in words:
        if key not in parameters:
            accepted = ", ".join(parameters) or "none"
            raise InputError(f"{kind} '{name}' has no option '{key}'{nearest(key, parameters)}; it takes: {accepted}")
    return entry, {key: word if _is_text(parameters[key]) else parse_value(word) for key, word in words.items()}


def _is_text(parameter: inspect.Parameter) -> bool:
    """Whether an argument is text, by its default or annotation."""
    return isinstance(parameter.default, str) or str(parameter.annotation).startswith("str")


def build(
    kind: str,
    text: str,
    registry: Mapping[str, Callable[..., T]],
    options: Mapping[str, Any] | None = None,
    **extra: Any,
) -> T:
    """Call the registry's entry for `text` with its options; unknown names and options suggest the nearest.

    Parameters
    ----------
    kind
        What the thing is called in messages ("compressor", "problem").
    options
        Further options, as objects.
    extra
        Arguments that are not part of the text form.

    Raises
    ------
    InputError
        Unknown name, unknown option, missing option, one that is given twice, or a value that the entry refuses.
    """
    entry, given = read_spec(kind, text, registry, extra)
    name, options = text.strip().partition(":")[0], options or {}
    parameters = {k: p for k, p in parameters_of(entry).items() if k not in extra}
    for key in options:
        if key in given:
            raise InputError(f"{kind} '{name}': {key} is given twice, in the text and as an argument")
        if key not in parameters:
            accepted = ", ".join(parameters) or "none"
            raise InputError(f"{kind} '{name}' has no option '{key}'{nearest(key, parameters)}; it takes: {accepted}")
    given = {**given, **options}
    missing = [k for k, p in parameters.items() if p.default is p.empty and k not in given]
    if missing:
        raise InputError(f"{kind} '{name}' needs {', '.join(missing)}: write {name}:{missing[0]}=VALUE")
    if getattr(entry, "__module__", "").partition(".")[0] == PACKAGE:
        return entry(**given, **extra)
    try:
        return entry(**given, **extra)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # a class of the user's own
        raise InputError(f"{kind} '{name}' cannot be made: {told(error)}") from error
