"""Hard threshold: the coordinates above a level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import AbsoluteError, Compressor, beside, vector


@dataclass(frozen=True)
class Threshold(Compressor):
    """Hard threshold: entries of absolute value above `level` are sent as they are, the others dropped.

    Absolute error sqrt(d) level, the class that DoubleSqueeze assumes (Tang et al. 2019, arXiv 1905.05957),
    approached by entries equal to the level. Nothing limits the number of entries sent: the formula is the
    dense vector b_f d.

    Parameters
    ----------
    level
        Above 0.
    """

    name: ClassVar[str] = "threshold"
    keeps_support: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    why_not_unbiased: ClassVar[str] = "it always drops the entries below its level, so its mean is not x"
    why_not_contractive: ClassVar[str] = "a vector whose entries are all below the level is dropped whole"
    why_not_absolute: ClassVar[str] = ""
    level: float = 0.01

    def __post_init__(self) -> None:
        self.number_option("level", 0.0, strict=True)

    def absolute(self, dim: int) -> AbsoluteError:
        self.check(dim)
        return AbsoluteError(math.sqrt(dim) * self.level)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        self.check(x.size)
        return np.where(np.abs(x) > self.level, x, 0.0)

    def ties(self, dim: int) -> list[NDArray[np.float64]]:
        return beside(np.where(np.arange(dim) % 2, -self.level, self.level))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(float_bits * dim)
