"""DASHA, restated.

Tyurin, Richtarik 2022, arXiv 2202.01268.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated

RESTATED = {
    "dasha.nonconvex": Restated(
        lambda n, L, Lt, w: 1 / (L + Lt * sqrt(2 * w * (2 * w + 1) / n)),
        lambda D, g, T: 2 * D / (g * T),
        limits={"alpha": (None, lambda w: 1 / (2 * w + 1))},
    ),
    "dasha.pl": Restated(
        lambda n, L, Lt, pl, w: min(1 / (L + Lt * sqrt(4 * w * (2 * w + 1) / n)), 1 / (2 * pl * (2 * w + 1))),
        lambda pl, D, g, T: (1 - g * pl) ** T * D,
        limits={"alpha": (None, lambda w: 1 / (2 * w + 1))},
    ),
}  # fmt: skip

ASSUMED = {
    "dasha.nonconvex": (
        "smooth, smooth on average, exact gradients, coins independent over workers, uncompressed first round"
    ),
    "dasha.pl": (
        "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, coins independent over workers, "
        "uncompressed first round"
    ),
}
