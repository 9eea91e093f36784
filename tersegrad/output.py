"""What the commands write: one JSON document, aligned text, files that appear whole or not at all."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from .theory.errors import InputError


def plain(value: Any) -> Any:
    """Turn a value into what JSON can say: arrays become lists; infinities and NaN, which JSON lacks, null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(value: Any) -> str:
    """Write a value as one JSON document."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    click.echo(as_json(value))


def aligned(rows: Iterable[Sequence[str]], indent: str = "  ") -> str:
    """Lay rows of text out in columns; the last column may be of any length."""
    table = [list(row) for row in rows]
    widths = [max(len(row[k]) for row in table if len(row) > k) for k in range(max(map(len, table), default=0))]
    return "\n".join(
        (indent + "  ".join(cell.ljust(widths[k]) for k, cell in enumerate(row))).rstrip() for row in table
    )


def number(value: float | None) -> str:
    """A number for people: at most six digits."""
    return "unknown" if value is None else f"{value:.6g}"


def bits(count: float | None) -> str:
    """A number of bits, with its size in bytes."""
    if count is None:
        return "unknown"
    size, units = count / 8, ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{count:.6g} bits ({size:.3g} {units[0]})"


def writable_directory(path: str | Path) -> Path:
    """Make a directory if need be, and make sure that files can be written there.

    Raises
    ------
    InputError
        If they cannot.
    """
    directory = Path(path)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _probe(directory)
    except OSError as trouble:
        raise InputError(
            f"cannot write to '{directory}': {trouble.strerror}; choose another directory with --out"
        ) from None
    return directory


def writable_file(path: str | Path) -> Path:
    """Make sure that a file can be written at this path, without touching it.

    Raises
    ------
    InputError
        If it cannot.
    """
    file = Path(path)
    try:
        if file.is_dir():
            raise IsADirectoryError(0, "it is a directory")
        _probe(file.parent)
    except OSError as trouble:
        raise InputError(f"cannot write '{file}': {trouble.strerror}; choose another file with --out") from None
    return file


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file so that it appears whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as trouble:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise InputError(f"cannot write '{path}': {trouble.strerror}; choose another place with --out") from None


def _probe(directory: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".tersegrad-"):
        pass


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
