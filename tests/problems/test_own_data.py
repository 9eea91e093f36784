"""Rows and targets of a user's own: dense, sparse, data frames; and problems without a strongly convex term."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array, csr_matrix, random_array

import tersegrad as tg
from tersegrad.common.errors import InputError
from tersegrad.problems import problem
from tersegrad.problems.rows import is_sparse

MODELS = ("logistic", "logistic-nonconvex", "least-squares", "robust", "huber")


def rows(m=60, d=40, density=0.08, seed=0):
    A = random_array((m, d), density=density, rng=np.random.default_rng(seed), format="csr")
    A.data = np.random.default_rng(seed + 1).standard_normal(A.nnz)
    return A, np.where(np.random.default_rng(seed + 2).standard_normal(m) > 0, 1, 0)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("options", [{}, {"batch": 3}, {"homogeneous": 1}, {"split": "sorted"}])
def test_sparse_rows_make_the_same_problem_as_dense_ones(name, options):
    """Values, gradients, Hessians, kernels, sampled rows and constants; sums in another order differ by rounding."""
    A, y = rows()
    sparse, dense = (problem(name, X, y, workers=4, **options) for X in (A, A.toarray()))
    assert is_sparse(sparse.A)
    assert not is_sparse(dense.A)
    X = np.random.default_rng(5).standard_normal((3, 2, 40))
    for worker in range(4):
        np.testing.assert_allclose(sparse.worker_value(worker, X), dense.worker_value(worker, X), rtol=1e-12)
        np.testing.assert_allclose(
            sparse.worker_gradient(worker, X), dense.worker_gradient(worker, X), rtol=1e-10, atol=1e-13
        )
    np.testing.assert_allclose(sparse.hessian(X[0, 0]), dense.hessian(X[0, 0]), atol=1e-13)
    for field, value in dense.constants().known().items():
        assert sparse.constants().known()[field] == pytest.approx(value, rel=1e-9, abs=1e-12), field
    one, other = sparse.kernels(), dense.kernels()
    block, u = np.ascontiguousarray(X[0]), np.random.default_rng(6).uniform(size=(2, one.draws))
    for kernel in ("gradient", "exact_gradient"):
        for worker in range(4):
            out = [np.empty_like(block) for _ in range(2)]
            for k, G in zip((one, other), out, strict=True):
                getattr(k, kernel)(worker, block, u, k.data, G)
            np.testing.assert_allclose(out[0], out[1], rtol=1e-10, atol=1e-13)
    values = [np.empty(2) for _ in range(2)]
    for k, F in zip((one, other), values, strict=True):
        k.value(1, block, k.data, F)
    np.testing.assert_allclose(values[0], values[1], rtol=1e-12)


def test_runs_on_sparse_rows_are_runs_on_dense_ones():
    A, y = rows()
    final = [
        tg.simulate("diana", problem("logistic", X, y, reg=0.1, workers=4), "ternary",
                    parameters={"gamma": 0.5, "alpha": 0.3}, rounds=30, replicas=3).final
        for X in (A, A.toarray())
    ]  # fmt: skip
    np.testing.assert_allclose(final[0], final[1], atol=1e-10)


def test_workers_of_their_own_processes_take_sparse_rows():
    A, y = rows()
    p = problem("logistic", A, y, reg=0.1, workers=2)
    finals = [
        tg.run("qsgd", p, "ternary", parameters={"gamma": 0.5}, rounds=10, engine=engine).final
        for engine in ("simulate", "processes")
    ]
    np.testing.assert_array_equal(finals[0], finals[1])


def test_a_wide_sparse_problem_takes_memory_in_proportion_to_its_entries():
    """10^6 features and 400 entries: no array of the size of rows x features, and x* to rounding all the same."""
    import tracemalloc

    A = random_array((40, 10**6), density=1e-5, rng=np.random.default_rng(0), format="csr")
    y = np.arange(40) % 2
    tracemalloc.start()
    p = problem("logistic", A, y, reg=0.1, workers=4)
    known = p.constants()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 8e6  # a few dozen vectors; one dense copy of the rows would be 320 MB
    assert p.optimality() < 1e-12
    assert known.L_max >= known.L > known.mu == 0.1


@pytest.mark.parametrize(("m", "d"), [(6, 1500), (1500, 1200)])
def test_the_minimiser_of_a_problem_with_many_features_is_certified(m, d):
    """By the (m, m) system where rows are few, by Cholesky otherwise."""
    random = np.random.default_rng(0)
    p = problem("logistic", random.standard_normal((m, d)), random.standard_normal(m) > 0, reg=0.01)
    assert p.optimality() <= 1e-12 * p.constants().L


def test_conjugate_gradients_serve_where_neither_side_is_small(monkeypatch):
    monkeypatch.setattr("tersegrad.problems.linear.DIRECT", 20)
    monkeypatch.setattr("tersegrad.problems.rows.DIRECT", 20)
    A, y = rows(m=200, d=90)
    p = problem("logistic", A, y, reg=0.05, workers=4)
    monkeypatch.undo()
    q = problem("logistic", A, y, reg=0.05, workers=4)
    np.testing.assert_allclose(p.x_star, q.x_star, atol=1e-11)
    assert pytest.approx(q.constants().L, rel=1e-12) == p.constants().L


def test_data_frames_and_other_tables_are_read():
    class Frame:
        """What NumPy sees of a data frame."""

        def __init__(self, values):
            self.values = values

        def __array__(self, dtype=None, copy=None):
            return np.array(self.values, dtype=dtype)

    A = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    expected = problem("logistic", A, [0, 1, 1]).constants()
    assert problem("logistic", Frame(A), Frame([0, 1, 1])).constants() == expected
    assert problem("logistic", csr_matrix(A), np.array([[0], [1], [1]])).constants() == expected
    assert problem("logistic", np.asfortranarray(np.array(A, dtype=np.float32)), [True, False, False]).constants().L


def test_the_text_form_of_own_data_is_a_digest_of_them():
    A, y = rows()
    spec = problem("logistic", A, y, reg=0.1).spec
    assert spec == problem("logistic", A.copy(), y, reg=0.1, workers=3).spec
    assert spec != problem("logistic", A, 1 - y, reg=0.1).spec
    assert "60x40" in spec


@pytest.mark.parametrize(
    ("X", "y", "options", "words"),
    [
        ([[1.0, 2.0]], None, {}, "give y"),
        ([[1.0, 2.0]], [1, 2], {}, "1 row; give one target per row"),
        ([1.0, 2.0], [1, 2], {}, "rows times features"),
        ([["a"], ["b"]], [1, 2], {}, "not a table of numbers"),
        ([[np.nan], [1.0]], [1, 2], {}, "not a finite number"),
        (
            [[1.0], [2.0], [3.0]],
            [1, 2, 3],
            {},
            "has 3 classes (1, 2, 3); logistic regression takes exactly 2; to",
        ),
        ([[1.0], [2.0], [3.0]], ["a", "b", "c"], {"positive": "z"}, "positive=z"),
        ([[1.0], [2.0]], [1, 2], {"split": np.array([0, 2])}, "split must name each of the workers"),
        ([[1.0], [2.0]], [1, 2], {"split": np.array([0.5, 2])}, "the number of a worker"),
        ([[1.0], [2.0]], [1, 2], {"x0": [1.0, 2.0, 3.0]}, "x0 has shape"),
        ([[1.0], [2.0]], [1, 2], {"rows": 5}, "leave them out"),
        ([[1.0], [2.0]], [1, 2], {"regg": 5}, "did you mean 'reg'"),
    ],
)
def test_objects_that_do_not_fit_get_one_clear_sentence(X, y, options, words):
    with pytest.raises(InputError) as caught:
        problem("logistic", X, y, workers=2, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_regression_needs_numbers():
    with pytest.raises(InputError, match="'a' is not a number"):
        problem("least-squares", [[1.0], [2.0]], ["a", "b"])
    with pytest.raises(InputError, match="has no option 'positive'"):
        problem("least-squares", [[1.0], [2.0]], [1, 2], positive=1)


def test_one_class_against_the_rest_a_constant_feature_an_own_split_and_start():
    X, y = np.arange(10.0).reshape(5, 2), np.array(["a", "b", "c", "a", "b"])
    p = problem(
        "logistic", X, y, positive="b", intercept=1, split=np.array([1, 0, 1, 0, 1]), x0=[1.0, 2.0, 3.0], workers=2
    )
    np.testing.assert_array_equal(p.A, np.hstack([np.ones((5, 1)), X])[[1, 3, 0, 2, 4]])
    np.testing.assert_array_equal(p.b, [1, -1, -1, -1, 1])
    np.testing.assert_array_equal(p.offsets, [0, 2, 5])
    np.testing.assert_array_equal(p.x0, [1, 2, 3])


def test_expected_smoothness_of_a_batch_lies_between_a_row_and_a_worker():
    """E||g(x) - g(y)||^2 <= 2 L_sample (f(x) - f(y) - <grad f(y), x - y>) over pairs of points, exactly."""
    random = np.random.default_rng(0)
    A, y = random.standard_normal((12, 3)) * np.geomspace(0.2, 3, 12)[:, None], random.standard_normal(12)
    previous = np.inf
    for batch in (1, 2, 5, 100):
        p = problem("least-squares", A, y, reg=0.0, batch=batch)
        known = p.constants()
        assert known.L_max <= known.L_sample < previous
        previous = known.L_sample
        for _ in range(50):
            u, v = random.standard_normal((2, 3))
            each = A * (A @ (u - v))[:, None]
            mean = each.mean(axis=0)
            second = np.sum((each - mean) ** 2) / 12 / batch + mean @ mean
            bregman = float(p.value(u) - p.value(v) - p.gradient(v) @ (u - v))
            assert second <= 2 * known.L_sample * bregman * (1 + 1e-12)
    assert problem("least-squares", A, y, reg=0.0, batch=1).constants().L_sample == pytest.approx(
        (A**2).sum(axis=1).max()
    )


def test_logistic_regression_without_a_regulariser_is_convex_and_has_a_minimiser_or_says_so():
    random = np.random.default_rng(0)
    A = random.standard_normal((80, 3))
    noisy = A[:, 0] + random.standard_normal(80) > 0
    p = problem("logistic", A, noisy, reg=0, workers=4)
    known = p.constants()
    assert (known.mu, known.mu_min) == (0, 0)
    assert "has a minimiser" in p.minimiser
    by_hand = minimize(lambda x: float(p.value(x)), np.zeros(3), jac=lambda x: p.gradient(x), tol=1e-12)
    assert p.f_star == pytest.approx(by_hand.fun, rel=1e-10)
    np.testing.assert_allclose(p.x_star, by_hand.x, atol=1e-5)
    assert p.f_star_certified
    assert known.dist0_sq == pytest.approx(p.x_star @ p.x_star)


def test_separated_classes_have_no_minimiser():
    A = np.random.default_rng(0).standard_normal((30, 3))
    strictly = problem("logistic", A, A[:, 0] > 0, reg=0, workers=3)
    assert strictly.x_star is None
    assert "no minimiser" in strictly.minimiser
    assert strictly.f_star_certified
    assert strictly.constants().gap0 == pytest.approx(np.log(2))
    assert strictly.constants().dist0_sq is None
    assert any("no minimiser" in note for note in strictly.constants().notes)
    # Points on the hyperplane, of both classes: separated, but the infimum is not 0.
    B, y = np.vstack([A, np.zeros((2, 3))]), np.append(A[:, 0] > 0, [True, False])
    weakly = problem("logistic", B, y, reg=0, workers=3)
    assert weakly.x_star is None
    assert "some points on it" in weakly.minimiser
    assert not weakly.f_star_certified


def test_the_minimiser_of_dependent_features_is_the_nearest_to_the_start():
    random = np.random.default_rng(3)
    A = random.standard_normal((60, 2))
    y = A[:, 0] + random.standard_normal(60) > 0
    doubled = problem("logistic", np.hstack([A, A[:, :1]]), y, reg=0, x0=[0.0, 0.0, 1.0])
    x = doubled.x_star
    single = problem("logistic", A, y, reg=0)
    np.testing.assert_allclose([x[0] + x[2], x[1]], single.x_star, rtol=1e-8)
    # Nearest to x0: what is added to it is orthogonal to (1, 0, -1).
    assert x[0] - (x[2] - 1.0) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("offset", [1e-9, 1e-7, 0.0])
def test_the_rank_is_decided_once(offset):
    """Two columns that are (almost) equal: f* is a minimum that no point undercuts, and PL holds with its pl."""
    random = np.random.default_rng(0)
    A = random.standard_normal((30, 3))
    A[:, 2] = A[:, 1] + offset * random.standard_normal(30)
    p = problem("least-squares", A, random.standard_normal(30), reg=0, workers=3)
    known = p.constants()
    modulus = known.pl or known.mu
    assert np.linalg.norm(p.gradient(p.x_star)) <= 1e-13 * known.L * max(np.linalg.norm(p.x_star), 1)
    x = p.x0
    for step in range(200):
        x = x - p.gradient(x) / known.L
        if step % 10 == 0:
            gap = float(p.value(x)) - p.f_star
            assert gap >= -1e-14
            assert np.sum(p.gradient(x) ** 2) >= 2 * modulus * gap * (1 - 1e-6) - 1e-28


def test_minima_of_the_workers_are_minima():
    p = problem("logistic:rows=60,dim=4,reg=0.05,split=sorted", 3)
    for i in range(3):
        found = minimize(lambda x, i=i: float(p.worker_value(i, x)), np.zeros(4), tol=1e-12)
        assert p.infima[i] == pytest.approx(found.fun, abs=1e-8)
        assert p.infima[i] <= found.fun + 1e-12


def test_the_dissimilarity_of_logistic_workers_is_bounded_more_sharply_than_by_each_gradient():
    """Shuffled shares: the slopes' centres average out, and only half of each gradient is left to chance."""
    p = problem("logistic:rows=600,dim=5,reg=0.1", 4)
    s_sq = np.mean([(np.sqrt(p.row_norms_sq[q]).mean()) ** 2 for q in p.shares])
    operator = np.mean([spectrum.largest for spectrum in p.worker_spectra])
    assert p.constants().zeta_sq < 0.5 * min(s_sq, operator)


def test_sparse_rows_stay_sparse_and_nearly_dense_ones_do_not():
    assert is_sparse(problem("least-squares", csr_array(np.eye(20)), np.arange(20.0)).A)
    assert not is_sparse(problem("least-squares", csr_array(np.ones((4, 3))), np.arange(4.0)).A)


def test_standardised_and_sparse_is_dense_if_it_fits(monkeypatch):
    A, y = rows()
    assert not is_sparse(problem("logistic", A, y, standardise=1).A)
    monkeypatch.setattr("tersegrad.problems.files.MOST_BYTES", 1000)
    with pytest.raises(InputError, match="standardise=1 makes 60 x 40 sparse rows dense"):
        problem("logistic", A, y, standardise=1)
