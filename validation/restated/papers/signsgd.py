"""signSGD, restated.

Bernstein, Wang, Azizzadenesheli, Anandkumar 2018 (arXiv 1802.04434).
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated

RESTATED = {
    "signsgd.nonconvex": Restated(
        lambda L1, T: 1 / sqrt(L1 * T), lambda L1, sig1, D, T: (sqrt(L1) * (D + 0.5) + 2 * sig1) / sqrt(T)
    ),
}  # fmt: skip

ASSUMED = {
    "signsgd.nonconvex": "one worker, smooth coordinates, independent noise",
}
