"""GMC+, restated.

Zhao, Xie, Gao, Li 2019 (arXiv 1905.12948), with Shi 2024 in its third version.
"""

from __future__ import annotations

from math import sqrt

from ....theory import Contractive
from ..formulas import Restated, one, positive
from .gmc import momentum


def kept(n: float, beta: float, d: float, G: float, G1: float, U: float, promise: Contractive) -> float:
    """V of GMC+: the smallest bound on the mean size of the workers' errors."""
    s = sqrt(1 - d)
    found = [s / (1 - s) * (G + beta * (2 * U + G) / (1 - beta))]
    r = s + beta * (sqrt(d) if promise.orthogonal else 1.0 if promise.nonexpansive else 1 + s)
    if n == 1:
        found.append(s * (U + G))
    if r < 1:
        found.append(s * (G * r / (1 - r) + G))
    if promise.keeps == "largest":
        found.append((1 - d) * (G1 * (1 - (1 - beta) * d) / ((1 - beta) * d) + G1))
    return min(found)


RESTATED = {
    "gmc-plus.nonconvex": Restated(
        lambda L, beta: (1 - beta) / L,
        lambda n, L, s2, D, beta, g, T: 2 * D * (1 - beta) / (g * T) + L * g * s2 / (n * (1 - beta)),
        weights=(one, lambda Lmax: -(Lmax**2)),
        limits={"lam": (positive, one)},
        chosen={"beta": lambda: 0.9},
    ),
    "gmc-plus.nonconvex-bounded": Restated(
        lambda L, beta: (1 - beta) / L,
        lambda n, L, Lmax, s2, D, beta, lam, U, V, g, T: (
            2 * D * (1 - beta) / (g * T)
            + L * g * s2 / (n * (1 - beta))
            + (Lmax * g / (1 - beta) * (U + lam * (1 - beta) * V)) ** 2
        ),
        limits={"lam": (positive, one)},
        chosen={"beta": momentum},
    ),
}  # fmt: skip

ASSUMED = {
    "gmc-plus.nonconvex": "smooth, smooth workers, independent noise, zero initial errors",
    "gmc-plus.nonconvex-bounded": "smooth, smooth workers, independent noise, bounded memory",
}
