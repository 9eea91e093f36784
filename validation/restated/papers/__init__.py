"""The papers' theorem boxes once more: one file per file of `theory.theorems`, found by a scan of this folder.

Each has a dictionary ASSUMED, what every one of its theorems assumes by the names of `theory.hypotheses`, and a
dictionary RESTATED of their formulas.
"""

from __future__ import annotations

from ....common.scan import modules
from ..formulas import Restated

_FOUND = tuple(modules(__name__, __path__))
#: The formulas of every theorem.
RESTATED: dict[str, Restated] = {name: right for module in _FOUND for name, right in module.RESTATED.items()}
#: What every theorem assumes of problem, compressors, noise and delays.
ASSUMED: dict[str, str] = {name: assumed for module in _FOUND for name, assumed in module.ASSUMED.items()}
