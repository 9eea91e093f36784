"""``tersegrad constants``: what is known of a problem, how, and which theorems use it."""

from __future__ import annotations

from typing import Any

import click

from ..output import aligned, number, print_json
from .options import POSITIVE, force_option, json_option, module_option


@click.command("constants")
@click.argument("spec", metavar="SPEC")
@click.option("--workers", type=POSITIVE, metavar="n", default=1, show_default=True, help="Number of workers.")
@force_option
@module_option
@json_option
def constants(spec: str, workers: int, as_json: bool) -> int:
    """Show the constants of the problem SPEC on n workers: value, how it is known, who uses it.

    \b
    tersegrad constants logistic:data=breast_cancer,reg=0.1 --workers 8
    """
    about = document(spec, workers)
    if as_json:
        print_json(about)
        return 0
    click.echo(f"{about['problem']}, {about['workers']} worker{'s' if about['workers'] > 1 else ''}\n")
    table = [
        [row["name"], number(row["value"]), row["known"], count(row["used_by"]), row["meaning"]]
        for row in about["constants"]
    ]
    click.echo(aligned(table))
    click.echo("\n" + "\n".join([*optimum(about), *about["notes"]]))
    return 0


def count(users: list[str]) -> str:
    """How many theorems name a constant."""
    return f"{len(users)} theorem{'s' if len(users) > 1 else ''}" if users else ""


def document(spec: str, workers: int) -> dict[str, Any]:
    """The constants with their stable keys."""
    import numpy as np

    from ..problems import problem

    subject = problem(spec, workers=workers)
    known, users = subject.constants(), using()
    return {
        "problem": subject.spec,
        "workers": subject.workers,
        "constants": [
            {"name": name, "value": value, "known": how, "meaning": meaning, "used_by": users.get(name, [])}
            for name, value, how, meaning in known.rows()
        ],
        "composite": known.composite,
        "quadratic": known.quadratic,
        "x_star_norm": None if subject.x_star is None else float(np.linalg.norm(subject.x_star)),
        "f_star": subject.f_star,
        "f_star_certified": subject.f_star_certified,
        "optimality": None if subject.x_star is None else subject.optimality(),
        "notes": list(known.notes),
    }


def optimum(about: dict[str, Any]) -> list[str]:
    """What is known of the minimum, in sentences."""
    lines = []
    if about["x_star_norm"] is not None:
        lines.append(
            f"x*: ||x*|| = {number(about['x_star_norm'])}, known up to a gradient of norm {about['optimality']:.2g}"
        )
    if about["f_star"] is not None:
        what = "f*" if about["f_star_certified"] else "lower bound of f*"
        lines.append(f"{what} = {about['f_star']:.10g}")
    return lines


def using() -> dict[str, list[str]]:
    """Constant -> names of the theorems whose step or bound takes it."""
    from ..theory import THEOREMS

    users: dict[str, list[str]] = {}
    for theorem in THEOREMS.values():
        for name in dict.fromkeys((*theorem.requires, *theorem.bound_requires)):
            users.setdefault(name, []).append(theorem.name)
    return users
