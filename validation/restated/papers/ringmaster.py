"""Ringmaster ASGD, restated.

Maranjyan, Tyurin, Richtarik 2025, arXiv 2501.16168.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import inf

from ..formulas import Restated, one, soonest


def _updates(times: Sequence[float], R: float, T: float) -> float:
    """min over m of (m + T + m T/R)/(1/tau_1 + ... + 1/tau_m)."""
    fastest = sorted(times)
    return min((m + T + m * T / R) / sum(1 / tau for tau in fastest[:m]) for m in range(1, len(fastest) + 1))


RESTATED = {
    "ringmaster.nonconvex": Restated(
        lambda L, R: 1 / (2 * L * max(1, R - 1)), lambda L, s2, D, g, T: 2 * D / (g * T) + 2 * L * g * s2,
        seconds=_updates,
        chosen={"R": lambda n: n},
        wanted={"R": lambda s2, eps: math.floor(1 + 2 * s2 / eps)},
    ),
    "ringmaster.time": Restated(
        lambda: inf,
        lambda times, R, T: 2 * soonest(times, R) / R * (1 + (R - 1) / T),
        seconds=lambda times, R, T: 2 * soonest(times, R) * math.ceil(T / R),
        chosen={"R": lambda n: n, "gamma": one},
    ),
    "ringmaster.time-sharper": Restated(
        lambda: inf, lambda times, R, T: _updates(times, R, T) / T, seconds=_updates,
        chosen={"R": lambda n: n, "gamma": one},
    ),
}  # fmt: skip

ASSUMED = {
    "ringmaster.nonconvex": (
        "equal workers, smooth, independent noise, "
        "no old messages, delays independent of samples and coins, samples used once"
    ),
    "ringmaster.time": "compute times, no old messages",
    "ringmaster.time-sharper": "compute times, no old messages",
}
