"""The compressors once more, as their papers write them: one vector at a time, in plain NumPy.

A reference takes the compressor, the vector x (d,), the uniforms u that its message uses, the worker's number and what
the compressor keeps between rounds (changed in place), and returns C(x). Deterministic compressors have theirs where
their constants are, `Compressor.image`. What travels in 32 bits is rounded as the wire does: scales and values at
random and without bias (`at_random`), or towards zero (`truncate`) where a bias is no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..theory.compressors import SCALE_LOW_BITS, VALUE_LOW_BITS, Compressor, truncate

Floats = NDArray[np.float64]
Reference = Callable[[Any, Floats, Floats, int, Floats], Floats]


def reference(comp: Compressor, x: Floats, u: Floats, worker: int = 0, state: Floats | None = None) -> Floats | None:
    """C(x) by the compressor's reference; None if it has none.

    Parameters
    ----------
    comp
        The compressor: one of the library, or your own with `image(x)` if it tosses no coins.
    x, u
        (d,) and (draws,).
    worker
        Who sends.
    state
        What the compressor keeps between rounds.
    """
    if comp.name in REFERENCES:
        return REFERENCES[comp.name](comp, x, u, worker, np.zeros(0) if state is None else state)
    if comp.draws(x.size) == 0 and type(comp).image is not Compressor.image:
        return comp.image(x)
    return None


# --------------------------------------------------------------------------------------------------------- rounding


def at_random(v: Floats, low_bits: int, u: Floats) -> Floats:
    """Round v to doubles whose lowest bits are clear, up in size with the probability that keeps the mean."""
    size = np.abs(np.asarray(v, dtype=np.float64))
    low = truncate(size, low_bits)
    step = np.where(size > 0, np.spacing(size) * 2.0**low_bits, 1.0)
    return np.sign(v) * (low + step * (u >= 1 - (size - low) / step))


def power_of_two(y: Floats, u: Floats) -> Floats:
    """Round y >= 0 to one of the powers of two around it, without bias: y = m 2^e, 1 <= m < 2, up with m - 1."""
    fraction, exponent = np.frexp(y)
    up = u >= 2 - 2 * fraction
    return np.where(y > 0, np.ldexp(0.5, exponent) * np.where(up & (2 * fraction > 1), 2.0, 1.0), 0.0)


def one_of(choices: int, high: float, low: float) -> int:
    """One of 0, ..., choices - 1: floor(choices U), U of the 64 bits of two uniforms."""
    return choices * (int(high * 2**32) * 2**32 + int(low * 2**32)) >> 64


# ----------------------------------------------------------------------------------------------------- the compressors


def bernoulli(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """x/p with probability p, else 0."""
    p = comp.probability
    return at_random(x * (1 / p), VALUE_LOW_BITS, u[1 : 1 + x.size]) if u[0] < p else np.zeros(x.size)


def randk(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """Choose k different coordinates, by Floyd's method; times d/k if it is to be unbiased."""
    d, k = x.size, comp.kept(x.size)
    taken: dict[int, None] = {}
    for i in range(k):
        j = one_of(d - k + i + 1, u[2 * i], u[2 * i + 1])
        taken[d - k + i if j in taken else j] = None
    chosen, out = list(taken), np.zeros(d)
    values = x[chosen]
    if comp.scaled:
        out[chosen] = at_random(values * (d / k), VALUE_LOW_BITS, u[2 * k : 3 * k])
    else:
        out[chosen] = truncate(values, VALUE_LOW_BITS)
    return out


def randomblock(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """One of B blocks; times B if it is to be unbiased."""
    d, B = x.size, comp.blocks
    b = one_of(B, u[0], u[1])
    part = slice(b * d // B, (b + 1) * d // B)
    out = np.zeros(d)
    if comp.scaled:
        out[part] = at_random(x[part] * B, VALUE_LOW_BITS, u[2 : 2 + part.stop - part.start])
    else:
        out[part] = truncate(x[part], VALUE_LOW_BITS)
    return out


def mask(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """The coordinates of the worker's place in a random permutation of the workers, n/s times as large; else -0."""
    n, s = comp.workers, comp.s
    order = np.arange(n)
    for i in range(worker % n + 1):
        j = i + one_of(n - i, u[2 * i], u[2 * i + 1])
        order[[i, j]] = order[[j, i]]
    senders = [{(s * j + k) % n for k in range(s)} for j in range(x.size)]
    return np.array([n / s * v if order[worker % n] in ranks else -0.0 for v, ranks in zip(x, senders, strict=True)])


def permk(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """The worker's places of a random permutation of all coordinates, times n."""
    d, n, k = x.size, comp.workers, comp.dealt(x.size)
    order = np.arange(n * k)
    for i in range(n * k):
        if i < (worker % n + 1) * k:
            j = i + one_of(n * k - i, u[2 * i], u[2 * i + 1])
            order[[i, j]] = order[[j, i]]
    places = order[worker % n * k : (worker % n + 1) * k]
    inside = places < d
    out = np.zeros(d)
    out[places[inside]] = at_random(x[places[inside]] * n, VALUE_LOW_BITS, u[2 * n * k :][:k][inside])
    return out


def natural(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """Every entry to one of the two powers of two around it."""
    return np.sign(x) * power_of_two(np.abs(x), u[: x.size])


def additive(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """x + (eps/sqrt d) s with s_j = 1 or -1, each with probability 1/2."""
    return x + comp.eps / np.sqrt(x.size) * np.where(u[: x.size] < 0.5, 1.0, -1.0)


def natural_dithering(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """|x_j|/N to 1, 1/2, ..., 2^(1-s) or 0, N the block's norm."""
    order = {"l1": 1, "l2": 2, "linf": np.inf}[comp.norm]
    least, out, at = 2.0 ** (1 - comp.levels), [], 0
    for b, part in enumerate(comp.split(x)):
        N, coins = float(np.linalg.norm(part, order)), u[at : at + part.size]
        y = np.minimum(np.abs(part) / (N or 1.0), 1.0)
        level = np.where(y < least, np.where(coins * least < y, least, 0.0), power_of_two(y, coins))
        out.append(at_random(np.array(N), SCALE_LOW_BITS, u[x.size + b]) * np.sign(part) * level)
        at += part.size
    return np.concatenate(out)


def qsgd(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """Round s |x_j|/N to one of the two whole numbers around it, N the block's norm."""
    s, out, at = comp.levels, [], 0
    for b, part in enumerate(comp.split(x)):
        N, coins = float(np.linalg.norm(part, 2 if comp.norm == "l2" else np.inf)), u[at : at + part.size]
        y = np.abs(part) * (s / N if N else 0.0)
        level = np.minimum(np.floor(y) + (coins < y - np.floor(y)), s)
        out.append(at_random(np.array(N / s), SCALE_LOW_BITS, u[x.size + b]) * np.sign(part) * level)
        at += part.size
    return np.concatenate(out)


def ternary(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """N sign(x_j) with probability |x_j|/N, else 0, N the block's norm."""
    out, at = [], 0
    for b, part in enumerate(comp.split(x)):
        N, coins = float(np.linalg.norm(part, 2 if comp.norm == "l2" else np.inf)), u[at : at + part.size]
        out.append(at_random(np.array(N), SCALE_LOW_BITS, u[x.size + b]) * np.sign(part) * (coins * N < np.abs(part)))
        at += part.size
    return np.concatenate(out)


def multilevel(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """One level of k entries, in order of size, with probability p_l in proportion to its norm; divided by p_l."""
    order, k, out = np.argsort(-np.abs(x), kind="stable"), comp.kept(x.size), np.zeros(x.size)
    levels = [order[start : start + k] for start in range(0, x.size, k)]
    norms = np.array([np.linalg.norm(x[level]) for level in levels])
    if not norms.any():
        return out
    p = norms / norms.sum()
    below = np.concatenate([[0.0], np.cumsum(p)[:-1]])
    chosen = np.flatnonzero((u[0] + (u[1] - 0.5) * 2.0**-32 >= below) & (p > 2.0**-64))[-1]
    level = levels[chosen]
    out[level] = at_random(x[level] / p[chosen], VALUE_LOW_BITS, u[2 : 2 + level.size])
    return out


def sparsifier(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """x_j/p_j with probability p_j = min(1, |x_j|/lambda), the sum of which is k."""
    size, k = np.abs(x), comp.kept(x.size)
    lam = 0.0
    if np.count_nonzero(size) > k:  # the m largest are kept for certain, m the first that is large enough
        largest = np.sort(size)[::-1]
        lam = next(
            rest for m in range(k) if largest[m] <= (rest := float(largest[m:].sum()) / (k - m)) * (1 + 2.0**-50)
        )
    scale = at_random(np.array(lam), SCALE_LOW_BITS, u[x.size])
    rare = np.sign(x) * scale * (u[: x.size] * lam < size)
    return np.where(size < lam, rare, at_random(x, VALUE_LOW_BITS, u[: x.size]))


def powersgd(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """One step of the power method from the last message's Q: P = A Q, orthonormal; Q = A^T P; the message P Q^T."""
    m, n = comp.shape(x.size)
    rank, A = comp.rank, np.zeros(m * n)
    A[: x.size] = x
    A = A.reshape(m, n)
    Q = state[: rank * n].reshape(rank, n).T
    Q = np.where(np.any(Q, axis=0), Q, comp.start(x.size))
    P = A @ (Q / np.linalg.norm(Q, axis=0))
    for k in range(rank):
        before = np.linalg.norm(P[:, k])
        for _ in range(2):
            P[:, k] -= P[:, :k] @ (P[:, :k].T @ P[:, k])
        after = np.linalg.norm(P[:, k])
        P[:, k] = P[:, k] / after if after > 1e-10 * before else 0.0
    P = truncate(P, VALUE_LOW_BITS)
    Q = truncate(comp.shrink * (A.T @ P), VALUE_LOW_BITS)
    state[:] = np.concatenate([Q.T.ravel(), P.T.ravel()])
    return (P @ Q.T).ravel()[: x.size]


def induced(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """C_1(x) + C_2(x - C_1(x))."""
    first = part(comp.first, x, u, worker, state)
    return first + part(comp.second, x - first, u[comp.first.draws(x.size) :], worker, state)


def composed(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """C_2(C_1(x))."""
    first = part(comp.first, x, u, worker, state)
    return part(comp.second, first, u[comp.first.draws(x.size) :], worker, state)


def scaled(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """Lambda C(x)."""
    return comp.factor(x.size) * part(comp.of, x, u, worker, state)


def participation(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """C(x), divided by p if that is to be unbiased, with probability p, else silence."""
    silent = u[0] >= comp.probability
    return np.zeros(x.size) if silent else comp.factor(x.size) * part(comp.of, x, u[1:], worker, state)


def repeated(comp: Any, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """v_R, v_r = v_(r-1) + C(x - v_(r-1))."""
    v, each = np.zeros(x.size), comp.of.draws(x.size)
    for r in range(comp.times):
        v = v + part(comp.of, x - v, u[r * each :], worker, state)
    return v


def part(comp: Compressor, x: Floats, u: Floats, worker: int, state: Floats) -> Floats:
    """The message of a part.

    Raises
    ------
    NotImplementedError
        If the part has no reference.
    """
    message = reference(comp, x, u, worker, state)
    if message is None:
        raise NotImplementedError(f"{comp.spec} has no reference")
    return message


#: By the compressor's name; the others are deterministic and have an image.
REFERENCES: dict[str, Reference] = {
    "additive": additive, "bernoulli": bernoulli, "randk": randk, "randomblock": randomblock, "permk": permk,
    "mask": mask, "natural": natural, "natural-dithering": natural_dithering, "qsgd": qsgd, "ternary": ternary,
    "sparsifier": sparsifier, "powersgd": powersgd, "induced": induced, "composed": composed, "scaled": scaled,
    "repeated": repeated,
    "multilevel": multilevel, "participation": participation,
}  # fmt: skip
