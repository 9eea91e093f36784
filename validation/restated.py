"""The bounds once more, as their papers' theorem boxes state them: plain Python, a line each, nothing shared.

A theorem of the toolkit says its step, its bound and its LaTeX in one place. Whoever changes them together changes the
theorem, and what is left may still be true of every problem that is tried. So every theorem stands here a second time,
written from the paper or from our proof, and `differs` holds the two against each other: the longest step (or the one
that is prescribed), the bound (of an order its formula), the weights of the metric and the limits of other parameters,
at random constants and parameters, and in the cases where terms drop out: one worker, no compression, no noise,
contractions that never lengthen a vector.

Arguments are constants by their letters: n, m (samples of a worker), L (of f), Lmax, Lt (root mean square of the
L_i), Lbar (mean), Lsum (rho_L), Ls (of a sample), mu, pl; s2, ss2, z2, zs2 for sigma^2, sigma_star^2, zeta^2,
zeta_star^2; G, G1, C1, C2 of the gradients; D = f(x^0) - f*, R2 = ||x^0 - x*||^2, Dstar, g0 and gL of the start; s
the overlap, tau; w, wu, wd the variances of the compressors and a = 1 + w; d, du, dd their contractions, eu, ed their
absolute errors; K and W for K_c and the growth of a message; sums and gaps the lists of L_i + mu_i and L_i - mu_i; g
the step, T the rounds; further parameters have their own names, `shift` is a of a + t.
"""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from math import inf, sqrt
from typing import Any

import numpy as np

from ..theory import AbsoluteError, Constants, Contractive, Guarantee, Theorem, Unbiased
from ..theory.families import AverageTheorem, OrderTheorem
from ..theory.hypotheses import STRONGLY_CONVEX_WORKERS
from .statements import ROUNDING, setting

Number = Callable[..., float]

#: Numbers of rounds at which a bound is evaluated: few, and so many that what is left is its floor.
ROUNDS = (3, 37, 5000)
#: Random settings of every case.
DRAWS = 2
#: Rounds that are many for any constants, and how far a slope between them may be from its limit (logarithms).
LATE, SLOPE = (10**17, 10**18), 0.06
#: Rounds at which the largest n with a linear speedup is looked at.
MANY = 10**8
#: The rounding of values on the wire, which the formulas here leave out, changes a bound on a memory by no more.
WIRE = 1e-3


@dataclass(frozen=True)
class Restated:
    """A theorem's formulas.

    Parameters
    ----------
    step
        The longest step, or the one that is prescribed.
    bound
        After T rounds; of an order the formula inside O( ).
    weights
        Of the terms of the metric, where they are not all 1.
    limits
        The ends of the intervals of other parameters: (low, high), each may be None.
    chosen
        What is recommended where no parameter is fixed; of an order for T rounds.
    """

    step: Number
    bound: Number
    weights: tuple[Number, ...] = ()
    limits: Mapping[str, tuple[Number | None, Number | None]] = field(default_factory=dict)
    chosen: Mapping[str, Number] = field(default_factory=dict)


def over(x: float, y: float) -> float:
    """x/y; nothing divided by nothing is nothing."""
    return x / y if y else inf if x else 0.0


def _one(**_: float) -> float:
    return 1.0


def _geometric_sum(rho: float, T: float) -> float:
    """1 + rho + ... + rho^(T-1)."""
    if T * math.log(rho or 1) > 700:
        return inf
    return T if rho == 1 else -math.expm1(T * math.log(rho)) / (1 - rho) if rho > 0 else 1.0


def _shifts(n: float, m: float, mu: float, w: float, alpha: float, g: float) -> float:
    """DIANA-RR's weight of the shifts: the mean over all orders of (4 w g^2/(alpha n^2)) (1 - g mu)^k, times n m."""
    return 4 * w * g**2 / (alpha * n) * _geometric_sum(1 - g * mu, m)


def _theta(d: float) -> float:
    return 1 - sqrt(1 - d)


def _beta(d: float) -> float:
    return over(1 - d, 1 - sqrt(1 - d))


def _tight(L: float, mu: float, d: float) -> float:
    """The rate of error feedback and EF21 at the best step, by the paper's formula."""
    e = 1 - d
    eta = 2 / (L + mu) * (1 - sqrt(e)) / (1 + sqrt(e))
    root = sqrt((L - mu) ** 2 + 16 * L * mu * sqrt(e) / (1 + sqrt(e)) ** 2)
    lam = eta / (L + mu) * ((1 - sqrt(e)) * (L - mu) + (1 + sqrt(e)) * root)
    return sqrt(e) + (1 + sqrt(e)) * (L - mu) * lam / 4


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _unequal(sums: Sequence[float], gaps: Sequence[float], d: float) -> float:
    """The largest root of the cubic of EF21 on workers with sums L_i + mu_i and gaps L_i - mu_i."""
    s, mean = sqrt(1 - d), _mean(sums)
    K1, K2 = _mean([x * x / y for x, y in zip(gaps, sums, strict=True)]) / mean, (_mean(gaps) / mean) ** 2
    r = (1 - s) ** 2 / (1 + s)
    cubic = [1.0, -(s * (2 + s) + r * (s * K1 + K2)), s**2 * (1 + 2 * s + r * (K1 + s * K2)), -(s**4)]
    return max(float(root.real) for root in np.roots(cubic))


def _scaffnew(Lmax: float, mu: float, w: float, n: float, p: float, g: float) -> tuple[float, float]:
    """The contraction of (Compressed)Scaffnew, and the weight of its control variates; s = n/(1 + w) workers send."""
    s = n / (1 + w)
    heads = p**2 if w == 0 else p**2 * n * (s - 1) ** 2 / (s * (n - 1) ** 2)
    return max((1 - g * mu) ** 2, (1 - g * Lmax) ** 2, 1 - heads), g**2 / heads


def _scaffnew_bound(n, Lmax, mu, w, zs2, R2, p, g, T):  # type: ignore[no-untyped-def]
    rho, weight = _scaffnew(Lmax, mu, w, n, p, g)
    return rho**T * (R2 + weight * zs2)


def _dore_rho(n: float, L: float, mu: float, wd: float, alpha: float, beta: float, eta: float, g: float) -> float:
    first = over((eta**2 + eta) * wd, 1 - (wd + 1) * beta) if eta and wd else 0.0
    return max(first, 1 + eta * beta - 2 * (1 + eta) * beta * g * mu * L / (mu + L), 1 - alpha)


def _dore(n, L, mu, s2, zs2, R2, wd, alpha, beta, eta, c, g, T):  # type: ignore[no-untyped-def]
    rho = _dore_rho(n, L, mu, wd, alpha, beta, eta, g)
    N = (1 + eta) * (1 + n * c * alpha) * beta * g**2 * s2 / n
    return rho**T * (R2 + (1 + eta) * c * beta * g**2 * zs2) + N * _geometric_sum(rho, T)


_DORE_WEIGHTS: tuple[Number, ...] = (
    lambda wd, beta: beta * (1 - (wd + 1) * beta),
    _one,
    lambda c, beta, eta, g: (1 + eta) * c * beta * g**2,
)
_DORE_LIMITS: dict[str, tuple[Number | None, Number | None]] = {
    "c": (lambda n, wu: 4 * wu * (wu + 1) / n, None),
    "alpha": (
        lambda n, wu, c: (1 - sqrt(max(0.0, 1 - over(4 * wu * (wu + 1), n * c)))) / (2 * (wu + 1)),
        lambda n, wu, c: (1 + sqrt(max(0.0, 1 - over(4 * wu * (wu + 1), n * c)))) / (2 * (wu + 1)),
    ),
}


def _bv(q: float) -> float:
    """Q(Q - q), Q^2 = (1 + q^2)/2."""
    Q = sqrt((1 + q * q) / 2)
    return Q * (Q - q)


def _r(lam: float, e: float, w: float) -> float:
    """(1 - lam + lam e)^2 + lam^2 w, e the bias."""
    return (1 - lam + lam * e) ** 2 + lam**2 * w


def _E2(d: float, K: float, G: float) -> float:
    return 8 * (1 - d) * G**2 / d**2 * (1 + 2 * K * (1 + 4 * (1 - d) / d**2))


def _liec(du: float, dd: float, W: float, H: float, G: float, times: float) -> float:
    """S_H + `times` E_H."""
    return (1 - du) * G**2 * (H - 1) ** 2 + times * W * (1 - dd) * G**2 * min(4 / dd**2, (H - 1) ** 2)


def _iag_beta(n: float, Lmax: float, s: float, a: float, tau: float, g: float) -> float:
    return 1 + 2 * tau * sqrt((a - 1) / a) + g * s * Lmax * tau**2 / n


def _d_qgd(n, mu, Lmax, a, s, theta, zs2, R2, g, T):  # type: ignore[no-untyped-def]
    left = 2 - g * a * s * (1 + theta) * Lmax / n
    floor = g * a * s * (1 + over(1, theta)) * zs2 / (n * mu * left) if zs2 else 0.0
    return (1 - mu * g * left) ** T * R2 + floor


def _lemma(n: float, Lmax: float, s: float, a: float, tau: float, theta: float) -> float:
    A = s * a * (1 + theta) * Lmax**2 / n
    return A * (1 + 2 * tau * sqrt((a - 1) / a)) + 2 * tau * s * Lmax * sqrt(A) / n


def _lemma_bound(n, mu, Lmax, s, a, tau, theta, zs2, R2, g, T):  # type: ignore[no-untyped-def]
    Q, A = _lemma(n, Lmax, s, a, tau, theta), s * a * (1 + theta) * Lmax**2 / n
    late = 1 + 2 * tau * sqrt((a - 1) / a) + tau * s * Lmax / (n * sqrt(A))
    floor = g * s * a * (1 + over(1, theta)) * late * zs2 / (n * (2 * mu - g * Q)) if zs2 else 0.0
    return (1 - 2 * g * mu + g * g * Q) ** (T / (1 + 2 * tau)) * R2 + floor


def _qsgd_nonconvex(n, L, Lmax, w, s2, Dstar, D, g, T):  # type: ignore[no-untyped-def]
    A = w * Lmax / n
    floor = L * (2 * A * Dstar + (1 + w) * s2 / n) * g
    return floor + (2 * L * A * g * D / -math.expm1(-T * math.log1p(L * A * g * g)) if A else 2 * D / (g * T))


def _two_way(n, L, wu, wd, s2, z2, D, g, T):  # type: ignore[no-untyped-def]
    A = (wd + 1) * (wu + 1) * s2 / n + (wd + 1) * wu * z2 / n
    left = 2 - (1 + wd + (wd + 1) * wu / n) * L * g
    return 2 * D / (g * left * T) + A * L * g / left


def _mem_sgd(L, mu, G, R2, d, alpha, shift, T):  # type: ignore[no-untyped-def]
    S = sum((shift + t) ** 2 for t in range(int(T)))
    memory = 64 * T * (1 + 2 * L / mu) / (mu * S) * 4 * alpha / (alpha - 4) * G**2 / d**2
    return 4 * T * (T + 2 * shift) * G**2 / (mu * S) + mu * shift**3 * R2 / (8 * S) + memory


def _shift(d: float, alpha: float) -> float:
    rho = 4 * alpha / ((alpha - 4) * (alpha + 1) ** 2)
    return ((alpha + 1) / d + rho) / (rho + 1)


def _gmc_decreasing(n, L, mu, s2, R2, U, shift, T):  # type: ignore[no-untyped-def]
    P = mu * (shift - 1) ** 2 * R2 / 4 + 16 * s2 * T / (n * mu)
    Q = 128 * (2 * L + 1.07 * mu) * U**2 / mu**2
    return (P + Q * math.log(1 + T / (shift - 1))) / sum(shift + t for t in range(int(T)))


def _sgdm(n, d, s2, D, eta, g, T):  # type: ignore[no-untyped-def]
    e = 1 - d
    start = (2 / (eta * n) + 16 * e * eta / d**2) * s2 / T
    return 2 * D / (g * T) + start + 2 * eta * s2 / n + 4 * e * eta**2 * s2 / d + 16 * e * eta**3 * s2 / d**2


def _quadratic_noise(L, mu, s2, R2, tau, M, g, T):  # type: ignore[no-untyped-def]
    delayed = L * (tau + 1) * math.log(2 * (tau + 1)) + (1 + math.e + math.log(1 / (g * mu))) / (math.e * g)
    return 5 * L * math.exp(-2 * g * mu * (T + 1)) * R2 + g**2 * s2 / (2 * M) * delayed


def _bc(du: float, dd: float) -> float:
    """beta/theta of both sides together: r(1 + k) + k with k = 8 beta_d/theta_d."""
    k = 8 * _beta(dd) / _theta(dd)
    return _beta(du) / _theta(du) * (1 + k) + k


def _memory(n: float, beta: float, d: float, G: float, G1: float, promise: Contractive) -> float:
    """U of GMC: the smallest bound on the memory that is proved for the compressor."""
    s, found = sqrt(1 - d), [inf]
    masks = 1 - d * (1 - beta**2)
    if d == 1:
        return G * beta / (1 - beta)
    if promise.keeps == "random" or n == 1:
        found.append(G * sqrt(1 - (1 - beta) * d) / (1 - sqrt(1 - (1 - beta) * d)))
    if promise.keeps and (n == 1 or (promise.keeps == "random" and promise.shared_coins)):
        found.append(G * sqrt(masks) / (1 - sqrt(masks)))
    if promise.keeps == "largest":
        found.append(G1 * (1 - (1 - beta) * d) / ((1 - beta) * d))
    r = s + beta * (sqrt(d) if promise.orthogonal else 1.0 if promise.nonexpansive else 1 + s)
    return min([*found, G * r / (1 - r)] if r < 1 else found)


def _kept(n: float, beta: float, d: float, G: float, G1: float, U: float, promise: Contractive) -> float:
    """V of GMC+: the smallest bound on the mean size of the workers' errors."""
    s = sqrt(1 - d)
    found = [s / (1 - s) * (G + beta * (2 * U + G) / (1 - beta))]
    r = s + beta * (sqrt(d) if promise.orthogonal else 1.0 if promise.nonexpansive else 1 + s)
    if n == 1:
        found.append(s * (U + G))
    if r < 1:
        found.append(s * (G * r / (1 - r) + G))
    if promise.keeps == "largest":
        found.append((1 - d) * (G1 * (1 - (1 - beta) * d) / ((1 - beta) * d) + G1))
    return min(found)


def _diana_gap(n: float, w: float, alpha: float, M: float) -> float:
    return alpha - 2 * w / (n * M) if w else inf


_POSITIVE: Number = lambda: 0.0  # noqa: E731 - a line each, like the others

RESTATED: dict[str, Restated] = {
    # ------------------------------------------------------------------------------------------------- parallel SGD
    "sgd.nonconvex": Restated(lambda L: 1 / L, lambda n, L, s2, D, g, T: 2 * D / (g * T) + g * L * s2 / n),
    "sgd.convex": Restated(lambda L: 1 / (2 * L), lambda n, s2, R2, g, T: R2 / (g * T) + g * s2 / n),
    "sgd.strongly-convex": Restated(
        lambda L: 1 / L, lambda n, L, mu, s2, D, g, T: (1 - g * mu) ** T * D + g * L * s2 / (2 * n * mu)
    ),
    "sgd.pl": Restated(
        lambda L: 1 / L, lambda n, L, pl, s2, D, g, T: (1 - g * pl) ** T * D + g * L * s2 / (2 * n * pl)
    ),
    "sgd.finite-sum": Restated(
        lambda n, L, Ls: 1 / (2 * Ls) if n == 1 else 1 / (L + 2 * Ls / n),
        lambda n, mu, ss2, R2, g, T: (1 - g * mu) ** T * R2 + 2 * g * ss2 / (n * mu),
    ),
    "sgd.momentum-convex": Restated(
        lambda Ls: 1 / (4 * Ls), lambda n, ss2, R2, g, T: R2 / (g * (T + 1)) + 2 * g * ss2 / n
    ),
    "heavy-ball.nonconvex": Restated(
        lambda L, beta: (1 - beta) * (1 - beta) / (4 * L),
        lambda n, L, s2, D, beta, g, T: (
            8 * D * (1 - beta) / (3 * g * T)
            + 4 * L * s2 * g / (3 * n * (1 - beta))
            + 8 * L**2 * g**2 * beta**2 * s2 / (3 * n * (1 - beta**2) * (1 - beta) ** 2)
        ),
        limits={"beta": (_POSITIVE, _one)},
    ),
    "momentum.nonconvex": Restated(
        lambda L, b: (1 - b) / (4 * L),
        lambda n, L, s2, D, b, g, T: (
            8 * D / (3 * g * T) + 4 * L * g * s2 / (3 * n) + 8 * L**2 * g**2 * b**2 * s2 / (3 * n * (1 - b**2))
        ),
        limits={"b": (_POSITIVE, _one)},
    ),
    "signsgd.nonconvex": Restated(
        lambda L1, T: 1 / sqrt(L1 * T), lambda L1, sig1, D, T: (sqrt(L1) * (D + 0.5) + 2 * sig1) / sqrt(T)
    ),
    # ------------------------------------------------------------------------------------ unbiased, without memory
    "qsgd.strongly-convex": Restated(
        lambda n, L, Lmax, w: 1 / (L + 2 * w * Lmax / n),
        lambda n, mu, w, s2, zs2, R2, g, T: (
            (1 - g * mu) ** T * R2 + g / mu * (2 * w * zs2 / n + (1 + w) * s2 / n)
        ),
    ),
    "qsgd.nonconvex": Restated(lambda L: 1 / L, _qsgd_nonconvex),
    "qsgd.nonconvex-two-way": Restated(lambda n, L, wu, wd: 2 / (L * (1 + wd + (wd + 1) * wu / n)), _two_way),
    "khirirat.q-gd-strongly-convex": Restated(
        lambda L, mu, a: 2 / (a * (mu + L)),
        lambda L, mu, R2, g, T: (1 - 2 * g * mu * L / (mu + L)) ** T * R2,
    ),
    "khirirat.q-gd-convex": Restated(lambda L, a: 1 / (a * L), lambda R2, g, T: R2 / (2 * g * T)),
    "khirirat.q-gd-nonconvex": Restated(
        lambda L, a: 2 / (a * L), lambda L, a, D, g, T: D / (g * (1 - a * L * g / 2) * T)
    ),
    "khirirat.d-qgd-strongly-convex": Restated(
        lambda n, Lmax, a, s, theta: 2 * n / (a * s * (1 + theta) * Lmax),
        _d_qgd,
    ),
    "khirirat.d-qgd-sharper": Restated(
        lambda n, L, Lmax, w, s: 1 / (L + 2 * s * w * Lmax / n),
        lambda n, mu, w, s, zs2, R2, g, T: (1 - g * mu) ** T * R2 + 2 * g * s * w * zs2 / (n * mu),
    ),
    # --------------------------------------------------------------------------------- unbiased, with memories
    "diana.strongly-convex": Restated(
        lambda n, L, Lmax, w, alpha, M: 1 / (L + 2 * w * Lmax / n + M * Lmax * alpha),
        lambda n, mu, w, s2, zs2, R2, alpha, M, g, T: (
            max(1 - g * mu, 1 - _diana_gap(n, w, alpha, M)) ** T * (R2 + M * g**2 * zs2)
            + ((1 + w) / n + M * alpha) * s2 * g**2 / min(g * mu, _diana_gap(n, w, alpha, M))
        ),
        weights=(_one, lambda M, g: M * g**2),
        limits={"alpha": (_POSITIVE, lambda w: 1 / (1 + w)), "M": (lambda n, w, alpha: 2 * w / (n * alpha), None)},
    ),
    "diana.pl": Restated(
        lambda L, Lt, w, wav, alpha: 1 / (
            L + Lt * sqrt(wav) * sqrt((1 + _r(alpha, 0, w)) / 2) / _bv(sqrt(_r(alpha, 0, w)))
        ),
        lambda pl, w, wav, D, g0, alpha, g, T: (
            max(1 - g * pl, (1 + _r(alpha, 0, w)) / 2 if w else 0) ** T
            * (D + g * wav / (2 * _bv(sqrt(_r(alpha, 0, w)))) * g0)
        ),
        weights=(_one, lambda w, wav, alpha, g: g * wav / (2 * _bv(sqrt(_r(alpha, 0, w))))),
        limits={"alpha": (_POSITIVE, lambda w: 2 / (1 + w))},
    ),
    "ef-bv.nonconvex": Restated(
        lambda L, Lt, lam, nu, bias, w, wav: 1 / (L + Lt * sqrt(_r(nu, bias, wav)) / (1 - sqrt(_r(lam, bias, w)))),
        lambda D, g0, lam, nu, bias, w, wav, g, T: (
            2 * D / (g * T) + _r(nu, bias, wav) * g0 / ((1 - sqrt(_r(lam, bias, w))) * T)
        ),
    ),
    "ef-bv.pl": Restated(
        lambda L, Lt, lam, nu, bias, w, wav: 1 / (
            L + Lt * sqrt(_r(nu, bias, wav)) * sqrt((1 + _r(lam, bias, w)) / 2) / _bv(sqrt(_r(lam, bias, w)))
        ),
        lambda pl, D, g0, lam, nu, bias, w, wav, g, T: (
            max(1 - g * pl, (1 + _r(lam, bias, w)) / 2 if _r(nu, bias, wav) else 0) ** T
            * (D + g * _r(nu, bias, wav) / (2 * _bv(sqrt(_r(lam, bias, w)))) * g0)
        ),
        weights=(_one, lambda lam, nu, bias, w, wav, g: g * _r(nu, bias, wav) / (2 * _bv(sqrt(_r(lam, bias, w))))),
    ),
    "artemis.strongly-convex": Restated(
        lambda n, L, Lmax, wu, wd: 1 / ((1 + wd) * (L + 6 * wu * Lmax / n)),
        lambda n, mu, wu, wd, s2, zs2, R2, alpha, g, T: (
            max(1 - g * mu, 1 - alpha / 2 if wu else 0) ** T
            * (R2 + 4 * (1 + wd) * wu / (n * alpha) * g**2 * zs2)
            + (1 + wd) * (1 + 5 * wu) * s2 / n * g**2 / min(g * mu, alpha / 2 if wu else inf)
        ),
        weights=(_one, lambda n, wu, wd, alpha, g: 4 * (1 + wd) * wu / (n * alpha) * g**2),
        limits={"alpha": (_POSITIVE, lambda wu: 1 / (1 + wu))},
    ),
    "murana.strongly-convex": Restated(
        lambda n, Lmax, wu, b: 1 / (Lmax * (1 + (1 + b) ** 2 * wu / n)),
        lambda n, mu, wu, wd, zs2, R2, b, g, T: (
            (1 - min(g * mu / (1 + wd), (1 - b**-2) / (1 + wu) if wu else inf)) ** T
            * (R2 + (b**2 + b) * g**2 * wu * (1 + wu) / (n * (1 + wd)) * zs2)
        ),
        weights=(_one, lambda n, wu, wd, b, g: (b**2 + b) * g**2 * wu * (1 + wu) / (n * (1 + wd))),
        limits={"lam": (None, lambda wu: 1 / (1 + wu)), "beta": (None, lambda wd: 1 / (1 + wd)), "b": (_one, None)},
    ),
    "dore.strongly-convex": Restated(
        lambda L, mu, alpha, c: 2 / ((1 + c * alpha) * (mu + L)),
        _dore,
        weights=_DORE_WEIGHTS,
        limits=_DORE_LIMITS | {
            "beta": (_POSITIVE, lambda wd: 1 / (wd + 1)),
            "eta": (None, lambda L, mu, wd, alpha, beta, c: min(
                (-wd + sqrt(wd**2 + 4 * wd * (1 - (wd + 1) * beta))) / (2 * wd) if wd else inf,
                over(4 * mu * L, (mu + L) ** 2 * (1 + c * alpha) - 4 * mu * L),
            )),
        },
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
    ),
    "dore.nonconvex-tuned": Restated(
        lambda n, L, wu, s2, T: 1 / (12 * L * (1 + 2 * wu / n) + sqrt(s2 * T / n)),
        lambda n, L, wu, wd, s2, D, T: (
            48 * (wd + 1) * L * (1 + 2 * wu / n) * D / T
            + (4 * (wd + 1) * D + 12 * (1 + 2 * wu) * L) * sqrt(s2 / (n * T))
        ),
        limits={"eta": (None, lambda L, wd, g: sqrt(over(2 * g * L, wd * (1 + 6 * g * L))))},
    ),
    "marina.nonconvex": Restated(
        lambda n, L, Lt, w, p: 1 / (L + Lt * sqrt((1 - p) * w / (p * n))), lambda D, g, T: 2 * D / (g * T)
    ),
    "marina.pl": Restated(
        lambda n, L, Lt, pl, w, p: min(1 / (L + Lt * sqrt(2 * (1 - p) * w / (p * n))), p / (2 * pl)),
        lambda pl, D, g, T: (1 - g * pl) ** T * D,
    ),
    "marina-p.nonconvex": Restated(
        lambda L, Lt, wd, p: 1 / (L + Lt * sqrt((1 - p) * wd / p)), lambda D, g, T: 2 * D / (g * T)
    ),
    "marina-p.pl": Restated(
        lambda L, Lt, pl, wd, p: min(1 / (L + Lt * sqrt(2 * (1 - p) * wd / p)), p / (2 * pl)),
        lambda pl, D, g, T: (1 - g * pl) ** T * D,
    ),
    "marina-p.same-hessian": Restated(
        lambda n, L, wd, p: 1 / (L + L * sqrt((1 - p) * wd / (p * n))), lambda D, g, T: 2 * D / (g * T)
    ),
    "marina-p.same-hessian-pl": Restated(
        lambda n, L, pl, wd, p: min(1 / (L + L * sqrt(2 * (1 - p) * wd / (p * n))), p / (2 * pl)),
        lambda pl, D, g, T: (1 - g * pl) ** T * D,
    ),
    "q-rr.strongly-convex": Restated(
        lambda n, Ls, w: 1 / ((1 + 2 * w / n) * Ls),
        lambda n, m, Ls, mu, w, ss2, zs2, R2, g, T: (
            (1 - g * mu) ** T * R2 + 2 * g**2 * (Ls * m * ss2 / 4) / mu + 2 * g * w / (mu * n) * (zs2 + ss2)
        ),
    ),
    "diana-rr.strongly-convex": Restated(
        lambda n, m, Ls, mu, w, alpha: min(alpha / (2 * m * mu), 1 / ((1 + 6 * w / n) * Ls)),
        lambda n, m, Ls, mu, w, ss2, zs2, R2, alpha, g, T: (
            (1 - g * mu) ** T * (R2 + _shifts(n, m, mu, w, alpha, g) * (zs2 + ss2)) + 2 * g**2 * (Ls * m * ss2 / 4) / mu
        ),
        weights=(_one, lambda n, m, mu, w, alpha, g: _shifts(n, m, mu, w, alpha, g)),
        limits={"alpha": (None, lambda w: 1 / (1 + w))},
    ),
    "dasha.nonconvex": Restated(
        lambda n, L, Lt, w: 1 / (L + Lt * sqrt(2 * w * (2 * w + 1) / n)),
        lambda D, g, T: 2 * D / (g * T),
        limits={"alpha": (None, lambda w: 1 / (2 * w + 1))},
    ),
    "dasha.pl": Restated(
        lambda n, L, Lt, pl, w: min(1 / (L + Lt * sqrt(4 * w * (2 * w + 1) / n)), 1 / (2 * pl * (2 * w + 1))),
        lambda pl, D, g, T: (1 - g * pl) ** T * D,
        limits={"alpha": (None, lambda w: 1 / (2 * w + 1))},
    ),
    # ------------------------------------------------------------------------------------------- error feedback
    "compressed-gd.strongly-convex": Restated(lambda L: 1 / L, lambda mu, d, D, g, T: (1 - g * mu * d) ** T * D),
    "compressed-gd.tight": Restated(
        lambda L, mu, d: 2 / ((1 - sqrt(1 - d)) * mu + (1 + sqrt(1 - d)) * L),
        lambda L, mu, d, D, T: (
            (((1 + sqrt(1 - d)) * L - (1 - sqrt(1 - d)) * mu) / ((1 + sqrt(1 - d)) * L + (1 - sqrt(1 - d)) * mu))
            ** (2 * T) * D
        ),
    ),
    "error-feedback.tight-single-worker": Restated(
        lambda L, mu, d: 2 / (L + mu) * (1 - sqrt(1 - d)) / (1 + sqrt(1 - d)),
        lambda L, mu, d, R2, T: _tight(L, mu, d) ** T * R2,
        weights=(_one, lambda d: 1 / sqrt(1 - d) if d < 1 else 0.0),
    ),
    "error-feedback.tight": Restated(
        lambda Lmax, mu, d: 2 / (Lmax + mu) * (1 - sqrt(1 - d)) / (1 + sqrt(1 - d)),
        lambda Lmax, mu, d, R2, T: _tight(Lmax, mu, d) ** T * R2,
        weights=(_one, _one, lambda d: 1 / sqrt(1 - d) - 1 if d < 1 else 0.0),
    ),
    "scaffnew.strongly-convex": Restated(
        lambda Lmax: 2 / Lmax, _scaffnew_bound, weights=(_one, _one, lambda p, g: (g / p) ** 2),
        limits={"p": (_POSITIVE, _one)},
    ),
    "scaffnew.strongly-convex-tuned": Restated(
        lambda Lmax, mu: 2 / (Lmax + mu),
        lambda Lmax, mu, zs2, R2, T: ((Lmax - mu) / (Lmax + mu)) ** (2 * T) * (R2 + zs2 / (Lmax * mu)),
        weights=(_one, _one, lambda Lmax, mu: 1 / (Lmax * mu)),
        limits={"p": (None, lambda Lmax, mu: 2 * sqrt(Lmax * mu) / (Lmax + mu))},
    ),
    "compressed-scaffnew.strongly-convex": Restated(
        lambda Lmax: 2 / Lmax, _scaffnew_bound,
        weights=(_one, _one, lambda Lmax, mu, w, n, p, g: _scaffnew(Lmax, mu, w, n, p, g)[1]),
        limits={
            "p": (_POSITIVE, _one),
            "eta": (None, lambda n, w: n * (n / (1 + w) - 1) / (n / (1 + w) * (n - 1)) if w else 1.0),
        },
    ),
    "ef21.tight-single-worker": Restated(
        lambda L, mu, d: 2 / (L + mu) * (1 - sqrt(1 - d)) / (1 + sqrt(1 - d)),
        lambda L, mu, d, g0, T: _tight(L, mu, d) ** T * (1 + sqrt(1 - d)) * g0,
        weights=(_one, lambda d: sqrt(1 - d)),
    ),
    "ef21.tight": Restated(
        lambda Lmax, mu, d: 2 / (Lmax + mu) * (1 - sqrt(1 - d)) / (1 + sqrt(1 - d)),
        lambda Lmax, mu, d, g0, T: _tight(Lmax, mu, d) ** T * (1 + sqrt(1 - d)) * g0,
        weights=(_one, lambda d: sqrt(1 - d)),
    ),
    "ef21.tight-unequal": Restated(
        lambda sums, d: 2 / _mean(sums) * (1 - sqrt(1 - d)) / (1 + sqrt(1 - d)),
        lambda sums, gaps, d, g0, T: (
            _unequal(sums, gaps, d) ** T * (1 + sqrt(1 - d) * _mean(sums) / min(sums)) * g0
        ),
        weights=(_one, lambda sums, d: sqrt(1 - d) * _mean(sums) / max(sums)),
    ),
    "error-feedback.nonconvex": Restated(
        lambda L, d: d / (4 * L),
        lambda n, L, d, s2, z2, D, g, T: (
            4 * D / (g * T) + 2 * L * g * s2 / n + 4 * L**2 * g**2 * (1 - d) * (s2 / d + 2 * z2 / d**2)
        ),
    ),
    "error-feedback.nonconvex-bounded": Restated(
        lambda: inf,
        lambda L, d, G, D, g, T: 2 * D / (g * T) + g * L * G**2 + 4 * g**2 * L**2 * G**2 * (1 - d) / d**2,
    ),
    "error-feedback.strongly-convex": Restated(
        lambda mu: 8 / mu, _mem_sgd, limits={"alpha": (lambda: 4.0, None), "a": (_shift, None)}
    ),
    "error-feedback.memory": Restated(
        lambda: inf,
        lambda d, G, alpha, shift, g, T: (g / (shift + T)) ** 2 * 4 * alpha / (alpha - 4) * G**2 / d**2,
        limits={"alpha": (lambda: 4.0, None), "a": (_shift, None)},
    ),
    "error-feedback.strongly-convex-order": Restated(
        lambda Lmax, d: d / (28 * Lmax),
        lambda Lmax, mu, d, s2, zs2, R2, T: (
            Lmax * R2 / d * math.exp(-d * mu * T / Lmax) + (s2 + zs2 / d) / (mu * T)
        ),
        chosen={"gamma": lambda Lmax, mu, d, T: min(d / (28 * Lmax), 2 * math.log(T) / (mu * T))},
    ),
    "dist-ef-sgd.nonconvex": Restated(
        lambda L, b: (1 - b) / (2 * L),
        lambda n, L, d, K, G, s2, D, b, g, T: (
            4 * D * (1 - b) / (g * T)
            + 2 * L * g * s2 / (n * (1 - b))
            + 2 * L**2 * (g * sqrt(_E2(d, K, G / (1 - b))) + g * b**2 * G / (1 - b) ** 2) ** 2
        ),
        limits={"b": (_POSITIVE, _one)},
    ),
    "doublesqueeze.nonconvex": Restated(
        lambda L: 1 / L,
        lambda n, L, eu, ed, s2, D, g, T: (
            (D / T + g**3 * L**2 * (eu + ed) ** 2 / 2 + L * g**2 * s2 / (2 * n)) / (g / 2 * (1 - L * g))
        ),
    ),
    "doublesqueeze.nonconvex-tuned": Restated(
        lambda n, L, eu, ed, s2, T: 1 / (4 * L + sqrt(s2 * T / n) + (eu + ed) ** (2 / 3) * T ** (1 / 3)),
        lambda n, L, eu, ed, s2, D, T: (
            8 / 3 * (4 * L * D / T + (D + L / 2) * sqrt(s2 / (n * T)) + (D + L**2 / 2) * ((eu + ed) / T) ** (2 / 3))
        ),
    ),
    "doublesqueeze.contractive": Restated(
        lambda L: 1 / (2 * L),
        lambda n, L, d, K, G, s2, D, g, T: (
            4 * D / (g * T) + 2 * L * g * s2 / n + 2 * L**2 * g**2 * _E2(d, K, G)
        ),
    ),
    "doublesqueeze.asynchronous": Restated(
        lambda L, Lt, tau: 2 / (L + sqrt(L**2 + 16 * Lt**2 * tau**2)),
        lambda n, L, Lt, eu, ed, s2, D, tau, M, g, T: (
            4 * D / (g * T)
            + (2 * L**2 + 4 * Lt**2) * g**2 * (n * eu / M + ed) ** 2
            + (2 * L * g + 8 * Lt**2 * g**2 * tau) * s2 / M
        ),
    ),
    "neolithic.nonconvex": Restated(
        lambda L: 1 / (4 * L),
        lambda n, L, d, s2, D, T: sqrt(L * D * s2 / (n * T)) + L * D / (d * T),
        chosen={
            "R": lambda d: math.ceil(math.log(16) / -math.log(1 - d)) if d < 1 else 1.0,
            "gamma": lambda n, L, s2, D, R, T: 1 / (4 * L + sqrt(L * s2 * T / (n * R * D))),
        },
    ),
    "econtrol.nonconvex": Restated(
        lambda Lt, d: d / (8 * Lt),
        lambda n, L, Lt, d, s2, D, T: (
            sqrt(L * D * s2 / (n * T)) + (L * D * sqrt(s2) / (d**2 * T)) ** (2 / 3) + Lt * D / (d * T)
        ),
        limits={"eta": (_POSITIVE, _one)},
        chosen={
            "eta": lambda d: d / 8,
            "gamma": lambda n, L, Lt, d, s2, D, T: (
                1 / (8 * Lt / d + sqrt(L * s2 * T / (n * D)) + (L**2 * s2 * T / (d**4 * D)) ** (1 / 3))
            ),
        },
    ),
    "liec.nonconvex-shadow": Restated(
        lambda L: 1 / L,
        lambda n, L, Lmax, du, dd, W, G, s2, D, H, g, T: (
            2 * D / (g * T) + L * g * s2 / n + Lmax**2 * g**2 * _liec(du, dd, W, H, G, 1)
        ),
    ),
    "liec.nonconvex": Restated(
        lambda L: 1 / L,
        lambda n, L, Lmax, du, dd, W, G, s2, D, H, g, T: (
            4 * D / (g * T) + 2 * L * g * s2 / n + 2 * Lmax**2 * g**2 * _liec(du, dd, W, H, G, 2)
        ),
    ),
    "liec.nonconvex-tuned": Restated(
        lambda n, L, s2, D, T: min(1 / L, sqrt(over(2 * n * D, L * s2 * T))),
        lambda n, L, Lmax, du, dd, W, G, s2, D, H, T: (
            4 * L * D / T
            + 4 * sqrt(2 * L * D * s2 / (n * T))
            + _liec(du, dd, W, H, G, 2) * Lmax**2 * (4 * n * D / (L * s2 * T) if s2 else 2 / L**2)
        ),
    ),
    "cser.nonconvex": Restated(
        lambda L: 1 / L,
        lambda n, L, Lmax, du, dd, G, s2, D, H, g, T: (
            2 * D / (g * T)
            + (4 * (1 - dd) / dd**2 + 1) * 2 * (1 - du) * g**2 * H**2 * Lmax**2 * G**2
            + L * g * s2 / n
        ),
    ),
    "cser.nonconvex-sharper": Restated(
        lambda L: 1 / L,
        lambda n, L, Lmax, du, dd, G, s2, D, H, g, T: (
            2 * D / (g * T)
            + Lmax**2 * g**2 * (1 - du) * G**2 * (H * sqrt(1 - dd) / (1 - sqrt(1 - dd)) + H - 1) ** 2
            + L * g * s2 / n
        ),
    ),
    # --------------------------------------------------------------------------------------------- EF21 and kin
    "ef21.nonconvex": Restated(
        lambda L, Lt, d: 1 / (L + Lt * sqrt(_beta(d) / _theta(d))),
        lambda d, D, g0, g, T: 2 * D / (g * T) + (1 - d) * g0 / (_theta(d) * T),
    ),
    "ef21.pl": Restated(
        lambda L, Lt, pl, d: min(1 / (L + Lt * sqrt(2 * _beta(d) / _theta(d))), _theta(d) / (2 * pl)),
        lambda pl, d, D, g0, g, T: (1 - g * pl) ** T * (D + g / _theta(d) * (1 - d) * g0),
        weights=(_one, lambda d, g: g * (1 - d) / _theta(d)),
    ),
    "ef21.nonconvex-sparse": Restated(
        lambda n, L, Lsum, d: 1 / (L + Lsum / n * sqrt(_beta(d) / _theta(d))),
        lambda n, Lsum, d, D, gL, g, T: 2 * D / (g * T) + (1 - d) * Lsum * gL / (n * _theta(d) * T),
    ),
    "ef21.pl-sparse": Restated(
        lambda n, L, Lsum, pl, d: min(
            1 / (L + Lsum / n * sqrt(2 * _beta(d) / _theta(d))), _theta(d) / (2 * pl)
        ),
        lambda n, Lsum, pl, d, D, gL, g, T: (1 - g * pl) ** T * (D + g * (1 - d) * Lsum * gL / (n * _theta(d))),
    ),
    "3pc.nonconvex": Restated(
        lambda L, Lt, A, B: 1 / (L + Lt * sqrt(B / A)),
        lambda d, D, g0, A, g, T: 2 * D / (g * T) + (1 - d) * g0 / (A * T),
        limits={
            "A": (_POSITIVE, lambda d: d),
            "B": (lambda d, A: (1 - d) * (1 - A) / (d - A) if d < 1 else 0.0, None),
        },
    ),
    "ef21-bc.nonconvex": Restated(
        lambda L, Lt, du, dd: 1 / (L + Lt * sqrt(2 * _bc(du, dd))), lambda D, g, T: 2 * D / (g * T)
    ),
    "ef21-norm.nonconvex": Restated(
        lambda L, Lbar, d, D, T: sqrt(D / ((L / 2 + 2 * Lbar * sqrt(1 - d) / _theta(d)) * T)),
        lambda L, Lbar, d, D, T: 2 * sqrt((L / 2 + 2 * Lbar * sqrt(1 - d) / _theta(d)) * D / T),
    ),
    "ef21-sgdm.nonconvex": Restated(
        lambda L, Lt, d, eta: min(d / (8 * Lt * sqrt(1 - d)) if d < 1 else inf, eta / (4 * L)),
        _sgdm,
        limits={"eta": (_POSITIVE, _one)},
    ),
    "ef21-p.strongly-convex": Restated(
        lambda L, dd: dd / (16 * L),
        lambda mu, R2, D, g, T: (1 - g * mu / 2) ** T * (R2 / (2 * g) + D),
        weights=(lambda g: 1 / (2 * g), _one),
    ),
    "ef21-p-diana.strongly-convex": Restated(
        lambda n, L, Lmax, mu, w, dd: min(
            n / (160 * w * Lmax) if w else inf, dd / (100 * L), 1 / ((w + 1) * mu)
        ),
        lambda n, mu, w, zs2, R2, D, g, T: (
            (1 - g * mu / 2) ** T * (R2 / (2 * g) + D + 8 * g * w * (w + 1) * zs2 / n)
        ),
        weights=(lambda g: 1 / (2 * g), _one),
        limits={"beta": (None, lambda w: 1 / (w + 1))},
    ),
    "ef21-p-diana.convex": Restated(
        lambda n, L, Lmax, w, dd: min(n / (160 * w * Lmax) if w else inf, dd / (100 * L)),
        lambda n, w, zs2, R2, D, g, T: R2 / (g * T) + D / T + 16 * g * w * (w + 1) * zs2 / (T * n),
        limits={"beta": (None, lambda w: 1 / (w + 1))},
    ),
    # -------------------------------------------------------------------------------------------- global momentum
    "gmc.nonconvex": Restated(
        lambda L, beta: (1 - beta) / (2 * L),
        lambda n, L, s2, D, beta, U, g, T: (
            4 * D * (1 - beta) / (g * T) + 2 * L * g * s2 / (n * (1 - beta)) + 2 * (L * g * U / (1 - beta)) ** 2
        ),
    ),
    "gmc.nonconvex-tuned": Restated(
        lambda n, L, s2, D, beta, U, T: (1 - beta) * min(
            1 / (2 * L), sqrt(over(2 * n * D, L * s2 * T)), over(D, L**2 * U**2 * T) ** (1 / 3)
        ),
        lambda n, L, s2, D, U, T: (
            4 * sqrt(2 * L * D * s2 / (n * T)) + 6 * (L * U * D / T) ** (2 / 3) + 8 * L * D / T
        ),
    ),
    "gmc.convex": Restated(
        lambda L, beta: (1 - beta) / (4 * L),
        lambda n, L, s2, R2, beta, U, g, T: (
            2 * R2 * (1 - beta) / (g * T) + 2 * g * s2 / (n * (1 - beta)) + 4 * L * (g * U / (1 - beta)) ** 2
        ),
    ),
    "gmc.convex-nonsmooth": Restated(
        lambda: inf,
        lambda G, R2, beta, U, g, T: R2 * (1 - beta) / (2 * g * T) + g / (1 - beta) * (G**2 / 2 + G * U),
    ),
    "gmc.strongly-convex": Restated(
        lambda L, beta: (1 - beta) / (4 * L),
        lambda n, L, mu, s2, R2, beta, U, g, T: (
            mu * R2 / (_geometric_sum(1 / (1 - mu * g / (2 * (1 - beta))), T) * mu * g / (2 * (1 - beta) - mu * g))
            + 2 * g * s2 / (n * (1 - beta)) + 2 * (g / (1 - beta)) ** 2 * (2 * L + mu) * U**2
        ),
    ),
    "gmc.strongly-convex-decreasing": Restated(
        lambda mu, beta: 8 * (1 - beta) / mu, _gmc_decreasing, limits={"a": (lambda L, mu: 32 * L / mu, None)}
    ),
    "gmc-plus.nonconvex": Restated(
        lambda L, beta: (1 - beta) / L,
        lambda n, L, s2, D, beta, g, T: 2 * D * (1 - beta) / (g * T) + L * g * s2 / (n * (1 - beta)),
        weights=(_one, lambda Lmax: -(Lmax**2)),
        limits={"lam": (_POSITIVE, _one)},
    ),
    "gmc-plus.nonconvex-bounded": Restated(
        lambda L, beta: (1 - beta) / L,
        lambda n, L, Lmax, s2, D, beta, lam, U, V, g, T: (
            2 * D * (1 - beta) / (g * T)
            + L * g * s2 / (n * (1 - beta))
            + (Lmax * g / (1 - beta) * (U + lam * (1 - beta) * V)) ** 2
        ),
        limits={"lam": (_POSITIVE, _one)},
    ),
    # ------------------------------------------------------------------------------------------------------ delays
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
    "ringmaster.nonconvex": Restated(
        lambda L, R: 1 / (2 * L * max(1, R - 1)), lambda L, s2, D, g, T: 2 * D / (g * T) + 2 * L * g * s2
    ),
    "rennala.nonconvex": Restated(
        lambda L: 1 / L, lambda L, s2, D, B, g, T: 2 * D / (g * T) + g * L * s2 / B
    ),
    "delay-adaptive.nonconvex": Restated(
        lambda n, L: 1 / (4 * L * n),
        lambda n, L, s2, D, T: sqrt(L * D * s2 / T) + n * L * D / T,
        chosen={"gamma": lambda n, L, s2, D, T: min(1 / (4 * L * n), sqrt(over(D, L * s2 * T)))},
    ),
    "khirirat.q-iag-convex": Restated(
        lambda n, Lmax, s, a, tau: 3 * n / (8 * s * a * Lmax * (1 + 2 * tau)),
        lambda n, Lmax, s, a, tau, zs2, R2, g, T: (
            R2 / (2 * g * T) + g * s * a * _iag_beta(n, Lmax, s, a, tau, g) * zs2 / n
        ),
    ),
    "khirirat.q-iag-strongly-convex": Restated(
        lambda n, Lmax, s, a, tau: 3 * n / (8 * s * a * Lmax * (1 + 2 * tau)),
        lambda n, mu, Lmax, s, a, tau, zs2, R2, g, T: (
            (1 - g * mu) ** T * R2 + 2 * g * s * a * _iag_beta(n, Lmax, s, a, tau, g) * zs2 / (n * mu)
        ),
    ),
    "khirirat.q-iag-delay-lemma": Restated(
        lambda n, mu, Lmax, s, a, tau, theta: min(2 * mu / _lemma(n, Lmax, s, a, tau, theta), 1 / (2 * mu)),
        _lemma_bound,
    ),
    "khirirat.q-iag-nonconvex": Restated(
        lambda: inf,
        lambda n, Lmax, s, a, tau, C1, C2, D, g, T: (
            2 * D / (g * T)
            + a * (s / n) ** 2 * C2 * (g * Lmax + g**2 * Lmax**2 * tau**2 * s / n)
            + 2 * g * Lmax * tau * (s / n) ** 1.5 * sqrt(a * (a - 1) * C2) * C1
        ),
    ),
    "khirirat.delayed-q-sgd": Restated(
        lambda: inf,
        lambda L, a, G, tau, R2, g, T: R2 / (2 * g * T) + g * a * G**2 / 2 + L * g**2 * tau**2 * a * G**2 / 2,
    ),
}  # fmt: skip


#: What every theorem assumes of problem, compressors, noise and delays, by the names of `theory.hypotheses`.
ASSUMED: dict[str, str] = {
    "artemis.strongly-convex": (
        "convex workers, smooth workers, smooth, strongly convex, coins independent over workers, "
        "independent noise, zero first memories"
    ),
    "compressed-gd.strongly-convex": "one worker, exact gradients, smooth, strongly convex",
    "cser.nonconvex": "smooth workers, smooth, independent noise, bounded gradients, zero first errors",
    "cser.nonconvex-sharper": "smooth workers, smooth, independent noise, bounded gradients, zero first errors",
    "khirirat.d-qgd-strongly-convex": "convex workers, smooth workers, strongly convex, exact gradients, overlap",
    "khirirat.d-qgd-sharper": "convex workers, smooth workers, smooth, strongly convex, exact gradients, overlap",
    "dasha.nonconvex": (
        "smooth, smooth on average, exact gradients, coins independent over workers, exact first round"
    ),
    "dasha.pl": (
        "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, coins independent over workers, "
        "exact first round"
    ),
    "khirirat.delayed-q-sgd": (
        "convex, smooth, bounded gradients, independent noise, bounded delays, "
        "delays independent of samples and coins, coins independent of the model, messages of f, "
        "samples used once"
    ),
    "delayed-sgd.nonconvex": (
        "equal workers, smooth, independent noise, bounded delays, delays independent of samples and coins, "
        "samples used once"
    ),
    "delayed-sgd.quadratic": (
        "quadratic functions, smooth, strongly convex, exact gradients, messages of f, messages of one age"
    ),
    "delayed-sgd.quadratic-noise": (
        "quadratic functions, smooth, strongly convex, independent noise, messages of f, "
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
    "ef-bv.nonconvex": "smooth, smooth on average, exact gradients, zero first memories",
    "ef-bv.pl": "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, zero first memories",
    "diana.strongly-convex": (
        "convex workers, smooth workers, smooth, strongly convex, prox, coins independent over workers, "
        "independent noise, zero first memories"
    ),
    "diana.pl": "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, zero first memories",
    "dist-ef-sgd.nonconvex": "smooth, independent noise, bounded gradients, zero first errors",
    "dore.strongly-convex": (
        "strongly convex workers, smooth workers, prox, coins independent over workers, independent noise, "
        "zero first memories, zero first errors"
    ),
    "dore.strongly-convex-tuned": (
        "strongly convex workers, smooth workers, prox, coins independent over workers, independent noise, "
        "zero first memories, zero first errors"
    ),
    "dore.nonconvex": (
        "equal workers, smooth, coins independent over workers, independent noise, zero first memories, "
        "zero first errors"
    ),
    "dore.nonconvex-tuned": (
        "equal workers, smooth, coins independent over workers, independent noise, zero first memories, "
        "zero first errors"
    ),
    "doublesqueeze.nonconvex": "smooth, independent noise, zero first errors",
    "doublesqueeze.nonconvex-tuned": "smooth, independent noise, zero first errors",
    "doublesqueeze.contractive": "smooth, independent noise, bounded gradients, zero first errors",
    "doublesqueeze.asynchronous": (
        "smooth, smooth on average, independent noise, messages of f, bounded delays, "
        "delays independent of samples and coins, coins independent of the model, messages in order, "
        "samples used once, zero first errors"
    ),
    "econtrol.nonconvex": "smooth, smooth on average, independent noise",
    "ef21.nonconvex": "smooth, smooth on average, exact gradients, zero first memories",
    "ef21.pl": "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, zero first memories",
    "3pc.nonconvex": "smooth, smooth on average, exact gradients, zero first memories",
    "ef21-bc.nonconvex": "smooth, smooth on average, exact gradients, exact first round",
    "ef21-norm.nonconvex": "smooth, smooth by the mean, exact gradients, exact first round",
    "ef21-sgdm.nonconvex": "smooth, smooth on average, independent noise, exact first round",
    "ef21.nonconvex-sparse": "smooth, smooth on supports, exact gradients, zero first memories",
    "ef21.pl-sparse": "smooth, smooth on supports, Polyak-Lojasiewicz, exact gradients, zero first memories",
    "ef21-p.strongly-convex": "smooth, strongly convex, exact gradients",
    "ef21-p-diana.strongly-convex": (
        "convex workers, smooth workers, smooth, strongly convex, exact gradients, "
        "coins independent over workers, zero first memories"
    ),
    "ef21-p-diana.convex": (
        "convex workers, smooth workers, smooth, convex, exact gradients, coins independent over workers, "
        "zero first memories"
    ),
    "error-feedback.nonconvex": "smooth, bounded dissimilarity, independent noise, zero first errors",
    "error-feedback.nonconvex-bounded": "smooth, bounded gradients, independent noise, zero first errors",
    "error-feedback.strongly-convex": (
        "one worker, smooth, strongly convex, bounded gradients, independent noise, falling step, zero first errors"
    ),
    "error-feedback.memory": "bounded gradients, falling step, zero first errors",
    "error-feedback.strongly-convex-order": (
        "convex workers, smooth workers, strongly convex, independent noise, zero first errors"
    ),
    "gmc.nonconvex": "smooth, independent noise, bounded memory",
    "gmc.nonconvex-tuned": "smooth, independent noise, bounded memory",
    "gmc.convex": "convex, smooth, independent noise, bounded memory",
    "gmc.convex-nonsmooth": "convex, bounded gradients, independent noise, bounded memory",
    "gmc.strongly-convex": "smooth, strongly convex, independent noise, bounded memory",
    "gmc.strongly-convex-decreasing": "smooth, strongly convex, independent noise, bounded memory, falling step",
    "gmc-plus.nonconvex": "smooth, smooth workers, independent noise, zero first errors",
    "gmc-plus.nonconvex-bounded": "smooth, smooth workers, independent noise, bounded memory",
    "liec.nonconvex-shadow": "smooth workers, smooth, independent noise, bounded gradients, zero first errors",
    "liec.nonconvex": "smooth workers, smooth, independent noise, bounded gradients, zero first errors",
    "liec.nonconvex-tuned": "smooth workers, smooth, independent noise, bounded gradients, zero first errors",
    "marina.nonconvex": (
        "smooth, smooth on average, exact gradients, coins independent over workers, exact first round"
    ),
    "marina.pl": (
        "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, coins independent over workers, "
        "exact first round"
    ),
    "heavy-ball.nonconvex": "smooth, independent noise",
    "momentum.nonconvex": "smooth, independent noise",
    "murana.strongly-convex": (
        "convex workers, smooth workers, strongly convex, prox, exact gradients, "
        "coins independent over workers, zero first memories"
    ),
    "neolithic.nonconvex": "smooth, independent noise",
    "khirirat.q-gd-strongly-convex": "one worker, exact gradients, smooth, strongly convex",
    "khirirat.q-gd-convex": "one worker, exact gradients, smooth, convex",
    "khirirat.q-gd-nonconvex": "one worker, exact gradients, smooth",
    "khirirat.q-iag-convex": (
        "convex workers, smooth workers, convex, exact gradients, overlap, bounded delays, first reports, "
        "delays independent of samples and coins, coins independent of the model"
    ),
    "khirirat.q-iag-strongly-convex": (
        "convex workers, smooth workers, strongly convex, exact gradients, overlap, bounded delays, "
        "first reports, delays independent of samples and coins, coins independent of the model"
    ),
    "khirirat.q-iag-delay-lemma": (
        "smooth workers, strongly convex, exact gradients, overlap, bounded delays, first reports, "
        "delays independent of samples and coins, coins independent of the model"
    ),
    "khirirat.q-iag-nonconvex": (
        "smooth workers, bounded gradients, exact gradients, overlap, bounded delays, first reports, "
        "delays independent of samples and coins, coins independent of the model"
    ),
    "qsgd.strongly-convex": (
        "convex workers, smooth workers, smooth, strongly convex, coins independent over workers, independent noise"
    ),
    "qsgd.nonconvex": (
        "smooth, smooth workers, workers bounded below, coins independent over workers, independent noise"
    ),
    "qsgd.nonconvex-two-way": "smooth, bounded dissimilarity, coins independent over workers, independent noise",
    "sgd.nonconvex": "smooth, independent noise",
    "sgd.convex": "convex, smooth, independent noise",
    "sgd.strongly-convex": "smooth, strongly convex, independent noise",
    "sgd.pl": "smooth, Polyak-Lojasiewicz, independent noise",
    "sgd.finite-sum": "convex workers, convex samples, smooth samples, smooth, strongly convex, independent noise",
    "sgd.momentum-convex": "convex workers, convex samples, smooth samples, independent noise",
    "signsgd.nonconvex": "one worker, smooth coordinates, independent noise",
    "error-feedback.tight-single-worker": "one worker, exact gradients, smooth, strongly convex",
    "ef21.tight-single-worker": "one worker, exact gradients, smooth, strongly convex",
    "compressed-gd.tight": "one worker, exact gradients, smooth, strongly convex",
    "error-feedback.tight": "smooth workers, strongly convex workers, shared minimiser, exact gradients",
    "ef21.tight": "smooth workers, strongly convex workers, exact gradients",
    "q-rr.strongly-convex": (
        "strongly convex samples, smooth samples, reshuffled samples, coins independent over workers"
    ),
    "diana-rr.strongly-convex": (
        "strongly convex samples, smooth samples, "
        "reshuffled samples, coins independent over workers, zero first memories"
    ),
    "marina-p.nonconvex": "smooth, smooth on average, exact gradients, exact first round",
    "marina-p.pl": "smooth, smooth on average, Polyak-Lojasiewicz, exact gradients, exact first round",
    "marina-p.same-hessian": "smooth, quadratic functions, one Hessian, exact gradients, exact first round",
    "marina-p.same-hessian-pl": (
        "smooth, Polyak-Lojasiewicz, quadratic functions, one Hessian, exact gradients, exact first round"
    ),
    "ringmaster.nonconvex": (
        "equal workers, smooth, independent noise, "
        "no old messages, delays independent of samples and coins, samples used once"
    ),
    "ringmaster.time": "compute times, no old messages",
    "ringmaster.time-sharper": "compute times, no old messages",
    "rennala.nonconvex": (
        "equal workers, smooth, independent noise, "
        "messages of the current model, delays independent of samples and coins, samples used once"
    ),
    "rennala.time": "compute times, messages of the current model",
    "scaffnew.strongly-convex": (
        "smooth workers, strongly convex workers, exact gradients, control variates without a mean"
    ),
    "scaffnew.strongly-convex-tuned": (
        "smooth workers, strongly convex workers, exact gradients, control variates without a mean"
    ),
    "compressed-scaffnew.strongly-convex": (
        "smooth workers, strongly convex workers, exact gradients, control variates without a mean, masks"
    ),
    "ef21.tight-unequal": "own conditions, exact gradients, zero first memories",
}


# -------------------------------------------------------------------------------------------- held against the code


@dataclass(frozen=True)
class Case:
    """Constants and compressors for which a theorem is asked, and how a sentence names them."""

    name: str
    constants: Constants
    up: Any
    down: Any


def cases(theorem: Theorem, seed: int) -> Iterator[Case]:
    """Random constants, and those for which terms drop out."""
    draw, whole = random.Random(seed).uniform, setting(theorem, seed)
    c, probe = whole.constants, theorem.probe
    ups = {Unbiased: Unbiased(draw(1, 8)), Contractive: Contractive(draw(0.1, 0.9)), AbsoluteError: AbsoluteError(1.3)}
    downs = {
        Unbiased: Unbiased(draw(0.5, 4)),
        Contractive: Contractive(draw(0.1, 0.9)),
        AbsoluteError: AbsoluteError(0.4),
    }
    up = ups[theorem.uplink] if theorem.uplink else None
    down = downs[theorem.downlink] if theorem.downlink else None
    yield Case("", c, probe.up or up, probe.down or down)
    yield Case("without noise", replace(c, sigma_sq=0.0, sigma_star_sq=0.0, zeta_sq=0.0, zeta_star_sq=0.0), up, down)
    alone: dict[str, Any] = {
        "n": 1,
        "L": c.L_max,
        "L_tilde": c.L_max,
        "L_mean": c.L_max,
        "L_shared": c.L_max,
        "mu": c.mu_min,
    }
    alone |= {"L_i": None, "mu_i": None, "zeta_sq": 0.0, "zeta_star_sq": 0.0, "overlap": 1 if c.overlap else None}
    if c.n != 1:
        yield Case("with one worker", replace(c, **alone), up, down)
    if c.tau:
        yield Case("without delays", replace(c, tau=0.0), up, down)
    if up is not None or down is not None:
        yield Case("without compression", c, None, None)
    # Where most of several limits differ from the rest: curvatures that are nearly equal, little that is lost.
    close: dict[str, Any] = dict.fromkeys(("mu_min", "mu", "pl"), 0.95 * c.known()["L"])
    yield Case("at a good condition", replace(c, **close, tau=c.tau and 0.2), *map(_mild, (up, down)))
    if isinstance(up, Unbiased):
        yield Case("with coins that all workers share", c, replace(up, shared_coins=True), down)
    if theorem.uplink_or is not None:
        yield Case("with a contraction", c, ups[theorem.uplink_or], down)
    if isinstance(up, Contractive) or isinstance(down, Contractive):
        up, down = (
            replace(p, nonexpansive=True, orthogonal=True) if isinstance(p, Contractive) else p for p in (up, down)
        )
        yield Case("with messages no longer than the vector", c, up, down)
    if "U" in theorem.analysis and isinstance(up, Contractive):
        for keeps, shared in (("random", False), ("random", True), ("largest", False), ("projection", False)):
            promise = replace(up, keeps=keeps, shared_coins=shared)
            yield Case(f"with messages that keep {keeps} parts", c, promise, down)
            if not shared:
                yield Case(f"with one worker that keeps {keeps} parts", replace(c, **alone), promise, down)


def _mild(promise: Any) -> Any:
    """A compressor that loses little."""
    if isinstance(promise, Unbiased):
        return replace(promise, omega=0.04)
    return replace(promise, delta=0.97) if isinstance(promise, Contractive) else promise


def symbols(found: Guarantee, case: Case, T: float) -> dict[str, Any]:
    """The value of every letter."""
    theorem, c = found.theorem, found.constants.known()
    worst = STRONGLY_CONVEX_WORKERS in theorem.assumes
    promises = [theorem.promised("uplink", case.up, None), theorem.promised("downlink", case.down, None)]
    up, down = promises
    out: dict[str, Any] = {
        letter: float(c[name])
        for letter, name in {
            "n": "n", "m": "m", "L": "L_max" if worst else "L", "Lmax": "L_max", "Ls": "L_sample", "Lt": "L_tilde",
            "Lbar": "L_mean", "Lsum": "L_shared", "mu": "mu_min" if worst else "mu", "pl": "pl", "s2": "sigma_sq",
            "ss2": "sigma_star_sq", "z2": "zeta_sq", "zs2": "zeta_star_sq", "G": "G", "G1": "G_l1", "C1": "G_mean",
            "C2": "G_sq_mean", "L1": "L_l1", "sig1": "sigma_l1", "D": "gap0", "R2": "dist0_sq", "s": "overlap",
            "tau": "tau", "Dstar": "gap_star", "g0": "grad0_sq", "gL": "grad0_scaled",
        }.items()
        if c.get(name) is not None
    }  # fmt: skip
    for side, promise in (("u", up), ("d", down)):
        if isinstance(promise, Unbiased):
            out["w" + side] = promise.omega
        if isinstance(promise, Contractive):
            out["d" + side] = promise.delta
        if isinstance(promise, AbsoluteError):
            out["e" + side] = promise.eps
    smooth = found.constants.L_i or (out.get("Lmax", 0.0),)
    convex = found.constants.mu_i or (found.constants.mu_min or 0.0,)
    own = [(L, m) for L, m in zip(smooth, convex, strict=True)] if len(smooth) == len(convex) else []
    out["w"] = out.get("wu", 0.0)
    out["a"] = 1 + out["w"]
    out["d"] = min(out.get("du", 1.0), out.get("dd", 1.0))
    inward = isinstance(up, Contractive) and up.nonexpansive
    out["K"] = 1.0 if inward else 2 * (2 - out["d"])
    out["W"] = 1.0 if isinstance(up, Contractive) and up.orthogonal else (1 + sqrt(1 - out.get("du", 1.0))) ** 2
    out["bias"] = 0.0
    if theorem.uplink_or is not None and isinstance(up, Contractive):  # it is largest where all the error is bias
        out["bias"] = sqrt(1 - up.delta)
    out["wav"] = out["w"] / (1 if getattr(up, "shared_coins", False) else out["n"])
    known = {**found.analysis, **found.parameters}
    out |= {name: float(value) for name, value in known.items() if isinstance(value, int | float) and name != "a"}
    if "a" in known:
        out["shift"] = float(known["a"])
    lists = {"sums": [L + m for L, m in own], "gaps": [L - m for L, m in own]}
    return out | lists | {"g": float(found.parameters["gamma"]), "T": float(T)}


def evaluate(number: Number, letters: Mapping[str, Any]) -> float:
    """A formula at these values.

    Raises
    ------
    KeyError
        If it takes a letter that has none.
    """
    wanted = inspect.signature(number).parameters.values()
    return float(number(**{p.name: letters[p.name] for p in wanted if p.kind is not p.VAR_KEYWORD}))


def for_rounds(theorem: Theorem) -> bool:
    """Whether the parameters depend on T."""
    return theorem.probe.tuned or isinstance(theorem, OrderTheorem)


def asked(theorem: Theorem, case: Case, T: int, inside: random.Random | None) -> Guarantee | None:
    """The guarantee of a case; with random parameters inside their intervals, if there is somebody who draws them."""
    rounds = T if for_rounds(theorem) else None
    fixed: dict[str, float] = {}
    found = theorem.guarantee(case.constants, case.up, case.down, rounds, None)
    if inside is not None:
        for name in sorted((*theorem.analysis, *theorem.parameters), key=("U", "theta").__contains__, reverse=True):
            if name != "gamma":
                fixed |= _drawn(found, name, inside)
                found = theorem.guarantee(case.constants, case.up, case.down, rounds, None, **fixed)
        fixed |= _drawn(found, "gamma", inside)
        found = theorem.guarantee(case.constants, case.up, case.down, rounds, None, **fixed)
    return found if isinstance(found, Guarantee) else None


def _drawn(found: Any, name: str, inside: random.Random) -> dict[str, float]:
    if not found or name not in found.intervals:
        return {"U": 1.7} if name == "U" else {}
    low, high, _ = found.intervals[name]
    if not low < high:
        return {}
    if name in ("M", "H", "R", "B") and name in found.theorem.parameters:
        return {name: float(inside.randint(1, int(min(high, 6))))}
    top = high if math.isfinite(high) else low + 2 * max(low, 1.0)
    return {name: low + inside.uniform(0.2, 0.8) * (top - low)}


def differs(theorem: Theorem, seed: int = 0) -> str:
    """Where a theorem and what stands here of it differ, in a sentence; empty if they agree.

    Raises
    ------
    KeyError
        If it does not stand here.
    """
    right = RESTATED[theorem.name]
    for case in cases(theorem, seed):
        for draw in range(DRAWS):
            inside = random.Random(1000 * seed + draw) if draw else None
            found = asked(theorem, case, ROUNDS[1], inside)
            for T in ROUNDS if found is not None else ():
                if for_rounds(theorem):
                    found = asked(theorem, case, T, inside and random.Random(1000 * seed + draw))
                if found is None:
                    continue
                for what, computed, stated in _compared(right, found, case, T):
                    if not _near(computed, stated):
                        about = " ".join(part for part in (what, case.name) if part)
                        return f"{about} is {computed:.6g} as computed and {stated:.6g} as restated in plain Python"
    return ""


def wrong_slope(theorem: Theorem) -> str:
    """Where a theorem promises slopes that its bound does not have, in a sentence; empty if it has them.

    With the step tuned for T, the bound (of an order its formula) falls for large T with the slower of the two slopes
    in T, and with the slope in n that is promised.
    """
    for case in islice(cases(theorem, 0), 2 if isinstance(theorem, OrderTheorem) else 1):  # an order without noise, too
        if found := _wrong_slope(theorem, case):
            return " ".join(part for part in (found, case.name) if part)
    return ""


def _wrong_slope(theorem: Theorem, case: Case) -> str:
    """The same for one case."""

    def level(T: int, n: int | None = None) -> tuple[float, Guarantee] | None:
        here = case if n is None else replace(case, constants=replace(case.constants, n=n))
        found = theorem.guarantee(here.constants, here.up, here.down, T, None)
        if not isinstance(found, Guarantee) or found.missing or found.rate.kind != "power":
            return None
        if found.curve is not None:
            return float(found.bound(T)), found
        return evaluate(RESTATED[theorem.name].bound, symbols(found, here, T)), found

    if (first := level(LATE[0])) is None or (last := level(LATE[1])) is None or not last[0] > 0:
        return ""
    rate = last[1].rate
    slope = math.log(last[0] / first[0]) / math.log(LATE[1] / LATE[0])
    if rate.in_rounds is not None and abs(slope - max(rate.in_rounds)) > SLOPE:
        return f"the bound falls like T^({slope:.3g}) for large T, and {max(rate.in_rounds):.3g} is promised"
    if rate.in_workers and (more := level(LATE[1], 4 * int(last[1].constants.known()["n"]))) is not None:
        slope = math.log(more[0] / last[0]) / math.log(4)
        if abs(slope - rate.in_workers) > SLOPE:
            return f"the bound falls like n^({slope:.3g}) for large T, and {rate.in_workers:.3g} is promised"
    return _short_speedup(level)


def _short_speedup(level: Callable[..., tuple[float, Guarantee] | None]) -> str:
    """Where a linear speedup is promised up to an n at which it has long ended."""
    if (some := level(MANY)) is None or not 1000 < (until := some[1].rate.speedup_until or 0.0) < math.inf:
        return ""
    # For a sum of powers it ends where another term is as large; for a step that is tuned, where that is at its limit.
    share = 8 if isinstance(some[1].theorem, AverageTheorem) else 64
    few, more = level(MANY, int(until / share)), level(MANY, int(4 * until / share))
    if few is None or more is None:
        return ""
    slope = math.log(more[0] / few[0]) / math.log(int(4 * until / share) / int(until / share))
    if abs(slope - some[1].rate.in_workers) > 2 * SLOPE:
        return f"the bound falls like n^({slope:.3g}) up to n = {4 * until / share:.3g}, where a speedup is promised"
    return ""


def contradiction(theorem: Theorem) -> str:
    """What a theorem says against what stands here, in a sentence; empty if nothing, or if it does not stand here."""
    if theorem.name not in RESTATED:
        return ""
    held = {hypothesis.name for hypothesis in theorem.assumes}
    for name in sorted(held ^ set(ASSUMED[theorem.name].split(", "))):
        what = "does not assume" if name not in held else "assumes"
        return f"the theorem {what} '{name}', which it {'needs' if name not in held else 'does not need'} by the paper"
    return differs(theorem) or wrong_slope(theorem)


def _near(one: float, other: float) -> bool:
    return one == other or math.isclose(one, other, rel_tol=ROUNDING, abs_tol=1e-300)


def _rounds_needed(found: Guarantee, T: int) -> tuple[float, float]:
    """What `rounds_to` says for the bound after T rounds, and the first t whose bound is no larger."""
    eps = float(found.bound(T)) * (1 + ROUNDING)
    if float(found.bound(found.whole(1000 * T))) > eps:  # it rises to its limit
        return float(found.rounds_to(eps) or inf), inf
    rounds = sorted({found.whole(t) for t in range(found.curve.first if found.curve else 1, T + 1)})
    first = next(t for t in rounds if float(found.bound(t)) <= eps)
    return float(found.rounds_to(eps) or inf), float(first)


def _to_the_wire(computed: float, stated: float) -> float:
    """What is stated, where the rounding of values on the wire explains the difference."""
    return stated if math.isclose(computed, stated, rel_tol=WIRE) else computed


def _compared(right: Restated, found: Guarantee, case: Case, T: int) -> Iterator[tuple[str, float, float]]:
    """What is compared: its name, as computed, as restated."""
    letters = symbols(found, case, T)
    step = found.intervals["gamma"]
    yield "the longest step", step.high, evaluate(right.step, letters)
    for name, ends in right.limits.items():
        low, high, _ = found.intervals[name]
        for number, end in zip(ends, (low, high), strict=True):
            if number is not None:
                yield f"the end of the interval of {name}", end, evaluate(number, letters)
    for name, number in right.chosen.items() if not found.fixed else ():
        yield f"the recommended {name}", found.parameters[name], evaluate(number, letters)
    weights = right.weights or tuple(_one for _ in found.metric.terms)
    for number, (column, weight) in zip(weights, found.metric.terms, strict=True):
        yield f"the weight of {column}", weight, evaluate(number, letters)
    if "U" in found.analysis and "U" not in found.fixed and isinstance(case.up, Contractive):
        given = letters["n"], letters["beta"], letters["d"], letters["G"], letters["G1"]
        yield "U", _to_the_wire(found.analysis["U"], _memory(*given, case.up)), _memory(*given, case.up)
        if "V" in found.analysis:
            V = _kept(*given, found.analysis["U"], case.up)
            yield "V", _to_the_wire(found.analysis["V"], V), V
    if found.curve is not None and not found.missing:
        T = found.whole(T)
        yield f"the bound after {T} rounds", float(found.bound(T)), evaluate(right.bound, letters | {"T": float(T)})
        if found.whole(ROUNDS[1]) == T and found.horizon is None:
            yield "the number of rounds to an accuracy", *_rounds_needed(found, T)
    if len(found.metric.terms) == 1 and (start := found.start) is not None:
        least = min(letters["g0"], 2 * letters["L"] * letters["D"])
        known = {"dist_sq": letters["R2"], "shadow_dist_sq": letters["R2"]} | dict.fromkeys(
            ("gap", "gap_mean", "gap_avg"), letters["D"]
        )
        column, weight = found.metric.terms[0]
        if column in known or column.endswith(("grad_sq", "grad_sq_mean", "grad_sq_avg")):
            yield f"{column} at the start", start, weight * known.get(column, least)
