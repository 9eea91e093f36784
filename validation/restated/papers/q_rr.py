"""Q-RR, restated.

Sadiev, Malinovsky, Gorbunov, Sokolov, Khaled, Burlachenko, Richtarik 2024 (NeurIPS), arXiv 2206.07021.
"""

from __future__ import annotations

from ..formulas import Restated

RESTATED = {
    "q-rr.strongly-convex": Restated(
        lambda n, Ls, w: 1 / ((1 + 2 * w / n) * Ls),
        lambda n, m, Ls, mu, w, ss2, zs2, R2, g, T: (
            (1 - g * mu) ** T * R2 + 2 * g**2 * (Ls * m * ss2 / 4) / mu + 2 * g * w / (mu * n) * (zs2 + ss2)
        ),
    ),
}  # fmt: skip

ASSUMED = {
    "q-rr.strongly-convex": (
        "strongly convex samples, smooth samples, reshuffled samples, coins independent over workers"
    ),
}
