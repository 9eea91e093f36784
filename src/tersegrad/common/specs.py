"""The text form of a component: ``name`` or ``name:key=value,key=value``.

Compressors and problems are named on the command line, in certificates and in tables by this form. Values are
read as int, float, or plain text, in that order; nothing is ever evaluated.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .errors import InputError, nearest

T = TypeVar("T")
Value = int | float | str


def parse_value(text: str) -> Value:
    """Read one value: an int if it looks like one, else a float, else the text itself."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def parse_pairs(items: list[str], what: str) -> dict[str, Value]:
    """Read ``key=value`` items; a malformed or repeated one raises `InputError` naming it."""
    pairs: dict[str, Value] = {}
    for item in items:
        key, equals, text = item.partition("=")
        if not (key and equals and text):
            raise InputError(f"{what}: '{item}' is not of the form key=value")
        if key in pairs:
            raise InputError(f"{what}: '{key}' is given twice")
        pairs[key] = parse_value(text)
    return pairs


def parse_spec(text: str) -> tuple[str, dict[str, Value]]:
    """Split ``name:key=value,key=value`` into the name and its options.

    Raises
    ------
    InputError
        If the name is empty or an option is not of the form key=value.
    """
    name, _, rest = text.strip().partition(":")
    if not name:
        raise InputError(f"'{text}' names nothing; write name or name:key=value,key=value")
    return name, parse_pairs(rest.split(","), f"'{text}'") if rest else {}


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
    given = ",".join(f"{k}={v}" for k, v in values.items() if v is not None)
    return f"{name}:{given}" if given else name


def build(kind: str, text: str, registry: Mapping[str, Callable[..., T]], **extra: Any) -> T:
    """Call the registry's entry for `text` with its options; unknown names and options suggest the nearest.

    Parameters
    ----------
    kind
        What the thing is called in messages ("compressor", "problem").
    extra
        Arguments that are not part of the text form.

    Raises
    ------
    InputError
        Unknown name, unknown option, missing option, or a value that the entry refuses.
    """
    name, options = parse_spec(text)
    if name not in registry:
        raise InputError(f"unknown {kind} '{name}'{nearest(name, registry)}; known: {', '.join(sorted(registry))}")
    entry = registry[name]
    parameters = {k: p for k, p in inspect.signature(entry).parameters.items() if k not in extra}
    for key in options:
        if key not in parameters:
            accepted = ", ".join(parameters) or "none"
            raise InputError(f"{kind} '{name}' has no option '{key}'{nearest(key, parameters)}; it takes: {accepted}")
    missing = [k for k, p in parameters.items() if p.default is p.empty and k not in options]
    if missing:
        raise InputError(f"{kind} '{name}' needs {', '.join(missing)}: write {name}:{missing[0]}=VALUE")
    return entry(**options, **extra)
