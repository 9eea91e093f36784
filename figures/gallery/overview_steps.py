"""How much of the largest stable step each theorem grants."""

from __future__ import annotations

from functools import partial

from ...solvers.method import known_methods
from ...theory import THEOREMS
from ...validation.exact.frontier import FEW_WORKERS, KEPT, granted
from ..drawing import Drawing
from ..lollipops import Rated, lollipops, ranked, table


def measure(quick: bool = False, seed: int = 0) -> list[Rated]:
    """Ask for the frontier of every method; keep each theorem's largest ratio."""
    names = list(known_methods())[:: 4 if quick else 1]
    found = {theorem: ratio for name in names for theorem, ratio in granted(name).items()}
    return ranked([Rated(name, THEOREMS[name].provenance, ratio) for name, ratio in found.items()])


FIGURE = Drawing(
    "overview-steps",
    "overview",
    "How much of the largest stable step the theorems grant",
    "The step that a theorem takes for L = L_max = 1 and mu = 0.1, divided by the largest step with which its method "
    "is stable in the mean square at the theorem's own other parameters (exact, on quadratics). Compressed links keep "
    f"the vector with probability {KEPT}, divided by it where the theorem wants unbiased messages; the larger of the "
    f"ratios for {FEW_WORKERS[0]} and {FEW_WORKERS[1]} workers. Colour and marker tell the provenance. Methods whose "
    "second moments do not close, and theorems for bounded gradients, which a quadratic does not have, are left out. "
    "qsgd.nonconvex is above 1 because it bounds an average whose weights decay exponentially, which a growing run "
    "does not contradict.",
    measure,
    partial(lollipops, label="theorem's step / largest stable"),
    table,
    seconds=(3, 1),
)
