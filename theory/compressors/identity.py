"""The identity: nothing is compressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import AbsoluteError, Compressor, Contractive, Unbiased, vector


@dataclass(frozen=True)
class Identity(Compressor):
    """C(x) = x: omega = 0, delta = 1, no error; 64 bits a coordinate are really sent, the formula counts b_f
    d."""

    name: ClassVar[str] = "identity"
    keeps_support: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    why_not_absolute: ClassVar[str] = ""

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        return Unbiased(0.0)

    def contractive(self, dim: int) -> Contractive:
        self.check(dim)
        return Contractive(1.0, nonexpansive=True, orthogonal=True)

    def absolute(self, dim: int) -> AbsoluteError:
        self.check(dim)
        return AbsoluteError(0.0)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        return vector(x)

    def keep_probability(self, dim: int) -> float:
        return 1.0

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(float_bits * dim)
