"""MARINA-P, restated.

Gruntkowska, Tyurin, Richtarik 2024 (arXiv 2402.06412).
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated

RESTATED = {
    "marina-p.nonconvex": Restated(
        lambda L, Lt, wd, p: 1 / (L + Lt * sqrt((1 - p) * wd / p)), lambda D, g, T: 2 * D / (g * T),
        chosen={"p": lambda wd: 1 / (1 + wd)},
    ),
    "marina-p.pl": Restated(
        lambda L, Lt, pl, wd, p: min(1 / (L + Lt * sqrt(2 * (1 - p) * wd / p)), p / (2 * pl)),
        lambda pl, D, g, T: (1 - g * pl) ** T * D,
        chosen={"p": lambda wd: 1 / (1 + wd)},
    ),
    "marina-p.same-hessian": Restated(
        lambda n, L, wd, p: 1 / (L + L * sqrt((1 - p) * wd / (p * n))), lambda D, g, T: 2 * D / (g * T),
        chosen={"p": lambda wd: 1 / (1 + wd)},
    ),
    "marina-p.same-hessian-pl": Restated(
        lambda n, L, pl, wd, p: min(1 / (L + L * sqrt(2 * (1 - p) * wd / (p * n))), p / (2 * pl)),
        lambda pl, D, g, T: (1 - g * pl) ** T * D,
        chosen={"p": lambda wd: 1 / (1 + wd)},
    ),
}  # fmt: skip

ASSUMED = {
    "marina-p.nonconvex": "smooth, smooth on average, exact gradients, uncompressed first round",
    "marina-p.pl": "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, uncompressed first round",
    "marina-p.same-hessian": "smooth, quadratic functions, one Hessian, exact gradients, uncompressed first round",
    "marina-p.same-hessian-pl": (
        "smooth, Polyak-Lojasiewicz, quadratic functions, one Hessian, exact gradients, uncompressed first round"
    ),
}
