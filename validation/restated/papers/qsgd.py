"""QSGD, restated."""

from __future__ import annotations

import math

from ..formulas import Restated


def _qsgd_nonconvex(n, L, Lmax, w, s2, Dstar, D, g, T):  # type: ignore[no-untyped-def]
    A = w * Lmax / n
    floor = L * (2 * A * Dstar + (1 + w) * s2 / n) * g
    return floor + (2 * L * A * g * D / -math.expm1(-T * math.log1p(L * A * g * g)) if A else 2 * D / (g * T))


def _two_way(n, L, wu, wd, s2, z2, D, g, T):  # type: ignore[no-untyped-def]
    A = (wd + 1) * (wu + 1) * s2 / n + (wd + 1) * wu * z2 / n
    left = 2 - (1 + wd + (wd + 1) * wu / n) * L * g
    return 2 * D / (g * left * T) + A * L * g / left


RESTATED = {
    "qsgd.strongly-convex": Restated(
        lambda n, L, Lmax, w: 1 / (L + 2 * w * Lmax / n),
        lambda n, mu, w, s2, zs2, R2, g, T: (
            (1 - g * mu) ** T * R2 + g / mu * (2 * w * zs2 / n + (1 + w) * s2 / n)
        ),
    ),
    "qsgd.nonconvex": Restated(lambda L: 1 / L, _qsgd_nonconvex),
    "qsgd.nonconvex-two-way": Restated(lambda n, L, wu, wd: 2 / (L * (1 + wd + (wd + 1) * wu / n)), _two_way),
}  # fmt: skip

ASSUMED = {
    "qsgd.strongly-convex": (
        "convex workers, smooth workers, smooth, strongly convex, coins independent over workers, independent noise"
    ),
    "qsgd.nonconvex": (
        "smooth, smooth workers, workers bounded below, coins independent over workers, independent noise"
    ),
    "qsgd.nonconvex-two-way": "smooth, bounded dissimilarity, coins independent over workers, independent noise",
}
