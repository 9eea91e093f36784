"""Tight one-worker rates, restated.

Berg Thomsen, Taylor, Dieuleveut 2025.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated, one


def tight_rate(L: float, mu: float, d: float) -> float:
    """The rate of error feedback and EF21 at the best step, by the paper's formula."""
    e = 1 - d
    eta = 2 / (L + mu) * (1 - sqrt(e)) / (1 + sqrt(e))
    root = sqrt((L - mu) ** 2 + 16 * L * mu * sqrt(e) / (1 + sqrt(e)) ** 2)
    lam = eta / (L + mu) * ((1 - sqrt(e)) * (L - mu) + (1 + sqrt(e)) * root)
    return sqrt(e) + (1 + sqrt(e)) * (L - mu) * lam / 4


RESTATED = {
    "error-feedback.tight-single-worker": Restated(
        lambda L, mu, d: 2 / (L + mu) * (1 - sqrt(1 - d)) / (1 + sqrt(1 - d)),
        lambda L, mu, d, R2, T: tight_rate(L, mu, d) ** T * R2,
        weights=(one, lambda d: 1 / sqrt(1 - d) if d < 1 else 0.0),
    ),
    "ef21.tight-single-worker": Restated(
        lambda L, mu, d: 2 / (L + mu) * (1 - sqrt(1 - d)) / (1 + sqrt(1 - d)),
        lambda L, mu, d, g0, T: tight_rate(L, mu, d) ** T * (1 + sqrt(1 - d)) * g0,
        weights=(one, lambda d: sqrt(1 - d)),
    ),
    "compressed-gd.tight": Restated(
        lambda L, mu, d: 2 / ((1 - sqrt(1 - d)) * mu + (1 + sqrt(1 - d)) * L),
        lambda L, mu, d, D, T: (
            (((1 + sqrt(1 - d)) * L - (1 - sqrt(1 - d)) * mu) / ((1 + sqrt(1 - d)) * L + (1 - sqrt(1 - d)) * mu))
            ** (2 * T) * D
        ),
    ),
}  # fmt: skip

ASSUMED = {
    "error-feedback.tight-single-worker": "one worker, exact gradients, smooth, strongly convex",
    "ef21.tight-single-worker": "one worker, exact gradients, smooth, strongly convex",
    "compressed-gd.tight": "one worker, exact gradients, smooth, strongly convex",
}
