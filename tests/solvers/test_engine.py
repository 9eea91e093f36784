"""The engine: same bits whatever the threads, traces that say what they should, exact second moments, own kernels."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

import tersegrad as tg
from support.method_table import PARAMETERS, call
from tersegrad.common.errors import InputError
from tersegrad.problems import Problem, ProblemKernels
from tersegrad.problems import problem as build
from tersegrad.problems.kernels.signatures import GRADIENT, OPTIONS, VALUE
from tersegrad.solvers import Method, Trace, simulate
from tersegrad.solvers.channels import plain
from tersegrad.solvers.context import context
from tersegrad.solvers.engines.setup import NEEDED_FOR
from tersegrad.solvers.engines.simulate import blocks
from tersegrad.solvers.rules import descend
from tersegrad.solvers.signatures import COMPRESS, RULE
from tersegrad.theory import Constants
from tersegrad.theory.compressors import Compressor

NOISY = "quadratic:dim=20,mu=0.1,L=1,heterogeneity=1,noise=gaussian,sigma_sq=0.5"
DORE = {"gamma": 0.2, "alpha": 0.2, "beta": 0.3, "eta": 0.0}


def test_result_does_not_depend_on_threads_or_checkpoints():
    def run(**options):
        return simulate(
            "dore",
            NOISY,
            "ternary",
            "ternary",
            workers=4,
            parameters=DORE,
            rounds=60,
            replicas=9,
            seed=1,
            **options,
        )

    one, many = run(threads=1), run(threads=4)
    assert np.array_equal(one.final, many.final)
    assert all(np.array_equal(one.columns[k], many.columns[k]) for k in one.columns)
    sparse = run(checkpoints=[60])
    assert np.array_equal(one.final, sparse.final)
    for name, column in one.columns.items():
        assert np.array_equal(column[:, -1], sparse.columns[name][:, -1]), name


def test_replicas_partition_into_blocks_by_their_number_and_the_dimension_alone():
    for replicas in (1, 2, 3, 16, 100, 129):
        for dim in (1, 20, 500, 10**6):
            parts = blocks(replicas, dim)
            assert [r for part in parts for r in part] == list(range(replicas))
            sizes = {len(part) for part in parts}
            assert max(sizes) - min(sizes) <= 1
            assert max(sizes) * dim <= 4096 or max(sizes) == 1


def test_more_replicas_continue_where_the_first_ones_ended():
    def run(replicas, first):
        return simulate(
            "qsgd", NOISY, "ternary", workers=2, parameters={"gamma": 0.1}, rounds=30, replicas=replicas,
            first_replica=first,
        )  # fmt: skip

    together, merged = run(8, 0), run(4, 0).merge(run(4, 4))
    assert np.allclose(together.final, merged.final, rtol=0, atol=1e-13)
    assert merged.replicas == 8


def test_means_are_means_over_all_rounds_done():
    problem = build(NOISY, workers=3)
    trace = simulate(
        "sgd", problem, parameters={"gamma": 0.3}, rounds=12, replicas=2, checkpoints=np.arange(13),
        columns=["grad_sq_mean", "gap_mean"],
    )  # fmt: skip
    for mean, column in (("grad_sq_mean", "grad_sq"), ("gap_mean", "gap")):
        running = np.cumsum(trace.columns[column], axis=1)[:, :-1] / np.arange(1, 13)
        assert np.allclose(trace.columns[mean][:, 1:], running, rtol=1e-12)


def test_row_sampling_records_the_same_mean_by_evaluating_the_gradient_anew():
    trace = simulate(
        "sgd", "logistic:rows=40,dim=5,reg=0.1,batch=2", workers=2, parameters={"gamma": 0.3}, rounds=12,
        checkpoints=np.arange(13), columns=["grad_sq_mean"],
    )  # fmt: skip
    running = np.cumsum(trace.columns["grad_sq"], axis=1)[:, :-1] / np.arange(1, 13)
    assert np.allclose(trace.columns["grad_sq_mean"][:, 1:], running, rtol=1e-12)


def test_recorded_columns_match_the_problems_own_references():
    problem = build("least-squares:rows=60,dim=8,reg=0.1", workers=3)
    trace = simulate("diana", problem, "ternary", parameters={"gamma": 0.1, "alpha": 0.3}, rounds=20, replicas=2)
    x = trace.final
    assert np.allclose(trace.columns["gap"][:, -1], problem.objective(x) - problem.f_star, rtol=1e-10, atol=1e-14)
    assert np.allclose(trace.columns["grad_sq"][:, -1], (problem.gradient(x) ** 2).sum(axis=1), rtol=1e-10)
    assert np.allclose(trace.columns["dist_sq"][:, -1], ((x - problem.x_star) ** 2).sum(axis=1), rtol=1e-12)
    assert np.allclose(trace.columns["memory_error_sq"][:, 0], problem.constants().zeta_star_sq, rtol=1e-10)


def test_bits_of_dense_messages_and_of_topk():
    trace = simulate(
        "doublesqueeze",
        NOISY,
        "topk:k=3",
        "identity",
        workers=2,
        parameters={"gamma": 0.1},
        rounds=7,
        checkpoints=[7],
    )
    assert trace.scalars["bits_down_formula"][-1] == 7 * 32 * 20
    assert trace.scalars["bits_up_formula"][-1] >= 7 * 3 * 32
    assert trace.columns["bits_up_encoded"][0, -1] % (8 / 2) == 0
    assert (trace.scalars["entropy_up"] > 0).all()


def test_exact_second_moment_of_compressed_sgd():
    """E||x^t - x*||^2 under rand-k obeys a closed recursion on a quadratic; Monte Carlo must agree.

    With f_i = (1/2) sum_j l_j (x_j - s_ij)^2, n workers, own coins and scaled rand-k (probability p = k/d a coordinate,
    E C_j(v) C_j(v) = v_j^2/p): m_j = E(x_j - x*_j), s_j = E(x_j - x*_j)^2 are a linear system per coordinate. Limits of
    five standard errors over 4000 replicas at six rounds: 4e-6 in all.
    """
    n, d, k, gamma, rounds, replicas = 3, 6, 2, 0.1, 40, 4000
    problem = build(f"quadratic:dim={d},mu=0.3,L=2,heterogeneity=1,noise=uniform,sigma_sq=0.6", workers=n)
    points = [1, 3, 7, 15, 25, 40]
    trace = simulate(
        "qsgd", problem, f"randk:k={k}", parameters={"gamma": gamma}, rounds=rounds, replicas=replicas, seed=11,
        checkpoints=points,
    )  # fmt: skip
    eigen, star, p = problem.hessian(0), problem.x_star, k / d
    mean = problem.x0 - star
    second = mean**2
    expected = {}
    for t in range(1, rounds + 1):
        # worker i's gradient: l (y + a_i), y = x - x*, a_i = x* - s_i, plus noise of variance sigma_sq/d
        offsets = star - problem.shifts
        squares = eigen**2 * (second + 2 * mean * offsets + offsets**2) + 0.6 / d
        exact = eigen**2 * (second + 2 * mean * offsets + offsets**2)
        # E (avg C)^2 = (E avg g)^2 parts + variance of each message / n^2
        average = eigen**2 * second
        variance = ((squares / p) - exact).sum(axis=0) / n**2
        second = second - 2 * gamma * eigen * second + gamma**2 * (average + variance)
        mean = (1 - gamma * eigen) * mean
        expected[t] = second.sum()
    samples = trace.columns["dist_sq"][:, -len(points) :]
    error = samples.std(axis=0, ddof=1) / np.sqrt(replicas)
    assert (np.abs(samples.mean(axis=0) - [expected[t] for t in points]) < 5 * error).all()


def test_the_public_names_are_what_they_say_after_everything_is_imported():
    import tersegrad as tg

    tg.simulate("sgd", "quadratic:dim=2", workers=1, parameters={"gamma": 0.1}, rounds=1)
    assert tg.method("dore").title == "DORE"
    assert all(callable(getattr(tg, name)) for name in tg.__all__ if name != "__version__")


def test_divergence_is_recorded_as_the_first_bad_round():
    trace = simulate("sgd", "quadratic:dim=4,mu=1,L=1", workers=1, parameters={"gamma": 100.0}, rounds=100, replicas=3)
    # ||x - x*|| grows by 99 a round: 99^(2t) first exceeds 1e60 (times ||x0 - x*||^-2) near t = 15.
    assert trace.diverged is not None
    assert 14 <= trace.diverged <= 17
    assert np.isinf(trace.columns["dist_sq"][:, -1]).all()
    assert np.isfinite(trace.final).all()


def test_traces_survive_the_disk(tmp_path):
    trace = simulate("dore", NOISY, "ternary", "ternary", workers=2, parameters=DORE, rounds=10, replicas=2)
    trace.save(tmp_path / "t.npz")
    again = Trace.load(tmp_path / "t.npz")
    assert again.about == trace.about
    assert all(np.array_equal(again.columns[k], trace.columns[k]) for k in trace.columns)
    assert [f.name for f in tmp_path.iterdir()] == ["t.npz"]


def test_a_cut_or_foreign_file_is_not_taken_for_a_trace(tmp_path):
    trace = simulate("sgd", NOISY, workers=2, parameters={"gamma": 0.1}, rounds=3)
    trace.save(tmp_path / "t.npz")
    whole = (tmp_path / "t.npz").read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.npz").write_bytes(whole[:cut])
        with pytest.raises(InputError):
            Trace.load(tmp_path / "cut.npz")
    with pytest.raises(InputError, match="cannot read"):
        Trace.load(tmp_path / "none.npz")
    with pytest.raises(InputError, match="cannot write"):
        trace.save(tmp_path / "no" / "such" / "folder.npz")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "dora"}, "did you mean 'dore'"),
        ({"parameters": {"gamma": -0.1}}, "gamma = -0.1"),
        ({"parameters": {"gamma": 0.1, "eta": 1}}, "no parameter 'eta'"),
        ({"parameters": {}}, "needs gamma"),
        ({"rounds": 0}, "rounds = 0"),
        ({"replicas": 0}, "replicas = 0"),
        ({"seed": 2**32}, "seed"),
        ({"workers": None}, "workers"),
        ({"down": "topk:k=2"}, "broadcasts uncompressed"),
        ({"up": "topk:k=21"}, "20"),
        ({"checkpoints": [99]}, "checkpoints"),
    ],
)
def test_bad_input_gets_one_sentence(change, words):
    call = {
        "method": "qsgd", "problem": NOISY, "up": "identity", "down": "identity", "workers": 2,
        "parameters": {"gamma": 0.1}, "rounds": 5,
    } | change  # fmt: skip
    with pytest.raises(InputError) as caught:
        simulate(**call)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# -- a method, a compressor and a problem of one's own ---------------------------------------------------------------


@njit(RULE, **OPTIONS)
def sign_step(ctx, params, x, v, states, common):
    """x <- x - gamma sign(v): a method that no table lists."""
    for r in range(v.shape[0]):
        for j in range(v.shape[1]):
            x[r, j] -= params[0] * np.sign(v[r, j])


@njit(COMPRESS, **OPTIONS)
def halve(x, u, ctx, params, state, out, bits):
    """C(x) = params[0] x in 16 bits a coordinate."""
    for r in range(x.shape[0]):
        bits[r] = 16.0 * x.shape[1]
        for j in range(x.shape[1]):
            out[r, j] = params[0] * x[r, j]


@njit(GRADIENT, **OPTIONS)
def cosh_gradient(worker, X, u, data, G):
    for r in range(X.shape[0]):
        for j in range(X.shape[1]):
            G[r, j] = np.sinh(X[r, j] - data[1][worker])


@njit(VALUE, **OPTIONS)
def cosh_value(worker, X, data, F):
    for r in range(X.shape[0]):
        F[r] = 0.0
        for j in range(X.shape[1]):
            F[r] += np.cosh(X[r, j] - data[1][worker])


class Halving(Compressor):
    """A compressor of one's own."""

    name = "halving"

    def kernel(self, dim):
        return halve, np.array([0.5]), 0

    def draws(self, dim):
        return 0

    def formula_bits(self, dim, float_bits=32):
        return 16.0 * dim

    def entropy_bits(self, message):
        return 16.0 * message.size


class Cosh(Problem):
    """f_i(x) = sum_j cosh(x_j - s_i) with s = -1, +1: minimiser 0 by symmetry."""

    name = "cosh"

    def __init__(self):
        super().__init__(3, 2, x0=np.array([1.0, -2.0, 0.5]))

    x_star = np.zeros(3)

    def worker_value(self, worker, X):
        return np.cosh(X - (2 * worker - 1)).sum(axis=-1)

    def worker_gradient(self, worker, X):
        return np.sinh(X - (2 * worker - 1))

    def constants(self):
        return Constants(n=2, dim=3, mu=1.0)

    def kernels(self):
        empty = np.zeros(0, dtype=np.int64)
        data = (np.zeros((1, 1)), np.array([-1.0, 1.0]), empty, empty, np.zeros(0))
        return ProblemKernels(cosh_gradient, cosh_gradient, cosh_value, data)


def test_own_method_compressor_and_problem_plug_in():
    problem = Cosh()
    own = Method(
        name="sign-step", title="sign step", source="this test", parameters=("gamma",),
        uplink=lambda p: plain(), downlink=lambda p: plain(), everyone=sign_step,
    )  # fmt: skip
    trace = simulate(own, problem, parameters={"gamma": 0.25}, rounds=8)
    assert np.abs(trace.final[0]).max() <= 0.25
    half = simulate("qsgd", problem, Halving(), parameters={"gamma": 0.2}, rounds=4, checkpoints=[4])
    full = simulate("sgd", problem, parameters={"gamma": 0.1}, rounds=4)
    assert np.allclose(half.final, full.final, rtol=1e-14)
    assert half.columns["bits_up_encoded"][0, -1] == 4 * 16 * 3
    assert np.allclose(trace.columns["gap"][0, 0], problem.value(problem.x0) - problem.f_star)


def test_own_rules_share_the_library_ones():
    """descend, the rule of half the methods, is a kernel like any other: one step of it by hand."""
    x, v = np.array([[1.0, 2.0]]), np.array([[0.5, -1.0]])
    none = np.zeros((0, 1, 2))
    descend(context(), np.array([0.1, 0.0, 0.0]), x, v, none, none)
    assert np.allclose(x, [[0.95, 2.1]])


@pytest.mark.parametrize(
    ("problem", "column", "less"),
    [
        ("quadratic:dim=3,radius=1", "gap", True),
        ("logistic-nonconvex:rows=40,dim=3,lam=0.1", "above_bound", True),
        ("own", "objective", False),
    ],
)
def test_the_gap_is_called_what_it_is(problem, column, less):
    if problem == "own":
        subject = tg.Problem.from_functions(lambda x: float(np.cosh(x).sum()), np.sinh, dim=3, workers=2, x0=np.ones(3))
    else:
        subject = tg.problem(problem, workers=2)
    trace = tg.simulate("sgd", subject, parameters={"gamma": 0.05}, rounds=5)
    assert {"gap", "above_bound", "objective"} & set(trace.columns) == {column}
    assert trace.columns[column][0, -1] == pytest.approx(
        float(subject.objective(trace.final[0])) - (subject.f_star if less else 0.0)
    )


def test_a_gap_above_a_lower_bound_is_no_gap():
    subject = tg.problem("logistic-nonconvex:rows=40,dim=3,lam=0.1", workers=2)
    with pytest.raises(tg.InputError, match=r"need f\*, of which only a lower bound is known"):
        tg.simulate("sgd", subject, parameters={"gamma": 0.05}, rounds=5, columns=["gap_mean"])
    (verdict,) = tg.verify(["sgd.pl"], problem=subject, constants={"pl": 0.05}, rounds=50)
    assert (verdict.verdict, "only a lower bound is known" in verdict.reason) == ("no guarantee", True)


def test_what_a_run_measures_by_default_costs_no_more_than_the_run():
    rows = "least-squares:rows=400,dim=3,batch=1"
    trace = tg.simulate("sgd", rows, workers=2, parameters={"gamma": 0.01}, rounds=5)
    assert "grad_sq_mean" not in trace.columns
    asked = tg.simulate("sgd", rows, workers=2, parameters={"gamma": 0.01}, rounds=5, columns=["grad_sq_mean"])
    assert "grad_sq_mean" in asked.columns
    exact = tg.simulate("sgd", "least-squares:rows=400,dim=3", workers=2, parameters={"gamma": 0.01}, rounds=5)
    assert "grad_sq_mean" in exact.columns
    guarantee = tg.theorem("sgd.nonconvex").guarantee(tg.problem(rows, workers=2).constants().replaced({"sigma_sq": 9}))
    assert tg.run(guarantee, tg.problem(rows, workers=2), rounds=5).metric.shape[0] == 1


@pytest.mark.parametrize("word", PARAMETERS)
@pytest.mark.parametrize("subject", ["quadratic:dim=12,heterogeneity=1", "logistic-nonconvex:rows=40,dim=12,lam=0.1"])
def test_a_column_that_is_recorded_anyway_may_be_asked_for_and_one_that_is_not_says_what_it_needs(word, subject):
    small = {"rounds": 2, "replicas": 1, "paths": False}
    arguments, given = call(word, subject, columns=False, **small)
    there = set(simulate(*arguments, **given).columns)
    assert set(simulate(*arguments, **{**given, "columns": sorted(there)}).columns) == there
    assert there <= set(NEEDED_FOR)
    for name in set(NEEDED_FOR) - there:
        with pytest.raises(InputError, match=f"^this run has no column '{name}', which needs a "):
            simulate(*arguments, **{**given, "columns": [name]})
