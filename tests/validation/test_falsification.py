"""The validator says "violated" where it must."""

from dataclasses import replace

import pytest

from tersegrad.validation.falsification import FAULTS


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_a_known_wrong_implementation_comes_out_violated(fault):
    assert fault.judge().verdict == "violated"


@pytest.mark.parametrize(
    "name",
    [
        "error memory scaled by the step",
        "error memory not scaled by a falling step",
        "averaging skipped (LIEC)",
        "gradients older than tau",
    ],
)
def test_the_right_method_keeps_the_bound_that_the_wrong_one_breaks(name):
    (fault,) = (f for f in FAULTS if f.name == name)
    assert replace(fault, method=None).judge().verdict == "holds"
