"""Facts behind the theorems of GMC, momentum, dist-EF-SGD and signSGD: one-step inequalities, reductions, memories."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.theory import Constants, Contractive, compressor, theorem
from tersegrad.theory.theorems._global_momentum import memory_bounds
from tersegrad.validation.experiments import experiment
from tersegrad.validation.statistics import mean_limits

SIGNS = [np.array(signs) for signs in itertools.product((-1.0, 1.0), repeat=2)]
"""All values of the mean noise: two workers, each with noise +-s in the first coordinate, equally likely."""


def after(value, y, step, h, s):
    """E value(y - step gbar), exactly: gbar = h + mean noise."""
    return np.mean([value(y - step * (h + np.eye(h.size)[0] * s * signs.mean())) for signs in SIGNS])


class Sines:
    """x^2 + 3 sin^2 x per coordinate: nonconvex, L = 8."""

    L, mu = 8.0, None

    def value(self, x):
        return float(np.sum(x**2 + 3 * np.sin(x) ** 2))

    def gradient(self, x):
        return 2 * x + 3 * np.sin(2 * x)


class Bowl:
    """A quadratic with eigenvalues mu and L."""

    def __init__(self, mu, L=1.0):
        self.mu, self.L, self.eigenvalues = mu, L, np.array([L, mu])

    def value(self, x):
        return float(np.sum(self.eigenvalues * x**2) / 2)

    def gradient(self, x):
        return self.eigenvalues * x


class Huber:
    """sqrt(1 + x^2) - 1 per coordinate: convex, L = 1."""

    L, mu = 1.0, 0.0

    def value(self, x):
        return float(np.sum(np.sqrt(1 + x**2) - 1))

    def gradient(self, x):
        return x / np.sqrt(1 + x**2)


def states(limit, seed=0, count=400):
    """Random (y, R, g', s) at many scales, g' up to `limit`."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        step = limit * rng.choice([1.0, rng.uniform()])
        y, R = rng.standard_normal((2, 2)) * 10.0 ** rng.uniform(-2, 2, (2, 1))
        yield y, R, step, 10.0 ** rng.uniform(-2, 1)


@pytest.mark.parametrize("f", [Sines(), Bowl(0.1), Huber()])
def test_one_step_of_gmc_on_smooth_functions(f):
    """(g'/2)(1 - L g')||grad f(x)||^2 <= f(y) - E f(y+) + g'^3 L^2 ||R||^2/2 + L g'^2 sigma^2/(2n), x = y + g' R."""
    for y, R, g, s in states(1 / f.L):
        h = f.gradient(y + g * R)
        left = g / 2 * (1 - f.L * g) * h @ h
        right = f.value(y) - after(f.value, y, g, h, s) + g**3 * f.L**2 * R @ R / 2 + f.L * g**2 * s**2 / 4
        assert left <= right + 1e-12 * (1 + abs(f.value(y)) + right)


def test_one_step_of_gmc_is_an_equality_on_a_parabola_whose_shadow_is_at_the_minimum():
    f, g, s, R = Bowl(0.0), 0.3, 0.7, np.array([2.0, 0.0])
    y = np.zeros(2)
    h = f.gradient(y + g * R)
    left = g / 2 * (1 - f.L * g) * h @ h
    right = f.value(y) - after(f.value, y, g, h, s) + g**3 * f.L**2 * R @ R / 2 + f.L * g**2 * s**2 / 4
    assert left == pytest.approx(right, rel=1e-14)


@pytest.mark.parametrize("f", [Bowl(0.0), Bowl(0.3), Bowl(1.0), Huber()])
def test_one_step_of_gmc_on_convex_functions(f):
    """(3) of the proof, which is (2) for mu = 0, and the sharper form of (2); x* = 0."""
    for y, R, g, s in states(1 / (4 * f.L), seed=1):
        x = y + g * R
        h, gap = f.gradient(x), f.value(x)
        moved = after(lambda z: z @ z, y, g, h, s)
        noise = g**2 * s**2 / 2
        bound = (1 - f.mu * g / 2) * y @ y - g / 2 * gap + (2 * f.L + f.mu) * g**3 * R @ R + noise
        sharper = y @ y - 2 * g * gap + 4 / 3 * f.L * g**3 * R @ R + noise
        assert moved <= bound + 1e-12 * (1 + y @ y)
        assert moved <= sharper + 1e-12 * (1 + y @ y)


@pytest.mark.parametrize("condition", [1.0, 10.0])
def test_one_step_of_gmc_with_decreasing_steps(condition):
    """The last display of the proof with all its constants, for t >= 1 and the smallest a."""
    f = Bowl(1 / condition)
    a = 32 * condition
    rng = np.random.default_rng(2)
    for z, R, _, s in states(1.0, seed=3):
        t = int(rng.choice([1, 2, 10, 1000]))
        before, g = (8 / (f.mu * (a + k)) for k in (t - 1, t))
        x = z + before * R
        y = x - g * R
        moved = after(lambda v: v @ v, y, g, f.gradient(x), s)
        bound = (
            (1 - 2 / (a + t)) * z @ z - g / 2 * f.value(x) + (2 * f.L + 1.07 * f.mu) * g**3 * R @ R + g**2 * s**2 / 2
        )
        assert moved <= bound + 1e-12 * (1 + z @ z)


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_one_step_of_gmc_plus(lam):
    """Two different workers, gradients at their own points; L_max = 2, L = 1.5."""
    workers = [Bowl(0.5, L=2.0), Bowl(1.0, L=1.0)]
    shifts = [np.array([1.0, -2.0]), np.array([0.0, 3.0])]

    def f(x):
        return np.mean([w.value(x - c) for w, c in zip(workers, shifts, strict=True)])

    def gradient(x):
        return np.mean([w.gradient(x - c) for w, c in zip(workers, shifts, strict=True)], axis=0)

    L, L_max, beta = 1.5, 2.0, 0.6
    rng = np.random.default_rng(4)
    for y, d, g, s in states(1 / L, seed=5):
        errors = rng.standard_normal((2, 2)) * 10.0 ** rng.uniform(-1, 1)
        x = y + g * (errors.mean(axis=0) + beta * d)
        points = x - lam * (1 - beta) * g * errors
        h = np.mean([w.gradient(p - c) for w, p, c in zip(workers, points, shifts, strict=True)], axis=0)
        spread = np.mean([(y - p) @ (y - p) for p in points])
        left = g / 2 * gradient(y) @ gradient(y)
        right = f(y) - after(f, y, g, h, s) + g / 2 * L_max**2 * spread + L * g**2 * s**2 / 4
        assert left <= right + 1e-12 * (1 + abs(f(y)) + right)


# --------------------------------------------------------------------------------------------------- the bounds

KNOWN = Constants(
    n=6, dim=50, L=1.0, L_max=2.0, mu=0.1, sigma_sq=0.5, G=2.0, G_l1=5.0, gap0=4.0, dist0_sq=9.0
)  # fmt: skip
ask = {name: theorem(f"gmc.{name}").guarantee for name in ("nonconvex", "nonconvex-tuned", "convex", "strongly-convex")}


def test_without_momentum_and_compression_gmc_has_twice_the_bound_of_sgd():
    for id in ("nonconvex", "convex"):
        found = ask[id](KNOWN, beta=0.0, gamma=0.1)
        assert found.analysis["U"] == 0
        assert float(found.bound(9)) == pytest.approx(
            2 * float(theorem(f"sgd.{id}").guarantee(KNOWN, gamma=0.1).bound(9))
        )
        assert not ask[id](Constants(**KNOWN.known() | {"G": None, "G_l1": None}), beta=0.0, gamma=0.1).missing


def test_without_noise_in_the_memory_heavy_ball_needs_no_bounded_gradients():
    """gmc.nonconvex without compression is about heavy ball too, but pays for G; heavy-ball.nonconvex does not."""
    found = theorem("heavy-ball.nonconvex").guarantee(KNOWN, beta=0.9)
    same = theorem("momentum.nonconvex").guarantee(KNOWN, b=0.9)
    assert found.parameters["gamma"] == pytest.approx(0.1 * same.parameters["gamma"])
    assert found.bound([1, 100]) == pytest.approx(same.bound([1, 100]))
    assert found.bound(10**6) < ask["nonconvex"](KNOWN, beta=0.9, gamma=found.parameters["gamma"]).bound(10**6)


def test_dist_ef_sgd_without_momentum_is_doublesqueeze():
    pair = Contractive(0.3), Contractive(0.7)
    one = theorem("dist-ef-sgd.nonconvex").guarantee(KNOWN, *pair, b=0.0, gamma=0.2)
    other = theorem("doublesqueeze.contractive").guarantee(KNOWN, *pair, gamma=0.2)
    assert float(one.bound(50)) == pytest.approx(float(other.bound(50)))


@given(
    n=st.integers(1, 10**4), L=st.floats(1e-2, 1e2), gap0=st.floats(1e-2, 1e2), sigma_sq=st.floats(0, 1e3),
    G=st.floats(1e-3, 1e2), beta=st.floats(0, 0.99), rounds=st.integers(1, 10**8),
)  # fmt: skip
def test_the_tuned_step_of_gmc_implies_its_rate(n, L, gap0, sigma_sq, G, beta, rounds):
    known = Constants(n=n, L=L, gap0=gap0, sigma_sq=sigma_sq, G=G)
    mask = Contractive(0.3, nonexpansive=True, orthogonal=True, keeps="random")
    tuned = ask["nonconvex-tuned"](known, mask, rounds=rounds, beta=beta)
    at_that_step = ask["nonconvex"](known, mask, **tuned.parameters)
    assert at_that_step.bound(rounds) <= tuned.bound(rounds) * (1 + 1e-12)


def test_the_leading_term_of_the_tuned_bound_is_the_papers_rate():
    T = 10**30
    bound = float(ask["nonconvex-tuned"](KNOWN, "topk:k=5", rounds=T, beta=0.9).bound(T))
    assert bound == pytest.approx(4 * math.sqrt(2 * 1.0 * 0.5 * 4.0 / (6 * T)), rel=1e-3)


def test_the_strongly_convex_bound_is_the_sum_it_comes_from():
    """mu R_0^2/((1 - mu g'/2)^-T - 1) = 2 R_0^2/(g' sum w_t)."""
    found = ask["strongly-convex"](KNOWN, beta=0.5, U=3.0, gamma=0.05)
    q, g, T = found.analysis["q"], 0.1, 23
    weights = sum(q ** -(t + 1) for t in range(T))
    expected = 2 * 9.0 / (g * weights) + 2 * g * 0.5 / 6 + 2 * g**2 * (2 + 0.1) * 9.0
    assert q == pytest.approx(1 - 0.1 * g / 2)
    assert float(found.bound(T)) == pytest.approx(expected, rel=1e-12)


def test_decreasing_steps_start_at_the_largest_and_lead_to_32_sigma_over_n_mu_T():
    t = theorem("gmc.strongly-convex-decreasing")
    found = t.guarantee(KNOWN, beta=0.5, U=3.0)
    assert found.parameters["a"] == pytest.approx(32 / 0.1)
    assert found.parameters["gamma"] / found.parameters["a"] == pytest.approx(0.5 / 4)
    assert float(found.bound(10**12)) == pytest.approx(32 * 0.5 / (6 * 0.1 * 10**12), rel=1e-3)
    assert "32 L/mu" in t.guarantee(KNOWN, beta=0.5, U=3.0, a=100.0).reason
    assert "prescribes gamma" in t.guarantee(KNOWN, beta=0.5, U=3.0, gamma=1.0).reason


def test_a_compressor_without_a_memory_bound_is_refused_unless_U_is_assumed():
    refused = ask["nonconvex"](KNOWN, "sign", beta=0.9)
    assert not refused
    assert "no bound on the memory is proved" in refused.reason
    assert "give U" in refused.reason
    assert ask["nonconvex"](KNOWN, "sign", beta=0.9, U=7.0).analysis["U"] == 7.0
    one = Constants(**KNOWN.known() | {"n": 1, "L_max": 1.0})
    assert ask["nonconvex"](one, "sign", beta=0.9)
    assert ask["nonconvex"](KNOWN, "sign").parameters["beta"] < 0.1  # half of what the bound allows
    assert "scaled=0" in ask["nonconvex"](KNOWN, "randk:k=5", beta=0.9).reason


@given(delta=st.floats(1e-3, 0.999), beta=st.floats(0, 0.99), n=st.sampled_from([1, 4]))
def test_the_memory_bounds_are_ordered_as_their_assumptions(delta, beta, n):
    """More structure never gives a larger bound; more momentum and more compression never a smaller one."""

    def best(name, delta=delta, beta=beta, **more):
        found = memory_bounds(Contractive(delta, True, True, **more), n, beta)
        return min((factor for constant, factor in found.values() if constant == name), default=math.inf)

    random, shared = best("G", keeps="random"), best("G", keeps="random", shared_coins=True)
    assert shared <= random <= best("G") * (1 + 1e-5)
    assert random <= best("G", beta=beta / 2 + 0.5, keeps="random") * (1 + 1e-12)
    assert random <= best("G", delta=delta / 2, keeps="random") * (1 + 1e-12)
    closed = 4 * (1 - (1 - beta) * delta) / ((1 - beta) * delta) ** 2  # the simpler form
    assert random**2 <= closed * (1 + 1e-5)


def test_the_memory_bounds_in_figures():
    """delta = 1/2, beta = 1/2: q = 3/4, q_2 = 5/8."""
    mask = {"nonexpansive": True, "orthogonal": True}
    q, q2 = math.sqrt(3 / 4), math.sqrt(5 / 8)
    random = memory_bounds(Contractive(0.5, **mask, keeps="random"), 4, 0.5)
    assert random == {"random masks": ("G", pytest.approx(q / (1 - q), rel=1e-5))}
    shared = memory_bounds(Contractive(0.5, **mask, keeps="random", shared_coins=True), 4, 0.5)
    assert shared["one mask for all"] == ("G", pytest.approx(q2 / (1 - q2), rel=1e-4))
    largest = memory_bounds(Contractive(0.5, **mask, keeps="largest"), 4, 0.5)
    assert largest == {"largest entries": ("G_l1", pytest.approx(3.0, rel=1e-5))}
    alone = memory_bounds(Contractive(0.5), 1, 0.5)
    assert alone == {"one worker": ("G", pytest.approx(q / (1 - q), rel=1e-12))}
    r = math.sqrt(0.5) + 0.1 * (1 + math.sqrt(0.5))
    assert memory_bounds(Contractive(0.5), 4, 0.1) == {"contraction": ("G", pytest.approx(r / (1 - r)))}
    assert memory_bounds(compressor("identity").contractive(5), 4, 0.9) == {"no compression": ("G", pytest.approx(9.0))}


@pytest.mark.parametrize("id", ["gmc.strongly-convex", "gmc.strongly-convex-decreasing"])
def test_the_default_experiments_stay_where_their_gradients_are_bounded(id):
    """E||x^t - x*||^2 <= region^2 and E||R^t||^2 <= U^2: limits that miss with probability 1e-6.

    The first 300 rounds decide: after them the model is near its minimiser.
    """
    plan = experiment(id)
    problem = build(plan.problem, workers=plan.workers)
    sure = theorem(id).guarantee(problem.constants(), plan.up, rounds=plan.rounds, **plan.choices)
    trace = simulate(
        theorem(id).method, problem, plan.up, parameters=sure.parameters, rounds=300, replicas=1000,
        columns=["global_memory_sq"],
    )  # fmt: skip
    _, _, distance = mean_limits(trace.columns["dist_sq"], 1e-6)
    _, _, memory = mean_limits(trace.columns["global_memory_sq"], 1e-6)
    assert distance.max() <= problem.region**2
    assert memory.max() <= sure.analysis["U"] ** 2
    assert memory.max() >= sure.analysis["U"] ** 2 / 100


# --------------------------------------------------------------------------------------- momentum and signSGD


def test_momentum_on_a_finite_sum_obeys_its_recursion_in_exact_expectation():
    """Step 3 of the proof by enumeration of all samples: least squares in one dimension, two workers with two each."""
    a, b = np.array([[0.1, 2.0], [1.0, 0.4]]), np.array([[1.0, -1.0], [0.5, 2.0]])  # losses a (x - b)^2/2
    star = (a * b).sum() / a.sum()
    at_star = a * (star - b)
    noise = float(np.mean((at_star - at_star.mean(axis=1, keepdims=True)) ** 2))
    eta = 1 / (4 * a.max())

    def gap(x):
        return float(np.mean(a * (x - b) ** 2 - a * (star - b) ** 2) / 2)

    rng = np.random.default_rng(0)
    for _ in range(300):
        k = int(rng.integers(0, 50))
        x, before = star + 10.0 ** rng.uniform(-2, 2) * rng.standard_normal(2)
        z = x + k / 2 * (x - before)
        g = a * (x - b)
        after = np.mean([(z - eta * (g[0, i] + g[1, j]) / 2 - star) ** 2 for i in (0, 1) for j in (0, 1)])
        bound = (z - star) ** 2 - 2 * eta * ((k + 1) / 2 * gap(x) - k / 2 * gap(before)) + 2 * eta**2 * noise / 2
        assert after <= bound + 1e-12 * (1 + (z - star) ** 2)


def test_one_step_of_signsgd_in_exact_expectation():
    """E f(x+) <= f(x) - gamma ||g||_1 + 2 gamma sum sigma_j + gamma^2 L_1/2 on a quadratic with two-point noise."""
    L, sigma, gamma = np.array([1.0, 0.3, 2.0]), np.array([0.5, 1.0, 2.0]), 0.1
    rng = np.random.default_rng(0)
    for _ in range(200):
        x = rng.standard_normal(3) * 10.0 ** rng.uniform(-2, 1)
        g = L * x
        steps = [
            -gamma * np.where(g + sigma * np.array(s) >= 0, 1.0, -1.0) for s in itertools.product((-1, 1), repeat=3)
        ]
        change = np.mean([np.sum(L * (x + step) ** 2 - L * x**2) / 2 for step in steps])
        assert change <= -gamma * np.abs(g).sum() + 2 * gamma * sigma.sum() + gamma**2 * L.sum() / 2 + 1e-12


def test_signsgd_is_told_how_long_it_runs_and_takes_one_worker():
    known = Constants(n=1, dim=4, L_l1=4.0, gap0=1.0, sigma_l1=2.0)
    ask = theorem("signsgd.nonconvex").guarantee
    assert ask(known, "sign", rounds=64).parameters == {"gamma": 1 / 16, "R": 64.0}
    assert "a single worker" in ask(Constants(n=2, L_l1=4.0), rounds=64).reason
    assert "compresses" in ask(known, "topk:k=1", rounds=64).reason
    assert ask(known, eps=0.7 + 1e-9).horizon == 100
