"""Error feedback and EF21 on n workers with their optimal step, restated.

Berg Thomsen, Taylor, Dieuleveut 2026.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated, one
from .tight import tight_rate

RESTATED = {
    "error-feedback.tight": Restated(
        lambda Lmax, mu, d: 2 / (Lmax + mu) * (1 - sqrt(1 - d)) / (1 + sqrt(1 - d)),
        lambda Lmax, mu, d, R2, T: tight_rate(Lmax, mu, d) ** T * R2,
        weights=(one, one, lambda d: 1 / sqrt(1 - d) - 1 if d < 1 else 0.0),
    ),
    "ef21.tight": Restated(
        lambda Lmax, mu, d: 2 / (Lmax + mu) * (1 - sqrt(1 - d)) / (1 + sqrt(1 - d)),
        lambda Lmax, mu, d, g0, T: tight_rate(Lmax, mu, d) ** T * (1 + sqrt(1 - d)) * g0,
        weights=(one, lambda d: sqrt(1 - d)),
    ),
}  # fmt: skip

ASSUMED = {
    "error-feedback.tight": "smooth workers, strongly convex workers, shared minimiser, exact gradients",
    "ef21.tight": "smooth workers, strongly convex workers, exact gradients",
}
