"""DIANA, restated.

Mishchenko, Gorbunov, Takac, Richtarik 2019, arXiv 1901.09269.
"""

from __future__ import annotations

from math import inf, sqrt

from ..formulas import Restated, one, positive
from .ef_bv import margin, r_of


def _diana_gap(n: float, w: float, alpha: float, M: float) -> float:
    return alpha - 2 * w / (n * M) if w else inf


RESTATED = {
    "diana.strongly-convex": Restated(
        lambda n, L, Lmax, w, alpha, M: 1 / (L + 2 * w * Lmax / n + M * Lmax * alpha),
        lambda n, mu, w, s2, zs2, R2, alpha, M, g, T: (
            max(1 - g * mu, 1 - _diana_gap(n, w, alpha, M)) ** T * (R2 + M * g**2 * zs2)
            + ((1 + w) / n + M * alpha) * s2 * g**2 / min(g * mu, _diana_gap(n, w, alpha, M))
        ),
        weights=(one, lambda M, g: M * g**2),
        limits={"alpha": (positive, lambda w: 1 / (1 + w)), "M": (lambda n, w, alpha: 2 * w / (n * alpha), None)},
        best=("M",),
    ),
    "diana.pl": Restated(
        lambda L, Lt, w, wav, alpha: 1 / (
            L + Lt * sqrt(wav) * sqrt((1 + r_of(alpha, 0, w)) / 2) / margin(sqrt(r_of(alpha, 0, w)))
        ),
        lambda pl, w, wav, D, g0, alpha, g, T: (
            max(1 - g * pl, (1 + r_of(alpha, 0, w)) / 2 if w else 0) ** T
            * (D + g * wav / (2 * margin(sqrt(r_of(alpha, 0, w)))) * g0)
        ),
        weights=(one, lambda w, wav, alpha, g: g * wav / (2 * margin(sqrt(r_of(alpha, 0, w))))),
        limits={"alpha": (positive, lambda w: 2 / (1 + w))},
        chosen={"alpha": lambda w: 1 / (1 + w)},
    ),
}  # fmt: skip

ASSUMED = {
    "diana.strongly-convex": (
        "convex workers, smooth workers, smooth, strongly convex, prox, coins independent over workers, "
        "independent noise, zero initial memories"
    ),
    "diana.pl": "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, zero initial memories",
}
