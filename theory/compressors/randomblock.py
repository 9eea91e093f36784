"""Random block: one block of neighbouring coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from ...common.errors import InputError, counted
from .base import MAX_DIM, Compressor, Contractive, General, Unbiased, centred, index_bits
from .selection import selection_contractive, selection_error, selection_general, selection_unbiased


@dataclass(frozen=True)
class RandomBlock(Compressor):
    """Random block: one of `blocks` blocks of neighbouring coordinates, kept as it is, or scaled by their number.

    Source: the globally randomised blockwise sparsifier (RBGS) of Xie, Zheng, Koyejo, Gupta, Li, Lin 2020 (CSER, arXiv
    2007.13221). Kept as it is: delta = 1/B, attained by every x; nonexpansive and orthogonal. Scaled: omega = B - 1,
    attained by every x. The blocks differ by one coordinate at most; B blocks of d coordinates have the boundaries
    floor(b d/B). Bits by formula: b_f d/B, and ceil log2 B without a shared seed.

    Parameters
    ----------
    blocks
        B, at most the number of coordinates.
    seed
        "shared": all workers send the same block, so that messages can be summed on their way and the block's number is
        free, but the workers' errors are not independent; "own": every worker chooses its block.
    scaled
        0 (contractive) or 1 (unbiased).
    """

    name: ClassVar[str] = "randomblock"
    together: ClassVar[bool] = True
    keeps_support: ClassVar[bool] = True
    blocks: int
    seed: str = "shared"
    scaled: int = 0

    def __post_init__(self) -> None:
        self.whole_option("blocks", 1, MAX_DIM)
        self.word_option("seed", "own", "shared")
        self.whole_option("scaled", 0, 1)

    def check(self, dim: int) -> None:
        super().check(dim)
        if self.blocks > dim:
            raise InputError(
                f"{self.name}: blocks = {self.blocks} is more than the {counted(dim, 'coordinate')}; "
                f"take blocks <= {dim}"
            )

    @property
    def shared_coins(self) -> bool:
        return self.seed == "shared"

    @property
    def why_not_unbiased(self) -> str:  # type: ignore[override]
        return "" if self.scaled else "without the factor B its mean is x/B; scaled=1 makes it unbiased"

    @property
    def why_not_contractive(self) -> str:  # type: ignore[override]
        return "with the factor B it expands vectors; scaled=0 makes it a contraction" if self.scaled else ""

    def longest(self, dim: int) -> int:
        """Coordinates of the largest block."""
        self.check(dim)
        return -(-dim // self.blocks)

    def unbiased(self, dim: int) -> Unbiased | None:
        self.check(dim)
        return selection_unbiased(1 / self.blocks, self.shared_coins) if self.scaled else None

    def contractive(self, dim: int) -> Contractive | None:
        self.check(dim)
        return None if self.scaled else selection_contractive(1 / self.blocks, self.shared_coins)

    def general(self, dim: int) -> General:
        self.check(dim)
        return selection_general(1 / self.blocks, bool(self.scaled))

    def pointwise(self, x: ArrayLike) -> float:
        x = centred(x)
        self.check(x.size)
        return selection_error(x, 1 / self.blocks, bool(self.scaled))

    def keep_probability(self, dim: int) -> float | None:
        return 1 / self.blocks if self.scaled else None

    def nonzeros(self, dim: int) -> float:
        return float(self.longest(dim))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float_bits * dim / self.blocks + (0 if self.shared_coins else index_bits(self.blocks))

    def draws(self, dim: int) -> int:
        return 2 + (self.longest(dim) if self.scaled else 0)
