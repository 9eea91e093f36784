"""Exact checks decide beside the default run: a hard instance makes a bound tight, or violates it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.verdict_examples import linear
from tersegrad.validation import worst_cases
from tersegrad.validation.exact.worst import WorstStep
from tersegrad.validation.variants import Variant
from tersegrad.validation.verdict import exit_status
from tersegrad.validation.worst_cases import hardest, with_worst_cases


def test_a_stored_instance_tells_how_tight_a_theorem_is() -> None:
    case = hardest("diana.strongly-convex")
    assert case is not None
    assert 0.9 < case.ratio <= 1 + 1e-8
    verdict = with_worst_cases(replace(linear(), theorem="diana.strongly-convex"))
    assert verdict.verdict == "holds"
    assert verdict.strength is not None
    assert verdict.strength.tightness == case.ratio
    assert verdict.strength.instance.startswith("the stored quadratic")
    assert verdict.one_step is not None
    assert verdict.one_step.word == "contracts"


def test_an_instance_above_the_bound_violates_it(monkeypatch: pytest.MonkeyPatch) -> None:
    case = hardest("diana.strongly-convex")
    assert case is not None
    monkeypatch.setattr(worst_cases, "hardest", lambda name: replace(case, ratio=1.01))
    verdict = with_worst_cases(replace(linear(), theorem="diana.strongly-convex"))
    assert verdict.verdict == "violated"
    assert "1.01 times the bound" in verdict.reason


def test_a_step_that_does_not_contract_violates_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    step = WorstStep("diana.strongly-convex", "violated", 1.2, {}, "", 1)
    monkeypatch.setattr(worst_cases, "_worst_step", lambda name: step)
    verdict = with_worst_cases(replace(linear(), theorem="diana.strongly-convex"))
    assert verdict.verdict == "violated"
    assert exit_status([verdict]) == 1


def test_a_quarter_of_a_bound_is_rejected_by_its_instances() -> None:
    wrong = Variant("", "", "constant", theorem="diana.strongly-convex", bound_factor=0.25).test()
    assert wrong.rejected_by == "instances"
    right = Variant("", "", "constant", theorem="diana.strongly-convex").test()
    assert not right.rejected
