"""EF-BV, restated.

Condat, Yi, Richtarik 2022, arXiv 2205.04180.
"""

from __future__ import annotations

from math import sqrt

from ..formulas import Restated, one


def margin(q: float) -> float:
    """Q(Q - q), Q^2 = (1 + q^2)/2."""
    Q = sqrt((1 + q * q) / 2)
    return Q * (Q - q)


def r_of(lam: float, e: float, w: float) -> float:
    """(1 - lam + lam e)^2 + lam^2 w, e the bias."""
    return (1 - lam + lam * e) ** 2 + lam**2 * w


def _scaling(bias: float, w: float) -> float:
    """The factor with which C is the best contraction."""
    return min((1 - bias) / ((1 - bias) ** 2 + w), 1.0)


RESTATED = {
    "ef-bv.nonconvex": Restated(
        lambda L, Lt, lam, nu, bias, w, wav: 1 / (L + Lt * sqrt(r_of(nu, bias, wav)) / (1 - sqrt(r_of(lam, bias, w)))),
        lambda D, g0, lam, nu, bias, w, wav, g, T: (
            2 * D / (g * T) + r_of(nu, bias, wav) * g0 / ((1 - sqrt(r_of(lam, bias, w))) * T)
        ),
        chosen={"lam": _scaling, "nu": lambda bias, wav: _scaling(bias, wav)},
    ),
    "ef-bv.pl": Restated(
        lambda L, Lt, lam, nu, bias, w, wav: 1 / (
            L + Lt * sqrt(r_of(nu, bias, wav)) * sqrt((1 + r_of(lam, bias, w)) / 2) / margin(sqrt(r_of(lam, bias, w)))
        ),
        lambda pl, D, g0, lam, nu, bias, w, wav, g, T: (
            max(1 - g * pl, (1 + r_of(lam, bias, w)) / 2 if r_of(nu, bias, wav) else 0) ** T
            * (D + g * r_of(nu, bias, wav) / (2 * margin(sqrt(r_of(lam, bias, w)))) * g0)
        ),
        weights=(
            one,
            lambda lam, nu, bias, w, wav, g: g * r_of(nu, bias, wav) / (2 * margin(sqrt(r_of(lam, bias, w)))),
        ),
        chosen={"lam": _scaling, "nu": lambda bias, wav: _scaling(bias, wav)},
    ),
}  # fmt: skip

ASSUMED = {
    "ef-bv.nonconvex": "smooth, smooth on average, exact gradients, zero initial memories",
    "ef-bv.pl": "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, zero initial memories",
}
