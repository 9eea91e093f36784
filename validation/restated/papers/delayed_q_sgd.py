"""Delayed Q-SGD, restated.

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573.
"""

from __future__ import annotations

from math import inf

from ..formulas import Restated

RESTATED = {
    "khirirat.delayed-q-sgd": Restated(
        lambda: inf,
        lambda L, a, G, tau, R2, g, T: R2 / (2 * g * T) + g * a * G**2 / 2 + L * g**2 * tau**2 * a * G**2 / 2,
        chosen={"M": lambda: 1.0, "gamma": lambda L: 1 / L},
    ),
}  # fmt: skip

ASSUMED = {
    "khirirat.delayed-q-sgd": (
        "convex, smooth, bounded gradients, independent noise, bounded delays, "
        "delays independent of samples and coins, coins independent of the model, messages representing f, "
        "samples used once"
    ),
}
