"""Every theorem, held against its formulas in plain Python; what is changed in code and statement alike is found."""

import pytest

from tersegrad.theory import THEOREMS
from tersegrad.theory.bounds import Interval, Rate
from tersegrad.validation.restated import RESTATED, contradiction, differs, wrong_slope


@pytest.mark.parametrize("id", THEOREMS)
def test_every_theorem_is_what_is_restated_of_it(id):
    theorem = THEOREMS[id]
    assert id in RESTATED
    assert differs(theorem, seed=1) == ""
    assert wrong_slope(theorem) == ""


def _changed(id, **methods):
    return type("Changed", (type(THEOREMS[id]),), methods)()


def _at_the_limit(formula, latex):
    """A step and its LaTeX, changed together."""

    def choose_parameters(self, request, choose):
        high = formula(request.c)
        choose("gamma", Interval(0.0, high, "0 < gamma"), high)

    return {"choose_parameters": choose_parameters, "definitions": ((r"\gamma_{\max}", latex),)}


def test_a_step_that_is_changed_in_code_and_statement_is_found():
    wrong = _changed("sgd.finite-sum", **_at_the_limit(lambda c: 1 / c.L, r"\frac{1}{L}"))
    assert "the longest step is" in contradiction(wrong)
    without_four = _at_the_limit(
        lambda c: 2 / (c.L + (c.L**2 + c.L_tilde**2 * c.tau**2) ** 0.5), r"\frac{2}{L+\sqrt{L^2+\tilde L^2\tau^2}}"
    )
    assert "the longest step is" in contradiction(_changed("iag.nonconvex", **without_four))


def test_a_special_case_is_found():
    """One worker has a step of its own."""
    wrong = _at_the_limit(lambda c: 1 / (c.L + 2 * c.L_sample / c.n), r"\frac{1}{L+\frac{2L_s}{n}}")
    assert "with one worker" in contradiction(_changed("sgd.finite-sum", **wrong))


def test_a_lost_term_and_a_slope_that_is_not_there_are_found():
    right = type(THEOREMS["doublesqueeze.asynchronous"])
    lost = _changed(right.name, _error=staticmethod(lambda request, p: 0.0))
    assert "the bound after" in contradiction(lost)
    slow = _changed("sgd.nonconvex", rate=lambda *_: Rate("power", "", in_rounds=(-1.0, -0.25), in_workers=-0.5))
    assert "is promised" in contradiction(slow)
    faster = _changed("econtrol.nonconvex", rate=lambda *_: Rate("power", "", in_rounds=(-1.0, -0.5), in_workers=-1.0))
    assert "and -1 is promised" in contradiction(faster)
