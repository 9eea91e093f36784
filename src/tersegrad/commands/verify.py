"""``tersegrad verify``: theorems against methods, claims against measurements, a report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from ..common.errors import InputError
from ..common.files import writable_directory
from ..output import print_json
from ..validation.sweeps import EXECUTORS, LostPiecesError, started
from .config import config_option
from .options import (
    POSITIVE,
    SetCommand,
    down_option,
    json_option,
    participation_option,
    seed_option,
    set_option,
    split,
    up_option,
)

if TYPE_CHECKING:
    from rich.table import Table

    from ..validation import ClaimResult, Verdict

ALPHA = 1e-3
"""Probability that any verdict of a run rests on a wrong confidence limit."""
WIDE = 176
"""Characters that a table with one line per verdict takes."""
COLOURS = {"holds": "green", "violated": "bold red"}


@click.command(cls=SetCommand)
@click.argument("ids", nargs=-1, metavar="[ID ...]")
@click.option("--paper", metavar="NAME", help="All theorems and claims of one paper: the first word of their ids.")
@click.option("--quick", is_flag=True, help="Fewer rounds and replicas.")
@click.option("--problem", metavar="SPEC", help="Problem in place of the default one.")
@up_option
@down_option
@participation_option
@click.option("--workers", type=POSITIVE, metavar="n", help="Number of workers.")
@set_option(
    "Parameters at which to judge in place of the recommended ones (gamma=0.01), and constants that theorems are told "
    "in place of the problem's own (pl=0.1)."
)
@click.option(
    "--module",
    "modules",
    multiple=True,
    metavar="FILE.py",
    help="Run this Python file first, with all your rights, and register what it defines: theorems, methods, "
    "compressors, problems, experiments.",
)
@click.option("--rounds", type=POSITIVE, metavar="T", help="Number of rounds.")
@click.option("--replicas", type=POSITIVE, metavar="R", help="Replicas to start with; doubled while undecided.")
@seed_option
@click.option("--jobs", type=POSITIVE, metavar="N", help="How many theorems at once (default: all cores).")
@click.option(
    "--executor", "pool", type=click.Choice(EXECUTORS), default="processes", show_default=True, help="What runs them."
)
@click.option("--out", metavar="DIR", default="report", show_default=True, help="Where the report is written.")
@config_option
@json_option
def verify(
    out: str,
    as_json: bool,
    ids: tuple[str, ...],
    paper: str | None,
    quick: bool,
    seed: int,
    jobs: int | None,
    pool: str,
    settings: dict[str, Any],
    modules: tuple[str, ...],
    **own: Any,
) -> int:
    """Put theorems and claims to the test: all of them, or those named by their ids or by the first words of these.

    Prints tables of verdicts and writes report.html, a picture and a certificate per verdict.

    \b
    tersegrad verify ef21.pl --problem logistic:data=breast_cancer,reg=0.1 --workers 8 --up topk:k=3 --set gamma=0.01
    tersegrad verify --module examples/my_method.py mine.gd
    """
    directory = writable_directory(out)
    from ..progress import Bars
    from ..report import write_report
    from ..theory import theorem
    from ..validation import examine, exit_status, select
    from ..validation import verify as decide
    from ..validation.own import load_all

    load_all(modules)
    theorems, claims = select(ids, paper)
    if settings:
        if not theorems:
            raise InputError(f"--set {next(iter(settings))}=... is about theorems, and {ids[0]} is a claim")
        told = [split(theorem(i), settings) for i in theorems]
        if other := next((i for i, parts in zip(theorems, told, strict=True) if parts != told[0]), None):
            raise InputError(
                f"--set means one thing for {theorems[0]} and another for {other}: judge one theorem at a time"
            )
        own |= {"constants": told[0][0] or None, "parameters": told[0][1] or None}
    if any(value is not None for value in own.values()):  # they are the experiment's, and a claim has its own
        if named := [i for i in ids if i in claims]:
            raise InputError(
                f"{named[0]} is a claim with an experiment of its own: leave out --problem, --up, --down, "
                "--participation, --workers, --rounds, --replicas and --set"
            )
        claims = []
    common: dict[str, Any] = {"quick": quick, "seed": seed, "jobs": jobs}
    # One piece of work, or one process to do it in: no pool, all cores for its replicas.
    alone = pool == "processes" and (len(theorems) + len(claims) == 1 or (jobs or os.cpu_count()) == 1)
    if not alone:  # compile what all need once, here, and not in every process at the same time
        from ..solvers.engines import rounds

        rounds.compile_all()
    share = ALPHA / (len(theorems) + len(claims))
    verdicts, results = [], []
    report = None
    failure: LostPiecesError | InputError | None = None
    lost: list[str] = []
    with Bars() as bars, nullcontext() if alone else started(pool, jobs) as executor:
        common["executor"] = executor
        try:
            if theorems:
                verdicts = decide(
                    ids=theorems,
                    **own,
                    **common,
                    modules=modules,
                    alpha=share * len(theorems),
                    progress=lambda event: bars.update(event.theorem, event.done, event.text),
                )
            if claims:
                results = examine(claims, **common, alpha=share * len(claims), progress=bars.update)
        except LostPiecesError as loss:  # what was done is reported, what was lost is named
            if verdicts or not theorems:
                results = loss.results
                failure = loss
            else:
                verdicts = loss.results
                failure = LostPiecesError([], [*loss.names, *claims])
            lost, executor = failure.names, None
        try:
            report = write_report(verdicts, directory, results, executor)
        except LostPiecesError:
            report = write_report(verdicts, directory, results)
        except InputError as error:  # a disk that is full by now; the verdicts are not lost for that
            failure = failure or error
    status = exit_status([*verdicts, *results]) if failure is None else 4 if lost else 2
    if as_json:
        print_json(
            {
                "verdicts": [v.certificate() for v in verdicts],
                "claims": [f.certificate() for f in results],
                "exit_status": status,
                "lost": lost,
                "report": None if report is None else str(report),
            }
        )
    else:
        _print(verdicts, results)
    if report is not None and not as_json:
        click.echo(f"report: {report}")
    if failure is not None:
        raise failure
    return status


def _print(verdicts: Sequence[Verdict], results: Sequence[ClaimResult]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    if verdicts:
        console.print(_table(verdicts, console.width))
    for verdict in verdicts:
        for line in _remarks(verdict):
            console.print(f"{verdict.theorem}: {line}", markup=False, highlight=False, soft_wrap=True)
    if results:
        narrow = console.width < WIDE
        console.print(_claims(results, narrow))
        if narrow:
            for f in results:
                console.print(Text.assemble((f"{f.name}: ", "bold"), f.measured.reason))


def _remarks(verdict: Verdict) -> list[str]:
    """What a reader of the table has to know of a verdict besides its words."""
    lines = []
    if verdict.verdict != "holds":
        lines.append(f"{verdict.verdict}: {verdict.reason}")
    if verdict.differs:
        lines.append(str(verdict.conformance))
    lines += [f"weak: not rejected: {control}" for control in verdict.controls if not control.rejected]
    return lines


def _claims(results: Sequence[ClaimResult], narrow: bool) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("claim", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("margin", justify="right")
    counted = any(f.controls for f in results)
    if counted:
        table.add_column("controls", justify="right")
    if not narrow:  # else it follows the table
        table.add_column("what was measured")
    table.add_column("seconds", justify="right")
    for f in results:
        margin = f.measured.margin
        table.add_row(
            f.name,
            Text(f.verdict, style=COLOURS.get(f.verdict, "yellow")),
            "" if margin is None else f"{margin:.3g}",
            *((f"{f.rejected} of {len(f.controls)}",) if counted else ()),
            *(() if narrow else (Text(f.measured.reason),)),
            f"{f.seconds:.1f}",
        )
    return table


def _table(verdicts: Sequence[Verdict], width: int) -> Table:
    """One line per verdict, the tightest bounds first; a narrow one leaves slopes and rounds to the report."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from ..report import by_strength, controls_words, method_words, rate_words, speedup_words, strength_cells

    narrow = width < WIDE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0) if narrow else (0, 1))
    table.add_column("theorem", no_wrap=True)
    table.add_column("method", no_wrap=not narrow)
    table.add_column("bound", no_wrap=not narrow)
    for v in by_strength(verdicts):
        cells = {**strength_cells(v), "controls": controls_words(v)}
        if narrow:
            cells = {name: cells[name] for name in ("strength", "controls")}
        else:
            cells |= {"rate fitted / predicted": rate_words(v), "speedup": speedup_words(v)}
        cells["seconds"] = f"{v.seconds:.1f}"
        if not table.row_count:
            for title in cells:
                table.add_column(title, justify="right")
        table.add_row(
            v.theorem.replace(".", ".\n") if narrow else v.theorem,
            method_words(v),
            Text(v.verdict, style=COLOURS.get(v.verdict, "yellow")),
            *cells.values(),
        )
    return table
