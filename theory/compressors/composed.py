"""Composed compressor: a message of a message."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .base import Compressor, Contractive, General, Unbiased, index_bits, length, vector
from .composition import Composition


@dataclass(frozen=True)
class Composed(Composition):
    """Composed compressor: C(x) = C2(C1(x)), C2 unbiased, C1 unbiased or contractive.

    - C1 unbiased: unbiased with omega = omega_1 omega_2 + omega_1 + omega_2 (Horvath et al. 2019, arXiv 1905.10988,
      for C_nat o C: 9 omega/8 + 1/8; the same proof serves all).
    - C1 contractive with ||C1(x)|| <= ||x|| and <C1(x), x - C1(x)> >= 0 (top-k, sign ...), omega_2 < 1: contractive
      with delta = delta_1 (1 - omega_2) (ours). With a = E||C1(x) - x||^2/||x||^2 <= 1 - delta_1 the error is a plus
      omega_2 E||C1(x)||^2/||x||^2 <= omega_2 (1 - a), which grows with a.
    - C1 contractive, deterministic and nonexpansive: bias sqrt(1 - delta_1) and variance omega_2, so that `scaled`
      makes it a contraction for every omega_2 (Condat, Li, Richtarik 2022, arXiv 2205.04180).

    If C2 is natural compression the nonzero entries of the message travel, else C2's message. Bits by formula likewise.

    Parameters
    ----------
    first, second
        C1 and C2.
    """

    name: ClassVar[str] = "composed"
    PARTS: ClassVar[tuple[str, ...]] = ("first", "second")
    first: Compressor
    second: Compressor

    def check(self, dim: int) -> None:
        super().check(dim)
        self.need("second", "unbiased", self.second.unbiased(dim))
        if self.first.unbiased(dim) is None:
            self.need("first", "contractive", self.first.contractive(dim))

    @property
    def separable(self) -> bool:  # type: ignore[override]
        return self.first.separable and self.second.separable

    @property
    def why_not_unbiased(self) -> str:  # type: ignore[override]
        return self.first.why_not_unbiased

    @property
    def why_not_contractive(self) -> str:  # type: ignore[override]
        if not self.first.why_not_unbiased:
            return "it is unbiased; scaled:of=composed/... is a contraction"
        return "its second part is too noisy (omega >= 1); scaled:of=composed/... is a contraction"

    def unbiased(self, dim: int) -> Unbiased | None:
        self.check(dim)
        if (first := self.first.unbiased(dim)) is None:
            return None
        one, two = first.omega, self.second.unbiased(dim).omega  # type: ignore[union-attr]
        return Unbiased(one * two + one + two, self.shared_coins)

    def contractive(self, dim: int) -> Contractive | None:
        self.check(dim)
        first, second = self.first.contractive(dim), self.second.unbiased(dim)
        if self.first.unbiased(dim) is not None or first is None or second is None or second.omega >= 1:
            return None
        if not (first.nonexpansive and first.orthogonal):
            return None
        return Contractive(first.delta * (1 - second.omega), shared_coins=self.shared_coins)

    def general(self, dim: int) -> General | None:
        first, second = self.first.contractive(dim), self.second.unbiased(dim)
        biased = self.first.unbiased(dim) is None and first is not None and second is not None
        if biased and first.nonexpansive and not self.first.draws(dim):  # type: ignore[union-attr]
            return General(math.sqrt(1 - first.delta), second.omega)  # type: ignore[union-attr]
        return super().general(dim)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        one, two = (part.keep_probability(x.size) for part in self.parts)
        if one is not None and self.second.separable:
            return self.second.pointwise(x / one) / one + 1 / one - 1 if np.any(x) else 0.0
        if two is not None and self.first.unbiased(x.size) is not None:
            error = self.first.pointwise(x)
            return error + (1 / two - 1) * (1 + error) if np.any(x) else 0.0
        y = self.first.image(x)
        norm = length(x) or 1.0
        return self.second.pointwise(y) * (length(y) / norm) ** 2 + (length(y - x) / norm) ** 2

    def nonzeros(self, dim: int) -> float:
        return min(self.first.nonzeros(dim), self.second.nonzeros(dim))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        if not self.second.entry_bits:
            return self.second.formula_bits(dim, float_bits)
        kept = self.first.nonzeros(dim)
        where = index_bits(dim) if kept < dim else 0
        return kept * (self.second.formula_bits(1, float_bits) + where)
