"""Every constant that a problem states holds, and is attained where it is said to be exact."""

from fractions import Fraction

import numpy as np
import pytest

from support.problem_table import CASES
from tersegrad.common.errors import InputError
from tersegrad.problems import PROBLEMS, Noise, Problem, ProblemKernels, problem
from tersegrad.problems.explicit import ExplicitQuadratic
from tersegrad.problems.linear import BOUNDED_SLOPE, LinearModel
from tersegrad.problems.pl import MU_PL

U = 2.0**-53


def all_gradients(p, x):
    return np.stack([p.worker_gradient(i, x) for i in range(p.workers)])


def pairs(p):
    """Pairs of points: random ones at three scales, and small moves along the eigenvectors of Hessians."""
    random = np.random.default_rng(5)
    centre = p.x0 if p.x_star is None else p.x_star
    for scale in (0.1, 1.0, 30.0):
        for _ in range(5):
            yield tuple(centre + scale * random.standard_normal((2, p.dim)))
    if isinstance(p, LinearModel):
        for share in p.shares:
            axes = np.linalg.svd(p.A[share], full_matrices=True)[2]
            for axis in axes[[0, -1]]:
                yield centre, centre + 1e-3 * axis


@pytest.mark.filterwarnings("error")
def test_smoothness_and_convexity_hold_between_all_pairs(case):
    known = case.constants()
    for x, y in pairs(case):
        move = y - x
        distance_sq = move @ move
        # Relative rounding of a difference of gradients at points of this size.
        slack = 1 + 1e-9 * (1 + np.linalg.norm(x) / np.sqrt(distance_sq))
        changes = all_gradients(case, y) - all_gradients(case, x)
        change_sq = np.sum(changes**2, axis=1)
        assert np.sum((case.gradient(y) - case.gradient(x)) ** 2) <= known.L**2 * distance_sq * slack
        assert change_sq.max() <= known.L_max**2 * distance_sq * slack
        assert change_sq.mean() <= known.L_tilde**2 * distance_sq * slack
        if known.mu is not None:
            curvatures = changes @ move / distance_sq
            rounding = 1e-9 * known.L_max
            assert curvatures.mean() >= known.mu - rounding
            assert curvatures.min() >= known.mu_min - rounding


@pytest.mark.parametrize(("spec", "workers"), [c for c in CASES if "quadratic" in c[0] or "least-squares" in c[0]])
def test_eigenvalues_of_quadratic_problems_are_exact(spec, workers):
    p = problem(spec, workers)
    known, origin = p.constants(), np.zeros(p.dim)
    hessians = np.stack([p.worker_gradient(i, np.eye(p.dim)) - p.worker_gradient(i, origin) for i in range(p.workers)])
    spectra, mean = np.linalg.eigvalsh(hessians), np.linalg.eigvalsh(hessians.mean(axis=0))
    rounding = {"rtol": 1e-12, "atol": 1e-13 * known.L_max}
    np.testing.assert_allclose(known.L, mean[-1], **rounding)
    np.testing.assert_allclose(known.L_max, spectra[:, -1].max(), **rounding)
    np.testing.assert_allclose(known.L_tilde, np.sqrt(np.mean(spectra[:, -1] ** 2)), **rounding)
    np.testing.assert_allclose(known.mu, mean[0], **rounding)
    np.testing.assert_allclose(known.mu_min, spectra[:, 0].min(), **rounding)
    if known.mu == 0:
        np.testing.assert_allclose(known.pl, mean[mean > 1e-10].min(), **rounding)


def test_gradient_is_the_derivative_of_the_value(case):
    random = np.random.default_rng(6)
    x, v = random.standard_normal((2, case.dim))
    h = U ** (1 / 3)
    for f, gradient in [
        (case.value, case.gradient),
        *((lambda X, i=i: case.worker_value(i, X), lambda X, i=i: case.worker_gradient(i, X)) for i in (0, -1)),
    ]:
        slope = (f(x + h * v) - f(x - h * v)) / (2 * h)
        # Truncation h^2 f'''/6 and rounding U f/h are both of the order U^(2/3) times the problem's scale.
        scale = abs(f(x)) + (v @ v) ** 1.5 * 10 * case.constants().L_sample
        assert slope == pytest.approx(gradient(x) @ v, abs=10 * U ** (2 / 3) * scale)


def test_dissimilarity_and_size_of_gradients_are_bounded(case):
    known = case.constants()
    if known.zeta_sq is None and known.G is None:
        pytest.skip("neither is bounded")
    for x, y in pairs(case):
        for z in (x, y):
            gradients = all_gradients(case, z)
            spread = np.sum((gradients - gradients.mean(axis=0)) ** 2) / case.workers
            if known.zeta_sq is not None:
                assert spread <= known.zeta_sq * (1 + 1e-9) + 1e-24
                if case.name == "quadratic":
                    assert spread == pytest.approx(known.zeta_sq, rel=1e-9, abs=1e-24)
            if known.G is not None:
                variance = row_variances(case, z) if case.noise.batch else case.noise.sigma_sq
                assert np.max(np.sum(gradients**2, axis=1) + variance) <= known.G**2


def row_variances(p, x):
    """E||g_i - grad f_i||^2 for every worker, by enumerating its rows."""
    variances = []
    for i in range(p.workers):
        A, b = p.A[p.span(i)], p.b[p.span(i)]
        rows = p._slope(A @ x, b)[:, None] * A
        variances.append(np.mean(np.sum((rows - rows.mean(axis=0)) ** 2, axis=1)) / p.noise.batch)
    return np.array(variances)


def test_variance_of_row_sampling_is_exact_at_the_minimiser_and_bounded_elsewhere(case):
    known = case.constants()
    if case.noise.batch is None:
        assert (known.sigma_sq, known.sigma_star_sq) == (case.noise.sigma_sq,) * 2
        return
    if case.x_star is not None:
        exact = row_variances(case, case.x_star).mean()
        assert known.sigma_star_sq == pytest.approx(exact, rel=1e-9, abs=1e-24)
    if "least-squares" in case.name:
        assert known.sigma_sq is None
    else:
        far = np.concatenate([1e3 * case.A[:5], -1e3 * case.A[:5], *([x, y] for x, y in pairs(case))])
        assert max(row_variances(case, x).max() for x in far) <= known.sigma_sq


def test_smoothness_of_single_samples_is_that_of_the_longest_row():
    p = problem("robust:rows=60,dim=6,batch=1", 7)
    assert p.constants().L_sample == pytest.approx(2 * np.max(np.sum(p.A**2, axis=1)))


def test_minimiser_is_certified(case):
    if case.x_star is None:
        assert not case.f_star_certified
        return
    known = case.constants()
    slope, _, terms = case.magnitudes()
    assert case.optimality() <= 4 * np.sqrt(terms) * U * slope
    assert case.f_star == pytest.approx(float(case.objective(case.x_star)), abs=1e-30)
    assert known.dist0_sq == pytest.approx(np.sum((case.x0 - case.x_star) ** 2))
    assert known.gap0 == pytest.approx(float(case.objective(case.x0)) - case.f_star)
    stars = np.sum(all_gradients(case, case.x_star) ** 2) / case.workers
    # Sums of N squares agree to a relative N u, whatever their order.
    assert known.zeta_star_sq == pytest.approx(stars, rel=case.workers * case.dim * U, abs=1e-24)
    np.testing.assert_array_equal(case.gradients_at_star, all_gradients(case, case.x_star))


def lowest_values(p):
    """The minimum of every f_i, the best that BFGS finds from a few points."""
    from scipy.optimize import minimize

    random = np.random.default_rng(8)
    starts = [p.x0, *(0 if p.x_star is None else p.x_star) + random.standard_normal((3, p.dim))]

    def lowest(i):
        return min(
            minimize(lambda x: p.worker_value(i, x), x, jac=lambda x: p.worker_gradient(i, x)).fun for x in starts
        )

    return np.array([lowest(i) for i in range(p.workers)])


def test_what_is_said_of_the_start_and_of_the_workers_own_minima_holds(case):
    known = case.constants()
    assert known.grad0_sq == pytest.approx(np.sum(all_gradients(case, case.x0) ** 2) / case.workers)
    if known.gap_star is None:
        assert known.composite
        return
    lowest = lowest_values(case)
    gap = (case.f_star if case.f_star_certified else 0.0) - lowest.mean()
    assert known.gap_star >= gap - 1e-9
    if "quadratic" in case.name or "least-squares" in case.name:
        # A numerical minimiser is above the minimum by what its tolerance leaves.
        assert known.gap_star == pytest.approx(gap, abs=1e-6)
        assert (case.infima <= lowest + 1e-12).all()


def test_means_of_the_gradient_bounds_are_those_of_the_workers(case):
    known = case.constants()
    if known.G_mean is None:
        assert known.G is None
        return
    for x, y in pairs(case):
        for z in (x, y):
            norms = np.linalg.norm(all_gradients(case, z), axis=1)
            assert norms.mean() <= known.G_mean <= known.G
            assert np.mean(norms**2) <= known.G_sq_mean <= known.G**2


def test_coordinatewise_smoothness_adds_up(case):
    """f(x + v) - f(x) - <grad f(x), v> <= sum_j L_j v_j^2/2, for L_j of sum L_l1: d L, or the diagonal of a Hessian."""
    known = case.constants()
    if case.name != "quadratic" or case.rotated:
        assert known.L_l1 == case.dim * known.L
        return
    diagonal = case.matrices.mean(axis=0)
    assert known.L_l1 == pytest.approx(diagonal.sum())
    assert known.L_l1 <= case.dim * known.L


def test_objective_is_nowhere_below_f_star(case):
    random = np.random.default_rng(7)
    around = 0 if case.x_star is None else case.x_star
    for scale in (1e-6, 1e-3, 1.0, 10.0):
        points = around + scale * random.standard_normal((50, case.dim))
        assert case.objective(points).min() >= case.f_star - case.rounding_floor()["gap"]


def test_minimiser_of_a_composite_problem_is_a_fixed_point_of_the_proximal_step(case):
    if case.regulariser == (0.0, 0.0):
        assert not case.constants().composite
        return
    known = case.constants()
    assert known.composite
    gamma = 1 / known.L
    step = case.prox(case.x_star - gamma * case.gradient(case.x_star), gamma)
    # One step divides the optimality residual, which is rounding, by L.
    np.testing.assert_allclose(step, case.x_star, atol=1e-14 * (1 + np.linalg.norm(case.x_star)))
    assert (case.x_star == 0).any()


def test_damped_newton_converges_where_newton_diverges():
    """Undamped, Newton's method for arctan(x) = 0 diverges from |x| > 1.392."""
    from tersegrad.problems.optimum import newton, solver

    x = newton(np.arctan, solver(lambda x: np.diag(1 / (1 + x**2))), np.array([20.0, -3.0]))
    np.testing.assert_allclose(x, 0, atol=1e-15)


def test_a_modulus_below_rounding_is_refused():
    with pytest.raises(InputError, match="lost in rounding"):
        problem("least-squares:rows=10,dim=20,reg=1e-300").constants()


def test_ridge_minimiser_solves_the_normal_equations():
    p = problem("least-squares:rows=60,dim=9,reg=0.3", 4)
    expected = np.linalg.solve(p.A.T @ p.A / 60 + 0.3 * np.eye(9), p.A.T @ p.b / 60)
    np.testing.assert_allclose(p.x_star, expected, rtol=1e-12)


def test_minimiser_of_an_underdetermined_problem_is_the_nearest_one():
    """Gradient descent from x0 moves in the row space only, so it finds the minimiser nearest to x0."""
    p = problem("least-squares:rows=12,dim=20,reg=0", 4)
    x, gamma = p.x0, 1 / p.constants().L
    for _ in range(5000):
        x = x - gamma * p.gradient(x)
    np.testing.assert_allclose(p.x_star, x, atol=1e-9)


def test_polyak_lojasiewicz_inequality(case):
    known = case.constants()
    modulus = known.pl or (known.mu if not known.composite else None)
    if not modulus:
        pytest.skip("no constant of this inequality is stated")
    for x, _ in pairs(case):
        gap = float(case.value(x)) - case.f_star
        assert np.sum(case.gradient(x) ** 2) >= 2 * modulus * gap * (1 - 1e-9)


def test_mu_pl_is_the_infimum_and_is_attained():
    from scipy.optimize import minimize_scalar

    p = problem("pl:dim=1")

    def ratio(x):
        x = np.atleast_1d(x)[..., None]
        return np.squeeze(np.sum(p.gradient(x) ** 2, axis=-1) / (2 * p.value(x)))

    # For |x| >= 3 the ratio is at least (2|x| - 3)^2/(2 (x^2 + 3)) >= 9/24, so the grid need not go further.
    grid = np.linspace(1e-4, 3, 300_001)
    best = grid[np.argmin(ratio(grid))]
    lowest = minimize_scalar(ratio, bounds=(best - 1e-4, best + 1e-4), method="bounded", options={"xatol": 1e-10})
    assert lowest.x == pytest.approx(2.2017, abs=1e-4)
    assert MU_PL <= lowest.fun <= MU_PL + 1e-8
    assert pytest.approx(0.175531, abs=1e-6) == MU_PL


def test_scalar_losses_attain_their_extreme_slopes_and_curvatures():
    zero = np.zeros(1)
    robust, logistic = problem("robust:rows=5,dim=2"), problem("logistic:rows=5,dim=2")
    t = np.linspace(-20, 20, 400_001)
    assert robust._curvature(t, zero).min() == pytest.approx(-0.5, abs=1e-12)
    assert robust._curvature(t, zero).max() == 2.0
    assert robust.curvature == (-0.5, 2.0)
    assert np.abs(robust._slope(t, zero)).max() == pytest.approx(BOUNDED_SLOPE, abs=1e-8)
    assert float(robust._slope(np.array(1 / np.sqrt(3)), zero)[0]) == pytest.approx(BOUNDED_SLOPE, rel=1e-15)
    assert logistic._curvature(t, np.ones(1)).max() == pytest.approx(0.25)
    huber = problem("huber:rows=5,dim=2")
    assert huber._curvature(t, zero).max() == huber.curvature[1]
    assert 0 < huber._curvature(t, zero).min() < 2e-4
    assert np.abs(huber._slope(t, zero)).max() == pytest.approx(huber.slope_bound, abs=2e-3)
    assert np.gradient(huber._loss(t, zero), t)[1:-1] == pytest.approx(huber._slope(t, zero)[1:-1], abs=1e-8)
    nonconvex = problem("logistic-nonconvex:rows=5,dim=1,lam=3")
    curvature = np.gradient(nonconvex._regulariser_gradient(t[:, None])[:, 0], t)
    # Second differences over a mesh of 1e-4.
    assert curvature.min() == pytest.approx(-3 / 2, abs=1e-6)
    assert curvature.max() == pytest.approx(2 * 3, abs=1e-6)


def test_equal_workers_have_equal_functions_and_no_dissimilarity():
    for spec in ("robust:rows=60,dim=6,homogeneous=1", "quadratic", "pl", "least-squares:homogeneous=1"):
        p = problem(spec, 5)
        gradients = all_gradients(p, np.linspace(-1, 1, p.dim))
        assert (gradients == gradients[0]).all()
        assert p.constants().zeta_sq == p.constants().zeta_star_sq == 0.0


def test_scaled_hessians_separate_the_three_smoothness_constants():
    known = problem("quadratic:hessians=scaled,L=2", 5).constants()
    assert known.L == 2.0
    assert known.L_max == 3.0
    assert known.L < known.L_tilde < known.L_max
    assert known.mu_min == pytest.approx(known.mu / 2)


def test_absolute_values_have_bounded_subgradients_and_their_medians_as_minimiser():
    for workers, heterogeneity in ((1, 0), (4, 0), (4, 2), (5, 2)):
        p = problem(f"absolute:dim=6,heterogeneity={heterogeneity},noise=gaussian,sigma_sq=0.5", workers)
        known, random = p.constants(), np.random.default_rng(3)
        assert p.optimality() == 0.0
        X = p.x_star + random.standard_normal((200, 6)) * np.geomspace(1e-3, 10, 200)[:, None]
        assert (p.value(X) >= p.f_star).all()
        gradients = np.stack([p.worker_gradient(i, X) for i in range(workers)])
        # A subgradient: f_i(z) >= f_i(x) + <g, z - x> at every pair of points, up to rounding of 6 terms.
        for i in range(workers):
            linear = p.worker_value(i, X)[:, None] + np.einsum("xj,xzj->xz", gradients[i], X[None] - X[:, None])
            assert (p.worker_value(i, X)[None] >= linear - 1e-12).all()
        assert (np.sum(gradients**2, axis=-1) + 0.5).max() == pytest.approx(known.G**2)
        assert (known.G_mean**2, known.G_sq_mean) == pytest.approx((6, 6))
        spread = np.sum((gradients - gradients.mean(axis=0)) ** 2, axis=(0, 2)) / workers
        assert spread.max() <= known.zeta_sq * (1 + 1e-14)
        assert known.L is None
        assert known.gap_star == pytest.approx(p.f_star)
        assert np.sum((p.x0 - p.x_star) ** 2) == known.dist0_sq


def test_the_nearest_of_many_medians_is_taken():
    """Two workers: every point between s_1 and s_2 minimises; x0 = 0 is clipped to that interval."""
    p = problem("absolute:dim=50,heterogeneity=3", 2)
    low, high = p.shifts.min(axis=0), p.shifts.max(axis=0)
    np.testing.assert_array_equal(p.x_star, np.clip(0, low, high))
    assert (p.x_star == 0).any()


def test_dissimilarity_of_signs_is_attained():
    """Between two medians, half of the signs are +1."""
    p = problem("absolute:dim=1,heterogeneity=1", 4)
    ordered = np.sort(p.shifts, axis=0)
    signs = all_gradients(p, (ordered[1] + ordered[2]) / 2)
    assert np.mean((signs - signs.mean()) ** 2) == p.constants().zeta_sq == 1.0


def test_sparse_rows_overlap_as_asked():
    for workers, width in ((1, 1), (5, 1), (5, 3), (5, 5), (7, 2)):
        p = problem(f"sparse-least-squares:rows=200,dim=11,overlap={width}", workers)
        supports = p.supports()
        np.testing.assert_array_equal(supports.sum(axis=0), width)
        assert p.constants().overlap == width
        assert p.constants().mu > 0
        far = np.random.default_rng(0).standard_normal((50, 11))
        for i in range(workers):
            assert ((p.worker_gradient(i, far) != 0).any(axis=0) == supports[i]).all()


def test_equations_that_all_hold_leave_no_dissimilarity_at_the_minimiser():
    p = problem("sparse-least-squares:target_noise=0,overlap=2", 5)
    assert p.constants().zeta_star_sq == 0.0
    assert p.x_star is p.x_true
    assert problem("sparse-least-squares:overlap=2", 5).constants().zeta_star_sq > 0


@pytest.mark.parametrize("gamma", [1e-6, 0.01, 0.1, 1.0])
def test_top_1_without_memory_climbs_on_three_quadratics(gamma):
    """x^1 = (1 + 11 gamma/6) x^0, and so on for ever, though every f_i has its minimum at 0."""
    p = problem("three-quadratics:start=0.5", 3)
    assert p.constants().mu == pytest.approx(7 / 6)
    x = p.x0
    for t in range(1, 4):
        step = np.zeros(3)
        for i in range(3):
            g = p.worker_gradient(i, x)
            largest = np.argmax(np.abs(g))
            step[largest] += g[largest] / 3
        x = x - gamma * step
        np.testing.assert_allclose(x, 0.5 * (1 + 11 * gamma / 6) ** t, rtol=1e-14)


def test_overlap_counts_the_workers_that_share_a_coordinate(tmp_path):
    path = tmp_path / "sparse.svm"
    path.write_text("1 1:1 2:1\n2 2:1\n3 3:1\n4 4:1\n")
    assert problem(f"least-squares:data={path},reg=0,split=sorted", 4).constants().overlap == 2
    assert problem(f"least-squares:data={path},reg=0.1,split=sorted", 4).constants().overlap == 4


def test_regression_of_the_dore_paper_has_the_stated_smoothness():
    """Standard normal A, 1200 x 500: L = 2.7."""
    known = problem("least-squares:rows=1200,dim=500,reg=0.05", 20).constants()
    assert pytest.approx(2.7, abs=0.1) == known.L
    assert known.mu_min == pytest.approx(0.05)  # 60 rows per worker cannot span 500 coordinates
    assert known.zeta_star_sq > 0


@pytest.mark.parametrize("spec", ["quadratic:heterogeneity=1,rotate=1", "least-squares", "logistic:reg=0.1"])
def test_gradient_descent_reaches_the_rounding_floor_and_the_floor_is_low(spec):
    p = problem(spec, 5)
    known, floor = p.constants(), p.rounding_floor()
    x = p.x0
    for _ in range(round(60 * known.L / known.mu)):
        x = x - p.gradient(x) / known.L
    assert np.sum((x - p.x_star) ** 2) <= floor["dist_sq"] <= 1e-20 * known.dist0_sq
    assert abs(p.objective(x) - p.f_star) <= floor["gap"] <= 1e-12 * known.gap0
    assert np.sum(p.gradient(x) ** 2) <= floor["grad_sq"] <= 1e-20


def test_the_text_form_builds_the_same_problem_again(case):
    again = problem(case.spec, case.workers)
    assert again.spec == case.spec
    assert again.constants() == case.constants()


def test_a_problem_is_passed_through_and_bound_to_its_workers():
    p = problem("pl", 3)
    assert problem(p) is p
    assert problem(p, 3) is p
    with pytest.raises(InputError, match="made for 3 workers, not 4"):
        problem(p, 4)


def test_a_problem_of_ones_own_needs_four_methods():
    class Paraboloid(Problem):
        name = "paraboloid"

        def worker_value(self, worker, X):
            return np.sum(X**2 / 2, axis=-1)

        def worker_gradient(self, worker, X):
            return X

        def constants(self):
            return self.known(L=1.0, L_max=1.0)

        def kernels(self):
            return ProblemKernels(print, print, print, ())

    p = Paraboloid(3, 2, x0=[1.0, 2.0, 2.0], noise=Noise("gaussian", 0.5))
    known = p.constants()
    assert (known.n, known.dim, known.sigma_sq, known.L_sample) == (2, 3, 0.5, 1.0)
    assert known.gap0 is None
    assert not p.f_star_certified
    p = Paraboloid(3, 2, x0=[1.0, 2.0, 2.0])
    p.x_star = np.zeros(3)
    assert p.constants().gap0 == 4.5
    assert p.constants().dist0_sq == 9.0
    with pytest.raises(InputError, match="x0 has shape"):
        Paraboloid(3, 2, x0=[1.0])


@pytest.mark.parametrize(
    ("spec", "workers", "words"),
    [
        ("quadratics", 1, "did you mean 'quadratic'"),
        ("quadratic:dims=3", 1, "did you mean 'dim'"),
        ("quadratic:dim=0", 1, "dim=0: give a whole number of at least 1"),
        ("quadratic:dim=x", 1, "dim=x: give a whole number"),
        ("quadratic:dim=2.5", 1, "dim=2.5: give a whole number"),
        ("quadratic:dim=inf", 1, "dim=inf: give a whole number"),
        ("quadratic:mu=2", 1, "mu=2 exceeds L=1"),
        ("quadratic:mu=nan", 1, "mu=nan: give a finite number"),
        ("quadratic:L=0", 1, "L=0: give a number above 0"),
        ("quadratic:mu=0", 1, "spectrum=linear"),
        ("quadratic:mu=0,spectrum=linear,l1=1", 1, "l2prox > 0"),
        ("quadratic:spectrum=lin", 1, "did you mean 'linear'"),
        ("quadratic:heterogeneity=1", 1, "at least 2 workers"),
        ("quadratic:rotate=2", 1, "rotate=2: give 0 or 1"),
        ("quadratic:noise=gauss", 1, "did you mean 'gaussian'"),
        ("quadratic:sigma_sq=1", 1, "add noise="),
        ("quadratic:noise=gaussian,sigma_sq=-1", 1, "sigma_sq=-1"),
        ("quadratic", 0, "workers=0"),
        ("least-squares:batch=0", 1, "batch=0"),
        ("least-squares:batch=1,noise=gaussian", 1, "exclude each other"),
        ("least-squares:reg=-1", 1, "reg=-1"),
        ("least-squares:reg=0,rows=3,dim=5,l1=1", 1, "reg > 0 or l2prox > 0"),
        ("least-squares:rows=10", 11, "11 workers cannot share 10 rows"),
        ("least-squares:data=digits,rows=5", 1, "leave them out"),
        ("least-squares:split=sort", 1, "did you mean 'sorted'"),
        ("logistic:reg=-1", 1, "reg=-1"),
        ("logistic:reg=0,l1=1", 1, "reg > 0 or l2prox > 0"),
        ("pl:start=inf", 1, "start=inf"),
        ("absolute:heterogeneity=1", 1, "at least 2 workers"),
        ("sparse-least-squares:overlap=5", 4, "overlap=5: a coordinate belongs to at least 1 worker and at most all 4"),
        ("sparse-least-squares:dim=3", 4, "give dim >= 4"),
        ("three-quadratics:start=nan", 3, "start=nan"),
    ],
)
def test_bad_input_gets_one_clear_sentence(spec, workers, words):
    with pytest.raises(InputError) as caught:
        problem(spec, workers)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_problem_has_a_default():
    for name in PROBLEMS:
        assert problem(name, 4).constants().n == 4


@pytest.mark.parametrize(
    ("spec", "region"), [("logistic:rows=200,dim=5,reg=0.1", 0.5), ("logistic:rows=200,dim=5,reg=0", 2.0),
                         ("least-squares:rows=60,dim=4", 3.0)]
)  # fmt: skip
def test_bounds_in_a_region_hold_there_and_are_sharper(spec, region):
    """No worker's gradient is longer than G, and their spread is below zeta_sq, wherever ||x - x*|| <= region."""
    everywhere, near = problem(spec, 6).constants(), problem(f"{spec},region={region}", 6)
    known = near.constants()
    random = np.random.default_rng(0)
    away = random.standard_normal((400, near.dim))
    x = near.x_star + region * random.random((400, 1)) ** 0.1 * away / np.linalg.norm(away, axis=1)[:, None]
    slopes = np.array([near.worker_gradient(i, x) for i in range(6)])
    spread = np.sum((slopes - slopes.mean(axis=0)) ** 2, axis=2).mean(axis=0)
    assert spread.max() <= known.zeta_sq
    assert np.sum(slopes**2, axis=2).max() <= known.G**2
    assert everywhere.zeta_sq is None or known.zeta_sq < everywhere.zeta_sq
    assert "region" in known.notes[-1]


def test_in_a_small_region_the_dissimilarity_is_that_of_the_minimiser():
    known = problem("logistic:rows=200,dim=5,reg=0.1,region=1e-6", 6).constants()
    assert known.zeta_sq == pytest.approx(known.zeta_star_sq, rel=1e-4)
    assert known.zeta_sq > known.zeta_star_sq


def test_the_lines_under_slopes_leave_what_they_say():
    """|loss'(t) - loss'(at) - kappa (t - at)| is at most rho on the reach, and comes close to it."""
    p = problem("logistic:rows=50,dim=3", 2)
    random = np.random.default_rng(1)
    at, reach = 3 * random.standard_normal(50), 10 ** random.uniform(-2, 1.5, 50)
    t = at + reach * np.linspace(-1, 1, 4001)[:, None]
    for kappa, rho in p.slope_lines(at, reach):
        left = np.abs(p._slope(t, p.b) - p._slope(at, p.b) - kappa * (t - at)).max(axis=0)
        assert (left <= rho * (1 + 1e-9) + 1e-16).all()
        np.testing.assert_allclose(left, rho, rtol=2e-2, atol=1e-12)


def test_a_region_needs_a_minimiser():
    with pytest.raises(InputError, match="region is a distance from x"):
        problem("logistic:rows=30,dim=40,reg=0,region=1", 2).constants()


def test_the_gap_of_a_quadratic_keeps_its_digits_next_to_the_minimiser():
    H, s = (Fraction(1), Fraction(3, 4), Fraction(1, 16)), (Fraction(9, 16), Fraction(-21, 32), Fraction(-1, 2))
    star = sum(h * at for h, at in zip(H, s, strict=True)) / sum(H)
    x0 = Fraction(float(star) + 1e-6)
    gap = sum(H) / 6 * (x0 - star) ** 2
    p = ExplicitQuadratic([[[float(h)]] for h in H], [[float(at)] for at in s], [float(x0)])
    assert p.constants().gap0 == pytest.approx(float(gap), rel=1e-9, abs=0.0)
