"""Parallel SGD, restated."""

from __future__ import annotations

from ..formulas import Restated

RESTATED = {
    "sgd.nonconvex": Restated(lambda L: 1 / L, lambda n, L, s2, D, g, T: 2 * D / (g * T) + g * L * s2 / n),
    "sgd.convex": Restated(lambda L: 1 / (2 * L), lambda n, s2, R2, g, T: R2 / (g * T) + g * s2 / n),
    "sgd.strongly-convex": Restated(
        lambda L: 1 / L, lambda n, L, mu, s2, D, g, T: (1 - g * mu) ** T * D + g * L * s2 / (2 * n * mu)
    ),
    "sgd.pl": Restated(
        lambda L: 1 / L, lambda n, L, pl, s2, D, g, T: (1 - g * pl) ** T * D + g * L * s2 / (2 * n * pl)
    ),
    "sgd.finite-sum": Restated(
        lambda n, L, Ls: 1 / (2 * Ls) if n == 1 else 1 / (L + 2 * Ls / n),
        lambda n, mu, ss2, R2, g, T: (1 - g * mu) ** T * R2 + 2 * g * ss2 / (n * mu),
    ),
    "sgd.momentum-convex": Restated(
        lambda Ls: 1 / (4 * Ls), lambda n, ss2, R2, g, T: R2 / (g * (T + 1)) + 2 * g * ss2 / n
    ),
}  # fmt: skip

ASSUMED = {
    "sgd.nonconvex": "smooth, independent noise",
    "sgd.convex": "convex, smooth, independent noise",
    "sgd.strongly-convex": "smooth, strongly convex, independent noise",
    "sgd.pl": "smooth, Polyak-Lojasiewicz, independent noise",
    "sgd.finite-sum": "convex workers, convex samples, smooth samples, smooth, strongly convex, independent noise",
    "sgd.momentum-convex": "convex workers, convex samples, smooth samples, independent noise",
}
