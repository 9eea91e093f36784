"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import platform
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .errors import InputError


@contextlib.contextmanager
def whole_file(path: str | Path, what: str, advice: str) -> Iterator[IO[bytes]]:
    """Open a file for writing under another name; it takes its own name when the block ends without an error.

    It has the permissions that the umask gives to new files, or those of the file that it replaces, and lasts when the
    block has ended. A link is followed: what it points to is replaced. A device or a pipe is written to, and stays what
    it is.

    Parameters
    ----------
    what, advice
        How errors speak of it (``"the trace "``, or nothing), and what they say to do.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    temporary: Path | None = None
    try:
        if _is_special(Path(path)):
            with tempfile.TemporaryFile() as buffer:
                yield buffer
                buffer.seek(0)
                _pour(buffer, Path(path))
            return
        target = Path(os.path.realpath(path))
        _remove_abandoned(target)
        temporary = _temporary(target)
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(handle, "w+b") as file:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        temporary = None
        _sync_directory(target.parent)
    except OSError as trouble:
        raise InputError(f"cannot write {what}'{path}': {trouble.strerror or trouble}; {advice}") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _is_special(path: Path) -> bool:
    """Whether there is something at this path that is neither a file nor a folder: a device, a pipe, a socket."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _pour(source: IO[bytes], target: Path) -> None:
    """Write everything to a device or to a pipe that somebody reads."""
    try:
        handle = os.open(target, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as trouble:
        if trouble.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "nothing reads what is written there") from None
        raise
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(source, file)


_counter = itertools.count()


def _temporary(target: Path) -> Path:
    """A name beside the target that says whose it is: the host, the process, and a number."""
    return target.with_name(f".{target.name[:100]}.{platform.node()}-{os.getpid()}-{next(_counter)}.part")


def _remove_abandoned(target: Path) -> None:
    """Remove what processes of this machine that are gone have left of unfinished writes to this file."""
    if target in _looked_at:
        return
    _looked_at.add(target)
    start = f".{target.name[:100]}.{platform.node()}-"
    with contextlib.suppress(OSError):
        for entry in os.scandir(target.parent):
            owner = entry.name.removeprefix(start).split("-")[0]
            mine = entry.name.startswith(start) and entry.name.endswith(".part") and owner.isdigit()
            if mine and not _is_running(int(owner)):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


_looked_at: set[Path] = set()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def require_regular(path: str | Path, what: str) -> None:
    """Make sure that a path is that of a regular file: a pipe or a device may have no end.

    Parameters
    ----------
    what
        How errors speak of it: ``"the checkpoint"``.

    Raises
    ------
    InputError
        If it is not, or does not exist.
    """
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        raise InputError(f"cannot read {what} '{path}': {error.strerror or error}") from None
    except ValueError as error:
        raise InputError(f"cannot read {what} '{path}': {error}") from None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device, which may have no end"
        raise InputError(f"cannot read {what} '{path}': it is {kind}; give the path of a file")


#: Bytes of a document that is read as a whole.
LONGEST_DOCUMENT = 200_000_000


def read_document(path: str | Path, what: str) -> str:
    """Read a text file in UTF-8 that a person or this program has written.

    Parameters
    ----------
    what
        How errors speak of it: ``"the certificate"``.

    Raises
    ------
    InputError
        If it is no regular file, cannot be read, is larger than any such document, or holds no text.
    """
    require_regular(path, what)
    try:
        if (size := Path(path).stat().st_size) > LONGEST_DOCUMENT:
            raise InputError(f"cannot read {what} '{path}': it has {size / 1e6:.4g} MB; give a smaller file")
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {what} '{path}': {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"cannot read {what} '{path}': it is not UTF-8 text") from None


def write_whole(path: str | Path, content: bytes | str, advice: str = "choose another place with --out") -> None:
    """Write a file so that it appears whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    with whole_file(path, "", advice) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def writable_directory(path: str | Path, option: str = "--out") -> Path:
    """Make a directory if need be, and make sure that files can be written there; `option` is where it was given.

    Raises
    ------
    InputError
        If they cannot.
    """
    if not str(path):
        raise InputError(f"the path of the directory is empty: give one with {option}")
    directory = Path(path)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _probe(directory)
    except OSError as trouble:
        raise InputError(
            f"cannot write to '{directory}': {trouble.strerror}; choose another directory with {option}"
        ) from None
    return directory


def writable_file(path: str | Path, option: str = "--out") -> Path:
    """Make sure that a file can be written at this path, without touching it; `option` is where it was given.

    Raises
    ------
    InputError
        If it cannot.
    """
    file = Path(path)
    try:
        if file.is_dir():
            raise IsADirectoryError(0, "it is a directory")
        if not _is_special(file):
            _probe(Path(os.path.realpath(file)).parent)
        elif not os.access(file, os.W_OK):
            raise PermissionError(0, "permission denied")
    except OSError as trouble:
        raise InputError(f"cannot write '{file}': {trouble.strerror}; choose another file with {option}") from None
    return file


def _probe(directory: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".tersegrad-"):
        pass


def _sync_directory(directory: Path) -> None:
    """Make the new name last; not every system can."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
