"""Data files: LIBSVM, tables (CSV, TSV) and NumPy arrays, plain or compressed.

A LIBSVM file is read in pieces of whole lines, so that a process that keeps some rows only never holds the others.
Whoever reads a file, and in pieces of whatever size, sees the same rows: there is one reader.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError, counted, nearest
from ..common.limits import require_memory
from ..common.specs import is_number
from .sparse_parts import whole

FloatArray = NDArray[np.float64]

#: Bytes of text that are read at a time, and the longest line.
PIECE = 1 << 24
LONGEST_LINE = 1 << 28
MOST_FEATURES = 2**31 - 1
#: More than this is refused: the rows, dense or sparse, and a single vector.
MOST_BYTES, MOST_VECTOR_BYTES = 4e9, 1e9
#: Sparse rows with at least one nonzero in so many entries are stored dense.
DENSE_FROM = 8
TAB = "\t"
#: Suffix -> format; what is not here is LIBSVM.
_FORMATS = {".npz": "arrays", ".npy": "arrays", ".csv": "table", ".tsv": "table"}

#: First bytes of a compressed file -> what opens it.
_COMPRESSED: dict[bytes, Callable[[str], Any]] = {
    b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open,
}  # fmt: skip
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError)


def opened(path: str) -> IO[bytes]:
    """Open a file for reading; what is compressed (gzip, bzip2, xz: by its first bytes) is unpacked on the way.

    Raises
    ------
    InputError
        If there is no such file, it is not a regular one (a pipe, a device), or it cannot be opened.
    """
    file = Path(path)
    if not file.exists():
        raise InputError(
            f"data file '{path}' does not exist; give the path of a file, or breast_cancer or digits, or leave data out"
        )
    if not file.is_file():
        kind = "it is a folder" if file.is_dir() else "it is not a regular file"
        raise InputError(f"data file '{path}' cannot be read: {kind}")
    try:
        with file.open("rb") as head:
            start = head.read(8)
        for magic, open_compressed in _COMPRESSED.items():
            if start.startswith(magic):
                return open_compressed(path)
        return file.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: Exception) -> InputError:
    if isinstance(error, _DAMAGED) or getattr(error, "strerror", None) is None:
        return InputError(f"data file '{path}' is cut off or damaged ({error}); pack it again")
    return InputError(f"data file '{path}' cannot be read: {error.strerror}")  # type: ignore[attr-defined]


def blocks(path: str, size: int = PIECE) -> Iterator[tuple[int, bytes]]:
    """Yield (number of its first line, from 1, and text) of pieces of whole lines, of about `size` bytes each.

    Raises
    ------
    InputError
        If the file cannot be read, is cut off or damaged, or a line is longer than any that makes sense.
    """
    line, rest = 1, b""
    try:
        with opened(path) as file:
            while chunk := file.read(size):
                cut = chunk.rfind(b"\n") + 1
                if not cut:
                    rest += chunk
                    if len(rest) > LONGEST_LINE:
                        raise InputError(
                            f"data file '{path}', line {line}, is longer than {LONGEST_LINE >> 20} MiB; "
                            "it is not a text file with one row per line"
                        )
                    continue
                text, rest = rest + chunk[:cut], chunk[cut:]
                yield line, text
                line += text.count(b"\n")
    except (OSError, *_DAMAGED) as error:
        raise _unreadable(path, error) from None
    if rest:
        yield line, rest


# ------------------------------------------------------------------------------------------------------ LIBSVM


def _svmlight() -> Callable[..., Any]:
    from sklearn.datasets import load_svmlight_file

    return load_svmlight_file


def libsvm_pieces(path: str, size: int | None = None) -> Iterator[tuple[Any, FloatArray]]:
    """Yield (sparse rows, labels) of a LIBSVM file, piece by piece; features keep the numbers that stand in the file.

    Raises
    ------
    InputError
        scikit-learn is missing; the file cannot be read, or a line, which is named, is not in the format.
    """
    try:
        parse = _svmlight()
    except ImportError:
        raise needs_sklearn(path) from None

    def read(text: bytes) -> tuple[Any, FloatArray]:
        rows, labels = parse(io.BytesIO(text), n_features=MOST_FEATURES, zero_based=True)
        return rows, labels

    for first, text in blocks(path, size or PIECE):
        try:
            rows, labels = read(text)
        except (ValueError, OverflowError):
            line, reason = _first_bad(text, read)
            raise InputError(
                f"data file '{path}' is not in LIBSVM format (a line reads 'label index:value ...'): "
                f"line {first + line}: {reason}"
            ) from None
        if labels.size:
            yield rows, labels


def _first_bad(text: bytes, read: Callable[[bytes], Any]) -> tuple[int, str]:
    """(number from 0 of the first line that cannot be read, why), by halving."""
    lines = text.splitlines(keepends=True)
    good, bad, reason = 0, len(lines), ""
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            read(b"".join(lines[good:middle]))
            good = middle
        except (ValueError, OverflowError):
            bad = middle
    try:
        read(lines[good])
    except (ValueError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
    return good, reason


@dataclass(frozen=True)
class Survey:
    """What can be said of a LIBSVM file in one pass that keeps no rows.

    Attributes
    ----------
    labels
        (m,).
    dim
        Number of features.
    first
        Number of the first feature: 0 where a feature has the number 0, else 1.
    entries
        Number of feature values that stand in the file.
    """

    labels: FloatArray
    dim: int
    first: int
    entries: int

    @property
    def nearly_dense(self) -> bool:
        """Whether the rows are stored dense."""
        return nearly_dense(self.entries, self.labels.size, self.dim)

    @classmethod
    def of(cls, path: str, n_features: int | None = None, size: int | None = None) -> Survey:
        """Read the file once.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        shape = _Shape()
        labels = [shape.see(rows, part) for rows, part in libsvm_pieces(path, size)]
        return cls(np.concatenate(labels or [np.zeros(0)]), *shape.conclude(path, n_features), shape.entries)


class _Shape:
    """Counts rows and features, piece by piece."""

    def __init__(self) -> None:
        self.rows, self.entries = 0, 0
        self.lowest: int | None = None
        self.highest = -1
        self.finite = True

    def see(self, rows: Any, labels: FloatArray) -> FloatArray:
        """Count a piece and return its labels."""
        self.rows += labels.size
        self.entries += rows.nnz
        if rows.nnz:
            low = int(rows.indices.min())
            self.lowest = low if self.lowest is None else min(self.lowest, low)
            self.highest = max(self.highest, int(rows.indices.max()))
        self.finite = self.finite and bool(np.isfinite(rows.data).all() and np.isfinite(labels).all())
        return labels

    def conclude(self, path: str, n_features: int | None) -> tuple[int, int]:
        """(number of features, number of the first one)."""
        if not self.rows or self.lowest is None:
            raise InputError(f"data file '{path}' has {counted(self.rows, 'row')} and 0 feature values; nothing to fit")
        if not self.finite:
            raise InputError(f"data file '{path}' holds a value that is not a finite number; remove that row")
        first = 0 if self.lowest == 0 else 1
        dim = self.highest + 1 - first
        if n_features is not None and n_features < dim:
            raise InputError(
                f"n_features={n_features}: data file '{path}' has {counted(dim, 'feature')}; give at least as many"
            )
        return checked_dim(n_features or dim, f"data file '{path}'"), first


def libsvm(path: str, n_features: int | None = None, size: int | None = None) -> tuple[Any, FloatArray]:
    """Return sparse rows (m, d) and labels (m,) of a file in LIBSVM format.

    Parameters
    ----------
    n_features
        d, where it is more than the largest feature that the file has.
    size
        Bytes that are read at a time; the result does not depend on it.

    Raises
    ------
    InputError
        scikit-learn or the file is missing; the file is unreadable, malformed, empty, not finite, or too large.
    """
    shape, parts, labels = _Shape(), [], []
    for rows, part in libsvm_pieces(path, size):
        labels.append(shape.see(rows, part))
        parts.append(rows)
        if 16.0 * shape.entries > MOST_BYTES:
            raise _too_large(f"data file '{path}'", f"more than {shape.entries} feature values", 16.0 * shape.entries)
    dim, first = shape.conclude(path, n_features)
    return renumbered(parts, first, dim), np.concatenate(labels)


def renumbered(parts: list[Any], first: int, dim: int) -> Any:
    """Return the pieces of `libsvm_pieces` as one CSR array (m, d), its first feature the one of this number."""
    from scipy.sparse import csr_array, vstack

    together = vstack(parts, format="csr") if len(parts) > 1 else parts[0]
    indices = together.indices.astype(np.int64) - first
    return csr_array((together.data, indices, together.indptr), shape=(together.shape[0], dim))


def nearly_dense(entries: int, rows: int, columns: int) -> bool:
    """Whether sparse rows are stored dense, which then takes at most four times the memory and is faster."""
    return entries * DENSE_FROM >= rows * columns


def is_libsvm(path: str) -> bool:
    """Whether a file of this name is read as LIBSVM."""
    return _FORMATS.get(_plain_suffix(path), "libsvm") == "libsvm"


def needs_sklearn(source: str) -> InputError:
    """The sentence that asks for scikit-learn."""
    return InputError(f"data={source} is read by scikit-learn, which is not installed: pip install 'tersegrad[data]'")


def checked_dim(dim: int, what: str) -> int:
    """Return d, if vectors of so many coordinates are no trouble."""
    if 8.0 * dim > MOST_VECTOR_BYTES:
        raise InputError(
            f"{what} has {dim} features, so that a single vector takes {8e-9 * dim:.3g} GB; "
            f"the limit is {MOST_VECTOR_BYTES / 1e9:g} GB: number the features without gaps, or hash them"
        )
    return dim


def _too_large(what: str, size: str, memory: float) -> InputError:
    return InputError(
        f"{what} has {size}, {memory / 1e9:.3g} GB in memory; the limit is {MOST_BYTES / 1e9:g} GB: use fewer rows or "
        f"features"
    )


# ------------------------------------------------------------------------------------------------------ tables


def table(path: str, target: str | int | None = None) -> tuple[FloatArray, NDArray[Any]]:
    """Return rows (m, d) and targets (m,) of a CSV or TSV file, with or without a line of names.

    Parameters
    ----------
    target
        Name or number (from 0; negative from the end) of the column of targets; the last one if left out. Targets
        may be words.

    Raises
    ------
    InputError
        If the file cannot be read or is not a table of numbers, or there is no such column.
    """
    separator = TAB if _plain_suffix(path) == ".tsv" else ","
    lines: list[str] = []
    size = 0
    try:
        for _, text in blocks(path):
            size += len(text)
            if size > MOST_BYTES:
                raise _too_large(f"data file '{path}'", f"more than {size} characters", size)
            lines += text.decode("utf-8-sig" if not lines else "utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"data file '{path}' is not a text file in UTF-8") from None
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip(" ")]
    lines = [line for _, line in numbered]
    header = next(csv.reader(lines[:1], delimiter=separator), [])
    names = [] if all(is_number(field) for field in header) else [field.strip() for field in header]
    lines = lines[1:] if names else lines
    if not lines:
        raise InputError(f"data file '{path}' has 0 rows; nothing to fit")
    column = _column(path, target, names, len(header))
    others = [k for k in range(len(header)) if k != column]
    if not others:
        raise InputError(
            f"data file '{path}' has {len(header)} column; it needs at least one feature and a target, "
            f"with {'tabs' if separator == TAB else 'commas'} between them"
        )
    for number, line in numbered:
        fields = _fields(line, separator)
        if fields != len(header):
            raise InputError(
                f"data file '{path}' is not a table of numbers: line {number} has {counted(fields, 'field')}, "
                f"the first line {len(header)}"
            )
    options: dict[str, Any] = {"delimiter": separator, "quotechar": '"', "comments": None, "ndmin": 1}
    try:
        rows = np.loadtxt(lines, usecols=others, **(options | {"ndmin": 2}))
        try:
            targets = np.loadtxt(lines, usecols=column, **options)
        except ValueError:
            targets = np.char.strip(np.loadtxt(lines, usecols=column, dtype=str, **options))
    except ValueError as error:
        raise InputError(f"data file '{path}' is not a table of numbers: {str(error).rstrip('.')}") from None
    return rows, targets


def _fields(line: str, separator: str) -> int:
    """The number of fields of a line."""
    if '"' in line:
        return len(next(csv.reader([line], delimiter=separator)))
    return line.count(separator) + 1


def _column(path: str, target: str | int | None, names: list[str], columns: int) -> int:
    """The number of the column of targets."""
    if target is None:
        return columns - 1
    if names.count(str(target)) > 1:
        raise InputError(f"target={target}: several columns of '{path}' have this name; give the number of one")
    if str(target) in names:
        return names.index(str(target))
    if type(target) is int or str(target).lstrip("-").isdigit():
        number = int(target)
        if -columns <= number < columns:
            return number % columns
        raise InputError(f"target={target}: data file '{path}' has the columns 0 to {columns - 1}")
    if not names:
        raise InputError(f"target={target}: data file '{path}' has no header line; give the number of a column")
    raise InputError(f"target={target}: no column of '{path}' has this name{nearest(str(target), names)}")


# ------------------------------------------------------------------------------------------------- NumPy files


#: The parts of sparse rows in a file that are indices.
_WHOLE = {"indices", "indptr", "row", "col", "offsets", "shape"}


def arrays(path: str, targets: str | None = None) -> tuple[Any, NDArray[Any]]:
    """Return rows (m, d), dense or sparse, and targets (m,) of NumPy files.

    An ``.npz`` file holds X and y; or, for sparse rows, what ``scipy.sparse.save_npz`` writes (in CSR without a
    format: data, indices, indptr, shape) and y. An ``.npy`` file holds X, and `targets` names the file of y.

    Raises
    ------
    InputError
        If a file cannot be read or does not hold this. Nothing in a file is ever executed.
    """
    from scipy.sparse import csr_array, load_npz

    if _plain_suffix(path) == ".npy":
        if targets is None:
            raise InputError(f"data={path} holds the rows only: give the file of the targets, targets=y.npy")
        return _array(path), _array(targets)
    found = _array(path)
    names = list(getattr(found, "files", ()))
    try:
        y = found["y"] if "y" in names else (None if targets is None else _array(targets))
        if y is None:
            raise InputError(f"'{path}' has no array y; it holds: {', '.join(names)}")
        if "X" in names:
            return found["X"], y
        for name in _WHOLE.intersection(names):  # SciPy would round them
            whole(name, found[name])
        if {"data", "shape", "format"} <= set(names):
            return load_npz(path), y
        if {"data", "indices", "indptr", "shape"} <= set(names):
            parts = (found["data"], found["indices"], found["indptr"])
            return csr_array(parts, shape=tuple(int(side) for side in found["shape"])), y
    except (ValueError, TypeError, KeyError, OSError, NotImplementedError, OverflowError, *_DAMAGED) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"'{path}' is not a complete file of arrays ({error})") from None
    raise InputError(f"'{path}' has no array X; it holds: {', '.join(names)}")


def _array(path: str) -> Any:
    opened(path).close()
    try:
        if zipfile.is_zipfile(path):  # a few kB may unpack to gigabytes
            with zipfile.ZipFile(path) as archive:
                require_memory(sum(member.file_size for member in archive.infolist()) / 8, f"the arrays in '{path}'")
        return np.load(path, allow_pickle=False)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"'{path}' is not a file of NumPy arrays ({type(error).__name__})") from None


# ------------------------------------------------------------------------------------------------------- all


def _plain_suffix(path: str) -> str:
    """The suffix that tells the format, in small letters, without that of a compression."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] in (".gz", ".bz2", ".xz"):
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def read(
    path: str, *, target: str | int | None = None, targets: str | None = None, n_features: int | None = None
) -> tuple[Any, NDArray[Any]]:
    """Return rows (m, d), dense or sparse, and targets (m,) of a file: NumPy arrays, a table or LIBSVM, by its suffix.

    Raises
    ------
    InputError
        If the file cannot be read, or an option does not belong to its format.
    """
    kind = _FORMATS.get(_plain_suffix(path), "libsvm")
    for name, value, belongs in (
        ("target", target, "table"), ("targets", targets, "arrays"), ("n_features", n_features, "libsvm")
    ):  # fmt: skip
        if value is not None and kind != belongs:
            formats = {"table": "a .csv or .tsv file", "arrays": "an .npy file", "libsvm": "a LIBSVM file"}
            raise InputError(f"{name}={value} is an option of {formats[belongs]}, and data={path} is not one")
    if kind == "arrays":
        return arrays(path, targets)
    return table(path, target) if kind == "table" else libsvm(path, n_features)
