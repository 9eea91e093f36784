"""Studies: what each reports is what the theorems say and what single runs give."""

from dataclasses import replace

import numpy as np
import pytest

import tersegrad as tg
from tersegrad.common.errors import InputError
from tersegrad.solvers.engines.request import timetable
from tersegrad.theory import THEOREMS, Constants, theorem
from tersegrad.validation.experiments import EXPERIMENTS
from tersegrad.validation.studies import compare, fit_rate, speedup, step_table, sweep

SMALL = "logistic:rows=64,dim=6,reg=0.1"


@pytest.fixture(scope="module")
def compared():
    return compare(["ef21", "diana.strongly-convex", "sgd", "ef21-p"], SMALL, bits=5e4, workers=4, replicas=4)


def test_everybody_spends_the_same_bits_with_the_step_of_its_theorem(compared):
    assert [name for name, _ in compared.skipped] == []
    for c in compared.contenders:
        each = c.guarantee.bits_per_round
        assert c.bits == c.rounds * each
        assert 5e4 - each < c.bits <= 5e4
        again = c.guarantee.theorem.guarantee(tg.problem(SMALL, 4), c.guarantee.up, c.guarantee.down, c.rounds)
        assert again.parameters == c.guarantee.parameters
        g = c.guarantee
        direct = tg.simulate(
            g.theorem.method, tg.problem(SMALL, 4), g.up or "identity", g.down or "identity", parameters=g.parameters,
            rounds=c.rounds, replicas=4, average=g.weights,
        )  # fmt: skip
        np.testing.assert_array_equal(direct.columns["gap"], c.trace.columns["gap"])


def test_the_memory_of_all_runs_is_looked_at_before_the_first(monkeypatch):
    """EF21 keeps a memory for every worker; the method before it in the list has not begun when that is refused."""
    begun, problem = [], tg.problem("quadratic:dim=200", workers=50)
    monkeypatch.setattr("tersegrad.solvers.engines.simulate._run_block", lambda *_: begun.append(1))
    monkeypatch.setattr("tersegrad.common.limits.memory", lambda: 8.0 * 50 * 8 * 200)
    with pytest.raises(InputError, match=r"keep for method 'ef21' take .* GB, and this machine has"):
        tg.compare(["sgd", "ef21"], problem, rounds=5, replicas=8, up="topk:k=1")
    assert begun == []


def test_the_best_stands_first(compared):
    ends = [row["gap"] for row in compared.rows()]
    assert ends == sorted(ends)
    assert str(compared).splitlines()[0].split()[:3] == ["theorem", "up", "down"]
    assert "<table>" in compared._repr_html_()


def test_nobody_takes_part_with_a_worst_case_as_compressor(compared):
    named = [c.guarantee.up or c.guarantee.down for c in compared.contenders]
    assert not any(str(spec).startswith(("adversary", "additive")) for spec in named)


def test_what_cannot_take_part_says_why():
    found = compare(["ef21.pl", "diana.strongly-convex"], SMALL, rounds=20, up="topk:k=1", workers=2, replicas=1)
    assert [c.guarantee.theorem.name for c in found.contenders] == ["ef21.pl"]
    ((name, reason),) = found.skipped
    assert name == "diana.strongly-convex"
    assert "needs an unbiased uplink compressor" in reason


@pytest.mark.parametrize("name", [name for name in THEOREMS if name in EXPERIMENTS])
def test_a_run_of_a_guarantee_records_the_theorems_metric_and_bound(name):
    """Method, compressors, parameters, weights and columns come from the guarantee alone, for every theorem."""
    e = EXPERIMENTS[name].at_hand()
    p = tg.problem(e.problem, workers=e.workers)
    constants = p.constants()
    method = tg.method(THEOREMS[name].method)

    def schedule(parameters):
        return timetable(method, p.workers, 4, 0, parameters, e.clock or None)

    if e.clock:
        constants = replace(constants, **schedule(e.choices).facts(method.clock == "table"))
    found = theorem(name).guarantee(
        constants, e.up if THEOREMS[name].uplink else None, e.down if THEOREMS[name].downlink else None, 4, **e.choices
    )
    if not found:
        pytest.skip(f"the default experiment's constants do not do for four rounds: {found.reason}")
    trace = tg.run(found, p, rounds=4, replicas=1, checkpoints=[0, 1, 2, 3, 4], schedule=schedule(found.parameters))
    assert trace.about["method"] == THEOREMS[name].method
    assert trace.metric.shape == (1, 5)
    assert np.isfinite(trace.metric[:, 1:]).all()
    if found.needs:
        with pytest.raises(InputError, match=r"has no value here"):
            trace.bound  # noqa: B018
    else:
        inside = found.curve.covers(trace.rounds)
        np.testing.assert_array_equal(trace.bound[inside], found.bound(trace.rounds[inside]))
        assert np.isnan(trace.bound[~inside]).all()


def test_a_run_of_a_bound_about_epochs_is_recorded_after_epochs():
    """Twelve samples a worker: every checkpoint but the last round has a bound."""
    e = EXPERIMENTS["q-rr.strongly-convex"]
    p = tg.problem(e.problem, workers=e.workers)
    trace = tg.run(theorem(e.theorem).guarantee(p, e.up), p, rounds=100)
    assert trace.rounds.tolist() == [0, 12, 24, 36, 48, 60, 72, 84, 96, 100]
    assert np.isfinite(trace.bound[:-1]).all()
    assert np.isnan(trace.bound[-1])


def test_what_is_given_beside_a_guarantee_counts():
    p = tg.problem(SMALL, 4)
    found = theorem("ef21.pl").guarantee(p, "topk:k=2")
    trace = tg.run(found, p, rounds=5, parameters={"gamma": 0.001}, columns=["gap_mean"])
    assert trace.about["parameters"]["gamma"] == 0.001
    assert "gap_mean" in trace.columns
    other = tg.run(found, p, "topk:k=1", rounds=5)
    assert other.about["up"] == "topk:k=1"


def test_no_guarantee_and_classes_of_compressors_say_what_is_missing():
    p = tg.problem(SMALL, 4)
    with pytest.raises(InputError, match=r"there is no guarantee to run: .* needs an unbiased"):
        tg.run(theorem("diana.strongly-convex").guarantee(p, "topk:k=1"), p, rounds=5)
    assumed = theorem("ef21.pl").guarantee(p, tg.Contractive(0.5))
    with pytest.raises(InputError, match="names no compressor: give up="):
        tg.run(assumed, p, rounds=5)
    plain = tg.run("ef21", p, "topk:k=1", parameters={"gamma": 0.1}, rounds=5)
    for what in ("metric", "bound"):
        with pytest.raises(InputError, match="this run belongs to no theorem"):
            getattr(plain, what)


def test_a_trace_keeps_its_theorem_when_it_is_saved(tmp_path):
    p = tg.problem(SMALL, 4)
    trace = tg.run(theorem("ef21.pl").guarantee(p, "topk:k=2"), p, rounds=10)
    trace.save(tmp_path / "a.npz")
    again = tg.Trace.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.metric, trace.metric)
    np.testing.assert_array_equal(again.bound, trace.bound)


def test_the_speedup_of_averaged_noise_is_linear():
    """Parallel SGD at a fixed step: the floor of ||x - x*||^2 falls like 1/n."""
    noisy = "quadratic:dim=5,mu=1,L=1,radius=0.1,noise=gaussian,sigma_sq=10"
    found = speedup("sgd.strongly-convex", noisy, [1, 2, 4, 8], rounds=200, replicas=64, gamma=0.3)
    assert found.fit.slope == pytest.approx(-1, abs=0.15)
    assert found.fit.low < found.fit.slope < found.fit.high
    assert (found.mean <= found.bound).all()
    assert (found.low <= found.mean).all()
    assert found.rows()[2]["n"] == 4


def test_a_table_of_steps_is_the_calculators():
    table = step_table(
        "dore.strongly-convex", SMALL, n=[2, 8], up=["ternary", "topk:k=1"], down="ternary", eps=0.1
    ).rows()
    assert [(row["n"], row["up"]) for row in table] == [
        (2, "ternary"),
        (2, "topk:k=1"),
        (8, "ternary"),
        (8, "topk:k=1"),
    ]
    for row in table:
        found = theorem("dore.strongly-convex").guarantee(tg.problem(SMALL, row["n"]), row["up"], "ternary", eps=0.1)
        if row["up"] == "ternary":
            assert row["gamma"] == found.parameters["gamma"]
            assert row["rounds"] == found.rounds_to(0.1)
        else:
            assert row["reason"] == found.reason
    known = Constants(L_max=1.0, mu=0.1, dim=50)
    rows = step_table("diana.strongly-convex", known, n=[1, 100], up="ternary").rows()
    assert rows[0]["gamma"] < rows[1]["gamma"]


def test_a_sweep_is_the_runs_that_it_is_made_of():
    found = sweep("ef21", SMALL, "topk:k=1", grid={"gamma": [0.01, 0.1, 100.0]}, rounds=300, workers=2, replicas=2)
    assert [row["gamma"] for row in found.rows()] == [0.01, 0.1, 100.0]
    trace = tg.simulate(
        "ef21", SMALL, "topk:k=1", parameters={"gamma": 0.1}, rounds=300, workers=2, replicas=2, checkpoints=[300],
        columns=False,
    )  # fmt: skip
    assert found.rows()[1]["gap"] == trace.columns["gap"][:, -1].mean()
    assert found.best["gamma"] == 0.1
    both = sweep("diana", SMALL, "ternary", grid={"gamma": [0.1, 0.2], "alpha": [0.1, 0.3]}, rounds=10, workers=2)
    assert len(both.rows()) == 4


def test_fitted_rates_are_those_of_the_recursion():
    """Gradient descent on (1/2)||x||^2: x <- (1 - gamma) x, so that ||x||^2 falls by (1 - gamma)^2."""
    trace = tg.simulate("sgd", "quadratic:dim=3,mu=1,L=1", parameters={"gamma": 0.1}, rounds=100, workers=1)
    assert fit_rate(trace, "dist_sq").slope == pytest.approx(0.81, rel=1e-6)
    assert tg.fit_rate(trace).slope == pytest.approx(0.81, rel=1e-6)
    noisy = tg.simulate(
        "mem-sgd", "quadratic:dim=3,mu=1,L=1,noise=gaussian", parameters={"gamma": 2.0, "a": 5.0}, rounds=4000,
        workers=1, replicas=64,
    )  # fmt: skip
    assert fit_rate(noisy, "dist_sq", power=True).slope == pytest.approx(-1, abs=0.15)


def test_data_frames_hold_the_columns():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    trace = tg.simulate("sgd", SMALL, parameters={"gamma": 0.1}, rounds=20, workers=2, replicas=3, first_replica=5)
    frame = trace.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.index.names) == ["replica", "round"]
    np.testing.assert_array_equal(frame.loc[6, "gap"], trace.columns["gap"][1])


def test_missing_packages_are_named(monkeypatch):
    import sys

    trace = tg.simulate("sgd", SMALL, parameters={"gamma": 0.1}, rounds=5, workers=2)
    for package, call in (("pandas", trace.to_pandas), ("xarray", trace.to_xarray)):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(InputError, match=f"needs {package}, which is not installed: pip install {package}"):
            call()


def test_pictures_have_a_line_for_everything_that_is_named(compared):
    p = tg.problem(SMALL, 4)
    trace = tg.run(theorem("ef21.pl").guarantee(p, "topk:k=2"), p, rounds=50, replicas=4)
    for fig, lines in (
        (trace.plot(), 2), (trace.plot("grad_sq"), 1), (trace.plot(over="bits"), 1), (compared.plot(), 4),
        (tg.rate_plot([trace, tg.simulate("sgd", p, parameters={"gamma": 0.1}, rounds=50)], "gap"), 2),
    ):  # fmt: skip
        (ax,) = fig.axes
        assert len(ax.get_legend().get_texts()) == lines
        assert ax.get_xlabel()
        assert ax.get_ylabel()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: compare(["ef21"], SMALL, workers=2), "give either bits or rounds"),
        (lambda: compare(["ef22"], SMALL, bits=1e4, workers=2), "did you mean 'ef21'"),
        (lambda: compare(["ef21"], SMALL, bits=1, workers=2), "bits, more than 1"),
        (lambda: compare(["ef21"], SMALL, bits=float("inf"), workers=2), "bits = inf"),
        (lambda: speedup("sgd.nonconvex", tg.problem(SMALL), [1, 2]), "is for 1 worker only:"),
        (lambda: speedup("sgd.nonconvex", SMALL, [0]), "n=0"),
        (lambda: sweep("ef21", SMALL, grid={}, rounds=5, workers=2), "the grid is empty"),
        (lambda: sweep("sgd", SMALL, grid={"gamma": [0.1]}, rounds=5, workers=2, column="gab"), "did you mean 'gap'"),
        (lambda: tg.rate_plot([]), "nothing to draw"),
    ],
)
def test_mistakes_get_one_sentence(call, words):
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
