"""The validator says "violated" where it must."""

from dataclasses import replace

import pytest

from tersegrad.validation.falsification import KNOWN_BUGS


@pytest.mark.parametrize("bug", KNOWN_BUGS, ids=lambda f: f.name)
def test_a_known_wrong_implementation_comes_out_violated(bug):
    assert bug.judge().verdict == "violated"


@pytest.mark.parametrize(
    "name",
    [
        "error memory scaled by the step",
        "error memory not scaled by a decreasing step",
        "averaging skipped (LIEC)",
        "gradients older than tau",
    ],
)
def test_the_right_method_keeps_the_bound_that_the_wrong_one_breaks(name):
    (bug,) = (f for f in KNOWN_BUGS if f.name == name)
    assert replace(bug, method=None).judge().verdict == "holds"


def test_a_wrong_method_differs_from_the_pseudo_code_that_it_brings():
    (bug,) = (f for f in KNOWN_BUGS if f.name == "error accumulator never reset")
    found = bug.judge()
    assert found.verdict == "violated"
    assert found.conformance.word == "differs"
    assert found.own == ("method",)
