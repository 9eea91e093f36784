"""LIEC-SGD, restated.

Cheng, Shen, Xu, Qian, Wu, Zhou, Zhang, Tao, Chen 2024, arXiv 2402.11857.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated, over


def _liec(du: float, dd: float, W: float, H: float, G: float, times: float) -> float:
    """S_H + `times` E_H."""
    return (1 - du) * G**2 * (H - 1) ** 2 + times * W * (1 - dd) * G**2 * min(4 / dd**2, (H - 1) ** 2)


RESTATED = {
    "liec.nonconvex-shadow": Restated(
        lambda L: 1 / L,
        lambda n, L, Lmax, du, dd, W, G, s2, D, H, g, T: (
            2 * D / (g * T) + L * g * s2 / n + Lmax**2 * g**2 * _liec(du, dd, W, H, G, 1)
        ),
        chosen={"H": lambda: 8.0},
    ),
    "liec.nonconvex": Restated(
        lambda L: 1 / L,
        lambda n, L, Lmax, du, dd, W, G, s2, D, H, g, T: (
            4 * D / (g * T) + 2 * L * g * s2 / n + 2 * Lmax**2 * g**2 * _liec(du, dd, W, H, G, 2)
        ),
        chosen={"H": lambda: 8.0},
    ),
    "liec.nonconvex-tuned": Restated(
        lambda n, L, s2, D, T: min(1 / L, sqrt(over(2 * n * D, L * s2 * T))),
        lambda n, L, Lmax, du, dd, W, G, s2, D, H, T: (
            4 * L * D / T
            + 4 * sqrt(2 * L * D * s2 / (n * T))
            + _liec(du, dd, W, H, G, 2) * Lmax**2 * (4 * n * D / (L * s2 * T) if s2 else 2 / L**2)
        ),
        chosen={"H": lambda: 8.0},
    ),
}  # fmt: skip

ASSUMED = {
    "liec.nonconvex-shadow": "smooth workers, smooth, independent noise, bounded gradients, zero initial errors",
    "liec.nonconvex": "smooth workers, smooth, independent noise, bounded gradients, zero initial errors",
    "liec.nonconvex-tuned": "smooth workers, smooth, independent noise, bounded gradients, zero initial errors",
}
