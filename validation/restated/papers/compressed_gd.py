"""Compressed gradient descent, restated."""

from __future__ import annotations

from ..formulas import Restated

RESTATED = {
    "compressed-gd.strongly-convex": Restated(lambda L: 1 / L, lambda mu, d, D, g, T: (1 - g * mu * d) ** T * D),
}  # fmt: skip

ASSUMED = {
    "compressed-gd.strongly-convex": "one worker, exact gradients, smooth, strongly convex",
}
