"""The LaTeX statement of every theorem, evaluated as a formula, agrees with the code; a wrong one does not."""

import pytest

from support.theorem_table import BOUNDS
from tersegrad.latex import PIECES
from tersegrad.theory import COLUMNS, THEOREMS
from tersegrad.theory.bounds import Interval
from tersegrad.validation.statements import Formula, UnreadableError, check_statement, difference, with_statement


def test_the_evaluator_reads_latex():
    symbols = {"a": 2.0, r"\rho_{\max}": 3.0, "t": 2.0}
    value = Formula(r"-1+\frac{a^t}{2(1+\rho_{\max})}\max\{1, a-1,\sqrt{16}\}", symbols).value()
    assert value == -1 + 4 / 8 * 4
    with pytest.raises(UnreadableError):
        Formula(r"\int a", symbols).value()
    with pytest.raises(UnreadableError):
        Formula("b", symbols).value()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("id", THEOREMS)
def test_the_statement_is_what_the_code_computes(id, seed):
    assert difference(THEOREMS[id], seed) == ""


@pytest.mark.parametrize("id", THEOREMS)
def test_no_statement_is_left_unchecked(id):
    assert check_statement(id).word == "agrees"


@pytest.mark.parametrize("id", BOUNDS)
def test_a_wrong_constant_in_the_statement_is_found(id):
    theorem = THEOREMS[id]
    changed = type("Changed", (type(theorem),), {"bound_latex": "2(" + theorem.bound_latex + ")"})()
    assert "the bound after 37 rounds" in difference(changed)


#: Theorems with a largest step that they do not prescribe.
STEPPING = [id for id in BOUNDS if not THEOREMS[id].general and r"\gamma_{\max}" in dict(THEOREMS[id].definitions)]


@pytest.mark.parametrize("id", STEPPING)
def test_a_step_that_is_too_long_is_found(id):
    """The code allows a step 1.5 times as long as the statement."""
    theorem = THEOREMS[id]

    class Longer(type(theorem)):
        def choose_parameters(self, request, choose):
            class Stretched(type(choose)):
                def __call__(this, name, interval, default):
                    if name == "gamma":
                        high = 1.5 * interval.high
                        interval = Interval(interval.low, high, interval.text, interval.low_open, interval.high_open)
                    return super().__call__(name, interval, default)

            stretched = Stretched(choose.fixed, choose.rule, choose.values, choose.intervals)
            super().choose_parameters(request, stretched)

    assert difference(Longer())


def test_a_difference_is_a_violation(monkeypatch):
    from support.verdict_examples import linear

    verdict = with_statement(linear())
    assert (verdict.verdict, verdict.statement_check.word) == ("holds", "agrees")
    theorem = THEOREMS[verdict.theorem]
    changed = type("Changed", (type(theorem),), {"bound_latex": "2(" + theorem.bound_latex + ")"})()
    monkeypatch.setitem(THEOREMS, verdict.theorem, changed)
    found = with_statement(linear())
    assert found.verdict == "violated"
    assert "the statement and the code differ" in found.reason


@pytest.mark.parametrize("id", THEOREMS)
def test_the_statement_is_whole(id):
    """What it defines it also uses, mathematics is between its signs, and a run records what is measured."""
    theorem = THEOREMS[id]
    text = PIECES.sub("", theorem.statement)
    assert not set(text) & set("\\$^_{}")
    for symbol, _ in theorem.definitions:
        assert theorem.statement.count(symbol) >= 2, symbol
    assert all(column in COLUMNS for _, column in theorem.measures)
