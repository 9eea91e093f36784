"""Compressors: what a theorem may assume of one, and the constants of each.

Assumption classes (Beznosikov, Horvath, Richtarik, Safaryan 2020, arXiv 2002.12410, collects them):

- `Unbiased`: E C(x) = x and E||C(x) - x||^2 <= omega ||x||^2;
- `Contractive`: E||C(x) - x||^2 <= (1 - delta) ||x||^2;
- `AbsoluteError`: E||C(x) - x||^2 <= eps^2 (DoubleSqueeze, arXiv 1905.05957);
- `General`: bias and variance apart (EF-BV, arXiv 2205.04180);
- `Correlated`: E<C(x), x> >= gamma ||x||^2 and E||C(x)||^2 <= beta E<C(x), x>, for those that are in no other class.

A class is never converted into another silently: `Unbiased.scaled` states the contraction of C/(1 + omega),
which is a different compressor from C, namely ``scaled:of=C``. Constants that are ours are proved in
docs/proofs/compressors.md.

Numbers on the wire
-------------------
A scale or a value travels in 32 bits: the upper half of its double (the exponent of a double keeps the full
range, 20 fraction bits remain for a signed value, 21 for a scale, which needs no sign bit). The rounding is
part of C, so that every theorem is about what is really sent:

- unbiased compressors round at random with the right probabilities, which keeps E C(x) = x and turns omega
  into (1 + r)(1 + omega) - 1 with r = 2^-44 (scales) or 2^-42 (values);
- contractive compressors round towards zero, which keeps ||C(x)|| <= ||x|| and <C(x), x - C(x)> >= 0 and
  turns delta into delta (1 - r^2) with r = 2^-20 (values) or 2^-21 (scales);
- the hard threshold, the identity, the adversary and additive noise carry full doubles: their guarantee leaves no room
  for a relative error;
- natural compression and clipping are roundings themselves, and nothing is added to them; what the low-rank
  compressors do is told in `lowrank`.

All constants contain these factors. They hold over the range of doubles: norms are taken so that no square overflows or
vanishes. Only numbers below 2^-1022, which have fewer digits, and vectors of which C(x) exceeds the largest double are
beyond them; such a message, and any of a vector with an entry that is infinite or no number, holds one itself, so that
a run that diverges is seen to. Probabilities are compared with uniforms of 32 bits, so that they
are exact to 2^-33.

One file per compressor
-----------------------
A file of this folder with a class that has a `name` of its own registers it; its kernel and codec stand in the file of
the same name in ``solvers.compressors``. The classes can be imported from here.
"""

from __future__ import annotations

import inspect
from typing import Any

from ...common.scan import modules
from .base import (
    MAX_DIM,
    MAX_LEVELS,
    SCALE_LOW_BITS,
    SCALE_TRUNCATION,
    SCALE_VARIANCE,
    VALUE_LOW_BITS,
    VALUE_TRUNCATION,
    VALUE_VARIANCE,
    AbsoluteError,
    Blockwise,
    Compressor,
    Contractive,
    Correlated,
    General,
    Sparse,
    Unbiased,
    index_bits,
    rounding_variance,
    truncate,
    vector,
)
from .composition import Composition
from .lowrank import LowRank
from .registry import COMPRESSORS, compressor

_CLASSES: dict[str, type[Compressor]] = {
    value.__name__: value
    for module in modules(__name__, __path__)
    for value in vars(module).values()
    if inspect.isclass(value) and issubclass(value, Compressor)
    if value.__module__ == module.__name__ and "name" in vars(value)
}
COMPRESSORS.update({kind.name: kind for kind in _CLASSES.values()})


def __getattr__(name: str) -> Any:
    """The class of a compressor, such as ``TopK``."""
    if name not in _CLASSES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return _CLASSES[name]


def __dir__() -> list[str]:
    return sorted([*globals(), *_CLASSES])


__all__ = [
    "COMPRESSORS", "MAX_DIM", "MAX_LEVELS", "SCALE_LOW_BITS", "SCALE_TRUNCATION", "SCALE_VARIANCE", "VALUE_LOW_BITS",
    "VALUE_TRUNCATION", "VALUE_VARIANCE", "AbsoluteError", "Blockwise", "Composition", "Compressor", "Contractive",
    "Correlated", "General", "LowRank", "Sparse", "Unbiased", "compressor", "index_bits", "rounding_variance",
    "truncate", "vector",
]  # fmt: skip
