"""Q-RR and DIANA-RR: one epoch's inequality with the exact expectation over all orders and coins, and what follows."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from tersegrad.problems import problem
from tersegrad.theory import Constants, Unbiased, theorem


class Samples:
    """f_ij(x) = (a_ij/2) (x - x*)^2 + b_ij x in one dimension, sum b_ij = 0, and a compressor of variance omega v^2.

    The state is z = (1, x - x*, h_ij - b_ij), b_ij being the gradient of f_ij at x*.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.n, self.m = ((1, 2), (2, 2), (1, 3), (3, 2), (1, 4))[seed % 5]
        shape, least = (self.n, self.m), 10 ** rng.uniform(-3, 0)
        self.a = np.where(rng.random(shape) < 0.5, least, 1.0) if seed % 2 else least ** rng.random(shape)
        self.b = rng.normal(size=shape) * 10 ** rng.uniform(-1, 1)
        self.b -= self.b.mean()
        self.omega = (0.0, 0.1, 1.0, 20.0)[seed % 4]
        means = self.b.mean(axis=1)
        self.known = Constants(
            n=self.n, m=self.m, L_sample=self.a.max(), mu_sample=self.a.min(), zeta_star_sq=np.mean(means**2),
            sigma_star_sq=np.mean((self.b - means[:, None]) ** 2), dist0_sq=1.0, reshuffled=True,
        )  # fmt: skip

    def epoch(self, weights, gamma, alpha=None):
        """The matrix Q of E z^T diag(weights) z after an epoch, as a function of z before it; Q-RR without alpha."""
        n, m = self.n, self.m
        size = 2 + n * m
        total = np.zeros((size, size))
        orders = list(product(permutations(range(m)), repeat=n))
        for order in orders:
            Q = np.diag(weights)
            for k in reversed(range(m)):
                mean, spreads = np.eye(size), []
                for i in range(n):
                    j = order[i][k]
                    own = 2 + i * m + j
                    v = np.zeros(size)  # what is compressed
                    v[1] = self.a[i, j]
                    v[own if alpha is not None else 0] = -1.0 if alpha is not None else self.b[i, j]
                    moved = np.zeros(size)
                    moved[1] = -gamma / n
                    mean[1, 1] -= gamma / n * self.a[i, j]
                    mean[1, 0] -= gamma / n * self.b[i, j]
                    if alpha is not None:
                        mean[own] += alpha * v
                        moved[own] = alpha
                    spreads.append((v, moved))
                Q = mean.T @ Q @ mean + sum(self.omega * (c @ Q @ c) * np.outer(v, v) for v, c in spreads)
            total += Q
        return total / len(orders)


def slack(seed, name, share=1.0, floor_share=1.0):
    """The least eigenvalue of rho^m V + (1 - rho^m) floor - E V after an epoch, in units of V and the floor."""
    one = Samples(seed)
    subject = theorem(f"{name}.strongly-convex")
    widest = subject.guarantee(one.known, Unbiased(one.omega))
    fixed = dict(widest.parameters)
    found = subject.guarantee(one.known, Unbiased(one.omega), **(fixed | {"gamma": min(share, 1.0) * fixed["gamma"]}))
    gamma, alpha = share * fixed["gamma"], fixed.get("alpha")
    of_shifts = found.metric.terms[1][1] / (one.n * one.m) if alpha is not None else 0.0
    weights = np.array([0.0, 1.0] + [of_shifts] * (one.n * one.m))
    rho = (1 - gamma * one.known.mu_sample) ** one.m
    allowed = rho * np.diag(weights)
    allowed[0, 0] = (1 - rho) * found.rate.floor * floor_share
    gap = allowed - one.epoch(weights, gamma, alpha)
    kept = np.concatenate([[0], np.flatnonzero(weights)])
    unit = np.sqrt(np.maximum(np.diag(allowed)[kept], 1e-300))
    return float(np.linalg.eigvalsh(gap[np.ix_(kept, kept)] / np.outer(unit, unit)).min())


@pytest.mark.parametrize("name", ["q-rr", "diana-rr"])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_an_epoch_contracts_as_the_theorem_says_from_every_state(name, share):
    assert min(slack(seed, name, share) for seed in range(200)) > -1e-9


@pytest.mark.parametrize("name", ["q-rr", "diana-rr"])
def test_a_longer_step_and_a_lower_floor_break_it(name):
    """Three times the step; a twentieth of the floor."""
    assert min(slack(seed, name, 3.0) for seed in range(200)) < -1e-3
    assert min(slack(seed, name, 1.0, 0.05) for seed in range(200)) < -1e-3


def test_without_compression_both_are_random_reshuffling():
    """omega = 0: one step, one bound, without the dissimilarity of the workers and without shifts."""
    known = Constants(n=3, m=8, L_sample=2.0, mu_sample=0.01, dist0_sq=3.0, sigma_star_sq=0.7)
    q, diana = (theorem(f"{name}.strongly-convex").guarantee(known) for name in ("q-rr", "diana-rr"))
    assert q.parameters["gamma"] == diana.parameters["gamma"] == 0.5
    rounds = 8 * np.arange(100)
    assert q.bound(rounds) == pytest.approx(diana.bound(rounds))
    assert q.rate.floor == pytest.approx(0.25 * 2.0 * 8 * 0.7 / (2 * 0.01))
    assert not q.rate.in_workers


def test_the_floors_are_of_order_gamma_and_gamma_squared():
    known = Constants(n=3, m=8, L_sample=2.0, mu_sample=0.01, dist0_sq=3.0, sigma_star_sq=0.7, zeta_star_sq=0.4)
    for name, power in (("q-rr", 1), ("diana-rr", 2)):
        far, near = (
            theorem(f"{name}.strongly-convex").guarantee(known, Unbiased(5.0), gamma=gamma).rate.floor
            for gamma in (1e-6, 5e-7)
        )
        assert far / near == pytest.approx(2**power, rel=1e-2)


def test_bounds_are_about_whole_epochs():
    known = Constants(n=3, m=8, L_sample=2.0, mu_sample=0.01, dist0_sq=3.0, sigma_star_sq=0.7, zeta_star_sq=0.4)
    found = theorem("q-rr.strongly-convex").guarantee(known, Unbiased(5.0), eps=0.5)
    rounds = found.rounds_to(0.5)
    assert rounds % 8 == 0
    assert found.bound(rounds) <= 0.5 < found.bound(rounds - 8)
    with pytest.raises(Exception, match=r"whole epochs, multiples of m = 8 rounds"):
        found.bound(12)
    assert found.whole(1) == 8
    assert found.whole(16) == 16


def test_the_constants_of_the_samples_are_theirs():
    """m, L_s, mu, sigma_star^2 and zeta_star^2 by the definitions, on least squares."""
    p = problem("least-squares:rows=12,dim=3,reg=0.2,batch=1,sampling=reshuffled", workers=3)
    known, at_star = p.constants(), p.sample_gradients_at_star
    assert (known.m, known.mu_sample, known.reshuffled, known.independent_samples) == (4, 0.2, True, False)
    assert known.L_sample == pytest.approx(max(np.sum(p.A**2, axis=1)) + 0.2)
    means = [g.mean(axis=0) for g in at_star]
    spread = np.mean([np.mean(np.sum((g - mean) ** 2, axis=1)) for g, mean in zip(at_star, means, strict=True)])
    assert known.sigma_star_sq == pytest.approx(spread)
    assert known.zeta_star_sq == pytest.approx(np.mean([mean @ mean for mean in means]))
    assert problem("least-squares:rows=13,dim=3,reg=0.2,batch=1,sampling=reshuffled", workers=3).constants().m is None
    assert "needs m" in theorem("q-rr.strongly-convex").guarantee(known.replaced({"m": None})).reason
