"""EF21-SGDM, restated.

Fatkhullin, Tyurin, Richtarik 2023, arXiv 2305.15155.
"""

from __future__ import annotations

from math import inf, sqrt

from ..formulas import Restated, one, positive


def _sgdm(n, d, s2, D, eta, g, T):  # type: ignore[no-untyped-def]
    e = 1 - d
    start = (2 / (eta * n) + 16 * e * eta / d**2) * s2 / T
    return 2 * D / (g * T) + start + 2 * eta * s2 / n + 4 * e * eta**2 * s2 / d + 16 * e * eta**3 * s2 / d**2


RESTATED = {
    "ef21-sgdm.nonconvex": Restated(
        lambda L, Lt, d, eta: min(d / (8 * Lt * sqrt(1 - d)) if d < 1 else inf, eta / (4 * L)),
        _sgdm,
        limits={"eta": (positive, one)},
        chosen={"eta": lambda L, Lt, d: min(1.0, L * d / (2 * Lt * sqrt(1 - d))) if d < 1 else 1.0},
    ),
}  # fmt: skip

ASSUMED = {
    "ef21-sgdm.nonconvex": "smooth, smooth on average, independent noise, uncompressed first round",
}
