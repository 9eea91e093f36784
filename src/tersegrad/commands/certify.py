"""``tersegrad certify``: does a compressor do what its constants claim?"""

from __future__ import annotations

import click

from ..common.errors import InputError, counted
from ..output import aligned, number, print_json
from .options import POSITIVE, force_option, json_option, module_option, seed_option

VIOLATED = 1


@click.command()
@click.argument("spec", metavar="SPEC")
@click.option("--dim", type=POSITIVE, metavar="D", help="Of a compressor: length of the vectors.")
@click.option("--workers", type=POSITIVE, metavar="n", help="Of a problem: number of workers (default 1).")
@seed_option
@force_option
@module_option
@json_option
def certify(spec: str, dim: int | None, workers: int | None, seed: int, as_json: bool) -> int:
    """Put every claim about the compressor or the problem SPEC to the test.

    A compressor on vectors of D coordinates: bias, variance, contraction, the bytes on the wire and their count. A
    problem on n workers: its gradient, its kernels and its constants, at the worst points that a search finds.

    \b
    tersegrad certify topk:k=10 --dim 1000
    tersegrad certify logistic:data=breast_cancer,reg=0.1 --workers 8
    """
    from ..common.specs import parse_spec
    from ..problems import PROBLEMS
    from ..validation.certify import certify as examine

    if parse_spec(spec)[0] in PROBLEMS:
        return certify_problem(spec, dim, workers, seed, as_json)
    if workers is not None:
        raise InputError(f"--workers {workers} is for problems, and '{spec}' is not one")
    if dim is None:
        raise InputError(f"'{spec}' is tested on vectors of one length: give --dim D")
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


def certify_problem(spec: str, dim: int | None, workers: int | None, seed: int, as_json: bool) -> int:
    """The same for a problem."""
    from ..problems import problem
    from ..validation.certify_problem import certify_problem as examine

    if dim is not None:
        raise InputError(f"--dim {dim} is for compressors; a problem has a dimension of its own")
    found = examine(problem(spec, workers=workers), seed=seed)
    if as_json:
        print_json(found.as_dict())
        return VIOLATED if found.violated else 0
    click.echo(f"{found.problem}, {counted(found.workers, 'worker')}: {found.verdict}")
    rows = [
        [claim.name, claim.verdict, f"{number(claim.measured)} against {number(claim.claimed)}", claim.text]
        for claim in found.claims
    ]
    click.echo(aligned(rows))
    return VIOLATED if found.violated else 0
