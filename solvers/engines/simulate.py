"""The engine `simulate`: virtual workers in one process, blocks of replicas spread over threads.

The block of replicas is the unit of work. How replicas fall into blocks depends on their number and the dimension
alone, never on threads, so that matrix products have the same shapes, and the results the same bits, however many
threads run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from ... import __version__
from ...problems import Problem
from ...problems import problem as build_problem
from ...problems.kernels.signatures import GRADIENT, VALUE
from ...theory.compressors import Compressor, compressor
from ...theory.errors import InputError
from .. import compressors
from ..channels import Channel
from ..method import Method
from ..method import method as build_method
from ..random import NOISE_CODES, draws
from ..signatures import COMPRESS, RULE, pointer
from ..trace import Trace
from . import rounds as kernels

#: Vectors of all the replicas of one block together hold about this many numbers (32 KiB: the first-level cache).
BLOCK_NUMBERS = 4096
MOST_REPLICAS_PER_BLOCK = 64

#: A block looks up from its work (for a Ctrl-C, for the progress bar) about this often.
SECONDS_PER_PIECE = 0.1

#: Columns that are means over all rounds so far; recorded on request.
MEAN_COLUMNS = {"grad_sq_mean", "gap_mean"}


def blocks(replicas: int, dim: int) -> list[range]:
    """Partition the replicas 0, ..., R - 1 into an even number of nearly equal blocks (one block if R = 1)."""
    largest = max(1, min(MOST_REPLICAS_PER_BLOCK, BLOCK_NUMBERS // dim))
    count = min(replicas, 2 * -(-replicas // (2 * largest)))
    edges = [replicas * k // count for k in range(count + 1)]
    return [range(a, b) for a, b in pairwise(edges)]


def log_checkpoints(rounds: int, count: int = 40) -> np.ndarray:
    """Return up to `count` integers from 0 to `rounds`, both included, spaced geometrically."""
    points = np.geomspace(1, rounds, max(count - 1, 2)).round().astype(np.int64)
    return np.unique(np.concatenate([[0], points, [rounds]]))


def simulate(
    method: str | Method,
    problem: str | Problem,
    up: str | Compressor = "identity",
    down: str | Compressor = "identity",
    *,
    parameters: Mapping[str, float],
    rounds: int,
    workers: int | None = None,
    replicas: int = 1,
    seed: int = 0,
    first_replica: int = 0,
    checkpoints: Sequence[int] | np.ndarray | None = None,
    mean_columns: bool | Sequence[str] = True,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Run a method on a problem and record a `Trace`.

    Parameters
    ----------
    method, problem, up, down
        Words and specs, or objects of your own: a `Method`, a `Problem`, a `Compressor` with a kernel.
    parameters
        The method's numbers, ``gamma`` first of all.
    rounds, replicas, seed, first_replica
        T >= 1 rounds of R >= 1 independent replicas, numbered from `first_replica`; the seed is a 32-bit number.
    workers
        n, needed when `problem` is a spec.
    checkpoints
        Rounds at which to record; default: about 40, spaced geometrically.
    mean_columns
        Which means over all rounds to record: ``grad_sq_mean`` is free where the oracle computes exact gradients
        anyway and costs a full gradient a round with row sampling; ``gap_mean`` costs a function value a round and is
        recorded only when named. True means ("grad_sq_mean",).
    threads
        How many blocks run at once; default: all cores. The result does not depend on it.
    progress
        Called with the number of replica-rounds just done.

    Raises
    ------
    InputError
        For anything that cannot be run, in one sentence.
    """
    method = build_method(method)
    if workers is None:
        if not isinstance(problem, Problem):
            raise InputError("the number of workers is not given: write workers=n (--workers n)")
        workers = problem.workers
    problem = build_problem(problem, workers=workers)
    up, down = compressor(up), compressor(down)
    numbers = method.check(parameters)
    for name, value, low, high in (
        ("rounds", rounds, 1, 2**32 - 1),
        ("replicas", replicas, 1, 2**31),
        ("seed", seed, 0, 2**32 - 1),
        ("first_replica", first_replica, 0, 2**31),
    ):
        if value != int(value) or not low <= value <= high:
            raise InputError(f"{name} = {value} is not a whole number from {low} to {high}")
    if not method.two_way and down.name != "identity":
        raise InputError(
            f"method '{method.word}' broadcasts uncompressed: leave out the downlink compressor {down.spec}"
        )
    if any(problem.regulariser) and not method.prox:
        raise InputError(f"method '{method.word}' has no proximal step: it cannot take l1 or l2prox")
    up.check(problem.dim)
    down.check(problem.dim)
    points = log_checkpoints(rounds) if checkpoints is None else np.unique(np.append(checkpoints, rounds))
    points = points.astype(np.int64)
    if points[0] < 0 or points[-1] > rounds:
        raise InputError(f"checkpoints run from {points[0]} to {points[-1]}; they must lie between 0 and {rounds}")
    means = {"grad_sq_mean"} if mean_columns is True else set(mean_columns or ())
    if "gap_mean" in means and (any(problem.regulariser) or problem.f_star is None):
        raise InputError("gap_mean needs a problem with known f* and without l1 and l2prox: leave it out")
    if not means <= MEAN_COLUMNS:
        raise InputError(f"no such mean column: {', '.join(sorted(means - MEAN_COLUMNS))}")

    setup = _Setup(method, problem, up, down, numbers, int(seed), points, means, progress)
    parts = blocks(replicas, problem.dim)
    with _blas().limit(limits=1), ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        try:
            results = list(
                pool.map(lambda part: _run_block(setup, [first_replica + r for r in part], part.start == 0), parts)
            )
        except BaseException:
            setup.stop = True
            pool.shutdown(cancel_futures=True)
            raise
    scalars = results[0].pop("scalars")
    first_bad = np.concatenate([r.pop("first_bad") for r in results]).astype(np.int64)
    final = np.vstack([r.pop("final") for r in results])
    columns = {k: np.vstack([r[k] for r in results]) for k in results[0]}
    about = {
        "method": method.word,
        "problem": problem.spec,
        "workers": workers,
        "up": up.spec,
        "down": down.spec,
        "parameters": numbers,
        "rounds": int(rounds),
        "replicas": int(replicas),
        "first_replica": int(first_replica),
        "seed": int(seed),
        "engine": "simulate",
        "versions": {"tersegrad": __version__, "numpy": np.__version__},
    }
    return Trace(points, columns, first_bad, scalars, final, about)


@cache
def _blas() -> ThreadpoolController:
    """Find the BLAS libraries in this process, once: the search takes longer than a small run."""
    return ThreadpoolController()


class _Setup:
    """What all blocks of a run share: kernels, parameters and links; and whether they are to stop."""

    stop = False

    def __init__(
        self,
        method: Method,
        problem: Problem,
        up: Compressor,
        down: Compressor,
        numbers: dict[str, float],
        seed: int,
        points: np.ndarray,
        means: set[str],
        progress: Callable[[int], None] | None,
    ) -> None:
        self.method, self.problem, self.up, self.down = method, problem, up, down
        self.seed, self.points, self.means, self.progress = seed, points, means, progress
        dim = problem.dim
        self.uplink, self.downlink = method.uplink(numbers), method.downlink(numbers)
        self.up_kernel, up_numbers, self.up_state = compressors.kernel(up, dim)
        self.down_kernel, down_numbers, self.down_state = compressors.kernel(down, dim)
        self.up_link = _link(self.up_kernel, up_numbers, self.uplink)
        self.down_link = _link(self.down_kernel, down_numbers, self.downlink)
        values = [numbers["gamma"], *problem.regulariser, *(v for k, v in numbers.items() if k != "gamma")]
        rules = (pointer(rule, RULE) for rule in (method.worker, method.server, method.everyone))
        self.rules = (*rules, np.array(values, dtype=np.float64))
        oracle = problem.kernels()
        self.rows = oracle.draws
        self.noise = NOISE_CODES[problem.noise.kind]
        sd = float(np.sqrt(problem.noise.sigma_sq / dim)) if self.noise else 0.0
        gradients = (pointer(kernel, GRADIENT) for kernel in (oracle.gradient, oracle.exact_gradient))
        self.oracle = (*gradients, pointer(oracle.value, VALUE), _arrays(oracle.data), self.noise, sd)
        self.track = kernels.TRACK_NOTHING
        if "grad_sq_mean" in means:
            self.track |= kernels.TRACK_ANEW if oracle.draws else kernels.TRACK_AT_HAND
        if "gap_mean" in means:
            self.track |= kernels.TRACK_VALUES


def _arrays(data: tuple[Any, ...]) -> tuple[np.ndarray, ...]:
    """A problem's data with the types that the kernels' signature states."""
    matrix, values, index, offsets, parameters = data
    floats = [np.ascontiguousarray(a, dtype=np.float64) for a in (matrix, values, parameters)]
    integers = [np.ascontiguousarray(a, dtype=np.int64) for a in (index, offsets)]
    if floats[0].ndim != 2:
        raise InputError(f"the first array of a problem's data has {floats[0].ndim} dimensions; it must have 2")
    return floats[0], floats[1].ravel(), integers[0].ravel(), integers[1].ravel(), floats[2].ravel()


def _link(kernel: Any, numbers: np.ndarray, channel: Channel) -> tuple[Any, np.ndarray, float, float, float]:
    # A channel whose memory is the model is advanced by the rule that adopts what arrives.
    lam = 0.0 if channel.model_is_memory else channel.lam
    return pointer(kernel, COMPRESS), numbers, float(channel.eta), float(lam), float(channel.nu)


def _run_block(setup: _Setup, replicas: list[int], sample_entropy: bool) -> dict[str, Any]:
    problem, method = setup.problem, setup.method
    n, dim, size = problem.workers, problem.dim, len(replicas)
    x = np.tile(np.asarray(problem.x0, dtype=np.float64), (size, 1))
    up, down = setup.uplink, setup.downlink
    some = (size, dim)
    absent = (0, 0)
    workers = (
        np.zeros((n, *some) if up.memory else (0, *absent)),
        np.zeros((n, *some) if up.error else (0, *absent)),
        np.zeros((n, size, setup.up_state)),
        np.zeros((n, method.states[0], *some)),
    )
    server = (
        np.zeros(some if up.memory else absent),
        np.zeros(some if down.error else absent),
        np.zeros((size, setup.down_state)),
        np.zeros((method.states[1], *some)),
    )
    down_memory = x if down.model_is_memory else np.zeros(some if down.memory else absent)
    scratch = (*(np.zeros(some) for _ in range(5)), np.zeros(size))
    random = (
        draws(replicas, setup.rows),
        draws(replicas, dim if setup.noise else 0),
        draws(replicas, setup.up.draws(dim)),
        draws(replicas, setup.down.draws(dim)),
    )
    record = np.zeros((kernels.RECORD_ROWS, size))
    values, gradient = np.zeros(size), np.zeros(some)
    columns: dict[str, list[np.ndarray]] = {}
    entropies: list[tuple[float, float]] = []
    done = 0
    piece = 1
    for point in setup.points:
        while done < point:
            last = min(done + piece, int(point))
            began = time.perf_counter()
            kernels.run_rounds_compiled(
                kernels.halves, kernels.tools, setup.seed, done, last, n, int(setup.up.shared_coins), setup.track,
                setup.oracle, setup.rules, setup.up_link, setup.down_link, random, x, down_memory, workers, server,
                scratch, record,
            )  # fmt: skip
            if setup.stop:
                raise KeyboardInterrupt
            if setup.progress is not None:
                setup.progress((last - done) * size)
            if time.perf_counter() - began < SECONDS_PER_PIECE / 2:
                piece *= 2
            done = last
        kernels.measure_compiled(setup.oracle, n, x, gradient, scratch[0], values)
        here = _metrics(setup, x, values, gradient, workers, server, record, done)
        if sample_entropy and done:
            entropies.append(
                (
                    compressors.entropy_bits(setup.up, scratch[1][0]),
                    compressors.entropy_bits(setup.down, scratch[2][0]),
                )
            )
        bad = record[kernels.FIRST_BAD] > 0
        for name, column in here.items():
            columns.setdefault(name, []).append(np.where(bad, np.inf, column))
    result: dict[str, Any] = {name: np.array(c).T for name, c in columns.items()}
    result["first_bad"] = record[kernels.FIRST_BAD]
    result["final"] = x
    if sample_entropy:
        result["scalars"] = _scalars(setup, entropies)
    return result


def _metrics(
    setup: _Setup,
    x: np.ndarray,
    values: np.ndarray,
    gradient: np.ndarray,
    workers: tuple[np.ndarray, ...],
    server: tuple[np.ndarray, ...],
    record: np.ndarray,
    done: int,
) -> dict[str, np.ndarray]:
    problem = setup.problem
    grad_sq = np.einsum("rj,rj->r", gradient, gradient)
    here = {"grad_sq": grad_sq}
    if problem.f_star is not None:
        here["gap"] = values + _regulariser(problem, x) - problem.f_star
    if problem.x_star is not None:
        here["dist_sq"] = np.einsum("rj,rj->r", x - problem.x_star, x - problem.x_star)
    if "grad_sq_mean" in setup.means:
        here["grad_sq_mean"] = record[kernels.SUM_GRAD_SQ] / done if done else grad_sq
    if "gap_mean" in setup.means:
        here["gap_mean"] = record[kernels.SUM_VALUE] / done - problem.f_star if done else here["gap"]
    here["up_residual_sq"] = record[kernels.UP_RESIDUAL].copy()
    here["down_residual_sq"] = record[kernels.DOWN_RESIDUAL].copy()
    memories, errors, server_error = workers[0], workers[1], server[1]
    if memories.size:
        here["memory_sq"] = np.einsum("irj,irj->r", memories, memories) / problem.workers
        if problem.gradients_at_star is not None:
            off = memories - problem.gradients_at_star[:, None, :]
            here["memory_error_sq"] = np.einsum("irj,irj->r", off, off) / problem.workers
    if errors.size or server_error.size:
        omega = np.zeros_like(x)
        if errors.size:
            omega += errors.mean(axis=0)
        if server_error.size:
            omega += server_error
        here["error_sq"] = np.einsum("rj,rj->r", omega, omega)
    here["bits_up_encoded"] = record[kernels.BITS_UP].copy()
    here["bits_down_encoded"] = record[kernels.BITS_DOWN].copy()
    return here


def _regulariser(problem: Problem, x: np.ndarray) -> np.ndarray | float:
    l1, l2 = problem.regulariser
    if not (l1 or l2):
        return 0.0
    return l1 * np.abs(x).sum(axis=-1) + 0.5 * l2 * np.einsum("rj,rj->r", x, x)


def _scalars(setup: _Setup, entropies: list[tuple[float, float]]) -> dict[str, np.ndarray]:
    points, dim = setup.points, setup.problem.dim
    sampled = np.array([(0.0, 0.0)] * (len(points) - len(entropies)) + entropies)
    return {
        "gradient_evaluations": points * setup.problem.workers,
        "bits_up_formula": points * setup.up.formula_bits(dim),
        "bits_down_formula": points * setup.down.formula_bits(dim),
        "entropy_up": sampled[:, 0],
        "entropy_down": sampled[:, 1],
    }
