"""NEOLITHIC, restated.

Huang, Chen, Yin, Yuan 2022, arXiv 2206.03665; reconstructed.
"""

from __future__ import annotations

import math
from math import sqrt

from ..formulas import Restated

RESTATED = {
    "neolithic.nonconvex": Restated(
        lambda L: 1 / (4 * L),
        lambda n, L, d, s2, D, T: sqrt(L * D * s2 / (n * T)) + L * D / (d * T),
        chosen={
            "R": lambda d: math.ceil(math.log(16) / -math.log(1 - d)) if d < 1 else 1.0,
            "gamma": lambda n, L, s2, D, R, T: 1 / (4 * L + sqrt(L * s2 * T / (n * R * D))),
        },
    ),
}  # fmt: skip

ASSUMED = {
    "neolithic.nonconvex": "smooth, independent noise",
}
