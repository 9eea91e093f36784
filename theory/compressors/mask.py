"""Random masks: every coordinate is sent by s of the n workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from .base import Compressor, Unbiased, vector


@dataclass(frozen=True)
class Mask(Compressor):
    """Random masks: every coordinate is sent by exactly s of the n workers; a value that is sent is n/s times as large.

    Source: Condat, Agarsky, Richtarik 2022 (CompressedScaffnew, arXiv 2210.13277), and TAMUNA (arXiv 2302.09832). The
    workers take the ranks of a random permutation that they share; rank r sends coordinate j if r is one of s j, ...,
    s j + s - 1 modulo n. So the average of the n messages is, in every coordinate, the mean of s values, of workers
    drawn without replacement, and the work is shared out evenly. Each message alone is unbiased with omega = n/s - 1,
    attained by every x; `averaged` of the stated class is that, too, as for any coins that are shared.

    Worker i is the engine's worker number modulo n. What is masked is often a model, which must not be rounded: values
    travel as full doubles. A coordinate that is not sent is -0 in the message, so that a zero that is sent and nothing
    that is sent are told apart. Bits by formula: b_f d s/n.

    Parameters
    ----------
    workers
        n, the number of workers of the run.
    s
        How many of them send a coordinate, 1 to n.
    """

    name: ClassVar[str] = "mask"
    keeps_support: ClassVar[bool] = True
    why_not_contractive: ClassVar[str] = "with the factor n/s it expands vectors; scaled:of=mask is a contraction"
    workers: int
    s: int

    def __post_init__(self) -> None:
        self.whole_option("workers", 1, 2**20)
        self.whole_option("s", 1, self.workers)

    @property
    def shared_coins(self) -> bool:
        return True

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        return Unbiased(self.workers / self.s - 1, shared_coins=True)

    def pointwise(self, x: ArrayLike) -> float:
        return self.workers / self.s - 1 if vector(x).any() else 0.0

    def keep_probability(self, dim: int) -> float:
        return self.s / self.workers

    def nonzeros(self, dim: int) -> float:
        self.check(dim)
        return dim * self.s / self.workers

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float_bits * dim * self.s / self.workers

    def draws(self, dim: int) -> int:
        return 2 * self.workers
