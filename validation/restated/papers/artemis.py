"""Artemis, restated.

Philippenko, Dieuleveut 2020, arXiv 2006.14591.
"""

from __future__ import annotations

from math import inf

from ..formulas import Restated, one, positive

RESTATED = {
    "artemis.strongly-convex": Restated(
        lambda n, L, Lmax, wu, wd: 1 / ((1 + wd) * (L + 6 * wu * Lmax / n)),
        lambda n, mu, wu, wd, s2, zs2, R2, alpha, g, T: (
            max(1 - g * mu, 1 - alpha / 2 if wu else 0) ** T
            * (R2 + 4 * (1 + wd) * wu / (n * alpha) * g**2 * zs2)
            + (1 + wd) * (1 + 5 * wu) * s2 / n * g**2 / min(g * mu, alpha / 2 if wu else inf)
        ),
        weights=(one, lambda n, wu, wd, alpha, g: 4 * (1 + wd) * wu / (n * alpha) * g**2),
        limits={"alpha": (positive, lambda wu: 1 / (1 + wu))},
    ),
}  # fmt: skip

ASSUMED = {
    "artemis.strongly-convex": (
        "convex workers, smooth workers, smooth, strongly convex, coins independent over workers, "
        "independent noise, zero initial memories"
    ),
}
