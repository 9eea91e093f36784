"""Wrong variants: derived from every method, rejected by the check that looks at what was changed."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from click.testing import CliRunner

from tersegrad.cli import main
from tersegrad.common.errors import InputError
from tersegrad.solvers.method import known_methods, method
from tersegrad.validation.variants import Variant, catalogue, controls_of, of_compressors, of_problems, select_variants


def test_every_method_has_its_controls_and_the_catalogue_is_large() -> None:
    every = catalogue()
    assert len(every) >= 80
    per_method = Counter(v.of for v in every.values())
    assert all(per_method[name] >= 3 for name in known_methods())
    assert {v.changed for v in every.values()} >= {"channel", "rule", "parameter", "schedule", "constant", "method"}


@pytest.mark.parametrize("name", ["diana", "liec", "marina", "sgd", "q-iag"])
def test_the_three_controls_of_a_method_are_rejected(name: str) -> None:
    controls = controls_of(name)
    assert len(controls) == 3
    for variant in controls:
        found = variant.test()
        assert found.rejected_by == "conformance", str(found)


@pytest.mark.parametrize("variant", [*of_compressors(), *of_problems()], ids=lambda v: v.name)
def test_constants_that_are_not_the_own_ones_are_rejected(variant: Variant) -> None:
    found = variant.test()
    assert found.rejected_by == ("certificate" if variant.compressor else "bound"), str(found)


def test_what_is_right_is_not_rejected() -> None:
    """The same machinery, nothing changed."""
    found = Variant("nothing", "nothing is wrong", "nothing", "diana", method("diana")).test()
    assert not found.rejected
    assert "conforms" in found.reason
    assert "agrees" in found.reason


def test_falsify_prints_what_rejected_what() -> None:
    answer = CliRunner().invoke(main, ["falsify", "compressed-gd", "--json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert found["rejected"] == len(found["variants"]) >= 3
    assert found["right"] == [{"method": "compressed-gd", "answer": "conforms"}]
    assert {"name", "changed", "rejected_by", "reason", "seconds"} <= found["variants"][0].keys()


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'diana'"):
        select_variants(("diane",))
    assert set(select_variants(("diana.strongly-convex",))) > set(
        select_variants(("one memory shared by all workers",))
    )
