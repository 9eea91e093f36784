"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .errors import InputError


@contextlib.contextmanager
def whole_file(path: str | Path, what: str, advice: str) -> Iterator[IO[bytes]]:
    """Open a file for writing under another name; it takes its own name when the block ends without an error.

    It has the permissions that the umask gives to new files, and lasts when the block has ended.

    Parameters
    ----------
    what, advice
        How errors speak of it (``"the trace "``, or nothing), and what they say to do.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
        temporary = None
        _sync_directory(target.parent)
    except OSError as trouble:
        raise InputError(f"cannot write {what}'{path}': {trouble.strerror or trouble}; {advice}") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def write_whole(path: str | Path, content: bytes | str, advice: str = "choose another place with --out") -> None:
    """Write a file so that it appears whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    with whole_file(path, "", advice) as file:
        file.write(content.encode() if isinstance(content, str) else content)


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


def _probe(directory: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".tersegrad-"):
        pass


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_directory(directory: Path) -> None:
    """Make the new name last; not every system can."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
