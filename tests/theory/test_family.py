"""Facts about QSGD, DIANA, SGD, error feedback and DoubleSqueeze: exact moments and reductions."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersegrad.theory import AbsoluteError, Constants, Contractive, Unbiased, theorem


def test_the_smoothness_of_f_alone_gives_a_divergent_step():
    """f_i = n x_i^2/2 (L = 1, L_max = n), C = keep with probability 1/(1+omega): E x_i^2 has a factor."""
    n, omega = 50, 100.0
    known = Constants(
        n=n, dim=n, L=1.0, L_max=float(n), mu=1.0, mu_min=0.0, dist0_sq=1.0, zeta_star_sq=0.0, sigma_sq=0.0
    )

    def factor(gamma):
        return 1 - 2 * gamma + gamma**2 * (1 + omega)

    right = theorem("qsgd.strongly-convex").guarantee(known, Unbiased(omega))
    wrong = 1 / (known.L * (1 + 2 * omega / n))
    assert factor(wrong) > 1
    assert factor(right.parameters["gamma"]) <= right.rate.contraction
    assert not theorem("qsgd.strongly-convex").guarantee(known, Unbiased(omega), gamma=wrong)
    assert "L_max" in theorem("qsgd.strongly-convex").guarantee(Constants(n=n, L=1.0, mu=1.0), Unbiased(omega)).reason


def one_dimensional(rng, n):
    """Quadratics a_i (x - b_i)^2/2 in one dimension, some of them linear, and their constants."""
    a, b = rng.uniform(0, 1, n) * rng.integers(0, 2, n) + 0.05, rng.normal(size=n)
    star = a @ b / a.sum()
    known = Constants(n=n, L=a.mean(), L_max=a.max(), mu=a.mean(), mu_min=a.min(), dist0_sq=1.0, sigma_sq=0.0,
                      zeta_star_sq=float(np.mean((a * (star - b)) ** 2)))  # fmt: skip
    return a, b, star, known


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("p", [0.2, 0.7, 1.0])
def test_one_step_inequalities_by_enumeration_of_all_coins(p, seed):
    """C = keep with probability p, times 1/p: the conditional expectations have 2^3 terms."""
    rng = np.random.default_rng(seed)
    n, omega = 3, 1 / p - 1
    a, b, star, known = one_dimensional(rng, n)
    qsgd = theorem("qsgd.strongly-convex").guarantee(known, Unbiased(omega))
    diana = [
        theorem("diana.strongly-convex").guarantee(known, Unbiased(omega), **more)
        for more in ({}, {"gamma": 0.5}, {"alpha": 0.3 * p}, {"M": 100.0})
    ]
    for found in [qsgd, *filter(None, diana)]:
        gamma, alpha = found.parameters["gamma"], found.parameters.get("alpha", 0.0)
        weight = dict(found.metric.terms).get("memory_error_sq", 0.0)
        for _ in range(20):
            x, h = rng.normal(), rng.normal(size=n) * (found is not qsgd)
            grad, grad_star = a * (x - b), a * (star - b)
            after = 0.0
            for coins in itertools.product((0, 1), repeat=n):
                sent = np.array(coins) * (grad - h) / p
                chance = math.prod(p if k else 1 - p for k in coins)
                moved = (x - gamma * (h.mean() + sent.mean()) - star) ** 2
                after += chance * (moved + weight * np.mean((h + alpha * sent - grad_star) ** 2))
            before = (x - star) ** 2 + weight * np.mean((h - grad_star) ** 2)
            step = (1 - found.rate.contraction) * found.rate.floor
            # `after` is exact to a few roundings of `before`, also where the bound is 0.
            assert after <= found.rate.contraction * before + step + 1e-13 * before


@given(
    n=st.integers(1, 100),
    L=st.floats(0.1, 1.0),
    spread=st.floats(1, 10),
    mu=st.floats(1e-4, 0.1),
    omega=st.one_of(st.just(0.0), st.floats(1e-12, 100)),
)
def test_diana_without_noise_converges_to_the_solution_and_beats_its_standard_choice(n, L, spread, mu, omega):
    known = Constants(n=n, L=L, L_max=L if n == 1 else L * spread, mu=mu, mu_min=0.0 if n > 1 else mu, sigma_sq=0.0)
    found = theorem("diana.strongly-convex").guarantee(known, Unbiased(omega))
    standard = max(1 - mu / (known.L + 6 * omega * known.L_max / n), 1 - 1 / (2 * (1 + omega)) if omega else 0.0)
    assert found.rate.contraction <= standard * (1 + 1e-12)
    assert found.parameters["alpha"] == pytest.approx(1 / (1 + omega))
    quiet = Constants(**known.known() | {"dist0_sq": 1.0, "zeta_star_sq": 1.0})
    assert theorem("diana.strongly-convex").guarantee(quiet, Unbiased(omega)).rate.floor == 0.0
    usual = theorem("diana.strongly-convex").guarantee(quiet, Unbiased(omega), M=4 * omega * (omega + 1) / n)
    best = theorem("diana.strongly-convex").guarantee(quiet, Unbiased(omega), rounds=100)
    assert best.bound(100) <= usual.bound(100) * (1 + 1e-12)


def test_the_usual_parameters_of_diana():
    known = Constants(n=4, L=1.0, L_max=2.0, mu=0.01)
    found = theorem("diana.strongly-convex").guarantee(known, Unbiased(3.0), M=12.0)
    assert found.parameters == pytest.approx({"alpha": 1 / 4, "gamma": 1 / (1 + 6 * 3 * 2 / 4)})


@pytest.mark.parametrize("id", ["qsgd.strongly-convex", "diana.strongly-convex"])
def test_without_compression_the_linear_theorems_are_those_of_sgd(id):
    known = Constants(n=5, L=1.0, L_max=4.0, mu=0.1, dist0_sq=3.0, sigma_sq=0.7)
    found = theorem(id).guarantee(known)
    assert found.missing == ()
    assert found.parameters["gamma"] == 1.0
    assert found.rate.contraction == pytest.approx(0.9)
    assert found.rate.floor == pytest.approx(0.7 / (5 * 0.1))


def test_two_way_qsgd_without_compression_is_sgd():
    known = Constants(n=5, L=2.0, gap0=3.0, sigma_sq=0.7)
    two_way = theorem("qsgd.nonconvex-two-way").guarantee(known, gamma=0.1)
    # Sharper than the bound of sgd.nonconvex at the same step: 2 - L gamma instead of 1.
    expected = (2 * 3.0 / (0.1 * 9) + 2.0 * 0.1 * 0.7 / 5) / (2 - 0.2)
    assert float(two_way.bound(9)) == pytest.approx(expected)
    assert two_way.bound(9) <= theorem("sgd.nonconvex").guarantee(known, gamma=0.1).bound(9)


@pytest.mark.parametrize("nonexpansive", [True, False])
def test_exact_compressors_leave_no_error_in_doublesqueeze(nonexpansive):
    known = Constants(n=5, L=2.0, gap0=3.0, sigma_sq=0.7, G=10.0)
    exact = Contractive(1.0, nonexpansive=nonexpansive)
    found = theorem("doublesqueeze.contractive").guarantee(known, exact, exact, gamma=0.1)
    assert found.analysis["E_2"] == 0.0
    assert float(found.bound(9)) == pytest.approx(
        2 * float(theorem("sgd.nonconvex").guarantee(known, gamma=0.1).bound(9))
    )
    without_G = theorem("doublesqueeze.contractive").guarantee(Constants(n=5, L=2.0, gap0=3.0, sigma_sq=0.7), exact)
    assert without_G.missing == ()


def test_the_error_constant_of_doublesqueeze():
    known = Constants(n=5, L=1.0, G=3.0)
    ask = theorem("doublesqueeze.contractive").guarantee
    contraction = Contractive(0.5, nonexpansive=True)
    assert ask(known, contraction).analysis["E_2"] == 8 * 0.5 * 9 / 0.25 * (1 + 2 * (1 + 4 * 0.5 / 0.25))
    assert ask(known, Contractive(0.5)).analysis["K_c"] == 3.0
    assert ask(known, Contractive(1.0, nonexpansive=True), Contractive(0.5)).analysis["K_c"] == 1.0
    assert ask(known, Contractive(0.9), Contractive(0.5)).analysis["delta"] == 0.5


@given(
    n=st.integers(1, 10**4), L=st.floats(1e-2, 1e2), gap0=st.floats(1e-2, 1e2), sigma_sq=st.floats(0, 1e3),
    eps=st.floats(0, 1e2), rounds=st.integers(1, 10**8),
)  # fmt: skip
def test_the_tuned_step_of_doublesqueeze_implies_its_rate(n, L, gap0, sigma_sq, eps, rounds):
    known = Constants(n=n, L=L, gap0=gap0, sigma_sq=sigma_sq)
    pair = AbsoluteError(eps / 3), AbsoluteError(2 * eps / 3)
    tuned = theorem("doublesqueeze.nonconvex-tuned").guarantee(known, *pair, rounds=rounds)
    at_that_step = theorem("doublesqueeze.nonconvex").guarantee(known, *pair, **tuned.parameters)
    assert at_that_step.bound(rounds) <= tuned.bound(rounds) * (1 + 1e-12)
    best = theorem("doublesqueeze.nonconvex").guarantee(known, *pair, rounds=rounds)
    assert best.bound(rounds) <= at_that_step.bound(rounds) * (1 + 1e-9)


def test_the_tuned_rate_has_its_three_slopes():
    def slope(sigma_sq, eps, T):
        known = Constants(n=4, L=1.0, gap0=1.0, sigma_sq=sigma_sq)
        bound = (
            theorem("doublesqueeze.nonconvex-tuned").guarantee(known, AbsoluteError(eps), rounds=10).bound([T, 2 * T])
        )
        return math.log2(bound[1] / bound[0])

    assert slope(0.0, 0.0, 100) == pytest.approx(-1)
    assert slope(0.0, 1.0, 10**12) == pytest.approx(-2 / 3, abs=1e-3)
    assert slope(1.0, 1.0, 10**30) == pytest.approx(-1 / 2, abs=1e-3)


def test_a_merely_contractive_compressor_is_sent_to_the_other_theorem():
    known = Constants(n=4, dim=10, L=1.0)
    reason = theorem("doublesqueeze.nonconvex").guarantee(known, "topk:k=2").reason
    assert "needs an absolute-error uplink compressor; topk:k=2 is not absolute-error" in reason


@pytest.mark.parametrize("delta", [0.01, 0.3, 1.0])
def test_error_feedback_pays_for_the_memory_in_the_second_order_only(delta):
    known = Constants(n=8, L=1.0, gap0=1.0, sigma_sq=1.0, zeta_sq=2.0)
    ask = theorem("error-feedback.nonconvex").guarantee
    assert ask(known, Contractive(delta)).parameters["gamma"] == delta / 4
    late = 10**18
    ratio = float(ask(known, Contractive(delta), rounds=late).bound(late) / ask(known, rounds=late).bound(late))
    assert 1 <= ratio < 1.02


def test_more_samples_per_round_lower_the_finite_sum_floor():
    one = Constants(n=1, L=1.0, L_sample=4.0, mu=0.1, dist0_sq=1.0, sigma_star_sq=2.0)
    many = Constants(n=8, L=1.0, L_sample=4.0, mu=0.1, dist0_sq=1.0, sigma_star_sq=2.0)
    ask = theorem("sgd.finite-sum").guarantee
    assert ask(one).parameters["gamma"] == 1 / 8
    assert ask(many).parameters["gamma"] == 1 / 2
    assert ask(many, gamma=0.1).rate.floor == pytest.approx(ask(one, gamma=0.1).rate.floor / 8)


def test_sampling_a_finite_sum_obeys_the_theorem_in_exact_expectation():
    """Least squares in one dimension, two workers with two samples each: E||x+ - x*||^2 by enumeration."""
    a, b = np.array([[0.1, 2.0], [1.0, 0.0]]), np.array([[1.0, -1.0], [0.5, 2.0]])  # losses a (x - b)^2/2
    star = (a * b).sum() / a.sum()
    at_star = a * (star - b)
    noise = float(np.mean((at_star - at_star.mean(axis=1, keepdims=True)) ** 2))
    known = Constants(n=2, L=a.mean(), L_sample=2.0, mu=a.mean(), mu_min=0.5, dist0_sq=1.0, sigma_star_sq=noise)
    found = theorem("sgd.finite-sum").guarantee(known)
    gamma = found.parameters["gamma"]
    for x in np.linspace(-5, 5, 21):
        g = a * (x - b)
        after = np.mean([(x - gamma * (g[0, i] + g[1, j]) / 2 - star) ** 2 for i in (0, 1) for j in (0, 1)])
        before = (x - star) ** 2
        step = (1 - found.rate.contraction) * found.rate.floor
        assert after <= (found.rate.contraction * before + step) * (1 + 1e-12)
