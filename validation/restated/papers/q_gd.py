"""Q-GD, restated.

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573.
"""

from __future__ import annotations

from ..formulas import Restated

RESTATED = {
    "khirirat.q-gd-strongly-convex": Restated(
        lambda L, mu, a: 2 / (a * (mu + L)),
        lambda L, mu, R2, g, T: (1 - 2 * g * mu * L / (mu + L)) ** T * R2,
    ),
    "khirirat.q-gd-convex": Restated(lambda L, a: 1 / (a * L), lambda R2, g, T: R2 / (2 * g * T)),
    "khirirat.q-gd-nonconvex": Restated(
        lambda L, a: 2 / (a * L), lambda L, a, D, g, T: D / (g * (1 - a * L * g / 2) * T)
    ),
}  # fmt: skip

ASSUMED = {
    "khirirat.q-gd-strongly-convex": "one worker, exact gradients, smooth, strongly convex",
    "khirirat.q-gd-convex": "one worker, exact gradients, smooth, convex",
    "khirirat.q-gd-nonconvex": "one worker, exact gradients, smooth",
}
