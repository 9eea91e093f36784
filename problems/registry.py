"""All problems by name, and `problem`, which builds one from its text form."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..common.door import checked
from ..common.errors import InputError, counted
from ..common.specs import build
from .absolute import Absolute
from .base import Problem, check_attributes
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


#: Problems of users that are objects, made for their number of workers.
OBJECTS: dict[str, Problem] = {}


def enter(own: Problem | type[Problem]) -> None:
    """Enter a problem of your own, or a class of them, in the register.

    Raises
    ------
    InputError
        If it has no name, or a problem of the toolkit has it.
    """
    name = own.name if isinstance(own, Problem) else vars(own).get("name")
    if not isinstance(name, str) or not name:
        raise InputError(f"the problem {own!r} has no name: write name = 'WORD' in its class")
    if name in PROBLEMS and PROBLEMS[name].__module__.startswith(f"{__package__}."):
        raise InputError(
            f"the toolkit already has a problem '{name}': give yours another name"
            f"{' (name=, where it is made)' if isinstance(own, Problem) else ''}"
        )
    if isinstance(own, Problem):
        OBJECTS[name] = own
    else:
        PROBLEMS[name] = own


@checked
def problem(
    spec: str | Problem, X: Any = None, y: Any = None, *, workers: int | None = None, **options: Any
) -> Problem:
    """Return the problem that `spec` describes, on `workers` workers (1 if left out).

    Parameters
    ----------
    spec
        Text form ``name:key=value,...`` with a name of `PROBLEMS`, or a `Problem`, which is returned as it
        is.
    X, y
        Rows (m, d) and targets (m,) of your own, for the linear models: a NumPy array, a SciPy sparse matrix or a data
        frame, and one number or label per row. (A single whole number in the place of X is the number of workers.)
    workers
        n, 1 or more.
    options
        Further options of the problem, as in the text form, but as Python objects.

    Raises
    ------
    InputError
        Unknown name or option, a value out of range, unreadable data, or another number of workers than the
        problem's.

    Examples
    --------
    >>> from tersegrad.problems import problem
    >>> p = problem("logistic", [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1], reg=0.1, workers=3)
    >>> p.dim, p.workers, p.constants().mu
    (2, 3, 0.1)
    """
    if workers is None and isinstance(X, int | np.integer):
        X, workers = None, int(X)
    if isinstance(spec, str) and spec in OBJECTS:
        spec = OBJECTS[spec]
    if isinstance(spec, Problem):
        if X is not None or y is not None or options:
            raise InputError(f"'{spec.spec}' is already a problem: leave out X, y and further options")
        if workers not in (None, spec.workers):
            raise InputError(
                f"'{spec.spec}' was made for {counted(spec.workers, 'worker')}, not {workers}; build it anew"
            )
        if spec.stated:
            check_attributes(spec)
        return spec
    if X is not None:
        options["data"] = X
    if y is not None:
        options["targets"] = y
    return build("problem", spec, PROBLEMS, options, workers=1 if workers is None else workers)
