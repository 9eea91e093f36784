"""The default experiment of every theorem: one table that drives verify, the tests and the figures.

One file per word or family; each has a tuple EXPERIMENTS.
"""

from __future__ import annotations

from ...common.errors import InputError
from ...common.scan import modules
from ...theory import THEOREMS
from .base import Experiment

_FOUND = {e.theorem: e for module in modules(__name__, __path__) for e in getattr(module, "EXPERIMENTS", ())}
#: In the order of the theorems.
EXPERIMENTS: dict[str, Experiment] = {i: _FOUND[i] for i in THEOREMS if i in _FOUND}


def enter(own: Experiment) -> Experiment:
    """Enter an experiment of your own: the default one of its theorem, which is one of your own, too.

    Raises
    ------
    InputError
        If its theorem is one of the toolkit's, which has its experiment, or unknown.
    """
    if own.theorem in _FOUND:
        raise InputError(
            f"theorem '{own.theorem}' already has a default experiment: give yours to tersegrad.judge, or the theorem "
            f"another name"
        )
    if own.theorem not in THEOREMS:
        raise InputError(f"the experiment is about the theorem '{own.theorem}', which is not registered")
    EXPERIMENTS[own.theorem] = own
    return own


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
