"""What the generic tests of the theorems need to know of a theorem beyond what it says of itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from tersegrad.theory import THEOREMS, Constants, Contractive, Theorem, Unbiased
from tersegrad.theory.families import OrderTheorem
from tersegrad.theory.hypotheses import EQUAL_WORKERS, EXACT, ONE_WORKER, QUADRATIC


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
    step_free
        Whether the bound is smallest for no step at all, so that there is no best step.
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
    step_free: bool = False
    zero: tuple[str, ...] = ("zeta_sq", "zeta_star_sq", "G")


AVERAGED = {
    r"\lambda": lambda found, symbols: found.parameters.get("lam"),
    r"\eta": lambda found, symbols: 0.0,
    r"\omega_{av}": lambda found, symbols: symbols[r"\omega"] / symbols["n"],
}
"""Symbols of bias and averaged variance, for unbiased messages with independent coins."""
#: LIEC's w: how much a compressor may lengthen a vector, squared.
GROWTH = {"w": lambda found, s: 1.0 if found.up and found.up.orthogonal else (1 + math.sqrt(1 - s[r"\delta_u"])) ** 2}
#: GMC+'s lambda.
DETACHED = {r"\lambda": lambda found, symbols: found.parameters["lam"]}
#: The free constant of the proof of MEM-SGD.
ALPHA = {r"\alpha": lambda found, s: found.analysis["alpha"]}


def _theta(found: Any, symbols: Any) -> float:
    return found.analysis["theta"]


TABLE: dict[str, Peculiar] = {
    "dore.strongly-convex": Peculiar(fixed={"eta": 0.003}),
    "dore.strongly-convex-tuned": Peculiar(workers_lower=False),  # its metric depends on n
    "dore.nonconvex-tuned": Peculiar(tuned=True),
    "doublesqueeze.nonconvex-tuned": Peculiar(tuned=True),
    "diana.strongly-convex": Peculiar(fixed={"M": 60.0, "alpha": 0.09}),
    "khirirat.d-qgd-strongly-convex": Peculiar(fixed={"theta": 0.7}, symbols={r"\theta": _theta}),
    "khirirat.d-qgd-sharper": Peculiar(workers_lower=False),  # n appears together with omega, which may be 0
    "khirirat.q-iag-delay-lemma": Peculiar(fixed={"theta": 0.7}, symbols={r"\theta": _theta}),
    "khirirat.delayed-q-sgd": Peculiar(constants={"uniform_draws": True}, workers_lower=False),
    "liec.nonconvex-shadow": Peculiar(fixed={"H": 5}, symbols=GROWTH, up=Contractive(0.3), down=Contractive(0.6)),
    "liec.nonconvex": Peculiar(fixed={"H": 5}, symbols=GROWTH, up=Contractive(0.3), down=Contractive(0.6)),
    "liec.nonconvex-tuned": Peculiar(
        fixed={"H": 5}, symbols=GROWTH, up=Contractive(0.3), down=Contractive(0.6), tuned=True, workers_lower=False
    ),
    "cser.nonconvex": Peculiar(fixed={"H": 5}, up=Contractive(0.3), down=Contractive(0.6)),
    "cser.nonconvex-sharper": Peculiar(fixed={"H": 5}, up=Contractive(0.3), down=Contractive(0.6)),
    "error-feedback.nonconvex-bounded": Peculiar(workers_lower=False),
    "error-feedback.strongly-convex": Peculiar(fixed={"alpha": 6.0, "a": 100.0}, symbols=ALPHA),
    "error-feedback.memory": Peculiar(
        fixed={"alpha": 6.0, "a": 100.0, "gamma": 0.3}, symbols=ALPHA, workers_lower=False, step_free=True
    ),
    "diana.pl": Peculiar(fixed={"alpha": 0.05}, symbols=AVERAGED, workers_lower=False, zero=("grad0_sq",)),
    "qsgd.nonconvex": Peculiar(zero=("gap_star",)),
    "ef21.nonconvex": Peculiar(workers_lower=False, zero=("grad0_sq",)),
    "ef21.pl": Peculiar(workers_lower=False, zero=("grad0_sq",)),
    "3pc.nonconvex": Peculiar(fixed={"A": 0.05, "B": 40.0}, workers_lower=False, zero=("grad0_sq",)),
    "ef-bv.nonconvex": Peculiar(fixed={"lam": 0.1, "nu": 0.3}, symbols=AVERAGED, workers_lower=False),
    "ef-bv.pl": Peculiar(fixed={"lam": 0.1, "nu": 0.3}, symbols=AVERAGED, workers_lower=False),
    "ef21-sgdm.nonconvex": Peculiar(fixed={"eta": 0.3}),
    "ef21-bc.nonconvex": Peculiar(up=Contractive(0.3), down=Contractive(0.6), workers_lower=False),
    "artemis.strongly-convex": Peculiar(fixed={"alpha": 0.05}),
    "murana.strongly-convex": Peculiar(fixed={"b": 1.7}, workers_lower=False),
    "marina.nonconvex": Peculiar(workers_lower=False),
    "marina.pl": Peculiar(workers_lower=False),
    "dasha.nonconvex": Peculiar(workers_lower=False),
    "dasha.pl": Peculiar(workers_lower=False),
    "ef21-p.strongly-convex": Peculiar(down=Contractive(0.3), workers_lower=False),
    "ef21-p-diana.strongly-convex": Peculiar(up=Unbiased(2.0), down=Contractive(0.3)),
    "ef21-p-diana.convex": Peculiar(up=Unbiased(2.0), down=Contractive(0.3)),
    "gmc.nonconvex": Peculiar(fixed={"beta": 0.6, "U": 3.0}),
    "gmc.nonconvex-tuned": Peculiar(fixed={"beta": 0.6, "U": 3.0}, tuned=True),
    "gmc.convex": Peculiar(fixed={"beta": 0.6, "U": 3.0}),
    "gmc.convex-nonsmooth": Peculiar(fixed={"beta": 0.6, "U": 3.0}, workers_lower=False),
    "gmc.strongly-convex": Peculiar(fixed={"beta": 0.6, "U": 3.0}),
    "gmc.strongly-convex-decreasing": Peculiar(fixed={"beta": 0.6, "U": 3.0, "a": 700.0}),
    "gmc-plus.nonconvex": Peculiar(fixed={"beta": 0.6}),
    "gmc-plus.nonconvex-bounded": Peculiar(fixed={"beta": 0.6, "U": 3.0, "lam": 0.4}, symbols=DETACHED),
    "heavy-ball.nonconvex": Peculiar(fixed={"beta": 0.6}),
    "momentum.nonconvex": Peculiar(fixed={"b": 0.6}),
    "dist-ef-sgd.nonconvex": Peculiar(fixed={"b": 0.6}, up=Contractive(0.3), down=Contractive(0.6)),
    "signsgd.nonconvex": Peculiar(tuned=True),
    "delayed-sgd.nonconvex": Peculiar(fixed={"M": 3}, workers_lower=False),
    "delayed-sgd.quadratic": Peculiar(workers_lower=False),
    "delayed-sgd.quadratic-noise": Peculiar(symbols={"e": lambda found, s: math.e}, workers_lower=False),
    "delayed-sgd.quadratic-varying": Peculiar(fixed={"M": 3}, workers_lower=False),
    "iag.nonconvex": Peculiar(workers_lower=False),
    "iag.pl": Peculiar(workers_lower=False),
    "piag.strongly-convex": Peculiar(workers_lower=False),
    "doublesqueeze.asynchronous": Peculiar(
        constants={"zeta_sq": 0.0, "zeta_star_sq": 0.0}, fixed={"M": 3}, workers_lower=False
    ),
}

#: The theorems with a bound; the others state an order only.
BOUNDS = [id for id, t in THEOREMS.items() if not isinstance(t, OrderTheorem)]


def peculiar(id: str) -> Peculiar:
    """The entry of a theorem; the usual one if it has none."""
    return TABLE.get(id, Peculiar())


def suited(theorem: Theorem, constants: Constants) -> dict[str, Any]:
    """What must be changed in constants for a theorem's own assumptions (equal workers, one worker, exactness)."""
    changes: dict[str, Any] = {}
    if EQUAL_WORKERS in theorem.assumes:
        changes |= {"zeta_sq": 0.0, "zeta_star_sq": 0.0}
    if ONE_WORKER in theorem.assumes:
        smooth = constants.L_max
        changes |= {"n": 1, "L": smooth, "L_tilde": smooth, "mu": constants.mu_min, "zeta_sq": 0.0, "zeta_star_sq": 0.0,
                    "overlap": 1 if constants.overlap else None}  # fmt: skip
    if QUADRATIC in theorem.assumes:
        changes["quadratic"] = True
    if EXACT in theorem.assumes:
        changes |= {"sigma_sq": 0.0, "sigma_star_sq": 0.0, "sigma_l1": 0.0}
    return changes | peculiar(theorem.name).constants
