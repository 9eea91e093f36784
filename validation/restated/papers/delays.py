"""Asynchronous SGD and incremental aggregated gradients, restated."""

from __future__ import annotations

import math
from math import sqrt

from ..formulas import Restated, over


def _quadratic_noise(L, mu, s2, R2, tau, M, g, T):  # type: ignore[no-untyped-def]
    delayed = L * (tau + 1) * math.log(2 * (tau + 1)) + (1 + math.e + math.log(1 / (g * mu))) / (math.e * g)
    return 5 * L * math.exp(-2 * g * mu * (T + 1)) * R2 + g**2 * s2 / (2 * M) * delayed


RESTATED = {
    "delayed-sgd.nonconvex": Restated(
        lambda L, tau: 1 / (2 * L * max(1, tau)), lambda L, s2, D, M, g, T: 2 * D / (g * T) + 2 * L * g * s2 / M
    ),
    "delayed-sgd.quadratic": Restated(
        lambda L, tau: 1 / (20 * L * (tau + 1)), lambda L, mu, R2, g, T: 5 * L * (1 - g * mu) ** (2 * (T + 1)) * R2
    ),
    "delayed-sgd.quadratic-noise": Restated(lambda L, tau: 1 / (20 * L * (tau + 1)), _quadratic_noise),
    "delayed-sgd.quadratic-varying": Restated(
        lambda L, tau: tau**tau / ((tau + 1) ** (tau + 1) * L),
        lambda L, mu, s2, D, tau, M, g, T: (
            (1 - g * mu) ** (2 * T) * D + g * s2 / (2 * M) * (1 / (2 - g * L) + g * L * tau)
        ),
    ),
    "iag.nonconvex": Restated(
        lambda L, Lt, tau: 2 / (L + sqrt(L**2 + 4 * Lt**2 * tau**2)), lambda D, g, T: 2 * D / (g * T)
    ),
    "iag.pl": Restated(
        lambda L, Lt, pl, tau: min(1 / (L + sqrt(2) * Lt * tau), over(1, 2 * pl * tau)),
        lambda pl, D, g, T: (1 - g * pl) ** T * D,
    ),
    "piag.strongly-convex": Restated(
        lambda Lt, mu, tau: ((1 + mu / Lt / (tau + 1)) ** (1 / (tau + 1)) - 1) / mu,
        lambda mu, R2, g, T: (1 / (1 + mu * g)) ** T * R2,
    ),
    "delay-adaptive.nonconvex": Restated(
        lambda n, L: 1 / (4 * L * n),
        lambda n, L, s2, D, T: sqrt(L * D * s2 / T) + n * L * D / T,
        chosen={"gamma": lambda n, L, s2, D, T: min(1 / (4 * L * n), sqrt(over(D, L * s2 * T)))},
    ),
}  # fmt: skip

ASSUMED = {
    "delayed-sgd.nonconvex": (
        "equal workers, smooth, independent noise, bounded delays, delays independent of samples and coins, "
        "samples used once"
    ),
    "delayed-sgd.quadratic": (
        "quadratic functions, smooth, strongly convex, exact gradients, messages representing f, messages of one age"
    ),
    "delayed-sgd.quadratic-noise": (
        "quadratic functions, smooth, strongly convex, independent noise, messages representing f, "
        "messages of one age, delays independent of samples and coins, samples used once"
    ),
    "delayed-sgd.quadratic-varying": (
        "equal workers, quadratic functions, smooth, strongly convex, independent noise, bounded delays, "
        "delays independent of samples and coins, samples used once"
    ),
    "iag.nonconvex": "smooth, smooth on average, exact gradients, bounded delays, first reports",
    "iag.pl": "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, bounded delays, first reports",
    "piag.strongly-convex": (
        "convex workers, smooth on average, strongly convex, prox, exact gradients, bounded delays, first reports"
    ),
    "delay-adaptive.nonconvex": (
        "equal workers, smooth, independent noise, delays independent of samples and coins, samples used once"
    ),
}
