"""``tersegrad run`` for asynchronous methods: clocks, recorded delays, the bound tau."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from tersegrad.cli import main
from tersegrad.problems import problem
from tersegrad.solvers import Trace
from tersegrad.solvers.clocks import clock
from tersegrad.solvers.schedule import Schedule

IAG = "run iag --problem quadratic:dim=4,heterogeneity=1 --workers 3 --rounds 60"
SGD = "run delayed-sgd --problem pl:dim=3 --workers 3 --rounds 60"


def run(words):
    return CliRunner().invoke(main, words.split())


def answer(words):
    result = run(words + " --json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_clock_decides_the_delays_that_are_reported():
    said = answer(f"{IAG} --clock straggler:factor=4")
    realised = clock("straggler:factor=4", 3, 60, 0, table=True).realised(table=True)
    assert said["delays"] == {"maximal": realised.maximal, "average": realised.average}
    text = run(f"{IAG} --clock straggler:factor=4").stdout
    assert f"delay            {realised.maximal}" in text
    assert answer(f"{IAG} --clock cyclic")["delays"]["maximal"] == 2


def test_the_recommended_step_counts_on_the_realised_delay():
    """delayed-sgd.nonconvex: gamma = 1/(2 L max(1, tau)), L = 8."""
    for tau in (0, 1, 5):
        said = answer(f"{SGD} --clock fixed:tau={tau}")
        assert said["parameters_from"] == "delayed-sgd.nonconvex"
        assert said["parameters"] == pytest.approx({"gamma": 1 / (16 * max(1, tau)), "M": 1})
    assert answer(f"{SGD} --clock fixed:tau=5 --set tau=10")["parameters"]["gamma"] == pytest.approx(1 / 160)


def test_recorded_delays_replay_the_run(tmp_path):
    file, first, second = tmp_path / "delays.csv", tmp_path / "first.npz", tmp_path / "second.npz"
    answer(f"{IAG} --clock exponential --seed 5 --schedule-out {file} --out {first}")
    said = answer(f"{IAG} --schedule {file} --out {second}")
    np.testing.assert_array_equal(Trace.load(first).final, Trace.load(second).final)
    schedule = Schedule.load(file)
    assert (schedule.n, schedule.steps) == (3, 60)
    assert said["delays"]["maximal"] == schedule.realised(table=True).maximal
    assert said["schedule_out"] is None


def test_recorded_delays_bring_their_number_of_messages(tmp_path):
    file = tmp_path / "delays.csv"
    answer(f"{SGD} --clock uniform --set M=2 gamma=0.01 --schedule-out {file}")
    assert answer(f"{SGD} --schedule {file}")["parameters"]["M"] == 2
    assert "step 0 of the schedule has 2 messages; with M = 1 every" in run(f"{SGD} --schedule {file} --set M=1").stderr


def test_the_start_of_a_longer_record_will_do(tmp_path):
    file = tmp_path / "delays.csv"
    answer(f"{IAG} --clock exponential --schedule-out {file}")
    shorter = IAG.replace("--rounds 60", "--rounds 20")
    assert answer(f"{shorter} --schedule {file}")["delays"] == Schedule.load(file).first(20).realised(True)._asdict()


def test_asynchronous_runs_have_a_clock_of_their_own():
    said = answer(SGD)
    assert said["delays"]["maximal"] > 2
    assert said["final"]["grad_sq"] < said["start"]["grad_sq"]


def test_asynchronous_doublesqueeze_runs_on_unlike_workers_with_a_message_from_each():
    words = "run doublesqueeze-async --problem quadratic:dim=6,heterogeneity=1 --workers 4 --rounds 200 "
    said = answer(words + "--clock fixed:tau=3 --set M=4 --up threshold:level=0.05")
    assert said["parameters_from"] == "doublesqueeze.asynchronous"
    assert said["final"]["grad_sq"] < 0.1 * problem("quadratic:dim=6,heterogeneity=1", 4).constants().grad0_sq
    refused = run(words + "--clock fixed:tau=3")
    assert refused.exit_code == 2
    assert "give M = 4, or --set zeta_sq=0 if they do" in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (f"{IAG} --clock strag:factor=4", "did you mean 'straggler'"),
        (f"{IAG} --clock straggler:factor=4 --set tau=5", "above tau = 5; the largest delay of this schedule is 16"),
        (f"{IAG} --clock cyclic --schedule x.csv", "give --clock or --schedule, not both"),
        (f"{IAG} --schedule nowhere.csv", "cannot read the schedule file 'nowhere.csv': No such file"),
        (f"{IAG} --set tau=soon", "tau=soon: give a finite number"),
        (f"{IAG} --set tau=-1", "tau=-1: give a number of at least 0"),
        (f"{SGD} --set M=2.5", "M=2.5: give a whole number"),
        (f"{SGD} --set M=7", "M = 7 messages per step need as many workers, not 3"),
        (f"{SGD} --clock fresh", "give M = 3, or take the clock fixed:tau=0"),
        ("run sgd --problem pl --clock cyclic", "method 'sgd' is synchronous: leave out the clock or schedule"),
        ("run sgd --problem pl --schedule x.csv", "method 'sgd' is synchronous: leave out the clock or schedule"),
        ("run sgd --problem pl --schedule-out x.csv", "method 'sgd' is synchronous: leave out --schedule-out"),
        ("run sgd --problem pl --set tau=3", "method 'sgd' has no parameter 'tau'"),
    ],
)
def test_bad_delays_get_one_sentence(words, said):
    result = run(words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
