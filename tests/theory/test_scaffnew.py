"""Scaffnew and CompressedScaffnew: one round's equality, by all ways in which coin and masks fall; bounds attained."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from tersegrad.problems.explicit import ExplicitQuadratic
from tersegrad.theory import Constants, Unbiased, compressor, theorem
from tersegrad.validation.exact import NotClosed, Recursion
from tersegrad.validation.exact.coins import outcomes
from tersegrad.validation.exact.worst import one_step
from tersegrad.validation.tightness import Instance

NAME = "compressed-scaffnew.strongly-convex"


class Round:
    """Quadratics f_i, models x_i, control variates h_i without a mean, one coordinate; gamma, p, eta of the theorem."""

    def __init__(self, n: int, s: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.n, self.s = n, s
        self.curvature = rng.uniform(0.1, 1.0, n)
        self.slope = rng.normal(size=n)
        self.x, self.h = rng.normal(size=n), rng.normal(size=n) * 10 ** rng.uniform(-1, 1)
        self.h -= self.h.mean()
        self.star = -self.slope.mean() / self.curvature.mean()
        known = Constants(n=n, L_max=1.0, mu=0.1, mu_min=0.1, sigma_sq=0.0)
        found = theorem(NAME).guarantee(
            known, Unbiased(n / s - 1), gamma=rng.uniform(0.05, 1.95), p=rng.uniform(0.05, 1.0)
        )
        self.numbers, self.rho, self.weight = found.parameters, found.rate.contraction, found.metric.terms[2][1]

    def value(self, x, h) -> float:
        """V."""
        return np.mean((x - self.star) ** 2) + self.weight * np.mean((h - self.at_star) ** 2)

    @property
    def at_star(self):
        return self.curvature * self.star + self.slope

    def after(self) -> float:
        """E V after a round, by the paper's lines."""
        gamma, p, eta = (self.numbers[k] for k in ("gamma", "p", "eta"))
        local = self.x - gamma * (self.curvature * self.x + self.slope) + gamma * self.h
        found = []
        for senders in combinations(range(self.n), self.s):
            sent = np.isin(np.arange(self.n), senders)
            xbar = local[sent].mean()
            h = self.h + (p * eta / gamma) * sent * (xbar - local)
            found.append(self.value(np.full(self.n, xbar), h))
        return p * np.mean(found) + (1 - p) * self.value(local, self.h)


@pytest.mark.parametrize(("n", "s"), [(n, s) for n in (2, 3, 4, 6) for s in range(2, n + 1)])
def test_a_round_contracts_by_an_equality(n, s):
    for seed in range(5):
        one = Round(n, s, seed)
        gamma, p, eta = (one.numbers[k] for k in ("gamma", "p", "eta"))
        steps = np.mean((1 - gamma * one.curvature) ** 2 * (one.x - one.star) ** 2)
        variates = one.weight * np.mean((one.h - one.at_star) ** 2)
        expected = steps + (1 - p**2 * eta * (s - 1) / (n - 1)) * variates
        assert one.after() == pytest.approx(expected, rel=1e-12)
        assert one.after() <= one.rho * one.value(one.x, one.h) * (1 + 1e-12)


@pytest.mark.parametrize(("n", "s", "dim"), [(3, 2, 1), (4, 3, 1), (3, 2, 2), (4, 2, 2)])
def test_the_declared_method_contracts_by_just_rho_from_its_worst_state(n, s, dim):
    """All ways in which coin and masks fall, several coordinates at once, from the state that is worst."""
    rng = np.random.default_rng(n)
    curvatures = np.stack([np.diag(rng.uniform(0.2, 1.0, dim)) for _ in range(n)])
    problem = ExplicitQuadratic(curvatures, rng.normal(size=(n, dim)), np.full(dim, 2.0))
    up = f"mask:workers={n},s={s}"
    for p in (0.3, 0.9):
        sure = theorem(NAME).guarantee(problem, up, p=p)
        assert one_step(sure, problem, up, "identity")[0] == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(("n", "s"), [(2, 2), (3, 2), (4, 3)])
def test_the_bound_is_attained(n, s):
    """One curvature for all, and a coin that contracts as the step does: V is rho^t V^0 at every t."""
    hessians, minimisers = (((1.0,),),) * n, tuple((float(i),) for i in range(n))
    name, up = (NAME, f"mask:workers={n},s={s}") if s < n else ("scaffnew.strongly-convex", "identity")
    p = 0.6 / np.sqrt(n / s) * (n - 1) / (s - 1)
    instance = Instance(name, hessians, minimisers, (3.0,), 14, up=up, parameters={"gamma": 0.2, "p": p})
    assert instance.guarantee().rate.contraction == pytest.approx(0.64)
    assert list(instance.ratios().values()) == pytest.approx([1.0] * 5, rel=1e-9)


def test_masks_fall_as_their_kernel_lets_them():
    """The outcomes that exact moments are made of are those of the compressor, with its probabilities."""
    mask, dim, trials = compressor("mask:workers=4,s=2"), 3, 3000
    u = (np.random.default_rng(0).integers(0, 2**32, (trials, mask.draws(dim))) + 0.5) * 2.0**-32
    rows = np.concatenate([mask.compress(np.ones((trials, dim)), u, worker=i, workers=4) for i in range(4)], axis=1)
    ways = {tuple(M.tolist()): p for p, M in outcomes(mask, dim, 4)}
    assert sum(ways.values()) == pytest.approx(1.0)
    counts = dict.fromkeys(ways, 0)
    for row in rows:
        counts[tuple((row + 0.0).tolist())] += 1
    for way, p in ways.items():
        assert abs(counts[way] / trials - p) < 6 * np.sqrt(p / trials)


def test_more_outcomes_than_can_be_looked_at_are_a_sentence():
    problem = ExplicitQuadratic(np.ones((12, 1, 1)), np.zeros((12, 1)), np.ones(1))
    exact = Recursion("qsgd", problem, "mask:workers=12,s=6", parameters={"gamma": 0.5})
    assert exact.expected(["dist_sq"], [1])["dist_sq"] == pytest.approx([0.25])  # alike workers: the mean is exact
    wide = ExplicitQuadratic(np.ones((22, 1, 1)), np.zeros((22, 1)), np.ones(1))
    exact = Recursion("qsgd", wide, "mask:workers=22,s=11", parameters={"gamma": 0.5})
    with pytest.raises(NotClosed, match="has 705432 outcomes, and at most 1024"):
        exact.expected(["dist_sq"], [1])


@pytest.mark.parametrize(
    ("n", "up", "says"),
    [
        (6, "mask:workers=5,s=2", "is for 5 workers, not 6"),
        (6, "mask:workers=6,s=1", "at least 2 workers, not from s = 1"),
        (6, Unbiased(5.0), "at least 2 workers, not from s = 1"),
        (6, "permk:workers=6", "needs a mask"),
    ],
)
def test_what_is_no_mask_of_all_workers_is_refused(n, up, says):
    known = Constants(n=n, dim=12, L_max=1.0, mu=0.1, mu_min=0.1, sigma_sq=0.0)
    assert says in theorem(NAME).guarantee(known, up).reason


@pytest.mark.parametrize("gamma", [2.0, 3.0])
def test_a_step_of_two_over_l_is_refused(gamma):
    known = Constants(n=6, L_max=1.0, mu=0.1, mu_min=0.1, sigma_sq=0.0)
    assert "not below 2/L_max" in theorem("scaffnew.strongly-convex").guarantee(known, gamma=gamma).reason


def test_the_tuned_coin_makes_sqrt_kappa_communications():
    """p times the rounds in which rho^t falls by a factor e: sqrt(kappa)/4, whatever kappa."""
    ratios = []
    for kappa in (1e2, 1e4, 1e6):
        known = Constants(n=6, L_max=1.0, mu=1 / kappa, mu_min=1 / kappa, sigma_sq=0.0)
        found = theorem("scaffnew.strongly-convex-tuned").guarantee(known)
        free = theorem("scaffnew.strongly-convex").guarantee(known)
        assert found.parameters == pytest.approx(free.parameters)
        ratios.append(found.parameters["p"] / -np.log1p(-found.rate.contraction_gap) / np.sqrt(kappa))
    assert ratios == pytest.approx([0.5] * 3, rel=2e-2)


def test_every_pair_of_coordinates_is_in_the_outcomes():
    """Ranks are a permutation that all coordinates share: their masks depend on each other."""
    ways = outcomes(compressor("mask:workers=3,s=2"), 2, 3)
    assert len(ways) == 6
    both = sum(p * M.reshape(3, 2).prod(axis=1) for p, M in ways)
    apart = [sum(p * M.reshape(3, 2)[i, j] for p, M in ways) for i, j in product(range(3), range(2))]
    assert apart == pytest.approx([1.0] * 6)
    assert both == pytest.approx([0.75] * 3)  # (3/2)^2 times 1/3, the probability of sending both
