"""Bits per worker and round of a run, by the three meters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .trace import Trace


@dataclass(frozen=True)
class BitsPerRound:
    """Bits per worker and round, both directions together.

    Attributes
    ----------
    formula, encoded, entropy
        As the paper counts; the length of the messages really encoded; the entropy of their symbols.
    saved_vs_dense32, saved_vs_dense32_formula
        The share saved against dense 32-bit vectors both ways, as encoded and by the formula.

    What a compressor of one's own does not give is None.
    """

    formula: float | None
    encoded: float | None
    entropy: float | None
    saved_vs_dense32: float | None
    saved_vs_dense32_formula: float | None


def bits_per_round(trace: Trace, dim: int) -> BitsPerRound:
    """Sum a run up; encoded bits are those of the rounds before any replica diverged, NaN if there are none."""
    rounds = trace.rounds[1:].astype(float)
    formula = encoded = entropy = None
    if (sizes := _both(trace.scalars, "bits_up_formula", "bits_down_formula")) is not None:
        formula = float(sizes[-1]) / rounds[-1]
    if (sizes := _both(trace.columns, "bits_up_encoded", "bits_down_encoded")) is not None:
        sent = sizes[:, 1:] / rounds
        whole = sent[:, np.isfinite(sent).all(axis=0)]
        encoded = float(whole[:, -1].mean()) if whole.size else float("nan")
    if (sizes := _both(trace.scalars, "entropy_up", "entropy_down")) is not None:
        entropy = float(sizes[1:].mean())
    dense = 64.0 * dim
    by_bytes, by_formula = (None if size is None else 1.0 - size / dense for size in (encoded, formula))
    return BitsPerRound(formula, encoded, entropy, by_bytes, by_formula)


def _both(group: Mapping[str, np.ndarray], up: str, down: str) -> np.ndarray | None:
    """The sum of both directions, if both are known."""
    return group[up] + group[down] if up in group and down in group else None
