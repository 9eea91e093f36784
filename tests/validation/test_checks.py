"""The checks themselves: each says no to something wrong, and what is switched off in one of them is found."""

import dataclasses

import numpy as np
import pytest

from tersegrad.common.errors import TooMuchError
from tersegrad.problems.quadratic import Quadratic
from tersegrad.theory.compressors.sign import Sign
from tersegrad.validation import (
    certify_problem,
    conformance,
    decisions,
    families,
    restated,
    sequential,
    statistics,
    verification,
    verify,
)
from tersegrad.validation.checks import CHECKS, checks_conform
from tersegrad.validation.conformance import Conformance


def test_every_check_tells_wrong_from_right():
    assert checks_conform().word == "conforms"
    assert set(checks_conform().checked) == set(CHECKS)


@pytest.mark.parametrize(
    ("owner", "name", "switched_off", "check"),
    [
        (conformance.Tally, "note", lambda self, *given: False, "the transcription"),
        (restated.agreement, "differs", lambda *given: "", "the theorem as restated"),
        (certify_problem, "SLACK", 10.0, "the constants"),
        (sequential, "evidence", lambda samples, bound: np.inf, "the decisions"),
        (sequential, "decide", lambda series: decisions.Decision("holds", ""), "the decisions"),
    ],
)
def test_a_check_that_is_switched_off_is_found(owner, name, switched_off, check, monkeypatch):
    monkeypatch.setattr(owner, name, switched_off)
    found = checks_conform()
    assert found.word == "differs"
    assert f"of {check}," in found.where


def test_error_probabilities_that_are_spent_twice_and_bets_that_are_not_fair_are_found(monkeypatch):
    from tersegrad.validation import checks

    with monkeypatch.context() as patch:
        patch.setattr(checks, "spent", lambda alpha, look: alpha)
        assert "of the limits," in checks_conform().where
    monkeypatch.setattr(checks, "evidence", lambda samples, bound: 0.1 + statistics.evidence(samples, bound))
    assert "of the bets," in checks_conform().where


def test_a_constant_that_the_default_problem_does_not_show_is_found(monkeypatch):
    """With equal workers zeta is zero, half of it too; the family has workers that differ."""
    right = Quadratic.constants
    half = lambda self: dataclasses.replace(right(self), zeta_sq=(right(self).zeta_sq or 0) / 2 or None)  # noqa: E731
    monkeypatch.setattr(Quadratic, "constants", half)
    found = families.family_conforms("quadratic")
    assert found.word == "differs"
    assert found.where.startswith("in zeta_sq")


@pytest.mark.parametrize("family", families.FAMILIES)
def test_families_are_what_they_say(family):
    assert families.family_conforms(family).word == "conforms"


@pytest.fixture
def fresh(monkeypatch):
    """Without answers of other tests."""
    monkeypatch.setattr(verification, "_ANSWERS", {})


def test_a_refusal_of_the_toolkit_s_own_is_no_pass(fresh, monkeypatch):
    """delta = 1.2/d is refused for d = 1, and nothing was checked for any d."""
    right = Sign.contractive
    monkeypatch.setattr(
        Sign, "contractive", lambda self, dim: dataclasses.replace(right(self, dim), delta=1.2 * right(self, dim).delta)
    )
    (verdict,) = verify(["error-feedback.nonconvex"], quick=True, up="sign", rounds=50)
    assert verdict.differs
    assert "in the constants of sign" in verdict.conformance.where


def test_what_is_not_checked_is_said_in_words(fresh, monkeypatch):
    def too_large(*given):
        raise TooMuchError("the vectors are too long for this machine")

    monkeypatch.setattr(verification, "promises_conform", too_large)
    (verdict,) = verify(["sgd.nonconvex"], quick=True, rounds=50)
    assert verdict.conformance.word == "conforms"
    words = "not checked: the constants of identity (the vectors are too long for this machine)"
    assert words in str(verdict.conformance)
    assert verdict.conformance.as_dict()["unchecked"]


def test_a_part_that_has_nothing_to_say_is_listed(fresh, monkeypatch):
    monkeypatch.setattr(verification, "problem_conforms", lambda *given: Conformance("not checked", "it is a riddle"))
    (verdict,) = verify(["sgd.nonconvex"], quick=True, rounds=50)
    assert any("(it is a riddle)" in words for words in verdict.conformance.unchecked)
