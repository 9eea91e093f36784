"""GMC, restated.

Zhao, Xie, Gao, Li 2019 (arXiv 1905.12948), with Shi 2024 in its third version.
"""

from __future__ import annotations

import math
from math import inf, sqrt

from ....theory import Contractive
from ..formulas import Restated, geometric_sum, over


def _gmc_decreasing(n, L, mu, s2, R2, U, shift, T):  # type: ignore[no-untyped-def]
    P = mu * (shift - 1) ** 2 * R2 / 4 + 16 * s2 * T / (n * mu)
    Q = 128 * (2 * L + 1.07 * mu) * U**2 / mu**2
    return (P + Q * math.log(1 + T / (shift - 1))) / sum(shift + t for t in range(int(T)))


def memory(n: float, beta: float, d: float, G: float, G1: float, promise: Contractive) -> float:
    """U of GMC: the smallest bound on the memory that is proved for the compressor."""
    s, found = sqrt(1 - d), [inf]
    masks = 1 - d * (1 - beta**2)
    if d == 1:
        return G * beta / (1 - beta)
    if promise.keeps == "random" or n == 1:
        found.append(G * sqrt(1 - (1 - beta) * d) / (1 - sqrt(1 - (1 - beta) * d)))
    if promise.keeps and (n == 1 or (promise.keeps == "random" and promise.shared_coins)):
        found.append(G * sqrt(masks) / (1 - sqrt(masks)))
    if promise.keeps == "largest":
        found.append(G1 * (1 - (1 - beta) * d) / ((1 - beta) * d))
    r = s + beta * (sqrt(d) if promise.orthogonal else 1.0 if promise.nonexpansive else 1 + s)
    return min([*found, G * r / (1 - r)] if r < 1 else found)


def momentum(n: float, d: float, promise: Contractive) -> float:
    """0.9, or half of the beta up to which the memory is bounded."""
    if d == 1 or n == 1 or promise.keeps in ("random", "largest"):
        return 0.9
    longer = sqrt(d) if promise.orthogonal else 1.0 if promise.nonexpansive else 1 + sqrt(1 - d)
    return min(0.9, (1 - sqrt(1 - d)) / longer / 2)


RESTATED = {
    "gmc.nonconvex": Restated(
        lambda L, beta: (1 - beta) / (2 * L),
        lambda n, L, s2, D, beta, U, g, T: (
            4 * D * (1 - beta) / (g * T) + 2 * L * g * s2 / (n * (1 - beta)) + 2 * (L * g * U / (1 - beta)) ** 2
        ),
        chosen={"beta": momentum},
    ),
    "gmc.nonconvex-tuned": Restated(
        lambda n, L, s2, D, beta, U, T: (1 - beta) * min(
            1 / (2 * L), sqrt(over(2 * n * D, L * s2 * T)), over(D, L**2 * U**2 * T) ** (1 / 3)
        ),
        lambda n, L, s2, D, U, T: (
            4 * sqrt(2 * L * D * s2 / (n * T)) + 6 * (L * U * D / T) ** (2 / 3) + 8 * L * D / T
        ),
        chosen={"beta": momentum},
    ),
    "gmc.convex": Restated(
        lambda L, beta: (1 - beta) / (4 * L),
        lambda n, L, s2, R2, beta, U, g, T: (
            2 * R2 * (1 - beta) / (g * T) + 2 * g * s2 / (n * (1 - beta)) + 4 * L * (g * U / (1 - beta)) ** 2
        ),
        chosen={"beta": momentum},
    ),
    "gmc.convex-nonsmooth": Restated(
        lambda: inf,
        lambda G, R2, beta, U, g, T: R2 * (1 - beta) / (2 * g * T) + g / (1 - beta) * (G**2 / 2 + G * U),
        chosen={"beta": momentum, "gamma": lambda G, R2, beta, U: (1 - beta) * sqrt(R2 / (G**2 + 2 * G * U))},
    ),
    "gmc.strongly-convex": Restated(
        lambda L, beta: (1 - beta) / (4 * L),
        lambda n, L, mu, s2, R2, beta, U, g, T: (
            mu * R2 / (geometric_sum(1 / (1 - mu * g / (2 * (1 - beta))), T) * mu * g / (2 * (1 - beta) - mu * g))
            + 2 * g * s2 / (n * (1 - beta)) + 2 * (g / (1 - beta)) ** 2 * (2 * L + mu) * U**2
        ),
        chosen={"beta": momentum},
    ),
    "gmc.strongly-convex-decreasing": Restated(
        lambda mu, beta: 8 * (1 - beta) / mu, _gmc_decreasing, limits={"a": (lambda L, mu: 32 * L / mu, None)},
        chosen={"beta": momentum},
    ),
}  # fmt: skip

ASSUMED = {
    "gmc.nonconvex": "smooth, independent noise, bounded memory",
    "gmc.nonconvex-tuned": "smooth, independent noise, bounded memory",
    "gmc.convex": "convex, smooth, independent noise, bounded memory",
    "gmc.convex-nonsmooth": "convex, bounded gradients, independent noise, bounded memory",
    "gmc.strongly-convex": "smooth, strongly convex, independent noise, bounded memory",
    "gmc.strongly-convex-decreasing": "smooth, strongly convex, independent noise, bounded memory, decreasing step",
}
