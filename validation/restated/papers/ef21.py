"""EF21, restated.

Richtarik, Sokolov, Fatkhullin 2021, arXiv 2106.05203; the view as a three-point compressor is that of Richtarik,
Sokolov, Fatkhullin, Gasanov, Li, Gorbunov 2022, arXiv 2202.00998.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated, one, over, positive


def theta_of(d: float) -> float:
    return 1 - sqrt(1 - d)


def beta_of(d: float) -> float:
    return over(1 - d, 1 - sqrt(1 - d))


RESTATED = {
    "ef21.nonconvex": Restated(
        lambda L, Lt, d: 1 / (L + Lt * sqrt(beta_of(d) / theta_of(d))),
        lambda d, D, g0, g, T: 2 * D / (g * T) + (1 - d) * g0 / (theta_of(d) * T),
    ),
    "ef21.pl": Restated(
        lambda L, Lt, pl, d: min(1 / (L + Lt * sqrt(2 * beta_of(d) / theta_of(d))), theta_of(d) / (2 * pl)),
        lambda pl, d, D, g0, g, T: (1 - g * pl) ** T * (D + g / theta_of(d) * (1 - d) * g0),
        weights=(one, lambda d, g: g * (1 - d) / theta_of(d)),
    ),
    "3pc.nonconvex": Restated(
        lambda L, Lt, A, B: 1 / (L + Lt * sqrt(B / A)),
        lambda d, D, g0, A, g, T: 2 * D / (g * T) + (1 - d) * g0 / (A * T),
        limits={
            "A": (positive, lambda d: d),
            "B": (lambda d, A: (1 - d) * (1 - A) / (d - A) if d < 1 else 0.0, None),
        },
        chosen={"A": lambda d: theta_of(d)},
    ),
}  # fmt: skip

ASSUMED = {
    "ef21.nonconvex": "smooth, smooth on average, exact gradients, zero initial memories",
    "ef21.pl": "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, zero initial memories",
    "3pc.nonconvex": "smooth, smooth on average, exact gradients, zero initial memories",
}
