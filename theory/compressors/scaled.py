"""Scaled compressor: the contraction that a compressor makes when it is shortened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.errors import InputError
from .base import Compressor, Contractive, vector
from .composition import Composition


@dataclass(frozen=True)
class Scaled(Composition):
    """Scaled compressor: lambda C(x) with the lambda that makes the best contraction.

    - C unbiased: lambda = 1/(1 + omega), delta = 1/(1 + omega) (Beznosikov, Horvath, Richtarik, Safaryan 2020, arXiv
      2002.12410); at x: lambda^2 omega(x) + (1 - lambda)^2.
    - C of bias eta and variance omega: lambda = min{(1 - eta)/((1 - eta)^2 + omega), 1}, delta = 1 - (1 - lambda +
      lambda eta)^2 - lambda^2 omega (Condat, Li, Richtarik 2022, arXiv 2205.04180).
    - <C(x), x> >= gamma ||x||^2 and ||C(x)||^2 <= beta <C(x), x>: lambda = 1/beta, delta = gamma/beta.

    C(x) travels, its receiver multiplies: bits by formula are those of C.

    Parameters
    ----------
    of
        C.
    """

    name: ClassVar[str] = "scaled"
    PARTS: ClassVar[tuple[str, ...]] = ("of",)
    why_not_unbiased: ClassVar[str] = "it is shortened, so its mean is not x"
    of: Compressor

    def check(self, dim: int) -> None:
        super().check(dim)
        if self.of.general(dim) is None and self.of.correlated(dim) is None:
            raise InputError(f"scaled: of = {self.of.spec} states no constant that tells how to scale it")

    @property
    def separable(self) -> bool:  # type: ignore[override]
        return self.of.separable

    def known(self, dim: int) -> Any:
        """The class of C that says how to scale it."""
        self.check(dim)
        return self.of.general(dim) or self.of.correlated(dim)

    def factor(self, dim: int) -> float:
        """lambda."""
        return self.known(dim).scaling()

    def contractive(self, dim: int) -> Contractive:
        return replace(self.known(dim).scaled(), shared_coins=self.shared_coins)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        return self.factor(x.size) * self.of.image(x)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        if self.of.unbiased(x.size) is None:
            return super().pointwise(x)
        factor = self.factor(x.size)
        return factor**2 * self.of.pointwise(x) + (1 - factor) ** 2 if np.any(x) else 0.0

    def nonzeros(self, dim: int) -> float:
        return self.of.nonzeros(dim)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return self.of.formula_bits(dim, float_bits)
