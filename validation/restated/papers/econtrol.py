"""EControl, restated.

Gao, Islamov, Stich 2023, arXiv 2311.05645.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated, one, positive

RESTATED = {
    "econtrol.nonconvex": Restated(
        lambda Lt, d: d / (8 * Lt),
        lambda n, L, Lt, d, s2, D, T: (
            sqrt(L * D * s2 / (n * T)) + (L * D * sqrt(s2) / (d**2 * T)) ** (2 / 3) + Lt * D / (d * T)
        ),
        limits={"eta": (positive, one)},
        chosen={
            "eta": lambda d: d / 8,
            "gamma": lambda n, L, Lt, d, s2, D, T: (
                1 / (8 * Lt / d + sqrt(L * s2 * T / (n * D)) + (L**2 * s2 * T / (d**4 * D)) ** (1 / 3))
            ),
        },
    ),
}  # fmt: skip

ASSUMED = {
    "econtrol.nonconvex": "smooth, smooth on average, independent noise",
}
