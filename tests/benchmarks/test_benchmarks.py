"""All sides of a benchmark run the same method: the rivals end where our engine ends."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.ours import OURS
from benchmarks.rival import Rival
from benchmarks.workloads import QUICK, Workload, instance, large
from scipy.stats import ttest_ind

from benchmarks import __main__ as command
from benchmarks import harness, limits, numpy_rival

AVAILABLE = [side for side in (OURS, *harness.RIVALS) if not side.missing()]
# The three workloads in small; W1 keeps blocks that do not divide the dimension.
SMALL = {
    "W1": replace(
        QUICK["W1"],
        problem="least-squares:rows=240,dim=60,reg=0.05",
        workers=4,
        up="ternary:block=32",
        down="ternary:block=32",
        message=32,
        replicas=100,
    ),
    "W2": QUICK["W2"],
    "W3": large(2000, rounds=40, pairs=1),
}
TINY = {"W2": replace(QUICK["W2"], rounds=3, replicas=2, pairs=2), "W3": large(2000, rounds=2, pairs=2)}

# Probability that a right implementation fails a comparison of means.
TAIL = 1e-6


def sides(name: str) -> list[Rival]:
    """Everyone here who runs the workload."""
    return [side for side in AVAILABLE if name in side.workloads]


def final(side: Rival, workload: Workload, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Run `side`; returns every replica's squared distance from x* and from the replicas' mean."""
    chosen = instance(workload)
    x = side.prepare(chosen, 2)(workload.rounds, seed).x
    assert x.shape == (workload.replicas, chosen.problem.dim)
    return chosen.dist_sq(x), np.square(x - x.mean(axis=0)).sum(axis=1)


@pytest.fixture(scope="module")
def reference() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {name: final(numpy_rival.RIVAL, SMALL[name], seed=11) for name in ("W1", "W2")}


@pytest.mark.parametrize(
    ("name", "side"),
    [(name, side) for name in ("W1", "W2") for side in sides(name)],
    ids=lambda p: getattr(p, "name", p),
)
def test_dore_ends_with_the_same_law(
    name: str, side: Rival, reference: dict[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    """W1 after 100 rounds, W2 at its noise floor: distances and spreads agree (Welch's test, 100 replicas).

    The distance sees the step and the memories, the spread sees the variances, and so the error feedback.
    """
    for one, other in zip(final(side, SMALL[name], seed=1), reference[name], strict=True):
        assert ttest_ind(one, other, equal_var=False).pvalue > TAIL


def test_regression_converges_to_the_minimiser() -> None:
    """W1 has no noise: DORE goes to x* linearly, at half the rate of gradient descent or better."""
    short = replace(SMALL["W1"], replicas=2)
    mu = instance(short).problem.constants().mu
    early, late = (final(numpy_rival.RIVAL, replace(short, rounds=t), seed=1)[0].mean() for t in (200, 1000))
    assert late < (1 - short.parameters["gamma"] * mu) ** 800 * early


@pytest.mark.parametrize("side", sides("W3"), ids=lambda side: side.name)
def test_large_is_deterministic_and_the_same(side: Rival) -> None:
    """W3 draws nothing: every coordinate agrees; our messages carry 24 bits of each value, the rivals' 53."""
    workload = SMALL["W3"]
    chosen = instance(workload)
    expected = numpy_rival.RIVAL.prepare(chosen, 2)(workload.rounds, 1).x
    x = side.prepare(chosen, 2)(workload.rounds, 1).x
    assert np.count_nonzero(expected) > workload.message
    tolerance = 1e-6 if side is OURS else 1e-12
    np.testing.assert_allclose(x, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


def test_pairs_and_their_ratios() -> None:
    """A cell holds one ratio a pair; in JSON the median lies between the smallest and the largest."""
    cell = harness.pair(instance(TINY["W2"]), numpy_rival.RIVAL, threads=2, budget=60.0)
    assert len(cell.ours) == len(cell.theirs) == len(cell.limits) == len(cell.ratios) == 2
    document = json.loads(json.dumps(cell.as_json()))
    assert document["of_limit"] > 0
    ratio = document["ratio"]
    assert ratio["low"] <= ratio["median"] <= ratio["high"]


@pytest.mark.parametrize("name", ["W1", "W2", "W3"])
def test_a_limit_is_the_time_of_the_part_that_it_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a second for what two threads do once: their replicas' products, 64 rounds' numbers, copies for everyone."""
    done = []

    def second(work, threads: int) -> float:
        for number in range(threads):
            work(number)
        done.append(threads)
        return 1.0

    monkeypatch.setattr(limits, "best", second)
    expected = {"W1": 1 / 100, "W2": 1 / 128, "W3": 6 / 2}[name]
    assert limits.limit(instance(SMALL[name]), 2)() == pytest.approx(expected, rel=1e-12)
    assert done == [2]


def test_budget_stops_after_the_first_pair() -> None:
    cell = harness.pair(instance(TINY["W2"]), numpy_rival.RIVAL, threads=2, budget=0.0)
    assert len(cell.ratios) == 1


def test_what_is_not_there_is_said() -> None:
    absent = replace(numpy_rival.RIVAL, name="Absent", missing=lambda: "it is not installed")
    assert harness.pair(instance(TINY["W2"]), absent, 2, 60.0).note == "not available: it is not installed"


def test_command_prints_a_table_and_writes_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(harness, "QUICK", TINY)
    monkeypatch.setattr(
        harness,
        "RIVALS",
        (replace(numpy_rival.RIVAL, name="NumPy"), replace(numpy_rival.RIVAL, name="Absent", missing=lambda: "no")),
    )
    monkeypatch.setattr(command, "keep_to", lambda threads: threads)
    out = tmp_path / "results.json"
    command.main(["--quick", "--workload", "W2", "W3", "--out", str(out)])
    assert "not available" in capsys.readouterr().out
    document = json.loads(out.read_text())
    assert [(r["workload"], r["rival"]) for r in document["results"]] == [
        (w, r) for w in ("W2", "W3") for r in ("NumPy", "Absent")
    ]
    assert document["machine"]["threads"] == 2
    assert document["machine"]["cpu"]


def test_what_was_measured_before_the_command_is_stopped_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table of a workload that is done, and in the file every rival before."""

    def cells(names: list[str], quick: bool, threads: int) -> Iterator[harness.Cell]:
        yield harness.Cell(names[0], "Absent", "not available: it is not installed")
        if names == ["W3"]:
            raise KeyboardInterrupt

    monkeypatch.setattr(harness, "cells", cells)
    monkeypatch.setattr(command, "keep_to", lambda threads: threads)
    out = tmp_path / "results.json"
    with pytest.raises(KeyboardInterrupt):
        command.main(["--workload", "W2", "W3", "--out", str(out)])
    assert "not available" in capsys.readouterr().out
    assert [r["workload"] for r in json.loads(out.read_text())["results"]] == ["W2", "W3"]
