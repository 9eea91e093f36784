"""The validator says "violated" where it must."""

import pytest
from tersegrad.validation.falsification import FAULTS


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_a_known_wrong_implementation_comes_out_violated(fault):
    assert fault.judge().verdict == "violated"
