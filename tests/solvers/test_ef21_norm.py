"""Normalised EF21: steps of one length, its reduction, one round's inequality, the mean norm that is recorded."""

from __future__ import annotations

import numpy as np
import pytest

from tersegrad.problems import problem
from tersegrad.solvers import simulate
from tersegrad.theory import Constants, Contractive, theorem

QUADRATIC = "quadratic:dim=6,mu=0.2,L=2,heterogeneity=1,hessians=scaled,radius=3"


def run(up, gamma, rounds=30, spec=QUADRATIC, columns=()):
    return simulate(
        "ef21-norm", problem(spec, workers=3), up, parameters={"gamma": gamma}, rounds=rounds, replicas=2,
        checkpoints=np.arange(rounds + 1), paths=True, columns=columns,
    )  # fmt: skip


@pytest.mark.parametrize("up", ["topk:k=2", "sign", "randk:k=2,scaled=0"])
def test_every_step_has_the_length_gamma(up):
    steps = np.diff(run(up, 0.03).paths["x"], axis=1)
    np.testing.assert_allclose(np.linalg.norm(steps, axis=2), 0.03, rtol=1e-12)


def test_without_compression_it_is_normalised_gradient_descent():
    found, p = run("identity", 0.05).paths["x"][0], problem(QUADRATIC, workers=3)
    x = p.x0
    for other in found[1:]:
        g = p.gradient(x)
        x = x - 0.05 * g / np.linalg.norm(g)
        np.testing.assert_allclose(other, x, rtol=0, atol=1e-12)


def test_it_does_not_move_where_the_estimate_is_zero_and_moves_by_gamma_however_small_it_is():
    still = "quadratic:dim=4,mu=1,L=1,radius=0"
    assert np.array_equal(run("identity", 0.1, spec=still).paths["x"], np.zeros((2, 31, 4)))
    tiny = "quadratic:dim=4,mu=1e-200,L=1e-200,radius=1"
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(run("identity", 0.01, spec=tiny).paths["x"], axis=1), axis=2), 0.01
    )


def test_the_recorded_mean_is_that_of_the_norms():
    trace, p = run("topk:k=1", 0.05, columns=["grad_norm_mean"]), problem(QUADRATIC, workers=3)
    norms = np.linalg.norm(p.gradient(trace.paths["x"]), axis=2)
    means = np.cumsum(norms, axis=1)[:, :-1] / np.arange(1, 31)
    np.testing.assert_allclose(trace.columns["grad_norm_mean"][:, 1:], means, rtol=1e-12)
    np.testing.assert_allclose(trace.columns["grad_norm_mean"][:, 0], norms[:, 0], rtol=1e-12)


def terms(seed, factor=1.0):
    """Left and right of the descent inequality, and of the memories', of one round on random quadratics."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    A = rng.normal(size=(n, d, d)) * 10 ** rng.uniform(-1, 1)
    H, b = A + A.transpose(0, 2, 1), rng.normal(size=(n, d))
    L_i, L = np.abs(np.linalg.eigvalsh(H)).max(axis=1), np.abs(np.linalg.eigvalsh(H.mean(axis=0))).max()
    x, e, gamma = rng.normal(size=d), rng.normal(size=(n, d)) * 10 ** rng.uniform(-2, 1), 10 ** rng.uniform(-3, 1)
    g = H @ x + b
    v = (g + e).mean(axis=0)
    if seed % 4 == 0:  # the error turns the step round
        e[:] = -1.5 * g.mean(axis=0)
        v = (g + e).mean(axis=0)
    moved = -gamma * v / np.linalg.norm(v)
    mean = H.mean(axis=0)
    change = g.mean(axis=0) @ moved + moved @ mean @ moved / 2
    slope, wrong = np.linalg.norm(g.mean(axis=0)), np.linalg.norm(e.mean(axis=0))
    above = -gamma * slope + 2 * factor * gamma * wrong + L * gamma**2 / 2
    kept = rng.uniform(0, 1)
    after = kept * np.linalg.norm(e - H @ moved, axis=1)
    return change, above, after, kept * (np.linalg.norm(e, axis=1) + factor * L_i * gamma)


def test_one_round_satisfies_both_inequalities_of_the_proof_and_they_need_their_constants():
    found = [terms(seed) for seed in range(400)]
    assert all(change <= above + 1e-9 * (1 + abs(above)) for change, above, _, _ in found)
    assert all(np.all(after <= limit * (1 + 1e-12)) for _, _, after, limit in found)
    found = [terms(seed, 0.5) for seed in range(400)]
    assert any(change > above * (1 + 1e-6) + 1e-6 for change, above, _, _ in found)
    assert any(np.any(after > limit * (1 + 1e-6)) for _, _, after, limit in found)


@pytest.mark.parametrize("delta", [0.1, 0.75, 1.0])
def test_the_step_is_the_one_that_makes_its_bound_smallest(delta):
    known = Constants(n=4, L=1.0, L_mean=1.5, gap0=2.0)
    found = theorem("ef21-norm.nonconvex").guarantee(known, Contractive(delta), rounds=400)
    s = np.sqrt(1 - delta)
    K = 0.5 + 3 * s / (1 - s)
    gammas = found.parameters["gamma"] * np.array([0.9, 1.0, 1.1])
    bounds = 2.0 / (gammas * 400) + gammas * K
    assert bounds[1] == pytest.approx(float(found.bound(400)), rel=1e-12)
    assert bounds[1] < min(bounds[0], bounds[2])


def test_it_needs_the_mean_of_the_smoothness_or_what_bounds_it():
    ask = theorem("ef21-norm.nonconvex").guarantee
    assert "needs L_mean" in ask(Constants(n=4, L=1.0, gap0=1.0), Contractive(0.5), rounds=10).reason
    assert ask(Constants(n=4, L=1.0, L_tilde=2.0, gap0=1.0), Contractive(0.5), rounds=10).constants.L_mean == 2.0
