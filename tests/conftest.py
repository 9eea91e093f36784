"""Fixtures of all tests."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.traces_left import MARK, marked, shared_memory

if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores: one thread for BLAS in each, before it is loaded
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]
SOURCES = ("src/tersegrad", "theory", "problems", "solvers", "validation")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--verified",
        metavar="DIR",
        help="Where `tersegrad verify --quick` wrote its report: judge nothing twice. Write --verified=DIR: before "
        "this file is read, a word of its own is taken for a folder of tests.",
    )


@pytest.fixture(scope="session")
def certificate(request: pytest.FixtureRequest) -> Callable[[str], dict[str, Any]]:
    """The certificate of a theorem's or claim's default experiment: of the report that is given, or judged now."""
    from tersegrad.validation import CLAIMS, examine, verify

    def judge(name: str) -> dict[str, Any]:
        (result,) = examine([name], quick=True) if name in CLAIMS else verify([name], quick=True)
        return result.certificate()

    given = request.config.getoption("--verified")
    if given is None:
        return judge
    folder = request.config.invocation_params.dir / given
    changed = max(file.stat().st_mtime for room in SOURCES for file in (ROOT / room).rglob("*.py"))

    def read(name: str) -> dict[str, Any]:
        file = folder / f"{name}.json"
        again = f"run tersegrad verify --quick --out {folder}, or leave out --verified"
        assert file.is_file(), f"{file} is missing: {again}"
        assert file.stat().st_mtime > changed, f"{file} is older than the code: {again}"
        return json.loads(file.read_text())

    return read


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
