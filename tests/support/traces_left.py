"""What a run may leave behind: nothing. Processes are recognised by a mark in their environment."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from pathlib import Path

import pytest

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


@pytest.fixture
def nothing_left(monkeypatch):
    """Fail if a process or a block of shared memory is left five seconds after the test."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    before = shared_memory()
    yield mark
    until = time.monotonic() + 5
    while (marked(mark) or shared_memory() - before) and time.monotonic() < until:
        time.sleep(0.05)
    assert marked(mark) == []
    assert shared_memory() - before == set()
