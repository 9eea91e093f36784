"""DoubleSqueeze, restated.

Tang, Lian, Yu, Zhang, Liu, ICML 2019, arXiv 1905.05957.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated


def both_errors(d: float, K: float, G: float) -> float:
    return 8 * (1 - d) * G**2 / d**2 * (1 + 2 * K * (1 + 4 * (1 - d) / d**2))


RESTATED = {
    "doublesqueeze.nonconvex": Restated(
        lambda L: 1 / L,
        lambda n, L, eu, ed, s2, D, g, T: (
            (D / T + g**3 * L**2 * (eu + ed) ** 2 / 2 + L * g**2 * s2 / (2 * n)) / (g / 2 * (1 - L * g))
        ),
    ),
    "doublesqueeze.nonconvex-tuned": Restated(
        lambda n, L, eu, ed, s2, T: 1 / (4 * L + sqrt(s2 * T / n) + (eu + ed) ** (2 / 3) * T ** (1 / 3)),
        lambda n, L, eu, ed, s2, D, T: (
            8 / 3 * (4 * L * D / T + (D + L / 2) * sqrt(s2 / (n * T)) + (D + L**2 / 2) * ((eu + ed) / T) ** (2 / 3))
        ),
    ),
    "doublesqueeze.contractive": Restated(
        lambda L: 1 / (2 * L),
        lambda n, L, d, K, G, s2, D, g, T: (
            4 * D / (g * T) + 2 * L * g * s2 / n + 2 * L**2 * g**2 * both_errors(d, K, G)
        ),
    ),
    "doublesqueeze.asynchronous": Restated(
        lambda L, Lt, tau: 2 / (L + sqrt(L**2 + 16 * Lt**2 * tau**2)),
        lambda n, L, Lt, eu, ed, s2, D, tau, M, g, T: (
            4 * D / (g * T)
            + (2 * L**2 + 4 * Lt**2) * g**2 * (n * eu / M + ed) ** 2
            + (2 * L * g + 8 * Lt**2 * g**2 * tau) * s2 / M
        ),
    ),
}  # fmt: skip

ASSUMED = {
    "doublesqueeze.nonconvex": "smooth, independent noise, zero initial errors",
    "doublesqueeze.nonconvex-tuned": "smooth, independent noise, zero initial errors",
    "doublesqueeze.contractive": "smooth, independent noise, bounded gradients, zero initial errors",
    "doublesqueeze.asynchronous": (
        "smooth, smooth on average, independent noise, messages representing f, bounded delays, "
        "delays independent of samples and coins, coins independent of the model, messages in order, "
        "samples used once, zero initial errors"
    ),
}
