"""Partial participation: a worker is silent in most rounds, which is a compressor, too."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.errors import InputError
from ...common.options import number
from .base import AbsoluteError, Compressor, Contractive, General, Unbiased, vector
from .composition import Composition
from .identity import Identity
from .registry import compressor

LEAST = 2.0**-32
"""The least probability of taking part."""


@dataclass(frozen=True)
class Participation(Composition):
    """Partial participation: C(x) with probability p, else silence; divided by p where that keeps it unbiased.

    So every theorem about a compressor covers it (ours):

    - C contractive, sent as it is: delta' = p delta, for E||C'(x) - x||^2 = (1 - p) ||x||^2 + p E||C(x) - x||^2;
    - C unbiased, divided by p: omega' = (1 + omega)/p - 1, for E||C'(x)||^2 = E||C(x)||^2/p.

    Both are exact at x. Every worker tosses its own coin, unless C shares its coins: then all workers are silent in the
    same rounds. A silent worker sends nothing and is charged nothing. The probability is the multiple of 2^-32 nearest
    to p. Bits by formula: p times those of C.

    Parameters
    ----------
    of
        C.
    p
        In [2^-32, 1].
    scaled
        1 (divided by p) or 0 (as it is); left out: 1 if C is unbiased.
    """

    name: ClassVar[str] = "participation"
    PARTS: ClassVar[tuple[str, ...]] = ("of",)
    together: ClassVar[bool] = True
    of: Compressor
    p: float
    scaled: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.number_option("p", LEAST, 1.0)
        if self.scaled is not None:
            self.whole_option("scaled", 0, 1)

    @property
    def probability(self) -> float:
        """The probability of taking part, a multiple of 2^-32."""
        return math.floor(self.p * 2**32 + 0.5) / 2**32

    def is_scaled(self, dim: int) -> bool:
        """Whether a message is divided by p."""
        return bool(self.scaled) if self.scaled is not None else self.of.unbiased(dim) is not None

    def factor(self, dim: int) -> float:
        """By how much the receiver multiplies C(x)."""
        return 1 / self.probability if self.is_scaled(dim) else 1.0

    def check(self, dim: int) -> None:
        super().check(dim)
        if self.scaled:
            self.need("of", "unbiased", self.of.unbiased(dim))

    @property
    def why_not_unbiased(self) -> str:  # type: ignore[override]
        return self.of.why_not_unbiased or "without the factor 1/p its mean is p x; scaled=1 makes it unbiased"

    @property
    def why_not_contractive(self) -> str:  # type: ignore[override]
        return self.of.why_not_contractive or "divided by p it expands vectors; scaled=0 makes it a contraction"

    def unbiased(self, dim: int) -> Unbiased | None:
        self.check(dim)
        if not self.is_scaled(dim):
            return None
        return promised(self.of.unbiased(dim), self.probability)

    def contractive(self, dim: int) -> Contractive | None:
        self.check(dim)
        if self.is_scaled(dim) or (held := self.of.contractive(dim)) is None:
            return None
        return replace(promised(held, self.probability), shared_coins=self.shared_coins)

    def general(self, dim: int) -> General | None:
        if self.is_scaled(dim) or (held := self.of.general(dim)) is None:
            return super().general(dim)
        # The mean is p E C(x); given that, the variance is p that of C and p (1 - p) ||E C(x)||^2.
        p = self.probability
        return General(1 - p * (1 - held.eta), p * held.omega + p * (1 - p) * (1 + held.eta) ** 2)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        error, p = self.of.pointwise(x), self.probability
        if not np.any(x):
            return 0.0
        return (1 + error) / p - 1 if self.is_scaled(x.size) else 1 - p * (1 - error)

    def nonzeros(self, dim: int) -> float:
        return self.probability * self.of.nonzeros(dim)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return self.probability * self.of.formula_bits(dim, float_bits)

    def ties(self, dim: int) -> list[NDArray[np.float64]]:
        return self.of.ties(dim)

    def draws(self, dim: int) -> int:
        return 1 + self.of.draws(dim)


def promised(given: Any, p: float) -> Any:
    """What holds of B_p o C, given what holds of C.

    Raises
    ------
    InputError
        For a class that silence leaves: an error that is bounded whatever the vector.
    """
    if isinstance(given, Unbiased):
        return Unbiased((1 + given.omega) / p - 1, given.shared_coins)
    if isinstance(given, Contractive):
        return replace(given, delta=p * given.delta, keeps="random" if given.keeps == "random" else "")
    if isinstance(given, AbsoluteError):
        raise InputError(
            f"participation={p:g}: silence errs by the whole vector, so eps = {given.eps} is lost; give a contraction"
        )
    return given


def participating(given: Any, participation: float | None, kind: type | None = None) -> Any:
    """The compressor, or what is assumed of it, of workers that take part with this probability.

    Parameters
    ----------
    given
        A text form, a compressor, what may be assumed of one, or None: no compression.
    participation
        p; None and 1 change nothing.
    kind
        The class that a theorem needs, which decides about the factor 1/p where C allows both.
    """
    if participation is None:
        return given
    p = number("participation", participation, LEAST, 1.0)
    if p == 1:
        return given
    if isinstance(given, Unbiased | Contractive | AbsoluteError):
        return promised(given, p)
    part = compressor(given) if given is not None else Identity()
    # A part that is both unbiased and a contraction is sent as the theorem needs it.
    both = not part.why_not_unbiased and not part.why_not_contractive
    return Participation(of=part, p=p, scaled=0 if both and kind is Contractive else None)
