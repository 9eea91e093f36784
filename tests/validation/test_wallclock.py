"""Wall-clock time: the latency-bandwidth model, and the measurement from end to end (nothing here judges a speed)."""

import json

import pytest
from click.testing import CliRunner

from tersegrad.cli import main
from tersegrad.validation.wallclock import LINKS, Stopwatch, Timing

TIMING = Timing(
    workers=4, round=0.02, low=0.019, high=0.03, compute=0.01, side_by_side=1.25, available=3.2, bits_up=2e4,
    bits_down=1e4, predicted=0.021,
)  # fmt: skip


def test_a_star_of_links_carries_all_messages_through_the_servers_link():
    """4 workers send 20 kbit and hear 10 kbit each: 120 kbit through 1 Mbps take 0.12 s."""
    assert TIMING.over(1e6, latency=0.001) == pytest.approx(0.01 + 0.002 + 0.12)
    assert TIMING.dense_over(1e6, dim=1000, latency=0.0) == pytest.approx(0.01 + 4 * 2 * 32 * 1000 / 1e6)


def test_a_faster_link_never_slows_a_round_and_leaves_the_computation():
    times = [TIMING.over(rate) for rate in sorted(LINKS.values())]
    assert times == sorted(times, reverse=True)
    assert TIMING.over(1e30, latency=0.0) == pytest.approx(TIMING.compute)


def test_the_stopwatch_leaves_out_the_rounds_that_warm_up():
    watch = Stopwatch()
    watch.times = [(0.0, 1), (5.0, 2), (5.5, 3), (6.0, 5), (6.5, 7)]
    assert watch.seconds() == pytest.approx(1.0 / 4)


def test_speedup_from_end_to_end(tmp_path):
    words = (
        "speedup dore --workers 1,2 --problem least-squares:rows=60,dim=6,reg=0.1 --up ternary --down ternary "
        "--seconds 0.01 --repetitions 1 --rounds 400 --eps 0.1 --json"
    )
    result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["timings"]
    assert [row["workers"] for row in rows] == [1, 2]
    for row in rows:
        assert row["low"] <= row["round"] <= row["high"]
        assert row["available"] == pytest.approx(row["workers"] / row["side_by_side"])
        assert row["share_of_available"] == pytest.approx(row["speedup"] / row["available_speedup"])
        assert row["seconds_to_eps"] == pytest.approx(row["rounds_to_eps"] * row["round"])
        assert set(row["links"]) == set(LINKS)
        assert row["bits_up"] == 8 * (4 + 2)  # one scale, six trits in two bytes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("speedup dore --problem quadratic --workers 1,x", "1,x"),
        ("speedup dore --problem quadratic --eps 2", "--eps 2"),
        ("speedup iag --problem quadratic", "asynchronous"),
        ("speedup dora --problem quadratic", "did you mean 'dore'"),
    ],
)
def test_mistakes_get_one_sentence(words, said):
    result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
