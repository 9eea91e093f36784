"""First and second moments of the coins of a compressor that is a linear map: C(v) = M v, M independent of v.

The messages of n workers are stacked: v has n d entries, entry i d + j being coordinate j of worker i. What closes:

- M fixed (no compression, a multiple of the vector, the adversary): one matrix;
- M diagonal and random (rand-k, random blocks, a Bernoulli coin, perm-k, and what is made of them): E M_a and
  E M_a M_b. Coins of one's own make E M_a M_b = E M_a E M_b for different workers; shared ones do not;
- the vector itself and fair noise of one size, which is independent of everything.

Masks of the workers' messages are another matter: what a worker does with the answer may depend on what it has sent, so
that their `outcomes` are looked at one by one.

Rounding to the wire (a relative error below 1e-6) is left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.errors import counted
from ...theory.compressors import (
    Additive,
    Adversary,
    Bernoulli,
    Composed,
    Compressor,
    Identity,
    Induced,
    Mask,
    PermK,
    RandK,
    RandomBlock,
    Repeated,
    Scaled,
)

FloatArray = NDArray[Any]
#: More outcomes of the workers' masks than this are not looked at.
MOST_OUTCOMES = 1024
#: A direction of unit length that is this near to the others is none of its own.
INDEPENDENT = 1e-9


class NotClosed(ValueError):  # noqa: N818 - it reports a limit of the method, not an error
    """The second moments do not close: something is not linear in the state. The sentence says what."""


@dataclass(frozen=True)
class Coins:
    """The moments of M for the stacked messages of n workers.

    Attributes
    ----------
    fixed
        M itself (n d, n d), where there are no coins; else None.
    mean, second
        E M_a, shape (n d,), and E M_a M_b, shape (n d, n d), of a random diagonal M.
    added
        The variance of fair noise that is added to every entry.
    """

    fixed: FloatArray | None
    mean: FloatArray
    second: FloatArray
    added: float = 0.0

    @cached_property
    def chance(self) -> FloatArray:
        """Columns that span what the coins change: eigenvectors of the covariance of the M_a that are not sure."""
        spread, ways = np.linalg.eigh(self.second - np.outer(self.mean, self.mean))
        return ways[:, spread > INDEPENDENT * max(float(spread[-1]), 1.0)]


def coins(compressor: Compressor, dim: int, workers: int, places: Sequence[int] | None = None) -> Coins:
    """The moments of the coins of `workers` messages of one round.

    Parameters
    ----------
    places
        The coordinates wanted, all by default. Where everything is diagonal the moments of one coordinate close.

    Raises
    ------
    NotClosed
        If C is not a linear map that is independent of what it compresses.

    Examples
    --------
    >>> from tersegrad.theory import compressor
    >>> found = coins(compressor("randk:k=1"), dim=2, workers=1)
    >>> found.mean, found.second
    (array([1., 1.]), array([[2., 0.],
           [0., 2.]]))
    """
    wanted = tuple(range(dim)) if places is None else tuple(places)
    try:
        return _coins(compressor, dim, workers, wanted)
    except TypeError:  # one of your own with arrays in it has no hash
        return _coins.__wrapped__(compressor, dim, workers, wanted)


@lru_cache(256)
def _coins(compressor: Compressor, dim: int, workers: int, places: tuple[int, ...]) -> Coins:
    compressor.check(dim)
    if isinstance(compressor, Additive):
        size = workers * len(places)
        return Coins(None, np.ones(size), np.ones((size, size)), compressor.size(dim) ** 2)
    law = _Law(dim, workers, np.array(places, dtype=np.int64), compressor.shared_coins)
    one = law.fixed(compressor)
    if one is not None:
        fixed = np.kron(np.eye(workers), one)
        return Coins(fixed, np.diag(fixed).copy(), np.zeros((0, 0)))
    mean, second = law.diagonal(compressor)
    return Coins(None, mean, second)


@dataclass(frozen=True)
class _Law:
    """What is asked about the coins: d, n, which coordinates; whether the workers share them."""

    dim: int
    workers: int
    places: NDArray[np.int64]
    shared: bool

    def fixed(self, c: Compressor) -> FloatArray | None:
        """The matrix of one message, if it has no coins."""
        size = self.places.size
        if isinstance(c, Identity):
            return np.eye(size)
        if isinstance(c, Adversary):
            along, across = c.factors
            if not across:
                return along * np.eye(size)
            if size % 2 or size < self.dim:
                raise NotClosed(f"{c.spec} is not linear in {counted(size, 'coordinate')} alone: it rotates pairs")
            return along * np.eye(size) + across * np.kron(np.eye(size // 2), np.array([[0.0, -1.0], [1.0, 0.0]]))
        if isinstance(c, Scaled):
            inner = self.fixed(c.of)
            return None if inner is None else float(c.factor(self.dim)) * inner
        return None

    def diagonal(self, c: Compressor) -> tuple[FloatArray, FloatArray]:
        """E M_a and E M_a M_b of a random diagonal M."""
        fixed = self.fixed(c)
        if fixed is not None:
            if not np.array_equal(fixed, np.diag(np.diag(fixed))):
                raise NotClosed(f"{c.spec} mixes coordinates, which a part of a composition must not")
            mean = np.tile(np.diag(fixed), self.workers)
            return mean, np.outer(mean, mean)
        if isinstance(c, Scaled):
            factor = float(c.factor(self.dim))
            mean, second = self.diagonal(c.of)
            return factor * mean, factor**2 * second
        if isinstance(c, Composed):
            (first, first_sq), (last, last_sq) = map(self.diagonal, c.parts)
            return first * last, first_sq * last_sq
        if isinstance(c, Repeated):
            mean, second = _without(*self.diagonal(c.of))
            return _without(mean**c.times, second**c.times)
        if isinstance(c, Induced):
            (first, first_sq), (last, last_sq) = (_without(*self.diagonal(part)) for part in c.parts)
            return _without(first * last, first_sq * last_sq)
        if isinstance(c, Mask):
            raise NotClosed(f"{c.spec} is looked at outcome by outcome only where it is the workers' compressor")
        if isinstance(c, PermK):
            return _dealt(c, self.dim, self.workers, self.places)
        scale, kept = _kept(c, self.dim, self.places)
        mean = np.tile(scale * np.diag(kept), self.workers)
        together = np.tile(scale**2 * kept, (self.workers, self.workers))
        if self.shared:
            return mean, together
        own = np.kron(np.eye(self.workers), np.ones_like(kept)) > 0
        return mean, np.where(own, together, np.outer(mean, mean))


def _without(mean: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The moments of 1 - M."""
    return 1 - mean, 1 - mean[:, None] - mean[None, :] + second


def _kept(c: Compressor, dim: int, places: NDArray[np.int64]) -> tuple[float, FloatArray]:
    """What an entry that is kept is multiplied by, and the probability that coordinates a and b are kept."""
    if isinstance(c, RandK):
        k = c.kept(dim)
        both = k * (k - 1) / (dim * (dim - 1)) if dim > 1 else 1.0
        return (dim / k if c.scaled else 1.0), both + (k / dim - both) * np.eye(places.size)
    if isinstance(c, RandomBlock):
        borders = [b * dim // c.blocks for b in range(1, c.blocks)]
        block = np.searchsorted(borders, places, side="right")
        return (c.blocks if c.scaled else 1.0), (block[:, None] == block[None, :]) / c.blocks
    if isinstance(c, Bernoulli):
        return 1 / c.probability, np.full((places.size, places.size), c.probability)
    raise NotClosed(f"{c.spec} is not a random linear map independent of what it compresses")


def _dealt(c: PermK, dim: int, workers: int, places: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Perm-k: n k places are dealt out, k to every hand; a worker holds the hand of its number modulo n."""
    n, k = c.workers, c.dealt(dim)
    hand, place = np.repeat(np.arange(workers) % n, places.size), np.tile(places, workers)
    same_hand, same_place = hand[:, None] == hand[None, :], place[:, None] == place[None, :]
    pairs = n * k * (n * k - 1)
    apart = np.where(same_hand, k * (k - 1), k * k) / pairs if pairs else 0.0
    both = np.where(same_place, same_hand / n, apart)
    return np.ones(hand.size), n**2 * both


@cache
def outcomes(
    c: Mask, dim: int, workers: int, places: tuple[int, ...] | None = None
) -> tuple[tuple[float, FloatArray], ...]:
    """Every way in which masks can fall: its probability, and the diagonal of M for the stacked messages.

    Raises
    ------
    NotClosed
        If there are more than `MOST_OUTCOMES`.

    Examples
    --------
    >>> from tersegrad.theory import compressor
    >>> [(round(p, 3), M.tolist()) for p, M in outcomes(compressor("mask:workers=3,s=2"), dim=1, workers=3)]
    [(0.333, [1.5, 1.5, 0.0]), (0.333, [1.5, 0.0, 1.5]), (0.333, [0.0, 1.5, 1.5])]
    """
    n, s = c.workers, c.s
    wanted = range(dim) if places is None else places
    ranks = Counter(tuple((rank - s * j) % n < s for j in wanted) for rank in range(n))
    count = math.factorial(n) // math.prod(map(math.factorial, ranks.values()))
    if count > MOST_OUTCOMES:
        raise NotClosed(f"{c.spec} has {count} outcomes, and at most {MOST_OUTCOMES} are looked at")

    def dealt(left: Counter[tuple[bool, ...]]) -> Iterator[list[tuple[bool, ...]]]:
        if not left.total():
            yield []
        for kept in [kept for kept, number in left.items() if number]:
            yield from ([kept, *others] for others in dealt(left - Counter([kept])))

    hands = np.arange(workers) % n
    return tuple((1 / count, n / s * np.array(kept, dtype=float)[hands].ravel()) for kept in dealt(ranks))
