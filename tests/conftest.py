"""Fixtures of all tests."""

from __future__ import annotations

import time
import uuid

import pytest

from support.traces_left import MARK, marked, shared_memory


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
