"""Kernels that raise, and one that looks at all it is handed; at the top level, where workers can import them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from tersegrad.problems.kernels.signatures import OPTIONS
from tersegrad.solvers.context import CONTEXT_ENTRIES, ROUND, SPECIAL, WORKER
from tersegrad.solvers.methods.dore import DORE
from tersegrad.theory.compressors import Compressor, Contractive, Unbiased


@njit(**OPTIONS)
def next_model_until_round_three(ctx, params, x, v, states, common):
    """A rule of the server."""
    if ctx[ROUND] == 3:
        raise ValueError("three is too many")
    for r in range(v.shape[0]):
        for j in range(v.shape[1]):
            v[r, j] = x[r, j] - params[0] * v[r, j]


@njit(**OPTIONS)
def gradient_until_round_three(ctx, params, x, v, states, common):
    """A rule of the workers."""
    if ctx[ROUND] == 3 and ctx[WORKER] == 1:
        raise ValueError("three is too many")


@njit(**OPTIONS)
def clash(x, u, ctx, params, state, out, bits):
    """Arrays whose shapes do not fit: an exception of numba's own."""
    out[:] = np.zeros((x.shape[0], x.shape[1] + 1))
    bits[:] = 1.0


@njit(**OPTIONS)
def look_at_the_whole_context(x, u, ctx, params, state, out, bits):
    """C(x) = x, if ctx has all its entries and this is no special exchange."""
    whole = ctx.size == 7 and ctx[SPECIAL] == 0
    for r in range(x.shape[0]):
        bits[r] = 64.0 * x.shape[1]
        for j in range(x.shape[1]):
            out[r, j] = x[r, j] if whole else np.nan


@njit(**OPTIONS)
def look_beyond_the_context(x, u, ctx, params, state, out, bits):
    """One entry too many."""
    for r in range(x.shape[0]):
        bits[r] = 64.0 * x.shape[1] + 0.0 * ctx[CONTEXT_ENTRIES]
        for j in range(x.shape[1]):
            out[r, j] = x[r, j]


class Own(Compressor):
    """A compressor with one of these kernels; its messages are the vectors."""

    def __init__(self, kernel):
        self.name, self._kernel = kernel.__name__, kernel

    def kernel(self, dim):
        return self._kernel, np.zeros(0), 0

    def draws(self, dim):
        return 0

    def unbiased(self, dim):
        return Unbiased(0.0)

    def contractive(self, dim):
        return Contractive(1.0)

    def formula_bits(self, dim, float_bits=32):
        return 64.0 * dim

    def entropy_bits(self, message):
        return 64.0 * message.size

    def encode(self, message):
        return message.tobytes()

    def decode(self, data, dim):
        return np.frombuffer(data, np.float64, dim)


CLASH, LOOK, BEYOND = map(Own, (clash, look_at_the_whole_context, look_beyond_the_context))
SERVER_FAILS = replace(DORE, name="server-fails", server=next_model_until_round_three)
WORKER_FAILS = replace(DORE, name="worker-fails", worker=gradient_until_round_three)
