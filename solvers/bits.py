"""Bits per worker and round of a run, by the three meters."""

from __future__ import annotations

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
    """

    formula: float
    encoded: float
    entropy: float
    saved_vs_dense32: float
    saved_vs_dense32_formula: float


def bits_per_round(trace: Trace, dim: int) -> BitsPerRound:
    """Sum a run up; encoded bits are those of the rounds before any replica diverged, NaN if there are none."""
    rounds = trace.rounds[1:].astype(float)
    sent = (trace.columns["bits_up_encoded"] + trace.columns["bits_down_encoded"])[:, 1:] / rounds
    whole = sent[:, np.isfinite(sent).all(axis=0)]
    encoded = float(whole[:, -1].mean()) if whole.size else float("nan")
    formula = float(trace.scalars["bits_up_formula"][-1] + trace.scalars["bits_down_formula"][-1]) / rounds[-1]
    entropy = float((trace.scalars["entropy_up"] + trace.scalars["entropy_down"])[1:].mean())
    dense = 64.0 * dim
    return BitsPerRound(formula, encoded, entropy, 1.0 - encoded / dense, 1.0 - formula / dense)
