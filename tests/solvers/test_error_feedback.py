"""Error feedback with decreasing steps, its memory, and compressed descent without memory."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.problem_table import QUADRATIC
from support.pseudocode import agrees
from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.theory import Constants, Contractive, InputError, theorem
from tersegrad.theory.theorems.error_feedback import memory_factor, shift_limit

BIASED = ("topk:k=3", "sign:block=5", "threshold:level=0.1", "adversary:direction=grow,delta=0.3")
UNBIASED = ("ternary:block=5", "randk:k=4", "randk:k=4,seed=shared")


def run(word, problem, up, parameters, rounds, seed=0, replica=0, **more):
    return simulate(
        word, problem, up, parameters=parameters, rounds=rounds, seed=seed, first_replica=replica,
        checkpoints=np.arange(rounds + 1), paths=True, **more,
    )  # fmt: skip


@pytest.mark.parametrize("up", BIASED + UNBIASED)
def test_mem_sgd_follows_its_pseudo_code(up):
    agrees("mem-sgd", QUADRATIC, up, "identity", {"gamma": 2.0, "a": 20.0}, seed=3)


@pytest.mark.parametrize("up", BIASED + UNBIASED)
def test_the_shadow_of_mem_sgd_follows_uncompressed_sgd_at_every_round(up):
    """y = x - avg e_i moves by -gamma_t avg g_i: the memory holds steps, so that decreasing steps change nothing."""
    problem = build(QUADRATIC, workers=3)
    trace = run("mem-sgd", problem, up, {"gamma": 2.0, "a": 20.0}, 40, seed=1)
    x, y = trace.paths["x"][0], trace.paths["shadow"][0]
    steps = 2.0 / (20.0 + np.arange(40))
    expected = y[:-1] - steps[:, None] * problem.gradient(x[:-1])
    assert np.abs(y[1:] - expected).max() < 1e-14 * max(1.0, np.abs(y).max())


@pytest.mark.parametrize("up", ["topk:k=3", "sign:block=5", "ternary:block=5"])
def test_mem_sgd_with_steps_that_hardly_fall_is_error_feedback(up):
    """gamma/(a + t) with a = 2^40 differs from gamma/a by 25/2^40 relative; 1e3 for the growth of the difference."""
    problem = build(QUADRATIC + ",noise=gaussian,sigma_sq=0.5", workers=4)
    a = run("mem-sgd", problem, up, {"gamma": 0.0625 * 2**40, "a": 2.0**40}, 25).paths["x"][0]
    b = run("error-feedback", problem, up, {"gamma": 0.0625}, 25).paths["x"][0]
    assert np.abs(a - b).max() < 1e3 * 25 / 2**40
    assert np.abs(b).max() > 0.01


def test_the_shift_of_the_steps_must_be_positive():
    with pytest.raises(InputError, match=r"a = 0 is not possible: method 'mem-sgd' needs a > 0"):
        simulate("mem-sgd", "quadratic:dim=3", parameters={"gamma": 1.0, "a": 0.0}, rounds=2, workers=1)


# ---------------------------------------------------------------------------------------------------- the memory


@given(
    delta=st.floats(1e-4, 1.0), alpha=st.floats(4.01, 50.0), more=st.floats(1.0, 5.0),
)  # fmt: skip
def test_the_recursion_of_the_memory_stays_below_its_bound(delta, alpha, more):
    """h+ = (1 - delta)(1 + b) h + (1 - delta)(1 + 1/b) step^2 for the best b, which is s^2 (sqrt h + step)^2.

    The worst memory of the worst compressor, with ||g|| = G = 1, against (4 alpha/(alpha - 4)) step_t^2/delta^2.
    """
    a, s = more * shift_limit(delta, alpha), math.sqrt(1 - delta)
    root, bound = 0.0, math.sqrt(memory_factor(alpha)) / delta
    for t in range(400):
        assert root <= bound / (a + t)
        root = s * (root + 1 / (a + t))


def test_the_worst_compressor_comes_near_the_bound_of_the_memory():
    """C(v) = (1 - r) v and a constant gradient: sqrt(h) tends to step r/(1 - r), which is step (1 + r) r/delta.

    The bound is above by sqrt(4 alpha/(alpha - 4))/(r (1 + r)), and by no more than that for t to infinity.
    """
    delta, gamma, a = 0.1, 1.0, 500.0
    r = math.sqrt(1 - delta)
    problem = build("quadratic:dim=1,mu=1e-12,L=1e-12,radius=1", workers=1)  # the gradient hardly changes
    g = float(np.abs(problem.gradient(problem.x0))[0])
    found = theorem("error-feedback.memory").guarantee(
        Constants(n=1, G=g), Contractive(delta), gamma=gamma, a=a, alpha=5.0
    )
    trace = run("mem-sgd", problem, f"adversary:delta={delta},direction=shrink", {"gamma": gamma, "a": a}, 20000)
    h = trace.columns["worker_error_sq"][0]
    t = np.arange(1, 20001)
    assert np.all(h[1:] <= found.bound(t))
    assert found.bound(20000) / h[-1] == pytest.approx(memory_factor(5.0) / (r * (1 + r)) ** 2, rel=5e-3)


@pytest.mark.parametrize("up", ["topk:k=1", "sign", "adversary:delta=0.2", "adversary:delta=0.2,direction=grow"])
def test_memory_of_the_constant_step_is_within_its_bound_at_every_round(up):
    """||e_i||^2 <= (1 - delta) gamma^2 G^2/(1 - sqrt(1 - delta))^2 <= 4(1 - delta) gamma^2 G^2/delta^2, delta = 1/5."""
    problem = build("robust:rows=24,dim=5,split=sorted", workers=4)
    known, gamma = problem.constants(), 0.2
    delta = Contractive(1 / 5).delta
    trace = run("error-feedback", problem, up, {"gamma": gamma}, 300)
    h = trace.columns["worker_error_sq"][0]
    sharp = (1 - delta) * gamma**2 * known.G**2 / (1 - math.sqrt(1 - delta)) ** 2
    assert sharp <= 4 * (1 - delta) * gamma**2 * known.G**2 / delta**2
    assert 0 < h.max() <= sharp


# ---------------------------------------------------------------------------------------------------- the theorems


@given(a=st.floats(1.0, 1e4), T=st.integers(1, 2000))
def test_the_sum_of_the_weights_is_what_the_bound_divides_by(a, T):
    """S_T = sum (a + t)^2 = (T/6)(2 T^2 + 6aT - 3T + 6a^2 - 6a + 1) >= T^3/3."""
    S_T = math.fsum((a + t) ** 2 for t in range(T))
    assert T / 6 * (2 * T**2 + 6 * a * T - 3 * T + 6 * a**2 - 6 * a + 1) == pytest.approx(S_T, rel=1e-12)
    assert S_T >= T**3 / 3 * (1 - 1e-12)
    L, mu, G, R0_sq, delta, alpha = 3.0, 0.5, 2.0, 7.0, 0.25, 5.0
    known = Constants(n=1, L=L, mu=mu, G=G, dist0_sq=R0_sq)
    found = theorem("error-feedback.strongly-convex").guarantee(known, Contractive(delta), a=a + 100.0)
    a += 100.0
    S_T = math.fsum((a + t) ** 2 for t in range(T))
    expected = (
        4 * T * (T + 2 * a) * G**2 / (mu * S_T)
        + mu * a**3 * R0_sq / (8 * S_T)
        + 64 * T * (1 + 2 * L / mu) / (mu * S_T) * 4 * alpha / (alpha - 4) * G**2 / delta**2
    )
    assert float(found.bound(T)) == pytest.approx(expected, rel=1e-10)


def test_compression_costs_mem_sgd_nothing_in_the_leading_term():
    known = Constants(n=1, L=10.0, mu=0.5, G=2.0, dist0_sq=7.0)
    ask = theorem("error-feedback.strongly-convex").guarantee
    late = 10**12
    coarse, fine = (float(ask(known, Contractive(delta)).bound(late)) for delta in (0.01, 1.0))
    assert coarse == pytest.approx(fine, rel=1e-3)
    assert fine == pytest.approx(12 * 4.0 / (0.5 * late), rel=1e-6)


def test_the_weights_of_the_average_are_those_of_the_theorem():
    """gap_avg of a run is f at sum (a + t)^2 x^t / sum (a + t)^2, t < T, minus f*."""
    problem = build("quadratic:dim=6,mu=0.5,L=1,radius=3", workers=1)
    known = Constants(n=1, dim=6, L=1.0, mu=0.5, G=3.0, dist0_sq=9.0)
    found = theorem("error-feedback.strongly-convex").guarantee(known, "topk:k=3", a=40.0)
    trace = run("mem-sgd", problem, "topk:k=3", found.parameters, 30, columns=["gap_avg"], average=found.weights)
    x = trace.paths["x"][0]
    for T in (1, 2, 30):
        w = (40.0 + np.arange(T)) ** 2
        expected = float(problem.value(w @ x[:T] / w.sum())) - problem.f_star
        assert trace.columns["gap_avg"][0, T] == pytest.approx(expected, rel=1e-10)


@given(delta=st.floats(1e-3, 1.0), gamma=st.floats(1e-3, 10.0))
def test_bounded_gradients_need_no_limit_of_the_step(delta, gamma):
    known = Constants(n=4, L=2.0, gap0=3.0, G=1.5)
    found = theorem("error-feedback.nonconvex-bounded").guarantee(known, Contractive(delta), gamma=gamma)
    expected = 2 * 3 / (gamma * 7) + gamma * 2 * 1.5**2 + 4 * gamma**2 * 4 * 1.5**2 * (1 - delta) / delta**2
    assert float(found.bound(7)) == pytest.approx(expected, rel=1e-12)


# ----------------------------------------------------------------------------------------------- without a memory


@pytest.mark.parametrize("up", BIASED)
def test_compressed_descent_follows_its_pseudo_code(up):
    agrees("compressed-gd", QUADRATIC, up, "identity", {"gamma": 0.2})


@pytest.mark.parametrize("gamma", [0.001, 0.03, 0.5])
def test_three_quadratics_make_top_1_diverge_for_every_step(gamma):
    """x^1 = (1 + 11 gamma/6) x^0, up to the rounding of a value to the wire, 2^-20 relative."""
    problem = build("three-quadratics", workers=3)
    x = run("compressed-gd", problem, "topk:k=1", {"gamma": gamma}, 3).paths["x"][0]
    factor = 1 + 11 * gamma / 6
    for t in range(4):
        assert np.allclose(x[t], factor**t * problem.x0, rtol=4 * 2.0**-20, atol=0)
    far = simulate("compressed-gd", problem, "topk:k=1", parameters={"gamma": gamma}, rounds=2000)
    assert far.columns["gap"][0, -1] > 10 * far.columns["gap"][0, 0]


def test_error_feedback_repairs_the_three_quadratics():
    problem = build("three-quadratics", workers=3)
    safe = theorem("error-feedback.strongly-convex-order").guarantee(problem.constants(), "topk:k=1").parameters
    trace = simulate("error-feedback", problem, "topk:k=1", parameters=safe, rounds=20000, checkpoints=[10000, 20000])
    assert trace.columns["gap"][0, 1] < 0.1
    assert trace.columns["gap"][0, 1] < 0.1 * trace.columns["gap"][0, 0] or trace.columns["gap"][0, 1] < 1e-20


@pytest.mark.parametrize("up", ["topk:k=2", "sign", "adversary:delta=0.2", "adversary:delta=0.2,direction=grow"])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_one_node_contracts_by_the_theorem_at_every_round(up, share):
    problem = build("quadratic:dim=10,mu=0.2,L=2,radius=3,rotate=1", workers=1)
    found = theorem("compressed-gd.strongly-convex").guarantee(problem.constants(), up, gamma=share / 2)
    gap = run("compressed-gd", problem, up, found.parameters, 60).columns["gap"][0]
    assert np.all(gap[1:] <= found.rate.contraction * gap[:-1] * (1 + 1e-9))


# ------------------------------------------------------------------------------------------------ where G holds


@pytest.mark.parametrize("hessians", ["same", "scaled", "different"])
def test_the_gradients_of_a_quadratic_are_bounded_in_its_region(hessians):
    """No worker's gradient is longer than G at the distance `region` from x*; with one worker G is attained."""
    problem = build(f"quadratic:dim=4,heterogeneity=2,hessians={hessians},region=3", workers=5)
    G = problem.constants().G
    directions = np.random.default_rng(0).standard_normal((2000, 4))
    points = problem.x_star + 3 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    longest = max(np.linalg.norm(problem.worker_gradient(i, points), axis=1).max() for i in range(5))
    assert longest <= G <= 1.5 * longest
    one = build("quadratic:dim=1,L=2,mu=2,region=3,noise=gaussian,sigma_sq=5", workers=1)
    assert pytest.approx(math.sqrt((2 * 3) ** 2 + 5)) == one.constants().G
    assert build("quadratic:dim=1", workers=1).constants().G is None


def test_a_run_that_leaves_the_region_has_no_guarantee():
    from tersegrad.validation import EXPERIMENTS
    from tersegrad.validation.judging import judge

    plan = replace(EXPERIMENTS["error-feedback.strongly-convex"].quick(), rounds=200, rounds_grid=())
    assert judge(plan).verdict in ("holds", "vacuous")
    left = judge(replace(plan, problem=plan.problem.replace("region=6", "region=4.9")))
    assert left.verdict == "no guarantee"
    assert "the constants hold up to 4.9: enlarge region" in left.reason
