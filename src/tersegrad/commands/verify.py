"""``tersegrad verify``: theorems against methods, claims against measurements, a report."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from ..common.errors import InputError
from ..common.files import writable_directory
from ..common.optional import missing, way_out
from ..output import aligned, print_json
from ..report import (
    PARTS,
    by_strength,
    controls_summary,
    controls_words,
    method_words,
    rate_words,
    speedup_words,
    strength_cells,
    summary_words,
    write_certificates,
    write_report,
)
from ..validation.sweeps import EXECUTORS, LostPiecesError, prepare, started
from .config import config_option
from .options import (
    POSITIVE,
    SetCommand,
    down_option,
    force_option,
    json_option,
    participation_option,
    seed_option,
    set_option,
    split,
    up_option,
)

if TYPE_CHECKING:
    from ..validation import ClaimResult, Verdict

ALPHA = 1e-3
"""Probability that any verdict of a run rests on a wrong confidence limit."""
SEARCH_SECONDS = 30.0
"""How long a counterexample to one theorem is looked for."""
WIDE = 176
"""Characters that a table with one line per verdict takes."""
NARROW = 80
"""Characters of a line where there is no terminal to ask."""
FIGURES = {"strength", "bound / measured", "rounds", "rejected below", "controls", "speedup", "margin", "seconds"} | {
    "rate fitted / predicted"
}
"""Columns that are flush right."""
COLOURS = {"holds": "green", "violated": "bold red"}


@click.command(cls=SetCommand)
@click.argument("ids", nargs=-1, metavar="[ID ...]")
@click.option("--paper", metavar="NAME", help="All theorems and claims of one paper: the first word of their ids.")
@click.option("--quick", is_flag=True, help="Fewer rounds and replicas.")
@click.option(
    "--search",
    is_flag=True,
    help="Look for counterexamples instead: half a minute of `tersegrad tightness` for every theorem named.",
)
@click.option("--problem", metavar="SPEC", help="Problem in place of the default one.")
@up_option
@down_option
@participation_option
@click.option("--workers", type=POSITIVE, metavar="n", help="Number of workers.")
@set_option(
    "Parameters at which to judge in place of the recommended ones (gamma=0.01), and constants given to the theorems "
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
    "--executor",
    "pool",
    type=click.Choice(EXECUTORS),
    default="processes",
    show_default=True,
    help="The executor that judges several at once.",
)
@click.option("--out", metavar="DIR", default="report", show_default=True, help="Where the report is written.")
@click.option(
    "--pictures/--no-pictures",
    default=None,
    help="Whether the report has a picture per verdict  [default: yes, unless --quick is given].",
)
@config_option
@force_option
@json_option
def verify(
    out: str,
    pictures: bool | None,
    as_json: bool,
    ids: tuple[str, ...],
    paper: str | None,
    quick: bool,
    search: bool,
    seed: int,
    jobs: int | None,
    pool: str,
    settings: dict[str, Any],
    modules: tuple[str, ...],
    **own: Any,
) -> int:
    """Put theorems and claims to the test: all of them, or those named by their ids or by the first words of these.

    Prints tables of verdicts and writes report.html and a certificate per verdict.

    \b
    tersegrad verify ef21.pl --problem logistic:data=breast_cancer,reg=0.1 --workers 8 --up topk:k=3 --set gamma=0.01
    tersegrad verify --module examples/my_method.py mine.gd
    """
    several = pool == "processes" and (jobs or os.cpu_count()) != 1
    if several and not search and len(ids) != 1:
        prepare()
    directory, lacking = writable_directory(out), missing(*PARTS)
    pictures = not quick if pictures is None else pictures
    from ..progress import Bars
    from ..theory import theorem
    from ..validation import examine, exit_status, select
    from ..validation import verify as decide
    from ..validation.own import load_all

    load_all(modules)
    theorems, claims = select(ids, paper)
    if search:
        if quick or modules or settings or any(value is not None for value in own.values()) or not (ids or paper):
            raise InputError("--search takes the names of theorems and --seed, and chooses everything else itself")
        return _search(theorems, seed, as_json)
    if settings:
        if not theorems:
            raise InputError(f"--set {next(iter(settings))}=... is for theorems, and {ids[0]} is a claim")
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
    alone = pool == "processes" and (len(theorems) + len(claims) == 1 or not several)
    if not alone:  # compile what most need once, here, and not in every process at the same time
        from ..solvers.engines import rounds

        rounds.compile_usual()
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
            if lacking is None:
                report = write_report(verdicts, directory, results, executor, pictures)
            else:
                write_certificates(verdicts, directory, results)
        except LostPiecesError:
            report = write_report(verdicts, directory, results, pictures=pictures)
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
        click.echo(summary_words(verdicts, results))
        if controls := controls_summary(verdicts, results):
            click.echo(controls)
        if lacking is not None:
            click.echo(f"certificates: {directory}; report.html needs {lacking}: {way_out(lacking)}")
        elif report is not None:
            click.echo(f"report: {report}")
    if failure is not None:
        raise failure
    return status


def _search(theorems: Sequence[str], seed: int, as_json: bool) -> int:
    """Look for an instance on which a bound does not hold."""
    from ..validation.tightness import tightness
    from .tightness import STATUS, document, text

    if not theorems:
        raise InputError("--search looks for counterexamples to theorems, and only claims are named")
    found = []
    for name in theorems:
        found.append(tightness(name, SEARCH_SECONDS, seed))
        if not as_json:
            click.echo(text(found[-1]) + "\n")
    violated = [one.theorem for one in found if one.word == "violated"]
    if as_json:
        print_json({"searches": [document(one) for one in found], "violated": violated})
    else:
        click.echo(f"counterexamples: {', '.join(violated) if violated else 'none found'}")
    return STATUS["violated"] if violated else max(STATUS[one.word] for one in found)


def _print(verdicts: Sequence[Verdict], results: Sequence[ClaimResult]) -> None:
    """Tables, and after each what has to be said of its rows."""
    width = shutil.get_terminal_size((NARROW, 1)).columns if sys.stdout.isatty() else NARROW
    narrow = width < WIDE
    if verdicts:
        _show([_row(v, narrow) for v in by_strength(verdicts)], width)
    for verdict in verdicts:
        for line in _remarks(verdict):
            click.echo(f"{verdict.theorem}: {line}")
    if results:
        _show([_claim_row(f, narrow) for f in results], width)
        if narrow:
            for f in results:
                click.echo(f"{f.name}: {f.measured.reason}")


def _show(rows: list[dict[str, str]], width: int) -> None:
    """Print a table, with rich where it is installed; the first column is never broken."""
    if missing("rich"):
        click.echo(aligned([list(rows[0]), *(list(row.values()) for row in rows)], ""))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for k, title in enumerate(rows[0]):
        table.add_column(title, no_wrap=k == 0, justify="right" if title in FIGURES else "left")
    for row in rows:
        table.add_row(
            *(Text(cell, COLOURS.get(cell, "yellow") if title == "bound" else "") for title, cell in row.items())
        )
    Console(width=width).print(table)


def _remarks(verdict: Verdict) -> list[str]:
    """What a reader of the table has to know of a verdict besides its words."""
    lines = []
    if verdict.verdict != "holds":
        lines.append(f"{verdict.verdict}: {verdict.reason}")
    if method_words(verdict) != "conforms":
        lines.append(f"is it the method: {verdict.conformance or 'not checked'}")
    lines += [f"weak: not rejected: {control}" for control in verdict.controls if not control.rejected]
    return lines


def _row(v: Verdict, narrow: bool) -> dict[str, str]:
    """A line about a verdict; a narrow one leaves the method, slopes and rounds to remarks and report."""
    strength = strength_cells(v)
    if narrow:
        controls = controls_words(v).partition(",")[0]
        words = {"theorem": v.theorem, "bound": v.verdict, "strength": strength["strength"], "controls": controls}
    else:
        words = {"theorem": v.theorem, "method": method_words(v), "bound": v.verdict, **strength}
        words |= {"controls": controls_words(v), "rate fitted / predicted": rate_words(v), "speedup": speedup_words(v)}
    return {**words, "seconds": f"{v.seconds:.1f}"}


def _claim_row(f: ClaimResult, narrow: bool) -> dict[str, str]:
    """A line about a claim; what was measured follows a narrow table."""
    margin = f.measured.margin
    words = {"claim": f.name, "bound": f.verdict, "margin": "" if margin is None else f"{margin:.3g}"}
    words["controls"] = controls_words(f)
    if not narrow:
        words["what was measured"] = f.measured.reason
    return {**words, "seconds": f"{f.seconds:.1f}"}
