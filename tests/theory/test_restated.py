"""Every theorem, held against its formulas in plain Python; what is changed in code and statement alike is found."""

import importlib

import pytest

from tersegrad.theory import THEOREMS
from tersegrad.theory.bounds import Interval, Rate
from tersegrad.validation.restated import ASSUMED, RESTATED, contradiction, differs, wrong_slope


def test_every_theorem_is_restated():
    assert set(THEOREMS) == set(RESTATED) == set(ASSUMED)


@pytest.mark.parametrize("id", RESTATED)
def test_a_theorem_is_restated_in_the_file_of_its_name(id):
    home = type(THEOREMS[id]).__module__.rpartition(".")[2]
    assert id in importlib.import_module(f"tersegrad.validation.restated.papers.{home}").RESTATED


@pytest.mark.parametrize("id", RESTATED)
def test_every_theorem_is_what_is_restated_of_it(id):
    theorem = THEOREMS[id]
    assert contradiction(theorem) == ""
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


@pytest.mark.parametrize("id", ["diana.strongly-convex", "dore.nonconvex", "ef21.nonconvex"])
def test_a_hypothesis_that_is_dropped_is_found(id):
    kept = THEOREMS[id].assumes[1:]
    assert f"does not assume '{THEOREMS[id].assumes[0].name}'" in contradiction(_changed(id, assumes=kept))


def test_limits_that_rarely_count_are_found():
    """theta/(2 pl) is the shorter step only where curvatures are nearly equal."""
    right = type(THEOREMS["ef21.pl"])

    def choose_parameters(self, request, choose):
        class Doubled(type(choose)):
            def __call__(this, name, interval, default):
                return super().__call__(name, Interval(0.0, min(2 * interval.high, 1 / request.c.L), ""), default)

        doubled = Doubled(choose.fixed, choose.rule, choose.values, choose.intervals)
        right.choose_parameters(self, request, doubled)

    assert "the longest step" in contradiction(_changed("ef21.pl", choose_parameters=choose_parameters))


def test_a_recommended_step_and_a_number_of_rounds_are_found(monkeypatch):
    from tersegrad.theory.bounds import Curve
    from tersegrad.theory.theorems import neolithic

    monkeypatch.setattr(neolithic, "repeats", lambda delta: 1)
    assert "the recommended" in contradiction(THEOREMS["neolithic.nonconvex"])
    right = Curve.rounds_to
    monkeypatch.setattr(Curve, "rounds_to", lambda self, eps: (right(self, eps) or 0) + 1)
    assert "the number of rounds to an accuracy" in contradiction(THEOREMS["sgd.strongly-convex"])


def test_seconds_are_found(monkeypatch):
    """Bounds in seconds and the seconds that go with bounds in rounds: H_m of the m fastest, not of any m."""
    from tersegrad.theory.theorems import ringmaster

    def slowest_first(seconds):
        return [1 / (sum(1 / s for s in seconds[:m]) / m) for m in range(1, len(seconds) + 1)]

    monkeypatch.setattr(ringmaster, "harmonic_means", slowest_first)
    assert "rounds take" in contradiction(THEOREMS["ringmaster.nonconvex"])
    assert "rounds take" in contradiction(THEOREMS["rennala.nonconvex"])
    monkeypatch.undo()
    right = ringmaster.harmonic_means
    monkeypatch.setattr(ringmaster, "harmonic_means", lambda seconds: [0.9 * H for H in right(seconds)])
    for id in ("ringmaster.time", "ringmaster.time-sharper", "rennala.time"):
        assert "the bound after" in contradiction(THEOREMS[id])
    silent = _changed("rennala.nonconvex", seconds=lambda self, constants, p, rounds: None)
    assert "rounds take" in contradiction(silent)
    chatty = _changed("sgd.nonconvex", seconds=lambda self, constants, p, rounds: 1.0)
    assert "rounds take" in contradiction(chatty)


def test_what_is_recommended_is_found(monkeypatch):
    """Scalings, steps and periods inside their intervals: no bound is wrong, and nobody should be told them."""
    from tersegrad.theory.theorems import ef_bv, ringmaster

    right = ef_bv.best
    with monkeypatch.context() as patch:
        patch.setattr(ef_bv, "best", lambda good, omega: 0.5 * right(good, omega))
        assert "the recommended lam" in contradiction(THEOREMS["ef-bv.nonconvex"])
    with monkeypatch.context() as patch:
        patch.setattr(ringmaster, "MOST", 3)
        assert "the R recommended for an accuracy" in contradiction(THEOREMS["ringmaster.nonconvex"])
    kind = type(THEOREMS["diana.strongly-convex"])
    slow = _changed(kind.name, _weight=lambda self, *given: 1.5 * kind._weight(self, *given))
    assert "the contraction at the recommended M" in contradiction(slow)

    def choose_parameters(self, request, choose):
        choose("gamma", Interval(0.0, 1 / request.c.L, "0 < gamma <= 1/L"), 0.5 / request.c.L)

    assert "the recommended gamma" in contradiction(_changed("sgd.nonconvex", choose_parameters=choose_parameters))


def test_a_speedup_that_ends_earlier_is_found(monkeypatch):
    from tersegrad.theory import families

    right = families.speedup_until
    monkeypatch.setattr(families, "speedup_until", lambda *given: 3 * right(*given))
    assert "where a speedup is promised" in contradiction(THEOREMS["sgd.nonconvex"])
    assert "where a speedup is promised" in contradiction(THEOREMS["doublesqueeze.nonconvex"])


@pytest.mark.parametrize("id", ["sgd.nonconvex", "doublesqueeze.nonconvex", "diana.strongly-convex"])
def test_a_parameter_that_is_taken_from_outside_is_found(id, monkeypatch):
    monkeypatch.setattr(Interval, "refusal", lambda self, name, value: "")
    assert "is accepted, and only" in contradiction(THEOREMS[id])
