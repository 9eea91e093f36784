"""GMC, GMC+, DGC, the momentum methods, dist-EF-SGD and signSGD: transcriptions, identities, reductions, memories."""

import itertools

import numpy as np
import pytest
from scipy import stats

from support.problem_table import NOISY, QUADRATIC
from support.pseudocode import agrees
from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.theory import compressor
from tersegrad.theory.theorems._global_momentum import memory_bounds
from tersegrad.validation.statistics import mean_limits

UPS = (
    "topk:k=3",
    "sign:block=5",
    "randk:k=4,scaled=0",
    "randk:k=4,scaled=0,seed=shared",
    "threshold:level=0.1",
    "ternary",
)
ROUNDS = 30
#: Thirty rounds of a stable method; every round adds a few hundred roundings of numbers of this size.
ROUNDING = 1e-12


def run(word, problem, up, parameters, down="identity", rounds=ROUNDS, **more):
    """The trace with the models x and the shadow sequence y at every round of one replica."""
    return simulate(
        word, problem, up, down, parameters=parameters, rounds=rounds, checkpoints=np.arange(rounds + 1), paths=True,
        **more,
    )  # fmt: skip


def path(word, problem, up, parameters, down="identity", **more):
    return run(word, problem, up, parameters, down, **more).paths["x"][0]


MOMENTUM = {"gamma": 0.02, "beta": 0.7}


@pytest.mark.parametrize(
    ("word", "up", "down", "p"),
    [
        *(("gmc", up, "identity", MOMENTUM) for up in UPS),
        *(("gmc-plus", up, "identity", {**MOMENTUM, "lam": 0.6}) for up in UPS),
        ("gmc-decreasing", "topk:k=3", "identity", {"gamma": 0.5, "beta": 0.7, "a": 20.0}),
        *(("dgc", up, "identity", MOMENTUM) for up in ("topk:k=3", "randk:k=4,scaled=0", "identity")),
        ("dmsgd", "identity", "identity", MOMENTUM),
        ("heavy-ball", "identity", "identity", MOMENTUM),
        ("momentum", "identity", "identity", {"gamma": 0.1, "b": 0.7}),
        ("sgd-momentum", "identity", "identity", {"gamma": 0.1}),
        ("dist-ef-sgd", "sign:block=4", "sign:block=4", {"gamma": 0.02, "b": 0.7}),
        ("dist-ef-sgd", "topk:k=3", "ternary", {"gamma": 0.02, "b": 0.7}),
        ("signsgd", "sign", "identity", {"gamma": 0.02, "R": 1}),
        ("signsgd", "identity", "identity", {"gamma": 0.02, "R": 1}),
    ],
)
def test_the_methods_follow_their_pseudo_code(word, up, down, p):
    agrees(word, QUADRATIC, up, down, p, seed=4)


def moves(problem, models):
    """avg grad f_i at the points (T, d) or at every worker's own (T, n, d)."""
    return np.array([problem.gradient(v) for v in models])


@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize("word", ["gmc", "gmc-plus"])
def test_the_shadow_sequence_of_gmc_follows_gradients_at_every_round(word, up):
    """y = x - g' (avg e_i + beta d) moves by -g' avg grad f_i(x_i), whatever the compressor does."""
    problem = build(QUADRATIC, workers=3)
    p = MOMENTUM if word == "gmc" else {**MOMENTUM, "lam": 1.0}
    trace = run(word, problem, up, p)
    x, y = trace.paths["x"][0], trace.paths["shadow"][0]
    step = p["gamma"] / (1 - p["beta"])
    if word == "gmc":
        gradients = moves(problem, x[:-1])
    else:  # on equal Hessians avg grad f_i(x_i) is the gradient at avg x_i = x - gamma avg e_i
        d = -np.diff(np.vstack([x[:1], x]), axis=0) / p["gamma"]
        mean_error = (x - y) / step - p["beta"] * d
        gradients = moves(problem, (x - p["gamma"] * mean_error)[:-1])
    assert np.abs(np.diff(y, axis=0) + step * gradients).max() < ROUNDING
    assert np.abs(y - x).max() > 1e-3


def test_the_shadow_sequence_of_gmc_with_decreasing_steps():
    """y^{t+1} - y^t = -g'_t avg grad f_i + (g'_t - g'_{t+1}) R^{t+1}, R = (x - y)/g'."""
    problem = build(QUADRATIC, workers=3)
    p = {"gamma": 0.5, "beta": 0.7, "a": 20.0}
    trace = run("gmc-decreasing", problem, "topk:k=3", p, columns=["global_memory_sq"])
    x, y = trace.paths["x"][0], trace.paths["shadow"][0]
    step = p["gamma"] / (1 - p["beta"]) / (p["a"] + np.arange(ROUNDS + 1))[:, None]
    R = (x - y) / step
    expected = -step[:-1] * moves(problem, x[:-1]) + (step[:-1] - step[1:]) * R[1:]
    assert np.abs(np.diff(y, axis=0) - expected).max() < ROUNDING
    assert (R**2).sum(axis=1) == pytest.approx(trace.columns["global_memory_sq"][0], rel=1e-9, abs=1e-18)


@pytest.mark.parametrize(
    ("word", "up", "down", "p", "step"),
    [
        ("heavy-ball", "identity", "identity", MOMENTUM, 0.02 / 0.3),
        ("dmsgd", "identity", "identity", MOMENTUM, 0.02 / 0.3),
        ("momentum", "identity", "identity", {"gamma": 0.1, "b": 0.7}, 0.1),
        ("sgd-momentum", "identity", "identity", {"gamma": 0.1}, 0.1),
        ("dist-ef-sgd", "sign:block=4", "topk:k=3", {"gamma": 0.02, "b": 0.7}, 0.02 / 0.3),
        ("dist-ef-sgd", "ternary", "threshold:level=0.1", {"gamma": 0.02, "b": 0.7}, 0.02 / 0.3),
    ],
)
def test_the_shadow_sequences_of_the_momentum_methods_follow_sgd(word, up, down, p, step):
    problem = build(QUADRATIC, workers=3)
    trace = run(word, problem, up, p, down)
    x, y = trace.paths["x"][0], trace.paths["shadow"][0]
    assert np.abs(np.diff(y, axis=0) + step * moves(problem, x[:-1])).max() < ROUNDING
    assert np.abs(y - x).max() > 1e-3


def test_dgc_that_sends_everything_is_sgd():
    """Values are rounded to the wire, 2^-20 relative, which the memory makes up for one round later."""
    problem = build(NOISY, workers=4)
    a, b = path("dgc", problem, "topk:k=12", MOMENTUM), path("sgd", problem, "identity", {"gamma": 0.02})
    assert np.abs(a - b).max() < 2.0**-19 * np.abs(b).max()


def test_dgc_without_compression_is_not_heavy_ball():
    """The mask clears the momentum with everything that was sent."""
    problem = build(NOISY, workers=4)
    assert (
        np.abs(path("dgc", problem, "identity", MOMENTUM) - path("dmsgd", problem, "identity", MOMENTUM)).max() > 1e-2
    )


def test_signs_travel_as_one_bit_a_coordinate_and_a_scale():
    """Twelve signs fill two bytes."""
    problem = build(NOISY, workers=2)
    trace = run("signsgd", problem, "sign", {"gamma": 0.02, "R": 4})
    assert trace.columns["bits_up_encoded"][0, -1] == ROUNDS * (16 + 32)
    assert np.array_equal(trace.paths["x"][0], path("signsgd", problem, "identity", {"gamma": 0.02, "R": 4}))


# ------------------------------------------------------------------------------------------------- exact moments


def one_round(word, state, noise, keep, curvature, shifts, p):
    """One coordinate of one round, linear in the noise and in the state (1, x, d, every worker's e_i and u_i)."""
    n, gamma, beta, lam = shifts.size, p["gamma"], p["beta"], p.get("lam", 0.0)
    one, x, d, e, u = state[0], state[1], state[2], state[3 : 3 + n], state[3 + n :]
    g = curvature * (x - lam * gamma * e - shifts * one) + noise
    if word == "dgc":
        u = beta * u + g
        pushed = e + u
        u = (1 - keep) * u
    else:
        pushed = e + g + beta * d
    c = keep * pushed
    return np.concatenate([[one, x - gamma * c.mean(), c.mean()], pushed - c, u])


def second_moments(word, problem, share, p, rounds):
    """E||x^t - x*||^2 for t = 0, ..., T when every worker keeps a coordinate with probability `share`.

    For each coordinate the matrix S = E[state state^T] obeys S+ = E[A S A^T] + noise, A one of 2^n linear maps.
    """
    n, variance = problem.workers, problem.noise.sigma_sq / problem.dim
    total = np.zeros(rounds + 1)
    for j in range(problem.dim):
        maps = []
        for kept in itertools.product((0.0, 1.0), repeat=n):
            size, zero = 3 + 2 * n, np.zeros(n)
            arguments = (np.array(kept), problem.eigenvalues[j], problem.shifts[:, j], p)
            A = np.stack([one_round(word, row, zero, *arguments) for row in np.eye(size)], axis=1)
            B = np.stack([one_round(word, np.zeros(size), row, *arguments) for row in np.eye(n)], axis=1)
            maps.append((np.prod(np.where(kept, share, 1 - share)), A, B @ B.T * variance))
        state = np.zeros(3 + 2 * n)
        state[:2] = 1.0, problem.x0[j]
        S, star = np.outer(state, state), problem.x_star[j]
        for t in range(rounds + 1):
            total[t] += S[1, 1] - 2 * star * S[0, 1] + star**2
            S = sum(weight * (A @ S @ A.T + added) for weight, A, added in maps)
    return total


@pytest.mark.parametrize(
    ("word", "p"),
    [("gmc", MOMENTUM), ("gmc-plus", {**MOMENTUM, "lam": 0.7}), ("dgc", MOMENTUM)],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_second_moments_obey_their_exact_recursion(word, p):
    """Rand-1 of 4 keeps every coordinate with probability 1/4. Limits that miss with probability 1e-6 in all.

    The values are rounded to 2^-20 of themselves on the wire, far below the width of the limits.
    """
    problem = build("quadratic:dim=4,mu=0.5,L=2,heterogeneity=1,noise=gaussian,sigma_sq=0.5", workers=2)
    points = np.array([1, 2, 5, 10, 20, 40])
    trace = simulate(
        word, problem, "randk:k=1,scaled=0", parameters=p, rounds=40, replicas=20000, checkpoints=points, seed=7
    )
    expected = second_moments(word, problem, 1 / 4, p, 40)
    mean, low, high = mean_limits(trace.columns["dist_sq"], 1e-6)
    assert np.all((low <= expected[trace.rounds]) & (expected[trace.rounds] <= high))
    assert np.all(high - low < 0.1 * mean)


# ------------------------------------------------------------------------------------------- bounds on the memory


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_random_masks_shrink_the_expected_weights_by_q(n, k, beta):
    """w E[T] = q w with w = (1, ..., 1)/n, and all entries of w T stay in [0, 1/n]: the two facts behind U.

    T maps the workers' p_j to their R_i = e_i + beta d in one coordinate; its expectation is over independent masks.
    """
    delta, d = k / 8, 8
    mean = (1 - delta) * np.eye(n) + beta * delta * np.ones((n, n)) / n
    assert np.ones(n) / n @ mean == pytest.approx((1 - (1 - beta) * delta) * np.ones(n) / n, abs=1e-15)
    rng = np.random.default_rng(k)
    w = np.full(n, 1 / n)
    for _ in range(200):
        keep = (rng.permuted(np.tile(np.arange(d), (n, 1)), axis=1) < k)[:, 0].astype(float)
        w = w * (1 - keep) + beta * keep * w.mean()
        assert w.min() >= 0
        assert w.max() <= 1 / n + 1e-15


@pytest.mark.parametrize(
    ("up", "n", "beta"),
    [
        ("randk:k=2,scaled=0", 4, 0.8),
        ("randk:k=2,scaled=0,seed=shared", 4, 0.8),
        ("randomblock:blocks=5", 4, 0.8),
        ("randk:k=2,scaled=0", 1, 0.8),
        ("topk:k=2", 4, 0.8),
        ("topk:k=2", 1, 0.8),
        ("sign", 1, 0.8),
        ("sign", 4, 0.03),
        ("topk:k=9", 3, 0.4),
    ],
)
def test_the_memory_of_gmc_stays_below_every_bound_that_is_proved_for_it(up, n, beta):
    """E||R||^2 <= U^2 over 64 replicas at 60 rounds, one-sided limits that miss with probability 1e-6 in all.

    The problem has constant gradients of norm 1 (every f_i linear in the region met), the worst case for the memory:
    nothing cancels. The bounds must also be of the right size, within a factor 20 of what is seen.
    """
    dim, rounds = 10, 600
    problem = build(f"quadratic:dim={dim},mu=1e-9,L=1e-9,radius=1e9,heterogeneity=0", workers=n)
    G = float(np.linalg.norm(problem.worker_gradient(0, problem.x0)))
    known = {"G": G, "G_l1": float(np.abs(problem.worker_gradient(0, problem.x0)).sum())}
    points = np.arange(0, rounds + 1, 10)
    trace = simulate(
        "gmc", problem, up, parameters={"gamma": 1e-3, "beta": beta}, rounds=rounds, replicas=64, checkpoints=points,
        columns=["global_memory_sq"],
    )  # fmt: skip
    R = trace.columns["global_memory_sq"]
    width = stats.t.isf(1e-6 / points.size, 63) / 8
    low = (R.mean(axis=0) - width * R.std(axis=0, ddof=1)).max()
    bounds = memory_bounds(compressor(up).contractive(dim), n, beta)
    assert bounds
    squares = [(factor * known[name]) ** 2 for name, factor in bounds.values()]
    assert low <= min(squares)
    assert R.mean(axis=0).max() >= min(squares) / 400


@pytest.mark.parametrize("up", ["sign", "sign:block=7", "normsign", "identity"])
def test_signsgd_where_a_coordinate_has_no_gradient(up, tmp_path):
    """98 of 100 features are never there: their signs cost nothing, and one bit carries every other sign as it is.

    By hand, x_1 falls by gamma = 0.01 a round: the mean of |f'(x_1)| over 400 rounds is 0.12428.
    """
    data = tmp_path / "zeros.svm"
    data.write_text("1 1:1 100:0\n" * 19 + "-1 1:1 100:0\n")
    found = simulate(
        "signsgd", f"logistic-nonconvex:data={data},lam=0", up, "identity",
        parameters={"gamma": 0.01, "R": 400}, workers=1, rounds=400, columns=["grad_l1_mean"],
    )  # fmt: skip
    assert found.columns["grad_l1_mean"][0, -1] == pytest.approx(0.12428, abs=1e-5)
