"""``tersegrad step-size``: the step that a theorem guarantees, and what it guarantees."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ..output import aligned, bits, number, print_json
from ..theory.errors import InputError, nearest
from .options import POSITIVE, SetCommand, down_option, json_option, set_option, up_option

if TYPE_CHECKING:
    from ..theory import Guarantee, Interval, NoGuarantee, Theorem

NO_GUARANTEE = 3


@click.command("step-size", cls=SetCommand)
@click.argument("theorem_id", metavar="ID")
@set_option("Constants of the problem (L_max=1 mu=0.1 n=20 dim=500) and parameters that you fix (gamma=0.01).")
@up_option
@down_option
@click.option("--rounds", type=POSITIVE, metavar="T", help="Choose the step for the smallest bound after T rounds.")
@click.option("--eps", type=float, metavar="E", help="Choose the step for the fewest rounds until the bound is E.")
@json_option
def step_size(
    theorem_id: str,
    settings: dict[str, Any],
    up: str | None,
    down: str | None,
    rounds: int | None,
    eps: float | None,
    as_json: bool,
) -> int:
    """Compute the parameters that theorem ID allows, with their limits, and its bound.

    \b
    tersegrad step-size sgd.strongly-convex --set L=1 mu=0.1 n=20 sigma_sq=1 dist0_sq=10 --eps 0.01
    tersegrad step-size dore.strongly-convex --set L_max=1 mu=0.1 n=20 dim=500
        --up ternary:block=256 --down ternary:block=256
    """
    from ..theory import theorem

    subject = theorem(theorem_id)
    constants, choices = split(subject, settings)
    found = subject.guarantee(constants, up, down, rounds=rounds, eps=eps, **choices)
    answer = document(found, rounds, eps)
    if as_json:
        print_json(answer)
    elif found:
        click.echo(text(found, answer, rounds, eps))
    if not found or (eps is not None and answer["rounds_to_eps"] is None):
        if not as_json:
            click.echo(f"no guarantee: {answer['reason']}", err=True)
        return NO_GUARANTEE
    return 0


def split(subject: Theorem, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Tell constants of the problem from parameters that the user fixes.

    Raises
    ------
    InputError
        For a name that is neither; the nearest one is suggested.
    """
    from ..theory import Constants
    from ..theory.constants import FLAGS, NAMES

    choices = (*subject.parameters, *subject.analysis)
    known = (*NAMES, *FLAGS, *choices)
    for name in settings:
        if name not in known:
            raise InputError(
                f"--set: {subject.id} knows no '{name}'{nearest(name, known)}; constants: {', '.join(NAMES)}; "
                f"parameters: {', '.join(choices)}"
            )
    constants = Constants.read({name: value for name, value in settings.items() if name not in choices})
    return constants, {name: value for name, value in settings.items() if name in choices}


def document(found: Guarantee | NoGuarantee, rounds: int | None, eps: float | None) -> dict[str, Any]:
    """The answer with its stable keys; what is unknown or does not apply is None."""
    subject = found.theorem
    about = {
        "theorem": subject.id,
        "guarantee": bool(found),
        "provenance": subject.provenance,
        "source": subject.source,
    }
    if not found:
        nothing = (
            "parameters", "intervals", "active", "contraction", "rate", "bound", "rounds_to_eps", "bits_to_eps",
            "constants", "notes",
        )  # fmt: skip
        return {**about, "reason": found.reason, **dict.fromkeys(nothing)}
    known = not found.missing
    reach = found.rounds_to(eps) if known and eps is not None else None
    horizon = rounds if rounds is not None else reach
    return {
        **about,
        "reason": found.needs or (eps is not None and found.unreachable(eps)) or "",
        "parameters": found.parameters,
        "analysis": found.analysis,
        "intervals": {name: asdict(interval) for name, interval in found.intervals.items()},
        "active": found.active,
        "contraction": found.rate.contraction,
        "rate": asdict(found.rate),
        "metric": found.metric.latex,
        "rounds": horizon,
        "bound": float(found.bound(max(horizon, 1))) if known and horizon is not None else None,
        "rounds_to_eps": reach,
        "bits_per_round": found.bits_per_round,
        "bits_to_eps": found.bits_to(eps) if known and eps is not None else None,
        "constants": found.constants.known(),
        "notes": found.notes,
    }


def text(found: Guarantee, answer: dict[str, Any], rounds: int | None, eps: float | None) -> str:
    """The answer for people."""
    lines = [
        f"{found.theorem.id}: {found.theorem.title}",
        f"  {found.theorem.source} ({found.theorem.provenance})",
        "",
    ]
    rows = []
    for name, value in {**found.parameters, **found.analysis}.items():
        interval = found.intervals.get(name)
        rows.append([f"{name} = {number(value)}", *(admissible(interval) if interval else ())])
    lines += [
        "parameters",
        aligned(rows),
        "",
        f"active       {found.active}",
        f"rate         {found.rate.text}",
    ]
    if found.rate.contraction is not None:
        lines.append(f"contraction  {found.rate.contraction:.8g} a round")
    if answer["bound"] is not None:
        lines.append(
            f"bound        {number(answer['bound'])} on E[{found.metric.name}] after {answer['rounds']} rounds"
        )
    if answer["rounds_to_eps"] is not None:
        lines.append(f"rounds       {answer['rounds_to_eps']} until the bound is {number(eps)}")
    if answer["bits_to_eps"] is not None:
        lines.append(f"bits         {bits(answer['bits_to_eps'])} per worker until then")
    elif answer["bits_per_round"] is not None:
        lines.append(f"bits         {bits(answer['bits_per_round'])} per worker and round")
    notes = [*found.notes, *([found.needs] if found.missing and eps is None else [])]
    if notes:
        lines += ["", "notes", *(f"  {note}" for note in notes)]
    return "\n".join(lines)


def admissible(interval: Interval) -> tuple[str, str]:
    """The limits of a parameter as numbers and as the theorem writes them."""
    left, right = "(" if interval.low_open else "[", ")" if interval.high_open else "]"
    if interval.low == interval.high:
        return "prescribed", interval.text
    return f"in {left}{number(interval.low)}, {number(interval.high)}{right}", interval.text
