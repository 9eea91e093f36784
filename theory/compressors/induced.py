"""Induced compressor: an unbiased message of what a contraction left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .base import Compressor, Unbiased, length, vector
from .composition import Composition


@dataclass(frozen=True)
class Induced(Composition):
    """Induced compressor: C(x) = C1(x) + Q(x - C1(x)), C1 contractive, Q unbiased.

    Source: Horvath and Richtarik 2021 (A better alternative to error feedback, arXiv 2006.11077). Published: unbiased
    with omega = (1 - delta) omega_Q. Exact at x if C1 is deterministic or Q errs alike on all vectors. Both messages
    travel; bits by formula: the sum.

    Parameters
    ----------
    first, second
        C1 and Q.
    """

    name: ClassVar[str] = "induced"
    PARTS: ClassVar[tuple[str, ...]] = ("first", "second")
    adds_messages: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = "it is unbiased and expands vectors; scaled:of=induced/... is a contraction"
    first: Compressor
    second: Compressor

    def check(self, dim: int) -> None:
        super().check(dim)
        self.need("first", "contractive", self.first.contractive(dim))
        self.need("second", "unbiased", self.second.unbiased(dim))

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        contractive, unbiased = self.first.contractive(dim), self.second.unbiased(dim)
        return Unbiased((1 - contractive.delta) * unbiased.omega, self.shared_coins)  # type: ignore[union-attr]

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        if (p := self.second.keep_probability(x.size)) is not None:
            return (1 / p - 1) * self.first.pointwise(x)
        rest = x - self.first.image(x)
        return self.second.pointwise(rest) * (length(rest) / length(x)) ** 2 if np.any(x) else 0.0

    def nonzeros(self, dim: int) -> float:
        return min(float(dim), self.first.nonzeros(dim) + self.second.nonzeros(dim))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return self.first.formula_bits(dim, float_bits) + self.second.formula_bits(dim, float_bits)
