"""NumPy as one writes it: whole arrays (replicas, workers, coordinates), one expression a line, float64.

No array is reused and no axis is moved for speed; that is what `numpy_rival` (the column "NumPy tuned") does. Random
numbers come from ``numpy.random.default_rng``; BLAS may use all threads.
"""

from __future__ import annotations

import numpy as np

from .numpy_rival import preparing
from .rival import Rival
from .workloads import Instance, LeastSquares


def ternary(v: np.ndarray, block: int, rng: np.random.Generator) -> np.ndarray:
    """Return C(v): ternary with the linf norm of blocks along the last axis."""
    message = np.empty_like(v)
    for low in range(0, v.shape[-1], block):
        part = v[..., low : low + block]
        scale = np.abs(part).max(axis=-1, keepdims=True)
        kept = rng.random(part.shape) * scale < np.abs(part)
        message[..., low : low + block] = scale * np.sign(part) * kept
    return message


def gradients(instance: Instance, X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the workers' gradients (B, n, d) at the models X (B, d)."""
    arrays = instance.arrays
    if isinstance(arrays, LeastSquares):
        residual = np.einsum("nmd,bd->bnm", arrays.A, X, optimize=True) - arrays.b
        return (
            np.einsum("nmd,bnm->bnd", arrays.A, residual, optimize=True) / arrays.A.shape[1] + arrays.reg * X[:, None]
        )
    G = arrays.hessian * (X[:, None] - arrays.centre)
    return G + arrays.sd * rng.standard_normal(G.shape)


def dore(instance: Instance, rounds: int, rng: np.random.Generator) -> np.ndarray:
    """DORE on all replicas at once; returns the models (B, d)."""
    workload = instance.workload
    gamma, alpha, beta, eta = (workload.parameters[key] for key in ("gamma", "alpha", "beta", "eta"))
    X = np.tile(instance.x0, (workload.replicas, 1))
    h, h_mean, e = np.zeros((workload.replicas, workload.workers, X.shape[1])), np.zeros_like(X), np.zeros_like(X)
    for _ in range(rounds):
        message = ternary(gradients(instance, X, rng) - h, workload.message, rng)
        q = eta * e - gamma * (h_mean + message.mean(axis=1))
        h = h + alpha * message
        h_mean = h_mean + alpha * message.mean(axis=1)
        sent = ternary(q, workload.message, rng)
        e = q - sent
        X = X + beta * sent
    return X


def top(v: np.ndarray, k: int) -> np.ndarray:
    """Return C(v): the k largest entries of v (d,), zero elsewhere."""
    index = np.argpartition(np.abs(v), -k)[-k:]
    message = np.zeros_like(v)
    message[index] = v[index]
    return message


def doublesqueeze(instance: Instance, rounds: int) -> np.ndarray:
    """DoubleSqueeze with top-k both ways, one replica; returns the model (1, d)."""
    workload, arrays = instance.workload, instance.quadratic
    x, e, server = instance.x0.copy(), np.zeros((workload.workers, instance.x0.size)), np.zeros_like(instance.x0)
    for _ in range(rounds):
        total = np.zeros_like(x)
        for i in range(workload.workers):
            v = arrays.hessian * (x - arrays.centre[i]) + e[i]
            message = top(v, workload.message)
            e[i] = v - message
            total += message
        v = total / workload.workers + server
        message = top(v, workload.message)
        server = v - message
        x = x - workload.parameters["gamma"] * message
    return x[None]


RIVAL = Rival(
    name="NumPy",
    workloads=("W1", "W2", "W3"),
    missing=lambda: None,
    version=lambda: f"numpy {np.__version__}",
    prepare=preparing(dore, doublesqueeze),
)
