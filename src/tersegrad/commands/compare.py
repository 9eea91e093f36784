"""``tersegrad compare``: methods at equal bits, as a table and a picture."""

from __future__ import annotations

import csv
import io

import click

from ..common.errors import counted
from ..common.files import writable_directory, write_whole
from ..common.jsonable import as_json as document
from ..output import print_json
from .config import config_option
from .options import POSITIVE, Real, down_option, force_option, json_option, module_option, seed_option, up_option


@click.command("compare")
@click.argument("names", nargs=-1, required=True, metavar="NAME ...")
@click.option("--problem", metavar="SPEC", required=True, help="The problem.")
@click.option("--workers", type=POSITIVE, metavar="n", default=1, show_default=True, help="Number of workers.")
@click.option("--bits", type=Real(), metavar="B", help="Bits that one worker may send and receive in total.")
@click.option("--rounds", type=POSITIVE, metavar="T", help="Rounds, instead of bits.")
@up_option
@down_option
@click.option("--replicas", type=POSITIVE, metavar="R", default=8, show_default=True, help="Independent runs.")
@seed_option
@click.option("--out", metavar="DIR", help="Write compare.png, compare.csv and compare.json to this directory.")
@config_option
@force_option
@module_option
@json_option
def compare(
    names: tuple[str, ...],
    problem: str,
    workers: int,
    bits: float | None,
    rounds: int | None,
    up: str | None,
    down: str | None,
    replicas: int,
    seed: int,
    out: str | None,
    as_json: bool,
) -> int:
    """Run methods or theorems NAME for the same bits, each with its recommended step.

    Left-out compressors are those of the theorem's default experiment.

    \b
    tersegrad compare ef21 diana dore --problem logistic:data=breast_cancer,reg=0.1 --workers 8 --bits 3e6 --out cmp
    """
    from ..validation.studies import compare as run

    directory = None if out is None else writable_directory(out)
    found = run(
        names, problem, bits=bits, rounds=rounds, up=up, down=down, workers=workers, replicas=replicas, seed=seed
    )
    about = {
        "problem": found.problem,
        "workers": found.workers,
        "column": found.column,
        "rows": found.rows(),
        "curves": {
            c.guarantee.theorem.name: {
                "rounds": c.trace.rounds,
                "bits": c.trace.rounds * (c.bits / c.rounds),
                "mean": c.trace.columns[found.column].mean(axis=0),
            }
            for c in found.contenders
        },
        "skipped": [{"name": name, "reason": reason} for name, reason in found.skipped],
    }
    if directory is not None:
        from ..figures.style import save

        table = io.StringIO()
        writer = csv.DictWriter(table, list(found.rows()[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found.rows())
        write_whole(directory / "compare.csv", table.getvalue())
        write_whole(directory / "compare.json", document(about))
        save(found.plot(), str(directory / "compare.png"))
    if as_json:
        print_json(about)
        return 0
    click.echo(f"{found.problem}, {counted(found.workers, 'worker')}: the smallest {found.column} first\n")
    click.echo(str(found))
    for name, reason in found.skipped:
        click.echo(f"{name} is left out: {reason}")
    return 0
