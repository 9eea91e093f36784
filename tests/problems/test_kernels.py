"""Kernels say what the readable reference says, and sampled gradients have the stated mean and variance."""

import itertools

import numpy as np
import pytest

from tersegrad.problems import problem
from tersegrad.problems.kernels import products
from tersegrad.problems.linear import LinearModel

U = 2.0**-53


def rounding(p, worker, x):
    """A bound of the rounding error of a gradient: terms times u times the sizes of what is summed."""
    size = np.linalg.norm(x)
    if isinstance(p, LinearModel):
        A, b = p.A[p.span(worker)], p.b[p.span(worker)]
        norms = np.linalg.norm(A, axis=1)
        scores = norms * size + np.abs(b)
        slopes = np.abs(p._slope(A @ x, b))
        size = np.mean(norms * (slopes + p.curvature[1] * scores)) + (p.reg + 2 * p.lam) * size
        return 4 * (p.dim + b.size) * U * size
    shift = np.abs(p.shifts[worker]).max() * p.dim if p.name == "quadratic" else p.dim
    return 8 * (p.dim + 1) * U * p.constants().L_max * (size + shift)


def run(kernel, p, worker, X, u=None):
    G = np.full_like(X, np.nan)
    kernel(worker, X, np.empty((len(X), 0)) if u is None else u, p.kernels().data, G)
    return G


@pytest.mark.parametrize("points", [1, 5])  # a single one has a way of its own through the rows
@pytest.mark.parametrize("scale", [0.0, 1.0, 50.0])
def test_exact_gradient_and_value_equal_the_reference(case, scale, points):
    X = scale * np.random.default_rng(3).standard_normal((points, case.dim))
    kernels = case.kernels()
    for worker in range(case.workers):
        reference, values = case.worker_gradient(worker, X), case.worker_value(worker, X)
        G, F = run(kernels.exact_gradient, case, worker, X), np.full(points, np.nan)
        kernels.value(worker, X, kernels.data, F)
        for r in range(points):
            error = rounding(case, worker, X[r])
            assert np.linalg.norm(G[r] - reference[r]) <= error
            # The value's terms are those of the gradient times a distance, and the value itself.
            assert abs(F[r] - values[r]) <= error * (1 + np.linalg.norm(X[r])) + 1e3 * U * abs(values[r])


@pytest.mark.parametrize("spec", ["least-squares", "logistic", "robust", "huber"])
@pytest.mark.parametrize(("rows", "dim"), [(1, 3), (4, 1), (7, 5000), (11, 9001), (4097, 4)])
def test_a_gradient_at_one_point_takes_every_row_once(spec, rows, dim):
    """However the rows fall into portions: fewer than four left over, several portions, a single row."""
    p = problem(f"{spec}:rows={rows},dim={dim}")
    x = np.random.default_rng(5).standard_normal(dim) / np.sqrt(dim)
    G = run(p.kernels().exact_gradient, p, 0, x[None])
    assert np.linalg.norm(G[0] - p.worker_gradient(0, x)) <= rounding(p, 0, x)


@pytest.mark.parametrize("spec", ["least-squares", "logistic", "robust", "huber"])
@pytest.mark.parametrize(("rows", "points", "dim"), [(3, 2, 16), (8, 2, 17), (23, 3, 40), (21, 5, 39), (21, 5, 40)])
def test_gradients_at_few_long_points_are_those_at_each(spec, rows, points, dim):
    """Fewer rows than a group, whole groups, rows left over, a point without a partner; as many as go to BLAS."""
    p = problem(f"{spec}:rows={rows},dim={dim}")
    X = np.random.default_rng(6).standard_normal((points, dim)) / np.sqrt(dim)
    G = run(p.kernels().exact_gradient, p, 0, X)
    for x, g in zip(X, G, strict=True):
        assert np.linalg.norm(g - p.worker_gradient(0, x)) <= rounding(p, 0, x)


def test_the_oracle_is_exact_unless_rows_are_sampled(case):
    kernels = case.kernels()
    assert kernels.draws == (case.noise.batch or 0)
    assert (kernels.gradient is kernels.exact_gradient) == (case.noise.batch is None)


@pytest.mark.parametrize(
    "spec",
    [
        "least-squares:rows=29,dim=6,batch=1",
        "logistic:rows=29,dim=6,batch=1,split=sorted",
        "logistic-nonconvex:rows=29,dim=6,batch=1",
        "robust:rows=29,dim=6,batch=1",
        "robust:rows=9,dim=6,batch=1,homogeneous=1",
        "huber:rows=29,dim=6,batch=1",
    ],
)
def test_sampled_gradients_are_unbiased_with_the_stated_variance(spec):
    """Enumerates the rows: one uniform in the middle of every row's interval."""
    p = problem(spec, 3)
    x = np.random.default_rng(4).standard_normal(p.dim)
    variances = []
    for worker in range(3):
        m = p.span(worker).stop - p.span(worker).start
        u = (np.arange(m)[:, None] + 0.5) / m
        G = run(p.kernels().gradient, p, worker, np.tile(x, (m, 1)), u)
        exact = p.worker_gradient(worker, x)
        np.testing.assert_allclose(G.mean(axis=0), exact, atol=rounding(p, worker, x))
        variances.append(np.mean(np.sum((G - exact) ** 2, axis=1)))
    assert np.mean(variances) == pytest.approx(p.gradient_spread(x), rel=1e-12)


def test_a_batch_of_two_is_the_mean_of_two_independent_rows():
    p = problem("logistic:rows=10,dim=6,batch=2", 2)
    x = np.random.default_rng(4).standard_normal(p.dim)
    middles = (np.arange(5) + 0.5) / 5
    u = np.array(list(itertools.product(middles, middles)))
    spread = 0.0
    for worker in range(2):
        G = run(p.kernels().gradient, p, worker, np.tile(x, (25, 1)), u)
        exact = p.worker_gradient(worker, x)
        np.testing.assert_allclose(G.mean(axis=0), exact, atol=rounding(p, worker, x))
        spread += np.mean(np.sum((G - exact) ** 2, axis=1)) / 2
    assert spread == pytest.approx(p.gradient_spread(x), rel=1e-12)


def test_extreme_uniforms_draw_the_first_and_the_last_row():
    p = problem("least-squares:rows=29,dim=6,reg=0,batch=1", 3)
    x = np.ones(6)
    u = np.array([[2.0**-33], [1 - 2.0**-33]])
    G = run(p.kernels().gradient, p, 1, np.tile(x, (2, 1)), u)
    ends = [p.span(1).start, p.span(1).stop - 1]
    expected = (p.A[ends] @ x - p.b[ends])[:, None] * p.A[ends]
    np.testing.assert_allclose(G, expected, rtol=1e-13)


def test_kernel_exponential_is_exact_to_rounding():
    from tersegrad.problems.kernels.linear import exp

    z = np.concatenate([np.linspace(-700, 700, 4001), np.linspace(-1, 1, 401)])
    assert max(abs(exp(a) / np.exp(a) - 1) for a in z) <= 4 * U  # one ulp each side


def test_logistic_kernel_saturates_without_overflow_and_lets_nan_through():
    p = problem("logistic:rows=8,dim=2,reg=0.001")
    kernels = p.kernels()
    X = np.array([[1e5, -1e5], [-1e5, 1e5], [np.nan, 0.0]])
    G, F = run(kernels.exact_gradient, p, 0, X), np.empty(3)
    kernels.value(0, X, kernels.data, F)
    np.testing.assert_allclose(G[:2], p.worker_gradient(0, X[:2]), rtol=1e-12)
    np.testing.assert_allclose(F[:2], p.worker_value(0, X[:2]), rtol=1e-12)
    assert np.isnan(G[2]).all()
    assert np.isnan(F[2])


def test_kernels_of_absolute_values_are_the_reference_also_at_kinks():
    p = problem("absolute:dim=4,heterogeneity=1", 3)
    for worker in range(3):
        X = np.vstack([p.shifts, p.shifts[worker] + np.eye(4), np.zeros((1, 4))])
        G, F = run(p.kernels().gradient, p, worker, X), np.empty(len(X))
        np.testing.assert_array_equal(G, p.worker_gradient(worker, X))
        p.kernels().value(worker, X, p.kernels().data, F)
        np.testing.assert_allclose(F, p.worker_value(worker, X), rtol=8 * U)
    assert np.isnan(run(p.kernels().gradient, p, 0, np.full((1, 4), np.nan))).all()


@pytest.mark.parametrize(
    ("wide", "used", "narrow"),
    [(True, ["Haswell"], True), (True, ["SkylakeX"], False), (False, ["Haswell"], False), (True, [], False)],
)
def test_blas_is_narrow_where_it_leaves_vectors_of_512_bits_unused(wide, used, narrow, monkeypatch):
    libraries = [{"internal_api": "openblas", "architecture": name} for name in used] + [{"internal_api": "mkl"}]
    monkeypatch.setattr(products, "threadpool_info", lambda: libraries)
    monkeypatch.setattr(products.binding, "get_host_cpu_features", lambda: {"avx512f": wide})
    assert products.blas_is_narrow() == narrow
