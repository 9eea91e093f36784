"""One worker's share of a problem: what a process needs that is this worker and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..theory.constants import Constants
from ..theory.errors import InputError
from .base import FloatArray, Noise, Problem, ProblemKernels

Data = tuple[Any, ...]


def _rows(data: Data, worker: int, dim: int, name: str) -> Data:
    """The worker's rows and targets."""
    matrix, targets, index, offsets, parameters = data
    low, high = offsets[index[worker]], offsets[index[worker] + 1]
    return matrix[low:high], targets[low:high], np.zeros(1, np.int64), np.array([0, high - low]), parameters


def _quadratic(data: Data, worker: int, dim: int, name: str) -> Data:
    """The worker's Hessian and minimiser."""
    matrices, minimisers, index, _, parameters = data
    rows = dim if name.startswith("dense") else 1
    own = matrices[index[worker] : index[worker] + rows], minimisers[worker * dim : (worker + 1) * dim]
    return *own, np.zeros(1, np.int64), np.arange(2), parameters


def _absolute(data: Data, worker: int, dim: int, name: str) -> Data:
    """The worker's point."""
    points, values, _, _, parameters = data
    return points[worker : worker + 1], values, np.zeros(1, np.int64), np.arange(2), parameters


_REDUCTIONS: Mapping[str, Callable[[Data, int, int, str], Data]] = {
    "linear": _rows, "quadratic": _quadratic, "absolute": _absolute,
}  # fmt: skip


def share(kernels: ProblemKernels, worker: int, dim: int) -> Data | None:
    """The data of kernels reduced to one worker, which they know as worker 0; None if all need all of it."""
    package, _, module = kernels.exact_gradient.__module__.rpartition(".")
    if package != f"{__package__}.kernels" or module not in _REDUCTIONS:
        return None
    return _REDUCTIONS[module](kernels.data, worker, dim, kernels.exact_gradient.__name__)


class Share(Problem):
    """A problem in a process that holds one worker's share of it, or nothing: kernels, and what methods need to know.

    Parameters
    ----------
    spec
        The text form of the whole problem.
    dim, workers, x0, noise, regulariser
        Of the whole problem.
    kernels
        With the data that is here.
    """

    def __init__(
        self,
        spec: str,
        dim: int,
        workers: int,
        x0: FloatArray,
        noise: Noise,
        regulariser: tuple[float, float],
        kernels: ProblemKernels,
    ) -> None:
        super().__init__(dim, workers, x0=x0, noise=noise, l1=regulariser[0], l2prox=regulariser[1])
        self.spec = spec
        self._kernels = kernels

    def kernels(self) -> ProblemKernels:
        return self._kernels

    def worker_value(self, worker: int, X: FloatArray) -> FloatArray:
        raise self._unknown()

    def worker_gradient(self, worker: int, X: FloatArray) -> FloatArray:
        raise self._unknown()

    def constants(self) -> Constants:
        raise self._unknown()

    def _unknown(self) -> InputError:
        return InputError(
            f"no process holds all of '{self.spec}', so its constants, minimiser and gradients are not known here: give "
            f"all parameters and leave out what needs them, or run without --shares-only"
        )
