"""Exact checks decide beside the default run: a hard instance makes a bound tight, or violates it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.verdict_examples import linear
from tersegrad.theory import THEOREMS, theorem
from tersegrad.theory.bounds import Interval
from tersegrad.theory.families import Average
from tersegrad.theory.hypotheses import EXACT
from tersegrad.validation import worst_cases
from tersegrad.validation.exact.worst import WorstStep
from tersegrad.validation.tightness import hard_instances
from tersegrad.validation.variants import Variant
from tersegrad.validation.verdict import exit_status
from tersegrad.validation.worst_cases import hardest, relatives, with_worst_cases


def test_a_stored_instance_tells_how_tight_a_theorem_is() -> None:
    case = hardest("diana.strongly-convex")
    assert case is not None
    assert 0.9 < case.ratio <= 1 + 1e-8
    verdict = with_worst_cases(replace(linear(), theorem="diana.strongly-convex"))
    assert verdict.verdict == "holds"
    assert verdict.strength is not None
    assert verdict.strength.tightness == case.ratio
    assert "the stored quadratic" in verdict.strength.instance
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


@pytest.mark.parametrize("name", [name for name in THEOREMS if hard_instances(name)])
def test_no_instance_and_no_relative_breaks_a_theorem(name: str) -> None:
    case = hardest(name)
    assert case is not None
    assert not case.violated, case.instance


def test_relatives_change_noise_start_workers_compressors_and_steps() -> None:
    found = list(relatives(hard_instances("diana.strongly-convex")[0]))
    assert {1.0, 0.0} <= {i.sigma_sq for i in found}
    assert len({i.x0 for i in found}) > 1
    assert len({i.up for i in found}) > 1
    assert {name for i in found for name in i.parameters} == {"gamma", "alpha", "M"}


def _refuted(name: str, monkeypatch: pytest.MonkeyPatch, **changes: object) -> bool:
    """Whether a theorem with one attribute changed is refuted by instances that were found for the right one."""
    hardest.cache_clear()
    for attribute, value in changes.items():
        monkeypatch.setattr(type(theorem(name)), attribute, value)
    try:
        case = hardest(name)
        return case is not None and case.violated
    finally:
        hardest.cache_clear()


@pytest.mark.parametrize("name", ["ef21.pl", "marina.pl", "ef21.nonconvex"])
def test_a_theorem_that_forgets_that_gradients_are_exact_is_refuted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _refuted(name, monkeypatch, assumes=tuple(h for h in theorem(name).assumes if h is not EXACT))


def test_a_bound_that_loses_its_noise_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _refuted("sgd.nonconvex", monkeypatch, average=lambda self, request, p: Average(2 * request.c.gap0, 0.0))


def test_a_floor_at_half_its_height_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    right = type(theorem("sgd.strongly-convex")).floor
    half = lambda self, request, p: right(self, request, p) / 2  # noqa: E731
    assert _refuted("sgd.strongly-convex", monkeypatch, floor=half)


def test_a_step_that_leaves_out_what_compression_costs_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(self, request, choose):  # type: ignore[no-untyped-def]
        choose("p", Interval(0.0, 1.0, "0 < p <= 1", high_open=False), 0.1)
        choose("gamma", Interval(0.0, 1 / request.c.L, "0 < gamma <= 1/L"), 1 / request.c.L)

    assert _refuted("marina.nonconvex", monkeypatch, choose_parameters=too_long)
