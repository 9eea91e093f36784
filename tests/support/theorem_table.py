"""What the generic tests of the theorems need to know of a theorem beyond what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from tersegrad.theory import THEOREMS
from tersegrad.theory.families import OrderTheorem


@dataclass(frozen=True)
class Peculiar:
    """How the generic tests ask a theorem.

    Parameters
    ----------
    workers_lower
        Whether more workers lower the bound at the same parameters.
    step_free
        Whether the bound is smallest for no step at all, so that there is no best step.
    one_floor
        Whether the floor of the bound is the same for every step.
    zero
        Constants that the bound needs unless a constant of the compressors is 0.
    """

    workers_lower: bool = True
    step_free: bool = False
    one_floor: bool = False
    zero: tuple[str, ...] = ("zeta_sq", "zeta_star_sq", "G")


TABLE: dict[str, Peculiar] = {
    "dore.strongly-convex-tuned": Peculiar(workers_lower=False),  # its metric depends on n
    "khirirat.d-qgd-sharper": Peculiar(workers_lower=False),  # n appears together with omega, which may be 0
    "khirirat.delayed-q-sgd": Peculiar(workers_lower=False),
    "liec.nonconvex-tuned": Peculiar(workers_lower=False),
    "error-feedback.nonconvex-bounded": Peculiar(workers_lower=False),
    "error-feedback.memory": Peculiar(workers_lower=False, step_free=True),
    "diana.pl": Peculiar(workers_lower=False, zero=("grad0_sq",)),
    "qsgd.nonconvex": Peculiar(zero=("gap_star",)),
    "ef21.nonconvex": Peculiar(workers_lower=False, zero=("grad0_sq",)),
    "ef21.pl": Peculiar(workers_lower=False, zero=("grad0_sq",)),
    "ef21.nonconvex-sparse": Peculiar(workers_lower=False, zero=("grad0_scaled",)),
    "ef21.pl-sparse": Peculiar(workers_lower=False, zero=("grad0_scaled",)),
    "ef21-norm.nonconvex": Peculiar(workers_lower=False),
    "error-feedback.tight": Peculiar(workers_lower=False),
    "ef21.tight": Peculiar(workers_lower=False),
    "ef21.tight-unequal": Peculiar(workers_lower=False),
    "scaffnew.strongly-convex": Peculiar(workers_lower=False),
    "scaffnew.strongly-convex-tuned": Peculiar(workers_lower=False),
    "compressed-scaffnew.strongly-convex": Peculiar(workers_lower=False),
    "3pc.nonconvex": Peculiar(workers_lower=False, zero=("grad0_sq",)),
    "ef-bv.nonconvex": Peculiar(workers_lower=False),
    "ef-bv.pl": Peculiar(workers_lower=False),
    "ef21-bc.nonconvex": Peculiar(workers_lower=False),
    "murana.strongly-convex": Peculiar(workers_lower=False),
    "marina.nonconvex": Peculiar(workers_lower=False),
    "marina.pl": Peculiar(workers_lower=False),
    "marina-p.nonconvex": Peculiar(workers_lower=False),
    "marina-p.pl": Peculiar(workers_lower=False),
    "marina-p.same-hessian": Peculiar(workers_lower=False),
    "marina-p.same-hessian-pl": Peculiar(workers_lower=False),
    "q-rr.strongly-convex": Peculiar(workers_lower=False),  # only what compression adds falls with n
    "diana-rr.strongly-convex": Peculiar(workers_lower=False),
    "dasha.nonconvex": Peculiar(workers_lower=False),
    "dasha.pl": Peculiar(workers_lower=False),
    "ef21-p.strongly-convex": Peculiar(workers_lower=False),
    "gmc.convex-nonsmooth": Peculiar(workers_lower=False),
    "delayed-sgd.nonconvex": Peculiar(workers_lower=False),
    "delayed-sgd.quadratic": Peculiar(workers_lower=False),
    "delayed-sgd.quadratic-noise": Peculiar(workers_lower=False),
    "delayed-sgd.quadratic-varying": Peculiar(workers_lower=False),
    "ringmaster.nonconvex": Peculiar(workers_lower=False),
    "ringmaster.time": Peculiar(workers_lower=False, step_free=True, one_floor=True),
    "ringmaster.time-sharper": Peculiar(workers_lower=False, step_free=True, one_floor=True),
    "rennala.nonconvex": Peculiar(workers_lower=False),
    "rennala.time": Peculiar(workers_lower=False, step_free=True, one_floor=True),
    "iag.nonconvex": Peculiar(workers_lower=False),
    "iag.pl": Peculiar(workers_lower=False),
    "piag.strongly-convex": Peculiar(workers_lower=False),
    "doublesqueeze.asynchronous": Peculiar(workers_lower=False),
}

#: The theorems with a bound; the others state an order only.
BOUNDS = [id for id, t in THEOREMS.items() if not isinstance(t, OrderTheorem)]


def peculiar(id: str) -> Peculiar:
    """The entry of a theorem; the usual one if it has none."""
    return TABLE.get(id, Peculiar())
