"""``tersegrad falsify``: wrong variants, and what rejects them."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from ..common.jsonable import plain
from ..output import aligned, print_json
from .options import POSITIVE, json_option

if TYPE_CHECKING:
    from ..validation.verdict import ControlResult

WRONGED, WEAK = 1, 3


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--jobs", type=POSITIVE, metavar="N", help="How many variants at once (default: all cores).")
@json_option
def falsify(names: tuple[str, ...], jobs: int | None, as_json: bool) -> int:
    """Check wrong variants of methods, compressors and theorems as verify does: all, or those named.

    NAME is a method, a theorem, a compressor or a variant. Right methods are checked in the same run.

    Exit status: 0 all variants rejected and no right method, 1 a right method rejected, 3 a variant not rejected.
    """
    from ..progress import Bars
    from ..validation.sweeps import map_pieces, started
    from ..validation.variants import catalogue, select_variants, try_right, try_variant

    every, chosen = catalogue(), select_variants(names)
    methods = list(dict.fromkeys(every[name].of for name in chosen if every[name].of))
    alone = len(chosen) < 4 or (jobs or os.cpu_count()) == 1
    with Bars() as bars, nullcontext() if alone else started("processes", jobs) as executor:
        right = map_pieces(executor, try_right, methods, lambda found: bars.update(found[0], 1.0, found[1][:40]))
        results = map_pieces(
            executor,
            try_variant,
            chosen,
            lambda found: bars.update(found.name, 1.0, found.rejected_by or "not rejected"),
        )
    weak = [r for r in results if not r.rejected]
    wronged = [(method, words) for method, words in right if not words.startswith("conforms")]
    status = WRONGED if wronged else WEAK if weak else 0
    if as_json:
        print_json(
            {
                "variants": plain(results),
                "right": [{"method": method, "answer": words} for method, words in right],
                "rejected": len(results) - len(weak),
                "weak": [r.name for r in weak],
                "exit_status": status,
            }
        )
        return status
    click.echo(aligned([[r.name, _outcome(r), f"{r.seconds:.1f} s", r.reason] for r in results]))
    click.echo(f"{len(results) - len(weak)} of {len(results)} wrong variants rejected")
    click.echo(f"{len(right) - len(wronged)} of {len(right)} correct methods conform")
    for method, words in wronged:
        click.echo(f"{method}: {words}")
    return status


def _outcome(result: ControlResult) -> str:
    return f"rejected by {result.rejected_by}" if result.rejected else "not rejected"
