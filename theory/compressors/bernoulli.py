"""Bernoulli: the whole vector or nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from .base import Compressor, Unbiased, centred
from .selection import selection_error, selection_unbiased


@dataclass(frozen=True)
class Bernoulli(Compressor):
    """Bernoulli: the whole vector over p with probability p, else nothing.

    Folklore, the coin of lazy senders. omega = 1/p - 1, attained by every x. The probability is the multiple of 2^-32
    nearest to `p`, and C divides by exactly that. Bits by formula: 1 + p b_f d in expectation.

    Parameters
    ----------
    p
        In [2^-32, 1].
    """

    name: ClassVar[str] = "bernoulli"
    together: ClassVar[bool] = True
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = "divided by p it expands vectors; scaled:of=bernoulli is a contraction"
    p: float = 0.5

    def __post_init__(self) -> None:
        self.number_option("p", 2.0**-32, 1.0)

    @property
    def probability(self) -> float:
        """The probability of sending, a multiple of 2^-32."""
        return math.floor(self.p * 2**32 + 0.5) / 2**32

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        return selection_unbiased(self.probability)

    def pointwise(self, x: ArrayLike) -> float:
        return selection_error(centred(x), self.probability, True)

    def keep_probability(self, dim: int) -> float:
        return self.probability

    def nonzeros(self, dim: int) -> float:
        self.check(dim)
        return self.probability * dim

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return 1 + self.probability * float_bits * dim

    def draws(self, dim: int) -> int:
        return dim + 1
