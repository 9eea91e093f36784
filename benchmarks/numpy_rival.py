"""NumPy: vectorised over replicas and workers, in preallocated arrays, float64; BLAS may use all threads.

Random numbers come from ``numpy.random.default_rng`` (PCG64; ziggurat gaussians). The replicas' axis lies
where NumPy is faster: before the coordinates when d is large, after them when d is small. Top-k is
``argpartition``; the messages of `doublesqueeze` stay sparse, and workers take turns, because arrays of
(n, d) would not stay in any cache.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from .rival import Outcome, Rival, Runner
from .workloads import Instance, LeastSquares, Quadratic


class Ternary:
    """Ternary compressor, linf norm, blocks along `axis` of arrays of one shape."""

    def __init__(self, shape: tuple[int, ...], axis: int, block: int, rng: np.random.Generator) -> None:
        self.axis, self.rng = axis, rng
        self.coins, self.size, self.message = np.empty(shape), np.empty(shape), np.empty(shape)
        rest = (slice(None),) * (-axis - 1)
        self.blocks: list[Any] = [(..., slice(low, low + block), *rest) for low in range(0, shape[axis], block)]

    def __call__(self, v: np.ndarray) -> np.ndarray:
        """Return C(v); the array is overwritten by the next call."""
        self.rng.random(out=self.coins)
        np.abs(v, out=self.size)
        for block in self.blocks:
            scale = self.size[block].max(axis=self.axis, keepdims=True)
            self.coins[block] *= scale
            np.copysign(scale, v[block], out=self.message[block])
        self.message *= self.coins < self.size
        return self.message


def least_squares_gradient(arrays: LeastSquares) -> Callable[[np.ndarray, np.ndarray], None]:
    """Return the function that writes the workers' gradients at X (B, d) into G (n, B, d)."""
    n, m, d = arrays.A.shape
    columns, target = arrays.A.reshape(n * m, d).T, arrays.b.ravel()

    def gradient(X: np.ndarray, G: np.ndarray) -> None:
        residual = X @ columns
        residual -= target
        residual /= m
        np.matmul(residual.reshape(-1, n, m).transpose(1, 0, 2), arrays.A, out=G)
        G += arrays.reg * X

    return gradient


def quadratic_gradient(arrays: Quadratic, rng: np.random.Generator) -> Callable[[np.ndarray, np.ndarray], None]:
    """Return the function that writes the workers' noisy gradients at X (d, B) into G (n, d, B)."""
    hessian, centre = arrays.hessian[:, None], arrays.centre[:, :, None]
    noise = np.empty(0)

    def gradient(X: np.ndarray, G: np.ndarray) -> None:
        nonlocal noise
        if noise.shape != G.shape:
            noise = np.empty_like(G)
        np.subtract(X, centre, out=G)
        G *= hessian
        rng.standard_normal(out=noise)
        noise *= arrays.sd
        G += noise

    return gradient


def dore(instance: Instance, rounds: int, rng: np.random.Generator) -> np.ndarray:
    """DORE on all replicas at once; returns the models (B, d)."""
    workload, arrays = instance.workload, instance.arrays
    gamma, alpha, beta, eta = (workload.parameters[key] for key in ("gamma", "alpha", "beta", "eta"))
    X = np.tile(instance.x0, (workload.replicas, 1))
    if isinstance(arrays, LeastSquares):
        axis, gradient = -1, least_squares_gradient(arrays)
    else:
        axis, gradient, X = -2, quadratic_gradient(arrays, rng), np.ascontiguousarray(X.T)
    G, memory = np.empty((workload.workers, *X.shape)), np.zeros((workload.workers, *X.shape))
    memory_mean, error = np.zeros_like(X), np.zeros_like(X)
    up, down = (Ternary(shape, axis, workload.message, rng) for shape in (G.shape, X.shape))
    for _ in range(rounds):
        gradient(X, G)
        G -= memory
        message = up(G)
        mean = message.mean(axis=0)
        message *= alpha
        memory += message
        q = eta * error - gamma * (memory_mean + mean)
        memory_mean += alpha * mean
        message = down(q)
        error = q - message
        X += beta * message
    return X if axis == -1 else X.T


def take_top(v: np.ndarray, k: int, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move the k largest entries from v: returns their places and values; `size` is scratch."""
    np.abs(v, out=size)
    index = np.argpartition(size, v.size - k)[v.size - k :]
    value = v[index]
    v[index] = 0.0
    return index, value


def doublesqueeze(instance: Instance, rounds: int) -> np.ndarray:
    """DoubleSqueeze with top-k both ways, one replica; returns the model (1, d)."""
    workload, arrays = instance.workload, instance.quadratic
    n, k = workload.workers, workload.message
    x = instance.x0.copy()
    errors, server, scratch = np.zeros((n, x.size)), np.zeros(x.size), np.empty(x.size)
    for _ in range(rounds):
        for i in range(n):
            np.subtract(x, arrays.centre[i], out=scratch)
            scratch *= arrays.hessian
            errors[i] += scratch
            index, value = take_top(errors[i], k, scratch)
            server[index] += value / n
        index, value = take_top(server, k, scratch)
        x[index] -= workload.parameters["gamma"] * value
    return x[None]


def preparing(
    dore: Callable[[Instance, int, np.random.Generator], np.ndarray],
    doublesqueeze: Callable[[Instance, int], np.ndarray],
) -> Callable[[Instance, int], Runner]:
    """Return what prepares a runner of these two functions; there is nothing to compile."""

    def prepare(instance: Instance, threads: int) -> Runner:
        def run(rounds: int, seed: int) -> Outcome:
            with threadpool_limits(threads):
                start = perf_counter()
                if instance.workload.method == "doublesqueeze":
                    x = doublesqueeze(instance, rounds)
                else:
                    x = dore(instance, rounds, np.random.default_rng(seed))
                return Outcome(perf_counter() - start, x)

        return run

    return prepare


RIVAL = Rival(
    name="NumPy tuned",
    workloads=("W1", "W2", "W3"),
    missing=lambda: None,
    version=lambda: f"numpy {np.__version__}",
    prepare=preparing(dore, doublesqueeze),
)
