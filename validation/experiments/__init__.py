"""The default experiment of every theorem: one table that drives verify, the tests and the figures.

One file per word or family; each has a tuple EXPERIMENTS.
"""

from __future__ import annotations

from importlib import import_module

from ...theory import THEOREMS
from ...theory.errors import InputError
from .base import Experiment

_FILES = (
    "baselines",
    "error_feedback",
    "doublesqueeze",
    "dore",
    "khirirat",
    "ef21",
    "variance_reduced",
    "gmc",
    "momentum",
    "delays",
    "liec",
)

_FOUND = {e.theorem: e for file in _FILES for e in import_module(f".{file}", __name__).EXPERIMENTS}
#: In the order of the theorems.
EXPERIMENTS: dict[str, Experiment] = {i: _FOUND[i] for i in THEOREMS if i in _FOUND}


def experiment(theorem: str) -> Experiment:
    """Return the default experiment of a theorem.

    Raises
    ------
    InputError
        If the table has none.
    """
    if theorem not in EXPERIMENTS:
        raise InputError(f"theorem '{theorem}' has no default experiment; those that have: {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[theorem]
