"""The papers' figures: what they show is a fact of the field, and the files are whole."""

from __future__ import annotations

import csv
import io
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from tersegrad.cli import main
from tersegrad.figures import FIGURES
from tersegrad.figures.drawing import Frame, Line, picture_of
from tersegrad.figures.files import write
from tersegrad.figures.gallery import dore_regression as dore
from tersegrad.figures.gallery import doublesqueeze_speedup as doublesqueeze
from tersegrad.figures.lollipops import LOOKS as COLOURS
from tersegrad.figures.lollipops import Rated, lollipops
from tersegrad.figures.style import journal, save, save_small
from tersegrad.problems import problem
from tersegrad.theory import InputError, theorem

LARGE, SMALL = dore.STEPS
PROVENANCES = tuple(COLOURS)
PAGE = (1400, 1800)
"""Pixels at 200 dpi: a journal page is 7 inches wide and 9 inches high."""


@pytest.fixture(scope="module")
def measured() -> Callable[[str], Any]:
    """What a figure shows, measured once."""
    return cache(lambda name: FIGURES[name].measure(True, 0))


@pytest.fixture(scope="module")
def runs(measured: Callable[[str], Any]) -> dore.Runs:
    return measured("dore-regression")


@pytest.fixture(scope="module")
def speedup(measured: Callable[[str], Any]) -> doublesqueeze.Measurement:
    return measured("doublesqueeze-speedup")


def mean(runs: dore.Runs, gamma: float, method: str, column: str = "dist_sq") -> np.ndarray:
    return runs[gamma][method].columns[column].mean(axis=0)


# ------------------------------------------------------------------------------------------- the DORE paper's figure


def test_dore_ends_a_million_times_below_the_plateau_of_doublesqueeze(runs: dore.Runs) -> None:
    dist = {word: trace.columns["dist_sq"] for word, trace in runs[LARGE].items()}
    late = runs[LARGE]["dore"].rounds >= 1000
    assert dist["dore"][:, -1].max() < 1e-6 * dist["doublesqueeze"][:, late].min()
    assert runs[SMALL]["dore"].columns["dist_sq"][:, -1].max() < 1e-2 * mean(runs, SMALL, "doublesqueeze")[late].min()


@pytest.mark.parametrize("method", ["dore", "diana"])
def test_residual_compression_follows_sgd_at_both_steps(runs: dore.Runs, method: str) -> None:
    for gamma in dore.STEPS:
        np.testing.assert_allclose(mean(runs, gamma, method), mean(runs, gamma, "sgd"), rtol=0.1)


@pytest.mark.parametrize("method", ["qsgd", "error-feedback", "doublesqueeze"])
def test_the_others_stall(runs: dore.Runs, method: str) -> None:
    """The mean distance of the last third of the run is more than half of that of the third before, SGD's far below."""
    t = runs[LARGE]["sgd"].rounds

    def ratio(word: str) -> float:
        dist = mean(runs, LARGE, word)
        return float(dist[t >= 1000].mean() / dist[(t >= 500) & (t < 1000)].mean())

    assert ratio(method) > 0.5
    assert ratio("sgd") < 0.05


def test_what_dore_compresses_vanishes_and_what_doublesqueeze_compresses_stays(runs: dore.Runs) -> None:
    """At the larger step the residuals already decay at the rate of the distance: all are quadratic in the error."""
    t = runs[LARGE]["dore"].rounds
    late = t >= 300
    for column in ("up_residual_sq", "down_residual_sq"):
        rates = [
            np.polyfit(t[late], np.log(mean(runs, LARGE, "dore", name)[late]), 1)[0] for name in ("dist_sq", column)
        ]
        assert rates[1] == pytest.approx(rates[0], rel=0.1)
        for gamma in dore.STEPS:
            vanishes, stays = (mean(runs, gamma, method, column)[late] for method in ("dore", "doublesqueeze"))
            assert vanishes[-1] < 1e-2 * vanishes[0]
            assert stays[-1] > 0.5 * stays[0]


def test_dore_saves_95_percent_of_the_bits(runs: dore.Runs) -> None:
    """Against 32-bit floats both ways; by entropy more, as five symbols in eight bits cost 1.6 bits each."""
    spent = {word: float(dore.bits(trace)[-1]) for word, trace in runs[LARGE].items()}
    rounds = runs[LARGE]["sgd"].rounds[-1]
    dense = 64 * 500 * rounds
    assert spent["sgd"] == dense
    assert spent["dore"] == pytest.approx(dense * (1.6 + 32 / 250) / 32, rel=1e-9)
    assert 0.5 * dense < spent["diana"] < 0.53 * dense
    scalars = runs[LARGE]["dore"].scalars
    assert np.mean((scalars["entropy_up"] + scalars["entropy_down"])[1:]) < 0.05 * 64 * 500


def test_the_papers_parameters_have_no_guarantee() -> None:
    known = problem(dore.PROBLEM, workers=dore.WORKERS).constants()
    given = dore.METHODS["dore"].parameters
    found = theorem("dore.strongly-convex").guarantee(known, dore.TERNARY, dore.TERNARY, gamma=LARGE, **given)
    assert not found
    assert theorem("dore.strongly-convex").guarantee(known, dore.TERNARY, dore.TERNARY)


# -------------------------------------------------------------------------------------------- DoubleSqueeze's speedup


def test_every_bound_drawn_holds(speedup: doublesqueeze.Measurement) -> None:
    for curves in (speedup.over_rounds, speedup.over_workers):
        drawn = {word for word, curve in curves.items() if curve.bound is not None and np.all(curve.high < curve.bound)}
        assert drawn == {"sgd", "threshold", "topk"}


def test_the_legend_tells_the_truth_about_sign_and_ternary() -> None:
    """At the threshold's step, sign's bound is never below the start and no theorem of DoubleSqueeze takes ternary."""
    robust = problem(doublesqueeze.PROBLEM, workers=doublesqueeze.WORKERS)
    start = float(np.sum(robust.gradient(robust.x0) ** 2))
    for rounds in (64, 4096, 65536):
        tuned, contractive = theorem("doublesqueeze.nonconvex-tuned"), theorem("doublesqueeze.contractive")
        known, level = robust.constants(), doublesqueeze.THRESHOLD
        gamma = tuned.guarantee(known, level, level, rounds=rounds).parameters["gamma"]
        assert contractive.guarantee(known, "sign", "sign", gamma=gamma).bound(rounds) > start
        for result in (tuned, contractive, theorem("doublesqueeze.nonconvex")):
            assert not result.guarantee(known, "ternary", "ternary", rounds=rounds)


def test_linear_speedup_where_it_is_promised(speedup: doublesqueeze.Measurement) -> None:
    """Slope -1/2 in n up to the n that is promised; a fifth of it is left to the terms of higher order."""
    curve = speedup.over_workers["threshold"]
    n = np.array(speedup.workers)
    assert curve.until is not None
    inside = n <= curve.until
    assert inside.sum() >= 4
    assert -0.5 <= np.polyfit(np.log(n[inside]), np.log(curve.mean[inside]), 1)[0] <= -0.4


def test_the_leading_term_does_not_see_the_compressor(speedup: doublesqueeze.Measurement) -> None:
    """At the same step, sign and ternary end within 15 % of the threshold, which ends within 15 % of plain SGD."""
    ends = {word: curve.mean[-1] for word, curve in speedup.over_rounds.items()}
    for word, other in (("sign", "threshold"), ("ternary", "threshold"), ("threshold", "sgd")):
        assert ends[word] == pytest.approx(ends[other], rel=0.15)


# ------------------------------------------------------------------------------------------------- the other figures


def ends(line: Line) -> float:
    return float(line.y[-1])


def test_the_noise_floor_of_every_method_falls_with_the_number_of_workers(measured: Callable[[str], Any]) -> None:
    """And lies below its theorem's bound."""
    bounded = []
    for frame in measured("overview-speedup"):
        lines = {line.name: line for line in frame.lines}
        assert frame.lines[-1].kind == "reference"
        for name, line in lines.items():
            if line.kind == "reference" or not len(line.x):
                continue
            if line.kind == "measured":
                slope = np.polyfit(np.log(line.x), np.log(line.y), 1)[0]
                assert -1.25 < slope < -0.75, name
            else:
                run = lines[name.removesuffix(", bound")]
                assert np.all(np.asarray(run.y) < np.asarray(line.y)), name
                assert line.look == run.look, "the colour of its run"
                bounded.append(run.name)
    assert bounded == ["SGD", "QSGD", "DIANA", "DORE", "Artemis"]


def test_long_delays_cost_rounds_and_not_waiting_saves_seconds(measured: Callable[[str], Any]) -> None:
    delayed, timed = measured("doublesqueeze-asynchronous")
    fresh, late = delayed.lines
    assert ends(fresh) < 0.5 * ends(late)
    level = 0.05

    def seconds(line: Line) -> float:
        return float(np.asarray(line.x)[np.argmax(np.asarray(line.y) < level)])

    patient, half, hasty = map(seconds, timed.lines)
    assert hasty < half < 0.2 * patient


def test_dore_takes_far_fewer_bits_than_sgd_on_a_nonconvex_problem(measured: Callable[[str], Any]) -> None:
    lines = {line.name: line for line in measured("dore-nonconvex")[1].lines}

    def bits(name: str) -> float:
        return float(np.asarray(lines[name].x)[np.argmax(np.asarray(lines[name].y) < 1e-2)])

    assert bits("DORE") < 0.06 * bits("SGD")


def test_every_delayed_run_stays_below_its_bound_and_delays_slow_it(measured: Callable[[str], Any]) -> None:
    for frame in measured("khirirat-delays"):
        *lines, entry = frame.lines
        assert (entry.kind, len(entry.x)) == ("bound", 0)
        runs, bounds = lines[::2], lines[1::2]
        for run, bound in zip(runs, bounds, strict=True):
            assert np.all(np.asarray(run.y) <= np.asarray(bound.y) * (1 + 1e-12))
        at_end = [ends(run) for run in runs]
        assert at_end == sorted(at_end)


# ---------------------------------------------------------------------------------------------------- how it is drawn


def drawn(*lines: Line) -> list[Any]:
    """The artists of the lines in a frame of their own."""
    with journal():
        (ax, *_) = picture_of((Frame("x", "y", lines),)).axes
    return ax.get_lines()


def test_a_line_under_another_shows_by_its_larger_markers() -> None:
    x, y = np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0])
    below, middle, other, top = drawn(Line("a", x, y), Line("b", x, 1.02 * y), Line("c", x, 9 * y), Line("d", x, y))
    assert below.get_markersize() > middle.get_markersize() > top.get_markersize() == other.get_markersize()
    assert below.get_markerfacecolor() == middle.get_markerfacecolor() == "white"
    long = np.arange(1.0, 40.0)
    places = [line.get_markevery() for line in drawn(Line("a", long, long), Line("b", long, long))]
    assert len(set(places)) == 2  # markers of long lines stand in different places instead


@pytest.mark.parametrize("write_picture", [save, save_small])
@pytest.mark.parametrize("rare", PROVENANCES)
def test_a_single_marker_keeps_its_colour_in_the_file(write_picture: Callable[..., None], rare: str) -> None:
    """Within 6/255, among forty of other colours: vermillion and orange are 65 apart."""
    others = [word for word in PROVENANCES if word != rare]
    with journal():
        fig = lollipops([Rated(f"t{k}", others[k % 3] if k else rare, 1 / (k + 2)) for k in range(41)], "ratio")
        write_picture(fig, target := io.BytesIO())
    seen = np.array([color for _, color in Image.open(target).convert("RGB").getcolors(1 << 20)], float)
    wanted = 255 * np.array(to_rgb(COLOURS[rare][0]))
    assert np.abs(seen - wanted).max(axis=1).min() <= 6


# ---------------------------------------------------------------------------------------------------------- the files


@pytest.mark.parametrize("name", FIGURES)
def test_files_are_whole_and_repeatable(name: str, measured: Callable[[str], Any], tmp_path: Path) -> None:
    drawing = replace(FIGURES[name], measure=lambda quick, seed: measured(name))
    settings = matplotlib.rcParams.copy()
    first, second = (drawing.draw(tmp_path / place, quick=True) for place in ("a", "b"))
    assert [path.name for path in first] == [f"{name}.{ending}" for ending in ("png", "pdf", "csv", "txt")]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    png, pdf, numbers, caption = (path.read_bytes() for path in first)
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    assert width in (PAGE[0] // 2, PAGE[0])  # one column or two, at 200 dots per inch
    assert height <= PAGE[1]
    assert pdf.startswith(b"%PDF")
    assert pdf.rstrip().endswith(b"%%EOF")
    head, *rows = csv.reader(io.StringIO(numbers.decode()))
    assert rows
    assert all(len(row) == len(head) for row in rows)
    assert not any(cell in ("nan", "inf", "-inf") for row in rows for cell in row)
    assert caption.decode() == FIGURES[name].text
    assert dict(matplotlib.rcParams.copy()) == dict(settings)


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off(name: str, measured: Callable[[str], Any]) -> None:
    with journal():
        fig = FIGURES[name].picture(measured(name))
        box = fig.get_tightbbox()
    width, height = fig.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width
    assert box.y1 <= height


@pytest.mark.parametrize("name", FIGURES)
def test_no_trend_is_drawn_through_two_points(name: str, measured: Callable[[str], Any]) -> None:
    found = measured(name)
    if not (isinstance(found, tuple) and all(isinstance(frame, Frame) for frame in found)):
        pytest.skip("is not made of lines in frames")
    drawn = [(frame.y, line) for frame in found for line in frame.lines if line.kind in ("measured", "bound")]
    assert [(y, line.name) for y, line in drawn if len(line.x) == 2] == []


@pytest.mark.slow
@pytest.mark.parametrize("quick", [True, False])
def test_the_time_that_is_told_is_true_within_a_factor_of_two(quick: bool, tmp_path: Path) -> None:
    """For all figures together, with compiled kernels, on the machine where it was measured."""
    for drawing in FIGURES.values():
        drawing.draw(tmp_path, quick=True)
    start = time.process_time()
    for drawing in FIGURES.values():
        drawing.draw(tmp_path, quick)
    told, taken = sum(drawing.seconds[quick] for drawing in FIGURES.values()), time.process_time() - start
    print(f"told {told:.0f} s, taken {taken:.0f} s")
    assert 0.5 <= taken / told <= 2


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match=r"cannot write .*a\.png.*another directory"):
        write(Figure(figsize=(1, 1)), blocked / "inside", "a")


def test_an_unknown_figure_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["figures", "dore-regresion", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "'dore-regression'" in result.stderr
    assert list(tmp_path.iterdir()) == []
