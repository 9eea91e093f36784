"""Verification: what is chosen, what repeats, what the default experiments show."""

from dataclasses import replace

import numpy as np
import pytest

from support.verdict_examples import linear
from tersegrad.common.errors import InputError
from tersegrad.theory import THEOREMS
from tersegrad.validation import CLAIMS, EXPERIMENTS, exit_status, select, verify
from tersegrad.validation.variants import of_compressors

QUADRATIC = "quadratic:dim=5,mu=0.2,L=1,radius=5"


def test_every_theorem_has_a_default_experiment_and_the_other_way_round():
    assert set(EXPERIMENTS) == set(THEOREMS)


def test_verdicts_repeat_and_depend_on_the_seed():
    def run(seed):
        (verdict,) = verify(["qsgd.strongly-convex"], quick=True, rounds=100, replicas=4, seed=seed)
        return verdict

    first, again, other = run(0), run(0), run(1)
    assert np.array_equal(first.series.mean, again.series.mean)
    assert not np.array_equal(first.series.mean, other.series.mean)


def test_a_problem_of_the_users_replaces_the_default():
    (verdict,) = verify(
        ["diana.strongly-convex"], problem="logistic:rows=60,dim=6,reg=0.2", up="qsgd:levels=2", workers=3, quick=True
    )
    assert verdict.verdict == "holds"
    assert (verdict.problem, verdict.up, verdict.workers) == ("logistic:rows=60,dim=6,reg=0.2", "qsgd:levels=2", 3)
    assert "--problem" in verdict.command
    assert verdict.speedup is None


def test_exit_statuses():
    def of(word):
        return replace(linear(), verdict=word)

    assert exit_status([of("holds")]) == 0
    assert exit_status([of("holds"), of("vacuous")]) == 3
    assert exit_status([of("no guarantee"), of("violated")]) == 1


def test_the_first_word_of_ids_stands_for_all_of_them():
    assert select(["gmc"])[0] == [i for i in THEOREMS if i.startswith("gmc.")]  # and not gmc-plus
    theorems, claims = select(["dasha", "ef21.tight", "dasha.pl", "khirirat"])
    assert theorems[:3] == ["dasha.nonconvex", "dasha.pl", "ef21.tight"]
    assert claims == [i for i in CLAIMS if i.startswith("khirirat.")]
    with pytest.raises(InputError, match="did you mean 'dasha'"):
        select(["dahsa"])


def test_selection_suggests_the_nearest_name():
    theorems, claims = select(paper="dore")
    assert theorems == [i for i in THEOREMS if i.startswith("dore.")]
    assert claims == [i for i in CLAIMS if i.startswith("dore.")]
    with pytest.raises(InputError, match="did you mean 'dore'"):
        select(paper="dora")
    with pytest.raises(InputError, match=r"did you mean 'dore\.nonconvex'"):
        select(["dore.nonconvx"])


@pytest.mark.parametrize("theorem", list(EXPERIMENTS))
def test_default_experiment_holds_and_shows_the_predicted_rate_and_speedup(theorem, certificate):
    """What verify --quick prints, row by row; the seed is fixed."""
    verdict = certificate(theorem)
    assert verdict["verdict"] == "holds", verdict["reason"]
    timed = THEOREMS[theorem].measures[0][1] == "seconds_per_round"  # nothing falls with the rounds there
    assert verdict["clock"]["promised"] if timed else verdict["rate"]["seen"]
    assert not EXPERIMENTS[theorem].workers_grid or verdict["speedup"]["seen"]


def test_a_verdict_says_whether_method_compressors_and_problem_are_what_they_are_called(monkeypatch):
    from tersegrad.validation import verification
    from tersegrad.validation.conformance import Conformance

    asked = {"problem": QUADRATIC, "up": "randk:k=2", "workers": 3, "rounds": 20, "replicas": 4}
    (verdict,) = verify(["qsgd.strongly-convex"], **asked)
    assert verdict.conformance.word == "conforms"
    parts = {"compressor randk:k=2", f"problem {verdict.problem}", f"the constants of {verdict.problem}"}
    assert parts <= set(verdict.conformance.checked)
    assert len(verdict.controls) == 3
    assert all(control.rejected for control in verdict.controls)
    assert verdict.one_step.word == "contracts"
    wrong = Conformance("differs", "at message 3 in entry 1", 0.5, 1e-12)
    monkeypatch.setattr(verification, "compressor_conforms", lambda c: wrong if c.name == "randk" else Conformance(""))
    monkeypatch.setattr(verification, "_ANSWERS", {})
    (verdict,) = verify(["qsgd.strongly-convex"], **asked)
    assert str(verdict.conformance).startswith("differs in compressor randk:k=2 at message 3")
    assert exit_status([verdict]) == 1


def test_constants_that_are_not_the_problems_own_are_found_out(monkeypatch):
    from tersegrad.problems import problem
    from tersegrad.validation.promises import constants_conform

    on = problem(QUADRATIC, workers=2)
    assert constants_conform(on, 2).word == "conforms"
    right = on.constants()
    monkeypatch.setattr(type(on), "constants", lambda self: replace(right, mu=2 * right.mu))
    found = constants_conform(on, 2)
    assert found.word == "differs"
    assert "in mu: 0.4 is claimed" in found.where


@pytest.mark.parametrize("variant", list(of_compressors()), ids=lambda v: v.name)
def test_compressors_that_promise_too_much_are_found_out(variant):
    from tersegrad.theory import compressor
    from tersegrad.validation.promises import promises_conform

    assert promises_conform(compressor(variant.name.rpartition(": ")[0]), 12).word == "conforms"
    assert promises_conform(variant.compressor, 12).word == "differs"


@pytest.mark.parametrize("ids", [[], ()])
def test_an_empty_list_of_ids_judges_nothing_and_says_so(ids):
    with pytest.raises(
        InputError, match=r"^ids=\[\]: an empty list names no theorem; leave it out to judge all of them$"
    ):
        verify(ids)
