"""``tersegrad run``: a method on a problem, its trace and a summary."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..output import aligned, number, print_json, writable_file
from ..theory.errors import InputError
from .options import POSITIVE, SetCommand, down_option, json_option, seed_option, set_option, up_option

if TYPE_CHECKING:
    from ..problems import Problem
    from ..solvers import Method, Trace
    from ..solvers.schedule import Schedule
    from ..theory import Compressor, Constants

DIVERGED = 3
METRICS = {"dist_sq": "||x - x*||^2", "gap": "f(x) - f*", "grad_sq": "||grad f(x)||^2"}


@click.command("run", cls=SetCommand)
@click.argument("method_word", metavar="METHOD")
@click.option("--problem", "problem_spec", metavar="SPEC", required=True, help="The problem.")
@up_option
@down_option
@click.option("--workers", type=POSITIVE, default=8, show_default=True, metavar="n", help="Number of workers.")
@click.option("--rounds", type=POSITIVE, default=1000, show_default=True, metavar="T", help="Number of rounds.")
@click.option("--replicas", type=POSITIVE, default=1, show_default=True, metavar="R", help="Independent replicas.")
@seed_option
@click.option(
    "--engine",
    type=click.Choice(["simulate"]),
    default="simulate",
    show_default=True,
    help="How the workers run.",
)
@set_option("The method's parameters (gamma=0.025 alpha=0.1); those left out are taken from its theorems.")
@click.option("--clock", metavar="SPEC", help="Compute times of an asynchronous method (uniform:low=0.5,high=1.5).")
@click.option("--schedule", "schedule_file", metavar="FILE", help="Replay recorded delays: CSV step,worker,version.")
@click.option("--schedule-out", metavar="FILE", help="Write the delays of this run there.")
@click.option("--out", metavar="FILE", help="Write the trace there (.npz).")
@json_option
def run(
    method_word: str,
    problem_spec: str,
    up: str | None,
    down: str | None,
    workers: int,
    rounds: int,
    replicas: int,
    seed: int,
    engine: str,
    settings: dict[str, Any],
    clock: str | None,
    schedule_file: str | None,
    schedule_out: str | None,
    out: str | None,
    as_json: bool,
) -> int:
    """Run METHOD on a problem and summarise what happened.

    An asynchronous method takes a clock or recorded delays; with --set tau=... they are checked against that bound.

    \b
    tersegrad run dore --problem least-squares:rows=1200,dim=500,reg=0.05 --workers 20 --up ternary:block=256
        --down ternary:block=256 --set gamma=0.025 alpha=0.1 beta=1 eta=1 --rounds 500 --out trace.npz
    tersegrad run iag --problem least-squares --clock straggler:factor=5 --schedule-out delays.csv
    """
    from ..solvers.method import method as find_method

    method = find_method(method_word)
    tau = settings.pop("tau", None) if method.clock else None
    if unknown := [name for name in settings if name not in method.parameters]:
        method.check({unknown[0]: settings[unknown[0]]})
    target = None if out is None else writable_file(out)
    record = None if schedule_out is None else writable_file(schedule_out)
    from ..problems import problem as build_problem
    from ..progress import Bars
    from ..solvers import simulate
    from ..theory import compressor

    problem = build_problem(problem_spec, workers=workers)
    links = compressor(up or "identity"), compressor(down or "identity")
    for link in links:
        link.check(problem.dim)
    delays = delays_of(method, workers, rounds, seed, settings, clock, schedule_file, record)
    constants = problem.constants()
    if delays is not None:
        constants = replace(constants, tau=bound_on_delays(method, delays, tau))
    parameters, source = choose(method, constants, links, settings, rounds)
    outside = limits(method, constants, links, parameters, rounds)

    def announce() -> None:
        if not as_json:
            _announce(method, problem, links, parameters, source, outside)

    began, done = time.perf_counter(), 0
    with Bars(announce) as bars:

        def advance(replica_rounds: int) -> None:
            nonlocal done
            done += replica_rounds
            bars.update(method.word, done / (rounds * replicas), f"{rounds} rounds")

        trace = simulate(
            method,
            problem,
            *links,
            parameters=parameters,
            rounds=rounds,
            replicas=replicas,
            seed=seed,
            schedule=delays,
            progress=advance,
        )
    if target is not None:
        trace.save(target)
    if record is not None and delays is not None:
        delays.save(record)
    answer = {
        **trace.about,
        "engine": engine,
        "parameters_from": source,
        "outside": [{"theorem": name, "reason": reason} for name, reason in outside],
        **summary(trace, problem.dim),
        "out": None if target is None else str(target),
        "schedule_out": None if record is None else str(record),
        "seconds": time.perf_counter() - began,
    }
    if as_json:
        print_json(answer)
    else:
        _report(answer, target)
    if trace.diverged is not None:
        click.echo(
            f"diverged: {answer['diverged_replicas']} of {replicas} replicas, the first in round {trace.diverged}",
            err=True,
        )
        return DIVERGED
    return 0


def delays_of(
    method: Method,
    workers: int,
    rounds: int,
    seed: int,
    settings: dict[str, Any],
    clock: str | None,
    file: str | None,
    record: Path | None,
) -> Schedule | None:
    """The schedule of an asynchronous method; sets M, messages in a step, where it is left out (the file's, or 1).

    Raises
    ------
    InputError
        A clock and a file, either of them for a synchronous method, a bad clock or an impossible file.
    """
    from ..problems.options import integer
    from ..solvers.engines.simulate import timetable
    from ..solvers.schedule import Schedule

    if clock is not None and file is not None:
        raise InputError("give --clock or --schedule, not both: the file says who reports when")
    if not method.clock and record is not None:
        raise InputError(f"method '{method.word}' is synchronous: leave out --schedule-out")
    given = clock if file is None or not method.clock else Schedule.load(file, n=workers)
    if "M" in method.parameters:
        settings.setdefault("M", int(given.starts[1]) if isinstance(given, Schedule) else 1)
        integer("M", settings["M"])
    return timetable(method, workers, rounds, seed, settings, given or file)


def bound_on_delays(method: Method, delays: Schedule, tau: Any) -> float:
    """The bound tau that the theorems may count on: the user's, which the delays must obey, or the largest delay."""
    table = method.clock == "table"
    if tau is None:
        return delays.realised(table).maximal
    from ..problems.options import number as checked

    bound = checked("tau", tau)
    delays.require(tau=bound, table=table)
    return bound


def choose(
    method: Method,
    constants: Constants,
    links: tuple[Compressor, Compressor],
    settings: dict[str, Any],
    rounds: int,
) -> tuple[dict[str, float], str | None]:
    """Complete the parameters: the first of the method's theorems that covers the request recommends the rest.

    Returns
    -------
    parameters, source
        All parameters; the id of the theorem that recommended some, None if all were given.

    Raises
    ------
    InputError
        If parameters are missing and no theorem covers the request.
    """
    missing = [name for name in method.parameters if name not in settings]
    if not missing:
        return method.check(settings), None
    from ..theory import THEOREMS

    reasons = []
    for theorem in THEOREMS.values():
        if theorem.method == method.word and set(settings) <= set(theorem.parameters):
            sure = theorem.guarantee(constants, *_given(links), rounds, None, **settings)
            if sure:
                return method.check({**sure.parameters, **settings}), theorem.id
            reasons.append(sure.reason)
    why = f" ({reasons[0]})" if reasons else ""
    wanted = " ".join(f"{name}=VALUE" for name in missing)
    raise InputError(f"no theorem recommends parameters for this run{why}; write --set {wanted}")


def limits(
    method: Method,
    constants: Constants,
    links: tuple[Compressor, Compressor],
    parameters: dict[str, float],
    rounds: int,
) -> list[tuple[str, str]]:
    """The method's theorems that do not cover these parameters here, each with the reason."""
    from ..theory import THEOREMS

    outside = []
    for theorem in THEOREMS.values():
        if theorem.method == method.word:
            fixed = {name: value for name, value in parameters.items() if name in theorem.parameters}
            up, down = _given(links)
            sure = theorem.guarantee(constants, up, down, rounds, None, **fixed)
            if not sure:
                outside.append((theorem.id, sure.reason))
    return outside


def _given(links: tuple[Compressor, Compressor]) -> tuple[Compressor | None, Compressor | None]:
    up, down = (None if link.name == "identity" else link for link in links)
    return up, down


def summary(trace: Trace, dim: int) -> dict[str, Any]:
    """First and last values of the metrics (means over replicas), bits per worker and round, divergence.

    Bits are those of the rounds before any replica diverged.
    """
    rounds = trace.rounds[1:].astype(float)
    sent = (trace.columns["bits_up_encoded"] + trace.columns["bits_down_encoded"])[:, 1:] / rounds
    whole = sent[:, np.isfinite(sent).all(axis=0)]
    encoded = float(whole[:, -1].mean()) if whole.size else float("nan")
    formula = float(trace.scalars["bits_up_formula"][-1] + trace.scalars["bits_down_formula"][-1]) / rounds[-1]
    entropy = float((trace.scalars["entropy_up"] + trace.scalars["entropy_down"])[1:].mean())
    dense = 64.0 * dim
    return {
        "start": {name: float(trace.columns[name][:, 0].mean()) for name in METRICS if name in trace.columns},
        "final": {name: float(trace.columns[name][:, -1].mean()) for name in METRICS if name in trace.columns},
        "bits": {
            "formula": formula,
            "encoded": encoded,
            "entropy": entropy,
            "saved_vs_dense32": 1.0 - encoded / dense,
            "saved_vs_dense32_formula": 1.0 - formula / dense,
        },
        "diverged": trace.diverged,
        "diverged_replicas": int(np.count_nonzero(trace.first_bad)),
    }


def _announce(
    method: Method,
    problem: Problem,
    links: tuple[Compressor, Compressor],
    parameters: dict[str, float],
    source: str | None,
    outside: list[tuple[str, str]],
) -> None:
    click.echo(f"{method.word} on {problem.spec}, {problem.workers} workers, up {links[0].spec}, down {links[1].spec}")
    values = ", ".join(f"{name} = {number(value)}" for name, value in parameters.items())
    click.echo(f"parameters: {values}{f' (recommended by {source})' if source else ''}")
    for name, reason in outside:
        click.echo(f"outside {name}: {reason}")


def _report(answer: dict[str, Any], target: Path | None) -> None:
    final, start, sizes = answer["final"], answer["start"], answer["bits"]
    rows = [
        [METRICS[name], number(value) if np.isfinite(value) else "diverged", f"from {number(start[name])}"]
        for name, value in final.items()
    ]
    saved = 100 * sizes["saved_vs_dense32_formula"]
    against = f"{abs(saved):.1f} % {'less' if saved >= 0 else 'more'} than dense 32-bit vectors"
    rows += [
        ["bits", number(sizes["formula"]), f"per worker and round by the paper's formula, {against}"],
        ["", number(sizes["encoded"]), "as encoded"],
        ["", number(sizes["entropy"]), "entropy of the symbols"],
    ]
    if "delays" in answer:
        delays = answer["delays"]
        rows.append(["delay", f"{delays['maximal']}", f"at most, {number(delays['average'])} on average, in rounds"])
    mean = f", mean of {answer['replicas']} replicas" if answer["replicas"] > 1 else ""
    click.echo(f"after {answer['rounds']} rounds{mean}:")
    click.echo(aligned(rows))
    if target is not None:
        click.echo(f"trace: {target}")
