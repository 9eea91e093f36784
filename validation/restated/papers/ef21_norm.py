"""Normalised EF21, restated."""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated
from .ef21 import theta_of

RESTATED = {
    "ef21-norm.nonconvex": Restated(
        lambda L, Lbar, d, D, T: sqrt(D / ((L / 2 + 2 * Lbar * sqrt(1 - d) / theta_of(d)) * T)),
        lambda L, Lbar, d, D, T: 2 * sqrt((L / 2 + 2 * Lbar * sqrt(1 - d) / theta_of(d)) * D / T),
    ),
}  # fmt: skip

ASSUMED = {
    "ef21-norm.nonconvex": "smooth, smooth by the mean, exact gradients, uncompressed first round",
}
