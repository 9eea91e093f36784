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
- the hard threshold, the identity and the adversary carry full doubles: their guarantee leaves no room for a
  relative error;
- natural compression and clipping are roundings themselves, and nothing is added to them; what the low-rank
  compressors do is told in `lowrank`.

All constants below contain these factors. Probabilities are compared with uniforms of 32 bits, so that they
are exact to 2^-33.
"""

from __future__ import annotations

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
    whole,
)
from .composition import Composed, Composition, Induced, Repeated, Scaled
from .deterministic import Adversary, Clip, Dynamic, Identity, NormSign, Sign
from .dithering import QSGD, Natural, NaturalDithering, Ternary
from .lowrank import LowRank, PowerSGD, RankR
from .registry import COMPRESSORS, compressor
from .sparse import Bernoulli, PermK, RandK, RandomBlock, Sparsifier, Threshold, TopK

KINDS = (
    Identity,
    QSGD,
    Ternary,
    Natural,
    NaturalDithering,
    RandK,
    TopK,
    RandomBlock,
    Bernoulli,
    PermK,
    Sparsifier,
    Threshold,
    Sign,
    NormSign,
    Dynamic,
    Clip,
    RankR,
    PowerSGD,
    Induced,
    Composed,
    Scaled,
    Repeated,
    Adversary,
)
COMPRESSORS.update({kind.name: kind for kind in KINDS})

__all__ = [
    "COMPRESSORS",
    "MAX_DIM",
    "MAX_LEVELS",
    "QSGD",
    "SCALE_LOW_BITS",
    "SCALE_TRUNCATION",
    "SCALE_VARIANCE",
    "VALUE_LOW_BITS",
    "VALUE_TRUNCATION",
    "VALUE_VARIANCE",
    "AbsoluteError",
    "Adversary",
    "Bernoulli",
    "Blockwise",
    "Clip",
    "Composed",
    "Composition",
    "Compressor",
    "Contractive",
    "Correlated",
    "Dynamic",
    "General",
    "Identity",
    "Induced",
    "LowRank",
    "Natural",
    "NaturalDithering",
    "NormSign",
    "PermK",
    "PowerSGD",
    "RandK",
    "RandomBlock",
    "RankR",
    "Repeated",
    "Scaled",
    "Sign",
    "Sparse",
    "Sparsifier",
    "Ternary",
    "Threshold",
    "TopK",
    "Unbiased",
    "compressor",
    "index_bits",
    "rounding_variance",
    "truncate",
    "vector",
    "whole",
]
