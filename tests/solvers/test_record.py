"""Records: a kernel reads and writes what Python has laid out, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numba import njit, types

from tersegrad.solvers.record import Record, Reference, reference
from tersegrad.solvers.signatures import entry

FOUR = types.float64[:, :, :, ::1]


@dataclass(frozen=True, eq=False)
class Inner(Record):
    words: np.ndarray
    real: float


INNER = reference(Inner, types.uint32[:, ::1], types.float64)


@dataclass(frozen=True, eq=False)
class Outer(Record):
    count: int
    inner: Inner
    arrays: tuple[np.ndarray, np.ndarray]
    is_set: bool
    pair: tuple[Inner, Inner]
    four: np.ndarray


OUTER = reference(
    Outer, types.int64, INNER, types.Tuple((types.float64[::1], types.int64[::1])), types.boolean,
    types.UniTuple(INNER, 2), FOUR,
)  # fmt: skip


@njit
def read(record, k):
    values, places = record.arrays
    other = record.pair[k]
    return (
        record.count, record.inner.real, values.sum(), places[-1], record.is_set, other.words[1, 2], other.real,
        record.four[1, 2, 0, 1], record.four.shape, record.inner.words.size,
    )  # fmt: skip


@njit
def write(record, k):
    record.pair[k].words[0] = 7
    record.four[:, 1] = -1.0


def records() -> Outer:
    first, second = (Inner(np.arange(6, dtype=np.uint32).reshape(2, 3) + k, 0.5 + k) for k in range(2))
    return Outer(
        -3,
        first,
        (np.array([0.25, -4.0]), np.array([5, 8])),
        True,
        (first, second),
        np.arange(48.0).reshape(2, 3, 2, 4),
    )


@pytest.mark.parametrize("k", [0, 1])
def test_a_kernel_reads_what_python_has(k):
    assert read(records(), k) == (-3, 0.5, -3.75, 8, True, 5 + k, 0.5 + k, 41.0, (2, 3, 2, 4), 6)


def test_python_sees_what_a_kernel_writes():
    record = records()
    write(record, 1)
    assert record.pair[1].words.tolist() == [[7, 7, 7], [4, 5, 6]]
    assert np.all(record.four[:, 1] == -1.0)
    assert record.four[1, 2, 0, 1] == 41.0
    assert record.pair[0].words.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_record_with_another_field_is_another_record():
    assert read(replace(records(), count=11), 0)[0] == 11


def test_a_record_of_another_class_is_refused():
    """Machine code that Python calls without asking for types: what is not there is never read."""
    with pytest.raises(AttributeError, match="Outer"):
        entry(write, types.void(OUTER, types.int64))(records().inner, 0)


@pytest.mark.parametrize(
    "words",
    [np.zeros((2, 3)), np.zeros(6, np.uint32), np.zeros((3, 2), np.uint32).T],
    ids=["type", "dimensions", "order"],
)
def test_an_array_of_another_kind_is_refused(words):
    with pytest.raises(TypeError, match=r"where a kernel is handed"):
        read(replace(records(), inner=Inner(words, 0.0)), 0)


def test_types_tell_layouts_apart():
    fields = (("a", types.int64), ("b", types.float64))
    assert Reference("R", fields) == Reference("R", fields)
    assert Reference("R", fields) != Reference("R", fields[::-1])
    assert Reference("R", fields) != Reference("R", (("a", types.int64), ("c", types.float64)))
