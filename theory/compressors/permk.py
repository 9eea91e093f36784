"""Perm-k: the coordinates are dealt out to the workers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from numpy.typing import ArrayLike

from ...common.options import integer
from .base import MAX_DIM, VALUE_VARIANCE, Compressor, Unbiased, centred
from .selection import selection_error, selection_unbiased


@dataclass(frozen=True)
class PermK(Compressor):
    """Perm-k: the coordinates are dealt out to the n workers at random; each sends n times what it was dealt.

    Source: Szlendak, Tyurin, Richtarik 2021 (arXiv 2110.03300). One permutation serves all workers and the receiver.
    Each message alone is unbiased with omega = n - 1, attained by every x; together, published: the error of the
    average is avg||x_i||^2 - ||avg x_i||^2 in expectation, zero for equal inputs. If n does not divide d, zeros are
    dealt out too: worker i gets places i k, ..., (i + 1) k - 1 of a permutation of n k coordinates, k =
    ceil(d/n).

    Worker i is the engine's worker number modulo n. With another number of workers than n every message is still
    unbiased with omega = n - 1; the identity of the average is lost. `averaged` of the stated class is n - 1, as for
    any coins that are shared. Bits by formula: b_f d/n.

    Parameters
    ----------
    workers
        n, the number of workers of the run.
    """

    name: ClassVar[str] = "permk"
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = "with the factor n it expands vectors; scaled:of=permk is a contraction"
    workers: int

    def __post_init__(self) -> None:
        self.whole_option("workers", 1, 2**20)

    @property
    def shared_coins(self) -> bool:
        return True

    def dealt(self, dim: int) -> int:
        """Places of one worker, ceil(d/n)."""
        self.check(dim)
        return -(-dim // self.workers)

    def check(self, dim: int) -> None:
        super().check(dim)
        filled = -(-dim // self.workers) * self.workers
        integer("permk: coordinates, filled up to a multiple of workers", filled, 1, MAX_DIM)

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        alone = selection_unbiased(1 / self.workers, shared_coins=True)
        return replace(alone, dealt=(self.workers, VALUE_VARIANCE))  # of a mean only the rounding of its values is left

    def pointwise(self, x: ArrayLike) -> float:
        x = centred(x)
        self.check(x.size)
        return selection_error(x, 1 / self.workers, True)

    def keep_probability(self, dim: int) -> float:
        return 1 / self.workers

    def nonzeros(self, dim: int) -> float:
        self.check(dim)
        return dim / self.workers

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float_bits * dim / self.workers

    def draws(self, dim: int) -> int:
        return 2 * self.workers * self.dealt(dim) + self.dealt(dim)
