"""The worst contraction, for studies of tightness."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.errors import InputError
from .base import Compressor, Contractive, length, vector


@dataclass(frozen=True)
class Adversary(Compressor):
    """The worst contraction: ||C(x) - x||^2 = (1 - delta) ||x||^2 at every x, in a direction chosen against the method.

    For tightness studies (for instance Berg Thomsen, Taylor, Dieuleveut 2025). With r = sqrt(1 - delta) and y
    orthogonal to x, ||y|| = ||x||:

    - shrink: C(x) = (1 - r) x, which is nonexpansive and orthogonal;
    - grow: C(x) = (1 + r) x;
    - orthogonal: C(x) = x + r y;
    - sphere: C(x) = delta x + sqrt(delta (1 - delta)) y, nonexpansive with <C(x), x - C(x)> = 0.

    y turns pairs of coordinates by a right angle, (x_1, x_2, x_3, ...) to (-x_2, x_1, -x_4, ...); in an odd dimension
    the last entry gives its length to the others. Deterministic; the message is a dense vector of doubles.

    Parameters
    ----------
    delta
        In (0, 1].
    direction
        "shrink", "grow", "orthogonal" or "sphere"; the last two need two coordinates.
    """

    name: ClassVar[str] = "adversary"
    why_not_unbiased: ClassVar[str] = "it errs on purpose, always in the same direction"
    delta: float = 0.5
    direction: str = "shrink"

    def __post_init__(self) -> None:
        self.number_option("delta", 0.0, 1.0, strict=True)
        self.word_option("direction", "shrink", "grow", "orthogonal", "sphere")

    def check(self, dim: int) -> None:
        super().check(dim)
        if dim == 1 and self.factors[1]:
            raise InputError(
                f"adversary: direction = {self.direction} needs 2 coordinates, there is 1; take shrink or grow"
            )

    @property
    def factors(self) -> tuple[float, float]:
        """(a, b) in C(x) = a x + b y."""
        delta, r = float(self.delta), math.sqrt(1 - self.delta)
        return {
            "shrink": (1 - r, 0.0),
            "grow": (1 + r, 0.0),
            "orthogonal": (1.0, r),
            "sphere": (delta, math.sqrt(delta) * r),
        }[self.direction]

    def contractive(self, dim: int) -> Contractive:
        self.check(dim)
        inward = self.direction in ("shrink", "sphere") or self.delta == 1
        return Contractive(float(self.delta), nonexpansive=inward, orthogonal=inward)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        self.check(x.size)
        a, b = self.factors
        if b == 0:
            return a * x
        y = np.zeros(x.size)
        pairs = x.size // 2 * 2
        y[0:pairs:2], y[1:pairs:2] = -x[1:pairs:2], x[0:pairs:2]
        turned, norm = length(y), length(x)
        if turned == 0:
            y[0] = turned = 1.0
        return a * x + b * (norm / turned) * y

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(float_bits * dim)
