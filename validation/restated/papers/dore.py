"""DORE, restated.

Liu, Li, Tang, Yan, AISTATS 2020, arXiv 1910.07561.   minimise f(x) + R(x).
"""

from __future__ import annotations

from math import inf, sqrt

from ..formulas import Number, Restated, geometric_sum, one, over, positive


def _dore_rho(n: float, L: float, mu: float, wd: float, alpha: float, beta: float, eta: float, g: float) -> float:
    first = over((eta**2 + eta) * wd, 1 - (wd + 1) * beta) if eta and wd else 0.0
    return max(first, 1 + eta * beta - 2 * (1 + eta) * beta * g * mu * L / (mu + L), 1 - alpha)


def _dore(n, L, mu, s2, zs2, R2, wd, alpha, beta, eta, c, g, T):  # type: ignore[no-untyped-def]
    rho = _dore_rho(n, L, mu, wd, alpha, beta, eta, g)
    N = (1 + eta) * (1 + n * c * alpha) * beta * g**2 * s2 / n
    return rho**T * (R2 + (1 + eta) * c * beta * g**2 * zs2) + N * geometric_sum(rho, T)


_DORE_WEIGHTS: tuple[Number, ...] = (
    lambda wd, beta: beta * (1 - (wd + 1) * beta),
    one,
    lambda c, beta, eta, g: (1 + eta) * c * beta * g**2,
)


_DORE_LIMITS: dict[str, tuple[Number | None, Number | None]] = {
    "c": (lambda n, wu: 4 * wu * (wu + 1) / n, None),
    "alpha": (
        lambda n, wu, c: (1 - sqrt(max(0.0, 1 - over(4 * wu * (wu + 1), n * c)))) / (2 * (wu + 1)),
        lambda n, wu, c: (1 + sqrt(max(0.0, 1 - over(4 * wu * (wu + 1), n * c)))) / (2 * (wu + 1)),
    ),
}


RESTATED = {
    "dore.strongly-convex": Restated(
        lambda L, mu, alpha, c: 2 / ((1 + c * alpha) * (mu + L)),
        _dore,
        weights=_DORE_WEIGHTS,
        limits=_DORE_LIMITS | {
            "beta": (positive, lambda wd: 1 / (wd + 1)),
            "eta": (None, lambda L, mu, wd, alpha, beta, c: min(
                (-wd + sqrt(wd**2 + 4 * wd * (1 - (wd + 1) * beta))) / (2 * wd) if wd else inf,
                over(4 * mu * L, (mu + L) ** 2 * (1 + c * alpha) - 4 * mu * L),
            )),
        },
        best=("c", "alpha"),
    ),
    "dore.strongly-convex-tuned": Restated(
        lambda n, L, mu, wu: 2 / ((mu + L) * (1 + 2 * wu / n)),
        _dore,
        weights=_DORE_WEIGHTS,
        limits={
            "alpha": (None, lambda wu: 1 / (2 * (wu + 1))), "beta": (None, lambda wd: 1 / (wd + 1)),
            "c": (None, lambda n, wu: 4 * wu * (wu + 1) / n), "eta": (None, lambda: 0.0),
        },
    ),
    "dore.nonconvex": Restated(
        lambda L, alpha, c: 1 / (6 * L * (1 + c * alpha)),
        lambda n, L, wd, s2, D, alpha, beta, c, g, T: (
            (D / (g * T) + 3 * (wd + 1) * (1 + n * c * alpha) * L * beta**2 * s2 * g / n)
            / (beta / 2 - 3 * (1 + c * alpha) * (wd + 1) * L * beta**2 * g)
        ),
        limits=_DORE_LIMITS | {
            "beta": (None, lambda wd: 1 / (wd + 1)),
            "eta": (None, lambda L, wd, g: sqrt(over(2 * g * L, wd * (1 + 6 * g * L)))),
        },
        chosen={"alpha": lambda wu: 1 / (2 * (1 + wu))},
    ),
    "dore.nonconvex-tuned": Restated(
        lambda n, L, wu, s2, T: 1 / (12 * L * (1 + 2 * wu / n) + sqrt(s2 * T / n)),
        lambda n, L, wu, wd, s2, D, T: (
            48 * (wd + 1) * L * (1 + 2 * wu / n) * D / T
            + (4 * (wd + 1) * D + 12 * (1 + 2 * wu) * L) * sqrt(s2 / (n * T))
        ),
        limits={"eta": (None, lambda L, wd, g: sqrt(over(2 * g * L, wd * (1 + 6 * g * L))))},
    ),
}  # fmt: skip

ASSUMED = {
    "dore.strongly-convex": (
        "strongly convex workers, smooth workers, prox, coins independent over workers, independent noise, "
        "zero initial memories, zero initial errors"
    ),
    "dore.strongly-convex-tuned": (
        "strongly convex workers, smooth workers, prox, coins independent over workers, independent noise, "
        "zero initial memories, zero initial errors"
    ),
    "dore.nonconvex": (
        "equal workers, smooth, coins independent over workers, independent noise, zero initial memories, "
        "zero initial errors"
    ),
    "dore.nonconvex-tuned": (
        "equal workers, smooth, coins independent over workers, independent noise, zero initial memories, "
        "zero initial errors"
    ),
}
