"""``tersegrad step-size``: the step that a theorem guarantees, and what it guarantees."""

from __future__ import annotations

from dataclasses import asdict
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
    participation_option,
    set_option,
    split,
    up_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..theory import Guarantee, Interval, NoGuarantee, Theorem
    from ..theory.fewest_bits import Sweep

NO_GUARANTEE = 3


@click.command("step-size", cls=SetCommand)
@click.argument("theorem_id", metavar="ID")
@click.option("--problem", metavar="SPEC", help="The problem whose constants are used.")
@click.option("--workers", type=POSITIVE, metavar="n", help="Number of workers of the problem (default 1).")
@set_option(
    "Constants of the problem (L_max=1 mu=0.1 n=20 dim=500), in place of --problem, or to add to and override them, "
    "and parameters that you fix (gamma=0.01)."
)
@up_option
@down_option
@participation_option
@click.option(
    "--clock",
    metavar="SPEC",
    help="Compute times of the n workers, for bounds in seconds (straggler:factor=10, seconds:each=1/1/5).",
)
@click.option("--rounds", type=POSITIVE, metavar="T", help="Choose the step for the smallest bound after T rounds.")
@click.option("--eps", type=Real(), metavar="E", help="Choose the step for the fewest rounds until the bound is E.")
@click.option(
    "--sum-form",
    is_flag=True,
    help="Constants, step and bound of F = sum f_i and x <- x - gamma sum (...), instead of the average's.",
)
@click.option(
    "--minimise-bits",
    metavar="OPTION=A:B",
    help="Find the value of an option of --up, from A to B or in a list A,B,..., with the fewest bits to --eps.",
)
@force_option
@module_option
@json_option
def step_size(
    theorem_id: str,
    problem: str | None,
    workers: int | None,
    settings: dict[str, Any],
    up: str | None,
    down: str | None,
    participation: float | None,
    clock: str | None,
    rounds: int | None,
    eps: float | None,
    sum_form: bool,
    minimise_bits: str | None,
    as_json: bool,
) -> int:
    """Compute the parameters that theorem ID allows, with their limits, and its bound.

    \b
    tersegrad step-size sgd.strongly-convex --set L=1 mu=0.1 n=20 sigma_sq=1 dist0_sq=10 --eps 0.01
    tersegrad step-size dore.strongly-convex --set L_max=1 mu=0.1 n=20 dim=500
        --up ternary:block=256 --down ternary:block=256
    tersegrad step-size ef21.pl --problem logistic:data=breast_cancer,reg=0.1 --workers 8 --up topk:k=3
    tersegrad step-size ringmaster.nonconvex --set n=8 L=1 sigma_sq=1 gap0=1 zeta_sq=0
        --clock straggler:factor=1000 --eps 0.1
    tersegrad step-size khirirat.q-iag-strongly-convex --set L_max=1 mu=0.05 n=10 tau=20 overlap=3
        zeta_star_sq=0.1 dist0_sq=4 dim=100 --up qsgd --eps 0.1 --minimise-bits levels=1:64
    """
    from ..theory import theorem
    from ..theory.fewest_bits import fewest_bits, values_of

    subject = theorem(theorem_id)
    if clock is not None:
        settings = settings | {"seconds": _seconds(clock, problem, workers, settings)}
    if sum_form and problem is not None:
        raise InputError("--sum-form takes constants of the sum, and a problem has those of the average: give --set")
    if minimise_bits is not None and participation is not None:
        raise InputError("--minimise-bits compares compressors in every round: leave out --participation")
    ask = question(subject, problem, workers, settings, down, rounds, eps, sum_form, participation)
    if minimise_bits is None:
        found = ask(up)
        answer = document(found, rounds, eps)
    else:
        if eps is None or up is None:
            raise InputError("--minimise-bits counts the bits to --eps E with the compressor --up SPEC; give both")
        sweep = fewest_bits(ask, up, *values_of(minimise_bits), eps)
        chosen = sweep.best or sweep.entries[-1]
        found = chosen.found
        answer = document(found, rounds, eps) | minimum(sweep)
        answer["reason"] = sweep.reason or answer["reason"]
    answer["form"] = "sum" if sum_form else "average"
    if as_json:
        print_json(answer)
    elif found:
        click.echo(text(found, answer, rounds, eps))
    if not found or (eps is not None and answer["rounds_to_eps"] is None):
        if not as_json:
            click.echo(f"no guarantee: {answer['reason']}", err=True)
        return NO_GUARANTEE
    if answer["vacuous"]:
        if not as_json:
            click.echo(worthless(found, rounds), err=True)
        return NO_GUARANTEE
    return 0


def _seconds(clock: str, problem: str | None, workers: int | None, settings: dict[str, Any]) -> tuple[float, ...]:
    """The compute times of all workers by a clock."""
    from ..solvers.clocks import longest_seconds

    if "seconds" in settings:
        raise InputError("--clock and --set seconds=... both say how long a gradient takes: give one of them")
    n = settings.get("n", workers or (None if problem is None else 1))
    if n is None:
        raise InputError(
            "--clock says how long a gradient takes each worker, and their number is unknown: --set n=VALUE"
        )
    return longest_seconds(clock, n)


def worthless(found: Guarantee, rounds: int | None) -> str:
    """The warning that a bound says nothing."""
    when = "ever" if rounds is None else f"after {counted(rounds, 'round')}"
    start = f"{number(found.start)}, the value at x^0 of E[{found.metric.name}]"
    return f"vacuous: the bound of {found.theorem.name} is not below {start}, {when}"


def question(
    subject: Theorem,
    problem: str | None,
    workers: int | None,
    settings: dict[str, Any],
    down: str | None,
    rounds: int | None,
    eps: float | None,
    sum_form: bool,
    participation: float | None = None,
) -> Callable[[Any], Guarantee | NoGuarantee]:
    """What is asked, but for the uplink's compressor."""
    from ..theory.compressors.participation import participating
    from ..theory.sum_form import guarantee

    constants, choices = split(subject, settings)
    if sum_form:
        return lambda up: guarantee(
            subject,
            constants,
            participating(up, participation, subject.uplink),
            down,
            rounds=rounds,
            eps=eps,
            **choices,
        )
    known = known_constants(problem, workers, constants)
    return lambda up: subject.guarantee(known, up, down, rounds=rounds, eps=eps, participation=participation, **choices)


def minimum(sweep: Sweep) -> dict[str, Any]:
    """The sweep over an option of the uplink's compressor, with its stable keys."""
    rows = [
        {
            "value": entry.value,
            "up": entry.up.spec,
            "gamma": entry.found.parameters["gamma"] if entry.found else None,
            "rounds_to_eps": entry.rounds,
            "bits_to_eps": entry.bits,
            "uplink_bits_to_eps": entry.uplink,
        }
        for entry in sweep.entries
    ]
    best, uplink = sweep.best, sweep.best_uplink
    return {
        "up": best.up.spec if best else None,
        "minimum": {
            "option": sweep.option,
            "best": best.value if best else None,
            "best_uplink": uplink.value if uplink else None,
            "entries": rows,
        },
    }


def document(found: Guarantee | NoGuarantee, rounds: int | None, eps: float | None) -> dict[str, Any]:
    """The answer with its stable keys; what is unknown or does not apply is None."""
    subject = found.theorem
    about = {
        "theorem": subject.name,
        "guarantee": bool(found),
        "provenance": subject.provenance,
        "source": subject.source,
    }
    if not found:
        nothing = (
            "parameters", "intervals", "active", "contraction", "rate", "bound", "rounds_to_eps", "bits_to_eps",
            "seconds", "seconds_to_eps", "constants", "notes", "vacuous", "hypotheses", "on_your_word",
        )  # fmt: skip
        return {**about, "reason": found.reason, **dict.fromkeys(nothing)}
    known = not found.needs  # the bound has a value: no constant is missing, and it is more than an order
    reach = found.rounds_to(eps) if known and eps is not None else None
    horizon = rounds if rounds is not None else reach
    if known and horizon is not None:
        horizon = found.whole(horizon) if horizon else 0
    return {
        **about,
        "reason": found.needs or (eps is not None and found.unreachable(eps)) or "",
        "parameters": found.parameters,
        "analysis": found.analysis,
        "intervals": {name: asdict(interval) for name, interval in found.intervals.items()},
        "active": found.active,
        "contraction": found.rate.contraction,
        "rate": {**asdict(found.rate), "text": found.rate.text},
        "metric": found.metric.latex,
        "rounds": horizon,
        "bound": float(found.bound(max(horizon, 1))) if known and horizon is not None else None,
        "rounds_to_eps": reach,
        "bits_per_round": found.bits_per_round,
        "bits_to_eps": found.bits_to(eps) if known and eps is not None else None,
        "seconds": None if horizon is None else found.seconds(horizon),
        "seconds_to_eps": None if reach is None else found.seconds(reach),
        "constants": in_form(found),
        "vacuous": found.vacuous(rounds),
        "notes": found.notes,
        "hypotheses": [asdict(hypothesis) for hypothesis in found.hypotheses],
        "on_your_word": found.on_your_word,
    }


def in_form(found: Guarantee) -> dict[str, float]:
    """The known constants, in the units in which they were given."""
    from ..theory.sum_form import SumGuarantee, sum_constants

    return sum_constants(found.constants) if isinstance(found, SumGuarantee) else found.constants.known()


def text(found: Guarantee, answer: dict[str, Any], rounds: int | None, eps: float | None) -> str:
    """The answer for people."""
    lines = [
        f"{found.theorem.name}: {found.theorem.title}",
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
        lines.append(f"contraction  {number(found.rate.contraction, digits=8)} a round")
    if answer["bound"] is not None:
        lines.append(
            f"bound        {number(answer['bound'])} on E[{found.metric.name}] after "
            f"{counted(answer['rounds'], 'round')}"
        )
    if answer["rounds_to_eps"] is not None:
        lines.append(f"rounds       {answer['rounds_to_eps']} until the bound is {number(eps)}")
    if answer["seconds"] is not None:
        lines.append(f"seconds      {number(answer['seconds'])} at most for these rounds, computing alone")
    if answer["bits_to_eps"] is not None:
        lines.append(f"bits         {bits(answer['bits_to_eps'])} per worker until then")
    elif answer["bits_per_round"] is not None:
        lines.append(f"bits         {bits(answer['bits_per_round'])} per worker and round")
    if least := answer.get("minimum"):
        lines.append(
            f"minimum      {answer['up']}: the fewest bits both ways among {len(least['entries'])} values of "
            f"{least['option']}; the fewest from the workers alone with {least['option']} = {least['best_uplink']}"
        )
    if found.on_your_word:
        lines += ["", "taken on your word", *(f"  {sentence}" for sentence in found.on_your_word)]
    notes = [*found.notes, *([found.needs] if found.needs and eps is None else [])]
    if notes:
        lines += ["", "notes", *(f"  {note}" for note in notes)]
    return "\n".join(lines)


def admissible(interval: Interval) -> tuple[str, str]:
    """The limits of a parameter as numbers and as the theorem writes them."""
    left, right = "(" if interval.low_open else "[", ")" if interval.high_open else "]"
    if interval.low == interval.high:
        return "prescribed", interval.text
    return f"in {left}{number(interval.low)}, {number(interval.high)}{right}", interval.text
