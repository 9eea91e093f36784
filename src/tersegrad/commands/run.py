"""``tersegrad run``: a method on a problem, its trace and a summary."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..common.errors import InputError, counted
from ..common.files import writable_file
from ..output import aligned, number, print_json
from .config import config_option
from .options import (
    POSITIVE,
    SetCommand,
    down_option,
    force_option,
    json_option,
    module_option,
    participation_option,
    seed_option,
    set_option,
    up_option,
)

if TYPE_CHECKING:
    from ..problems import Problem
    from ..solvers import Method, Trace
    from ..solvers.schedule import Schedule
    from ..theory import Compressor, Guarantee

DIVERGED = 3
ENGINES = ("simulate", "processes", "mpi")
DEFAULT_EVERY = "60s"
METRICS = {
    "dist_sq": "||x - x*||^2",
    "gap": "f(x) - f*",
    "above_bound": "f(x) - lower bound",
    "objective": "f(x)",
    "grad_sq": "||grad f(x)||^2",
}


@click.command("run", cls=SetCommand)
@click.argument("method_word", metavar="METHOD")
@click.option("--problem", "problem_spec", metavar="SPEC", required=True, help="The problem.")
@up_option
@down_option
@participation_option
@click.option("--workers", type=POSITIVE, default=8, show_default=True, metavar="n", help="Number of workers.")
@click.option("--rounds", type=POSITIVE, default=1000, show_default=True, metavar="T", help="Number of rounds.")
@click.option("--replicas", type=POSITIVE, default=1, show_default=True, metavar="R", help="Independent replicas.")
@seed_option
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="simulate",
    show_default=True,
    help="Virtual workers in this process, a process for every worker, or ranks under mpiexec -n (n + 1).",
)
@set_option("The method's parameters (gamma=0.025 alpha=0.1); those left out are taken from its theorems.")
@click.option("--clock", metavar="SPEC", help="Compute times of an asynchronous method (uniform:low=0.5,high=1.5).")
@click.option("--schedule", "schedule_file", metavar="FILE", help="Replay recorded delays: CSV step,worker,version.")
@click.option("--schedule-out", metavar="FILE", help="Write the delays of this run to this file.")
@click.option(
    "--columns",
    metavar="NAME,...",
    help="Optional columns of the trace (grad_sq_mean,gap_mean), or none.  [default: grad_sq_mean, where it is free]",
)
@click.option("--out", metavar="FILE", help="Write the trace to this file (.npz).")
@click.option("--checkpoint", metavar="FILE", help="Store the run in this file as it goes on.")
@click.option(
    "--checkpoint-every",
    metavar="K",
    default=None,
    help="How often to store it: every K rounds, or seconds, as in 30s.  [default: 60s]",
)
@click.option("--resume", metavar="FILE", help="Continue a stored run.")
@click.option(
    "--shares-only", is_flag=True, help="Every process loads its own share of the data alone: no constants, no optimum."
)
@force_option
@config_option
@module_option
@json_option
def run(
    method_word: str,
    problem_spec: str,
    up: str | None,
    down: str | None,
    participation: float | None,
    workers: int,
    rounds: int,
    replicas: int,
    seed: int,
    engine: str,
    settings: dict[str, Any],
    clock: str | None,
    schedule_file: str | None,
    schedule_out: str | None,
    columns: str | None,
    out: str | None,
    checkpoint: str | None,
    checkpoint_every: str | None,
    resume: str | None,
    shares_only: bool,
    as_json: bool,
) -> int:
    """Run METHOD on a problem and summarise what happened.

    An asynchronous method takes a clock or recorded delays; with --set tau=... they are checked against that bound.

    \b
    tersegrad run dore --problem least-squares:rows=1200,dim=500,reg=0.05 --workers 20 --up ternary:block=256
        --down ternary:block=256 --set gamma=0.025 alpha=0.1 beta=1 eta=1 --rounds 500 --out trace.npz
    tersegrad run iag --problem least-squares --clock straggler:factor=5 --schedule-out delays.csv
    tersegrad run doublesqueeze --problem least-squares --up topk:ratio=0.1 --down topk:ratio=0.1 --set gamma=0.01
        --workers 4 --engine processes --checkpoint run.ckpt

    Real asynchronous workers keep their own time, unless a clock or a file is given; the server waits where a delay
    would exceed tau (left out: the largest delay under the default clock).
    """
    stored = Storing(checkpoint, checkpoint_every, resume)
    given_up, given_down = ("identity" if given is None else given for given in (up, down))
    links = _partial(method_word, given_up, participation), given_down
    request = Request(
        method_word,
        problem_spec,
        links,
        workers,
        rounds,
        replicas,
        seed,
        engine,
        shares_only,
        stored,
        _columns(columns),
    )
    delays = Delays(clock, schedule_file, schedule_out)
    if engine != "mpi":
        _refuse_ranks()
        return lead(request, settings, delays, out, as_json)
    from ..solvers.engines.distributed import mpi

    if mpi.rank():
        mpi.work()
        return 0
    with mpi.in_charge():
        return lead(request, settings, delays, out, as_json)


def _columns(names: str | None) -> tuple[str, ...] | None:
    """The optional columns that are asked for; None: the usual ones."""
    if names is None:
        return None
    words = tuple(name.strip() for name in names.split(","))
    if not all(words):
        raise InputError(f"--columns '{names}' has an empty name: write NAME,NAME, or none")
    return () if words == ("none",) else words


def _partial(method_word: str, up: str, participation: float | None) -> str:
    """The uplink's compressor of workers that take part with a probability."""
    if participation is None:
        return up
    from ..theory.compressors import compressor
    from ..theory.compressors.participation import participating
    from ..theory.theorem import uplink_of

    return compressor(participating(up, participation, uplink_of(method_word))).spec


#: What mpiexec tells every process: (how many there are, which one this is), of MPICH and its kin, and of Open MPI.
RANKS = (("PMI_SIZE", "PMI_RANK"), ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"))


def _refuse_ranks() -> None:
    """Stop if this is one of several ranks, each of which would do all of the work and write the same files."""
    for size, rank in RANKS:
        count = os.environ.get(size, "")
        if count.isdigit() and int(count) > 1:
            if os.environ.get(rank) != "0":  # one of them says it
                raise click.exceptions.Exit(2)
            raise InputError(
                f"mpiexec has started {count} ranks, and without --engine mpi every one of them would run everything: "
                f"add --engine mpi, or start one process without mpiexec"
            )


@dataclass(frozen=True)
class Storing:
    """Where a run is stored, how often, and which one is continued."""

    path: str | None
    every: str | None
    resume: str | None


@dataclass(frozen=True)
class Delays:
    """A clock or a file with delays, and the file where those of the run are written."""

    clock: str | None
    file: str | None
    out: str | None


@dataclass(frozen=True)
class Request:
    """What the command line asks for, as text and numbers."""

    method_word: str
    problem_spec: str
    links: tuple[str, str]
    workers: int
    rounds: int
    replicas: int
    seed: int
    engine: str
    shares_only: bool
    stored: Storing
    columns: tuple[str, ...] | None = None


def lead(request: Request, settings: dict[str, Any], given: Delays, out: str | None, as_json: bool) -> int:
    """Check the request, run it, report, and return the exit status."""
    workers, rounds, replicas, seed = request.workers, request.rounds, request.replicas, request.seed
    from ..solvers.method import method as find_method

    method = find_method(request.method_word)
    tau = settings.pop("tau", None) if method.clock and not method.drops else None
    if unknown := [name for name in settings if name not in method.parameters]:
        method.check({unknown[0]: settings[unknown[0]]})
    target = None if out is None else writable_file(out)
    record = None if given.out is None else writable_file(given.out, "--schedule-out")
    store = request.stored
    if store.every is not None and store.path is None:
        raise InputError("--checkpoint-every says how often to store a run, but not where: add --checkpoint FILE")
    if store.path is not None:
        writable_file(store.path, "--checkpoint")
    from ..problems import problem as build_problem
    from ..problems.share import without_optimum
    from ..progress import Bars
    from ..solvers import run as carry_out
    from ..solvers.coverage import bound_on_delays, covering, facts_of_delays, recommended, uncovered
    from ..solvers.engines.request import least_delay, limit_on_delays, require_processes
    from ..theory import compressor

    require_processes(request.engine, workers)
    problem: Problem
    if request.shares_only:
        problem = without_optimum(request.problem_spec, workers, with_data=request.engine == "simulate")
    else:
        problem = build_problem(request.problem_spec, workers=workers)
    links = compressor(request.links[0]), compressor(request.links[1])
    for link in links:
        link.check(problem.dim)
    live = bool(method.clock) and request.engine != "simulate" and given.clock is None and given.file is None
    delays = delays_of(method, workers, rounds, seed, settings, given.clock, given.file, record)
    outside: list[tuple[str, str]] = []
    covered: list[Guarantee] = []
    guarantee = bound = None
    if delays is not None:
        bound = bound_on_delays(method, delays, tau, forecast=live)
        if tau is None and live:  # real workers are kept to this bound
            bound = max(bound, least_delay(method, workers, settings))
    if request.shares_only:
        if missing := [name for name in method.parameters if name not in settings]:
            raise InputError(
                f"with --shares-only the constants that theorems ask for are not known: write "
                f"--set {' '.join(f'{name}=VALUE' for name in missing)}"
            )
        parameters = method.check(settings)
    else:
        constants = problem.constants()
        if delays is not None and bound is not None:
            constants = replace(constants, **{**facts_of_delays(method, delays, settings, live), "tau": bound})
        parameters, guarantee = recommended(method, constants, *links, settings, rounds)
        outside = uncovered(method, constants, *links, parameters, rounds)
        covered = covering(method, constants, *links, parameters, rounds) if outside else []
    if (limit := limit_on_delays(method, parameters, workers)) is not None:  # only now R and B are known
        bound, delays = limit - 1, delays_of(method, workers, rounds, seed, parameters, given.clock, given.file, record)

    def announce() -> None:
        if not as_json:
            _announce(method, problem, links, parameters, guarantee, outside, covered)

    began, done = time.perf_counter(), 0
    with Bars(announce) as bars:

        def advance(replica_rounds: int) -> None:
            nonlocal done
            done += replica_rounds
            bars.update(method.name, done / (rounds * replicas), counted(rounds, "round"))

        trace = carry_out(
            method,
            problem,
            *links,
            parameters=parameters,
            rounds=rounds,
            replicas=replicas,
            seed=seed,
            schedule=None if live else delays,
            progress=advance,
            engine=request.engine,
            columns=True if request.columns is None else request.columns,
            checkpoint=store.path,
            checkpoint_every=store.every or DEFAULT_EVERY,
            resume=store.resume,
            delay_bound=None if bound is None else int(bound),
        )
    if target is not None:
        trace.save(target)
    if record is not None and trace.schedule is not None:
        replace(trace.schedule, tau=bound).save(record)
    answer = {
        **trace.about,
        "engine": request.engine,
        "parameters_from": guarantee.theorem.name if guarantee else None,
        "on_your_word": guarantee.on_your_word if guarantee else [],
        "outside": [{"theorem": name, "reason": reason} for name, reason in outside],
        "covered_by": [found.theorem.name for found in covered],
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
            f"diverged: {answer['diverged_replicas']} of {counted(replicas, 'replica')}, the first in round "
            f"{trace.diverged}",
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
    from ..common.options import integer
    from ..solvers.engines.simulate import timetable
    from ..solvers.schedule import Schedule

    if clock is not None and file is not None:
        raise InputError("give --clock or --schedule, not both: the file says who reports when")
    if not method.clock and record is not None:
        raise InputError(f"method '{method.name}' is synchronous: leave out --schedule-out")
    given = clock if file is None or not method.clock else Schedule.load(file, n=workers, restarts=method.drops)
    for name in {"M", "B"}.intersection(method.parameters):
        if name == "M" or isinstance(given, Schedule):  # B is the theorem's, if it is nobody else's
            settings.setdefault(name, int(given.starts[1]) if isinstance(given, Schedule) else 1)
        if name in settings:
            integer(name, settings[name])
    return timetable(method, workers, rounds, seed, settings, given or file)


def summary(trace: Trace, dim: int) -> dict[str, Any]:
    """First and last values of the metrics (means over replicas), bits per worker and round, seconds, divergence."""
    from ..solvers.bits import bits_per_round

    return {
        "start": {name: float(trace.columns[name][:, 0].mean()) for name in METRICS if name in trace.columns},
        "final": {name: float(trace.columns[name][:, -1].mean()) for name in METRICS if name in trace.columns},
        "bits": asdict(bits_per_round(trace, dim)),
        "virtual_seconds": float(trace.seconds[-1]) if "seconds" in trace.scalars else None,
        "diverged": trace.diverged,
        "diverged_replicas": int(np.count_nonzero(trace.first_bad)),
    }


def _announce(
    method: Method,
    problem: Problem,
    links: tuple[Compressor, Compressor],
    parameters: dict[str, float],
    guarantee: Guarantee | None,
    outside: list[tuple[str, str]],
    covered: list[Guarantee],
) -> None:
    click.echo(
        f"{method.name} on {problem.spec}, {counted(problem.workers, 'worker')}, up {links[0].spec}, "
        f"down {links[1].spec}"
    )
    values = ", ".join(f"{name} = {number(value)}" for name, value in parameters.items())
    click.echo(f"parameters: {values}{f' (recommended by {guarantee.theorem.name})' if guarantee else ''}")
    for sentence in guarantee.on_your_word if guarantee else ():
        click.echo(f"taken on your word: {sentence}")
    for name, reason in outside:
        click.echo(f"outside {name}: {reason}")
    for found in covered:
        other = found.theorem.method
        click.echo(
            f"covered by {found.theorem.name}{'' if other == method.name else f': this run is one of {other}, too'}"
        )


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
        ["", number(sizes["encoded"]), "as encoded, where a vector that is not compressed takes 64 bits a number"],
    ]
    if sizes["entropy"] is not None:
        rows.append(["", number(sizes["entropy"]), "entropy of the symbols"])
    if "delays" in answer:
        delays = answer["delays"]
        late = f"; dropped as older: {counted(delays['dropped'], 'gradient')}" if "dropped" in delays else ""
        text = f"at most, {number(delays['average'])} on average, in rounds{late}"
        rows.append(["delay", f"{delays['maximal']}", text])
    if answer["virtual_seconds"] is not None:
        rows.append(["seconds", number(answer["virtual_seconds"]), "of the clock"])
    mean = f", mean of {answer['replicas']} replicas" if answer["replicas"] > 1 else ""
    click.echo(f"after {counted(answer['rounds'], 'round')}{mean}:")
    click.echo(aligned(rows))
    if target is not None:
        click.echo(f"trace: {target}")
