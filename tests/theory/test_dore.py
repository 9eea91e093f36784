"""Facts about DORE's theorems: corollaries, reductions, sharp ends, one-step inequality by enumeration."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tersegrad.theory import Constants, Unbiased, theorem

LINEAR, TUNED = theorem("dore.strongly-convex"), theorem("dore.strongly-convex-tuned")
NONCONVEX, NONCONVEX_TUNED = theorem("dore.nonconvex"), theorem("dore.nonconvex-tuned")

omegas = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))
workers = st.integers(1, 1000)
conditions = st.floats(1.0, 1e4)


def curved(n, mu, **more):
    return Constants(n=n, L_max=1.0, mu=mu, mu_min=mu, **more)


@given(n=workers, kappa=conditions, up=omegas, down=omegas)
def test_the_corollary_follows_by_substitution(n, kappa, up, down):
    mu, L = 1 / kappa, 1.0
    known = curved(n, mu, dist0_sq=2.0, zeta_star_sq=3.0, sigma_sq=0.5)
    tuned = TUNED.guarantee(known, Unbiased(up), Unbiased(down))
    slow = max(2 * (up + 1), (down + 1) * (mu + L) ** 2 / (2 * mu * L) * (1 / 2 + up / n))
    # 1 - contraction loses up to 1e-16 * slow to rounding.
    assert 1 / (1 - tuned.rate.contraction) == pytest.approx(slow, rel=1e-15 * slow + 1e-12)
    same = LINEAR.guarantee(known, Unbiased(up), Unbiased(down), **tuned.parameters, c=tuned.analysis["c"])
    np.testing.assert_array_equal(same.bound(np.arange(50)), tuned.bound(np.arange(50)))
    if slow > 2 * (up + 1) * (1 + 1e-9):
        limit = (1 + 2 * up) * 0.5 / (n * mu * L * (1 + 2 * up / n))
        assert tuned.rate.floor == pytest.approx(limit, rel=1e-12)


@settings(max_examples=15, deadline=None)
@given(n=workers, kappa=conditions, up=omegas, down=omegas)
def test_the_recommendation_is_at_least_as_good_as_the_corollary(n, kappa, up, down):
    known = curved(n, 1 / kappa, dist0_sq=2.0, zeta_star_sq=3.0, sigma_sq=0.5)
    pair = Unbiased(up), Unbiased(down)
    assert LINEAR.guarantee(known, *pair).rate.contraction <= TUNED.guarantee(known, *pair).rate.contraction
    for rounds in (1, 100, 10**5):
        best, tuned = LINEAR.guarantee(known, *pair, rounds=rounds), TUNED.guarantee(known, *pair)
        assert best.bound(rounds) <= tuned.bound(rounds) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("n", "kappa", "up", "down"), [(20, 10, 7.5, 7.5), (1, 2, 0.3, 0.0), (5, 1000, 50, 2), (3, 1, 9, 0)]
)
def test_no_other_parameters_contract_faster(n, kappa, up, down):
    known, pair = curved(n, 1 / kappa), (Unbiased(up), Unbiased(down))
    best = LINEAR.guarantee(known, *pair).rate.contraction
    for y, eta, beta in itertools.product(np.linspace(0.01, 1.99, 67), (0.0, 0.01), (0.9, 1.0)):
        other = LINEAR.guarantee(known, *pair, alpha=y / (2 * (up + 1)), eta=eta, beta=beta / (down + 1))
        assert not other or other.rate.contraction >= best - 1e-9


@given(n=workers, kappa=conditions, up=omegas, alpha=st.floats(0.05, 0.95))
def test_without_downlink_compression_the_rate_is_that_of_diana(n, kappa, up, alpha):
    mu, alpha = 1 / kappa, alpha / (up + 1)
    found = LINEAR.guarantee(curved(n, mu), Unbiased(up), alpha=alpha)
    gamma = found.parameters["gamma"]
    assert found.parameters["beta"] == 1.0
    assert found.rate.contraction == pytest.approx(max(1 - 2 * gamma * mu / (mu + 1), 1 - alpha), rel=1e-12)


def test_without_any_compression_it_is_gradient_descent():
    found = LINEAR.guarantee(curved(3, 0.25, dist0_sq=1.0, sigma_sq=0.0))
    assert found.parameters == pytest.approx({"gamma": 2 / 1.25, "alpha": 1.0, "beta": 1.0, "eta": 0.0})
    assert found.rate.contraction == pytest.approx(((1 - 0.25) / (1 + 0.25)) ** 2)
    assert found.missing == ()


def test_the_authors_parameters_are_outside_the_theorem():
    pair = "ternary:block=256", "ternary:block=256"
    found = LINEAR.guarantee(curved(20, 0.1, dim=500), *pair, alpha=0.1, beta=1.0, eta=1.0, gamma=0.05)
    assert not found
    assert found.reason == "beta = 1 is not below 1/(omega_d + 1) = 0.1176"


def rho(mu, L, down, c, alpha, beta, gamma, eta):
    """The three entries of the contraction, as printed."""
    return (
        (eta**2 + eta) * down / (1 - (down + 1) * beta),
        1 + eta * beta - 2 * (1 + eta) * beta * gamma * mu * L / (mu + L),
        1 - alpha,
    )


@given(kappa=st.floats(1.0, 100.0), up=st.floats(0.01, 10), down=st.floats(0.01, 10), fill=st.floats(0.05, 0.95))
def test_the_ends_of_eta_and_gamma_are_where_rho_reaches_one(kappa, up, down, fill):
    mu, L, n = 1 / kappa, 1.0, 5
    known, pair = curved(n, mu), (Unbiased(up), Unbiased(down))
    start = LINEAR.guarantee(known, *pair, beta=fill / (down + 1), alpha=1 / (2 * (up + 1)))
    fixed = {"beta": start.parameters["beta"], "alpha": start.parameters["alpha"], "c": start.analysis["c"]}
    limit = start.intervals["eta"].high
    below = LINEAR.guarantee(known, *pair, **fixed, eta=limit * (1 - 1e-6))
    assert below
    assert below.rate.contraction < 1
    assert "eta" in LINEAR.guarantee(known, *pair, **fixed, eta=limit * (1 + 1e-6)).reason
    gamma_max = 2 / ((1 + fixed["c"] * fixed["alpha"]) * (mu + L))
    entries = rho(mu, L, down, eta=limit, gamma=gamma_max, **fixed)
    assert max(entries[:2]) == pytest.approx(1, abs=1e-9)
    low = LINEAR.guarantee(known, *pair, **fixed, eta=limit / 2).intervals["gamma"].low
    assert rho(mu, L, down, eta=limit / 2, gamma=low, **fixed)[1] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("p", "r"), [(0.3, 0.5), (0.9, 0.2), (1.0, 0.4), (0.25, 1.0)])
def test_one_step_inequality_by_enumeration_of_all_coins(p, r, seed):
    """d = 1, three quadratics, C = keep with probability p, times 1/p: E[V+ | state] has 2^4 terms."""
    rng = np.random.default_rng(seed)
    n, mu, L, up, down = 3, 0.4, 1.0, 1 / p - 1, 1 / r - 1
    a, b = rng.uniform(mu, L, n), rng.normal(size=n)
    a[:2] = mu, L
    star = a @ b / a.sum()
    grad_star = a * (star - b)
    tried = 0
    for _ in range(60):
        eta = rng.choice([0.0, rng.uniform(0, 0.1)])
        fixed = {"alpha": rng.uniform(0.02, 0.98) / (up + 1), "eta": eta}
        start = LINEAR.guarantee(curved(n, mu), Unbiased(up), Unbiased(down), **fixed)
        if not start:
            continue
        gamma = start.intervals["gamma"].low + rng.choice([0.5, 1.0]) * (
            start.intervals["gamma"].high - start.intervals["gamma"].low
        )
        found = LINEAR.guarantee(
            curved(n, mu), Unbiased(up), Unbiased(down), **fixed, beta=start.parameters["beta"], gamma=gamma
        )
        if not found:
            continue
        tried += 1
        alpha, beta = found.parameters["alpha"], found.parameters["beta"]
        weight = dict(found.metric.terms)
        x, e, h = rng.normal(), rng.normal() * (eta > 0), rng.normal(size=n)
        grad = a * (x - b)
        left = 0.0
        for coins in itertools.product((0, 1), repeat=n + 1):
            sent = np.array(coins[:n]) * (grad - h) / p
            q = -gamma * (h.mean() + sent.mean()) + eta * e
            chance = math.prod(p if k else 1 - p for k in coins[:n]) * (r if coins[n] else 1 - r)
            x_next, h_next = x + beta * coins[n] * q / r, h + alpha * sent
            left += chance * (
                weight["down_residual_sq"] * q**2
                + (x_next - star) ** 2
                + weight["memory_error_sq"] * np.mean((h_next - grad_star) ** 2)
            )
        right = (
            (1 + eta * beta - 2 * (1 + eta) * beta * gamma * mu * L / (mu + L)) * (x - star) ** 2
            + beta * (eta**2 + eta) * e**2
            + (1 - alpha) * weight["memory_error_sq"] * np.mean((h - grad_star) ** 2)
        )
        assert left <= right * (1 + 1e-12)
    assert tried > 20


@given(n=workers, up=omegas, down=omegas)
def test_the_nonconvex_theorem_at_its_own_step_implies_the_corollary(n, up, down):
    known = Constants(n=n, L=2.0, zeta_sq=0.0, gap0=3.0, sigma_sq=0.7)
    for rounds in (1, 100, 10**6):
        tuned = NONCONVEX_TUNED.guarantee(known, Unbiased(up), Unbiased(down), rounds=rounds)
        same = NONCONVEX.guarantee(known, Unbiased(up), Unbiased(down), **tuned.parameters)
        assert same.bound(rounds) <= tuned.bound(rounds) * (1 + 1e-12)


@given(L=st.floats(1e-3, 1e3), down=st.floats(1e-3, 1e3))
def test_eta_equal_to_gamma_qualifies_up_to_its_limit(L, down):
    known = Constants(n=1, L=L, gap0=1.0, sigma_sq=0.0)
    limit = (-1 + math.sqrt(1 + 48 * L**2 / down)) / (12 * L)
    step = NONCONVEX.guarantee(known, None, Unbiased(down)).intervals["gamma"].high
    # -1 + sqrt(1 + x) loses digits for small x.
    below, above = limit * (1 - 1e-4), limit * (1 + 1e-4)
    assert bool(NONCONVEX.guarantee(known, None, Unbiased(down), gamma=below, eta=below)) == (below < step)
    assert not NONCONVEX.guarantee(known, None, Unbiased(down), gamma=above, eta=above)


def test_the_nonconvex_bound_diverges_at_the_end_of_its_interval():
    known = Constants(n=4, L=1.0, zeta_sq=0.0, gap0=1.0, sigma_sq=1.0)
    high = NONCONVEX.guarantee(known, Unbiased(3.0)).intervals["gamma"].high
    bounds = [
        float(NONCONVEX.guarantee(known, Unbiased(3.0), gamma=high * (1 - s)).bound(10)) for s in (1e-2, 1e-4, 1e-6)
    ]
    assert bounds[1] > 50 * bounds[0]
    assert bounds[2] > 50 * bounds[1]


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 50), up=omegas, sigma_sq=st.floats(0.1, 10.0))
def test_linear_speedup_holds_up_to_the_stated_number_of_workers(n, up, sigma_sq):
    known = Constants(n=n, L=1.0, zeta_sq=0.0, gap0=1.0, sigma_sq=sigma_sq)
    rounds = 10**6
    until = NONCONVEX_TUNED.guarantee(known, Unbiased(up), rounds=rounds).rate.speedup_until
    for workers_now in {max(1, int(until)), int(until) + 1}:
        now = Constants(n=workers_now, L=1.0, zeta_sq=0.0, gap0=1.0, sigma_sq=sigma_sq)
        value = float(NONCONVEX_TUNED.guarantee(now, Unbiased(up), rounds=rounds).bound(rounds))
        noise = (4 + 12 * (1 + 2 * up)) * math.sqrt(sigma_sq / (workers_now * rounds))
        within = workers_now <= until  # one worker more or less is less than rounding where they are 10^10
        assert noise * (1 + 1e-9) >= value / 2 if within else noise * (1 - 1e-9) <= value / 2
