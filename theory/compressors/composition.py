"""Compressors made of compressors.

In a text form the parts are values, in which `/` stands for `:` and `,`, as in
``induced:first=topk/k=5,second=qsgd/levels=4/norm=linf``; one more `/` for every level below, as in
``repeated:of=scaled/of=randk//k=5,times=3``.

The coins of the parts are independent. If one part shares its coins between the workers, all parts do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from ...common.specs import unnested
from .base import Compressor
from .registry import compressor


@dataclass(frozen=True)
class Composition(Compressor):
    """A compressor whose options named in `PARTS` are compressors, or their nested text forms."""

    PARTS: ClassVar[tuple[str, ...]]
    adds_messages: ClassVar[bool] = False
    """Whether C(x) is a sum of messages, which cannot be told from the sum."""

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

    def work(self, dim: int) -> float:
        return sum(part.work(dim) for part in self.parts)

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

    def ties(self, dim: int) -> list[NDArray[np.float64]]:
        return [x for part in self.parts for x in part.ties(dim)]

    def draws(self, dim: int) -> int:
        return sum(part.draws(dim) for part in self.parts)

    def need(self, name: str, promise: str, held: object) -> None:
        """Raise `InputError` unless the part `name` makes a promise (`held` is not None)."""
        if held is None:
            part = getattr(self, name)
            reason = part.why_not_unbiased if promise == "unbiased" else part.why_not_contractive
            raise InputError(f"{self.name}: {name} must be {promise}, and {part.spec} is not: {reason}")
