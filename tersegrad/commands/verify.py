"""``tersegrad verify``: theorems against methods, verdicts with an error probability, a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..output import print_json, writable_directory
from ..theory.errors import InputError
from .options import POSITIVE, down_option, json_option, seed_option, up_option

if TYPE_CHECKING:
    from rich.table import Table

    from ..validation import Verdict

WIDE = 116
"""Characters that a table with one line per verdict takes."""
COLOURS = {"holds": "green", "violated": "bold red"}


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID ...]")
@click.option("--paper", metavar="NAME", help="All theorems of one paper: the first word of their ids.")
@click.option("--quick", is_flag=True, help="Fewer rounds and replicas.")
@click.option("--problem", metavar="SPEC", help="Problem in place of the default one.")
@up_option
@down_option
@click.option("--workers", type=POSITIVE, metavar="n", help="Number of workers.")
@click.option("--rounds", type=POSITIVE, metavar="T", help="Number of rounds.")
@click.option("--replicas", type=POSITIVE, metavar="R", help="Replicas to start with; doubled while undecided.")
@seed_option
@click.option("--jobs", type=POSITIVE, metavar="N", help="Threads (default: all cores).")
@click.option("--out", metavar="DIR", default="report", show_default=True, help="Where the report is written.")
@json_option
def verify(out: str, as_json: bool, **request: Any) -> int:
    """Put theorems to the test: all of them, or those named.

    Prints a table of verdicts and writes report.html, a picture and a certificate per verdict.
    """
    directory = writable_directory(out)
    from ..progress import Bars
    from ..report import write_report
    from ..validation import exit_status
    from ..validation import verify as decide

    with Bars() as bars:
        verdicts = decide(progress=lambda event: bars.update(event.theorem, event.done, event.text), **request)
    status = exit_status(verdicts)
    report, unwritten = None, None
    try:
        report = write_report(verdicts, directory)
    except InputError as error:  # a disk that is full by now; the verdicts are not lost for that
        status, unwritten = 2, error
    if as_json:
        place = None if report is None else str(report)
        print_json({"verdicts": [v.certificate() for v in verdicts], "exit_status": status, "report": place})
    else:
        _print(verdicts)
    if unwritten is not None:
        raise unwritten
    if not as_json:
        click.echo(f"report: {report}")
    return status


def _print(verdicts: Sequence[Verdict]) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(_table(verdicts, console.width))
    for verdict in verdicts:
        if verdict.verdict != "holds":
            console.print(
                f"{verdict.theorem}: {verdict.verdict}: {verdict.reason}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def _table(verdicts: Sequence[Verdict], width: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from ..report import rate_words, saved_words, speedup_words

    narrow = width < WIDE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0) if narrow else (0, 1))
    table.add_column("theorem", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for title in ("margin", "rate fitted / predicted", "speedup", "bits saved", "seconds"):
        table.add_column(title, justify="right")
    for v in verdicts:
        table.add_row(
            v.theorem.replace(".", ".\n") if narrow else v.theorem,
            Text(v.verdict, style=COLOURS.get(v.verdict, "yellow")),
            "" if v.margin is None else f"{v.margin:.3g}",
            rate_words(v),
            speedup_words(v),
            saved_words(v),
            f"{v.seconds:.1f}",
        )
    return table
