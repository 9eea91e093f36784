"""MARINA, restated.

Gorbunov, Burlachenko, Li, Richtarik 2021, arXiv 2102.07845.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated

RESTATED = {
    "marina.nonconvex": Restated(
        lambda n, L, Lt, w, p: 1 / (L + Lt * sqrt((1 - p) * w / (p * n))), lambda D, g, T: 2 * D / (g * T),
        chosen={"p": lambda w: 1 / (1 + w)},
    ),
    "marina.pl": Restated(
        lambda n, L, Lt, pl, w, p: min(1 / (L + Lt * sqrt(2 * (1 - p) * w / (p * n))), p / (2 * pl)),
        lambda pl, D, g, T: (1 - g * pl) ** T * D,
        chosen={"p": lambda w: 1 / (1 + w)},
    ),
}  # fmt: skip

ASSUMED = {
    "marina.nonconvex": (
        "smooth, smooth on average, exact gradients, coins independent over workers, uncompressed first round"
    ),
    "marina.pl": (
        "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, coins independent over workers, "
        "uncompressed first round"
    ),
}
