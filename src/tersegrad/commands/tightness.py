"""``tersegrad tightness``: the instance on which a theorem is tightest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..common.errors import counted
from ..common.files import writable_directory
from ..output import aligned, number, print_json
from .options import Real, json_option, module_option, seed_option

if TYPE_CHECKING:
    from ..validation.tightness import Instance, Tightness

STATUS = {"found": 0, "violated": 1, "not closed": 3}


@click.command("tightness")
@click.argument("theorem_name", metavar="NAME")
@click.option(
    "--budget", type=Real(min=0, min_open=True), default=10.0, show_default=True, metavar="SECONDS",
    help="How long to search.",
)  # fmt: skip
@click.option("--keep", metavar="FOLDER", help="Write the worst instances to this directory, as NAME.json.")
@seed_option
@module_option
@json_option
def tightness(theorem_name: str, budget: float, keep: str | None, seed: int, as_json: bool) -> int:
    """Search for the instance with the largest measured/bound of a theorem.

    Small quadratics, random linear compressors and the adversary, delays, noise, and the parameters within their
    intervals; expectations are exact, and only rounds from 10 on count. The search starts from the instances that are
    stored with the theorem. Exit status: 0 found, 1 a ratio above 1 (a counterexample), 3 no instance whose moments
    close.

    \b
    tersegrad tightness diana.strongly-convex --budget 60
    """
    from ..validation.tightness import store
    from ..validation.tightness import tightness as search

    folder = None if keep is None else writable_directory(keep, "--keep")
    found = search(theorem_name, budget, seed)
    path = None
    if folder is not None and found.instances:
        path = store([instance for _, instance in found.instances], folder)
    if as_json:
        print_json(document(found, path))
    else:
        click.echo(text(found, path))
    return STATUS[found.word]


def document(found: Tightness, path: Path | None = None) -> dict[str, Any]:
    """What a search found, for JSON."""
    return {
        "theorem": found.theorem, "word": found.word, "ratio": found.ratio,
        "instance": None if found.instance is None else found.instance.spec(),
        "instances": [{"ratio": ratio, **instance.spec()} for ratio, instance in found.instances],
        "tried": found.tried, "evaluations": found.evaluations, "seconds": found.seconds,
        "reason": found.reason or None,
        "file": None if path is None else str(path),
    }  # fmt: skip


def text(found: Tightness, path: Path | None = None) -> str:
    """What a search found, in lines."""
    if found.instance is None or found.ratio is None:
        return f"{found.theorem}: no instance whose moments close ({found.reason})"
    lines = [f"{found.theorem}: measured/bound up to {found.ratio:.6g} at t = {found.instance.rounds}"]
    if found.word == "violated":
        lines[0] += ": the bound is violated"
    lines += [aligned([*_rows(found.instance)]), ""]
    others = [
        [f"{ratio:.6g}", f"up {i.up}, down {i.down}, {counted(len(i.minimisers), 'worker')}"]
        for ratio, i in found.instances
    ]
    lines += ["the worst for every pair of compressors", aligned(others)]
    lines.append(f"{counted(found.evaluations, 'instance')} in {found.seconds:.1f} s")
    lines.append(f"tried: {found.tried}")
    return "\n".join([*lines, f"written to {path}"] if path else lines)


def _rows(i: Instance) -> list[list[str]]:
    rows = [
        ["Hessians", str([list(map(list, H)) for H in i.hessians])],
        ["minimisers", str([*map(list, i.minimisers)])],
    ]
    rows += [["x^0", str(list(i.x0))], ["compressors", f"up {i.up}, down {i.down}"]]
    rows += [["noise", f"sigma_sq = {number(i.sigma_sq)}"]] if i.sigma_sq else []
    chosen = ", ".join(f"{name} = {number(value)}" for name, value in i.parameters.items())
    rows += [["parameters", chosen or "as the theorem recommends"]]
    return rows + ([["delays", i.clock]] if i.clock else [])
