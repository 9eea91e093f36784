"""Rows and targets: LIBSVM files, scikit-learn's bundled sets, synthetic data; and their split over workers.

Rows are dense. Of a file or a bundled set the features are used as they are, unless they are asked to be
standardised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError

FloatArray = NDArray[np.float64]

SYNTHETIC = "synthetic"
BUNDLED = ("breast_cancer", "digits")
# A file that would fill more than this much memory once dense is refused.
DENSE_BYTES = 4e9


def bundled(name: str) -> tuple[FloatArray, FloatArray]:
    """Return rows (m, d) and labels (m,) of a data set that comes with scikit-learn."""
    try:
        from sklearn import datasets
    except ImportError:
        raise _needs_sklearn(name) from None
    load = {"breast_cancer": datasets.load_breast_cancer, "digits": datasets.load_digits}[name]
    rows, labels = load(return_X_y=True)
    return np.ascontiguousarray(rows, dtype=np.float64), np.asarray(labels, dtype=np.float64)


def libsvm(path: str) -> tuple[FloatArray, FloatArray]:
    """Return rows (m, d) and labels (m,) of a file in LIBSVM format.

    Raises
    ------
    InputError
        scikit-learn or the file is missing; the file is unreadable, malformed, empty, not finite, or too
        large once dense.
    """
    try:
        from sklearn.datasets import load_svmlight_file
    except ImportError:
        raise _needs_sklearn(path) from None
    if not Path(path).exists():
        raise InputError(f"data file '{path}' does not exist; give a LIBSVM file's path, or {' or '.join(BUNDLED)}")
    try:
        sparse, labels = load_svmlight_file(path)
    except OSError as error:
        raise InputError(f"data file '{path}' cannot be read: {error.strerror or error}") from None
    except (ValueError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"data file '{path}' is not in LIBSVM format (a line reads 'label index:value ...'): {reason}"
        ) from None
    rows, columns = sparse.shape
    if rows == 0 or columns == 0 or sparse.nnz == 0:
        raise InputError(f"data file '{path}' has {rows} rows and {sparse.nnz} feature values; nothing to fit")
    if 8.0 * rows * columns > DENSE_BYTES:
        size = 8.0 * rows * columns / 1e9
        raise InputError(
            f"data file '{path}' has {rows} x {columns} entries, {size:.3g} GB once dense; "
            f"the limit is {DENSE_BYTES / 1e9:g} GB, use fewer rows or features"
        )
    dense = sparse.toarray()
    if not (np.isfinite(dense).all() and np.isfinite(labels).all()):
        raise InputError(f"data file '{path}' holds a value that is not a finite number; remove that row")
    return dense, labels


def _needs_sklearn(source: str) -> InputError:
    return InputError(f"data={source} is read by scikit-learn, which is not installed: pip install 'tersegrad[data]'")


def load(source: str) -> tuple[FloatArray, FloatArray]:
    """Return rows (m, d) and labels (m,) of a bundled set by name, or of a LIBSVM file by path."""
    return bundled(source) if source in BUNDLED else libsvm(source)


def standardised(rows: FloatArray) -> FloatArray:
    """Return the features with mean 0 and variance 1; constant features become 0."""
    centred = rows - rows.mean(axis=0)
    deviation = centred.std(axis=0)
    return centred / np.where(deviation > 1e-12 * np.abs(rows).max(axis=0), deviation, np.inf)


def signs(labels: FloatArray, source: str) -> FloatArray:
    """Map the labels of two classes to -1 (the smaller) and +1 (the larger); digits: odd -1, even +1."""
    if source == "digits":
        return np.where(labels % 2 == 0, 1.0, -1.0)
    classes = np.unique(labels)
    if classes.size != 2:
        some = ", ".join(f"{c:g}" for c in classes[:5]) + (", ..." if classes.size > 5 else "")
        noun = "class" if classes.size == 1 else "classes"
        raise InputError(f"data={source} has {classes.size} {noun} ({some}); logistic regression takes exactly 2")
    return np.where(labels == classes[1], 1.0, -1.0)


def gaussian(
    rows: int, dim: int, target_noise: float, seed: int, intercept: bool = False, scale: float = 1.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return A (rows, dim), targets A x_true + target_noise * normal, and x_true (dim,).

    The entries of A are normal with standard deviation `scale` (the first column 1 with an `intercept`), those of
    x_true normal with variance 1/dim: targets of size `scale`.
    """
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


def split(targets: FloatArray, workers: int, kind: str, homogeneous: bool, seed: int) -> Split:
    """Divide the rows over the workers, in shares that differ by one row at most.

    Parameters
    ----------
    kind
        "shuffled": at random, which makes the workers alike; "sorted": by label or target, which makes them
        differ; "given": in the order of the rows.
    homogeneous
        Every worker holds all the rows: all f_i are equal.

    Raises
    ------
    InputError
        More workers than rows.
    """
    m = targets.size
    if homogeneous:
        return Split(np.arange(m), np.zeros(workers, dtype=np.int64), np.array([0, m], dtype=np.int64))
    if workers > m:
        raise InputError(f"{workers} workers cannot share {m} rows; use at most {m} workers, or homogeneous=1")
    if kind == "given":
        order = np.arange(m)
    else:
        order = np.argsort(targets, kind="stable") if kind == "sorted" else np.random.default_rng(seed).permutation(m)
    return Split(order, np.arange(workers, dtype=np.int64), share_offsets(m, workers))


def share_offsets(rows: int, workers: int) -> NDArray[np.int64]:
    """Return where every worker's share of the rows begins, and the end (workers + 1,): sizes differ by one at most."""
    sizes = rows // workers + (np.arange(workers) < rows % workers)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
