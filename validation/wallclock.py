"""Wall-clock time of real workers: measured rounds, what the machine could do at best, and a latency-bandwidth model.

A round of n workers takes the time of one worker's half (its gradient and its message), stretched by what n busy
processes take from each other on this machine, and the time to exchange 2 n messages. On this machine the exchange
costs a + b (bytes of the round), with a and b measured; over a star of links of bandwidth B and latency l it costs
2 l + (bits of the round)/B, because the server's link carries all messages, in and out.

"Side by side" is the yardstick: n independent single-process runs at once. They share cores, caches and the memory bus
but need not talk to each other, so n over their slowdown is the speedup that this machine has to give.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..common.errors import InputError
from ..problems.share import Share, without_optimum
from ..solvers import simulate
from ..solvers.engines.distributed.processes import cores
from ..solvers.engines.run import run
from .sweeps import started

LINKS: dict[str, float] = {"100 Mbps": 1e8, "200 Mbps": 2e8, "1 Gbps": 1e9, "10 Gbps": 1e10}
"""Bandwidths in bits a second for which the model predicts the time of a round."""
LATENCY = 5e-5
"""Seconds that a message takes to arrive, whatever its length: a local network."""
DENSE_BITS = 32.0
"""Bits of a coordinate that is not compressed, as the papers count."""
FEWEST_ROUNDS, MOST_ROUNDS = 16, 5000
LEAD = 0.5
"""Seconds from the order to start to the start of runs side by side."""
SPELLS, SHORTEST_SPELL = 3, 0.5
"""How often runs side by side and a run alone take turns, and seconds in which runs can be counted on to overlap."""


@dataclass(frozen=True)
class Work:
    """A run whose rounds are timed: everything as text and numbers, so that it can travel to other processes."""

    method: str
    problem: str
    up: str
    down: str
    seed: int = 0

    def on(self, workers: int) -> Share:
        """The problem on so many workers, without its constants and minimiser, which take long and no time a round."""
        return _built(self.problem, workers)


@lru_cache(maxsize=2)
def _built(problem: str, workers: int) -> Share:
    return without_optimum(problem, workers, with_data=True)


@dataclass(frozen=True)
class Timing:
    """Seconds a round for one number of workers.

    Attributes
    ----------
    round, low, high
        Median over the repetitions, and their range.
    compute
        Seconds of one worker's half, from a run in one process on one core.
    side_by_side
        By how much n independent single-process runs at once slow each other down (1: not at all).
    available
        The speedup that the machine has to give: n over that slowdown.
    bits_up, bits_down
        Encoded bits of a worker's message and of the broadcast, a round.
    predicted
        Seconds a round by the model on this machine.
    """

    workers: int
    round: float
    low: float
    high: float
    compute: float
    side_by_side: float
    available: float
    bits_up: float
    bits_down: float
    predicted: float

    def over(self, bandwidth: float, latency: float = LATENCY) -> float:
        """Seconds a round with every worker on a machine of its own, over a star of such links."""
        return self.compute + 2 * latency + self.workers * (self.bits_up + self.bits_down) / bandwidth

    def dense_over(self, bandwidth: float, dim: int, latency: float = LATENCY) -> float:
        """The same with vectors of 32-bit floats in both directions."""
        return self.compute + 2 * latency + self.workers * 2 * DENSE_BITS * dim / bandwidth


class Stopwatch:
    """Collects the times at which rounds end; the first ones, which warm the caches, are left out."""

    def __init__(self) -> None:
        self.times: list[tuple[float, int]] = []
        self.done = 0

    def __call__(self, rounds: int) -> None:
        self.done += rounds
        self.times.append((time.time(), self.done))

    def seconds(self) -> float:
        """Seconds a round; the first two reports are left out where there are more than three."""
        (first, begun), (last, ended) = self.times[min(2, len(self.times) - 2)], self.times[-1]
        return (last - first) / (ended - begun)


def timed(work: Work, parameters: Mapping[str, float], workers: int, seconds: float, engine: str) -> float:
    """Run for about `seconds` and return the seconds a round."""
    problem = work.on(workers)

    def go(rounds: int) -> Stopwatch:
        watch = Stopwatch()
        common: dict[str, Any] = {
            "parameters": parameters, "rounds": rounds, "checkpoints": [rounds], "columns": False, "seed": work.seed,
            "progress": watch,
        }  # fmt: skip
        if engine == "simulate":
            simulate(work.method, problem, work.up, work.down, threads=1, **common)
        else:
            run(work.method, problem, work.up, work.down, engine=engine, **common)
        return watch

    pilot = go(FEWEST_ROUNDS).seconds()
    rounds = int(np.clip(seconds / max(pilot, 1e-9), FEWEST_ROUNDS, MOST_ROUNDS))
    return pilot if rounds == FEWEST_ROUNDS else go(rounds).seconds()


def _alone(request: tuple[Work, dict[str, float], float, float]) -> list[tuple[float, int]]:
    """Run one worker in this process from an instant on, for about `seconds`; return when rounds ended."""
    work, parameters, start, seconds = request
    problem = work.on(1)
    watch = Stopwatch()

    def go(rounds: int) -> None:
        simulate(
            work.method, problem, work.up, work.down, parameters=parameters, rounds=rounds, checkpoints=[rounds],
            columns=False, seed=work.seed, threads=1, progress=watch,
        )  # fmt: skip

    go(FEWEST_ROUNDS)
    rounds = int(np.clip(seconds / 4 / max(watch.seconds(), 1e-9), FEWEST_ROUNDS, MOST_ROUNDS))
    watch.times.clear()
    time.sleep(max(0.0, start - time.time()))
    go(rounds)
    while time.time() < start + seconds:
        go(rounds)
    return watch.times


def slowdown(work: Work, parameters: Mapping[str, float], copies: int, seconds: float) -> float:
    """By how much `copies` independent runs of one worker slow each other down when they run at once.

    Every copy is a process of its own on one core; only the time in which all of them run is counted. They take turns
    with one of them alone, so that what disturbs the machine for a while disturbs both.

    Raises
    ------
    InputError
        If there was no time in which all of them ran.
    """

    def side_by_side(count: int, pool: ProcessPoolExecutor) -> list[list[tuple[float, int]]]:
        request = (work, dict(parameters), time.time() + LEAD, max(seconds / SPELLS, SHORTEST_SPELL))
        return [future.result() for future in [pool.submit(_alone, request) for _ in range(count)]]

    def rates(runs: list[list[tuple[float, int]]]) -> list[float]:
        since, until = max(times[0][0] for times in runs), min(times[-1][0] for times in runs)
        found = []
        for times in runs:
            inside = [(at, done) for at, done in times if since <= at <= until]
            if len(inside) < 2:
                raise InputError(f"{copies} runs side by side did not overlap: give more than --seconds {seconds:g}")
            (first, begun), (last, ended) = inside[0], inside[-1]
            found.append((ended - begun) / (last - first))
        return found

    with started("processes", copies) as pool:
        assert isinstance(pool, ProcessPoolExecutor)
        side_by_side(copies, pool)  # every process loads its kernels and its data
        together, alone = [], []
        for _ in range(SPELLS):
            together.append(statistics.mean(rates(side_by_side(copies, pool))))
            alone += rates(side_by_side(1, pool))
    return max(statistics.mean(alone) / statistics.mean(together), 1.0)


def exchange_cost(workers: int, seconds: float) -> tuple[float, float]:
    """Measure a and b: seconds of an exchange without content, and per byte, between this many processes and a server.

    By two runs of parallel SGD on a quadratic without compression, a short and a long one.
    """
    costs = []
    for dim in (8, 100_000):
        work = Work("sgd", f"quadratic:dim={dim}", "identity", "identity")
        through = timed(work, {"gamma": 0.1}, workers, seconds, "processes")
        within = timed(work, {"gamma": 0.1}, workers, seconds / 2, "simulate")
        costs.append((16.0 * dim * workers, max(through - within / min(workers, cores()), 0.0)))
    (short, a), (long, total) = costs
    b = max(total - a, 0.0) / (long - short)
    return max(a - b * short, 0.0), b


def measure(
    work: Work,
    parameters: Mapping[int, Mapping[str, float]],
    workers: Sequence[int],
    *,
    seconds: float = 4.0,
    repetitions: int = 3,
) -> list[Timing]:
    """Time the rounds of real processes for every number of workers, and what the machine could give.

    Parameters
    ----------
    parameters
        The method's numbers for every number of workers.
    seconds
        Length of one timed run.
    repetitions
        Of every timed run; the numbers of workers take turns, so that what disturbs the machine disturbs all.
    """
    times: dict[int, list[float]] = {n: [] for n in workers}
    compute: dict[int, list[float]] = {n: [] for n in workers}
    slow: dict[int, list[float]] = {n: [] for n in workers}
    for _ in range(repetitions):
        for n in workers:
            times[n].append(timed(work, parameters[n], n, seconds, "processes"))
            compute[n].append(timed(work, parameters[n], n, seconds / 2, "simulate") / n)
            slow[n].append(1.0 if n == 1 else slowdown(work, parameters[n], n, seconds))
    found = []
    for n in workers:
        up, down = message_bits(work, parameters[n], n)
        a, b = exchange_cost(n, min(seconds, 1.0))
        share, slower = statistics.median(compute[n]), statistics.median(slow[n])
        predicted = share * slower + a + b * n * (up + down) / 8
        middle, low, high = statistics.median(times[n]), min(times[n]), max(times[n])
        found.append(Timing(n, middle, low, high, share, slower, n / slower, up, down, predicted))
    return found


def message_bits(work: Work, parameters: Mapping[str, float], workers: int) -> tuple[float, float]:
    """Encoded bits of a worker's message and of the broadcast, the mean over some rounds."""
    rounds = 10
    trace = simulate(
        work.method, work.on(workers), work.up, work.down, parameters=parameters, rounds=rounds, checkpoints=[rounds],
        columns=False, seed=work.seed,
    )  # fmt: skip
    up, down = (float(trace.columns[f"bits_{side}_encoded"][0, -1]) / rounds for side in ("up", "down"))
    return up, down


def rounds_to(work: Work, parameters: Mapping[str, float], workers: int, eps: float, rounds: int) -> int | None:
    """Rounds until ||grad f||^2 is down to eps times its value at x^0, None if it is not within `rounds`.

    The engine does not matter: all give the same bits.
    """
    problem, length = work.on(workers), min(64, rounds)
    while True:
        points = np.unique(np.geomspace(1, length, 100).astype(int))
        trace = simulate(
            work.method, problem, work.up, work.down, parameters=parameters, rounds=length, checkpoints=[0, *points],
            columns=False, seed=work.seed,
        )  # fmt: skip
        values = trace.columns["grad_sq"].mean(axis=0)
        reached = np.flatnonzero(values <= eps * values[0])
        if reached.size or length == rounds:
            return int(trace.rounds[reached[0]]) if reached.size else None
        length = min(4 * length, rounds)


__all__ = ["LATENCY", "LINKS", "Timing", "Work", "measure", "rounds_to", "slowdown"]
