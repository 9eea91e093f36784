"""The public functions say in their docstrings what they take, in NumPy's form."""

from __future__ import annotations

import inspect
import re

import pytest

import tersegrad as tg

FUNCTIONS = sorted(name for name in tg.__all__ if inspect.isfunction(getattr(tg, name)))


def documented(text: str) -> set[str]:
    """The names of the section Parameters: one line may document several."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    lines = [] if section is None else [line for line in section[1].splitlines() if line and not line.startswith(" ")]
    return {name.strip().lstrip("*") for line in lines for name in line.partition(":")[0].split(",")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_of_a_public_function_is_documented_and_no_other(name):
    function = getattr(tg, name)
    text = inspect.getdoc(function) or ""
    assert text.partition("\n")[0].rstrip().endswith(".") or ".\n" in text, "a summary that is a sentence"
    assert documented(text) == set(inspect.signature(function).parameters)
