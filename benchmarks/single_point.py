"""Gradients of least squares at one point, ours against NumPy on one thread: python -m benchmarks.single_point.

NumPy reads the rows twice, once for the scores a_j.x and once for the way back; the kernel reads them once. Pairs are
timed in turns, and the ratio is NumPy's time over ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from tersegrad.problems import problem
from tersegrad.solvers.engines.simulate import blas_on_one_thread

SHAPES = ((60, 20), (60, 500), (1200, 500), (10_000, 123), (40_000, 20), (10_000, 2000), (20_000, 2000), (4, 100_000))
PAIRS, SECONDS = 7, 0.05


def seconds(call: Callable[[], object], times: int) -> float:
    """Mean time of a call."""
    begun = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begun) / times


def compare(rows: int, dim: int) -> tuple[float, list[float]]:
    """Our time in seconds, and the ratios of the pairs."""
    p = problem(f"least-squares:rows={rows},dim={dim},reg=0")
    kernels = p.kernels()
    A, b, *_ = kernels.data
    x, G, no_draws = np.ones((1, dim)), np.empty((1, dim)), np.empty((1, 0))

    def ours() -> None:
        kernels.exact_gradient(0, x, no_draws, kernels.data, G)

    def theirs() -> np.ndarray:
        return (A @ x[0] - b) @ A / rows

    ours()
    assert np.allclose(G[0], theirs(), rtol=1e-9, atol=1e-9)
    times = max(1, int(SECONDS / seconds(ours, 3)))
    pairs = [(seconds(ours, times), seconds(theirs, times)) for _ in range(PAIRS)]
    return median(own for own, _ in pairs), [rival / own for own, rival in pairs]


def main() -> None:
    """Print a line per shape."""
    with blas_on_one_thread():
        for rows, dim in SHAPES:
            own, ratios = compare(rows, dim)
            print(
                f"{rows} x {dim}: {1e3 * own:.3g} ms, NumPy / ours {median(ratios):.2f} "
                f"({min(ratios):.2f} to {max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
