"""EF21 with its optimal step on unequal workers, restated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import sqrt

import numpy as np

from ..formulas import Restated, one


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _unequal(sums: Sequence[float], gaps: Sequence[float], d: float) -> float:
    """The largest root of the cubic of EF21 on workers with sums L_i + mu_i and gaps L_i - mu_i."""
    s, mean = sqrt(1 - d), _mean(sums)
    K1, K2 = _mean([x * x / y for x, y in zip(gaps, sums, strict=True)]) / mean, (_mean(gaps) / mean) ** 2
    r = (1 - s) ** 2 / (1 + s)
    cubic = [1.0, -(s * (2 + s) + r * (s * K1 + K2)), s**2 * (1 + 2 * s + r * (K1 + s * K2)), -(s**4)]
    return max(float(root.real) for root in np.roots(cubic))


RESTATED = {
    "ef21.tight-unequal": Restated(
        lambda sums, d: 2 / _mean(sums) * (1 - sqrt(1 - d)) / (1 + sqrt(1 - d)),
        lambda sums, gaps, d, g0, T: (
            _unequal(sums, gaps, d) ** T * (1 + sqrt(1 - d) * _mean(sums) / min(sums)) * g0
        ),
        weights=(one, lambda sums, d: sqrt(1 - d) * _mean(sums) / max(sums)),
    ),
}  # fmt: skip

ASSUMED = {
    "ef21.tight-unequal": "constants of each worker, exact gradients, zero initial memories",
}
