"""``tersegrad speedup``: wall-clock time against the number of worker processes, beside a latency-bandwidth model."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ..common.errors import InputError
from ..output import aligned, number, print_json
from .options import (
    POSITIVE,
    Real,
    SetCommand,
    down_option,
    force_option,
    json_option,
    module_option,
    seed_option,
    set_option,
    up_option,
)

if TYPE_CHECKING:
    from ..validation.wallclock import Timing


class Numbers(click.ParamType):
    """Whole numbers separated by commas."""

    name = "n,n,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        if isinstance(value, list):
            return value
        try:
            numbers = [int(word) for word in str(value).split(",")]
        except ValueError:
            numbers = []
        if not numbers or min(numbers) < 1:
            self.fail(f"{value!r} is not a list of whole numbers from 1 on, as in 1,2,4", param, ctx)
        return sorted(set(numbers))


@click.command(cls=SetCommand)
@click.argument("method_word", metavar="METHOD")
@click.option("--problem", "problem_spec", metavar="SPEC", required=True, help="The problem.")
@up_option
@down_option
@click.option("--workers", type=Numbers(), default="1,2", show_default=True, help="Numbers of worker processes.")
@click.option(
    "--rounds", type=POSITIVE, default=2000, show_default=True, metavar="T", help="Rounds within which to reach --eps."
)
@click.option(
    "--eps", type=Real(), default=0.01, show_default=True, metavar="E",
    help="Accuracy: ||grad f||^2 relative to its value at x^0.",
)  # fmt: skip
@click.option(
    "--seconds",
    metavar="S",
    type=Real(min=0.01),
    default=4.0,
    show_default=True,
    help="Length of a timed run.",
)
@click.option(
    "--repetitions", type=POSITIVE, default=3, show_default=True, metavar="K", help="Timed runs of each kind."
)
@click.option(
    "--latency",
    metavar="S",
    type=Real(min=0),
    default=5e-5,
    show_default=True,
    help="Latency of the model's links, in seconds.",
)
@seed_option
@set_option("The method's parameters (gamma=0.025 alpha=0.1); those left out are taken from its theorems.")
@force_option
@module_option
@json_option
def speedup(
    method_word: str,
    problem_spec: str,
    up: str | None,
    down: str | None,
    workers: list[int],
    rounds: int,
    eps: float,
    seconds: float,
    repetitions: int,
    latency: float,
    seed: int,
    settings: dict[str, Any],
    as_json: bool,
) -> int:
    """Measure the time of a round, and the time to an accuracy, against the number of worker processes.

    The yardstick is what the machine has to give: as many independent single-process runs at once, which share its
    cores and its memory bus but exchange nothing. Beside it stands the prediction of a latency-bandwidth model, for
    this machine (its constants measured) and for links of 100 Mbps to 10 Gbps.

    \b
    tersegrad speedup dore --workers 1,2 --problem least-squares:rows=20000,dim=2000 --up ternary --down ternary
    """
    if not 0 < eps < 1:
        raise InputError(f"--eps {eps:g} is not between 0 and 1: it is relative to the value at x^0")
    for name, value in (("--seconds", seconds), ("--latency", latency)):
        if not math.isfinite(value):
            raise InputError(f"{name} {value:g} is not a number of seconds")
    from ..problems import problem as build_problem
    from ..solvers.coverage import recommended
    from ..solvers.method import method as find_method
    from ..theory import compressor
    from ..validation.wallclock import LINKS, Work, measure, rounds_to

    method = find_method(method_word)
    if unknown := [name for name in settings if name not in method.parameters]:
        method.check({unknown[0]: settings[unknown[0]]})
    if method.clock:
        raise InputError(f"'{method_word}' is asynchronous and has no rounds to time; take a synchronous method")
    links = compressor(up or "identity"), compressor(down or "identity")
    parameters, dim = {}, 1
    for n in workers:
        problem = build_problem(problem_spec, workers=n)
        dim = problem.dim
        parameters[n], _ = recommended(method, problem.constants(), *links, settings, rounds)
    work = Work(method_word, problem_spec, links[0].spec, links[1].spec, seed)
    timings = measure(work, parameters, workers, seconds=seconds, repetitions=repetitions)
    needed = {n: rounds_to(work, parameters[n], n, eps, rounds) for n in workers}
    rows = [_row(t, timings[0], needed[t.workers], dim, LINKS, latency) for t in timings]
    if as_json:
        print_json(
            {
                "method": method_word, "problem": problem_spec, "up": work.up, "down": work.down, "seed": seed,
                "eps": eps, "latency": latency, "timings": rows,
            }
        )  # fmt: skip
    else:
        click.echo(_text(rows, eps, latency))
    return 0


def _row(
    t: Timing, first: Timing, needed: int | None, dim: int, links: dict[str, float], latency: float
) -> dict[str, Any]:
    reached = first.round / t.round
    available = t.available / first.available
    return {
        **asdict(t),
        "speedup": reached,
        "available_speedup": available,
        "share_of_available": reached / available,
        "rounds_to_eps": needed,
        "seconds_to_eps": None if needed is None else needed * t.round,
        "links": {
            name: {"compressed": t.over(rate, latency), "dense": t.dense_over(rate, dim, latency)}
            for name, rate in links.items()
        },
    }


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}"


def _text(rows: list[dict[str, Any]], eps: float, latency: float) -> str:
    table = [["workers", "ms a round", "range", "model", "speedup", "available", "share", f"s to {eps:g}"]]
    for row in rows:
        to_eps = row["seconds_to_eps"]
        table.append(
            [
                str(row["workers"]),
                _milliseconds(row["round"]),
                f"{_milliseconds(row['low'])} to {_milliseconds(row['high'])}",
                _milliseconds(row["predicted"]),
                f"{row['speedup']:.2f}",
                f"{row['available_speedup']:.2f}",
                f"{100 * row['share_of_available']:.0f} %",
                "not reached" if to_eps is None else number(to_eps),
            ]
        )
    names = list(rows[0]["links"])
    links = [["workers", *(f"{name}" for name in names)]]
    for row in rows:
        pairs = (row["links"][name] for name in names)
        links.append(
            [str(row["workers"]), *(f"{_milliseconds(p['compressed'])} / {_milliseconds(p['dense'])}" for p in pairs)]
        )
    return "\n".join(
        [
            "worker processes on this machine",
            aligned(table),
            "",
            "available: the speedup of as many independent single-process runs at once; share: how much of it is "
            "reached",
            "",
            f"model: ms a round, every worker on its own machine, compressed / dense 32-bit, latency {latency:g} s",
            aligned(links),
        ]
    )
