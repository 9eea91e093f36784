"""Requests that break a hypothesis of an asynchronous theorem, and the bound with it: they get no guarantee."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from tersegrad.cli import main
from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.solvers.clocks import clock
from tersegrad.solvers.schedule import Schedule
from tersegrad.theory import Constants, Unbiased, theorem
from tersegrad.validation.decisions import decide
from tersegrad.validation.verdict import Series

ASYNCHRONOUS = Constants(
    n=3, dim=3, L=1.0, L_max=1.0, L_tilde=1.0, mu=1.0, mu_min=1.0, tau=2.0, zeta_sq=0.0, dist0_sq=1.0, G=1.0,
    sigma_sq=0.0, zeta_star_sq=0.0,
)  # fmt: skip


def mean_gap(problem, up, gamma, rounds, schedule, replicas):
    """Mean and standard error of the metric of the delayed-Q-SGD theorem after all rounds."""
    trace = simulate(
        "delayed-q-sgd", problem, up, parameters={"gamma": gamma, "M": 1}, rounds=rounds, replicas=replicas,
        schedule=schedule, checkpoints=[rounds], columns=["gap_mean"],
    )  # fmt: skip
    values = trace.columns["gap_mean"][:, -1]
    return values.mean(), values.std(ddof=1) / math.sqrt(replicas) if replicas > 1 else 0.0


def test_coins_shared_by_workers_that_report_in_turn_break_the_bound_and_get_no_guarantee():
    """200 workers, no delay: the k-th messages of all of them toss one coin, which shapes the models in between."""
    problem = build("quadratic:dim=3,mu=1,L=1,radius=1,region=1", workers=200)
    times = clock("fixed:tau=0", 200, 200)
    known = replace(problem.constants(), **times.facts())
    ask = theorem("khirirat.delayed-q-sgd").guarantee
    sure = ask(known, "randk:k=1", rounds=200)
    bound, step = float(sure.bound(200)), sure.parameters["gamma"]
    own, _ = mean_gap(problem, "randk:k=1", step, 200, times, 64)
    shared, error = mean_gap(problem, "randk:k=1,seed=shared", step, 200, times, 64)
    assert own < 0.5 * bound
    assert shared - 4 * error > bound
    refused = ask(known, "randk:k=1,seed=shared", rounds=200)
    assert not refused
    assert "share theirs" in refused.reason
    run = (
        "run delayed-q-sgd --problem quadratic:dim=3,mu=1,L=1,radius=1,region=1 --up randk:k=1,seed=shared "
        "--workers 200 --rounds 200 --clock fixed:tau=0"
    )
    answer = CliRunner().invoke(main, run.split())
    assert answer.exit_code == 2
    assert "no theorem recommends parameters" in answer.output
    assert "coins that the model of a message does not depend on" in answer.output


@pytest.mark.parametrize("id", ["khirirat.delayed-q-sgd", "khirirat.q-iag-strongly-convex", "khirirat.q-iag-convex",
                                "khirirat.q-iag-delay-lemma", "khirirat.q-iag-nonconvex"])  # fmt: skip
@pytest.mark.parametrize(
    "up",
    ["randk:k=1,seed=shared", "randomblock:blocks=3,scaled=1", "permk:workers=3", Unbiased(2.0, shared_coins=True),
     "induced:first=topk/k=1,second=randk/k=1/seed=shared", "composed:first=ternary,second=randk/k=1/seed=shared",
     "repeated:of=induced/first=topk//k=1/second=randk//k=1//seed=shared,times=2"],
    ids=str,
)  # fmt: skip
def test_shared_coins_are_refused_unless_the_messages_of_one_coin_serve_in_one_step(id, up):
    ask = theorem(id).guarantee
    assert "share theirs" in ask(ASYNCHRONOUS, up).reason
    assert ask(replace(ASYNCHRONOUS, every_worker=True), up)
    assert ask(replace(ASYNCHRONOUS, n=1, overlap=None), up if up != "permk:workers=3" else "randk:k=1,seed=shared")


def test_a_fast_worker_makes_its_own_optimum_and_gets_no_guarantee():
    """Unequal workers, one of them ten times slower: the floor is where the others want to be."""
    problem = build("quadratic:dim=2,mu=1,L=1,heterogeneity=3,radius=1,region=6", workers=4)
    ask = theorem("khirirat.delayed-q-sgd").guarantee
    times = clock("straggler:factor=10", 4, 3000)
    known = replace(problem.constants(), **times.facts())
    if_drawn = ask(replace(known, uniform_draws=True), rounds=3000)
    measured, _ = mean_gap(problem, "identity", if_drawn.parameters["gamma"], 3000, times, 1)
    assert measured > 1.5 * float(if_drawn.bound(3000))
    refused = ask(known, rounds=3000)
    assert not refused
    assert "report at different rates" in refused.reason
    assert not ask(replace(known, uniform_draws=None), rounds=3000)


def test_workers_drawn_uniformly_may_differ():
    problem = build("quadratic:dim=2,mu=1,L=1,heterogeneity=3,radius=1,region=6", workers=4)
    times = clock("drawn:tau=3", 4, 3000, seed=1)
    known = replace(problem.constants(), **times.facts())
    sure = theorem("khirirat.delayed-q-sgd").guarantee(known, rounds=3000)
    measured, _ = mean_gap(problem, "identity", sure.parameters["gamma"], 3000, times, 1)
    assert measured < float(sure.bound(3000))


def test_all_workers_in_one_step_may_differ_if_their_messages_are_of_one_age():
    ask = theorem("khirirat.delayed-q-sgd").guarantee
    unequal = replace(ASYNCHRONOUS, zeta_sq=1.0)
    assert ask(replace(unequal, same_age=True), M=3)
    assert not ask(replace(unequal, same_age=True), M=2)
    assert not ask(replace(unequal, same_age=False), M=3)


def test_delayed_gradients_of_different_ages_break_the_published_bound_on_unequal_quadratics():
    """f_1 = 500 x^2, f_2 = -499.5 x^2: two ages leave the bound for f = x^2/4, equal ages do not."""
    curvatures, mu, tau, rounds = np.array([1000.0, -999.0]), 0.5, 4, 60
    known = Constants(n=2, L=mu, mu=mu, dist0_sq=1.0, sigma_sq=0.0, tau=tau, quadratic=True)
    ask = theorem("delayed-sgd.quadratic").guarantee
    sure = ask(replace(known, same_age=True))
    for ages, holds in ((np.array([tau, tau]), True), (np.array([tau, 0]), False)):
        x = np.ones(rounds + 1)
        for t in range(rounds):
            x[t + 1] = x[t] - sure.parameters["gamma"] * np.mean(curvatures * x[np.maximum(t - ages, 0)])
        assert bool(mu / 2 * x[-1] ** 2 <= sure.bound(rounds)) == holds
    step, worker = np.repeat(np.arange(9), 2), np.tile([0, 1], 9)
    uneven = Schedule.of(step, worker, np.where(worker == 0, np.maximum(step - tau, 0), step))
    refused = ask(replace(known, **uneven.facts()))
    assert "computed at different models" in refused.reason
    assert ask(replace(known, same_age=False, zeta_sq=0.0))


def test_the_facts_of_a_schedule():
    facts = clock("cyclic", 4, 40).facts()
    known = {"uniform_draws": False, "same_age": True, "every_worker": False, "independent_delays": True}
    assert facts == {"tau": 3, **known}
    assert clock("uniform", 4, 40, arrivals=4).facts()["every_worker"]
    assert clock("drawn:tau=2", 4, 40, arrivals=2).facts()["uniform_draws"]
    assert clock("drawn", 4, 40).first(10).drawn
    assert not clock("uniform", 4, 40, arrivals=2).facts()["same_age"]
    table = clock("cyclic", 4, 40, table=True).facts(table=True)
    assert not table["every_worker"]


def test_every_worker_is_drawn_equally_often():
    """Chi-squared with 4 degrees of freedom, 5000 draws: above 33.4 with probability 1e-6."""
    counts = np.bincount(clock("drawn", 5, 5000, seed=3).workers, minlength=5)
    assert float(np.sum((counts - 1000) ** 2 / 1000)) < 33.4


def test_a_start_at_the_minimiser_gets_a_step_from_the_order_of_delay_adaptive_sgd():
    known = Constants(n=5, L=1.0, gap0=0.0, sigma_sq=1.0, zeta_sq=0.0)
    ask = theorem("delay-adaptive.nonconvex").guarantee
    found = ask(known, rounds=100)
    assert 0 < found.parameters["gamma"] < 1e-12
    assert found.parameters["gamma"] <= ask(replace(known, gap0=1e-40), rounds=100).parameters["gamma"]


@pytest.mark.parametrize("id", ["d-qgd-strongly-convex", "d-qgd-sharper", "q-iag-strongly-convex"])
def test_the_step_for_a_horizon_is_found_however_small_it_must_be(id):
    """A start 1e-30 from x* and a floor of 1e18: every step down to 1e-60 of the largest one is no better."""
    known = Constants(n=4, L=1.0, L_max=1.0, mu=0.1, mu_min=0.0, overlap=4, tau=1.0, dist0_sq=1e-30, zeta_star_sq=1e18)
    ask = theorem(f"khirirat.{id}").guarantee
    sure, largest = ask(known, Unbiased(1e3), rounds=10), ask(known, Unbiased(1e3)).intervals["gamma"].high
    best = float(sure.bound(10))
    assert best < 2e-30  # the largest steps give 1e17 and more
    for power in np.linspace(0.01, 60, 241):
        other = ask(known, Unbiased(1e3), rounds=10, gamma=largest * 10**-power)
        assert not other or float(other.bound(10)) >= best * (1 - 1e-9)


@pytest.mark.parametrize("id", ["sgd.strongly-convex", "diana.strongly-convex", "dore.strongly-convex",
                                "compressed-gd.strongly-convex", "error-feedback.tight-single-worker"])  # fmt: skip
def test_a_bound_that_is_exactly_zero_gets_a_verdict_and_a_report(id, tmp_path):
    """mu = L: one step lands on x*, where only rounding is left."""
    run = f"verify {id} --problem quadratic:dim=3,mu=1,L=1,radius=1 --workers 1 --rounds 50 --out {tmp_path} --json"
    up = ["--up", "topk:k=3"] if "compressed-gd" in id else []
    answer = CliRunner().invoke(main, [*run.split(), *up])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["verdicts"][0]["verdict"] == "holds"
    assert (tmp_path / "report.html").exists()


def decided(bound, measured, rounding=1e-15):
    """The verdict on one replica that measured this, with a bound that vanishes after the first round."""
    measured = np.array(measured)
    series = Series(np.arange(1, measured.size + 1), measured, measured, measured, np.array(bound), 1.0, 0.0, rounding)
    found = decide(series)
    return found.word, found.reason


def test_a_bound_below_double_precision_is_still_a_bound():
    """Zero after a round, and a method that stalls: rounding explains 1e-15, and 100 times that at most."""
    assert decided([0.0, 0.0], [1e-16, 0.0])[0] == "holds"
    assert decided([0.0, 0.0], [1e-14, 0.0])[0] == "inconclusive"
    assert decided([0.5, 0.0], [0.1, 1e-14])[0] == "holds"
    for bound in ([0.0, 0.0], [0.5, 0.0]):
        word, reason = decided(bound, [0.1 if bound[0] else 1e-16, 1e-3])
        assert word == "violated"
        assert "at round 2 the metric is at least 0.001, the bound 0, and rounding explains 1e-15" in reason


def test_a_run_says_what_its_recommended_step_takes_on_the_users_word():
    """A clock's delays depend on nothing; those of real workers may, and nobody checks."""
    run = "run delayed-sgd --problem quadratic:dim=4,radius=1,noise=gaussian,sigma_sq=1 --workers 2 --rounds 20 --json"
    made = json.loads(CliRunner().invoke(main, run.split()).stdout)
    assert (made["parameters_from"], made["on_your_word"]) == ("delayed-sgd.nonconvex", [])
    live = json.loads(CliRunner().invoke(main, [*run.split(), "--engine", "processes"]).stdout)
    assert len(live["on_your_word"]) == 1
    assert "the delays are taken not to depend on samples and coins" in live["on_your_word"][0]
