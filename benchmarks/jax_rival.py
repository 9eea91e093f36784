"""JAX: one replica's round, ``vmap`` over replicas, ``lax.scan`` over rounds, ``jit`` over all; float64.

Random numbers are JAX's default (threefry). XLA uses the cores that the process may run on. For float64,
``lax.top_k`` sorts the whole vector on a CPU (700 ms at d = 10^6); for float32 there is a real selection
(7 ms). So the places of the top k are chosen by float32 magnitudes, and the values travel and stay in
float64. Compiling is not timed.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import numpy as np

from .rival import Outcome, Rival, Runner
from .workloads import Instance, LeastSquares


def ternary(key: Any, v: Any, block: int) -> Any:
    """Ternary compressor, linf norm, blocks along the last axis."""
    import jax
    import jax.numpy as jnp

    coins = jax.random.uniform(key, v.shape, v.dtype)
    parts = []
    for low in range(0, v.shape[-1], block):
        part, coin = v[..., low : low + block], coins[..., low : low + block]
        size = jnp.abs(part)
        scale = size.max(axis=-1, keepdims=True)
        parts.append(jnp.where(coin * scale < size, jnp.copysign(scale, part), 0.0))
    return jnp.concatenate(parts, axis=-1)


def dore(instance: Instance) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return (keys, data, rounds) -> models (B, d), and the data."""
    import jax
    import jax.numpy as jnp

    workload, arrays = instance.workload, instance.arrays
    gamma, alpha, beta, eta = (workload.parameters[key] for key in ("gamma", "alpha", "beta", "eta"))
    n, block = workload.workers, workload.message
    start = jnp.asarray(instance.x0)
    if isinstance(arrays, LeastSquares):
        data = (jnp.asarray(arrays.A), jnp.asarray(arrays.b))

        def gradient(x: Any, key: Any, data: Any) -> Any:
            A, b = data
            return jnp.einsum("nmd,nm->nd", A, A @ x - b) / A.shape[1] + arrays.reg * x
    else:
        data = (jnp.asarray(arrays.hessian), jnp.asarray(arrays.centre))

        def gradient(x: Any, key: Any, data: Any) -> Any:
            hessian, centre = data
            return hessian * (x - centre) + arrays.sd * jax.random.normal(key, centre.shape, x.dtype)

    def run(key: Any, data: Any, rounds: int) -> Any:
        def one_round(state: Any, _: None) -> tuple[Any, None]:
            x, memory, memory_mean, error, key = state
            key, noise_key, up_key, down_key = jax.random.split(key, 4)
            message = ternary(up_key, gradient(x, noise_key, data) - memory, block)
            mean = message.mean(axis=0)
            q = eta * error - gamma * (memory_mean + mean)
            answer = ternary(down_key, q, block)
            return (
                x + beta * answer,
                memory + alpha * message,
                memory_mean + alpha * mean,
                q - answer,
                key,
            ), None

        zero = jnp.zeros_like(start)
        state = (start, jnp.zeros((n, *start.shape)), zero, zero, key)
        return jax.lax.scan(one_round, state, None, length=rounds)[0][0]

    return jax.vmap(run, in_axes=(0, None, None)), data


def doublesqueeze(instance: Instance) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return (keys, data, rounds) -> models (1, d), and the data; nothing is random."""
    import jax
    import jax.numpy as jnp

    workload, arrays = instance.workload, instance.quadratic
    n, k, gamma = workload.workers, workload.message, workload.parameters["gamma"]

    def top(v: Any) -> Any:
        return jax.lax.top_k(jnp.abs(v).astype(jnp.float32), k)[1]

    def run(_: Any, data: Any, rounds: int) -> Any:
        start, hessian, centre = data

        def worker(errors: Any, x: Any, i: Any) -> tuple[Any, Any, Any]:
            v = errors[i] + hessian * (x - centre[i])
            index = top(v)
            return errors.at[i].set(v.at[index].set(0.0)), index, v[index]

        def one_round(state: Any, _: None) -> tuple[Any, None]:
            x, errors, server = state
            for i in range(n):
                errors, index, value = worker(errors, x, i)
                server = server.at[index].add(value / n)
            index = top(server)
            return (x.at[index].add(-gamma * server[index]), errors, server.at[index].set(0.0)), None

        state = (start, jnp.zeros((n, *start.shape)), jnp.zeros_like(start))
        return jax.lax.scan(one_round, state, None, length=rounds)[0][0][None]

    return run, (jnp.asarray(instance.x0), jnp.asarray(arrays.hessian), jnp.asarray(arrays.centre))


def prepare(instance: Instance, threads: int) -> Runner:
    """Return the runner; each number of rounds is compiled once, outside the timing."""
    import jax

    jax.config.update("jax_enable_x64", True)
    build = doublesqueeze if instance.workload.method == "doublesqueeze" else dore
    function, data = build(instance)
    compiled: dict[int, Any] = {}

    def run(rounds: int, seed: int) -> Outcome:
        keys = jax.random.split(jax.random.key(seed), instance.workload.replicas)
        if rounds not in compiled:
            compiled[rounds] = jax.jit(function, static_argnums=2).lower(keys, data, rounds).compile()
        start = perf_counter()
        x = compiled[rounds](keys, data).block_until_ready()
        return Outcome(perf_counter() - start, np.asarray(x))

    return run


def version() -> str:
    """Return JAX's version."""
    import jax

    return f"jax {jax.__version__}"


RIVAL = Rival(
    name="JAX",
    workloads=("W1", "W2", "W3"),
    missing=lambda: None if find_spec("jax") and find_spec("jaxlib") else "jax is not installed",
    version=version,
    prepare=prepare,
)
