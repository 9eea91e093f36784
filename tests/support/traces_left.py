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


def shared_memory() -> set[str]:
    place = Path("/dev/shm")
    return {file.name for file in place.iterdir() if file.name.startswith("psm_")} if place.is_dir() else set()
