"""Error feedback, restated."""

from __future__ import annotations

import math
from math import inf

from ..formulas import Restated


def _mem_sgd(L, mu, G, R2, d, alpha, shift, T):  # type: ignore[no-untyped-def]
    S = sum((shift + t) ** 2 for t in range(int(T)))
    memory = 64 * T * (1 + 2 * L / mu) / (mu * S) * 4 * alpha / (alpha - 4) * G**2 / d**2
    return 4 * T * (T + 2 * shift) * G**2 / (mu * S) + mu * shift**3 * R2 / (8 * S) + memory


def _shift(d: float, alpha: float) -> float:
    rho = 4 * alpha / ((alpha - 4) * (alpha + 1) ** 2)
    return ((alpha + 1) / d + rho) / (rho + 1)


RESTATED = {
    "error-feedback.nonconvex": Restated(
        lambda L, d: d / (4 * L),
        lambda n, L, d, s2, z2, D, g, T: (
            4 * D / (g * T) + 2 * L * g * s2 / n + 4 * L**2 * g**2 * (1 - d) * (s2 / d + 2 * z2 / d**2)
        ),
    ),
    "error-feedback.nonconvex-bounded": Restated(
        lambda: inf,
        lambda L, d, G, D, g, T: 2 * D / (g * T) + g * L * G**2 + 4 * g**2 * L**2 * G**2 * (1 - d) / d**2,
        chosen={"gamma": lambda L: 1 / L},
    ),
    "error-feedback.strongly-convex": Restated(
        lambda mu: 8 / mu, _mem_sgd, limits={"alpha": (lambda: 4.0, None), "a": (_shift, None)},
        chosen={"alpha": lambda: 5.0},
    ),
    "error-feedback.memory": Restated(
        lambda: inf,
        lambda d, G, alpha, shift, g, T: (g / (shift + T)) ** 2 * 4 * alpha / (alpha - 4) * G**2 / d**2,
        limits={"alpha": (lambda: 4.0, None), "a": (_shift, None)},
        chosen={"alpha": lambda: 5.0, "gamma": lambda mu: 8 / mu},
    ),
    "error-feedback.strongly-convex-order": Restated(
        lambda Lmax, d: d / (28 * Lmax),
        lambda Lmax, mu, d, s2, zs2, R2, T: (
            Lmax * R2 / d * math.exp(-d * mu * T / Lmax) + (s2 + zs2 / d) / (mu * T)
        ),
        chosen={"gamma": lambda Lmax, mu, d, T: min(d / (28 * Lmax), 2 * math.log(T) / (mu * T))},
    ),
}  # fmt: skip

ASSUMED = {
    "error-feedback.nonconvex": "smooth, bounded dissimilarity, independent noise, zero initial errors",
    "error-feedback.nonconvex-bounded": "smooth, bounded gradients, independent noise, zero initial errors",
    "error-feedback.strongly-convex": (
        "one worker, smooth, strongly convex, bounded gradients, independent noise, decreasing step, zero initial "
        "errors"
    ),
    "error-feedback.memory": "bounded gradients, decreasing step, zero initial errors",
    "error-feedback.strongly-convex-order": (
        "convex workers, smooth workers, strongly convex, independent noise, zero initial errors"
    ),
}
