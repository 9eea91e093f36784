"""How many instructions kernels take: counted by valgrind, not timed."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from support import instructions

#: Counted on another day; `python tests/support/instructions.py tests/solvers/instructions.json` counts anew.
BASELINE = json.loads(Path(__file__).with_name("instructions.json").read_text())
SLACK = 0.1


def test_kernels_take_no_more_instructions_than_they_did() -> None:
    if why := instructions.missing():
        pytest.skip(why)
    for name, stated in BASELINE["compilers"].items():
        if version(name) != stated:
            pytest.skip(f"the instructions were counted with {name} {stated}, here is {version(name)}: count them anew")
    counted, before = instructions.count(), BASELINE["instructions"]
    more = {
        kernel: f"{counted[kernel]} instead of {before[kernel]}"
        for kernel in before
        if not counted[kernel] <= (1 + SLACK) * before[kernel]
    }
    assert not more
