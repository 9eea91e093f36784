"""``tersegrad frontier``: the largest step with which a method is stable, exactly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from ..common.errors import InputError, counted
from ..output import aligned, number, print_json
from .options import POSITIVE, SetCommand, down_option, json_option, module_option, set_option, up_option

if TYPE_CHECKING:
    from ..validation.exact.frontier import Frontier

NOT_CLOSED = 3


@click.command("frontier", cls=SetCommand)
@click.argument("method_word", metavar="METHOD")
@up_option
@down_option
@click.option("--workers", type=POSITIVE, default=1, show_default=True, metavar="n", help="Number of workers.")
@set_option(
    "The method's parameters except gamma (alpha=0.5; those left out are taken from its theorems); dim, the dimension "
    "on which the compressors work (default 1000); mu of the theorems' steps, in units of L (default 0.1)."
)
@module_option
@json_option
def frontier(
    method_word: str, up: str | None, down: str | None, workers: int, settings: dict[str, Any], as_json: bool
) -> int:
    """Find the largest step, in units of 1/L, with which METHOD is stable in the mean square on quadratics.

    Exactly: the second moments of a method on f_i(x) = (L/2) ||x||^2 + <b_i, x> obey a linear recursion if its
    compressors keep random coordinates; the frontier is where its spectral radius is 1. The method's theorems are shown
    beside it, each with its own step and parameters. Exit status 3: the moments do not close, for the reason given.

    \b
    tersegrad frontier ef21 --up randk:ratio=0.5,scaled=0 --workers 10
    """
    from ..validation.exact import NotClosed
    from ..validation.exact.frontier import DIM, MU
    from ..validation.exact.frontier import frontier as find

    about = {name: settings.pop(name) for name in ("dim", "mu") if name in settings}
    for name, value in settings.items():
        if isinstance(value, str):
            raise InputError(f"{name} = {value} is not a number")
    try:
        found = find(
            method_word, up or "identity", down or "identity", workers=workers, parameters=settings,
            dim=about.get("dim", DIM), mu=about.get("mu", MU),
        )  # fmt: skip
    except NotClosed as reason:
        if as_json:
            print_json({"method": method_word, "frontier": None, "reason": str(reason)})
        click.echo(f"no frontier: {reason}", err=True)
        return NOT_CLOSED
    if as_json:
        print_json(_document(found))
    else:
        click.echo(_text(found))
    return 0


def _document(found: Frontier) -> dict[str, Any]:
    steps = [
        {"theorem": s.theorem, "step": s.step, "ratio": s.ratio, "reason": s.reason or None} for s in found.theorems
    ]
    return {
        "method": found.method, "up": found.up, "down": found.down, "workers": found.workers, "dim": found.dim,
        "mu": found.mu, "parameters": found.parameters, "frontier": found.step,
        "by": "spectral radius" if found.formula is None else "formula", "formula": found.formula,
        "spectral_radius": found.radius, "theorems": steps,
    }  # fmt: skip


def _text(found: Frontier) -> str:
    numbers = "".join(f", {name} = {number(value)}" for name, value in found.parameters.items())
    what = f"{found.method}, up {found.up}, down {found.down}, {counted(found.workers, 'worker')}{numbers}"
    if found.step == 0:
        answer = "no step is stable in the mean square"
    elif math.isinf(found.step):
        answer = "every step is stable"
    else:
        how = "formula" if found.formula is not None else "the spectral radius of the second moments is 1 there"
        answer = f"stable in the mean square for gamma L < {found.step:.10g} ({how})"
    lines = [what, answer]
    if found.theorems:
        rows = [["theorem", "its step, L = 1", "step/frontier"]]
        for s in found.theorems:
            ratio = s.reason if s.ratio is None else f"{s.ratio:.4g}" + (f" ({s.reason})" if s.reason else "")
            rows.append([s.theorem, "none" if s.step is None else number(s.step), ratio])
        lines += ["", f"theorems, mu = {number(found.mu)} L", aligned(rows)]
    return "\n".join(lines)
