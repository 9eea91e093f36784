"""Kernels around a user's own functions of one point.

Numba functions are called as they are. Plain Python functions are called back through the interpreter, one point at a
time: slow, and in one process only, but any function will do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import njit, objmode

from .signatures import OPTIONS

#: Number of a problem -> the problem, for those whose functions are called back.
_CALLED: dict[int, Any] = {}
_FRESH = {key: value for key, value in OPTIONS.items() if key != "cache"}
_BACK = {key: value for key, value in _FRESH.items() if key != "nogil"}


def call_gradient(number: int, worker: int, X: np.ndarray, G: np.ndarray) -> None:
    """Write the gradients at the rows of X into G."""
    G[:] = _CALLED[number].worker_gradient(worker, X)


def call_value(number: int, worker: int, X: np.ndarray, F: np.ndarray) -> None:
    """Write the values at the rows of X into F."""
    F[:] = _CALLED[number].worker_value(worker, X)


def called(number: int, problem: Any) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return kernels that call a problem's Python functions."""
    _CALLED[number] = problem

    @njit(**_BACK)
    def gradient(worker, X, u, data, G):
        which = int(data[4][0])
        with objmode():
            call_gradient(which, worker, X, G)

    @njit(**_BACK)
    def value(worker, X, data, F):
        which = int(data[4][0])
        with objmode():
            call_value(which, worker, X, F)

    return gradient, value


def compiled(gradients: Sequence[Any], values: Sequence[Any]) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return kernels that call numba functions of one point; with one for each worker, by a chain of choices."""
    gradient_at, value_at = _chosen(list(gradients)), _chosen(list(values))

    @njit(**_FRESH)
    def gradient(worker, X, u, data, G):
        for r in range(X.shape[0]):
            G[r] = gradient_at(worker, X[r])

    @njit(**_FRESH)
    def value(worker, X, data, F):
        for r in range(X.shape[0]):
            F[r] = value_at(worker, X[r])

    return gradient, value


def _chosen(functions: list[Any]) -> Any:
    """A numba function of (worker, x) that calls the worker's function, or the only one."""
    last = functions[-1]
    if len(functions) == 1:

        @njit(**_FRESH)
        def only(worker, x):
            return last(x)

        return only
    number, before = len(functions) - 1, _chosen(functions[:-1])

    @njit(**_FRESH)
    def choose(worker, x):
        return last(x) if worker == number else before(worker, x)

    return choose
