"""Q-GD, D-QGD, Q-IAG and delayed Q-SGD: pseudo-code, reductions, exact moments, the sum form, the fewest bits."""

import doctest
import importlib
import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from support.problem_table import QUADRATIC
from support.pseudocode import agrees
from tersegrad.cli import main
from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.solvers.clocks import clock
from tersegrad.solvers.context import context
from tersegrad.solvers.schedule import Schedule
from tersegrad.theory import Constants, InputError, Unbiased, theorem
from tersegrad.theory.compressors import COMPRESSORS, compressor
from tersegrad.theory.fewest_bits import fewest_bits, values_of
from tersegrad.theory.sum_form import average_constants, guarantee, sum_constants
from tersegrad.validation.stability import largest_stable_step, table

UNBIASED = ("ternary:block=5", "qsgd:levels=3", "randk:k=4", "randk:k=4,seed=shared")
#: A factor 1e4 over the unit roundoff for the growth of rounding differences in a few rounds.
ROUNDING = 1e-12


def path(word, problem, up, gamma, rounds, seed=3, replica=2, **more):
    """x^0, ..., x^T of one replica."""
    parameters = {"gamma": gamma} | ({"M": more.pop("M")} if "M" in more else {})
    trace = simulate(
        word, problem, up, parameters=parameters, rounds=rounds, seed=seed, first_replica=replica,
        checkpoints=np.arange(rounds + 1), paths=True, **more,
    )  # fmt: skip
    return trace.paths["x"][0]


# ------------------------------------------------------------------------------------------------- pseudo-code


@pytest.mark.parametrize("up", UNBIASED)
@pytest.mark.parametrize("spec", ["cyclic", "exponential", "straggler:factor=4", "fixed:tau=3"])
def test_q_iag_follows_the_papers_pseudo_code(spec, up):
    agrees("q-iag", QUADRATIC, up, "identity", {"gamma": 0.03}, clock=spec)


def test_q_iag_replays_a_schedule_with_several_reports_in_a_step():
    schedule = Schedule.of(step=[0, 0, 0, 1, 1, 2, 3, 4], worker=[0, 1, 2, 2, 0, 1, 1, 0],
                           version=[0, 0, 0, 1, 0, 0, 3, 1], n=3)  # fmt: skip
    agrees("q-iag", QUADRATIC, "ternary", "identity", {"gamma": 0.03}, clock=schedule, rounds=5)
    assert schedule.realised(table=True).maximal == 3  # worker 2's report of version 1 is in use in step 4


@pytest.mark.parametrize(("spec", "M"), [("uniform", 1), ("exponential", 2), ("cyclic", 3)])
def test_delayed_q_sgd_follows_its_pseudo_code(spec, M):
    agrees("delayed-q-sgd", QUADRATIC, "qsgd:levels=3", "identity", {"gamma": 0.05, "M": M}, workers=4, clock=spec)


# -------------------------------------------------------------------------------------------------- reductions


@pytest.mark.parametrize("up", UNBIASED)
def test_without_delay_q_iag_is_d_qgd_is_qsgd(up):
    problem = build(QUADRATIC, workers=4)
    distributed = path("d-qgd", problem, up, 0.05, 40)
    assert np.abs(path("q-iag", problem, up, 0.05, 40, schedule="fresh") - distributed).max() < ROUNDING
    assert np.array_equal(path("qsgd", problem, up, 0.05, 40), distributed)


def test_without_compression_q_iag_is_the_incremental_aggregated_gradient_method():
    """IAG: x^{t+1} = x^t - (gamma/n) sum_i grad f_i(x^{s_i}), with the last reported gradients."""
    problem = build(QUADRATIC, workers=4)
    schedule = clock("exponential", 4, 60, seed=2, table=True)
    ages = schedule.ages_at_use()
    x = [problem.x0]
    for t in range(60):
        x.append(x[-1] - 0.03 * np.mean([problem.worker_gradient(i, x[t - ages[t, i]]) for i in range(4)], axis=0))
    got = path("q-iag", problem, "identity", 0.03, 60, schedule=schedule)
    assert np.abs(got - np.array(x)).max() < ROUNDING


def test_without_delay_all_messages_make_delayed_q_sgd_d_qgd():
    problem = build(QUADRATIC, workers=4)
    delayed = path("delayed-q-sgd", problem, "ternary", 0.05, 30, schedule="fresh", M=4)
    assert np.array_equal(delayed, path("d-qgd", problem, "ternary", 0.05, 30))


def test_on_one_node_d_qgd_is_q_gd():
    problem = build("quadratic:dim=12,mu=0.2,L=2", workers=1)
    assert np.array_equal(path("d-qgd", problem, "ternary", 0.1, 30), path("q-gd", problem, "ternary", 0.1, 30))


# ----------------------------------------------------------------------------------------------- exact moments


def one_dimensional(rng, n):
    """Quadratics a_i (x - b_i)^2/2 in one dimension, and their constants: s = n."""
    a, b = rng.uniform(0.1, 1, n), rng.normal(size=n)
    star = a @ b / a.sum()
    known = Constants(
        n=n, L=a.mean(), L_max=a.max(), mu=a.mean(), mu_min=a.min(), dist0_sq=1.0, overlap=n, tau=2.0,
        zeta_star_sq=float(np.mean((a * (star - b)) ** 2)),
    )  # fmt: skip
    return a, b, star, known


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("p", [0.2, 0.7, 1.0])
@pytest.mark.parametrize("shared", [True, False])
def test_one_step_inequalities_of_d_qgd_by_enumeration_of_all_coins(p, seed, shared):
    """C = keep with probability p, times 1/p, the coins equal on all workers or independent."""
    rng = np.random.default_rng(seed)
    n = 3
    a, b, star, known = one_dimensional(rng, n)
    ask = theorem("khirirat.d-qgd-strongly-convex").guarantee
    found = [ask(known, Unbiased(1 / p - 1)), ask(known, Unbiased(1 / p - 1), theta=0.3)]
    found.append(theorem("khirirat.d-qgd-sharper").guarantee(known, Unbiased(1 / p - 1)))
    coins = [((k,) * n, p if k else 1 - p) for k in (0, 1)] if shared else [
        (k, math.prod(p if j else 1 - p for j in k)) for k in itertools.product((0, 1), repeat=n)
    ]  # fmt: skip
    for sure in found:
        gamma, extra = sure.parameters["gamma"], (1 - sure.rate.contraction) * sure.rate.floor
        for x in rng.normal(size=20) * 3:
            after = sum(
                chance * (x - gamma * np.mean(np.array(k) * a * (x - b)) / p - star) ** 2 for k, chance in coins
            )
            before = (x - star) ** 2
            assert after <= (sure.rate.contraction * before + extra) * (1 + 1e-13) + 1e-15


def second_moments(a, b, star, gamma, p, schedule, rounds):
    """E(x^t - x*)^2 of Q-IAG in one dimension, C = keep with probability p by independent coins, exactly.

    z = (1, x^t, x^{t-1}, ..., x^{t-depth}, h_1, ..., h_n) moves by one random linear map a round; its second-moment
    matrix obeys S+ = E[A S A'] = sum over the coins of the reports of this round.
    """
    n = a.size
    depth = int(schedule.ages().max()) + 1
    size = 1 + depth + n
    z = np.concatenate([[1.0], np.full(depth, 0.0 - star), np.zeros(n)])
    S = np.outer(z, z)
    moments = [S[1, 1]]
    for t in range(rounds):
        reports = range(schedule.starts[t], schedule.starts[t + 1])
        S_next = np.zeros_like(S)
        for kept in itertools.product((0, 1), repeat=len(reports)):
            chance = math.prod(p if k else 1 - p for k in kept)
            A = np.eye(size)
            for k, m in zip(kept, reports, strict=True):
                i, age = schedule.workers[m], t - schedule.versions[m]
                A[1 + depth + i] = 0.0
                A[1 + depth + i, 1 + age] = k / p * a[i]
                A[1 + depth + i, 0] = k / p * a[i] * (star - b[i])
            step = np.eye(size)
            step[1, 1 + depth :] = -gamma / n
            step[2 : 1 + depth] = 0.0
            for j in range(2, 1 + depth):
                step[j, j - 1] = 1.0
            A = step @ A
            S_next += chance * A @ S @ A.T
        S = S_next
        moments.append(S[1, 1])
    return np.array(moments)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("p", [0.3, 1.0])
@pytest.mark.parametrize("spec", ["cyclic", "fixed:tau=2", "uniform"])
def test_exact_second_moments_of_q_iag_obey_both_strongly_convex_theorems(spec, p, seed):
    """The bound holds for the exact expectation, not only for a sample of it; no tolerance but rounding."""
    rng = np.random.default_rng(seed)
    a, b, star, known = one_dimensional(rng, 3)
    schedule = clock(spec, 3, 200, seed=seed, table=True)
    known = replace(known, tau=schedule.realised(table=True).maximal, dist0_sq=star**2)
    for id in ("khirirat.q-iag-strongly-convex", "khirirat.q-iag-delay-lemma"):
        sure = theorem(id).guarantee(known, Unbiased(1 / p - 1))
        moments = second_moments(a, b, star, sure.parameters["gamma"], p, schedule, 200)
        assert np.all(moments <= sure.bound(np.arange(201)) * (1 + 1e-12))


def test_the_engine_agrees_with_the_exact_second_moments():
    """Bernoulli coins on one coordinate; the mean of 4000 replicas within 4.9 standard errors (5e-5 in 50 rounds)."""
    problem = build("quadratic:dim=1,L=1,heterogeneity=1,radius=2", workers=3)
    a, b, star = np.ones(3), problem.shifts[:, 0], float(problem.x_star[0])
    schedule = clock("uniform", 3, 50, seed=4, table=True)
    exact = second_moments(a, b, star, 0.15, 0.4, schedule, 50)
    trace = simulate(
        "q-iag", problem, "bernoulli:p=0.4", parameters={"gamma": 0.15}, rounds=50, replicas=4000, seed=9,
        schedule=schedule, checkpoints=np.arange(51),
    )  # fmt: skip
    sample = trace.columns["dist_sq"]
    error = sample.std(axis=0, ddof=1) / math.sqrt(4000)
    assert np.all(np.abs(sample.mean(axis=0) - exact) <= 4.9 * error + 1e-12)


# --------------------------------------------------------------------------------------------------- the bounds


def test_a_delay_beyond_tau_breaks_the_bound():
    """The step of tau = 0 with reports that are 40 rounds old: the iterates leave the bound and diverge."""
    problem = build("quadratic:dim=1,L=1,radius=1", workers=2)
    sure = theorem("khirirat.q-iag-strongly-convex").guarantee(replace(problem.constants(), tau=0.0))
    for delay, kept in ((0, True), (40, False)):
        trace = simulate("q-iag", problem, parameters=sure.parameters, rounds=2000, schedule=f"fixed:tau={delay}")
        late = trace.columns["dist_sq"][0, -1]
        assert (late <= float(sure.bound(2000)) + 1e-30) == kept
        assert (late > 1e6) != kept


def test_the_floor_constant_of_stored_reports_is_the_sheets_or_smaller():
    """beta_tau <= 1 + 17 tau/8 for gamma <= n/(4 s a L (1+2 tau)), 1 + 35 tau/16 up to the limit; 1 at tau = 0."""
    for tau, omega in itertools.product((0.0, 1.0, 5.0, 1e3), (0.0, 0.1, 3.0, 1e3)):
        known = Constants(n=6, L_max=2.0, mu=0.0, overlap=3, tau=tau)
        ask = theorem("khirirat.q-iag-convex").guarantee
        largest = ask(known, Unbiased(omega))
        simple = ask(known, Unbiased(omega), gamma=6 / (4 * 3 * (1 + omega) * 2.0 * (1 + 2 * tau)))
        assert largest.parameters["gamma"] == pytest.approx(1.5 * simple.parameters["gamma"])
        assert simple.analysis["beta_tau"] <= (1 + 17 * tau / 8) * (1 + 1e-12)
        assert largest.analysis["beta_tau"] <= (1 + 35 * tau / 16) * (1 + 1e-12)
        assert tau > 0 or largest.analysis["beta_tau"] == 1.0


def test_the_delay_lemma_on_its_own_recursion():
    """V_{k+1} = p V_k + q max V over the last t + 1 values + e, with equality, stays below the lemma's bound."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        p = rng.uniform(0, 1)
        q, t, e = rng.uniform(0, 1 - p), int(rng.integers(0, 9)), rng.uniform(0, 1)
        V = [rng.uniform(0, 5)]
        for k in range(150):
            V.append(p * V[-1] + q * max(V[max(k - t, 0) :]) + e)
        k = np.arange(151)
        bound = (p + q) ** (k / (1 + t)) * V[0] + e / (1 - p - q)
        assert np.all(np.array(V) <= bound * (1 + 1e-12))
    V = [1.0]
    for _ in range(3):
        V.append(-1.0 * V[-1] + 1.9 * max(V))
    assert V[2] > 0.9 ** (2 / 2) * V[0]  # p >= 0 is needed: V = 1, 0.9, 1.0, 0.9


def test_the_free_theta_is_the_best_one():
    known = Constants(n=8, L_max=2.0, mu=0.25, overlap=2, tau=3, dist0_sq=1.0, zeta_star_sq=0.01)
    for id, rounds in itertools.product(("khirirat.d-qgd-strongly-convex", "khirirat.q-iag-delay-lemma"), (50, 5000)):
        ask = theorem(id).guarantee
        best = float(ask(known, Unbiased(1.0), rounds=rounds).bound(rounds))
        for theta in np.geomspace(1e-4, 1e3, 20):
            other = ask(known, Unbiased(1.0), rounds=rounds, theta=theta)
            assert not other or other.bound(rounds) >= best * (1 - 1e-9)
    step = 0.3
    lowest = theorem("khirirat.d-qgd-strongly-convex").guarantee(known, Unbiased(1.0), gamma=step)
    assert lowest.analysis["theta"] == pytest.approx(math.sqrt(2 * 8 / (step * 2 * 2 * 2.0)) - 1)
    for theta in (0.9, 1.1):
        other = theorem("khirirat.d-qgd-strongly-convex").guarantee(
            known, Unbiased(1.0), gamma=step, theta=theta * lowest.analysis["theta"]
        )
        assert other.rate.floor > lowest.rate.floor


def test_interpolation_needs_no_floor_and_no_theta():
    known = Constants(n=8, L_max=2.0, mu=0.25, overlap=2, tau=3, dist0_sq=1.0, zeta_star_sq=0.0)
    for id in ("d-qgd-strongly-convex", "d-qgd-sharper", "q-iag-strongly-convex", "q-iag-delay-lemma"):
        found = theorem(f"khirirat.{id}").guarantee(known, Unbiased(1.0), eps=1e-6)
        assert found.rate.floor == 0.0
        assert found.analysis.get("theta", 0.0) == 0.0
    found = theorem("khirirat.d-qgd-strongly-convex").guarantee(known, Unbiased(1.0))
    assert found.parameters["gamma"] == 8 / (2 * 2 * 2.0)
    assert found.rate.contraction == 1 - found.parameters["gamma"] * 0.25


def test_disjoint_supports_behave_like_one_worker_each():
    """s = 1: the step is n times that of dense workers, as for n problems side by side."""
    for id, tau in (("d-qgd-strongly-convex", {}), ("q-iag-strongly-convex", {"tau": 4.0})):
        ask = theorem(f"khirirat.{id}").guarantee
        dense = ask(Constants(n=8, L_max=2.0, mu=0.1, overlap=8, zeta_star_sq=0.0, **tau), Unbiased(2.0))
        sparse = ask(Constants(n=8, L_max=2.0, mu=0.1, overlap=1, zeta_star_sq=0.0, **tau), Unbiased(2.0))
        assert sparse.parameters["gamma"] == pytest.approx(8 * dense.parameters["gamma"])


def test_an_unknown_overlap_is_n_and_an_impossible_one_is_refused():
    ask = theorem("khirirat.q-iag-strongly-convex").guarantee
    known = Constants(n=8, L_max=2.0, mu=0.5, tau=1.0, dim=20)
    found = ask(known, Unbiased(1.0))
    assert "overlap = 8: at most n" in found.notes
    assert found.parameters == ask(replace(known, overlap=8)).parameters | {"gamma": found.parameters["gamma"]}
    assert "(overlap/n) L_max = 0.25" in ask(replace(known, overlap=1)).reason


# ------------------------------------------------------------------------------------- which compressors qualify


@pytest.mark.parametrize("name", sorted(COMPRESSORS))
def test_a_compressor_that_keeps_the_support_sends_no_zero_coordinate(name):
    """supp C(v) in supp v, over vectors with zeros; a compressor without the promise breaks it or has no constants."""
    from tersegrad.solvers import compressors

    options = {
        "randk": "k=3", "topk": "k=3", "randomblock": "blocks=3", "bernoulli": "p=0.5", "permk": "workers=2",
        "mask": "workers=3,s=2",
        "sparsifier": "k=3", "clip": "bits=4", "rankr": "rank=1", "powersgd": "rank=1",
        "adversary": "delta=0.5,direction=orthogonal", "induced": "first=sign,second=randk/k=3",
        "composed": "first=randk/k=5,second=natural", "scaled": "of=randk/k=3", "repeated": "of=topk/k=2",
        "participation": "of=randk/k=3,p=0.5", "multilevel": "k=3",
    }  # fmt: skip
    comp = compressor(f"{name}:{options[name]}" if name in options else name)
    kernel, numbers, states = compressors.kernel(comp, 12)
    rng = np.random.default_rng(0)
    filled = False
    for trial in range(50):
        v = rng.normal(size=(1, 12)) * (rng.random((1, 12)) < 0.5)
        out, bits = np.empty((1, 12)), np.empty(1)
        ctx = context(trial, trial % 2, 2)
        kernel(v.copy(), rng.random((1, comp.draws(12))), ctx, numbers, np.zeros((1, states)), out, bits)
        filled |= bool(np.any(out[v == 0] != 0))
    assert filled != comp.keeps_support


def test_overlap_asks_for_a_compressor_that_keeps_the_support():
    """sign fills zeros, so the induced compressor built on it does not qualify for s < n; for s = n it does."""
    ask = theorem("khirirat.q-iag-strongly-convex").guarantee
    known = Constants(n=8, L_max=2.0, mu=0.1, overlap=2, tau=1.0, dim=20)
    filling = "induced:first=sign,second=randk/k=5"
    assert "sends no coordinate that is zero" in ask(known, filling).reason
    assert ask(replace(known, overlap=8), filling)
    assert ask(known, "induced:first=topk/k=2,second=randk/k=5")


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_published_bound_on_the_nonzero_entries_of_qsgd(levels):
    """E||C(x)||_0 = sum_j min(1, s |x_j|/||x||) exactly; the published bound is s (s + sqrt d). Not for linf."""
    comp = compressor(f"qsgd:levels={levels}")
    rng = np.random.default_rng(1)
    for d in (1, 7, 100):
        for x in [np.ones(d), np.eye(d)[0], *rng.standard_normal((20, d)), *rng.standard_t(1.2, (20, d))]:
            expected = np.minimum(1, levels * np.abs(x) / np.linalg.norm(x)).sum()
            assert expected <= comp.nonzeros(d) * (1 + 1e-12)
    d = 400
    linf = np.minimum(1, levels * np.ones(d)).sum()  # equal entries: all are sent
    assert linf == d > levels * (levels + math.sqrt(d))
    assert compressor(f"qsgd:levels={levels},norm=linf").nonzeros(d) == d


# -------------------------------------------------------------------------------------------------- the sum form

#: theorem -> (constants of the sum with n = 4, T, step, bound after T rounds), each worked out by hand in the units of
#: the paper: F = sum f_i, gamma = gamma_paper, mu_F = mu of F, S* = sum ||grad f_i(x*)||^2; omega = 1, so a = 2, s = 2.
_R = math.sqrt(1 / 2)
_U = 3 / (8 * 3)  # gamma_paper s a L at tau = 1
_BETA = 1 + 2 * _R + _U / 2
BY_HAND = {
    # 2/(a (mu + L)) = 2/(2 * 4); rho = 1 - 2 (1/4) 3/4
    "q-gd-strongly-convex": ({"n": 1, "L": 3, "mu": 1, "dist0_sq": 5}, 2, 1 / 4, 5 * (5 / 8) ** 2),
    # 1/(a L) = 1/6; R0^2/(2 gamma T)
    "q-gd-convex": ({"n": 1, "L": 3, "mu": 0, "dist0_sq": 5}, 3, 1 / 6, 5.0),
    # 1/(a L); 2 a L Delta/T
    "q-gd-nonconvex": ({"n": 1, "L": 3, "gap0": 5}, 3, 1 / 6, 20.0),
    # theta = 1: 1/(2 s a L) = 1/16; rho = 1 - gamma mu_F; floor gamma s a 2 S*/mu_F
    "d-qgd-strongly-convex": (
        {"n": 4, "L_max": 2, "mu": 2, "overlap": 2, "dist0_sq": 5, "zeta_star_sq": 0.4}, 2,
        1 / 16, 5 * (1 - 2 / 16) ** 2 + 1 / 16 * 4 * 2 * 0.4 / 2,
    ),
    # 1/(L_F + 2 s omega L_max) = 1/(3 + 8); floor 2 gamma s omega S*/mu_F
    "d-qgd-sharper": (
        {"n": 4, "L": 3, "L_max": 2, "mu": 2, "overlap": 2, "dist0_sq": 5, "zeta_star_sq": 0.4}, 2,
        1 / 11, 5 * (1 - 2 / 11) ** 2 + 2 / 11 * 2 * 0.4 / 2,
    ),
    # 3/(8 s a L (1 + 2 tau)) = 3/192; R0^2/(2 gamma T) + gamma s a beta S*
    "q-iag-convex": (
        {"n": 4, "L_max": 2, "mu": 0, "overlap": 2, "tau": 1, "dist0_sq": 5, "zeta_star_sq": 0.4}, 10,
        1 / 64, 5 * 64 / 20 + 1 / 64 * 4 * _BETA * 0.4,
    ),
    "q-iag-strongly-convex": (
        {"n": 4, "L_max": 2, "mu": 2, "overlap": 2, "tau": 1, "dist0_sq": 5, "zeta_star_sq": 0.4}, 10,
        1 / 64, 5 * (1 - 2 / 64) ** 10 + 2 / 64 * 4 * _BETA * 0.4 / 2,
    ),
    # theta = 1: A = s a 2 n L^2 = 128, Q = A (1 + 2 nu) + 2 s L sqrt A, gamma = mu_F/Q, B = s a 2 S* = 3.2
    "q-iag-delay-lemma": (
        {"n": 4, "L_max": 2, "mu": 2, "overlap": 2, "tau": 1, "dist0_sq": 5, "zeta_star_sq": 0.4}, 6,
        2 / (128 * (1 + 2 * _R) + 8 * math.sqrt(128)),
        5 * (1 - 4 / (128 * (1 + 2 * _R) + 8 * math.sqrt(128))) ** 2
        + 3.2 * (1 + 2 * _R + 4 / math.sqrt(128)) / (128 * (1 + 2 * _R) + 8 * math.sqrt(128)),
    ),
    # 2 Delta_F/(gamma T) + s L gamma Gq^2 + (s L gamma tau Gq)^2 + 2 s L gamma tau Gq sqrt(a-1) sum C_i,
    # Gq^2 = s a sum C_i^2
    "q-iag-nonconvex": (
        {"n": 4, "L_max": 2, "overlap": 2, "tau": 1, "gap0": 5, "G_mean": 6, "G_sq_mean": 10, "gamma": 0.01}, 100,
        0.01, 2 * 5 / 1 + 4 * 0.01 * 40 + (4 * 0.01) ** 2 * 40 + 2 * 4 * 0.01 * math.sqrt(40) * 6,
    ),
    # F's stochastic gradient is n g: R0^2/(2 gamma T) + gamma a (n G)^2/2 + L_F gamma^2 tau^2 a (n G)^2/2
    "delayed-q-sgd": (
        {"n": 4, "L": 3, "mu": 0, "tau": 2, "dist0_sq": 5, "G": 1.5, "zeta_sq": 0, "gamma": 0.01}, 100,
        0.01, 5 / 2 + 0.01 * 36 + 3 * 1e-4 * 4 * 36,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BY_HAND)
def test_the_sum_form_gives_the_papers_steps_and_bounds(case):
    constants, rounds, step, bound = BY_HAND[case]
    fixed = {"gamma": constants["gamma"]} if "gamma" in constants else {}
    known = {name: value for name, value in constants.items() if name != "gamma"}
    found = guarantee(theorem(f"khirirat.{case}"), known, Unbiased(1.0), **fixed)
    assert found, found.reason
    assert found.parameters["gamma"] == pytest.approx(step, rel=1e-12)
    assert float(found.bound(rounds)) == pytest.approx(bound, rel=1e-9)
    assert found.rounds_to(bound * (1 + 1e-9)) == rounds or rounds == 100
    if not fixed:
        assert found.parameters["gamma"] in found.intervals["gamma"]


def test_all_theorems_of_the_paper_are_worked_out_by_hand():
    from tersegrad.theory import THEOREMS

    assert {f"khirirat.{case}" for case in BY_HAND} == {id for id in THEOREMS if id.startswith("khirirat.")}


def test_constants_go_to_the_sum_and_back():
    known = Constants(
        n=5, dim=3, L=1.0, L_tilde=1.5, L_max=2.0, L_sample=3.0, mu=0.1, mu_min=0.05, pl=0.2, sigma_sq=0.5,
        sigma_star_sq=0.3, zeta_sq=0.7, zeta_star_sq=0.2, G=2.0, gap0=4.0, dist0_sq=9.0, overlap=4.0, tau=5.0,
        grad0_sq=1.5, gap_star=0.8, G_mean=1.0, G_sq_mean=1.5, G_l1=3.0, L_l1=40.0, sigma_l1=1.0,
    )  # fmt: skip
    back = average_constants(sum_constants(known))
    assert back.known() == pytest.approx(known.known(), rel=1e-15)
    assert sum_constants(known)["zeta_star_sq"] == 1.0


def test_constants_of_the_sum_on_a_real_problem():
    """F = sum f_i by its own definition: Hessians add up, and so do gradients at the minimiser."""
    problem = build("quadratic:dim=4,mu=0.2,L=2,heterogeneity=1,hessians=different", workers=3)
    H = sum(np.diag(problem.hessian(i)) for i in range(3))
    of_sum = sum_constants(problem.constants())
    assert of_sum["L"] == pytest.approx(np.linalg.eigvalsh(H)[-1])
    assert of_sum["mu"] == pytest.approx(np.linalg.eigvalsh(H)[0])
    assert of_sum["zeta_star_sq"] == pytest.approx(np.sum(problem.gradients_at_star**2))
    assert of_sum["gap0"] == pytest.approx(3 * (problem.value(problem.x0) - problem.f_star))


def cli(words):
    return CliRunner().invoke(main, words.split())


CASE = (
    "step-size khirirat.q-iag-strongly-convex --set L_max=1 mu=0.05 n=10 tau=20 overlap=3 zeta_star_sq=0.1 dist0_sq=4 "
    "dim=100 --up qsgd:levels=4"
)


def test_a_step_for_an_accuracy_on_the_command_line():
    done = cli(f"{CASE} --eps 1e-2 --json")
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    sure = theorem("khirirat.q-iag-strongly-convex").guarantee(
        Constants(L_max=1, mu=0.05, n=10, tau=20, overlap=3, zeta_star_sq=0.1, dist0_sq=4, dim=100), "qsgd:levels=4",
        **answer["parameters"],
    )  # fmt: skip
    rounds = answer["rounds_to_eps"]
    assert sure.bound(rounds) <= 1e-2 < sure.bound(rounds - 1)
    assert answer["bits_to_eps"] == pytest.approx(rounds * (compressor("qsgd:levels=4").formula_bits(100) + 3200))
    assert answer["form"] == "average"


def test_the_sum_form_on_the_command_line():
    average = json.loads(cli(f"{CASE} --eps 1e-2 --json").stdout)
    words = CASE.replace("mu=0.05", "mu=0.5").replace("zeta_star_sq=0.1", "zeta_star_sq=1")
    of_sum = json.loads(cli(f"{words} --eps 1e-2 --sum-form --json").stdout)
    assert of_sum["parameters"]["gamma"] == pytest.approx(average["parameters"]["gamma"] / 10, rel=1e-6)
    assert of_sum["rounds_to_eps"] == average["rounds_to_eps"]
    assert of_sum["constants"]["mu"] == pytest.approx(0.5)
    assert of_sum["form"] == "sum"
    assert "sum form needs n" in cli("step-size khirirat.q-iag-convex --set L_max=1 --sum-form").stderr
    assert "has no sum form" in cli("step-size dore.nonconvex --set n=2 L=1 --sum-form").stderr


# ------------------------------------------------------------------------------------------------ the fewest bits


def test_the_fewest_bits_are_those_of_a_search_by_hand():
    known = Constants(n=8, dim=400, L_max=1.0, mu=0.1, overlap=8, tau=4, dist0_sq=1.0, zeta_star_sq=0.01)
    subject = theorem("khirirat.q-iag-strongly-convex")
    values = range(1, 33)
    sweep = fewest_bits(lambda up: subject.guarantee(known, up, eps=0.1), "qsgd:levels=1", "levels", values, 0.1)
    totals, uplinks = [], []
    for levels in values:
        up = compressor(f"qsgd:levels={levels}")
        rounds = subject.guarantee(known, up, eps=0.1).rounds_to(0.1)
        totals.append(rounds * (up.formula_bits(400) + 32 * 400))
        uplinks.append(rounds * up.formula_bits(400))
    assert sweep.best.value == 1 + int(np.argmin(totals))
    assert sweep.best.bits == min(totals)
    assert sweep.best_uplink.value == 1 + int(np.argmin(uplinks))
    assert sweep.best_uplink.uplink == min(uplinks)
    assert sweep.best_uplink.value not in (1, 32)  # a minimum inside the range


def test_the_fewest_bits_on_the_command_line():
    done = cli(CASE.replace("qsgd:levels=4", "qsgd") + " --eps 0.1 --minimise-bits levels=1:16 --json")
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    entries = answer["minimum"]["entries"]
    assert [e["value"] for e in entries] == list(range(1, 17))
    best = min(entries, key=lambda e: e["bits_to_eps"])
    assert (answer["minimum"]["best"], answer["up"]) == (best["value"], best["up"])
    assert answer["bits_to_eps"] == best["bits_to_eps"]
    assert answer["parameters"]["gamma"] == best["gamma"]
    text = cli(CASE.replace("qsgd:levels=4", "qsgd") + " --eps 0.1 --minimise-bits levels=1,2,4").stdout
    assert "among 3 values of levels" in text


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("--minimise-bits levels=1:4", 2, "give both"),
        ("--eps 0.1 --minimise-bits levls=1:4", 2, "did you mean 'levels'"),
        ("--eps 0.1 --minimise-bits levels", 2, "not of the form"),
        ("--eps 0.1 --minimise-bits levels=4:1", 2, "goes up"),
        ("--eps 0.1 --minimise-bits levels=1:2.5", 2, "whole numbers"),
        ("--eps 0.1 --minimise-bits levels=0,1", 2, "levels=0"),
        ("--eps 0.1 --minimise-bits levels=1:2 --up topk:k=3", 2, "no option 'levels'"),
        ("--eps 0.1 --minimise-bits k=1:2 --up topk:k=3", 3, "no value of k reaches"),
    ],
)
def test_what_cannot_be_minimised_is_said(words, code, sentence):
    done = cli(f"{CASE} {words}")
    assert done.exit_code == code
    assert sentence in done.stderr


@pytest.mark.parametrize("module", ["theory.sum_form", "theory.fewest_bits", "validation.stability"])
def test_examples_in_the_docstrings(module):
    assert doctest.testmod(importlib.import_module(f"tersegrad.{module}")).failed == 0


def test_ranges_of_an_option():
    assert values_of("levels=2:11:3") == ("levels", (2, 5, 8, 11))
    assert values_of("norm=l2,linf") == ("norm", ("l2", "linf"))


# -------------------------------------------------------------------------------------- the largest stable step


@pytest.mark.parametrize("a", [1, 2, 4])
@pytest.mark.parametrize("case", ["dense", "held"])
def test_without_delay_the_largest_stable_step_is_eight_times_the_rule(case, a):
    """x+ = (1 - gamma a L b) x with b in {0, 1}: stable up to 2/(a L), the rule is 1/(4 a L); found to 0.1 %."""
    found = largest_stable_step(case, 0, a)
    assert found.ratio == pytest.approx(8, rel=0.01)
    assert found.largest == pytest.approx(1.5 * found.simple)


def test_delayed_gradient_descent_is_stable_up_to_its_known_limit():
    """x^{t+1} = x^t - gamma L x^{t-tau} is stable for gamma L < 2 sin(pi/(2 (2 tau + 1))), and no further."""
    for tau in (1, 3):
        exact = 4 * (1 + 2 * tau) * 2 * math.sin(math.pi / (2 * (2 * tau + 1)))
        assert largest_stable_step("dense", tau, 1).ratio == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(("tau", "a"), [(1, 2), (3, 2), (3, 4), (7, 1)])
def test_reports_held_for_tau_rounds_approach_sixteen_times_the_rule(tau, a):
    """x moves by a (1 - gamma (tau + 1) a L b) factor every tau + 1 rounds: the ratio is 8 (1 + 2 tau)/(1 + tau)."""
    assert largest_stable_step("held", tau, a).ratio == pytest.approx(8 * (1 + 2 * tau) / (1 + tau), rel=0.01)


def test_the_table_of_stability_and_what_it_refuses():
    rows = table("held", taus=(0, 1), factors=(1, 2))
    assert [(r.tau, r.a) for r in rows] == [(0, 1), (1, 1), (0, 2), (1, 2)]
    assert all(row.stable > row.largest for row in rows)
    with pytest.raises(InputError, match="divisor of 12"):
        largest_stable_step("held", 1, 5)
    with pytest.raises(InputError, match="dense or held"):
        largest_stable_step("sparse", 1, 2)
