"""One worker's share of a problem: what a process needs that is this worker and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..common.errors import InputError
from ..common.options import choice, flag, integer, number
from ..common.specs import format_spec, read_spec
from ..theory.constants import Constants
from .base import FloatArray, Noise, Problem, ProblemKernels
from .data import BUNDLED, SYNTHETIC, Split, split
from .files import Survey, is_libsvm, libsvm_pieces, renumbered
from .linear import LinearModel, LinearOptions, shuffled_rows, sparse_data
from .registry import PROBLEMS, problem

Data = tuple[Any, ...]


def _rows(data: Data, worker: int, dim: int, name: str) -> Data:
    """The worker's rows and targets."""
    matrix, targets, index, offsets, parameters = data
    low, high = offsets[index[worker]], offsets[index[worker] + 1]
    return matrix[low:high], targets[low:high], np.zeros(1, np.int64), np.array([0, high - low]), parameters


def _sparse_rows(data: Data, worker: int, dim: int, name: str) -> Data:
    """The worker's rows and targets, stored by their nonzero entries."""
    values, targets, layout, columns, parameters = data
    n, parts = int(layout[0]), int(layout[1])
    index, offsets, starts = np.split(layout[2:], [n, n + parts])
    low, high = offsets[index[worker]], offsets[index[worker] + 1]
    first, last = starts[low], starts[high]
    own = np.concatenate([[1, 2, 0, 0, high - low], starts[low : high + 1] - first]).astype(np.int64)
    return values[:, first:last], targets[low:high], own, columns[first:last], parameters


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
    "linear": _rows, "sparse": _sparse_rows, "quadratic": _quadratic, "absolute": _absolute,
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
    complete
        Whether that is the data of all workers.
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
        complete: bool = False,
    ) -> None:
        super().__init__(dim, workers, x0=x0, noise=noise, l1=regulariser[0], l2prox=regulariser[1])
        self.spec, self.complete = spec, complete
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
            f"no process holds all of '{self.spec}', so its constants, minimiser and gradients are not known here: "
            f"give all parameters and leave out what needs them, or run without --shares-only"
        )


# ------------------------------------------------------------------------------------------------- data files


def _options(spec: str) -> tuple[type[LinearModel], LinearOptions] | None:
    """The linear model of this text form and all its options; None if it is not one with a LIBSVM file."""
    try:
        entry, given = read_spec("problem", spec, PROBLEMS)
    except InputError:
        return None
    if not issubclass(entry, LinearModel) or entry.further:
        return None
    options = entry.read_options(given)
    source = str(options.data)
    return (entry, options) if source not in (SYNTHETIC, *BUNDLED) and is_libsvm(source) else None


def numbers_of(kernels: ProblemKernels) -> list[float]:
    """The numbers of a linear model's kernels."""
    return [float(value) for value in kernels.data[4]]


def data_file(spec: str) -> str | None:
    """The file from which every worker can read its own rows, if there is one."""
    found = _options(spec)
    return None if found is None or found[1].standardise or found[1].intercept else str(found[1].data)


def _divided(entry: type[LinearModel], options: LinearOptions, workers: int) -> tuple[Survey, FloatArray, Split]:
    """(survey, targets, split) of a file."""
    for name in ("standardise", "intercept"):
        if flag(name, getattr(options, name) or 0):
            raise InputError(f"{name}=1 needs all rows in one place: leave it out, or leave out --shares-only")
    survey = Survey.of(str(options.data), options.n_features)
    targets = entry.targets_of(survey.labels, str(options.data), options.positive)
    kind = choice("split", options.split, entry.splits)
    homogeneous = flag("homogeneous", options.homogeneous)
    return survey, targets, split(targets, workers, kind, homogeneous, integer("seed", options.seed, low=0))


def read_share(told: Mapping[str, Any], worker: int) -> list[np.ndarray]:
    """Read one worker's rows of a data file, and nobody else's; the arrays of `ProblemKernels.data` for this worker.

    Parameters
    ----------
    told
        The problem's text form ``spec``, its number of ``workers`` and the kernels' ``numbers``.
    """
    found = _options(told["spec"])
    assert found is not None
    entry, options = found
    survey, targets, shares = _divided(entry, options, told["workers"])
    part = int(shares.index[worker])
    mine = shares.order[shares.offsets[part] : shares.offsets[part + 1]]
    place = np.full(survey.labels.size, -1)
    place[mine] = np.arange(mine.size)
    parts, places, first = [], [], 0
    for sparse, labels in libsvm_pieces(str(options.data)):
        here = place[first : first + labels.size]
        kept = np.flatnonzero(here >= 0)
        if kept.size:
            parts.append(sparse[kept])
            places.append(here[kept])
        first += labels.size
    rows = renumbered(parts, survey.first, survey.dim)[np.argsort(np.concatenate(places))]
    own = np.array([0, mine.size], np.int64)
    numbers = np.array(told["numbers"], dtype=np.float64)
    if survey.nearly_dense:
        return [rows.toarray(), targets[mine], np.zeros(1, np.int64), own, numbers]
    return list(sparse_data(rows, targets[mine], np.zeros(1, np.int64), own, numbers))


def without_optimum(spec: str, workers: int, with_data: bool) -> Share:
    """A problem whose constants and minimiser nobody asks for, so that nobody needs all of its data.

    Parameters
    ----------
    with_data
        Whether the data are to be read even so, for workers that are all in this process.

    Raises
    ------
    InputError
        If a data file cannot be read.
    """
    found = _options(spec)
    if found is None or with_data:
        whole = problem(spec, workers=workers)
        return Share(whole.spec, whole.dim, workers, whole.x0, whole.noise, whole.regulariser, whole.kernels(), True)
    entry, options = found
    survey, _, shares = _divided(entry, options, workers)
    noise = Noise.read(options.noise, options.sigma_sq, options.batch, options.sampling)
    batch = noise.batch or 0
    numbers = [entry.loss, number("reg", options.reg), number("lam", options.lam), batch]
    from .kernels import linear, sparse

    nothing = (np.zeros((1, 1)), np.zeros(1), np.zeros(1, np.int64), np.zeros(2, np.int64), np.array(numbers, float))
    kind = linear if survey.nearly_dense else sparse
    kernels = ProblemKernels(
        kind.sampled_gradient if batch else kind.gradient, kind.gradient, kind.value, nothing, batch,
        shuffled_rows(noise, shares.index, shares.offsets),
    )  # fmt: skip
    written = format_spec(entry.name, entry.written(vars(options)))
    x0 = entry.start(options, survey.dim)
    return Share(written, survey.dim, workers, x0, noise, (float(options.l1), float(options.l2prox)), kernels)
