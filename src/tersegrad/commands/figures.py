"""``tersegrad figures``: the papers' experiments as pictures."""

from __future__ import annotations

from importlib import import_module

import click

from ..common.errors import InputError, nearest
from ..common.files import writable_directory


@click.command("figures")
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--out", metavar="DIR", default="figures", show_default=True, help="Where the pictures are written.")
@click.option("--quick", is_flag=True, help="Fewer rounds and replicas.")
def draw_figures(names: tuple[str, ...], out: str, quick: bool) -> int:
    """Draw the papers' experiments: all of them, or those named."""
    from ..figures import FIGURES
    from ..progress import Bars

    for name in names:
        if name not in FIGURES:
            raise InputError(f"unknown figure '{name}'{nearest(name, FIGURES)}; known: {', '.join(FIGURES)}")
    directory = writable_directory(out)
    with Bars() as bars:
        for name in names or FIGURES:
            bars.update(name, 0.0, "drawing")
            paths = import_module(f"..figures.{FIGURES[name]}", __package__).draw(directory, quick)
            bars.update(name, 1.0, "drawn")
            for path in paths:
                click.echo(path)
    return 0
