"""dist-EF-SGD, restated.

Zheng, Huang, Kwok 2019 (arXiv 1905.10936), with a blockwise scaled sign on both sides.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated, one, positive
from .doublesqueeze import both_errors

RESTATED = {
    "dist-ef-sgd.nonconvex": Restated(
        lambda L, b: (1 - b) / (2 * L),
        lambda n, L, d, K, G, s2, D, b, g, T: (
            4 * D * (1 - b) / (g * T)
            + 2 * L * g * s2 / (n * (1 - b))
            + 2 * L**2 * (g * sqrt(both_errors(d, K, G / (1 - b))) + g * b**2 * G / (1 - b) ** 2) ** 2
        ),
        limits={"b": (positive, one)},
        chosen={"b": lambda: 0.9},
    ),
}  # fmt: skip

ASSUMED = {
    "dist-ef-sgd.nonconvex": "smooth, independent noise, bounded gradients, zero initial errors",
}
