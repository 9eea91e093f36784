"""``tersegrad certify``: does a compressor do what its constants claim?"""

from __future__ import annotations

import click

from ..output import aligned, number, print_json
from .options import POSITIVE, json_option, seed_option

VIOLATED = 1


@click.command()
@click.argument("spec", metavar="SPEC")
@click.option("--dim", type=POSITIVE, required=True, metavar="D", help="Length of the vectors.")
@seed_option
@json_option
def certify(spec: str, dim: int, seed: int, as_json: bool) -> int:
    """Put every claim about compressor SPEC to the test on vectors of D coordinates.

    Bias, variance, contraction, the bytes on the wire and their count.
    """
    from ..validation.certify import certify as examine

    found = examine(spec, dim, seed=seed)
    failures = [row for row in found.rows if row.verdict == "violated"]
    if as_json:
        print_json(found.as_dict())
        return VIOLATED if failures else 0
    claims = ", ".join(f"{name} = {number(value)}" for name, value in found.claims.items())
    click.echo(f"{found.spec}, d = {found.dim}: {found.verdict}")
    click.echo(
        f"claims: {claims or 'none'}; {found.samples} messages per vector, error probability {number(found.alpha)}"
    )
    checks = dict.fromkeys(row.check for row in found.rows)
    rows = []
    for check in checks:
        outcomes = [row.verdict for row in found.rows if row.check == check]
        held = f"holds in {outcomes.count('holds')} of {len(outcomes)} cases"
        rows.append([check, "not given" if "not given" in outcomes else held])
    click.echo(aligned(rows))
    if found.worst:
        share = f", {100 * found.worst['share']:.3g} % of the worst case" if "share" in found.worst else ""
        click.echo(f"largest error found: {number(found.worst['error'])} ||x||^2{share}")
    meters = ", ".join(f"{name} {number(value)}" for name, value in found.bits.items())
    click.echo(f"bits of a message: {meters}")
    for row in failures:
        interval = f" [{number(row.low)}, {number(row.high)}]" if row.low < row.high else ""
        click.echo(
            f"violated: {row.check} at {row.vector}: {number(row.measured)}{interval} against {number(row.limit)}"
        )
    return VIOLATED if failures else 0
