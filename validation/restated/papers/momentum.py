"""Momentum without compression, restated."""

from __future__ import annotations

from ..formulas import Restated, one, positive

RESTATED = {
    "heavy-ball.nonconvex": Restated(
        lambda L, beta: (1 - beta) * (1 - beta) / (4 * L),
        lambda n, L, s2, D, beta, g, T: (
            8 * D * (1 - beta) / (3 * g * T)
            + 4 * L * s2 * g / (3 * n * (1 - beta))
            + 8 * L**2 * g**2 * beta**2 * s2 / (3 * n * (1 - beta**2) * (1 - beta) ** 2)
        ),
        limits={"beta": (positive, one)},
        chosen={"beta": lambda: 0.9},
    ),
    "momentum.nonconvex": Restated(
        lambda L, b: (1 - b) / (4 * L),
        lambda n, L, s2, D, b, g, T: (
            8 * D / (3 * g * T) + 4 * L * g * s2 / (3 * n) + 8 * L**2 * g**2 * b**2 * s2 / (3 * n * (1 - b**2))
        ),
        limits={"b": (positive, one)},
        chosen={"b": lambda: 0.9},
    ),
}  # fmt: skip

ASSUMED = {
    "heavy-ball.nonconvex": "smooth, independent noise",
    "momentum.nonconvex": "smooth, independent noise",
}
