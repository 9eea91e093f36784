"""What a run may leave behind: nothing. Processes are recognised by a mark in their environment."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

MARK = "TERSEGRAD_TEST_MARK"


def marked(mark: str) -> list[str]:
    """The command lines of the processes that inherited the mark, without Python's own tracker of shared memory."""
    found = []
    for place in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        with contextlib.suppress(OSError):
            if place.name.isdigit() and f"{MARK}={mark}".encode() in (place / "environ").read_bytes().split(b"\0"):
                line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if "resource_tracker" not in line and int(place.name) != os.getpid() and line:
                    found.append(line)
    return found


def shared_memory(name: str = "psm_*") -> set[Path]:
    """The blocks of shared memory that nobody has open but this process: what another test has under way is its own."""
    held = {
        line.split(maxsplit=5)[-1]
        for place in Path("/proc").glob("[0-9]*")
        if int(place.name) != os.getpid()
        for line in _lines(place / "maps")
        if "/dev/shm/" in line
    }
    return {file for file in Path("/dev/shm").glob(name) if str(file) not in held}


def _lines(file: Path) -> list[str]:
    """The lines of a file of a process that may end meanwhile, or be somebody else's."""
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []
