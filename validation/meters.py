"""The bits of a message once more: as the papers count them, as the wire carries them, and the entropy of its symbols.

Kernels count bits and codecs make bytes, and the two agree; but both may be wrong, and what a paper's formula or an
entropy says, nothing else contradicts. So every compressor's formula stands here a second time, the length of its bytes
where that is the same for every message, and the entropy from a count of what the message consists of.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..theory.compressors import Compressor

Floats = NDArray[np.float64]

#: Bits of a float in the papers' formulas.
FLOAT = 32


def where(d: int) -> int:
    """Bits of the number of one of d things."""
    return math.ceil(math.log2(d)) if d > 1 else 0


def entropy(symbols: Iterable[Hashable]) -> float:
    """Empirical entropy of all the symbols together, in bits."""
    counts = list(Counter(symbols).values())
    total = sum(counts)
    return sum(c * math.log2(total / c) for c in counts)


def _blocks(comp: Any, d: int) -> list[int]:
    """The lengths of the blocks."""
    return [len(part) for part in comp.split(np.zeros(d))]


def _k(comp: Any, d: int) -> int:
    return int(comp.k) if comp.k is not None else max(1, math.floor(comp.ratio * d + 0.5))


def _shared(comp: Any) -> bool:
    return getattr(comp, "seed", "") == "shared"


def _qsgd(comp: Any, d: int) -> float:
    """Alistarh et al. 2017, Theorem 3.2 for l2 norms, or the levels as they are if that is shorter."""
    s, total = comp.levels, 0.0
    for b in _blocks(comp, d):
        each = b * (1 + math.floor(math.log2(s)) + 1)
        dense = s * s + s * math.sqrt(b)
        elias = (3 + 1.5 * math.log2(2 * (s * s + b) / dense)) * dense if comp.norm == "l2" else math.inf
        total += FLOAT + min(each, elias)
    return total


def _composed(comp: Any, d: int) -> float:
    if comp.second.name != "natural":
        return formula(comp.second, d)
    kept = comp.first.nonzeros(d)
    return kept * (9 + (where(d) if kept < d else 0))


def _low_rank(comp: Any, d: int) -> float:
    rows = comp.rows or math.ceil(math.sqrt(d))
    return FLOAT * comp.rank * (rows + math.ceil(d / rows))


#: From compressor and d to the bits of a message, as the papers count.
FORMULAS: dict[str, Callable[[Any, int], float]] = {
    "identity": lambda c, d: FLOAT * d,
    "additive": lambda c, d: FLOAT * d,
    "adversary": lambda c, d: FLOAT * d,
    "threshold": lambda c, d: FLOAT * d,
    "sign": lambda c, d: d + FLOAT * len(_blocks(c, d)),
    "normsign": lambda c, d: d + FLOAT * len(_blocks(c, d)),
    "topk": lambda c, d: _k(c, d) * (FLOAT + where(d)),
    "multilevel": lambda c, d: _k(c, d) * (FLOAT + where(d)),
    "randk": lambda c, d: _k(c, d) * (FLOAT + (0 if _shared(c) else where(d))),
    "sparsifier": lambda c, d: FLOAT + _k(c, d) * (FLOAT + where(d)),
    "randomblock": lambda c, d: FLOAT * d / c.blocks + (0 if _shared(c) else where(c.blocks)),
    "permk": lambda c, d: FLOAT * d / c.workers,
    "mask": lambda c, d: FLOAT * d * c.s / c.workers,
    "bernoulli": lambda c, d: 1 + c.probability * FLOAT * d,
    "natural": lambda c, d: 9 * d,
    "clip": lambda c, d: (9 + c.bits) * d,
    "dynamic": lambda c, d: FLOAT + math.ceil(math.sqrt(d)) * (1 + where(d)),
    "natural-dithering": lambda c, d: FLOAT * len(_blocks(c, d)) + d * (1 + where(c.levels + 1)),
    "ternary": lambda c, d: FLOAT * len(_blocks(c, d)) + 1.5 * d,
    "qsgd": _qsgd,
    "rankr": _low_rank,
    "powersgd": _low_rank,
    "induced": lambda c, d: formula(c.first, d) + formula(c.second, d),
    "repeated": lambda c, d: c.times * formula(c.of, d),
    "scaled": lambda c, d: formula(c.of, d),
    "participation": lambda c, d: c.probability * formula(c.of, d),
    "composed": _composed,
}

#: From compressor and d to the bits on the wire, before they are filled up to bytes, where every message has as many.
LENGTHS: dict[str, Callable[[Any, int], float]] = {
    "identity": lambda c, d: 64 * d,
    "additive": lambda c, d: 64 * d,
    "adversary": lambda c, d: 64 * d,
    "sign": lambda c, d: 32 * len(_blocks(c, d)) + d,
    "normsign": lambda c, d: 32 * len(_blocks(c, d)) + d,
    "topk": lambda c, d: 32 * _k(c, d) + (min(_k(c, d) * where(d), d) if _k(c, d) < d else 0),
    "randk": lambda c, d: 32 * _k(c, d) + (0 if _shared(c) or _k(c, d) == d else min(_k(c, d) * where(d), d)),
    "natural": lambda c, d: 12 * d,
    "clip": lambda c, d: (12 + c.bits) * d,
    "natural-dithering": lambda c, d: 32 * len(_blocks(c, d)) + d * (1 + where(c.levels + 1)),
    "rankr": _low_rank,
    "powersgd": _low_rank,
}


def formula(comp: Compressor, d: int) -> float:
    """Bits of one message as the papers count them; not a number for a compressor that does not stand here."""
    return float(FORMULAS[comp.name](comp, d)) if comp.name in FORMULAS else math.nan


def length(comp: Compressor, d: int) -> float | None:
    """Bits of the bytes of any message; None where they depend on the message."""
    if comp.name not in LENGTHS or getattr(comp, "coder", "plain") != "plain":
        return None
    return 8 * math.ceil(LENGTHS[comp.name](comp, d) / 8)


def _levels(comp: Any, message: Floats) -> list[int]:
    """Every entry in units of the largest step that divides its block."""
    out: list[int] = []
    for part in comp.split(message):
        exact = [Fraction(float(v)) for v in part]
        scale = math.lcm(*(v.denominator for v in exact))
        whole = [int(v * scale) for v in exact]
        out += [v // (math.gcd(*whole) or 1) for v in whole]
    return out


def _halvings(comp: Any, message: Floats) -> list[tuple[float, float]]:
    """Sign and share of its block's largest entry."""
    return [
        (math.copysign(1, v) if v else 0.0, abs(v) / float(np.abs(part).max()) if v else 0.0)
        for part in comp.split(message)
        for v in map(float, part)
    ]


#: From compressor and message to the entropy of its symbols and the bits of its numbers.
ENTROPIES: dict[str, Callable[[Any, Floats], float]] = {
    "identity": lambda c, m: 64 * m.size,
    "additive": lambda c, m: 64 * m.size,
    "adversary": lambda c, m: 64 * m.size,
    "sign": lambda c, m: 32 * len(_blocks(c, m.size)) + entropy((m < 0).tolist()),
    "normsign": lambda c, m: 32 * len(_blocks(c, m.size)) + entropy((m < 0).tolist()),
    "natural": lambda c, m: entropy(m.tolist()),
    "clip": lambda c, m: entropy(m.tolist()),
    "topk": lambda c, m: 32 * _k(c, m.size) + entropy(j < _k(c, m.size) for j in range(m.size)),
    "multilevel": lambda c, m: 32 * _k(c, m.size) + entropy(j < _k(c, m.size) for j in range(m.size)),
    "randk": lambda c, m: 32 * _k(c, m.size) + (0 if _shared(c) else entropy(j < _k(c, m.size) for j in range(m.size))),
    "threshold": lambda c, m: 64 * sum(m != 0) + entropy((m != 0).tolist()),
    "bernoulli": lambda c, m: (
        sum(q * math.log2(1 / q) for q in (c.probability, 1 - c.probability) if q) + (32 * m.size if m.any() else 0)
    ),
    "mask": lambda c, m: 64 * sum(v != 0 or math.copysign(1, v) > 0 for v in m.tolist()),
    "permk": lambda c, m: 32 * math.ceil(m.size / c.workers),
    "randomblock": lambda c, m: 32 * math.ceil(m.size / c.blocks) + (0 if _shared(c) else math.log2(c.blocks)),
    "dynamic": lambda c, m: 32 + entropy(np.sign(m).tolist()),
    "ternary": lambda c, m: 32 * len(_blocks(c, m.size)) + entropy(np.sign(m).tolist()),
    "qsgd": lambda c, m: len(_blocks(c, m.size)) * (32 + where(c.levels)) + entropy(_levels(c, m)),
    "natural-dithering": lambda c, m: 32 * len(_blocks(c, m.size)) + entropy(_halvings(c, m)),
    "rankr": lambda c, m: _low_rank(c, m.size),
    "powersgd": lambda c, m: _low_rank(c, m.size),
}


def entropy_of_message(comp: Compressor, message: Floats) -> float | None:
    """The entropy of a message; None for a compressor that does not stand here."""
    return float(ENTROPIES[comp.name](comp, message)) if comp.name in ENTROPIES else None
