"""All problems by name, and `problem`, which builds one from its text form."""

from __future__ import annotations

from ..common.errors import InputError
from ..common.specs import build
from .absolute import Absolute
from .base import Problem
from .huber import Huber
from .least_squares import LeastSquares
from .logistic import Logistic, LogisticNonconvex
from .pl import PolyakLojasiewicz
from .quadratic import Quadratic
from .robust import Robust
from .sparse_least_squares import SparseLeastSquares
from .three_quadratics import ThreeQuadratics

PROBLEMS: dict[str, type[Problem]] = {
    entry.name: entry
    for entry in (
        Quadratic, LeastSquares, SparseLeastSquares, Logistic, LogisticNonconvex, Robust, Huber, PolyakLojasiewicz,
        Absolute, ThreeQuadratics,
    )
}  # fmt: skip


def problem(spec: str | Problem, workers: int | None = None) -> Problem:
    """Return the problem that `spec` describes, on `workers` workers (1 if left out).

    Parameters
    ----------
    spec
        Text form ``name:key=value,...`` with a name of `PROBLEMS`, or a `Problem`, which is returned as it
        is.

    Raises
    ------
    InputError
        Unknown name or option, a value out of range, unreadable data, or another number of workers than the
        problem's.
    """
    if isinstance(spec, Problem):
        if workers not in (None, spec.workers):
            raise InputError(f"'{spec.spec}' was made for {spec.workers} workers, not {workers}; build it anew")
        return spec
    return build("problem", spec, PROBLEMS, workers=1 if workers is None else workers)
