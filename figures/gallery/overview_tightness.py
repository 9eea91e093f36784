"""How tight the theorems are: the worst instance that is known for each, metric against bound, both exact."""

from __future__ import annotations

from functools import partial

from ...theory import THEOREMS
from ...validation.tightness import hard_instances
from ..drawing import Drawing
from ..lollipops import Rated, lollipops, ranked, table


def measure(quick: bool = False, seed: int = 0) -> list[Rated]:
    """Evaluate the worst instance of every theorem that has one (of every fourth, if quick), the tightest first."""
    return ranked(
        [
            Rated(name, theorem.provenance, instances[0].ratio())
            for name, theorem in list(THEOREMS.items())[:: 4 if quick else 1]
            if (instances := hard_instances(name))
        ]
    )


FIGURE = Drawing(
    "overview-tightness",
    "overview",
    "How tight the theorems are",
    "For every theorem with a stored hard instance: the expectation of its metric divided by its bound, both exact, on "
    "the worst instance that is known (a small quadratic, compressors, parameters and a number of rounds, found by "
    "search). 1 means that no constant can be improved; a small value means that the bound is loose, or that nothing "
    "worse was found. Colour and marker tell the provenance. Theorems of order only have no bound and are left out, as "
    "are those for which no instance closes. These instances have one or two dimensions: they test the theorem.",
    measure,
    partial(lollipops, label="measured / bound"),
    table,
    seconds=(1, 0.4),
)
