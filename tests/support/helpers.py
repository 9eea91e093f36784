"""The tests' references: transcriptions of the papers' pseudo-code, with the coins that the engine would toss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tersegrad.problems import Problem
from tersegrad.solvers import compressors
from tersegrad.solvers.context import context
from tersegrad.solvers.random import (
    SHARED_WORKER,
    STREAM_DOWN,
    STREAM_UP,
    STREAM_UP_SPECIAL,
    draws,
    philox,
    to_uniforms,
)
from tersegrad.theory.compressors import Compressor, compressor


class Coins:
    """C(v) for one replica, with the uniforms that belong to (round, worker, stream)."""

    def __init__(self, spec: str | Compressor, stream: int, dim: int, seed: int, replica: int) -> None:
        self.compressor = compressor(spec)
        self.kernel, self.numbers, states = compressors.kernel(self.compressor, dim)
        self.state: dict[int, np.ndarray] = {}
        self.size, self.stream, self.seed = states, stream, seed
        self.draws = draws(np.array([replica]), self.compressor.draws(dim))

    def __call__(self, v: np.ndarray, rnd: int, worker: int, n: int) -> np.ndarray:
        address = (
            SHARED_WORKER if self.compressor.shared_coins and self.stream in (STREAM_UP, STREAM_UP_SPECIAL) else worker
        )
        if self.draws[0].size:
            philox(self.seed, rnd, address, self.stream, self.draws)
            to_uniforms(self.draws)
        out, bits = np.empty((1, v.size)), np.empty(1)
        state = self.state.setdefault(worker, np.zeros((1, self.size)))
        ctx = context(rnd, worker, n)
        self.kernel(v[None, :].copy(), self.draws[3], ctx, self.numbers, state, out, bits)
        return out[0]


def soft(problem: Problem, gamma: float, z: np.ndarray) -> np.ndarray:
    """prox_{gamma R}."""
    l1, l2 = problem.regulariser
    return np.sign(z) * np.maximum(np.abs(z) - gamma * l1, 0) / (1 + gamma * l2)


Step = Callable[..., list[np.ndarray]]


def transcription(
    word: str,
    problem: Problem,
    up: str,
    down: str,
    p: dict[str, float],
    rounds: int,
    seed: int = 0,
    replica: int = 0,
) -> list[np.ndarray]:
    """The iterates x^0, ..., x^T of the paper's pseudo-code with exact gradients."""
    n, d = problem.workers, problem.dim
    up_coins, down_coins = Coins(up, STREAM_UP, d, seed, replica), Coins(down, STREAM_DOWN, d, seed, replica)
    x, gamma = problem.x0.copy(), p["gamma"]
    h, e = np.zeros((n, d)), np.zeros((n, d))
    server_h, server_e = np.zeros(d), np.zeros(d)
    path = [x.copy()]
    for t in range(rounds):
        g = [problem.worker_gradient(i, x) for i in range(n)]

        def send(v: list[np.ndarray], t: int = t) -> np.ndarray:
            return np.array([up_coins(v[i], t, i, n) for i in range(n)])

        def broadcast(v: np.ndarray, t: int = t) -> np.ndarray:
            return down_coins(v, t, n, n)

        if word in ("sgd", "qsgd"):
            x = soft(problem, gamma, x - gamma * send(g).mean(axis=0))
        elif word == "qsgd-two-way":
            x = soft(problem, gamma, x - gamma * broadcast(send(g).mean(axis=0)))
        elif word == "diana":
            q = send([g[i] - h[i] for i in range(n)])
            x = soft(problem, gamma, x - gamma * (server_h + q.mean(axis=0)))
            h += p["alpha"] * q
            server_h += p["alpha"] * q.mean(axis=0)
        elif word == "error-feedback":
            steps = [e[i] + gamma * g[i] for i in range(n)]
            c = send(steps)
            e = np.array(steps) - c
            x = x - c.mean(axis=0)
        elif word == "doublesqueeze":
            v = [g[i] + e[i] for i in range(n)]
            c = send(v)
            e = np.array(v) - c
            w = c.mean(axis=0) + server_e
            sent = broadcast(w)
            server_e = w - sent
            x = soft(problem, gamma, x - gamma * sent)
        elif word == "dore":
            q = send([g[i] - h[i] for i in range(n)])
            ghat = server_h + q.mean(axis=0)
            h += p["alpha"] * q
            server_h += p["alpha"] * q.mean(axis=0)
            r = soft(problem, gamma, x - gamma * ghat) - x + p["eta"] * server_e
            sent = broadcast(r)
            server_e = r - sent
            x = x + p["beta"] * sent
        path.append(x.copy())
    return path
