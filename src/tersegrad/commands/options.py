"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..common.specs import Value, parse_pairs

POSITIVE = click.IntRange(min=1)


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


up_option = click.option("--up", metavar="SPEC", help="Compressor of the workers' messages.")
down_option = click.option("--down", metavar="SPEC", help="Compressor of the server's broadcast.")
seed_option = click.option(
    "--seed", metavar="S", type=click.IntRange(min=0, max=2**32 - 1), default=0, show_default=True, help="Seed."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
