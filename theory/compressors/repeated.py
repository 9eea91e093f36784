"""Repeated compressor: what is left is compressed again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import Compressor, Contractive, Unbiased, vector
from .composition import Composition


@dataclass(frozen=True)
class Repeated(Composition):
    """Repeated compressor: C(u) = v_R, v_0 = 0, v_r = v_(r-1) + C(u - v_(r-1)): what is left is compressed again.

    Source: Huang, Chen, Yin, Yuan 2022 (NEOLITHIC, arXiv 2206.03665), the fast compressed communication of R rounds.
    C contractive: delta_R = 1 - (1 - delta)^R. C unbiased: omega_R = omega^R (ours: given v_(r-1), v_r is unbiased with
    variance at most omega ||u - v_(r-1)||^2). R messages travel; bits by formula: R times those of C.

    Parameters
    ----------
    of
        C.
    times
        R, at least 1.
    """

    name: ClassVar[str] = "repeated"
    PARTS: ClassVar[tuple[str, ...]] = ("of",)
    adds_messages: ClassVar[bool] = True
    of: Compressor
    times: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.whole_option("times", 1, 1000)

    @property
    def separable(self) -> bool:  # type: ignore[override]
        return self.of.separable

    @property
    def why_not_unbiased(self) -> str:  # type: ignore[override]
        return self.of.why_not_unbiased

    @property
    def why_not_contractive(self) -> str:  # type: ignore[override]
        return self.of.why_not_contractive

    def unbiased(self, dim: int) -> Unbiased | None:
        self.check(dim)
        claim = self.of.unbiased(dim)
        return claim and Unbiased(claim.omega**self.times, self.shared_coins)

    def contractive(self, dim: int) -> Contractive | None:
        self.check(dim)
        claim = self.of.contractive(dim)
        return claim and Contractive(1 - (1 - claim.delta) ** self.times, shared_coins=self.shared_coins)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        v = self.of.image(x)
        for _ in range(self.times - 1):
            v = v + self.of.image(x - v)
        return v

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        if self.times == 1:
            return self.of.pointwise(x)
        if (p := self.of.keep_probability(x.size)) is not None:
            return (1 / p - 1) ** self.times if np.any(x) else 0.0
        return super().pointwise(x)

    def nonzeros(self, dim: int) -> float:
        return min(float(dim), self.times * self.of.nonzeros(dim))

    def draws(self, dim: int) -> int:
        return self.times * self.of.draws(dim)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return self.times * self.of.formula_bits(dim, float_bits)
