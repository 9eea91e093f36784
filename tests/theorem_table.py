"""What the generic tests of the theorems need to know of a theorem beyond what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tersegrad.theory import THEOREMS, Constants, Theorem
from tersegrad.theory.theorem import OrderTheorem


@dataclass(frozen=True)
class Peculiar:
    """How the generic tests ask a theorem.

    Parameters
    ----------
    constants
        In place of those of the tests.
    fixed
        Parameters away from their recommended values, so that every term of the statement's formulas counts.
    up, down
        What stands for the assumption class where its members of the tests are outside the theorem.
    symbols
        Further symbols of the LaTeX statement: name -> function of (found guarantee, symbols so far).
    workers_lower
        Whether more workers lower the bound at the same parameters.
    tuned
        Whether it has to be told T or eps.
    zero
        Constants that the bound needs unless a constant of the compressors is 0.
    """

    constants: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    up: Any = None
    down: Any = None
    symbols: dict[str, Any] = field(default_factory=dict)
    workers_lower: bool = True
    tuned: bool = False
    zero: tuple[str, ...] = ("zeta_sq", "zeta_star_sq", "G")


TABLE: dict[str, Peculiar] = {
    "dore.strongly-convex": Peculiar(fixed={"eta": 0.003}),
    "dore.strongly-convex-tuned": Peculiar(workers_lower=False),  # its metric depends on n
    "dore.nonconvex-tuned": Peculiar(tuned=True),
    "doublesqueeze.nonconvex-tuned": Peculiar(tuned=True),
    "diana.strongly-convex": Peculiar(fixed={"M": 60.0, "alpha": 0.09}),
}

#: The theorems with a bound; the others state an order only.
BOUNDS = [id for id, t in THEOREMS.items() if not isinstance(t, OrderTheorem)]


def peculiar(id: str) -> Peculiar:
    """The entry of a theorem; the usual one if it has none."""
    return TABLE.get(id, Peculiar())


def suited(theorem: Theorem, constants: Constants) -> dict[str, Any]:
    """What must be changed in constants for a theorem's own assumptions (equal workers, one worker, exactness)."""
    changes: dict[str, Any] = {}
    if theorem.workers == "equal":
        changes |= {"zeta_sq": 0.0, "zeta_star_sq": 0.0}
    if theorem.workers == "one":
        smooth = constants.L_max
        changes |= {"n": 1, "L": smooth, "L_tilde": smooth, "mu": constants.mu_min, "zeta_sq": 0.0, "zeta_star_sq": 0.0,
                    "overlap": 1 if constants.overlap else None}  # fmt: skip
    if theorem.exact:
        changes |= {"sigma_sq": 0.0, "sigma_star_sq": 0.0, "sigma_l1": 0.0}
    return changes | peculiar(theorem.id).constants
