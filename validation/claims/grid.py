"""A compressor with a bounded error that is unbiased: rounding at random to a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import njit

from ...solvers.signatures import OPTIONS
from ...theory.compressors import AbsoluteError, Compressor

WORD = 32
"""Bits of a multiple on the wire."""


@njit(**OPTIONS)
def round_at_random(x: Any, u: Any, ctx: Any, params: Any, state: Any, out: Any, bits: Any) -> None:
    """out <- h floor(x/h + u)."""
    h, dim = params[0], x.shape[1]
    for r in range(x.shape[0]):
        for j in range(dim):
            out[r, j] = h * math.floor(x[r, j] / h + u[r, j])
        bits[r] = WORD * dim


@dataclass(frozen=True)
class Grid(Compressor):
    """C(x)_j is one of the two multiples of `spacing` around x_j, at random and unbiased; multiples travel as integers.

    E||C(x) - x||^2 <= d spacing^2/4 for every x: p(1 - p) <= 1/4 in every coordinate.
    """

    name: ClassVar[str] = "grid"
    spacing: float = 1.0

    def absolute(self, dim: int) -> AbsoluteError:
        return AbsoluteError(self.spacing * math.sqrt(dim) / 2)

    def draws(self, dim: int) -> int:
        return dim

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(WORD * dim)

    def kernel(self, dim: int) -> tuple[Any, np.ndarray, int]:
        return round_at_random, np.array([self.spacing]), 0

    def entropy_bits(self, message: np.ndarray) -> float:
        _, counts = np.unique(message, return_counts=True)
        return float(-counts @ np.log2(counts / message.size))
