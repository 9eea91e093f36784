"""Rand-k: k coordinates chosen at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from .base import Contractive, General, Sparse, Unbiased, centred, index_bits
from .selection import selection_contractive, selection_error, selection_general, selection_unbiased


@dataclass(frozen=True)
class RandK(Sparse):
    """Rand-k: k coordinates chosen uniformly without replacement; scaled by d/k, or kept as they are.

    Source: Stich, Cordonnier, Jaggi 2018 (arXiv 1809.07599) for the unscaled one. Scaled: omega = d/k - 1,
    attained by every x. Unscaled (scaled=0): delta = k/d, attained by every x; nonexpansive and orthogonal.

    Parameters
    ----------
    k, ratio
        Entries sent, or their share of the coordinates.
    seed
        "own": every worker chooses its own coordinates and sends their indices; "shared": one seed serves all
        workers and the receiver, so that indices are free, but the workers' errors are not independent.
    scaled
        1 (unbiased) or 0 (contractive).
    """

    name: ClassVar[str] = "randk"
    keeps_support: ClassVar[bool] = True
    seed: str = "own"
    scaled: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.word_option("seed", "own", "shared")
        self.whole_option("scaled", 0, 1)

    @property
    def shared_coins(self) -> bool:
        return self.seed == "shared"

    @property
    def why_not_unbiased(self) -> str:  # type: ignore[override]
        return "" if self.scaled else "without the factor d/k its mean is (k/d) x; scaled=1 makes it unbiased"

    @property
    def why_not_contractive(self) -> str:  # type: ignore[override]
        return "with the factor d/k it expands vectors; scaled=0 makes it a contraction" if self.scaled else ""

    def unbiased(self, dim: int) -> Unbiased | None:
        k = self.kept(dim)
        return selection_unbiased(k / dim, self.shared_coins) if self.scaled else None

    def contractive(self, dim: int) -> Contractive | None:
        k = self.kept(dim)
        return None if self.scaled else selection_contractive(k / dim, self.shared_coins)

    def general(self, dim: int) -> General:
        return selection_general(self.kept(dim) / dim, bool(self.scaled))

    def pointwise(self, x: ArrayLike) -> float:
        x = centred(x)
        return selection_error(x, self.kept(x.size) / x.size, bool(self.scaled))

    def keep_probability(self, dim: int) -> float | None:
        return self.kept(dim) / dim if self.scaled else None

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(self.kept(dim) * (float_bits + (0 if self.shared_coins else index_bits(dim))))

    def draws(self, dim: int) -> int:
        return (3 if self.scaled else 2) * self.kept(dim)
