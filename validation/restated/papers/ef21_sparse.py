"""EF21 with the mean of the L_i, and with sparse data, restated."""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated
from .ef21 import beta_of, theta_of

RESTATED = {
    "ef21.nonconvex-sparse": Restated(
        lambda n, L, Lsum, d: 1 / (L + Lsum / n * sqrt(beta_of(d) / theta_of(d))),
        lambda n, Lsum, d, D, gL, g, T: 2 * D / (g * T) + (1 - d) * Lsum * gL / (n * theta_of(d) * T),
    ),
    "ef21.pl-sparse": Restated(
        lambda n, L, Lsum, pl, d: min(
            1 / (L + Lsum / n * sqrt(2 * beta_of(d) / theta_of(d))), theta_of(d) / (2 * pl)
        ),
        lambda n, Lsum, pl, d, D, gL, g, T: (1 - g * pl) ** T * (D + g * (1 - d) * Lsum * gL / (n * theta_of(d))),
    ),
}  # fmt: skip

ASSUMED = {
    "ef21.nonconvex-sparse": "smooth, smooth on supports, exact gradients, zero initial memories",
    "ef21.pl-sparse": "smooth, smooth on supports, Polyak-Lojasiewicz, exact gradients, zero initial memories",
}
