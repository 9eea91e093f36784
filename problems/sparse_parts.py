"""The parts of a SciPy sparse array, before SciPy's own code works with them.

It trusts them: what does not fit together is read from, or written to, foreign memory. Its `check_format` looks at the
places of entries only where the last one says that there are any, and its constructors round indices.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray


def require_fit(array: Any) -> None:
    """Refuse an array of any format whose parts do not fit together.

    Raises
    ------
    ValueError
        If they do not; it says which, and how.
    """
    if array.format in ("csr", "csc", "bsr"):
        _require_compressed(array)
    elif array.format == "coo":
        if np.ndim(array.data) != 1:
            raise ValueError(f"data has {np.ndim(array.data)} dimensions in place of 1")
        for name, coordinates, size in zip(_axes(array), array.coords, array.shape, strict=True):
            _require_length(name, whole(name, coordinates), array.data)
            _require_indices(name, np.asarray(coordinates), size)
    elif array.format == "dia":
        whole("offsets", array.offsets)
        type(array)((array.data, array.offsets), shape=array.shape)  # which looks at all that there is
    elif array.format == "lil":
        if len(array.rows) != array.shape[0] or len(array.data) != array.shape[0]:
            raise ValueError(f"rows and data must have the length {array.shape[0]}")
        for row, (indices, values) in enumerate(zip(array.rows, array.data, strict=True)):
            if len(indices) != len(values):
                raise ValueError(f"row {row} (from 0) has {len(indices)} indices and {len(values)} values")
        _require_indices("indices", whole("indices", [*chain.from_iterable(array.rows)]), array.shape[1])


def whole(name: str, numbers: Any) -> NDArray[Any]:
    """Return an array (k,) of whole numbers, as they are.

    Raises
    ------
    ValueError
        If they are others, or in another shape.
    """
    array = np.asarray(numbers)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions in place of 1")
    if array.dtype.kind not in "iu" and array.size:
        raise ValueError(f"{name} must be whole numbers, and they are {array.dtype}")
    return array


def _require_compressed(array: Any) -> None:
    """CSR, CSC and BSR: the indices of row (column) i stand at indptr[i] to indptr[i + 1]."""
    indices, indptr, values = whole("indices", array.indices), whole("indptr", array.indptr), np.asarray(array.data)
    rows, columns = (1,) * (2 - len(array.shape)) + tuple(array.shape)
    if array.format == "bsr":
        if values.ndim != 3 or 0 in values.shape[1:] or rows % values.shape[1] or columns % values.shape[2]:
            raise ValueError(f"data has the shape {values.shape}, which are no blocks of {rows} x {columns} numbers")
        rows, columns = rows // values.shape[1], columns // values.shape[2]
    elif values.ndim != 1:
        raise ValueError(f"data has {values.ndim} dimensions in place of 1")
    elif array.format == "csc":
        rows, columns = columns, rows
    _require_length("indices", indices, values)
    if indptr.size != rows + 1:
        raise ValueError(f"indptr must have {rows + 1} numbers, and it has {indptr.size}")
    if indptr[0] != 0:
        raise ValueError(f"indptr must begin with 0, and it begins with {indptr[0]}")
    if (indptr[1:] < indptr[:-1]).any():
        raise ValueError("indptr must be non-decreasing")
    if indptr[-1] > indices.size:
        raise ValueError(f"indptr must end at the {indices.size} indices at most, and it ends with {indptr[-1]}")
    _require_indices("indices", indices[: indptr[-1]], columns)


def _require_length(name: str, indices: NDArray[Any], values: Any) -> None:
    if len(indices) != len(values):
        raise ValueError(f"{name} and data must have one length, and have {len(indices)} and {len(values)}")


def _require_indices(name: str, indices: NDArray[Any], size: int) -> None:
    if indices.size and indices.min() < 0:
        raise ValueError(f"{name} must be >= 0, and one is {indices.min()}")
    if indices.size and indices.max() >= size:
        raise ValueError(f"{name} must be < {size}, and one is {indices.max()}")


def _axes(array: Any) -> list[str]:
    """What the coordinates of a COO array are called."""
    return ["row", "col"] if len(array.shape) == 2 else [f"coords[{axis}]" for axis in range(len(array.shape))]
