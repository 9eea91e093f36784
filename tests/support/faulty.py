"""Objects that other processes can import, and that fail there when they are told to."""

from __future__ import annotations

import numpy as np
from numba import njit

from tersegrad.solvers.channels import error_feedback
from tersegrad.solvers.method import Method
from tersegrad.solvers.rules import descend
from tersegrad.solvers.signatures import COMPRESS, OPTIONS, RULE, SENT
from tersegrad.theory.compressors import Compressor


@njit(COMPRESS, **OPTIONS)
def halve(x, u, ctx, params, state, out, bits):
    """C(x) = x/2 in 64 bits a coordinate."""
    for r in range(x.shape[0]):
        bits[r] = 64.0 * x.shape[1]
        for j in range(x.shape[1]):
            out[r, j] = 0.5 * x[r, j]


class Halving(Compressor):
    """A compressor of one's own; its codec fails once a message is small, if it is told to."""

    name = "halving"

    def __init__(self, fails: bool) -> None:
        self.fails = fails

    @property
    def spec(self) -> str:
        return "halving"

    def kernel(self, dim):
        return halve, np.zeros(0), 0

    def draws(self, dim):
        return 0

    def formula_bits(self, dim, float_bits=32):
        return 64.0 * dim

    def entropy_bits(self, message):
        return 64.0 * message.size

    def encode(self, message):
        if self.fails and np.abs(message).max() < 0.1:
            raise RuntimeError("the dog ate the message")
        return message.tobytes()

    def decode(self, data, dim):
        return np.frombuffer(data, np.float64, dim)


HALVING, FAILING = Halving(False), Halving(True)


@njit(RULE, **OPTIONS)
def double(ctx, params, x, v, states, common):
    """v <- 2 v."""
    for r in range(v.shape[0]):
        for j in range(v.shape[1]):
            v[r, j] *= 2.0


@njit(SENT, **OPTIONS)
def meddle(ctx, params, v, c, states, common):
    """c <- c + 1, which no server can know."""
    c += 1.0


OWN = Method(
    name="own", title="a method of one's own", source="the tests", parameters=("gamma",), worker=double,
    uplink=lambda p: error_feedback(), everyone=descend,
)  # fmt: skip
MEDDLING = Method(
    name="meddling", title="changes what was sent", source="the tests", parameters=("gamma",), sent=meddle,
    everyone=descend,
)  # fmt: skip
