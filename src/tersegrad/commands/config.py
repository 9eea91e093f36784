"""``--config FILE.toml``: an experiment as a file, whose values stand where the command line gives none."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import click

from ..common.errors import InputError, nearest
from ..common.files import read_document


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--config``; what the command line says counts more than the file."""
    return click.option(
        "--config",
        metavar="FILE.toml",
        is_eager=True,
        expose_value=False,
        callback=_read,
        help="Read options from this file: their long names without dashes, arguments by name, a table [set].",
    )(function)


def _read(ctx: click.Context, parameter: click.Parameter, path: str | None) -> None:
    if path is None:
        return
    try:
        found = tomllib.loads(read_document(path, "the file of --config"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"--config: '{path}' is not TOML: {error}") from None
    known = {_key(p): p for p in ctx.command.params if p is not parameter and _key(p) != "help"}
    values: dict[str, Any] = {}
    for key, value in found.items():
        word = key.replace("_", "-")
        if word not in known:
            raise InputError(
                f"--config: '{path}' has '{key}', which tersegrad {ctx.info_name} does not take"
                f"{nearest(word, known)}; it takes: {', '.join(sorted(known))}"
            )
        values[known[word].name or ""] = _value(known[word], key, value, path)
    ctx.default_map = {**(ctx.default_map or {}), **values}


def _key(parameter: click.Parameter) -> str:
    """What a parameter is called in a file: a long option without its dashes, an argument as in the usage line."""
    if isinstance(parameter, click.Argument):
        return parameter.make_metavar(click.Context(click.Command("x"))).strip("[]. ").split()[0].lower()
    return max(parameter.opts, key=len).lstrip("-")


def _value(parameter: click.Parameter, key: str, value: Any, path: str) -> Any:
    """The value as the command line would have had it: text, which the option then reads and checks."""
    several = parameter.nargs == -1 or parameter.multiple
    if isinstance(value, dict):
        if key != "set":
            raise InputError(f"--config: '{path}': {key} is a table; only [set] is one")
        return [f"{name}={_word(f'set.{name}', entry, path)}" for name, entry in value.items()]
    if getattr(parameter, "is_flag", False):
        if not isinstance(value, bool):
            raise InputError(f"--config: '{path}': {key} = {value!r}; give true or false")
        return value
    if several:
        return [_word(key, entry, path) for entry in (value if isinstance(value, list) else [value])]
    return _word(key, value, path)


def _word(key: str, value: Any, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"--config: '{path}': {key} = {str(value)[:60]}; give a string or a number")
    return str(value)
