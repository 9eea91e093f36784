"""EF21 with the mean of the L_i and with sparse data: one round's inequality, and how its steps compare."""

from __future__ import annotations

import numpy as np
import pytest

from tersegrad.problems import problem
from tersegrad.theory import Constants, Contractive, theorem
from tersegrad.theory.theorems.ef21 import theta

KINDS = ("random", "disjoint", "dense")


class Round:
    """Quadratics on supports S_i, a state (x, e_i), and errors of messages as long as delta allows."""

    def __init__(self, seed: int, convex: bool) -> None:
        self.rng = rng = np.random.default_rng(seed)
        n, d = int(rng.integers(1, 6)), int(rng.integers(2, 7))
        kind = KINDS[seed % 3]
        S = rng.random((n, d)) < (0.5 if kind == "random" else 1.0)
        if kind == "disjoint":
            S = rng.integers(0, n, size=d) == np.arange(n)[:, None]
        S[S.sum(axis=1) == 0, 0] = True  # every worker has a coordinate
        self.S = S
        self.H, self.L_i = np.zeros((n, d, d)), np.zeros(n)
        for i in range(n):
            A = rng.normal(size=(S[i].sum(),) * 2) * 10 ** rng.uniform(-1, 1)
            H = A @ A.T + 0.01 * np.eye(len(A)) if convex else A + A.T
            self.H[i][np.ix_(S[i], S[i])] = H
            self.L_i[i] = np.abs(np.linalg.eigvalsh(H)).max()
        self.b = rng.normal(size=(n, d)) * S
        self.x, self.e = rng.normal(size=d), rng.normal(size=(n, d)) * S * 10 ** rng.uniform(-2, 1)
        if seed % 2:
            self.e = -self.gradients(self.x)  # memories at zero
        self.delta = (1e-3, 0.1, 0.5, 0.9, 0.999)[seed % 5]
        self.shared = float((self.L_i @ S).max())
        mean = np.linalg.eigvalsh(self.H.mean(axis=0))
        self.known = Constants(
            n=n, L=np.abs(mean).max(), L_mean=self.L_i.mean(), L_tilde=np.sqrt(np.mean(self.L_i**2)),
            L_max=self.L_i.max(), L_shared=self.shared, sigma_sq=0.0, pl=mean[0] if convex and mean[0] > 1e-9 else None,
            gap0=1.0,
        )  # fmt: skip

    def gradients(self, x):
        return self.H @ x + self.b

    def f(self, x):
        return x @ self.H.mean(axis=0) @ x / 2 + self.b.mean(axis=0) @ x

    def W(self, e):
        return self.shared / len(e) ** 2 * np.sum(np.sum(e**2, axis=1) / self.L_i)

    def after(self, gamma):
        """x and e_i after a round: each error is as long as it can be, along itself or somewhere on its support."""
        x = self.x - gamma * (self.gradients(self.x) + self.e).mean(axis=0)
        e = self.e + self.gradients(self.x) - self.gradients(x)
        kept = np.sqrt(1 - self.delta)
        if self.rng.random() < 0.6:
            return x, kept * e
        way = self.rng.normal(size=e.shape) * self.S
        lengths = np.linalg.norm(e, axis=1, keepdims=True) / np.linalg.norm(way, axis=1, keepdims=True)
        return x, kept * lengths * way


def slack(seed, convex, share):
    """By how much one round's inequality holds, relative to its terms; None where there is no strong convexity."""
    one = Round(seed, convex)
    if convex and one.known.pl is None:
        return None
    found = theorem("ef21.pl-sparse" if convex else "ef21.nonconvex-sparse").guarantee(
        one.known, Contractive(one.delta)
    )
    gamma, weight = share * found.parameters["gamma"], share * found.parameters["gamma"] / theta(one.delta)
    x, e = one.after(gamma)
    if not convex:
        slope = np.sum(one.gradients(one.x).mean(axis=0) ** 2)
        before, after = (one.f(z) + weight / 2 * one.W(v) for z, v in ((one.x, one.e), (x, e)))
        return (before - gamma / 2 * slope - after) / (abs(before) + abs(after) + gamma * slope)
    lowest = one.f(-np.linalg.solve(one.H.mean(axis=0), one.b.mean(axis=0)))
    before, after = (one.f(z) - lowest + weight * one.W(v) for z, v in ((one.x, one.e), (x, e)))
    return ((1 - gamma * one.known.pl) * before - after) / (before + abs(lowest))


def slacks(convex, share):
    return [s for s in (slack(seed, convex, share) for seed in range(400)) if s is not None]


@pytest.mark.parametrize("convex", [False, True])
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_one_round_lowers_the_lyapunov_value_as_the_proof_says(convex, share):
    found = slacks(convex, share)
    assert len(found) > 200
    assert min(found) > -1e-12


@pytest.mark.parametrize("convex", [False, True])
def test_a_larger_step_breaks_the_inequality(convex):
    assert min(slacks(convex, 4.0)) < -1e-6


@pytest.mark.parametrize("seed", range(60))
def test_the_step_is_never_smaller_than_with_the_root_of_the_mean_square(seed):
    for case in ("nonconvex", "pl"):
        one = Round(seed, case == "pl")
        if case == "pl" and one.known.pl is None:
            continue
        ours, usual = (theorem(f"ef21.{name}").guarantee(one.known, Contractive(one.delta)).parameters["gamma"]
                       for name in (f"{case}-sparse", case))  # fmt: skip
        assert ours >= usual * (1 - 1e-12)


def test_disjoint_supports_give_n_times_the_step_of_one_worker_alone():
    """f = (1/n) sum f_i(x_i): EF21 with gamma is EF21 of every worker alone with gamma/n."""
    for delta in (0.01, 0.5, 1.0):
        alone = theorem("ef21.nonconvex").guarantee(Constants(n=1, L=2.0), Contractive(delta)).parameters["gamma"]
        known = Constants(n=8, L=0.25, L_max=2.0, overlap=1)
        together = theorem("ef21.nonconvex-sparse").guarantee(known, Contractive(delta)).parameters["gamma"]
        assert together == pytest.approx(8 * alone, rel=1e-12)


def test_the_constants_of_a_sparse_problem_are_those_of_its_supports():
    sparse = problem("sparse-least-squares:rows=60,dim=9,overlap=2", 4)
    L_i = np.array([np.linalg.eigvalsh(sparse.worker_hessian(i, sparse.x0))[-1] for i in range(4)])
    moved = np.array([[np.any(sparse.worker_hessian(i, sparse.x0)[j]) for j in range(9)] for i in range(4)])
    known = sparse.constants()
    assert known.L_mean == pytest.approx(L_i.mean(), rel=1e-12)
    assert known.L_shared == pytest.approx(max(L_i[moved[:, j]].sum() for j in range(9)), rel=1e-12)
    assert known.L_max < known.L_shared < 4 * known.L_mean
    slopes = [np.sum(sparse.worker_gradient(i, sparse.x0) ** 2) for i in range(4)]
    assert known.grad0_scaled == pytest.approx(np.mean(slopes / L_i), rel=1e-12)
    assert problem("least-squares:rows=40,dim=5", 4).constants().L_shared == pytest.approx(
        4 * problem("least-squares:rows=40,dim=5", 4).constants().L_mean, rel=1e-12
    )


def test_what_is_unknown_is_bounded_by_what_is_known():
    def ask(**known):
        return theorem("ef21.nonconvex-sparse").guarantee(Constants(n=4, L=1.0, **known), Contractive(0.5)).constants

    assert ask(L_max=3.0).L_shared == 12.0
    assert ask(L_max=3.0, L_mean=2.0).L_shared == 8.0
    assert ask(L_max=3.0, L_mean=2.0, overlap=2).L_shared == 6.0
    assert ask(L_max=3.0, gap0=1.0, gap_star=0.25).grad0_scaled == 2.5  # ||grad f_i||^2 <= 2 L_i (f_i - inf f_i)
    assert ask(zeta_sq=0.0, grad0_sq=5.0).grad0_scaled == 5.0
    assert (
        "needs L_shared" in theorem("ef21.nonconvex-sparse").guarantee(Constants(n=4, L=1.0), Contractive(0.5)).reason
    )
