"""Ringmaster and Rennala: who is dropped, how long steps take, bounds in seconds."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from support.problem_table import QUADRATIC
from tersegrad.cli import main
from tersegrad.common.errors import InputError
from tersegrad.solvers import simulate
from tersegrad.solvers.clocks import clock
from tersegrad.theory import Constants, theorem
from tersegrad.validation import Experiment
from tersegrad.validation.judging import judge

NOISY = f"{QUADRATIC},noise=gaussian,sigma_sq=1"
TAUS = st.lists(st.sampled_from([0.3, 0.5, 1.0, 1.7, 4.0, 60.0]), min_size=1, max_size=5)


def harmonic(taus, m):
    return m / sum(1 / tau for tau in sorted(taus)[:m])


def spec(taus):
    return "seconds:each=" + "/".join(map(str, taus))


def test_a_step_is_made_of_every_gradient_that_is_young_enough():
    """By hand: tau = (1, 1, 3.5), R = 3. The slow one computes at x^0 while six updates are made, and is dropped."""
    made = clock("seconds:each=1/1/3.5", 3, 9, limit=3)
    assert made.workers.tolist() == [0, 1] * 4 + [0]
    assert made.ages().tolist() == [0] + [1] * 8
    assert made.dropped.tolist() == [0] * 6 + [1, 0, 0]
    trace = simulate(
        "ringmaster", QUADRATIC, workers=3, parameters={"gamma": 0.05, "R": 3}, rounds=9,
        schedule="seconds:each=1/1/3.5", checkpoints=np.arange(10),
    )  # fmt: skip
    assert trace.seconds.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert trace.about["delays"]["dropped"] == 1
    assert trace.scalars["gradient_evaluations"].tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10]


def test_a_batch_is_made_of_whoever_is_fast_at_the_current_model():
    """By hand: tau = (1, 4), B = 3. Three seconds a step; the slow one's gradient at x^0 is there in step 1."""
    trace = simulate(
        "rennala", NOISY, workers=2, parameters={"gamma": 0.05, "B": 3}, rounds=4, schedule="seconds:each=1/4",
        checkpoints=np.arange(5),
    )  # fmt: skip
    assert trace.schedule.workers.tolist() == [0, 0, 0] * 4
    assert trace.seconds.tolist() == [0, 3, 6, 9, 12]
    assert trace.about["delays"] == {"maximal": 0, "average": 0.0, "dropped": 2}  # at seconds 4 and 8


@pytest.mark.parametrize("workers", [1, 3])
def test_a_batch_of_fresh_gradients_is_parallel_sgd_with_as_many_workers(workers):
    """In law: the mean squared distance after 20 steps, 4000 replicas each, four standard errors."""
    common = {"parameters": {"gamma": 0.1}, "rounds": 20, "replicas": 4000, "checkpoints": [20], "columns": ()}
    sgd = simulate("sgd", "quadratic:dim=3,noise=gaussian,sigma_sq=4", workers=6, **common).columns["dist_sq"][:, -1]
    common["parameters"] = {"gamma": 0.1, "B": 6}
    late = simulate(
        "rennala", "quadratic:dim=3,noise=gaussian,sigma_sq=4", workers=workers, schedule="power", **common
    ).columns["dist_sq"][:, -1]
    error = math.hypot(sgd.std() / math.sqrt(4000), late.std() / math.sqrt(4000))
    assert abs(sgd.mean() - late.mean()) < 4 * error


@given(taus=TAUS, R=st.integers(1, 12))
def test_R_updates_in_a_row_take_as_long_as_the_lemma_says(taus, R):
    """t(R) = 2 min_m H_m (1 + R/m) for every window, not only the first; the sharper bound for every number."""
    steps = 4 * R + 7
    seconds = clock(spec(taus), len(taus), steps, limit=R).seconds_after(np.arange(steps + 1))
    lemma = 2 * min(harmonic(taus, m) * (1 + R / m) for m in range(1, len(taus) + 1))
    assert (seconds[R:] - seconds[:-R]).max() <= lemma * (1 + 1e-12)
    known = Constants(n=len(taus), seconds=tuple(taus))
    published, sharper = (
        theorem(name).guarantee(known, R=R) for name in ("ringmaster.time", "ringmaster.time-sharper")
    )
    for T in range(1, steps + 1):
        assert seconds[T] <= sharper.seconds(T) * (1 + 1e-12)
        assert sharper.seconds(T) <= published.seconds(T) * (1 + 1e-12)
        assert published.seconds(T) == pytest.approx(math.ceil(T / R) * lemma)
        assert published.seconds(T) / T <= float(published.bound(T)) * (1 + 1e-12)


@given(taus=TAUS, B=st.integers(1, 12), seed=st.integers(0, 9))
def test_a_batch_takes_as_long_as_the_theorem_says(taus, B, seed):
    known = Constants(n=len(taus), seconds=tuple(taus))
    sure = theorem("rennala.time").guarantee(known, B=B)
    assert sure.seconds(3) == pytest.approx(3 * min(harmonic(taus, m) * (1 + B / m) for m in range(1, len(taus) + 1)))
    made = clock(spec(taus), len(taus), 9, arrivals=B, limit=1).seconds_after(np.arange(1, 10))
    assert (made <= [sure.seconds(T) * (1 + 1e-12) for T in range(1, 10)]).all()
    uneven = clock("uniform:low=0.1,high=1.5", 4, 9, seed, arrivals=B, limit=1)
    sure = theorem("rennala.time").guarantee(Constants(n=4, seconds=uneven.compute_seconds), B=B)
    assert (uneven.seconds_after(np.arange(1, 10)) <= [sure.seconds(T) for T in range(1, 10)]).all()


def test_one_worker_attains_the_time_of_a_batch_but_for_one_gradient():
    made = clock("constant", 1, 50, arrivals=20, limit=1).seconds_after([50])[0]
    promised = theorem("rennala.time").guarantee(Constants(n=1, seconds=1.0), B=20).seconds(50)
    assert (made, promised) == (1000.0, 1050.0)


def test_the_guarantee_counts_seconds_to_an_accuracy():
    """2 sigma^2/eps and the step that the noise wants: 16 L Delta sigma^2/eps^2 updates, whoever is slow."""
    known = Constants(n=4, L=2.0, gap0=3.0, sigma_sq=5.0, zeta_sq=0.0, seconds=(1, 1, 1, 1e9))
    found = theorem("ringmaster.nonconvex").guarantee(known, eps=0.1)
    assert found.parameters == {"gamma": 0.1 / (4 * 2 * 5), "R": 101.0}
    assert found.rounds_to(0.1) == pytest.approx(16 * 2 * 3 * 5 / 0.01, abs=1)
    fast = theorem("ringmaster.nonconvex").guarantee(replace(known, n=3, seconds=(1, 1, 1)), eps=0.1)
    assert found.seconds_to(0.1) == fast.seconds_to(0.1) == found.seconds(found.rounds_to(0.1))
    rennala = theorem("rennala.nonconvex").guarantee(known, eps=0.1)
    assert rennala.parameters["B"] == pytest.approx(2 * 5 / 0.1, rel=0.25)
    for B in (50, 80, 100, 120, 200):
        other = theorem("rennala.nonconvex").guarantee(known, eps=0.1, B=B)
        steps = min(other.rounds_to(0.1), math.ceil(other.curve.time_to(0.1)))
        assert rennala.curve.time_to(0.1) * rennala.seconds(1) <= steps * other.seconds(1) * (1 + 0.02)
    unknown = theorem("ringmaster.nonconvex").guarantee(replace(known, seconds=None), eps=0.1)
    assert unknown.seconds_to(0.1) is None
    assert theorem("sgd.nonconvex").guarantee(known, eps=0.1).seconds_to(0.1) is None


@pytest.mark.parametrize(
    ("name", "p", "slow"),
    [("ringmaster.nonconvex", {"R": 4}, 0.6), ("ringmaster.time-sharper", {"R": 40, "gamma": 0.01}, 0.8),
     ("rennala.time", {"B": 40, "gamma": 0.01}, 0.8)],
)  # fmt: skip
def test_a_promise_of_seconds_that_the_clock_does_not_keep_is_a_violation(name, p, slow):
    """The theorem is told that gradients take less than they do."""
    plan = Experiment(name, "pl:dim=4", workers=4, clock="power:exponent=2", choices=p, rounds=400, rounds_grid=())
    true = judge(plan)
    assert true.verdict == "holds"
    assert true.clock.late is None
    assert true.clock.measured[-1] <= true.clock.promised[-1]
    assert "seconds of the clock" in true.reason
    told = judge(plan, override_constants=lambda c: replace(c, seconds=tuple(slow * taken for taken in c.seconds)))
    assert told.verdict == "violated"


def test_a_server_that_drops_nothing_is_another_method():
    from tersegrad.solvers.method import method
    from tersegrad.validation.conformance import conforms

    for word in ("ringmaster", "rennala"):
        assert conforms(word).word == "conforms"
        assert conforms(replace(method(word), drops=False)).word == "differs"


def test_on_the_command_line(tmp_path):
    def ask(line):
        return CliRunner().invoke(main, line.split())

    step = "step-size ringmaster.nonconvex --set n=4 L=1 sigma_sq=1 gap0=1 zeta_sq=0 --eps 0.1 --json"
    assert json.loads(ask(step).output)["seconds_to_eps"] is None
    said = json.loads(ask(f"{step} --clock straggler:factor=1e6").output)
    assert (said["parameters"]["R"], said["rounds_to_eps"]) == (21, 1600)
    assert said["seconds_to_eps"] == pytest.approx(1 + 1600 / 3 + 1600 / 21)
    given = "--set seconds=1/1/1/1e6"
    assert json.loads(ask(f"{step} {given}").output)["seconds_to_eps"] == said["seconds_to_eps"]
    for line, words in (
        (f"{step} {given} --clock constant", "both say how long"),
        (f"{step} --clock exponential", "have no upper bound"),
        ("step-size ringmaster.nonconvex --set L=1 --clock constant", "number is unknown"),
        ("run ringmaster --problem quadratic --workers 2 --set R=0 gamma=0.1", "R=0"),
        ("run ringmaster --problem quadratic --workers 2 --set R=x gamma=0.1", "R=x"),
        ("run rennala --problem quadratic --workers 2 --set B=2.5 gamma=0.1", "B=2.5"),
        ("run ringmaster --problem quadratic:heterogeneity=1 --workers 2", "all sample the same f"),
        ("run rennala --problem quadratic --workers 2 --set tau=3 gamma=0.1", "no parameter 'tau'"),
    ):
        answer = ask(line)
        assert answer.exit_code == 2
        assert words in answer.output
    run = "run rennala --problem pl:dim=4,noise=gaussian,sigma_sq=1 --workers 3 --rounds 20 --json"
    first = json.loads(ask(f"{run} --clock straggler:factor=9 --schedule-out {tmp_path / 's.csv'}").output)
    assert first["parameters"]["B"] == 3
    assert first["virtual_seconds"] == 40  # three gradients of two workers take two seconds
    again = json.loads(ask(f"{run} --schedule {tmp_path / 's.csv'}").output)
    assert (again["final"], again["virtual_seconds"]) == (first["final"], 40)
    assert json.loads(ask("run sgd --problem quadratic --rounds 2 --json").output)["virtual_seconds"] is None


@pytest.mark.parametrize("given", [object(), True, "1/x", [1, [2]], (0.0,), (1.0, math.inf)])
def test_seconds_that_are_none_are_refused(given):
    with pytest.raises(InputError, match="seconds="):
        Constants(n=2, seconds=given)


def test_seconds_are_a_column_of_data_frames_and_files(tmp_path):
    from tersegrad import Trace

    trace = simulate("delayed-sgd", QUADRATIC, workers=3, parameters={"gamma": 0.1, "M": 3}, rounds=4, replicas=2,
                     schedule="seconds:each=1/2/5", checkpoints=[0, 1, 4])  # fmt: skip
    assert trace.to_pandas()["seconds"].tolist() == [0, 5, 20, 0, 5, 20]
    trace.save(tmp_path / "t.npz")
    assert Trace.load(tmp_path / "t.npz").seconds.tolist() == [0, 5, 20]
    with pytest.raises(InputError, match="this run has no seconds"):
        simulate("sgd", QUADRATIC, workers=3, parameters={"gamma": 0.1}, rounds=4).seconds  # noqa: B018


def test_runs_are_drawn_over_seconds():
    trace = simulate("ringmaster", QUADRATIC, workers=2, parameters={"gamma": 0.1, "R": 2}, rounds=9, schedule="power")
    (ax,) = trace.plot("gap", over="seconds").axes
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), trace.seconds[trace.seconds > 0])
    assert ax.get_xlabel() == "seconds"
    with pytest.raises(InputError, match="this run has no seconds"):
        simulate("sgd", QUADRATIC, workers=2, parameters={"gamma": 0.1}, rounds=9).plot("gap", over="seconds")
