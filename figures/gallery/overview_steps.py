"""How much of the largest stable step each theorem grants."""

from __future__ import annotations

from functools import partial

from ...common.errors import InputError
from ...solvers.method import known_methods
from ...theory import THEOREMS
from ...validation.exact import NotClosed
from ...validation.exact.frontier import frontier
from ..drawing import Drawing
from ..lollipops import Rated, lollipops, ranked, table

WORKERS, P = 4, 0.25
LINKS = (f"bernoulli:p={P}", f"scaled:of=bernoulli/p={P}")
"""Unbiased and contractive: the vector is kept with probability p, and divided by it or not."""


def measure(quick: bool = False, seed: int = 0) -> list[Rated]:
    """Ask for the frontier of every method with one worker and with `WORKERS`; keep each theorem's largest ratio."""
    found: dict[str, float] = {}
    methods = known_methods()
    for name in list(methods)[:: 4 if quick else 1]:
        for link in LINKS:
            for n in (1, WORKERS):
                try:
                    answer = frontier(name, link, link if methods[name].two_way else "identity", workers=n)
                except (NotClosed, InputError):
                    continue
                for step in answer.theorems:
                    if step.ratio is not None and not step.reason and answer.step > 0:
                        found[step.theorem] = max(step.ratio, found.get(step.theorem, 0.0))
    return ranked([Rated(name, THEOREMS[name].provenance, ratio) for name, ratio in found.items()])


FIGURE = Drawing(
    "overview-steps",
    "overview",
    "How much of the largest stable step the theorems grant",
    "The step that a theorem takes for L = L_max = 1 and mu = 0.1, divided by the largest step with which its method "
    "is stable in the mean square at the theorem's own other parameters (exact, on quadratics). Compressed links keep "
    f"the vector with probability {P}, divided by it where the theorem wants unbiased messages; the larger of the "
    f"ratios for 1 and {WORKERS} workers. Colour and marker tell the provenance. Methods whose second moments do not "
    "close, and theorems for bounded gradients, which a quadratic does not have, are left out. qsgd.nonconvex is above "
    "1 because it bounds an average whose weights decay exponentially, which a growing run does not contradict.",
    measure,
    partial(lollipops, label="theorem's step / largest stable"),
    table,
)
