"""``tersegrad figures``: the papers' experiments and overviews of the theory as pictures."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..common.errors import InputError, counted, nearest
from ..common.files import writable_directory
from ..common.limits import span

if TYPE_CHECKING:
    from ..figures.drawing import Drawing


@click.command("figures")
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--out", metavar="DIR", default="figures", show_default=True, help="Where the pictures are written.")
@click.option("--quick", is_flag=True, help="Fewer rounds, points and replicas.")
@click.option("--list", "listed", is_flag=True, help="List the figures with minutes and captions and draw nothing.")
def draw_figures(names: tuple[str, ...], out: str, quick: bool, listed: bool) -> int:
    """Draw the papers' experiments and overviews of the theory: all figures, or those named.

    Each is written as PNG and PDF, with its numbers (.csv) and its caption (.txt).
    """
    from .. import figures
    from ..progress import Bars

    known = figures.FIGURES
    for name in names:
        if name not in known:
            raise InputError(f"unknown figure '{name}'{nearest(name, known)}; known: {', '.join(known)}")
    chosen = [known[name] for name in names or known]
    if listed:
        for drawing in chosen:
            click.echo(f"{drawing.name} ({drawing.paper}), {_time([drawing], quick)}")
            click.echo(textwrap.fill(drawing.text, 80, initial_indent="    ", subsequent_indent="    "))
        return 0
    directory = writable_directory(out)
    click.echo(f"{counted(len(chosen), 'figure')}: {_time(chosen, quick)}", err=True)
    with Bars() as bars:
        for drawing in chosen:
            bars.update(drawing.name, 0.0, "drawing")
            paths = drawing.draw(directory, quick)
            bars.update(drawing.name, 1.0, "drawn")
            for path in paths:
                click.echo(path)
    return 0


def _time(drawings: Sequence[Drawing], quick: bool) -> str:
    """How long they take, without what is compiled first."""
    return f"about {span(sum(drawing.seconds[quick] for drawing in drawings))} of one core"
