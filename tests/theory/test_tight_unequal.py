"""EF21 on workers with their own L_i and mu_i: the cubic, one round at its worst, and the rates seen on quadratics."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.optimize import minimize

from tersegrad.theory import Constants, Contractive, theorem
from tersegrad.theory.theorems.tight import contraction_gap as equal_gap
from tersegrad.theory.theorems.tight_unequal import conditions, contraction_gap

NAME = "ef21.tight-unequal"


class Case:
    """Random L_i, mu_i and r; K1, K2, the step and rho."""

    def __init__(self, seed: int, n: int) -> None:
        rng = np.random.default_rng(seed)
        self.n, self.r = n, rng.uniform(0.05, 0.95)
        self.L = rng.uniform(0.3, 3.0, n)
        self.mu = self.L * 10 ** rng.uniform(-2, 0, n)
        self.s, self.d = self.L + self.mu, self.L - self.mu
        self.known = Constants(
            n=n, L_i=tuple(self.L), mu_i=tuple(self.mu), L_max=self.L.max(), mu=self.mu.min(), mu_min=self.mu.min(),
            sigma_sq=0.0, grad0_sq=1.0,
        )  # fmt: skip
        self.found = theorem(NAME).guarantee(self.known, Contractive(1 - self.r**2))
        self.gamma, self.rho = self.found.parameters["gamma"], self.found.rate.contraction

    def least_rate(self, multipliers: np.ndarray) -> float:
        """The least rho with rho V - W+ - sum_i multiplier_i (what interpolation allows) >= 0, a form of (G, e, D)."""
        n, r, mean = self.n, self.r, self.s.mean()
        eye = np.eye(1 + 2 * n)
        step = -self.gamma * (eye[0] + eye[1 : 1 + n].mean(axis=0))
        weights = mean / self.s / n
        V = np.diag([1.0, *(weights / r)])
        after = eye[0] + eye[1 + n :].mean(axis=0)
        Q = -np.outer(after, after)
        for i in range(n):
            lost, centre = eye[1 + i] - eye[1 + n + i], eye[1 + n + i] - self.s[i] / 2 * step
            Q -= r * weights[i] * np.outer(lost, lost)
            Q -= multipliers[i] * (self.d[i] ** 2 / 4 * np.outer(step, step) - np.outer(centre, centre))
        kept = 1 + n
        least = np.linalg.eigvalsh(Q[kept:, kept:])[0]
        if least <= 1e-12:
            return 1e3 - least
        rest = Q[:kept, :kept] - Q[:kept, kept:] @ np.linalg.solve(Q[kept:, kept:], Q[kept:, :kept])
        return float(eigh(-rest, V)[0][-1])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_one_round_contracts_by_the_cubic_and_by_no_less(n):
    """The best certificate of V's contraction, over all multipliers, has the cubic's rho: it holds and is exact."""
    for seed in range(4):
        case = Case(seed, n)
        best, at = math.inf, np.full(n, math.log(5.0))
        for _ in range(4):
            found = minimize(
                lambda x, case=case: case.least_rate(np.exp(x)), at, method="Nelder-Mead",
                options={"maxiter": 3000, "xatol": 1e-11, "fatol": 1e-15},
            )  # fmt: skip
            best, at = min(best, found.fun), found.x
        assert best == pytest.approx(case.rho, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_rate_is_the_largest_root(seed):
    case = Case(seed, 2 + seed % 4)
    r, mean = case.r, case.s.mean()
    K1, K2 = np.mean(case.d**2 / case.s) / mean, (case.d.mean() / mean) ** 2
    a = (1 - r) ** 2 / (1 + r)
    cubic = [1.0, -(r * (2 + r) + a * (r * K1 + K2)), r * r * (1 + 2 * r + a * (K1 + r * K2)), -(r**4)]
    roots = np.roots(cubic)
    assert case.rho == pytest.approx(max(roots.real), rel=1e-9)
    assert r < case.rho < 1


@pytest.mark.parametrize("delta", [1e-6, 0.1, 0.5, 0.9, 1 - 1e-9])
@pytest.mark.parametrize("mu", [1e-9, 1e-3, 0.1, 0.5, 0.9])
def test_equal_workers_have_the_rate_of_equal_workers_to_the_last_digits(delta, mu):
    alike = conditions(Constants(L_i=(1.0,) * 3, mu_i=(mu,) * 3))
    assert contraction_gap(alike, delta) == pytest.approx(equal_gap(1.0, mu, delta), rel=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_no_quadratic_with_a_compressor_that_shrinks_or_grows_is_slower(seed):
    """The spectral radius of a round on f_i = lam_i x^2/2 with e_i <- +-r e_i, at all ends of the curvatures."""
    case = Case(seed, 2)
    gamma, r, largest = case.gamma, case.r, 0.0
    for ends in np.ndindex(2, 2):
        lam = np.where(np.array(ends) > 0, case.L, case.mu)
        for signs in ((r, r), (r, -r), (-r, r), (-r, -r)):
            M = np.zeros((3, 3))
            M[0] = [1 - gamma * lam.mean(), -gamma / 2, -gamma / 2]
            for i in range(2):  # e_i <- +-r (e_i - lam_i (x+ - x))
                M[1 + i] = signs[i] * (np.eye(3)[1 + i] - lam[i] * (M[0] - np.eye(3)[0]))
            largest = max(largest, float(np.abs(np.linalg.eigvals(M)).max()) ** 2)
    assert largest <= case.rho * (1 + 1e-12)
    assert largest > 0.9 * case.rho  # and not much faster: the law is about right on quadratics, too


def test_the_step_is_longer_than_that_of_the_worst_worker():
    case = Case(1, 4)
    alike = theorem("ef21.tight").guarantee(case.known, Contractive(1 - case.r**2))
    assert case.gamma > 1.2 * alike.parameters["gamma"]
    assert case.rho < alike.rate.contraction


def test_lists_that_do_not_fit_are_a_sentence():
    def ask(**changes):
        known = {"n": 2, "L_max": 2.0, "mu": 0.1, "mu_min": 0.1, "sigma_sq": 0.0, "grad0_sq": 1.0} | changes
        return theorem(NAME).guarantee(Constants(**known), Contractive(0.5))

    assert "L_i and mu_i have 3 and 2 values; give one for each worker, n = 2" in ask(L_i=(1, 1, 1), mu_i=(1, 1)).reason
    assert "mu_i is unknown" in ask(L_i=(1, 2)).reason
    assert "mu_i = 3 of worker 1 is above its L_i = 2" in ask(L_i=(1, 2), mu_i=(1, 3)).reason
    assert ask(L_i="1/2", mu_i="0.5/0.5")
    assert ask().parameters == pytest.approx(
        theorem("ef21.tight").guarantee(ask().constants, Contractive(0.5)).parameters
    )


def test_the_rate_does_not_depend_on_the_unit_of_the_curvatures():
    for unit in (1e-310, 1e-200, 1e200):
        scaled = conditions(Constants(L_i=(unit, 2 * unit), mu_i=(unit / 10, unit / 5)))
        plain = conditions(Constants(L_i=(1.0, 2.0), mu_i=(0.1, 0.2)))
        assert scaled.first == pytest.approx(plain.first, rel=1e-9)
        assert scaled.second == pytest.approx(plain.second, rel=1e-9)
