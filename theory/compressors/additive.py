"""The worst absolute error: noise of one size, whatever the vector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .base import AbsoluteError, Compressor, relative, vector


@dataclass(frozen=True)
class Additive(Compressor):
    """Unbiased noise of a size that does not depend on the vector: C(x) = x + (eps/sqrt d) s, s_j = 1 or -1 by coins.

    E C(x) = x and ||C(x) - x||^2 = eps^2 for every x and every coin: the absolute error that DoubleSqueeze assumes
    (Tang et al. 2019, arXiv 1905.05957) is always attained. For tightness studies; the message is a dense vector of
    doubles.

    Parameters
    ----------
    eps
        Above 0.
    """

    name: ClassVar[str] = "additive"
    separable: ClassVar[bool] = False
    why_not_unbiased: ClassVar[str] = "its error does not vanish with the vector, so that no omega bounds it"
    why_not_contractive: ClassVar[str] = "its error does not vanish with the vector, so that no delta bounds it"
    why_not_absolute: ClassVar[str] = ""
    eps: float = 1.0

    def __post_init__(self) -> None:
        self.number_option("eps", 0.0, strict=True)

    def size(self, dim: int) -> float:
        """What is added to every coordinate, or taken from it: eps/sqrt d."""
        return float(self.eps) / math.sqrt(dim)

    def absolute(self, dim: int) -> AbsoluteError:
        self.check(dim)
        return AbsoluteError(float(self.eps))

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        exponent = math.frexp(float(np.abs(x).max()))[1]
        return relative(math.ldexp(float(self.eps), -exponent) ** 2, np.ldexp(x, -exponent))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(float_bits * dim)

    def draws(self, dim: int) -> int:
        return dim
