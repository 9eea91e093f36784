"""One worker's share of a problem: what a process needs that is this worker and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import InputError
from ..common.options import choice, flag, integer, number
from ..common.specs import format_spec, parse_spec
from ..theory.constants import Constants
from .base import FloatArray, Noise, Problem, ProblemKernels, given_options
from .data import BUNDLED, SYNTHETIC, Split, split
from .linear import LinearModel
from .registry import PROBLEMS, problem

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

#: Bytes of a data file that are read at a time.
PIECE = 1 << 24
MOST_FEATURES = 2**31 - 1


def _options(spec: str) -> tuple[type[LinearModel], dict[str, Any]] | None:
    """The linear model of this text form and all its options; None if it is not one with a data file."""
    try:
        name, given = parse_spec(spec)
    except InputError:
        return None
    entry = PROBLEMS.get(name)
    if entry is None or not issubclass(entry, LinearModel):
        return None
    options = {key: p.default for key, p in signature(entry).parameters.items()} | given
    source = str(options.get("data", SYNTHETIC))
    return None if source == SYNTHETIC or source in BUNDLED else (entry, options)


def numbers_of(kernels: ProblemKernels) -> list[float]:
    """The numbers of a linear model's kernels."""
    return [float(value) for value in kernels.data[4]]


def data_file(spec: str) -> str | None:
    """The file from which every worker can read its own rows, if there is one."""
    found = _options(spec)
    return None if found is None or found[1].get("standardise") else str(found[1]["data"])


@dataclass(frozen=True)
class Survey:
    """What can be said of a data file in one pass that keeps no rows.

    Attributes
    ----------
    labels
        (m,).
    dim
        Number of features.
    zero_based
        Whether the first feature has the number 0.
    """

    labels: FloatArray
    dim: int
    zero_based: bool

    @classmethod
    def of(cls, path: str) -> Survey:
        """Read the file once.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        labels, lowest, highest = [], [], [-1]
        for rows, part in _pieces(path, True, MOST_FEATURES):
            labels.append(part)
            filled = np.flatnonzero(np.diff(rows.indptr))
            lowest.append(int(rows.indices.min()) > 0 if filled.size else False)
            highest.append(int(rows.indices.max(initial=-1)))
        if not labels or max(highest) < 0:
            raise InputError(f"data file '{path}' has no feature values; nothing to fit")
        zero_based = not all(lowest)
        together = np.concatenate(labels)
        if not np.isfinite(together).all():
            raise InputError(f"data file '{path}' holds a value that is not a finite number; remove that row")
        return cls(together, max(highest) + int(zero_based), zero_based)


def _pieces(path: str, zero_based: bool, dim: int) -> Iterator[tuple[Any, FloatArray]]:
    """(sparse rows, labels) of a LIBSVM file, piece by piece."""
    try:
        from sklearn.datasets import load_svmlight_file
    except ImportError:
        raise InputError(
            f"data={path} is read by scikit-learn, which is not installed: pip install 'tersegrad[data]'"
        ) from None
    try:
        size = Path(path).stat().st_size
        for at in range(0, size, PIECE):
            rows, labels = load_svmlight_file(path, n_features=dim, zero_based=zero_based, offset=at, length=PIECE)
            if labels.size:
                yield rows, labels
    except OSError as error:
        raise InputError(f"data file '{path}' cannot be read: {error.strerror or error}") from None
    except (ValueError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"data file '{path}' is not in LIBSVM format (a line reads 'label index:value ...'): {reason}"
        ) from None


def _divided(
    entry: type[LinearModel], options: dict[str, Any], path: str, workers: int
) -> tuple[Survey, FloatArray, Split]:
    """(survey, targets, split) of a file."""
    if flag("standardise", options.get("standardise") or 0):
        raise InputError("standardise=1 needs all rows in one place: leave it out, or leave out --shares-only")
    survey = Survey.of(path)
    targets = entry._targets(entry.__new__(entry), survey.labels, path)
    kind = choice("split", options.get("split", "shuffled"), entry.splits)
    homogeneous = flag("homogeneous", options.get("homogeneous", 0))
    return survey, targets, split(targets, workers, kind, homogeneous, integer("seed", options["seed"], low=0))


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
    path = str(options["data"])
    survey, targets, shares = _divided(entry, options, path, told["workers"])
    part = int(shares.index[worker])
    mine = shares.order[shares.offsets[part] : shares.offsets[part + 1]]
    place = np.full(survey.labels.size, -1)
    place[mine] = np.arange(mine.size)
    rows, first = np.zeros((mine.size, survey.dim)), 0
    for sparse, labels in _pieces(path, survey.zero_based, survey.dim):
        here = place[first : first + labels.size]
        kept = np.flatnonzero(here >= 0)
        if kept.size:
            rows[here[kept]] = sparse[kept].toarray()
        first += labels.size
    if not np.isfinite(rows).all():
        raise InputError(f"data file '{path}' holds a value that is not a finite number; remove that row")
    own = np.array([0, mine.size], np.int64)
    return [rows, targets[mine], np.zeros(1, np.int64), own, np.array(told["numbers"], dtype=np.float64)]


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
    survey, _, _ = _divided(entry, options, str(options["data"]), workers)
    batch = options.get("batch")
    noise = Noise.read(options.get("noise", "none"), options.get("sigma_sq"), batch)
    from .kernels import linear

    numbers = [entry.loss, number("reg", options.get("reg", 0.0)), number("lam", options.get("lam", 0.0)), batch or 0]
    nothing = (np.zeros((1, 1)), np.zeros(1), np.zeros(1, np.int64), np.zeros(2, np.int64), np.array(numbers, float))
    kernels = ProblemKernels(
        linear.sampled_gradient if batch else linear.gradient, linear.gradient, linear.value, nothing, batch or 0
    )
    regulariser = (float(options.get("l1", 0.0)), float(options.get("l2prox", 0.0)))
    spec = format_spec(entry.name, given_options(entry, options))
    return Share(spec, survey.dim, workers, np.zeros(survey.dim), noise, regulariser, kernels)
