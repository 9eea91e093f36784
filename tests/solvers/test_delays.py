"""Delayed SGD, IAG, PIAG, delay-adaptive steps, asynchronous DoubleSqueeze: pseudo-code, reductions, theorems."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.problem_table import PROX, QUADRATIC
from support.pseudocode import agrees
from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.solvers.clocks import clock
from tersegrad.theory import AbsoluteError, Constants, theorem
from tersegrad.validation import Experiment
from tersegrad.validation.judging import judge

CLOCKS = ("uniform", "straggler:factor=6", "cyclic", "fixed:tau=3")
ASYNCHRONOUS = ("delayed-sgd", "delay-adaptive", "iag", "piag", "doublesqueeze-async")


def table(word):
    return word in ("iag", "piag")


def run(word, spec, schedule, p, workers, rounds, **more):
    return simulate(
        word, spec, workers=workers, parameters=p, rounds=rounds, schedule=schedule, checkpoints=np.arange(rounds + 1),
        paths=True, **more,
    )  # fmt: skip


@pytest.mark.parametrize("spec", CLOCKS)
@pytest.mark.parametrize("word", ASYNCHRONOUS)
def test_method_follows_its_pseudo_code(word, spec):
    """Sixty steps, to the rounding of sums of n vectors (and of a running sum for the tables)."""
    M = 2 if word in ("delayed-sgd", "doublesqueeze-async") else 1
    p = {"gamma": 0.05} | ({"M": M} if M == 2 else {})
    links = [("ternary:block=5", "topk:k=3"), ("topk:k=3", "threshold:level=0.1")]
    for up, down in links if word == "doublesqueeze-async" else [("identity", "identity")]:
        agrees(word, PROX if word == "piag" else QUADRATIC, up, down, p, workers=4, clock=spec, rounds=60)


@pytest.mark.parametrize(
    ("word", "parameters", "rival", "options"),
    [
        ("delayed-sgd", {"M": 4}, "sgd", {}),
        ("doublesqueeze-async", {"M": 4}, "doublesqueeze", {"up": "ternary:block=5", "down": "topk:k=3"}),
        ("doublesqueeze-async", {"M": 4}, "doublesqueeze", {"up": "sign:block=5", "down": "qsgd:levels=3"}),
        ("doublesqueeze-async", {"M": 4}, "sgd", {}),
    ],
)
def test_without_delay_it_is_the_synchronous_method_bit_for_bit(word, parameters, rival, options):
    common = {"workers": 4, "rounds": 40, "replicas": 3, "checkpoints": np.arange(41), "paths": True, **options}
    spec = f"{QUADRATIC},noise=gaussian,sigma_sq=1"
    late = simulate(word, spec, parameters={"gamma": 0.05, **parameters}, schedule="fresh", **common)
    prompt = simulate(rival, spec, parameters={"gamma": 0.05}, **common)
    np.testing.assert_array_equal(late.paths["x"], prompt.paths["x"])


@pytest.mark.parametrize("word", ["iag", "piag"])
def test_fresh_reports_of_all_workers_are_gradient_descent(word):
    """To the rounding of the server's running sum: 40 steps of gradients of size 10."""
    spec = PROX if word == "piag" else QUADRATIC
    trace = run(word, spec, "fresh", {"gamma": 0.05}, 4, 40)
    expected = simulate("sgd", spec, workers=4, parameters={"gamma": 0.05}, rounds=40)
    np.testing.assert_allclose(trace.final, expected.final, atol=1e-13)


@pytest.mark.parametrize("spec", CLOCKS)
def test_quantised_reports_without_quantisation_are_incremental_aggregated_gradients(spec):
    ours = run("iag", QUADRATIC, spec, {"gamma": 0.03}, 4, 80)
    theirs = run("q-iag", QUADRATIC, spec, {"gamma": 0.03}, 4, 80)
    np.testing.assert_allclose(ours.paths["x"], theirs.paths["x"], rtol=0, atol=1e-13)


def test_ages_up_to_n_do_not_shrink_the_step():
    cyclic = run("delay-adaptive", QUADRATIC, "cyclic", {"gamma": 0.05}, 4, 50)
    plain = run("delayed-sgd", QUADRATIC, "cyclic", {"gamma": 0.05, "M": 1}, 4, 50)
    np.testing.assert_array_equal(cyclic.paths["x"], plain.paths["x"])
    slow = "straggler:factor=9"
    shrunk = run("delay-adaptive", QUADRATIC, slow, {"gamma": 0.05}, 4, 100)
    plain = run("delayed-sgd", QUADRATIC, slow, {"gamma": 0.05, "M": 1}, 4, 100)
    assert (shrunk.paths["x"] != plain.paths["x"]).any()


@pytest.mark.parametrize("M", [1, 2, 5])
@pytest.mark.parametrize("spec", ["exponential", "straggler:factor=6", "fixed:tau=3"])
def test_the_shadow_sequence_follows_delayed_sgd_for_any_compressors(M, spec):
    """y+ = y - (gamma/M) sum of the gradients that arrived, at every step, to rounding."""
    n, rounds, gamma = 5, 50, 0.04
    problem = build(QUADRATIC, workers=n)
    schedule = clock(spec, n, rounds, 0, M)
    for up, down in (("topk:k=2", "sign:block=5"), ("ternary", "threshold:level=0.2")):
        trace = run("doublesqueeze-async", problem, schedule, {"gamma": gamma, "M": M}, n, rounds, up=up, down=down)
        x, y = trace.paths["x"][0], trace.paths["shadow"][0]
        for t in range(rounds):
            batch = slice(schedule.starts[t], schedule.starts[t + 1])
            pairs = zip(schedule.workers[batch], schedule.versions[batch], strict=True)
            mean = np.mean([problem.worker_gradient(i, x[s]) for i, s in pairs], axis=0)
            np.testing.assert_allclose(y[t + 1], y[t] - gamma * mean, rtol=0, atol=1e-13)
        assert np.abs(x - y).max() > 0.01  # the errors are not zero


def test_errors_stay_below_what_the_theorem_computes_for_fewer_messages_than_workers():
    """||e + (1/M) sum e_i|| <= (n/M) eps_up + eps_down, exactly, for a hard threshold; y - x = -gamma times it."""
    n, M, gamma = 6, 2, 0.05
    trace = run(
        "doublesqueeze-async", "pl:dim=8", "exponential", {"gamma": gamma, "M": M}, n, 300, up="threshold:level=0.3",
        down="threshold:level=0.3",
    )  # fmt: skip
    omega = np.linalg.norm(trace.paths["shadow"][0] - trace.paths["x"][0], axis=1) / gamma
    eps = AbsoluteError(0.3 * np.sqrt(8))
    known = Constants(n=n, L=8.0, L_tilde=8.0, tau=30.0, zeta_sq=0.0)
    bound = theorem("doublesqueeze.asynchronous").guarantee(known, eps, eps, M=M).analysis["eps"]
    assert bound == pytest.approx((n / M + 1) * eps.eps)
    assert 0.3 * bound < omega.max() <= bound


# ------------------------------------------------------------------------------------------- the theorems' lemmas


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.integers(0, 6), st.floats(0.01, 1), st.floats(0.001, 5))
def test_lemma_of_the_linear_rates(w, tau, a, c):
    """V+ = a V - b w_k + c sum of the last tau w, with the smallest b: V_k <= a^k V_0. (V of any sign.)"""
    b = c * sum(a**-s for s in range(1, tau + 1))
    V = start = 1.0
    scale = start
    for k, w_k in enumerate(w):
        recent = w[max(k - tau, 0) : k]
        V = a * V - b * w_k + c * math.fsum(recent)
        scale = a * scale + b * w_k + c * math.fsum(recent)
        assert a ** (k + 1) * start - V >= -1e-13 * scale


@given(L=st.floats(0.1, 10), ratio=st.floats(0.001, 1), spread=st.floats(1, 10), tau=st.integers(0, 40))
def test_steps_of_iag_and_piag_satisfy_their_lemmas_conditions(L, ratio, spread, tau):
    mu, Lt = ratio * L, spread * L
    known = Constants(n=5, L=L, L_tilde=Lt, mu=mu, pl=mu, mu_min=0.0, tau=tau, sigma_sq=0.0)
    g = theorem("iag.pl").guarantee(known).parameters["gamma"]
    a = 1 - g * mu
    # b = (g/2)(1 - g L), c = g^3 Lt^2 tau/2
    assert 1 - g * L >= g**2 * Lt**2 * tau * sum(a**-s for s in range(1, tau + 1)) * (1 - 1e-12)
    g = theorem("iag.nonconvex").guarantee(known).parameters["gamma"]
    assert g * L + (g * Lt * tau) ** 2 == pytest.approx(1)
    g = theorem("piag.strongly-convex").guarantee(known).parameters["gamma"]
    # b = a, c = a g Lt (tau + 1), the sum from s = 0 to tau: attained with equality
    assert g * Lt * (tau + 1) * sum((1 + g * mu) ** s for s in range(tau + 1)) == pytest.approx(1)


def reached(theta, ages):
    """u_{k+1} = u_k - theta mean of u_{k - age}, u_j = 1 for j <= 0; one row of ages for every step."""
    u = [1.0]
    for k, row in enumerate(ages):
        u.append(u[-1] - theta * np.mean([u[max(k - age, 0)] for age in row]))
    return np.array(u)


@settings(max_examples=60)
@given(tau=st.integers(0, 12), share=st.floats(0.01, 1), M=st.integers(1, 3), seed=st.integers(0, 2**31))
def test_no_coordinate_overshoots_at_the_step_for_quadratics(tau, share, M, seed):
    """0 <= u_k <= (1 - theta)^k for all delays up to tau, up to a rounding of u_k in every step."""
    known = Constants(n=3, L=1.0, mu=0.5, zeta_sq=0.0, tau=tau, quadratic=True)
    theta = share * theorem("delayed-sgd.quadratic-varying").guarantee(known).parameters["gamma"]
    ages = np.random.default_rng(seed).integers(0, tau + 1, (120, M))
    for rows in (ages, np.full((120, M), tau), ages * 0):
        u = reached(theta, rows)
        assert (u >= 0).all()
        assert (u[1:] <= (1 - theta) * u[:-1] + 4e-16 * u[:-1]).all()


@pytest.mark.parametrize("tau", [0, 1, 3, 10])
def test_beyond_that_step_a_coordinate_overshoots(tau):
    known = Constants(n=1, L=1.0, mu=0.5, tau=tau, quadratic=True)
    theta = 1.05 * theorem("delayed-sgd.quadratic-varying").guarantee(known).parameters["gamma"]
    assert reached(theta, np.full((2000, 1), tau)).min() < 0


def exact_moments(h, x0, gamma, tau, sigma_sq, rounds):
    """E x_j^2 (T+1, d) for exact delay tau on (1/2) sum h_j x_j^2, from the responses to start and noise."""
    moments = []
    for h_j, x_j in zip(h, x0, strict=True):
        u = reached(gamma * h_j, np.full((rounds, 1), tau))
        z = np.concatenate([np.ones(tau), u])[:rounds]  # a disturbance is felt tau steps later
        noise = gamma**2 * sigma_sq / h.size * np.concatenate([[0.0], np.cumsum(z**2)])
        moments.append(u**2 * x_j**2 + noise)
    return np.array(moments).T


@pytest.mark.parametrize("tau", [0, 1, 4, 15])
@pytest.mark.parametrize("sigma_sq", [0.0, 3.0])
def test_bounds_on_quadratics_hold_for_the_exact_expectation_in_every_step(tau, sigma_sq):
    h, x0, rounds = np.array([1.0, 0.4, 0.05]), np.array([3.0, -1.0, 2.0]), 600
    known = Constants(
        n=1, dim=3, L=1.0, mu=0.05, sigma_sq=sigma_sq, gap0=float(h @ x0**2) / 2, dist0_sq=float(x0 @ x0), tau=tau,
        quadratic=True,
    )  # fmt: skip
    t = np.arange(rounds + 1)
    ids = ["delayed-sgd.quadratic-varying", "delayed-sgd.quadratic-noise", "delayed-sgd.quadratic"]
    for id in ids[: 3 if sigma_sq == 0 else 2]:
        for share in (1, 0.3):
            widest = theorem(id).guarantee(known).parameters["gamma"]
            found = theorem(id).guarantee(known, gamma=share * widest)
            gaps = exact_moments(h, x0, share * widest, tau, sigma_sq, rounds) @ h / 2
            assert (gaps <= found.bound(t) * (1 + 1e-12)).all()


@pytest.mark.parametrize("tau", [0, 1, 4, 15])
@pytest.mark.parametrize("sigma_sq", [0.0, 3.0])
def test_nonconvex_bound_holds_for_the_exact_expectation_and_is_within_a_small_factor_of_it(tau, sigma_sq):
    """f = L x^2/2 at the largest step: the mean of E||grad f||^2 over T is a fifth of the bound or more, for some T."""
    h, x0, rounds = np.array([2.0]), np.array([1.0]), 3000
    known = Constants(n=1, L=2.0, gap0=1.0, sigma_sq=sigma_sq, zeta_sq=0.0, tau=tau)
    for share in (1, 0.2):
        widest = theorem("delayed-sgd.nonconvex").guarantee(known).parameters["gamma"]
        found = theorem("delayed-sgd.nonconvex").guarantee(known, gamma=share * widest)
        grads = exact_moments(h, x0, share * widest, tau, sigma_sq, rounds) @ h**2
        ratio = np.cumsum(grads)[:-1] / np.arange(1, rounds + 1) / found.bound(np.arange(1, rounds + 1))
        assert 0.2 < ratio.max() <= 1


def test_engine_has_the_exact_expectation():
    """2000 replicas: the mean is within 5 standard errors (probability 6e-7 each) of the closed form at 12 rounds."""
    spec = "quadratic:dim=4,mu=0.2,L=1,radius=3,noise=gaussian,sigma_sq=2"
    problem = build(spec, workers=1)
    points = np.array([1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 200])
    gamma, tau = 0.1, 3
    trace = simulate(
        "delayed-sgd", problem, parameters={"gamma": gamma, "M": 1}, rounds=200, replicas=2000,
        schedule=f"fixed:tau={tau}", checkpoints=points,
    )  # fmt: skip
    gaps = trace.columns["gap"]
    moments = exact_moments(problem.eigenvalues, problem.x_star, gamma, tau, 2.0, 200)
    expected = (moments @ problem.eigenvalues / 2)[points]
    error = gaps.std(axis=0, ddof=1) / np.sqrt(2000)
    assert (np.abs(gaps.mean(axis=0) - expected) < 5 * error).all()


@settings(max_examples=60)
@given(
    tau=st.integers(0, 10**6), L=st.floats(0.1, 10), ratio=st.floats(1e-4, 1), share=st.floats(0.01, 1),
    sigma_sq=st.floats(0, 10), T=st.integers(0, 10**9),
)  # fmt: skip
def test_published_bounds_on_quadratics_follow_from_ours(tau, L, ratio, share, sigma_sq, T):
    """At every step that the paper allows, ours is at most a quarter of the paper's."""
    known = Constants(
        n=1, L=L, mu=ratio * L, dist0_sq=2.0, gap0=L, sigma_sq=sigma_sq, tau=tau, quadratic=True
    )  # the largest gap0 at this distance
    ask = theorem("delayed-sgd.quadratic-noise").guarantee
    gamma = share * ask(known).parameters["gamma"]
    ours = theorem("delayed-sgd.quadratic-varying").guarantee(known, gamma=gamma)
    assert ours.bound(T) <= ask(known, gamma=gamma).bound(T) * 1.001
    if sigma_sq == 0:
        quiet = theorem("delayed-sgd.quadratic").guarantee(known, gamma=gamma)
        assert ours.bound(T) <= quiet.bound(T) / 4


def test_without_delay_the_theorems_are_those_of_sgd():
    known = Constants(n=4, L=2.0, L_tilde=2.0, mu=0.1, gap0=3.0, sigma_sq=0.7, zeta_sq=0.0, tau=0.0, quadratic=True)
    sgd = theorem("sgd.strongly-convex").guarantee(known)
    ours = theorem("delayed-sgd.quadratic-varying").guarantee(known)
    assert ours.parameters["gamma"] == sgd.parameters["gamma"] == 0.5
    assert ours.rate.contraction == pytest.approx(sgd.rate.contraction**2)  # on a quadratic
    quiet = Constants(n=4, L=2.0, L_tilde=2.0, pl=0.1, gap0=3.0, sigma_sq=0.0, tau=0.0)
    assert theorem("iag.pl").guarantee(quiet).bound(9) == theorem("sgd.pl").guarantee(quiet).bound(9)
    assert theorem("iag.nonconvex").guarantee(quiet).bound(9) == theorem("sgd.nonconvex").guarantee(quiet).bound(9)


def test_the_asynchronous_bound_without_delay_is_above_the_synchronous_one():
    known = Constants(n=4, L=2.0, L_tilde=2.0, gap0=3.0, sigma_sq=0.7, tau=0.0)
    half = AbsoluteError(0.5)
    for gamma in (0.01, 0.1, 0.24):
        late = theorem("doublesqueeze.asynchronous").guarantee(known, half, half, gamma=gamma)
        prompt = theorem("doublesqueeze.nonconvex").guarantee(known, half, half, gamma=gamma)
        assert late.analysis["eps"] == prompt.analysis["eps"]
        assert (late.bound([1, 100, 10**6]) >= prompt.bound([1, 100, 10**6])).all()


def test_asynchronous_doublesqueeze_keeps_the_leading_term_for_any_staleness():
    """The share of the noise term that tau causes vanishes with the step: T -> infinity."""
    known = {"n": 8, "L": 1.0, "L_tilde": 1.0, "gap0": 1.0, "sigma_sq": 1.0}
    half = AbsoluteError(0.5)
    ask = theorem("doublesqueeze.asynchronous").guarantee
    for rounds, excess in ((10**8, 1.2), (10**11, 1.01)):
        late, prompt = (
            float(ask(Constants(**known, tau=tau), half, half, rounds=rounds).bound(rounds)) for tau in (20, 0)
        )
        assert prompt <= late <= excess * prompt


@pytest.mark.parametrize(
    ("id", "known", "more", "words"),
    [
        ("delayed-sgd.nonconvex", {"zeta_sq": 0.5}, {}, "all sample the same f"),
        ("delayed-sgd.nonconvex", {"tau": None}, {}, "needs tau; give Constants(tau=...)"),
        ("delayed-sgd.nonconvex", {}, {"M": 2.5}, "M = 2.5 must be a whole number"),
        ("delayed-sgd.nonconvex", {}, {"M": 9}, "M = 9 is above n"),
        (
            "delayed-sgd.quadratic",
            {"quadratic": False},
            {},
            "applies to quadratic functions; give Constants(quadratic=1)",
        ),
        ("delayed-sgd.quadratic", {"zeta_sq": 0.5}, {"M": 2}, "give M = 4, or Constants(zeta_sq=0)"),
        ("iag.pl", {"sigma_sq": 1.0}, {}, "needs exact gradients"),
        ("piag.strongly-convex", {"mu_min": -1.0}, {}, "needs every f_i convex"),
        ("doublesqueeze.asynchronous", {"zeta_sq": 0.5}, {"M": 2}, "give M = 4, or Constants(zeta_sq=0)"),
    ],
)
def test_what_is_not_covered_is_said(id, known, more, words):
    usual = {
        "n": 4, "L": 1.0, "L_tilde": 1.0, "mu": 0.1, "mu_min": 0.0, "sigma_sq": 0.0, "zeta_sq": 0.0, "tau": 3.0,
        "quadratic": True,
    }  # fmt: skip
    found = theorem(id).guarantee(Constants(**usual | known), **more)
    assert not found
    assert words in found.reason


@pytest.mark.parametrize("tau", [0, 2, 5])
@pytest.mark.parametrize("accelerated", [False, True])
def test_no_delayed_method_passes_the_lower_bound_on_the_chain(tau, accelerated):
    """Gradient descent and the accelerated method with gradients of age tau; 200 coordinates stand for infinitely many.

    q^200 is below 1e-16 for kappa = 100, and the run ends before the chain does.
    """
    L, mu, d, rounds = 1.0, 0.01, 200, 150
    chain = 2 * np.eye(d) - np.eye(d, k=1) - np.eye(d, k=-1)
    H, b = (L - mu) / 4 * chain + mu * np.eye(d), (L - mu) / 4 * np.eye(d)[0]
    star = np.linalg.solve(H, b)
    root = np.sqrt(L / mu)
    np.testing.assert_allclose(star, ((root - 1) / (root + 1)) ** np.arange(1, d + 1), atol=1e-12)
    momentum, step = ((root - 1) / (root + 1), 1 / L) if accelerated else (0.0, 1 / (3 * L * (tau + 1)))
    if accelerated and tau:
        momentum, step = momentum / 2, step / (4 * (tau + 1))
    x, y = [np.zeros(d)], [np.zeros(d)]
    for k in range(rounds):
        x.append(y[-1] - step * (H @ y[max(k - tau, 0)] - b))
        y.append(x[-1] + momentum * (x[-1] - x[-2]))
        reach = -(-(k + 1) // (tau + 1))
        assert (x[-1][reach:] == 0).all()
        gap = (x[-1] - star) @ H @ (x[-1] - star) / 2
        assert gap >= mu / 2 * np.exp(-4 * reach / (root - 1)) * (star @ star)
        assert gap >= mu / 4 * np.exp(-5 * (k + 1) / ((root - 1) * (tau + 1))) * (star @ star)
    assert gap < 0.5 * star @ H @ star  # it does make progress


# ------------------------------------------------------------------------------------------- against measurements


@pytest.mark.parametrize("clock", ["exponential", "straggler:factor=8"])
def test_asynchronous_doublesqueeze_holds_with_fewer_messages_than_workers(clock):
    plan = Experiment(
        "doublesqueeze.asynchronous", "pl:dim=5,noise=gaussian,sigma_sq=25", up="threshold:level=0.3",
        down="threshold:level=0.3", workers=6, choices={"M": 2}, rounds=3000, replicas=16, clock=clock, rounds_grid=(),
        workers_grid=(),
    )  # fmt: skip
    verdict = judge(plan)
    assert verdict.verdict == "holds", verdict.reason
    assert verdict.constants["tau"] > 3


def test_delays_beyond_the_stated_tau_are_caught():
    """The step for tau = 0, run with messages 12 steps old: the quadratic diverges."""
    plan = Experiment(
        "delayed-sgd.quadratic-varying", "quadratic:dim=5,mu=0.2,L=1,radius=5", workers=1, rounds=400,
        clock="fixed:tau=12", rounds_grid=(), workers_grid=(),
    )  # fmt: skip
    assert judge(plan).verdict == "holds"
    assert judge(plan, override_parameters=lambda sure: {**sure.parameters, "gamma": 1.0}).verdict == "violated"


def test_incremental_aggregated_gradients_with_a_step_for_no_delay_are_caught():
    plan = Experiment(
        "iag.pl", "quadratic:dim=5,mu=0.2,L=1,heterogeneity=1,radius=5", workers=8, rounds=600, clock="cyclic",
        rounds_grid=(), workers_grid=(),
    )  # fmt: skip
    assert judge(plan).verdict == "holds"
    assert judge(plan, override_parameters=lambda sure: {"gamma": 1.0}).verdict == "violated"


def test_the_entropy_of_an_asynchronous_run_is_per_worker_and_round():
    """One of 40 workers sends 50 doubles in a step, and 50 come back: 3200/40 + 3200 bits, as the bytes are counted."""
    trace = simulate(
        "delayed-sgd", "quadratic:dim=50", parameters={"gamma": 0.01, "M": 1}, workers=40, rounds=400, seed=1
    )
    encoded = (trace.columns["bits_up_encoded"] + trace.columns["bits_down_encoded"])[0, 1:] / trace.rounds[1:]
    entropy = (trace.scalars["entropy_up"] + trace.scalars["entropy_down"])[1:]
    assert encoded[-1] == pytest.approx(3280)
    assert entropy == pytest.approx(encoded)
