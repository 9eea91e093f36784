"""``tersegrad advise``: the theorems that apply to a problem, ranked, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..common.errors import InputError, counted
from ..output import aligned, bits, number, print_json
from .options import (
    POSITIVE,
    Real,
    SetCommand,
    down_option,
    force_option,
    json_option,
    known_constants,
    module_option,
    set_option,
    up_option,
)

if TYPE_CHECKING:
    from ..theory.advice import Advice, Option

NO_GUARANTEE = 3


@click.command("advise", cls=SetCommand)
@click.option("--problem", metavar="SPEC", help="The problem whose constants are used.")
@click.option("--workers", type=POSITIVE, metavar="n", help="Number of workers (default 1).")
@set_option("Constants of the problem: in place of --problem, or beside it, to add to and override them.")
@up_option
@down_option
@click.option("--eps", type=Real(), metavar="E", help="Rank by what it takes to bring the bound down to E.")
@click.option("--rounds", type=POSITIVE, metavar="T", help="Rank by the bound after T rounds.")
@click.option("--by", metavar="rounds|bits|seconds|bound", help="What to rank by.")
@click.option("--link", metavar="BITS/S[,S[,S]]", help="Bandwidth, latency, time of a gradient: as in 1e9,5e-5,0.01.")
@force_option
@module_option
@json_option
def advise(
    problem: str | None,
    workers: int | None,
    settings: dict[str, Any],
    up: str | None,
    down: str | None,
    eps: float | None,
    rounds: int | None,
    by: str | None,
    link: str | None,
    as_json: bool,
) -> int:
    """List every theorem that applies, ranked, and say why the others do not.

    Theorems that apply but whose bound cannot be computed stand apart, with the constant that is missing.

    \b
    tersegrad advise --problem logistic:data=breast_cancer,reg=0.1 --workers 8 --up topk:k=3 --eps 1e-6
    tersegrad advise --set L_max=1 mu=0.1 n=20 dim=500 dist0_sq=4 sigma_sq=0 --up ternary:block=256
        --eps 1e-3 --by bits
    """
    from ..theory.advice import advise as ask

    if problem is None and not settings:
        raise InputError("advice is about a problem: give --problem SPEC, or its constants with --set")
    known = known_constants(problem, workers, settings)
    found = ask(known, up, down, eps=eps, rounds=rounds, by=by, link=link)
    if as_json:
        print_json(document(found))
    else:
        click.echo(text(found))
    listed = bool(found.options or found.without_bound) and eps is None and rounds is None
    return 0 if found.best or listed else NO_GUARANTEE


def document(found: Advice) -> dict[str, Any]:
    """The advice with its stable keys."""
    return {
        "by": found.by,
        "eps": found.eps,
        "rounds": found.rounds,
        "metrics": [
            {"metric": metric, "theorems": [entry(option, found) for option in ranked]}
            for metric, ranked in found.options.items()
        ],
        "without_bound": [
            {
                "metric": option.guarantee.metric.latex,
                "missing_constants": list(option.guarantee.missing),
                **entry(option, found),
            }
            for option in found.without_bound
        ],
        "refused": [{"theorem": theorem.name, "reason": reason} for theorem, reason in found.refused],
    }


def entry(option: Option, found: Advice) -> dict[str, Any]:
    """One theorem that applies."""
    return {
        "theorem": option.theorem.name,
        "method": option.theorem.method,
        "provenance": option.theorem.provenance,
        "parameters": option.guarantee.parameters,
        "rounds": option.rounds,
        "bits": option.bits,
        "seconds": option.seconds,
        "bound": option.bound,
        "vacuous": option.guarantee.vacuous(found.rounds),
        "missing": option.missing,
        "notes": list(option.guarantee.notes),
        "on_your_word": list(option.guarantee.on_your_word),
    }


def text(found: Advice) -> str:
    """The advice for people."""
    from ..latex import to_text

    lines = []
    for metric, ranked in found.options.items():
        lines.append(f"about E[{to_text(f'${metric}$')}]")
        lines.append(aligned([row(option, found) for option in ranked]))
        lines.append("")
    if found.without_bound:
        lines.append(f"{_theorems(found.without_bound, 'applies', 'apply')}, but no bound can be computed")
        lines.append(
            aligned([[*_step(option), _short(option.missing, option.theorem.name)] for option in found.without_bound])
        )
        lines.append("")
    lines.append(_theorems(found.refused, "does not apply", "do not apply"))
    lines.append(aligned([[theorem.name, _short(reason, theorem.name)] for theorem, reason in found.refused]))
    return "\n".join(lines)


def _theorems(them: Sequence[object], one: str, several: str) -> str:
    return f"{len(them)} theorem{f' {one}' if len(them) == 1 else f's {several}'}"


def _short(sentence: str, name: str) -> str:
    """A sentence in a line that begins with the theorem's name already."""
    return sentence.removeprefix(f"the bound of {name} ").removeprefix(f"{name} ")


def _step(option: Option) -> list[str]:
    return [option.theorem.name, f"gamma = {number(option.guarantee.parameters['gamma'])}"]


def row(option: Option, found: Advice) -> list[str]:
    """A theorem that applies, in columns."""
    cells = _step(option)
    if option.bound is not None:
        cells.append(f"bound {number(option.bound)}")
    elif option.rounds is not None:
        cells.append(counted(option.rounds, "round"))
    if option.bits is not None:
        cells.append(bits(option.bits))
    if option.seconds is not None:
        cells.append(f"{number(option.seconds)} s")
    if option.guarantee.vacuous(found.rounds):
        cells.append("vacuous: not below the value at the start")
    return [*cells, _short(option.missing, option.theorem.name)]
