"""Norm-preserving sign: one bit a coordinate, and the block's root mean square."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .base import SCALE_LOW_BITS, SCALE_TRUNCATION, Correlated, length, truncate
from .sign import Sign


@dataclass(frozen=True)
class NormSign(Sign):
    """Norm-preserving sign: (||x||/sqrt b) sign(x) in every block of b coordinates, sign(0) = +1.

    Source: the one-bit compressor of the DoubleSqueeze experiments (Tang, Lian, Yu, Zhang, Liu 2019, arXiv 1905.05957),
    not of its theory. At x, one block: error 2 - 2 ||x||_1/(sqrt b ||x||).

    It is not a contraction: it keeps the length of x, and where the direction is far off, ||x||_1 < sqrt(b) ||x||/2,
    the error exceeds ||x||. One entry of b > 4 does that. What holds (ours): <C(x), x> >= ||x||^2/sqrt b and
    ||C(x)||^2 <= sqrt(b) <C(x), x>, so that C/sqrt(b) is a contraction with delta = 1/b: the scaled sign would have had
    that from the start.

    Parameters
    ----------
    block
        Coordinates per scale; the whole vector by default.
    """

    name: ClassVar[str] = "normsign"
    why_not_unbiased: ClassVar[str] = "it sends the root mean square in every coordinate, so its mean is not x"
    why_not_contractive: ClassVar[str] = (
        "it keeps the length of x, and its error exceeds ||x|| where ||x||_1 < sqrt(d) ||x||/2; sign is a contraction"
    )

    def contractive(self, dim: int) -> None:  # type: ignore[override]
        self.check(dim)

    def correlated(self, dim: int) -> Correlated:
        root = math.sqrt(self.block_size(dim))
        return Correlated((1 - SCALE_TRUNCATION) / root, root)

    def scale(self, part: NDArray[np.float64]) -> float:
        return float(truncate(np.array([length(part) / math.sqrt(part.size)]), SCALE_LOW_BITS)[0])
