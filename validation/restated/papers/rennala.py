"""Rennala SGD, restated.

Tyurin, Richtarik 2023, arXiv 2305.12387.
"""

from __future__ import annotations

import math
from math import inf

from ..formulas import Restated, one, soonest

RESTATED = {
    "rennala.nonconvex": Restated(
        lambda L: 1 / L, lambda L, s2, D, B, g, T: 2 * D / (g * T) + g * L * s2 / B,
        seconds=lambda times, B, T: T * soonest(times, B),
        chosen={"B": lambda n: n},
        wanted={"B": lambda n, s2, eps: max(n, math.ceil(2 * s2 / eps))},
    ),
    "rennala.time": Restated(
        lambda: inf, lambda times, B: soonest(times, B), seconds=lambda times, B, T: T * soonest(times, B),
        chosen={"B": lambda n: n, "gamma": one},
    ),
}  # fmt: skip

ASSUMED = {
    "rennala.nonconvex": (
        "equal workers, smooth, independent noise, "
        "messages of the current model, delays independent of samples and coins, samples used once"
    ),
    "rennala.time": "compute times, messages of the current model",
}
