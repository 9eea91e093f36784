"""Nothing: what the links of a silent round carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

from ...theory.compressors import Compressor
from ..signatures import BARE
from .wire import Floats, Kernel


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    for r in range(x.shape[0]):
        to = out[r]
        for j in range(to.size):
            to[j] = 0.0
        bits[r] = 0.0


@dataclass(frozen=True)
class Nothing(Compressor):
    """C(x) = 0, which takes no bytes. A method chooses it for its silent rounds; nobody else can."""

    name: ClassVar[str] = "nothing"
    keeps_support: ClassVar[bool] = True

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return 0.0

    def kernel(self, dim: int) -> Kernel:
        """Its kernel, without numbers and without states."""
        return compress, np.zeros(0), 0

    def encode(self, message: Floats) -> bytes:
        """No bytes."""
        return b""

    def decode(self, data: bytes, dim: int) -> Floats:
        """Zeros."""
        return np.zeros(dim)

    def entropy_bits(self, message: Floats) -> float:
        """No bits."""
        return 0.0
