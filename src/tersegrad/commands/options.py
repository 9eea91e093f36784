"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from ..common.errors import InputError, nearest
from ..common.limits import force
from ..common.specs import Value, parse_pairs, parse_value

if TYPE_CHECKING:
    from ..theory import Constants, Theorem


class Whole(click.IntRange):
    """A whole number in ASCII digits, as in specs: no digits of other scripts, no spaces, no underscores."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not isinstance(parse_value(value), int):
            self.fail(f"'{value}' is not a valid whole number.", param, ctx)
        return super().convert(value, param, ctx)


class Real(click.FloatRange):
    """A number in ASCII, as in specs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and isinstance(parse_value(value), str):
            self.fail(f"'{value}' is not a valid number.", param, ctx)
        return super().convert(value, param, ctx)


POSITIVE = Whole(min=1)


class SetCommand(click.Command):
    """A command whose ``--set`` takes all the ``key=value`` words that follow it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words: list[str] = []
        setting = False
        for position, word in enumerate(args):
            if setting and args[position - 1] != "--set" and "=" in word and not word.startswith("-"):
                words.append("--set")
            elif word == "--set" or word.startswith("--set="):
                setting = True
            elif args[position - 1] != "--set":
                setting = False
            words.append(word)
        return super().parse_args(ctx, words)


def set_option(text: str) -> Callable[[Any], Any]:
    """The option ``--set NAME=VALUE ...``, as the keyword `settings`."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE ...",
        callback=_read,
        help=text,
    )


def _read(ctx: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> dict[str, Value]:
    return parse_pairs(list(words), "--set")


def known_constants(problem: str | None, workers: int | None, settings: Mapping[str, Any]) -> Constants:
    """The constants of a problem's text form, with those of ``--set`` in their place or beside them; or these alone.

    Raises
    ------
    InputError
        For ``--workers`` without a problem, and for what the problem or the constants refuse.
    """
    from ..theory import Constants

    if problem is None:
        if workers is not None:
            raise InputError(f"--workers {workers} goes with --problem SPEC; without a problem write --set n={workers}")
        return Constants.read(settings)
    from ..problems import problem as build

    return build(problem, workers=1 if workers is None else workers).constants().replaced(settings)


def split(subject: Theorem, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell constants of the problem from parameters that the user fixes.

    Raises
    ------
    InputError
        For a name that is neither; the nearest one is suggested.
    """
    from ..theory.constants import FLAGS, LISTS, NAMES

    choices = (*subject.parameters, *subject.analysis)
    known = (*NAMES, *FLAGS, *LISTS, *choices)
    for name in settings:
        if name not in known:
            raise InputError(
                f"--set: {subject.name} does not know '{name}'{nearest(name, known)}; constants: {', '.join(NAMES)}; "
                f"parameters: {', '.join(choices)}"
            )
    constants = {name: value for name, value in settings.items() if name not in choices}
    return constants, {name: value for name, value in settings.items() if name in choices}


def _named(ctx: click.Context, parameter: click.Parameter, spec: str | None) -> str | None:
    if spec == "":
        raise InputError(f"--{parameter.name}: '' names nothing; leave it out, or give a compressor such as topk:k=10")
    return spec


up_option = click.option("--up", callback=_named, metavar="SPEC", help="Compressor of the workers' messages.")
down_option = click.option("--down", callback=_named, metavar="SPEC", help="Compressor of the server's broadcast.")
participation_option = click.option(
    "--participation",
    type=Real(0, 1, min_open=True),
    metavar="P",
    help="Probability with which a worker takes part in a round; a silent one sends nothing.",
)
seed_option = click.option(
    "--seed", metavar="S", type=Whole(min=0, max=2**32 - 1), default=0, show_default=True, help="Seed."
)
force_option = click.option(
    "--force",
    is_flag=True,
    expose_value=False,
    callback=lambda ctx, _, given: ctx.with_resource(force(given)),
    help="Start even if the estimate says that memory does not suffice or that it takes more than a month.",
)


def _load(ctx: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> None:
    if paths:
        from ..validation.own import load_all

        load_all(paths)


module_option = click.option(
    "--module",
    multiple=True,
    metavar="FILE.py",
    is_eager=True,
    expose_value=False,
    callback=_load,
    help="Run this Python file first, with all your rights, and register what it defines.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
