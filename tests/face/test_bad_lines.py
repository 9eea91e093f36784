"""Bad command lines end in one sentence and status 2, and soon."""

import json
import os
import time

import pytest
from click.testing import CliRunner

import tersegrad as tg
from support.bad_lines import lines, make_files
from tersegrad.cli import main
from tersegrad.common.errors import InputError
from tersegrad.common.front import command_line
from tersegrad.common.limits import force, require_memory, require_time
from tersegrad.theory import compressor

SMALL = tg.problem("quadratic:dim=4", workers=2)
COUNT = 900  # lines, of which some are not bad after all (a seed 0)
SENTENCE, ACCEPTED = 2, (0, 1, 3)


def test_at_least_99_of_100_bad_lines_are_one_sentence_within_two_seconds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_files(tmp_path)
    bad, slow, refused = [], [], 0
    for words in lines(COUNT, seed=1):
        began = time.process_time()
        result = CliRunner().invoke(main, words)
        if time.process_time() - began > 2:
            slow.append(words)
        refused += result.exit_code == SENTENCE
        one = result.exit_code == SENTENCE and result.stderr.count("\n") == 1 and "Traceback" not in result.stderr
        if not one and result.exit_code not in ACCEPTED:
            bad.append((words, result.exit_code, result.stderr[-200:]))
    assert refused > 750
    assert len(bad) <= 0.01 * COUNT, json.dumps(bad, indent=1)
    assert len(slow) <= 0.01 * COUNT, slow


@pytest.mark.parametrize(
    "words",
    [
        "run sgd --problem quadratic:dim=1000000000000000000 --workers 2 --set gamma=0.1",
        "run sgd --problem least-squares:rows=1000000000,dim=1000000 --workers 2 --set gamma=0.1",
        "run sgd --problem quadratic:dim=3 --workers 2 --set gamma=0.1 --workers 10000000000000",
        "run ef21 --problem quadratic:dim=3 --workers 8 --set gamma=0.1 --replicas 2000000000",
        "run sgd --problem quadratic:dim=3 --workers 1000 --set gamma=0.1 --rounds 4000000000 --replicas 1000",
        "run sgd --problem quadratic:dim=3 --workers 1000000 --set gamma=0.1 --engine processes",
        "certify topk:k=3 --dim 2000000000",
    ],
)
def test_what_cannot_fit_is_refused_before_work_starts(words):
    began = time.perf_counter()
    result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    assert time.perf_counter() - began < 20


def test_an_estimate_names_what_and_how_much_and_can_be_overruled():
    with pytest.raises(InputError, match=r"rows take 8e\+06 GB, and this machine has"):
        require_memory(1e15, "rows")
    with force():
        require_memory(1e15, "rows")
    require_memory(1e6, "rows")


def test_a_month_is_the_longest_run_that_is_begun():
    """At 50 ns a worker's round at least: a day of one core is 1.728e12 of them."""
    month = 30 * 1.728e12 * (os.cpu_count() or 1)
    with pytest.warns(UserWarning, match="^rounds take at least 29.7 days on this machine$"):
        require_time(0.99 * month, 0, "rounds")
    with pytest.raises(
        InputError, match=r"^rounds take at least 30\.3 days on this machine: reduce their number \(a block"
    ):
        require_time(1.01 * month, 0, "rounds")
    with force(), pytest.warns(UserWarning, match="at least"):
        require_time(1e30, 0, "rounds")


def test_what_is_long_says_how_long_it_takes_at_least(capsys):
    """An hour of one core is 7.2e10 rounds of 50 ns."""
    cores = os.cpu_count() or 1
    with command_line():
        require_time(7.2e10 * cores, 0, "these runs")
        assert capsys.readouterr().err == "these runs take at least 60 minutes on this machine\n"
        require_time(0.01 * 7.2e10 * cores, 0, "these runs")
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words", ["run sgd --set gamma=0.1 --problem", "verify sgd.convex --problem", "compare sgd --bits 1e4 --problem",
              "constants", "certify"]
)  # fmt: skip
def test_force_is_an_option_of_what_estimates(words, monkeypatch):
    """A problem that does not fit names the option, which lets it be tried."""
    tried = [*words.split(), "quadratic:dim=100", "--workers", "2"]
    monkeypatch.setattr("tersegrad.common.limits.memory", lambda: 100.0)
    refused = CliRunner().invoke(main, tried)
    assert (refused.exit_code, "--force starts all the same" in refused.stderr) == (2, True), refused.output


@pytest.mark.parametrize("words", ["run sgd --rounds 2 --set gamma=0.1 --problem", "constants"])
def test_what_is_forced_is_tried(words, monkeypatch):
    monkeypatch.setattr("tersegrad.common.limits.memory", lambda: 100.0)
    tried = CliRunner().invoke(main, [*words.split(), "quadratic:dim=100", "--workers", "2", "--force"])
    assert tried.exit_code == 0, tried.output


@pytest.mark.parametrize("number", ["1e30", "9223372036854775808", "2.5", "0"])
def test_a_parameter_that_counts_has_a_limit(number):
    words = f"run liec --problem quadratic:dim=5 --up topk:k=1 --set gamma=0.01 H={number} --rounds 5"
    result = CliRunner().invoke(main, words.split())
    assert (result.exit_code, "needs a whole number from 1 to 2^53" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("words", ["--problem quadratic:dim=\u0663", "--problem quadratic:dim=1_0", "--up topk:k=1_0"])
def test_digits_are_those_of_ascii(words):
    result = CliRunner().invoke(main, ["run", "ef21", "--problem", "quadratic", "--set", "gamma=0.1", *words.split()])
    assert (result.exit_code, "give a whole number" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("option", ["--up", "--down"])
def test_an_empty_compressor_is_no_compressor(option):
    result = CliRunner().invoke(main, ["run", "dore", "--problem", "quadratic", "--rounds", "2", option, ""])
    assert (result.exit_code, "names nothing" in result.stderr) == (2, True), result.stderr


def test_a_picture_that_cannot_be_drawn_loses_no_verdict(tmp_path, monkeypatch):
    def fails(*_):
        raise ValueError("no axis for this")

    monkeypatch.setattr("tersegrad.figures.verdict.draw", fails)
    words = "verify sgd.strongly-convex --problem quadratic:dim=3,mu=1,L=1,radius=1 --workers 1 --rounds 30"
    words += f" --out {tmp_path}"
    result = CliRunner().invoke(main, words.split())
    assert (result.exit_code, "no picture, because ValueError: no axis" in result.stderr) == (0, True), result.output
    assert (tmp_path / "report.html").exists()
    assert json.loads((tmp_path / "sgd.strongly-convex.json").read_text())["verdict"] == "holds"


def test_what_a_message_costs_counts_in_the_time_of_its_certification(monkeypatch):
    """A message of rank r is a Gram matrix of 10^4 rows at d = 10^8, and rotations, and there are hundreds."""
    assert compressor("rankr").work(10**8) > 1e4 * compressor("topk:k=1").work(10**8)
    monkeypatch.setattr("tersegrad.common.limits.memory", lambda: float("inf"))
    result = CliRunner().invoke(main, ["certify", "rankr", "--dim", str(10**9)])
    assert (result.exit_code, "days on this machine" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize(
    "call",
    [
        lambda: tg.sweep("ef21", SMALL, "topk:k=1", grid={"gamma": range(1, 10**7), "eta": range(10**7)}, rounds=9),
        lambda: tg.step_table("ef21.pl", SMALL, n=range(2, 10**11), up="topk:k=1"),
        lambda: tg.compare(["ef21.pl", "sgd.convex"], SMALL, rounds=4 * 10**9, replicas=10**6, up="topk:k=1"),
        lambda: tg.speedup("sgd.convex", "quadratic:dim=4", n=[1, 10**6], rounds=4 * 10**9),
    ],
)
def test_a_study_that_takes_months_is_refused_before_it_begins(call):
    with pytest.raises(InputError, match=r"take at least .* days on this machine: reduce their number"):
        call()


@pytest.mark.parametrize("words", ["replay pipe", "verify sgd.convex --config pipe", "run sgd --config /dev/zero"])
def test_what_may_have_no_end_is_not_read(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_files(tmp_path)
    result = CliRunner().invoke(main, words.split())
    assert (result.exit_code, "which may have no end" in result.stderr) == (2, True), result.stderr
