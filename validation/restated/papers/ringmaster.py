"""Ringmaster ASGD, restated.

Maranjyan, Tyurin, Richtarik 2025, arXiv 2501.16168.
"""

from __future__ import annotations

from ..formulas import Restated

RESTATED = {
    "ringmaster.nonconvex": Restated(
        lambda L, R: 1 / (2 * L * max(1, R - 1)), lambda L, s2, D, g, T: 2 * D / (g * T) + 2 * L * g * s2
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
