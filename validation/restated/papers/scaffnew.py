"""Scaffnew and CompressedScaffnew, restated.

Mishchenko, Malinovsky, Stich, Richtarik 2022 (ProxSkip), arXiv 2202.09357; Condat, Agarsky, Richtarik 2022
(CompressedScaffnew), arXiv 2210.13277; Condat, Agarsky, Malinovsky, Richtarik 2023 (TAMUNA), arXiv 2302.09832.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated, one, positive


def _scaffnew(Lmax: float, mu: float, w: float, n: float, p: float, g: float) -> tuple[float, float]:
    """The contraction of (Compressed)Scaffnew, and the weight of its control variates; s = n/(1 + w) workers send."""
    s = n / (1 + w)
    heads = p**2 if w == 0 else p**2 * n * (s - 1) ** 2 / (s * (n - 1) ** 2)
    return max((1 - g * mu) ** 2, (1 - g * Lmax) ** 2, 1 - heads), g**2 / heads


def _scaffnew_bound(n, Lmax, mu, w, zs2, R2, p, g, T):  # type: ignore[no-untyped-def]
    rho, weight = _scaffnew(Lmax, mu, w, n, p, g)
    return rho**T * (R2 + weight * zs2)


def _often(n, Lmax, mu, w):  # type: ignore[no-untyped-def]
    """The smallest p with which communication is as fast as the local steps."""
    s = n / (1 + w)
    share = 1.0 if w == 0 else n * (s - 1) ** 2 / (s * (n - 1) ** 2)
    return min(1.0, 2 * sqrt(Lmax * mu / share) / (Lmax + mu))


RESTATED = {
    "scaffnew.strongly-convex": Restated(
        lambda Lmax: 2 / Lmax, _scaffnew_bound, weights=(one, one, lambda p, g: (g / p) ** 2),
        limits={"p": (positive, one)},
        chosen={"gamma": lambda Lmax, mu: 2 / (Lmax + mu), "p": _often},
    ),
    "scaffnew.strongly-convex-tuned": Restated(
        lambda Lmax, mu: 2 / (Lmax + mu),
        lambda Lmax, mu, zs2, R2, T: ((Lmax - mu) / (Lmax + mu)) ** (2 * T) * (R2 + zs2 / (Lmax * mu)),
        weights=(one, one, lambda Lmax, mu: 1 / (Lmax * mu)),
        limits={"p": (None, lambda Lmax, mu: 2 * sqrt(Lmax * mu) / (Lmax + mu))},
    ),
    "compressed-scaffnew.strongly-convex": Restated(
        lambda Lmax: 2 / Lmax, _scaffnew_bound,
        weights=(one, one, lambda Lmax, mu, w, n, p, g: _scaffnew(Lmax, mu, w, n, p, g)[1]),
        limits={
            "p": (positive, one),
            "eta": (None, lambda n, w: n * (n / (1 + w) - 1) / (n / (1 + w) * (n - 1)) if w else 1.0),
        },
        chosen={"gamma": lambda Lmax, mu: 2 / (Lmax + mu), "p": _often},
    ),
}  # fmt: skip

ASSUMED = {
    "scaffnew.strongly-convex": (
        "smooth workers, strongly convex workers, exact gradients, control variates of zero mean"
    ),
    "scaffnew.strongly-convex-tuned": (
        "smooth workers, strongly convex workers, exact gradients, control variates of zero mean"
    ),
    "compressed-scaffnew.strongly-convex": (
        "smooth workers, strongly convex workers, exact gradients, control variates of zero mean, masks"
    ),
}
