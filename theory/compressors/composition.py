"""Compressors made of compressors.

In a text form the parts are values, in which `/` stands for `:` and `,`, as in
``induced:first=topk/k=5,second=qsgd/levels=4/norm=linf``; one more `/` for every level below, as in
``repeated:of=scaled/of=randk//k=5,times=3``.

The coins of the parts are independent. If one part shares its coins between the workers, all parts do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.errors import InputError
from ...common.specs import unnested
from .base import Compressor, Contractive, General, Unbiased, index_bits, relative, vector, whole
from .registry import compressor


@dataclass(frozen=True)
class Composition(Compressor):
    """A compressor whose options named in `PARTS` are compressors, or their nested text forms."""

    PARTS: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        for name in self.PARTS:
            given: Any = getattr(self, name)
            part = given if isinstance(given, Compressor) else compressor(unnested(str(given)))
            if part.stateful:
                raise InputError(
                    f"{self.name}: {name} = {part.spec} keeps a memory between rounds; take one that keeps none"
                )
            object.__setattr__(self, name, part)

    @property
    def parts(self) -> tuple[Compressor, ...]:
        """The parts in the order in which a message runs through them."""
        return tuple(getattr(self, name) for name in self.PARTS)

    @property
    def shared_coins(self) -> bool:
        return any(part.shared_coins for part in self.parts)

    @property
    def keeps_support(self) -> bool:  # type: ignore[override]
        return all(part.keeps_support for part in self.parts)

    @property
    def together(self) -> bool:  # type: ignore[override]
        return any(part.together for part in self.parts)

    def check(self, dim: int) -> None:
        for part in self.parts:
            part.check(dim)

    def draws(self, dim: int) -> int:
        return sum(part.draws(dim) for part in self.parts)

    def need(self, name: str, promise: str, held: object) -> None:
        """Raise `InputError` unless the part `name` makes a promise (`held` is not None)."""
        if held is None:
            part = getattr(self, name)
            reason = part.why_not_unbiased if promise == "unbiased" else part.why_not_contractive
            raise InputError(f"{self.name}: {name} must be {promise}, and {part.spec} is not: {reason}")


@dataclass(frozen=True)
class Induced(Composition):
    """Induced compressor: C(x) = C1(x) + Q(x - C1(x)), C1 contractive, Q unbiased.

    Source: Horvath and Richtarik 2021 (A better alternative to error feedback, arXiv 2006.11077). Published: unbiased
    with omega = (1 - delta) omega_Q. Exact at x if C1 is deterministic or Q errs alike on all vectors. Both messages
    travel; bits by formula: the sum.

    Parameters
    ----------
    first, second
        C1 and Q.
    """

    name: ClassVar[str] = "induced"
    PARTS: ClassVar[tuple[str, ...]] = ("first", "second")
    why_not_contractive: ClassVar[str] = "it is unbiased and expands vectors; scaled:of=induced/... is a contraction"
    first: Compressor
    second: Compressor

    def check(self, dim: int) -> None:
        super().check(dim)
        self.need("first", "contractive", self.first.contractive(dim))
        self.need("second", "unbiased", self.second.unbiased(dim))

    def unbiased(self, dim: int) -> Unbiased:
        self.check(dim)
        contractive, unbiased = self.first.contractive(dim), self.second.unbiased(dim)
        return Unbiased((1 - contractive.delta) * unbiased.omega, self.shared_coins)  # type: ignore[union-attr]

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        if (p := self.second.keep_probability(x.size)) is not None:
            return (1 / p - 1) * self.first.pointwise(x)
        rest = x - self.first.image(x)
        return relative(self.second.pointwise(rest) * float(rest @ rest), x)

    def nonzeros(self, dim: int) -> float:
        return min(float(dim), self.first.nonzeros(dim) + self.second.nonzeros(dim))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return self.first.formula_bits(dim, float_bits) + self.second.formula_bits(dim, float_bits)


@dataclass(frozen=True)
class Composed(Composition):
    """Composed compressor: C(x) = C2(C1(x)), C2 unbiased, C1 unbiased or contractive.

    - C1 unbiased: unbiased with omega = omega_1 omega_2 + omega_1 + omega_2 (Horvath et al. 2019, arXiv 1905.10988,
      for C_nat o C: 9 omega/8 + 1/8; the same proof serves all).
    - C1 contractive with ||C1(x)|| <= ||x|| and <C1(x), x - C1(x)> >= 0 (top-k, sign ...), omega_2 < 1: contractive
      with delta = delta_1 (1 - omega_2) (ours). With a = E||C1(x) - x||^2/||x||^2 <= 1 - delta_1 the error is a plus
      omega_2 E||C1(x)||^2/||x||^2 <= omega_2 (1 - a), which grows with a.
    - C1 contractive, deterministic and nonexpansive: bias sqrt(1 - delta_1) and variance omega_2, so that `scaled`
      makes it a contraction for every omega_2 (Condat, Li, Richtarik 2022, arXiv 2205.04180).

    If C2 is natural compression the nonzero entries of the message travel, else C2's message. Bits by formula likewise.

    Parameters
    ----------
    first, second
        C1 and C2.
    """

    name: ClassVar[str] = "composed"
    PARTS: ClassVar[tuple[str, ...]] = ("first", "second")
    first: Compressor
    second: Compressor

    def check(self, dim: int) -> None:
        super().check(dim)
        self.need("second", "unbiased", self.second.unbiased(dim))
        if self.first.unbiased(dim) is None:
            self.need("first", "contractive", self.first.contractive(dim))

    @property
    def separable(self) -> bool:  # type: ignore[override]
        return self.first.separable and self.second.separable

    @property
    def why_not_unbiased(self) -> str:  # type: ignore[override]
        return self.first.why_not_unbiased

    @property
    def why_not_contractive(self) -> str:  # type: ignore[override]
        if not self.first.why_not_unbiased:
            return "it is unbiased; scaled:of=composed/... is a contraction"
        return "its second part is too noisy (omega >= 1); scaled:of=composed/... is a contraction"

    def unbiased(self, dim: int) -> Unbiased | None:
        self.check(dim)
        if (first := self.first.unbiased(dim)) is None:
            return None
        one, two = first.omega, self.second.unbiased(dim).omega  # type: ignore[union-attr]
        return Unbiased(one * two + one + two, self.shared_coins)

    def contractive(self, dim: int) -> Contractive | None:
        self.check(dim)
        first, second = self.first.contractive(dim), self.second.unbiased(dim)
        if self.first.unbiased(dim) is not None or first is None or second is None or second.omega >= 1:
            return None
        if not (first.nonexpansive and first.orthogonal):
            return None
        return Contractive(first.delta * (1 - second.omega), shared_coins=self.shared_coins)

    def general(self, dim: int) -> General | None:
        first, second = self.first.contractive(dim), self.second.unbiased(dim)
        biased = self.first.unbiased(dim) is None and first is not None and second is not None
        if biased and first.nonexpansive and not self.first.draws(dim):  # type: ignore[union-attr]
            return General(math.sqrt(1 - first.delta), second.omega)  # type: ignore[union-attr]
        return super().general(dim)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        one, two = (part.keep_probability(x.size) for part in self.parts)
        if one is not None and self.second.separable:
            return self.second.pointwise(x / one) / one + 1 / one - 1 if np.any(x) else 0.0
        if two is not None and self.first.unbiased(x.size) is not None:
            error = self.first.pointwise(x)
            return error + (1 / two - 1) * (1 + error) if np.any(x) else 0.0
        y = self.first.image(x)
        error = self.second.pointwise(y) * float(y @ y) + float((y - x) @ (y - x))
        return relative(error, x)

    def nonzeros(self, dim: int) -> float:
        return min(self.first.nonzeros(dim), self.second.nonzeros(dim))

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        if not self.second.entry_bits:
            return self.second.formula_bits(dim, float_bits)
        kept = self.first.nonzeros(dim)
        where = index_bits(dim) if kept < dim else 0
        return kept * (self.second.formula_bits(1, float_bits) + where)


@dataclass(frozen=True)
class Scaled(Composition):
    """Scaled compressor: lambda C(x) with the lambda that makes the best contraction.

    - C unbiased: lambda = 1/(1 + omega), delta = 1/(1 + omega) (Beznosikov, Horvath, Richtarik, Safaryan 2020, arXiv
      2002.12410); at x: lambda^2 omega(x) + (1 - lambda)^2.
    - C of bias eta and variance omega: lambda = min{(1 - eta)/((1 - eta)^2 + omega), 1}, delta = 1 - (1 - lambda +
      lambda eta)^2 - lambda^2 omega (Condat, Li, Richtarik 2022, arXiv 2205.04180).
    - <C(x), x> >= gamma ||x||^2 and ||C(x)||^2 <= beta <C(x), x>: lambda = 1/beta, delta = gamma/beta.

    C(x) travels, its receiver multiplies: bits by formula are those of C.

    Parameters
    ----------
    of
        C.
    """

    name: ClassVar[str] = "scaled"
    PARTS: ClassVar[tuple[str, ...]] = ("of",)
    why_not_unbiased: ClassVar[str] = "it is shortened, so its mean is not x"
    of: Compressor

    def check(self, dim: int) -> None:
        super().check(dim)
        if self.of.general(dim) is None and self.of.correlated(dim) is None:
            raise InputError(f"scaled: of = {self.of.spec} states no constant that tells how to scale it")

    @property
    def separable(self) -> bool:  # type: ignore[override]
        return self.of.separable

    def known(self, dim: int) -> Any:
        """The class of C that says how to scale it."""
        self.check(dim)
        return self.of.general(dim) or self.of.correlated(dim)

    def factor(self, dim: int) -> float:
        """lambda."""
        return self.known(dim).scaling()

    def contractive(self, dim: int) -> Contractive:
        return replace(self.known(dim).scaled(), shared_coins=self.shared_coins)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        return self.factor(x.size) * self.of.image(x)

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        if self.of.unbiased(x.size) is None:
            return super().pointwise(x)
        factor = self.factor(x.size)
        return factor**2 * self.of.pointwise(x) + (1 - factor) ** 2 if np.any(x) else 0.0

    def nonzeros(self, dim: int) -> float:
        return self.of.nonzeros(dim)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return self.of.formula_bits(dim, float_bits)


@dataclass(frozen=True)
class Repeated(Composition):
    """Repeated compressor: C(u) = v_R, v_0 = 0, v_r = v_(r-1) + C(u - v_(r-1)): what is left is compressed again.

    Source: Huang, Chen, Yin, Yuan 2022 (NEOLITHIC, arXiv 2206.03665), the fast compressed communication of R rounds.
    C contractive: delta_R = 1 - (1 - delta)^R. C unbiased: omega_R = omega^R (ours: given v_(r-1), v_r is unbiased with
    variance at most omega ||u - v_(r-1)||^2). R messages travel; bits by formula: R times those of C.

    Parameters
    ----------
    of
        C.
    times
        R, at least 1.
    """

    name: ClassVar[str] = "repeated"
    PARTS: ClassVar[tuple[str, ...]] = ("of",)
    of: Compressor
    times: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self.times, "repeated: times", 1, 1000)

    @property
    def separable(self) -> bool:  # type: ignore[override]
        return self.of.separable

    @property
    def why_not_unbiased(self) -> str:  # type: ignore[override]
        return self.of.why_not_unbiased

    @property
    def why_not_contractive(self) -> str:  # type: ignore[override]
        return self.of.why_not_contractive

    def unbiased(self, dim: int) -> Unbiased | None:
        self.check(dim)
        claim = self.of.unbiased(dim)
        return claim and Unbiased(claim.omega**self.times, self.shared_coins)

    def contractive(self, dim: int) -> Contractive | None:
        self.check(dim)
        claim = self.of.contractive(dim)
        return claim and Contractive(1 - (1 - claim.delta) ** self.times, shared_coins=self.shared_coins)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        v = self.of.image(x)
        for _ in range(self.times - 1):
            v = v + self.of.image(x - v)
        return v

    def pointwise(self, x: ArrayLike) -> float:
        x = vector(x)
        if self.times == 1:
            return self.of.pointwise(x)
        if (p := self.of.keep_probability(x.size)) is not None:
            return (1 / p - 1) ** self.times if np.any(x) else 0.0
        return super().pointwise(x)

    def nonzeros(self, dim: int) -> float:
        return min(float(dim), self.times * self.of.nonzeros(dim))

    def draws(self, dim: int) -> int:
        return self.times * self.of.draws(dim)

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return self.times * self.of.formula_bits(dim, float_bits)
