"""Rows and targets: a user's own, files, scikit-learn's bundled sets, synthetic data; and their split over workers.

Rows that come sparse stay sparse, unless they are nearly dense. Of a file or a bundled set the features are used as
they are, unless they are asked to be standardised.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError, counted
from ..common.limits import require_memory
from . import files
from .sparse_parts import require_fit

FloatArray = NDArray[np.float64]

SYNTHETIC = "synthetic"
BUNDLED = ("breast_cancer", "digits")


def bundled(name: str) -> tuple[FloatArray, FloatArray]:
    """Return rows (m, d) and labels (m,) of a data set that comes with scikit-learn."""
    try:
        from sklearn import datasets
    except ImportError:
        raise files.needs_sklearn(name) from None
    load = {"breast_cancer": datasets.load_breast_cancer, "digits": datasets.load_digits}[name]
    rows, labels = load(return_X_y=True)
    return np.ascontiguousarray(rows, dtype=np.float64), np.asarray(labels, dtype=np.float64)


def own(rows: Any, targets: Any, source: str | None = None) -> tuple[Any, NDArray[Any]]:
    """Return rows (m, d), as float64, dense or sparse as they come, and targets (m,) of a user's own objects.

    Parameters
    ----------
    rows
        A NumPy array, anything that NumPy makes one of (lists, a data frame of numbers), or a SciPy sparse matrix.
    targets
        One number, or one of two labels, a row.
    source
        The file that both come from, for sentences.

    Raises
    ------
    InputError
        If the shapes or the indices of data frames do not fit, or an entry is missing or no finite number.
    """
    if targets is None:
        raise InputError("rows of your own need targets: give y, one number or label per row")
    X, y = ("X", "y") if source is None else (f"data file '{source}'", f"the column of targets of '{source}'")
    _require_same_order(rows, targets)
    A, b = _rows(rows, X), _targets(targets, y)
    _require_table(A.shape, X)
    if b.shape != (A.shape[0],):
        raise InputError(f"y has the shape {b.shape} and X has {counted(A.shape[0], 'row')}; give one target per row")
    return A, b


def _require_table(shape: tuple[int, ...], name: str) -> None:
    if len(shape) != 2 or 0 in shape:
        raise InputError(f"{name} has the shape {shape}; give rows times features, at least 1 x 1")


def _require_same_order(rows: Any, targets: Any) -> None:
    """Refuse a data frame and a series whose indices name the same rows in another order: they do not belong together.

    Indices without a common label (one was reset) say nothing, and rows are taken as they come.
    """
    ours: Any = getattr(rows, "index", None)
    theirs: Any = getattr(targets, "index", None)
    if not (hasattr(ours, "intersection") and hasattr(theirs, "intersection")):
        return
    if not ours.equals(theirs) and len(ours.intersection(theirs)):
        raise InputError(
            "X and y have different indices, so that the k-th target is not that of the k-th row: "
            "give y.loc[X.index], or X.to_numpy() and y.to_numpy() to take them as they come"
        )


def _require_no_gaps(thing: Any, name: str) -> None:
    """Refuse what is masked, or missing by the word of its data frame."""
    gaps = np.ma.getmaskarray(thing) if np.ma.isMaskedArray(thing) else None
    if gaps is None and hasattr(thing, "isna"):
        gaps = np.asarray(thing.isna())
    if gaps is not None and gaps.any():
        row = int(np.argwhere(gaps)[0][0])
        raise InputError(f"{name} has a missing value in row {row} (from 0); leave out that row, or fill it in")


#: Kinds of arrays that are no real numbers, though NumPy would make some of them.
_NO_NUMBERS = {"c": "complex numbers", "M": "dates", "m": "times", "V": "records"}


def _require_real(dtype: Any, name: str) -> None:
    if dtype.kind in _NO_NUMBERS:
        raise InputError(f"{name} holds {_NO_NUMBERS[dtype.kind]}; give real numbers")


def _rows(rows: Any, name: str) -> Any:
    """Rows as float64, dense or CSR, all finite."""
    from scipy.sparse import csr_array, issparse

    if hasattr(rows, "sparse"):  # a data frame all of whose columns are sparse
        with suppress(ValueError):  # filled with another number than zero
            rows = rows.sparse.to_coo()
    _require_no_gaps(rows, name)
    try:
        if issparse(rows):
            _require_real(rows.dtype, name)
            _require_table(rows.shape, name)
            files.checked_dim(rows.shape[1], name)
            require_memory(rows.shape[0], f"{counted(rows.shape[0], 'row')} of {name}")
            require_fit(rows)
            A = csr_array(rows, dtype=np.float64, copy=True)
        else:
            array = np.asarray(rows)
            _require_real(array.dtype, name)
            with np.errstate(over="ignore"):  # a long double beyond all doubles is infinite, and said to be so
                A = array.astype(np.float64)
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError, IndexError) as error:
        raise InputError(f"{name} is a {type(rows).__name__} that is not a table of numbers ({error})") from None
    if not np.isfinite(A.data if issparse(A) else A).all():
        raise InputError(f"{name} holds a value that is not a finite number; leave out that row, or fill it in")
    return A


def _targets(targets: Any, name: str) -> NDArray[Any]:
    """Targets as an array of numbers, or of labels of one kind, none missing."""
    from scipy.sparse import issparse

    _require_no_gaps(targets, name)
    try:
        if issparse(targets):
            require_memory(float(np.prod(targets.shape, dtype=np.float64)), name)
            require_fit(targets)
            targets = targets.toarray()
        y = np.asarray(targets)
    except InputError:
        raise
    except (TypeError, ValueError, IndexError) as error:
        raise InputError(f"{name} is a {type(targets).__name__} that is not a list of targets ({error})") from None
    if y.ndim == 2 and 1 in y.shape:
        y = y.ravel()
    _require_real(y.dtype, name)
    if y.dtype.kind == "O" and y.ndim == 1:
        y = _of_one_kind(y, name)
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise InputError(f"{name} holds a target that is not a finite number; remove that row")
    if y.dtype.kind == "U" and y.ndim == 1 and (np.char.strip(y) == "").any():
        row = int(np.argmax(np.char.strip(y) == ""))
        raise InputError(f"{name} has a missing value in row {row} (from 0); leave out that row, or fill it in")
    return y


def _of_one_kind(y: NDArray[Any], name: str) -> NDArray[Any]:
    """Objects (m,) as numbers or words where they are, else as they are where they can be put in order."""
    for row, value in enumerate(y):
        if value is None or (isinstance(value, float) and value != value):
            raise InputError(f"{name} has a missing value in row {row} (from 0); leave out that row, or fill it in")
    try:
        if all(isinstance(value, Real) for value in y):
            return y.astype(np.float64)
        np.unique(y)
    except OverflowError:
        raise InputError(f"{name} holds a whole number that is too large for a double; rescale the targets") from None
    except TypeError:
        kinds = sorted({type(value).__name__ for value in y})
        raise InputError(f"{name} mixes {' and '.join(kinds)}; give numbers only, or labels of one type") from None
    return y.astype(str) if all(isinstance(value, str) for value in y) else y


def load(source: str, **options: Any) -> tuple[Any, NDArray[Any]]:
    """Return rows (m, d) and targets (m,) of a bundled set by name, or of a file by path (see `files.read`)."""
    if source not in BUNDLED:
        return files.read(source, **options)
    for name, value in options.items():
        if value is not None:
            raise InputError(f"{name}={value} is an option of files, and data={source} is not one")
    return bundled(source)


def compact(rows: Any) -> Any:
    """Return sparse rows as a dense array where that takes at most four times the memory: it is then faster.

    Memory stays in proportion to the number of nonzero entries either way.
    """
    from scipy.sparse import issparse

    if not issparse(rows):
        return np.ascontiguousarray(rows, dtype=np.float64)
    rows = rows.tocsr()
    rows.sum_duplicates()
    return rows.toarray() if files.nearly_dense(rows.nnz, *rows.shape) else rows


def with_intercept(rows: Any) -> Any:
    """Return the rows with a feature before the others that is always 1."""
    from scipy.sparse import csr_array, hstack, issparse

    ones = np.ones((rows.shape[0], 1))
    return hstack([csr_array(ones), rows], format="csr") if issparse(rows) else np.hstack([ones, rows])


def numeric(targets: NDArray[Any], source: str) -> FloatArray:
    """Return targets as float64.

    Raises
    ------
    InputError
        If they are no finite numbers.
    """
    try:
        values = targets.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"data={source}: the target {str(targets[0])!r} is not a number; regression needs numbers"
        ) from None
    if not np.isfinite(values).all():
        raise InputError(f"data={source} holds a target that is not a finite number; remove that row")
    return values


def standardised(rows: Any) -> FloatArray:
    """Return the features with mean 0 and variance 1; constant features become 0.

    Raises
    ------
    InputError
        For sparse rows that would not fit in memory: with its mean subtracted, no feature is sparse.
    """
    from scipy.sparse import issparse

    if issparse(rows):
        size = 8.0 * rows.shape[0] * rows.shape[1]
        if size > files.MOST_BYTES:
            raise InputError(
                f"standardise=1 makes {rows.shape[0]} x {rows.shape[1]} sparse rows dense, {size / 1e9:.3g} GB; "
                f"the limit is {files.MOST_BYTES / 1e9:g} GB: leave it out"
            )
        rows = rows.toarray()
    centred = rows - rows.mean(axis=0)
    deviation = centred.std(axis=0)
    return centred / np.where(deviation > 1e-12 * np.abs(rows).max(axis=0), deviation, np.inf)


def signs(labels: NDArray[Any], source: str, positive: Any = None) -> FloatArray:
    """Map the labels of two classes to -1 (the smaller) and +1 (the larger); digits: odd -1, even +1.

    Parameters
    ----------
    labels
        (m,) numbers or words.
    positive
        The label that is +1; all others are -1.

    Raises
    ------
    InputError
        If there are not exactly two classes, or `positive` is none of them.
    """
    if positive is not None:
        chosen = labels.astype(str) == str(positive)
        if labels.dtype.kind in "biuf":
            try:
                chosen = labels == float(positive)
            except (TypeError, ValueError, OverflowError):
                chosen = np.zeros(labels.shape, dtype=np.bool_)
        if not chosen.any() or chosen.all():
            raise InputError(
                f"positive={positive}: {_how_many(labels, source)}; give the label of some rows, but not of all"
            )
        return np.where(chosen, 1.0, -1.0)
    if source == "digits":
        return np.where(labels % 2 == 0, 1.0, -1.0)
    classes = np.unique(labels)
    if classes.size != 2:
        way_out = f"; to separate one from the rest, give positive={_label(classes[0])}" if classes.size > 2 else ""
        raise InputError(f"{_how_many(labels, source)}; logistic regression takes exactly 2{way_out}")
    return np.where(labels == classes[1], 1.0, -1.0)


def _label(value: Any) -> str:
    return f"{value:g}" if np.issubdtype(type(value), np.number) else str(value)


def _how_many(labels: NDArray[Any], source: str) -> str:
    classes = np.unique(labels)
    some = ", ".join(_label(c) for c in classes[:5]) + (", ..." if classes.size > 5 else "")
    return f"data={source} has {classes.size} {'class' if classes.size == 1 else 'classes'} ({some})"


def gaussian(
    rows: int, dim: int, target_noise: float, seed: int, intercept: bool = False, scale: float = 1.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return A (rows, dim), targets A x_true + target_noise * normal, and x_true (dim,).

    The entries of A are normal with standard deviation `scale` (the first column 1 with an `intercept`), those of
    x_true normal with variance 1/dim: targets of size `scale`.
    """
    require_memory(float(rows) * dim, f"{counted(rows, 'row')} of {counted(dim, 'number')}")
    random = np.random.default_rng(seed)
    A = scale * random.standard_normal((rows, dim))
    if intercept:
        A[:, 0] = 1.0
    x_true = random.standard_normal(dim) / np.sqrt(dim)
    targets = A @ x_true
    if target_noise:
        targets = targets + target_noise * random.standard_normal(rows)
    return A, targets, x_true


@dataclass(frozen=True)
class Split:
    """Whose rows are whose: worker i has offsets[index[i]] to offsets[index[i] + 1] of the reordered ones."""

    order: NDArray[np.int64]
    index: NDArray[np.int64]
    offsets: NDArray[np.int64]


def split(targets: FloatArray, workers: int, kind: Any, homogeneous: bool, seed: int) -> Split:
    """Divide the rows over the workers, in shares that differ by one row at most.

    Parameters
    ----------
    kind
        "shuffled": at random, which makes the workers alike; "sorted": by label or target, which makes them
        differ; "given": in the order of the rows; or an array (m,) that says which worker (from 0) has a row.
    homogeneous
        Every worker holds all the rows: all f_i are equal.

    Raises
    ------
    InputError
        More workers than rows; an array that leaves a worker without rows.
    """
    m = targets.size
    if not isinstance(kind, str):
        return _dealt(np.asarray(kind), m, workers)
    if homogeneous:
        return Split(np.arange(m), np.zeros(workers, dtype=np.int64), np.array([0, m], dtype=np.int64))
    if workers > m:
        raise InputError(
            f"{workers} workers cannot share {counted(m, 'row')}; use at most {counted(m, 'worker')}, or homogeneous=1"
        )
    if kind == "given":
        order = np.arange(m)
    else:
        order = np.argsort(targets, kind="stable") if kind == "sorted" else np.random.default_rng(seed).permutation(m)
    return Split(order, np.arange(workers, dtype=np.int64), share_offsets(m, workers))


def share_offsets(rows: int, workers: int) -> NDArray[np.int64]:
    """Return where every worker's share of the rows begins, and the end (workers + 1,): sizes differ by one at most."""
    sizes = rows // workers + (np.arange(workers) < rows % workers)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _dealt(owner: NDArray[Any], rows: int, workers: int) -> Split:
    """The split that an array of worker numbers says."""
    if owner.shape != (rows,) or owner.dtype.kind not in "iu":
        raise InputError(
            f"split is an array of shape {owner.shape}; give the number of a worker for each of the {rows} rows"
        )
    sizes = np.bincount(owner, minlength=workers) if owner.min() >= 0 else np.zeros(0, dtype=np.int64)
    if sizes.size != workers or sizes.min() == 0:
        raise InputError(
            f"split must name each of the workers 0 to {workers - 1}, and no others; give workers={owner.max() + 1}, "
            f"or another split"
        )
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Split(np.argsort(owner, kind="stable"), np.arange(workers, dtype=np.int64), offsets)
