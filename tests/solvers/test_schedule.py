"""Schedules: clocks in virtual time, the two readings of a delay, files, and what cannot happen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersegrad.common.errors import InputError
from tersegrad.solvers.clocks import CLOCKS, clock
from tersegrad.solvers.schedule import Schedule

TIMED = ("constant", "uniform:low=0.2,high=3", "exponential:mean=2", "straggler:factor=5")
SPECS = (*TIMED, "cyclic", "fixed:tau=3", "fresh")


def made(spec, workers, steps, seed, arrivals, table):
    return clock(spec, workers, steps, seed, workers if spec == "fresh" else arrivals, table)


def ages_by_replaying(schedule, table):
    """The delays as a server would see them, message by message."""
    held, ages = {}, []
    for t in range(schedule.steps):
        for m in range(schedule.starts[t], schedule.starts[t + 1]):
            held[schedule.workers[m]] = schedule.versions[m]
            if not table:
                ages.append(t - schedule.versions[m])
        if table:
            ages += [t - held[i] for i in range(schedule.n)]
    return np.array(ages)


@given(
    spec=st.sampled_from(SPECS),
    workers=st.integers(1, 6),
    steps=st.integers(1, 40),
    seed=st.integers(0, 5),
    arrivals=st.integers(1, 6),
    table=st.booleans(),
)
def test_every_clock_makes_a_possible_schedule(spec, workers, steps, seed, arrivals, table):
    arrivals = min(arrivals, workers)
    schedule = made(spec, workers, steps, seed, arrivals, table)
    assert (schedule.n, schedule.steps, schedule.starts.size) == (workers, steps, steps + 1)
    counts = np.diff(schedule.starts)
    if not table:
        assert (counts == (workers if spec == "fresh" else arrivals)).all()
    else:
        assert sorted(schedule.workers[: schedule.starts[1]]) == list(range(workers))
        assert (schedule.versions[: schedule.starts[1]] == 0).all()
    assert (schedule.versions >= 0).all()
    assert (schedule.versions <= schedule.step).all()
    for i in range(workers):
        assert (np.diff(schedule.versions[schedule.workers == i]) >= 0).all()
        assert (np.diff(schedule.step[schedule.workers == i]) > 0).all()
    ages = ages_by_replaying(schedule, table)
    assert schedule.realised(table) == (ages.max(), pytest.approx(ages.mean()))
    again = made(spec, workers, steps, seed, arrivals, table)
    np.testing.assert_array_equal(schedule.workers, again.workers)
    np.testing.assert_array_equal(schedule.versions, again.versions)


@given(spec=st.sampled_from(TIMED), workers=st.integers(1, 5), seed=st.integers(0, 5), data=st.data())
def test_a_worker_reads_the_model_that_the_step_with_its_last_report_has_made(spec, workers, seed, data):
    arrivals = data.draw(st.integers(1, workers))
    schedule = clock(spec, workers, 30, seed, arrivals)
    for i in range(workers):
        mine = schedule.workers == i
        assert schedule.versions[mine].tolist() == [0, *(schedule.step[mine] + 1).tolist()][: mine.sum()]


@given(spec=st.sampled_from(TIMED), seed=st.integers(0, 5))
def test_a_longer_run_has_the_same_beginning(spec, seed):
    short, long = clock(spec, 4, 20, seed, 2), clock(spec, 4, 50, seed, 2).first(20)
    np.testing.assert_array_equal(short.workers, long.workers)
    np.testing.assert_array_equal(short.versions, long.versions)
    np.testing.assert_array_equal(short.starts, long.starts)


SECONDS = "seconds:each=1/2/5"


@given(
    spec=st.sampled_from((*TIMED, SECONDS, "power:exponent=1")),
    seed=st.integers(0, 5),
    arrivals=st.integers(1, 7),
    limit=st.integers(1, 5),
)
def test_nobody_waits_where_what_is_too_old_is_dropped(spec, seed, arrivals, limit):
    """Every worker computes all the time: its reports, used or dropped, take what its compute times add up to."""
    made = clock(spec, 3, 25, seed, arrivals, limit=limit)
    assert (np.diff(made.starts) == arrivals).all()
    assert made.ages().max() < limit
    made.require(arrivals=arrivals, limit=limit)
    end = made.seconds[-1]
    if made.compute_seconds is not None and not spec.startswith("uniform"):
        computed = sum(int(np.floor(end / taken + 1e-9)) for taken in made.compute_seconds)
        used_or_dropped = made.workers.size + made.dropped.sum()
        at_the_end = sum(abs(end / taken - round(end / taken)) < 1e-9 for taken in made.compute_seconds)
        assert computed - at_the_end < used_or_dropped <= computed  # of those of the last second, some come later
    short = clock(spec, 3, 10, seed, arrivals, limit=limit)
    for name in ("workers", "versions", "seconds", "dropped"):
        np.testing.assert_array_equal(getattr(made.first(10), name), getattr(short, name))


def test_the_seconds_of_a_clock_are_those_of_its_compute_times():
    """Synchronous: a step takes the slowest worker's time. One message a step: the fast ones set the pace."""
    waits = clock(SECONDS, 3, 4, arrivals=3)
    assert waits.seconds_after([0, 1, 2, 4]).tolist() == [0.0, 5.0, 10.0, 20.0]
    first = clock(SECONDS, 3, 4)
    assert first.seconds.tolist() == [1.0, 2.0, 2.0, 3.0]
    assert waits.facts()["seconds"] == (1.0, 2.0, 5.0)
    assert clock("uniform:high=3", 2, 4).compute_seconds == (3.0, 3.0)
    assert clock("exponential", 2, 4).compute_seconds is None
    assert clock("straggler:factor=7", 3, 5, table=True).seconds_after([1, 2]).tolist() == [7.0, 8.0]
    for still in ("cyclic", "fixed:tau=2", "drawn"):
        for limit in (None, 2):
            with pytest.raises(InputError, match="has no seconds: take a clock that keeps time"):
                clock(still, 3, 5, limit=limit).seconds_after([0])


def test_a_worker_may_report_twice_in_a_step_only_where_it_does_not_wait(tmp_path):
    made = clock(SECONDS, 3, 8, arrivals=4, limit=1)
    assert made.workers[:4].tolist() == [0, 0, 1, 0]
    with pytest.raises(InputError, match="worker 0 reports twice in step 0"):
        made.require(arrivals=4)
    made.save(tmp_path / "twice.csv")
    again = Schedule.load(tmp_path / "twice.csv", 3, restarts=True)
    np.testing.assert_array_equal(again.seconds, made.seconds)
    with pytest.raises(InputError, match="worker 0 reports twice in step 0"):
        Schedule.load(tmp_path / "twice.csv", 3)
    with pytest.raises(InputError, match="is 2 steps old, and the server drops what is R or more steps old"):
        clock("fixed:tau=2", 3, 8).require(limit=2)


def test_seeds_differ():
    assert (clock("uniform", 4, 100, seed=0).workers != clock("uniform", 4, 100, seed=1).workers).any()


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize(("workers", "arrivals"), [(1, 1), (5, 1), (5, 2), (6, 3), (4, 4)])
def test_round_robin_has_the_delay_of_a_full_turn(workers, arrivals, table):
    """n = 5, M = 1: n - 1, whether the report waits at the worker or in the table."""
    realised = clock("cyclic", workers, 200, arrivals=arrivals, table=table).realised(table)
    assert realised.maximal == -(-workers // arrivals) - 1


@pytest.mark.parametrize("table", [False, True])
def test_fixed_delays_are_exactly_that_old(table):
    schedule = clock("fixed:tau=4", 3, 20, arrivals=2, table=table)
    ages = schedule.ages_at_use() if table else schedule.ages()
    assert ages.min() == 0
    np.testing.assert_array_equal(schedule.versions, np.maximum(schedule.step - 4, 0))
    assert ages.max() == 4


@pytest.mark.parametrize("spec", TIMED)
def test_who_waits_for_all_has_no_delay(spec):
    assert clock(spec, 5, 30, arrivals=5).realised().maximal == 0


def test_the_slow_worker_sends_as_much_less_as_it_is_slower():
    schedule = clock("straggler:factor=4", 5, 1000)
    counts = np.bincount(schedule.workers)
    assert abs(counts[0] - 4 * counts[-1]) <= 4
    slow = schedule.ages()[schedule.workers == 4]
    # While it computes, the four others make four steps in each of its four time units.
    assert slow[5:].min() == slow[5:].max() == 16


def test_compute_times_have_their_law():
    """With one worker after the other (M = 1), the share of messages is inverse to the mean time: 2 workers alike.

    3000 renewals: a share outside 1/2 +- 0.05 has probability below 1e-6.
    """
    for spec in ("uniform", "exponential"):
        share = np.mean(clock(spec, 2, 6000, seed=3).workers)
        assert abs(share - 0.5) < 0.05
    steady, wild = clock("uniform", 4, 4000).ages(), clock("exponential", 4, 4000).ages()
    assert steady.max() < wild.max()
    # Every message of 4 workers waits for 3 others on average, in a long run.
    assert steady.mean() == pytest.approx(3, abs=0.01)
    assert wild.mean() == pytest.approx(3, abs=0.01)


def test_a_file_gives_the_schedule_back(tmp_path):
    path = tmp_path / "delays.csv"
    schedule = clock("exponential", 4, 50, seed=2, arrivals=2)
    schedule.save(path)
    assert path.read_text().splitlines()[0] == "step,worker,version,seconds"
    again = Schedule.load(path)
    assert (again.n, again.steps) == (4, 50)
    for name in ("starts", "workers", "versions", "seconds"):
        np.testing.assert_array_equal(getattr(again, name), getattr(schedule, name))
    assert Schedule.load(path, n=7).n == 7
    path.write_text(path.read_text(), encoding="utf-8-sig")  # as spreadsheets save it
    np.testing.assert_array_equal(Schedule.load(path).workers, schedule.workers)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not start with the line step,worker,version"),
        ("a,b,c\n0,0,0\n", "does not start with the line step,worker,version"),
        ("step,worker,version\n", "at least one message"),
        ("step,worker,version\n0,0\n", "line 2: '0,0' is not three whole numbers"),
        ("step,worker,version\n0,0,0\n1,x,0\n", "line 3: '1,x,0' is not three whole numbers"),
        ("step,worker,version\n0,0,0.5\n", "is not three whole numbers"),
        ("step,worker,version\n0,-1,0\n", "is not three whole numbers"),
        ("step,worker,version\n0,0,0\n2,0,1\n", "step 1 of the schedule has no message"),
        ("step,worker,version\n0,0,0\n1,0,1\n0,1,0\n", "belongs to step 0 and follows one of step 1"),
        ("step,worker,version\n0,0,1\n", "version 1 in step 0 does not exist yet: give at most 0"),
        ("step,worker,version\n0,0,0\n0,0,0\n", "worker 0 reports twice in step 0"),
        ("step,worker,version\n0,0,0\n1,0,1\n2,0,0\n", "worker 0 reports version 0 in step 2, older than its last one"),
        ("step,worker,version\n0,5,0\n", "worker 5 in step 0 does not exist: workers are 0 to 1"),
        ("step,worker,version,seconds\n0,0,0\n", "line 2: '0,0,0' does not end with a number of seconds"),
        ("step,worker,version,seconds\n0,0,0,-1\n", "does not end with a number of seconds"),
        ("step,worker,version,seconds\n0,0,0,nan\n", "does not end with a number of seconds"),
        ("step,worker,version,seconds\n0,0,0,2\n1,1,0,1\n", "message 1 of the schedule arrives at second 1, earlier"),
    ],
)
def test_impossible_files_get_one_clear_sentence(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        Schedule.load(path, n=2)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_none_are_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read the schedule file .*nothing\.csv': No such file"):
        Schedule.load(tmp_path / "nothing.csv")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not a text file"):
        Schedule.load(tmp_path / "binary")
    with pytest.raises(InputError, match=r"cannot write .*no/such"):
        clock("fresh", 1, 1).save(tmp_path / "no" / "such")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("clocks", 2, 5), "unknown clock 'clocks'"),
        (("unifrom", 2, 5), "did you mean 'uniform'"),
        (("fixed", 2, 5), "write fixed:tau=VALUE"),
        (("fixed:tau=-1", 2, 5), "tau=-1"),
        (("fixed:tau=1.5", 2, 5), "tau=1.5"),
        (("uniform:low=3,high=2", 2, 5), "low=3 exceeds high=2"),
        (("uniform:low=-1", 2, 5), "low=-1"),
        (("exponential:mean=0", 2, 5), "mean=0"),
        (("straggler:factor=0.5", 2, 5), "factor=0.5"),
        (("constant", 2, 5, 0, 3), "M = 3 messages per step need as many workers, not 2"),
        (("constant", 2, 5, 0, 1.5), "M=1.5"),
        (("fresh", 2, 5, 0, 1), "give M = 2, or take the clock fixed:tau=0"),
        (("fresh", 2, 5, 0, 1, False, 1), "give B = 2, or take the clock fixed:tau=0"),
        (("seconds:each=1/2", 3, 5), "has the seconds of 2 workers, not of 3"),
        (("seconds:each=1/x", 2, 5), "seconds=x"),
        (("seconds:each=0/1", 2, 5), "seconds=0: give a number above 0"),
        (("power:exponent=-1", 2, 5), "exponent=-1"),
        (("power:exponent=1000", 9, 5), "exponent=1000.0: give a number of at least 0 and at most 15.7"),
        (("straggler:factor=1e300", 2, 5), "at most 1e+15"),
        (("seconds:each=1/1e300", 2, 5), "at most 1e+15"),
        (("seconds:each=", 1, 5), "is not of the form key=value"),
        (("seconds:each=1//2", 3, 5), "seconds=: give a finite number"),
        (("constant", 2, 5, 0, 1, False, 0), "R=0"),
    ],
)
def test_bad_clocks_get_one_clear_sentence(arguments, words):
    with pytest.raises(InputError) as caught:
        clock(*arguments)
    assert words in str(caught.value)


def test_what_a_theorem_asks_of_a_schedule_is_checked():
    schedule = clock("straggler:factor=4", 3, 40)
    largest = schedule.realised().maximal
    schedule.require(tau=largest, arrivals=1)
    with pytest.raises(InputError, match=rf"age {largest}, above tau = {largest - 1}.*give tau = {largest}"):
        schedule.require(tau=largest - 1)
    with pytest.raises(InputError, match="step 0 of the schedule has 1 message; with M = 2"):
        schedule.require(arrivals=2)
    with pytest.raises(InputError, match="worker 1 does not report in step 0"):
        schedule.require(table=True)
    table = clock("cyclic", 3, 40, table=True)
    table.require(tau=2, arrivals=1, table=True)
    with pytest.raises(InputError, match="a message in step 1 has age 1, above tau = 0"):
        table.require(tau=0, table=True)
    with pytest.raises(InputError, match="the schedule has 40 steps, not 41"):
        table.first(41)


def test_the_list_of_clocks_is_complete():
    assert set(CLOCKS) == {spec.partition(":")[0] for spec in SPECS} | {"drawn", "seconds", "power"}


def test_drawn_workers_report_gradients_of_one_age_and_serve_no_table():
    made = clock("drawn:tau=3", 5, 40, seed=2, arrivals=2)
    assert (np.diff(made.starts) == 2).all()
    assert (made.versions == np.maximum(made.step - 3, 0)).all()
    with pytest.raises(InputError, match="a table needs reports from all workers"):
        clock("drawn", 5, 40, table=True)


def test_the_bound_that_a_run_counted_on_travels_with_its_delays(tmp_path):
    made = replace(clock("exponential", 3, 40, 1), tau=17.0)
    made.save(tmp_path / "s.csv")
    again = Schedule.load(tmp_path / "s.csv", 3)
    assert (again.tau, again.first(5).tau) == (17.0, 17.0)
    assert np.array_equal(again.versions, made.versions)
    assert (tmp_path / "s.csv").read_text().startswith("# tau = 17\nstep,worker,version,seconds\n")
    for line in ("# tau = many", "# tau = -1", "#", "# tau = nan"):
        (tmp_path / "bad.csv").write_text(f"{line}\nstep,worker,version\n0,0,0\n")
        with pytest.raises(InputError, match="line 1"):
            Schedule.load(tmp_path / "bad.csv")
