"""The tight rates on n workers: one round against every kind of error, and adversaries that attain them."""

from __future__ import annotations

import numpy as np
import pytest

from tersegrad.problems import problem
from tersegrad.solvers import simulate
from tersegrad.theory import Constants, Contractive, theorem

MU, L, DELTA = 0.1, 1.0, 0.5


def error(rng, v, kept):
    """What a contraction may lose of every row: inwards, outwards, anywhere, or all in one direction."""
    kind = rng.integers(4)
    if kind < 2:
        return (kept if kind else -kept) * v
    way = rng.normal(size=v.shape) if kind == 2 else np.tile(rng.normal(size=v.shape[1]), (len(v), 1))
    return kept * np.linalg.norm(v, axis=1, keepdims=True) * way / np.linalg.norm(way, axis=1, keepdims=True)


def ratios(seed, factor=1.0):
    """V+/(rho V) of EF21 and of error feedback after one round, at a multiple of the step."""
    rng = np.random.default_rng(seed)
    n, d, mu = int(rng.integers(1, 6)), int(rng.integers(1, 4)), float(rng.choice([0.001, 0.1, 0.5, 0.99]))
    kept = float(rng.choice([0.05, 0.3, 0.7, 0.95]))
    spectra = rng.choice([mu, 1.0], size=(n, d)) if seed % 2 else rng.uniform(mu, 1.0, size=(n, d))
    bases = np.linalg.qr(rng.normal(size=(n, d, d)))[0]
    H = (bases * spectra[:, None]) @ bases.transpose(0, 2, 1)
    x, h, b = (rng.normal(size=shape) * 10 ** rng.uniform(-2, 2) for shape in ((d,), (n, d), (n, d)))
    known = Constants(n=n, L_max=1.0, mu=mu, mu_min=mu, zeta_star_sq=0.0, sigma_sq=0.0)
    found = theorem("ef21.tight").guarantee(known, Contractive(1 - kept**2))
    rho, gamma = found.rate.contraction, factor * found.parameters["gamma"]

    def W(g, h):
        return np.sum(g.mean(axis=0) ** 2) + kept * np.mean(np.sum((g - h) ** 2, axis=1))

    def V(x, e):
        return np.sum(e.mean(axis=0) ** 2) / kept + np.mean(np.sum((x - e) ** 2, axis=1))

    g = H @ x + b
    m = g - error(rng, g - h, kept)
    ef21 = W(H @ (x - gamma * m.mean(axis=0)) + b, m) / (rho * W(g, h))
    p = h + gamma * (H @ x)
    e = error(rng, p, kept)
    return ef21, V(x - (p - e).mean(axis=0), e) / (rho * V(x, h))


def test_one_round_contracts_by_rho_whatever_the_compressor_loses_and_however_the_workers_differ():
    found = np.array([ratios(seed) for seed in range(1500)])
    assert found.max() < 1 + 1e-9


def test_a_longer_step_does_not():
    assert np.all(np.array([ratios(seed, 1.3) for seed in range(1500)]).max(axis=0) > 1 + 1e-3)


@pytest.mark.parametrize("n", [1, 2, 5, 20])
@pytest.mark.parametrize("name", ["error-feedback.tight", "ef21.tight"])
def test_equal_quadratics_with_an_adversary_attain_the_rate(name, n):
    """Along mu, the metric falls by rho a round once the other eigenvalue has died away."""
    instance = problem(f"quadratic:dim=2,mu={MU},L={L},radius=10", n)
    up = f"adversary:delta={DELTA},direction=grow"
    found = theorem(name).guarantee(instance.constants(), up)
    assert found, found.reason
    trace = simulate(found, instance, up, workers=n, rounds=400, checkpoints=[0, 200, 400])
    metric = trace.metric[0]
    assert (metric[2] / metric[1]) ** (1 / 200) == pytest.approx(found.rate.contraction, rel=1e-6)


@pytest.mark.parametrize("n", [2, 5])
def test_the_metric_of_error_feedback_is_the_papers(n):
    """(1/(n s))||sum e_i||^2 + sum||x - x* - e_i||^2, over n."""
    instance = problem("quadratic:dim=4,mu=0.2,L=1,hessians=different,radius=3", n)
    up = "adversary:delta=0.5,direction=grow"
    found = theorem("error-feedback.tight").guarantee(instance.constants(), up)
    assert found, found.reason
    trace = simulate(found, instance, up, workers=n, rounds=6, checkpoints=np.arange(7))
    x, e, kept = instance.x0, np.zeros((n, 4)), np.sqrt(0.5)
    for t in range(7):
        paper = np.sum(e.sum(axis=0) ** 2) / (n * kept) + np.sum((x - instance.x_star - e) ** 2)
        assert trace.metric[0, t] == pytest.approx(paper / n, rel=1e-9)
        p = e + found.parameters["gamma"] * np.array([instance.worker_gradient(i, x) for i in range(n)])
        c = (1 + kept) * p
        e, x = p - c, x - c.mean(axis=0)


def test_error_feedback_needs_a_shared_minimiser():
    known = Constants(n=4, L_max=1.0, mu=0.1, mu_min=0.1, dist0_sq=1.0, sigma_sq=0.0, zeta_star_sq=0.3)
    assert "needs grad f_i(x*) = 0" in theorem("error-feedback.tight").guarantee(known, Contractive(0.5)).reason
    assert theorem("ef21.tight").guarantee(known, Contractive(0.5))


@pytest.mark.parametrize("method", ["error-feedback", "ef21"])
def test_for_one_worker_they_are_the_theorems_of_one_worker(method):
    known = Constants(n=1, L=2.0, mu=0.3, dist0_sq=2.0, grad0_sq=3.0, sigma_sq=0.0)
    one, many = (
        theorem(f"{method}.{case}").guarantee(known, Contractive(0.4)) for case in ("tight-single-worker", "tight")
    )
    assert one.parameters == many.parameters
    assert one.bound(7) == many.bound(7)
