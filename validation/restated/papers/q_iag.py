"""Q-IAG, restated.

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573.
"""

from __future__ import annotations

from math import inf, sqrt

from ..formulas import Restated, over


def _iag_beta(n: float, Lmax: float, s: float, a: float, tau: float, g: float) -> float:
    return 1 + 2 * tau * sqrt((a - 1) / a) + g * s * Lmax * tau**2 / n


def _lemma(n: float, Lmax: float, s: float, a: float, tau: float, theta: float) -> float:
    A = s * a * (1 + theta) * Lmax**2 / n
    return A * (1 + 2 * tau * sqrt((a - 1) / a)) + 2 * tau * s * Lmax * sqrt(A) / n


def _lemma_bound(n, mu, Lmax, s, a, tau, theta, zs2, R2, g, T):  # type: ignore[no-untyped-def]
    Q, A = _lemma(n, Lmax, s, a, tau, theta), s * a * (1 + theta) * Lmax**2 / n
    late = 1 + 2 * tau * sqrt((a - 1) / a) + tau * s * Lmax / (n * sqrt(A))
    floor = g * s * a * (1 + over(1, theta)) * late * zs2 / (n * (2 * mu - g * Q)) if zs2 else 0.0
    return (1 - 2 * g * mu + g * g * Q) ** (T / (1 + 2 * tau)) * R2 + floor


RESTATED = {
    "khirirat.q-iag-convex": Restated(
        lambda n, Lmax, s, a, tau: 3 * n / (8 * s * a * Lmax * (1 + 2 * tau)),
        lambda n, Lmax, s, a, tau, zs2, R2, g, T: (
            R2 / (2 * g * T) + g * s * a * _iag_beta(n, Lmax, s, a, tau, g) * zs2 / n
        ),
    ),
    "khirirat.q-iag-strongly-convex": Restated(
        lambda n, Lmax, s, a, tau: 3 * n / (8 * s * a * Lmax * (1 + 2 * tau)),
        lambda n, mu, Lmax, s, a, tau, zs2, R2, g, T: (
            (1 - g * mu) ** T * R2 + 2 * g * s * a * _iag_beta(n, Lmax, s, a, tau, g) * zs2 / (n * mu)
        ),
    ),
    "khirirat.q-iag-delay-lemma": Restated(
        lambda n, mu, Lmax, s, a, tau, theta: min(2 * mu / _lemma(n, Lmax, s, a, tau, theta), 1 / (2 * mu)),
        _lemma_bound,
        chosen={"theta": lambda zs2: 1.0 if zs2 else 0.0},
    ),
    "khirirat.q-iag-nonconvex": Restated(
        lambda: inf,
        lambda n, Lmax, s, a, tau, C1, C2, D, g, T: (
            2 * D / (g * T)
            + a * (s / n) ** 2 * C2 * (g * Lmax + g**2 * Lmax**2 * tau**2 * s / n)
            + 2 * g * Lmax * tau * (s / n) ** 1.5 * sqrt(a * (a - 1) * C2) * C1
        ),
        chosen={"gamma": lambda n, s, Lmax: n / (s * Lmax)},
    ),
}  # fmt: skip

ASSUMED = {
    "khirirat.q-iag-convex": (
        "convex workers, smooth workers, convex, exact gradients, overlap, bounded delays, first reports, "
        "delays independent of samples and coins, coins independent of the model"
    ),
    "khirirat.q-iag-strongly-convex": (
        "convex workers, smooth workers, strongly convex, exact gradients, overlap, bounded delays, "
        "first reports, delays independent of samples and coins, coins independent of the model"
    ),
    "khirirat.q-iag-delay-lemma": (
        "smooth workers, strongly convex, exact gradients, overlap, bounded delays, first reports, "
        "delays independent of samples and coins, coins independent of the model"
    ),
    "khirirat.q-iag-nonconvex": (
        "smooth workers, bounded gradients, exact gradients, overlap, bounded delays, first reports, "
        "delays independent of samples and coins, coins independent of the model"
    ),
}
