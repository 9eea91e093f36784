"""Are all problems of a family what they say? Small ones with every option in turn, however a verdict's own is made.

A theorem's default problem may have equal workers, one Hessian or no noise, and then says nothing of a constant that
is wrong where they differ. So every family has a few small problems here, which are held against counts like the
verdict's own.
"""

from __future__ import annotations

from .conformance import Conformance
from .parts import measures_conform, problem_conforms
from .promises import constants_conform

#: Workers of the small problems.
WORKERS = 3

_QUADRATIC = "quadratic:dim=4,mu=0.2,L=1,heterogeneity=1,noise=gaussian,sigma_sq=0.3"
_ROWS = "rows=24,dim=3,reg=0.1"

#: Of every family, by its word.
FAMILIES: dict[str, tuple[str, ...]] = {
    "quadratic": (
        f"{_QUADRATIC},region=2", f"{_QUADRATIC},hessians=scaled,region=2", f"{_QUADRATIC},hessians=different,rotate=1",
    ),
    "pl": ("pl:dim=3,noise=uniform,sigma_sq=0.3",),
    **{
        name: (f"{name}:{_ROWS},split=sorted", f"{name}:{_ROWS},batch=2")
        for name in ("logistic", "least-squares")
    },
    "logistic-nonconvex": (
        "logistic-nonconvex:rows=24,dim=3,split=sorted", "logistic-nonconvex:rows=24,dim=3,batch=2"
    ),
    "robust": ("robust:rows=24,dim=3,split=sorted", "robust:rows=24,dim=3,batch=2"),
    "sparse-least-squares": ("sparse-least-squares:rows=24,dim=6,overlap=2",),
}  # fmt: skip


def family_conforms(family: str) -> Conformance:
    """Hold the small problems of a family against counts: kernels, what is measured, constants."""
    rounds = 0
    for spec in FAMILIES[family]:
        for check in (problem_conforms, measures_conform, constants_conform):
            found = check(spec, WORKERS)
            if found.word == "differs":
                return Conformance("differs", f"{found.where}, on {spec}", found.difference, found.tolerance)
            rounds += found.rounds
    return Conformance("conforms", rounds=rounds)
