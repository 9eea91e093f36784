"""What the machine needs at least: the part of each workload that nobody can leave out, by itself.

W1: the two matrix products of every worker, by BLAS, in the shapes in which the engine has them. W2: one uniform for
every random number of a round (noise, both compressors), by NumPy's fastest generator. W3: the traffic of one pass over
x, the Hessian, the minimisers and the error, which is written back, and of one that selects: six vectors a worker, at
the speed of a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from tersegrad.solvers.engines.simulate import blocks

from .workloads import Instance, LeastSquares

#: Seconds of one round of one replica.
Limit = Callable[[], float]
#: A measurement is repeated until it has taken about as many seconds, and the best of so many counts.
SECONDS, TIMES = 0.1, 3
#: Vectors of d doubles that a worker of W3 reads or writes in a round.
VECTORS = 6


def best(work: Callable[[int], None], threads: int) -> float:
    """Seconds in which every one of the threads has done work(number of the thread) once."""

    def seconds(repeats: int) -> float:
        def repeat(number: int) -> None:
            for _ in range(repeats):
                work(number)

        start = perf_counter()
        list(pool.map(repeat, range(threads)))
        return perf_counter() - start

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        repeats = max(1, int(SECONDS / max(seconds(1), 1e-6)))
        return min(seconds(repeats) for _ in range(TIMES)) / repeats


def two_products(instance: Instance, arrays: LeastSquares, threads: int) -> Limit:
    """X A_i^T and what is left of it times A_i, for every worker, each thread with a block of replicas."""
    m, d = arrays.A.shape[1:]
    size = len(blocks(instance.workload.replicas, d)[0])
    points = [(np.ones((size, d)), np.empty((size, m)), np.empty((size, d))) for _ in range(threads)]

    def work(number: int) -> None:
        X, scores, G = points[number]
        for A in arrays.A:
            np.matmul(X, A.T, out=scores)
            np.matmul(scores, A, out=G)

    return lambda: best(work, threads) / (size * threads)


def uniforms(instance: Instance, threads: int) -> Limit:
    """A uniform for every number that a round draws."""
    n, d = instance.workload.workers, instance.problem.dim
    numbers = [np.empty((2 * n + 1) * d * 64) for _ in range(threads)]
    generators = [np.random.Generator(np.random.SFC64(number)) for number in range(threads)]

    def work(number: int) -> None:
        generators[number].random(out=numbers[number])

    return lambda: best(work, threads) / (64 * threads)


def traffic(instance: Instance, threads: int) -> Limit:
    """`VECTORS` vectors a worker at the speed at which the threads copy a vector of every worker, each its part.

    Of every worker: a round goes through all their vectors, and one alone might stay in a cache.
    """
    source = instance.quadratic.centre
    target = np.zeros_like(source)
    edges = [instance.problem.dim * k // threads for k in range(threads + 1)]

    def work(number: int) -> None:
        part = slice(edges[number], edges[number + 1])
        for to, row in zip(target, source, strict=True):
            np.copyto(to[part], row[part])

    return lambda: best(work, threads) * VECTORS / 2


def limit(instance: Instance, threads: int) -> Limit:
    """What measures the limit of a workload."""
    if isinstance(instance.arrays, LeastSquares):
        return two_products(instance, instance.arrays, threads)
    return traffic(instance, threads) if instance.workload.method == "doublesqueeze" else uniforms(instance, threads)
