"""The overviews: exact frontiers and the tightness of theorems, as the pictures' numbers have them."""

from __future__ import annotations

import numpy as np
import pytest

from tersegrad.figures import FIGURES
from tersegrad.figures.gallery import overview_frontier as stable
from tersegrad.figures.gallery import overview_steps as steps
from tersegrad.figures.gallery import overview_tightness as tight
from tersegrad.validation.exact.frontier import frontier


@pytest.fixture(scope="module")
def curves() -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """(panel, line) -> (x, y), from the table that is written as CSV."""
    drawing = FIGURES["overview-frontier"]
    columns, rows = drawing.table(drawing.measure(True, 0))
    at = {name: columns.index(name) for name in ("panel", "line", "x", "y")}
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        found.setdefault((row[at["panel"]], row[at["line"]]), []).append((row[at["x"]], row[at["y"]]))
    return {key: tuple(np.array(values).T) for key, values in found.items()}


def test_error_feedback_is_stable_up_to_the_formula(curves) -> None:
    p, over_p = curves["a", "error feedback = EF21"]
    n, over_n = curves["b", "error feedback = EF21"]
    q = stable.KEPT
    np.testing.assert_allclose(over_p, 20 * p * (2 - p) / (10 * p**2 + 4 * (1 - p)), rtol=1e-8)
    np.testing.assert_allclose(over_n, 2 * n * q * (2 - q) / (n * q**2 + 4 * (1 - q)), rtol=1e-8)


@pytest.mark.parametrize("method", ["qsgd", "ef21", "diana", "marina"])
def test_a_drawn_formula_is_where_the_spectral_radius_is_one(method: str) -> None:
    p, n = 0.3, 3
    spec = f"scaled:of=bernoulli/p={p}" if method == "ef21" else f"bernoulli:p={p}"
    parameters = {"diana": {"alpha": p}, "marina": {"p": p}}.get(method, {})
    radius = frontier(method, spec, workers=n, parameters=parameters, theorems=False).radius
    assert stable.formula(method, p, n) == pytest.approx(radius, rel=1e-8)


def test_memory_gains_stability_with_many_workers_and_costs_some_with_one(curves) -> None:
    _, kept = curves["b", "error feedback = EF21"]
    _, forgotten = curves["b", "QSGD (no memory)"]
    assert kept[0] < forgotten[0]
    assert kept[-1] > 2 > forgotten[-1]
    assert np.all(np.diff(kept) > 0)


def test_without_compression_all_frontiers_are_that_of_gradient_descent(curves) -> None:
    for name in stable.ENTRIES:
        p, step = curves["a", name]
        assert (p[-1], step[-1]) == (1.0, pytest.approx(2.0, rel=1e-9))


def test_no_bound_is_violated_and_the_tight_one_is_tight(monkeypatch: pytest.MonkeyPatch) -> None:
    some = ("ef21.tight-single-worker", "qsgd.strongly-convex", "sgd.convex", "gmc.convex")
    monkeypatch.setattr(tight, "THEOREMS", {name: tight.THEOREMS[name] for name in some})
    columns, rows = tight.table(tight.measure())
    ratios = {row[columns.index("theorem")]: row[columns.index("ratio")] for row in rows}
    assert set(ratios) == set(some)
    assert max(ratios.values()) <= 1 + 1e-8
    assert ratios["ef21.tight-single-worker"] == pytest.approx(1, abs=1e-6)
    assert ratios["sgd.convex"] < 0.5
    assert [row[columns.index("ratio")] for row in rows] == sorted(ratios.values(), reverse=True)


def test_theorems_of_strong_convexity_stay_below_the_frontier(monkeypatch: pytest.MonkeyPatch) -> None:
    """With noise-free quadratics a step beyond the frontier diverges, which a linear rate excludes."""
    methods = steps.known_methods()
    monkeypatch.setattr(steps, "known_methods", lambda: {name: methods[name] for name in ("ef21", "diana", "q-gd")})
    found = {entry.theorem: entry.ratio for entry in steps.measure()}
    linear = ("ef21.pl", "diana.strongly-convex", "khirirat.q-gd-strongly-convex", "ef21.tight-single-worker")
    assert all(0 < found[name] < 1 for name in linear)


def test_dore_sends_fewest_bits_among_the_methods_with_a_linear_rate() -> None:
    drawing = FIGURES["overview-methods"]
    columns, rows = drawing.table(drawing.measure(True, 0))
    linear = [dict(zip(columns, row, strict=True)) for row in rows if row[0] == "dist_sq"]
    least = min(linear, key=lambda row: row["bits of a worker, both ways"])
    assert (least["method"], least["links"]) == ("dore", "QSGD both ways")
    rounds = {(row["method"], row["links"]): row["rounds"] for row in linear}
    assert rounds["diana", "QSGD up"] > rounds["diana", "no compression"]  # compression costs rounds
    assert rounds["qsgd", "QSGD up"] > 10 * rounds["diana", "QSGD up"]  # memory removes the heterogeneity


def test_whoever_waits_for_the_slow_worker_takes_as_much_longer_and_whoever_drops_it_does_not() -> None:
    """Tenfold seconds where it is waited for; where its gradients are dropped, 7 of 8 workers do the work."""
    drawing = FIGURES["overview-seconds"]
    _, rows = drawing.table(drawing.measure(True, 0))
    found: dict[str, list[float]] = {}
    for panel, line, _, _, y, *_ in rows:
        if panel == "a":
            found.setdefault(line, []).append(y)
    waiting, late, dropping = found["synchronous"], found["asynchronous"], found["Ringmaster"]
    assert waiting[2] == pytest.approx(10 * waiting[1], rel=1e-9)
    assert late[2] > 8 * late[1]
    assert dropping[1] == dropping[2] < 1.25 * dropping[0]
    for name in ("Ringmaster", "Rennala"):
        assert np.all(np.array(found[name]) <= found[f"{name}, bound"])
