"""Is it the method? All that is in the library is; what has one thing changed is not, and where is said."""

from __future__ import annotations

import pytest

from support.wrong_methods import WRONG
from tersegrad.solvers.method import Method, known_methods
from tersegrad.solvers.rules import descend
from tersegrad.validation import conforms


@pytest.mark.parametrize("name", list(known_methods()))
def test_every_method_is_its_papers(name):
    answer = conforms(name)
    assert answer.word == "conforms", str(answer)
    assert {"x", "bits_up", "bits_down", "message"} - {"message"} <= set(answer.checked)
    assert answer.difference < answer.tolerance / 8  # the tolerance is not tuned to what is met


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_variant_differs(name):
    answer = conforms(WRONG[name])
    assert answer.word == "differs"
    assert answer.difference > 1e3 * answer.tolerance


def test_a_method_of_ones_own_without_a_transcription_is_not_checked():
    own = Method(name="mine", title="mine", source="ours", parameters=("gamma",), everyone=descend)
    answer = conforms(own)
    assert answer.word == "not checked"
    assert "neither a transcription nor" in str(answer)
