"""D-QGD, restated.

Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573.
"""

from __future__ import annotations

from ..formulas import Restated, over


def _d_qgd(n, mu, Lmax, a, s, theta, zs2, R2, g, T):  # type: ignore[no-untyped-def]
    left = 2 - g * a * s * (1 + theta) * Lmax / n
    floor = g * a * s * (1 + over(1, theta)) * zs2 / (n * mu * left) if zs2 else 0.0
    return (1 - mu * g * left) ** T * R2 + floor


RESTATED = {
    "khirirat.d-qgd-strongly-convex": Restated(
        lambda n, Lmax, a, s, theta: 2 * n / (a * s * (1 + theta) * Lmax),
        _d_qgd,
        chosen={
            "gamma": lambda n, Lmax, a, s, zs2: n / (a * s * Lmax * (2 if zs2 else 1)),
            "theta": lambda zs2: 1.0 if zs2 else 0.0,
        },
    ),
    "khirirat.d-qgd-sharper": Restated(
        lambda n, L, Lmax, w, s: 1 / (L + 2 * s * w * Lmax / n),
        lambda n, mu, w, s, zs2, R2, g, T: (1 - g * mu) ** T * R2 + 2 * g * s * w * zs2 / (n * mu),
    ),
}  # fmt: skip

ASSUMED = {
    "khirirat.d-qgd-strongly-convex": "convex workers, smooth workers, strongly convex, exact gradients, overlap",
    "khirirat.d-qgd-sharper": "convex workers, smooth workers, smooth, strongly convex, exact gradients, overlap",
}
