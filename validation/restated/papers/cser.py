"""CSER, restated.

Xie, Zheng, Koyejo, Gupta, Li, Lin 2020, arXiv 2007.13221 (partial synchronisation and error reset).
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated

RESTATED = {
    "cser.nonconvex": Restated(
        lambda L: 1 / L,
        lambda n, L, Lmax, du, dd, G, s2, D, H, g, T: (
            2 * D / (g * T)
            + (4 * (1 - dd) / dd**2 + 1) * 2 * (1 - du) * g**2 * H**2 * Lmax**2 * G**2
            + L * g * s2 / n
        ),
        chosen={"H": lambda: 8.0},
    ),
    "cser.nonconvex-sharper": Restated(
        lambda L: 1 / L,
        lambda n, L, Lmax, du, dd, G, s2, D, H, g, T: (
            2 * D / (g * T)
            + Lmax**2 * g**2 * (1 - du) * G**2 * (H * sqrt(1 - dd) / (1 - sqrt(1 - dd)) + H - 1) ** 2
            + L * g * s2 / n
        ),
        chosen={"H": lambda: 8.0},
    ),
}  # fmt: skip

ASSUMED = {
    "cser.nonconvex": "smooth workers, smooth, independent noise, bounded gradients, zero initial errors",
    "cser.nonconvex-sharper": "smooth workers, smooth, independent noise, bounded gradients, zero initial errors",
}
