"""EF21-P, restated.

Gruntkowska, Tyurin, Richtarik 2023, arXiv 2209.15218.
"""

from __future__ import annotations

from math import inf

from ..formulas import Restated, one

RESTATED = {
    "ef21-p.strongly-convex": Restated(
        lambda L, dd: dd / (16 * L),
        lambda mu, R2, D, g, T: (1 - g * mu / 2) ** T * (R2 / (2 * g) + D),
        weights=(lambda g: 1 / (2 * g), one),
    ),
    "ef21-p-diana.strongly-convex": Restated(
        lambda n, L, Lmax, mu, w, dd: min(
            n / (160 * w * Lmax) if w else inf, dd / (100 * L), 1 / ((w + 1) * mu)
        ),
        lambda n, mu, w, zs2, R2, D, g, T: (
            (1 - g * mu / 2) ** T * (R2 / (2 * g) + D + 8 * g * w * (w + 1) * zs2 / n)
        ),
        weights=(lambda g: 1 / (2 * g), one),
        limits={"beta": (None, lambda w: 1 / (w + 1))},
    ),
    "ef21-p-diana.convex": Restated(
        lambda n, L, Lmax, w, dd: min(n / (160 * w * Lmax) if w else inf, dd / (100 * L)),
        lambda n, w, zs2, R2, D, g, T: R2 / (g * T) + D / T + 16 * g * w * (w + 1) * zs2 / (T * n),
        limits={"beta": (None, lambda w: 1 / (w + 1))},
    ),
}  # fmt: skip

ASSUMED = {
    "ef21-p.strongly-convex": "smooth, strongly convex, exact gradients",
    "ef21-p-diana.strongly-convex": (
        "convex workers, smooth workers, smooth, strongly convex, exact gradients, "
        "coins independent over workers, zero initial memories"
    ),
    "ef21-p-diana.convex": (
        "convex workers, smooth workers, smooth, convex, exact gradients, coins independent over workers, "
        "zero initial memories"
    ),
}
