"""An experiment names its theorem itself, and no two experiments claim the same one."""

from __future__ import annotations

from collections import Counter

from tersegrad.common.scan import modules
from tersegrad.theory import THEOREMS
from tersegrad.validation import EXPERIMENTS, experiments


def test_every_experiment_belongs_to_one_theorem_and_every_theorem_has_at_most_one():
    """A misspelt theorem, or a second experiment of one, would be left out without a word."""
    files = modules(experiments.__name__, experiments.__path__)
    named = [e.theorem for file in files for e in getattr(file, "EXPERIMENTS", ())]
    assert set(named) <= set(THEOREMS)
    assert [name for name, times in Counter(named).items() if times > 1] == []
    assert set(named) == set(EXPERIMENTS)
