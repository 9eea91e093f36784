"""MARINA-P: one round's inequality with the exact expectation, on random quadratics, convex and not."""

from __future__ import annotations

import numpy as np
import pytest

from tersegrad.problems import problem
from tersegrad.theory import Constants, Unbiased, compressor, theorem


class Round:
    """Quadratics f_i = x'H_i x/2 + b_i'x, a state (x, w_i), and compressors of variance omega||v||^2 exactly."""

    def __init__(self, seed: int, convex: bool, same: bool) -> None:
        rng = np.random.default_rng(seed)
        n, d = rng.integers(1, 6), rng.integers(1, 5)
        A = rng.normal(size=(n, d, d)) * 10 ** rng.uniform(-1, 1, size=(n, 1, 1))
        self.H = A @ A.transpose(0, 2, 1) + 0.01 * np.eye(d) if convex else A + A.transpose(0, 2, 1)
        self.H = np.array([self.H[0]] * n) if same else self.H
        self.b = rng.normal(size=(n, d))
        self.x, self.e = rng.normal(size=d), rng.normal(size=(n, d)) * 10 ** rng.uniform(-2, 2)  # e_i = w_i - x
        self.omega = (0.0, 0.02, 1.0, 50.0)[seed % 4]
        self.spectra = np.abs(np.linalg.eigvalsh(self.H)).max(axis=1)
        mean = np.linalg.eigvalsh(self.H.mean(axis=0))
        self.same = same
        self.known = Constants(
            n=int(n), L=np.abs(mean).max(), L_tilde=np.sqrt(np.mean(self.spectra**2)), L_max=self.spectra.max(),
            sigma_sq=0.0, pl=mean[0] if convex else None, quadratic=True, same_hessian=same,
        )  # fmt: skip

    def f(self, x):
        return x @ self.H.mean(axis=0) @ x / 2 + self.b.mean(axis=0) @ x

    def step(self, p, times):
        """The Lyapunov value f + times (gamma/(2p)) E before a round, its expectation after it, and ||grad f||^2."""
        w = self.x + self.e
        v = np.mean([H @ y + b for H, y, b in zip(self.H, w, self.b, strict=True)], axis=0)
        moved = -p["gamma"] * v
        if self.same:
            error = self.known.L**2 * np.sum(self.e.mean(axis=0) ** 2)
            variance = self.known.L**2 * self.omega / self.known.n * moved @ moved
        else:
            error = np.mean(self.spectra**2 * np.sum(self.e**2, axis=1))
            variance = np.mean(self.spectra**2) * self.omega * moved @ moved
        weight = times * p["gamma"] / (2 * p["p"])
        slope = self.H.mean(axis=0) @ self.x + self.b.mean(axis=0)
        after = self.f(self.x + moved) + weight * (1 - p["p"]) * (error + variance)
        return self.f(self.x) + weight * error, after, float(slope @ slope)


def slack(seed, convex, same, share):
    """By how much the inequality of one round holds, relative to its terms, at a share of the largest step."""
    one = Round(seed, convex, same)
    name = ("marina-p.same-hessian" if same else "marina-p.nonconvex") if not convex else (
        "marina-p.same-hessian-pl" if same else "marina-p.pl")  # fmt: skip
    coin = {} if seed % 2 else {"p": 0.3}
    found = theorem(name).guarantee(one.known, down=Unbiased(one.omega), **coin)
    p = found.parameters | {"gamma": share * found.parameters["gamma"]}
    before, after, slope = one.step(p, 2 if convex else 1)
    if not convex:
        return (before - p["gamma"] / 2 * slope - after) / (abs(before) + abs(after) + p["gamma"] * slope)
    lowest = one.f(-np.linalg.solve(one.H.mean(axis=0), one.b.mean(axis=0)))
    gap = before - lowest
    return ((1 - p["gamma"] * one.known.pl) * gap - (after - lowest)) / (gap + abs(lowest) + abs(before))


@pytest.mark.parametrize("convex", [False, True])
@pytest.mark.parametrize("same", [False, True])
def test_one_round_lowers_the_lyapunov_value_as_the_proof_says(convex, same):
    assert min(slack(seed, convex, same, share) for seed in range(300) for share in (1.0, 0.2)) > -1e-12


@pytest.mark.parametrize("convex", [False, True])
@pytest.mark.parametrize("same", [False, True])
def test_a_larger_step_breaks_the_inequality(convex, same):
    assert min(slack(seed, convex, same, 4.0) for seed in range(300)) < -1e-6


def test_perm_k_removes_the_root_where_hessians_agree():
    """The step is that of gradient descent, up to the rounding of values to 24 bits, whatever p."""
    known = Constants(n=8, dim=64, L=2.0, gap0=1.0, sigma_sq=0.0, quadratic=True, same_hessian=True)
    ask = theorem("marina-p.same-hessian").guarantee
    for p in (1e-3, 0.125, 1.0):
        assert ask(known, down="permk:workers=8", p=p).parameters["gamma"] == pytest.approx(0.5, rel=1e-4)
    assert ask(known, down="randk:ratio=0.125", p=0.125).parameters["gamma"] < 0.2
    assert ask(known, down="permk:workers=4", p=0.125).parameters["gamma"] < 0.2  # dealt to others
    assert compressor("permk:workers=8").unbiased(64).of_one_vector(8) < 2.0**-40
    assert Unbiased(6.0).of_one_vector(3) == 2.0
    assert Unbiased(6.0, shared_coins=True).of_one_vector(3) == 6.0


def test_one_function_is_not_one_hessian():
    """avg w_i = x, and yet the mean gradient is not grad f(x): the Hessian of f must not depend on x."""
    sines = problem("pl:dim=1", workers=2)
    w = np.array([[-1.0], [1.0]])
    mean = np.mean([sines.worker_gradient(i, w[i] + 0.5) for i in range(2)], axis=0)
    assert np.abs(mean - sines.gradient(np.array([0.5]))).max() > 1.0
    assert sines.constants().same_hessian is False
    assert "quadratic" in theorem("marina-p.same-hessian").guarantee(sines, down="randk:k=1").reason
    for hessians, same in (("same", True), ("scaled", False), ("different", False)):
        known = problem(f"quadratic:dim=4,heterogeneity=1,hessians={hessians}", workers=3).constants()
        assert known.same_hessian is same
        assert bool(theorem("marina-p.same-hessian").guarantee(known, down="randk:k=1")) is same


def test_bits_are_those_of_a_worker():
    """Up dense; down the model with probability p, else a message of d/n values."""
    found = theorem("marina-p.nonconvex").guarantee(
        Constants(n=4, dim=80, L=1.0, L_tilde=1.0, gap0=1.0, sigma_sq=0.0), down="permk:workers=4", p=0.25
    )
    assert found.bits_per_round == 32 * 80 + 0.25 * 32 * 80 + 0.75 * 32 * 20
