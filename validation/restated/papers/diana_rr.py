"""DIANA-RR, restated.

Sadiev, Malinovsky, Gorbunov, Sokolov, Khaled, Burlachenko, Richtarik 2024 (NeurIPS), arXiv 2206.07021.
"""

from __future__ import annotations

from ..formulas import Restated, geometric_sum, one


def _shifts(n: float, m: float, mu: float, w: float, alpha: float, g: float) -> float:
    """DIANA-RR's weight of the shifts: the mean over all orders of (4 w g^2/(alpha n^2)) (1 - g mu)^k, times n m."""
    return 4 * w * g**2 / (alpha * n) * geometric_sum(1 - g * mu, m)


RESTATED = {
    "diana-rr.strongly-convex": Restated(
        lambda n, m, Ls, mu, w, alpha: min(alpha / (2 * m * mu), 1 / ((1 + 6 * w / n) * Ls)),
        lambda n, m, Ls, mu, w, ss2, zs2, R2, alpha, g, T: (
            (1 - g * mu) ** T * (R2 + _shifts(n, m, mu, w, alpha, g) * (zs2 + ss2)) + 2 * g**2 * (Ls * m * ss2 / 4) / mu
        ),
        weights=(one, lambda n, m, mu, w, alpha, g: _shifts(n, m, mu, w, alpha, g)),
        limits={"alpha": (None, lambda w: 1 / (1 + w))},
    ),
}  # fmt: skip

ASSUMED = {
    "diana-rr.strongly-convex": (
        "strongly convex samples, smooth samples, "
        "reshuffled samples, coins independent over workers, zero initial memories"
    ),
}
