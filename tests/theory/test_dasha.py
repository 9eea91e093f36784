"""DASHA: one round's inequality with the exact expectation, on random quadratics, convex and not."""

from __future__ import annotations

import numpy as np
import pytest

from tersegrad.theory import Constants, Unbiased, theorem


class Round:
    """Quadratics f_i = x'H_i x/2 + b_i'x, a state (x, e_i), and a compressor of variance omega||v||^2 exactly."""

    def __init__(self, seed: int, convex: bool) -> None:
        rng = np.random.default_rng(seed)
        n, d = rng.integers(1, 6), rng.integers(1, 5)
        A = rng.normal(size=(n, d, d)) * 10 ** rng.uniform(-1, 1, size=(n, 1, 1))
        self.H = A @ A.transpose(0, 2, 1) + 0.01 * np.eye(d) if convex else A + A.transpose(0, 2, 1)
        self.b = rng.normal(size=(n, d))
        self.x, self.e = rng.normal(size=d), rng.normal(size=(n, d)) * 10 ** rng.uniform(-2, 2)
        if seed % 3 == 0:
            self.e[:] = self.e[0]
        self.omega = (0.0, 0.02, 1.0, 50.0)[seed % 4]
        spectra = np.abs(np.linalg.eigvalsh(self.H)).max(axis=1)
        mean = np.linalg.eigvalsh(self.H.mean(axis=0))
        self.known = Constants(
            n=int(n), L=np.abs(mean).max(), L_tilde=np.sqrt(np.mean(spectra**2)), L_max=spectra.max(), sigma_sq=0.0,
            pl=mean[0] if convex else None,
        )  # fmt: skip

    def f(self, x):
        return x @ self.H.mean(axis=0) @ x / 2 + self.b.mean(axis=0) @ x

    def lyapunov(self, f, mean_sq, each_sq, p, three_halves):
        """f + (gamma/2)(c1 ||avg e||^2 + c2 avg||e_i||^2)."""
        a = p["alpha"]
        c1 = 1 / (a * ((1.5 if three_halves else 2.0) - a))
        c2 = (4 if three_halves else 2) * self.omega * a * c1 / self.known.n
        return f + p["gamma"] / 2 * (c1 * mean_sq + c2 * each_sq)

    def step(self, p, three_halves):
        """The Lyapunov value before a round, its exact expectation after it, and ||grad f||^2."""
        e, a = self.e, p["alpha"]
        g = self.H @ self.x + self.b
        moved = -p["gamma"] * (g.mean(axis=0) + e.mean(axis=0))
        variance = self.omega * np.sum((self.H @ moved - a * e) ** 2, axis=1)
        mean_sq, each_sq = np.sum(e.mean(axis=0) ** 2), np.mean(np.sum(e**2, axis=1))
        after = self.lyapunov(
            self.f(self.x + moved), (1 - a) ** 2 * mean_sq + variance.sum() / self.known.n**2,
            (1 - a) ** 2 * each_sq + variance.mean(), p, three_halves,
        )  # fmt: skip
        before = self.lyapunov(self.f(self.x), mean_sq, each_sq, p, three_halves)
        return before, after, float(np.sum(g.mean(axis=0) ** 2))


def slack(seed, convex, share):
    """By how much the inequality of one round holds, relative to its terms, at a share of the largest step."""
    one = Round(seed, convex)
    found = theorem("dasha.pl" if convex else "dasha.nonconvex").guarantee(one.known, Unbiased(one.omega))
    p = found.parameters | {"gamma": share * found.parameters["gamma"]}
    before, after, slope = one.step(p, convex)
    if not convex:
        return (before - p["gamma"] / 2 * slope - after) / (abs(before) + abs(after) + p["gamma"] * slope)
    lowest = one.f(-np.linalg.solve(one.H.mean(axis=0), one.b.mean(axis=0)))
    gap = before - lowest
    return ((1 - p["gamma"] * one.known.pl) * gap - (after - lowest)) / (gap + abs(lowest) + abs(before))


@pytest.mark.parametrize("convex", [False, True])
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_one_round_lowers_the_lyapunov_value_as_the_proof_says(convex, share):
    assert min(slack(seed, convex, share) for seed in range(300)) > -1e-12


@pytest.mark.parametrize("convex", [False, True])
def test_a_larger_step_breaks_the_inequality(convex):
    assert min(slack(seed, convex, 4.0) for seed in range(300)) < -1e-6


def test_its_step_is_at_least_half_of_marinas_and_no_round_is_dense():
    known = Constants(n=10, dim=100, L=1.0, L_tilde=1.0, gap0=1.0, sigma_sq=0.0)
    for omega in (1.0, 10.0, 1000.0):
        ours, marina = (theorem(f"{name}.nonconvex").guarantee(known, Unbiased(omega)) for name in ("dasha", "marina"))
        assert 0.5 < ours.parameters["gamma"] / marina.parameters["gamma"] <= 1
    ours, marina = (theorem(f"{name}.nonconvex").guarantee(known, "randk:k=10") for name in ("dasha", "marina"))
    assert ours.bits_per_round == pytest.approx(10 * 39 + 3200)  # sparse up, dense down
    assert marina.bits_per_round == pytest.approx(0.1 * 3200 + 0.9 * 390 + 3200)
