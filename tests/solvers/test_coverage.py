"""What a method's theorems say about a run: they complete its parameters, and name those that lie outside."""

from __future__ import annotations

import numpy as np
import pytest

from tersegrad.problems import problem
from tersegrad.solvers import simulate
from tersegrad.solvers.coverage import (
    bound_on_delays,
    covering,
    facts_of_delays,
    recommended,
    same_runs,
    uncovered,
)
from tersegrad.solvers.method import method
from tersegrad.solvers.schedule import Schedule
from tersegrad.theory import InputError, compressor, theorem

ON = problem("quadratic:dim=20,mu=0.1,L=1,heterogeneity=1", workers=4).constants()
TERNARY, TOPK, DENSE = compressor("ternary"), compressor("topk:k=3"), compressor("identity")


def test_the_first_theorem_that_covers_the_request_recommends_what_is_missing():
    parameters, found = recommended(method("diana"), ON, TERNARY, DENSE, {}, 100)
    assert found.theorem is theorem("diana.strongly-convex")
    assert parameters == found.theorem.guarantee(ON, TERNARY).parameters
    alpha = parameters["alpha"] / 2
    halved, found = recommended(method("diana"), ON, TERNARY, DENSE, {"alpha": alpha}, 100)
    assert halved == found.theorem.guarantee(ON, TERNARY, alpha=alpha).parameters


def test_parameters_that_are_all_given_need_no_theorem():
    given = {"gamma": 7.0, "alpha": 0.3}
    assert recommended(method("diana"), ON, TOPK, DENSE, given, 100) == (given, None)


def test_what_no_theorem_recommends_is_asked_for_with_the_first_reason():
    with pytest.raises(
        InputError, match=r"topk:k=3 is not unbiased.*write parameters=\{'gamma': VALUE, 'alpha': VALUE\}"
    ):
        recommended(method("diana"), ON, TOPK, DENSE, {}, 100)


def test_a_step_is_uncovered_beyond_the_ends_of_the_theorems_interval_only():
    subject, on = theorem("ef21.nonconvex"), problem("least-squares:rows=80,dim=20,reg=0.1", workers=4).constants()
    high = subject.guarantee(on, TOPK).intervals["gamma"].high
    inside = dict(uncovered(method("ef21"), on, TOPK, DENSE, {"gamma": high * (1 - 1e-9)}, 100))
    beyond = dict(uncovered(method("ef21"), on, TOPK, DENSE, {"gamma": high * (1 + 1e-6)}, 100))
    assert subject.name not in inside
    assert beyond[subject.name].startswith("gamma")


def test_delays_obey_the_bound_that_theorems_count_on():
    late = Schedule.of([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1], [0, 0, 1, 0, 2, 1])
    on = method("delayed-sgd")
    assert bound_on_delays(on, late, None) == 1
    assert bound_on_delays(on, late, 3) == 3
    with pytest.raises(InputError, match="tau"):
        bound_on_delays(on, late, 0)
    assert bound_on_delays(on, late, 0, forecast=True) == 0


def test_of_a_forecast_only_what_the_server_enforces_is_a_fact():
    together = Schedule.of([0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1])
    on = method("delayed-sgd")
    assert facts_of_delays(on, together, {"M": 2})["same_age"]
    assert facts_of_delays(on, together, {"M": 2}, forecast=True)["every_worker"]
    assert not facts_of_delays(on, together, {"M": 1}, forecast=True)["same_age"]
    assert facts_of_delays(on, together, {"M": 1}, forecast=True)["independent_delays"] is None


def test_a_theorem_is_about_what_a_method_does():
    """Gradient descent with a step of 1.99/L: outside the theorems of its name, inside one of D-QGD, which it is."""
    on = problem("quadratic:dim=5,mu=0.1,L=1").constants()
    assert len(uncovered(method("sgd"), on, DENSE, DENSE, {"gamma": 1.99}, 100)) >= 3
    found = covering(method("sgd"), on, DENSE, DENSE, {"gamma": 1.99}, 100)
    assert "khirirat.d-qgd-strongly-convex" in [guarantee.theorem.name for guarantee in found]
    assert all(guarantee.parameters["gamma"] == 1.99 for guarantee in found)
    assert covering(method("sgd"), on, DENSE, DENSE, {"gamma": 2.01}, 100) == []


@pytest.mark.parametrize(
    ("name", "up", "others"),
    [
        ("sgd", "identity", {"qsgd", "d-qgd"}),
        ("diana", "identity", {"sgd", "qsgd"}),
        ("qsgd", "ternary", {"d-qgd"}),
        ("diana", "ternary", {"artemis"}),
        ("doublesqueeze", "topk:k=1", set()),
    ],
)
def test_methods_that_declare_the_same_run_alike(name, up, others):
    """By declaration, and to rounding in the models."""
    p, subject = problem("quadratic:dim=5,mu=0.1,L=1,heterogeneity=1", workers=3), method(name)
    numbers = {"gamma": 0.1, "alpha": 0.3}
    parameters = {key: numbers[key] for key in subject.parameters}
    same = {m.name for m in same_runs(subject, compressor(up), DENSE, parameters, 5)}
    assert others <= same
    runs = {
        m.name: simulate(m, p, up, parameters={k: numbers[k] for k in m.parameters}, rounds=20, seed=3).final
        for m in same_runs(subject, compressor(up), DENSE, parameters, 5)
    }
    for final in runs.values():
        np.testing.assert_allclose(final, runs[name], atol=1e-13)
    if not others:
        assert same == {name}
