"""EF21-BC, restated.

Fatkhullin, Sokolov, Gorbunov, Li, Richtarik 2021, arXiv 2110.03294.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated
from .ef21 import beta_of, theta_of


def _bc(du: float, dd: float) -> float:
    """beta/theta of both sides together: r(1 + k) + k with k = 8 beta_d/theta_d."""
    k = 8 * beta_of(dd) / theta_of(dd)
    return beta_of(du) / theta_of(du) * (1 + k) + k


RESTATED = {
    "ef21-bc.nonconvex": Restated(
        lambda L, Lt, du, dd: 1 / (L + Lt * sqrt(2 * _bc(du, dd))), lambda D, g, T: 2 * D / (g * T)
    ),
}  # fmt: skip

ASSUMED = {
    "ef21-bc.nonconvex": "smooth, smooth on average, exact gradients, uncompressed first round",
}
