"""The tight one-worker rates: values, certificates, and adversaries that attain them with equality."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.theory import Constants, Contractive, theorem
from tersegrad.theory.theorems.tight import contraction_gap

TIGHT = ("error-feedback.tight-single-worker", "ef21.tight-single-worker", "compressed-gd.tight")


def constants(L, mu, n=1):
    return Constants(n=n, L=L, mu=mu, gap0=1.0, dist0_sq=1.0, grad0_sq=1.0, sigma_sq=0.0)


def rho_of_the_paper(L, mu, delta):
    """The closed form of Berg Thomsen, Taylor, Dieuleveut 2025, with e = 1 - delta."""
    root = math.sqrt(1 - delta)
    eta = 2 / (L + mu) * (1 - root) / (1 + root)
    lam = (
        eta
        / (L + mu)
        * ((1 - root) * (L - mu) + (1 + root) * math.sqrt((L - mu) ** 2 + 16 * L * mu * root / (1 + root) ** 2))
    )
    return root + (1 + root) * (L - mu) * lam / 4


@pytest.mark.parametrize(("delta", "rho"), [(0.1, 0.99047), (0.5, 0.93937), (0.9, 0.82409)])
@pytest.mark.parametrize("id", TIGHT[:2])
def test_the_published_values(id, delta, rho):
    assert round(theorem(id).guarantee(constants(1.0, 0.1), Contractive(delta)).rate.contraction, 5) == rho


@given(kappa=st.floats(1.0, 1e4), delta=st.floats(1e-4, 1.0), L=st.floats(1e-3, 1e3))
def test_the_rate_is_that_of_the_papers_closed_form(kappa, delta, L):
    mu = L / kappa
    rho = 1 - contraction_gap(L, mu, delta)
    assert rho == pytest.approx(rho_of_the_paper(L, mu, delta), rel=1e-12)
    z, r = math.sqrt(rho), math.sqrt(1 - delta)
    assert rho - r == pytest.approx((1 - r) * (L - mu) / (L + mu) * z, abs=1e-12)
    assert contraction_gap(L, mu, delta) > 0


@pytest.mark.parametrize("id", TIGHT)
def test_without_compression_the_rate_is_that_of_gradient_descent(id):
    found = theorem(id).guarantee(constants(1.0, 0.1))
    assert found.parameters["gamma"] == pytest.approx(2 / 1.1)
    assert found.rate.contraction == pytest.approx((0.9 / 1.1) ** 2)


# --------------------------------------------------------------------------------------- the certificates


def sym(a, b):
    return (np.outer(a, b) + np.outer(b, a)) / 2


def between(dx, dg, mu, L):
    """<dg - mu dx, L dx - dg>, a quadratic form that is >= 0 between two points of an L-smooth mu-convex f."""
    return sym(dg - mu * dx, L * dx - dg)


def interpolation(xi, gi, xj, gj, mu, L):
    """f_j - f_i + this form <= 0 for any two points i, j of an L-smooth mu-strongly convex f."""
    dg, dx = gi - gj, xi - xj
    inside = sym(dg, dg) / L + mu * sym(dx, dx) - 2 * mu / L * sym(dg, dx)
    return sym(gj, dx) + inside / (2 * (1 - mu / L))


conditions = st.tuples(st.floats(1.01, 1e3), st.floats(1e-3, 0.999))


@given(conditions)
def test_certificate_of_error_feedback(condition):
    """V+ - rho V = (||e+||^2 - r^2||p||^2)/r - l <g - mu x, L x - g> - A||e + a x + b g||^2, in the basis (x, g, e)."""
    kappa, delta = condition
    L, mu, r = 1.0, 1 / kappa, math.sqrt(1 - delta)
    rho, eta = rho_of_the_paper(L, mu, delta), 2 / (L + mu) * (1 - r) / (1 + r)
    x, g, e = np.eye(3)
    after = sym(x - e - eta * g, x - e - eta * g) + r * sym(e + eta * g, e + eta * g)  # with ||e+|| = r ||p||
    before = sym(x - e, x - e) + sym(e, e) / r
    A = (1 + r) * (rho - r) / r
    weight = (1 + r) * eta**2 * rho / (rho - r)
    rest = e + (1 - rho) / A * x - eta * r / (rho - r) * g
    claim = -weight * between(x, g, mu, L) - A * sym(rest, rest)
    assert np.abs(after - rho * before - claim).max() < 1e-9 * max(1.0, weight, A / r)


@given(conditions)
def test_certificate_of_ef21(condition):
    """r W+ - rho V <= -l <dg - mu dx, L dx - dg> - A||g+ + b g + c m||^2, V = r||g||^2 + ||g - m||^2, (g+, g, m)."""
    kappa, delta = condition
    L, mu, r = 1.0, 1 / kappa, math.sqrt(1 - delta)
    rho, eta = rho_of_the_paper(L, mu, delta), 2 / (L + mu) * (1 - r) / (1 + r)
    new, g, m = np.eye(3)
    after = r * sym(new, new) + r**2 * sym(new - m, new - m)
    before = r * sym(g, g) + sym(g - m, g - m)
    weight = r * rho * (1 + r) / (rho - r)
    A = r**2 * (1 + r) / (rho - r)
    rest = new - rho / r * g + (rho - r**2) / (r * (1 + r)) * m
    claim = -weight * between(-eta * m, new - g, mu, L) - A * sym(rest, rest)
    assert np.abs(after - rho * before - claim).max() < 1e-9 * max(1.0, weight, A * (rho / r) ** 2)


@given(conditions)
def test_certificate_of_compressed_descent(condition):
    """f+ - f* - k^2 (f - f*) <= n (||d - g||^2 - r^2||g||^2) - (two squares), multipliers k, k(1 - k), 1 - k.

    It is linear in ||d - g||^2, so that the rate holds in expectation for randomised compressors, too.
    """
    kappa, delta = condition
    L, mu, r = 1.0, 1 / kappa, math.sqrt(1 - delta)
    eta = 2 / ((1 - r) * mu + (1 + r) * L)
    k = ((1 + r) * L - (1 - r) * mu) / ((1 + r) * L + (1 - r) * mu)
    x, g, new, d = np.eye(4)
    zero, x_new = np.zeros(4), x - eta * d
    form = (
        k * interpolation(x, g, x_new, new, mu, L)
        + k * (1 - k) * interpolation(zero, zero, x, g, mu, L)
        + (1 - k) * interpolation(zero, zero, x_new, new, mu, L)
        + k * eta / (2 * r) * (sym(d - g, d - g) - r**2 * sym(g, g))
    )
    first = new - k * g - (1 - k) * L * x + L * eta * d
    second = d + (1 - k) * L * r * (1 + r) / (k - r) * x - k * (1 - r**2) / (k - r) * g
    B = eta * (k - r) / (2 * r * (1 + r))
    claim = sym(first, first) / (2 * (L - mu)) + B * sym(second, second)
    assert np.abs(form - claim).max() < 1e-9 * np.abs(claim).max()


# ------------------------------------------------------------------------------------------- attained with equality


def worst_gradient(rng, L, mu):
    """x and g = H x, H symmetric with eigenvalues mu and L: g lies on the sphere with diameter [mu x, L x]."""
    Q = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    H = Q @ np.diag(rng.permutation([mu, mu, L, L])) @ Q.T
    x = rng.standard_normal(4)
    return x, H @ x, H


def error_of_norm(rng, size):
    v = rng.standard_normal(4)
    return size * v / np.linalg.norm(v)


@pytest.mark.parametrize("seed", range(300))
def test_one_step_of_error_feedback_and_ef21_attains_the_rate(seed):
    """The memory that makes the square in the certificate vanish, and an error of norm r||.|| in any direction."""
    rng = np.random.default_rng(seed)
    L, mu, delta = 1.0, 10 ** rng.uniform(-3, -0.05), rng.uniform(0.02, 0.98)
    r = math.sqrt(1 - delta)
    rho = 1 - contraction_gap(L, mu, delta)
    gamma = theorem(TIGHT[0]).guarantee(constants(L, mu), Contractive(delta)).parameters["gamma"]

    x, g, _ = worst_gradient(rng, L, mu)
    A = (1 + r) * (rho - r) / r
    e = gamma * r / (rho - r) * g - (1 - rho) / A * x
    p = e + gamma * g
    e_new = error_of_norm(rng, r * np.linalg.norm(p))
    x_new = x - (p - e_new)

    def V(x, e):
        return (x - e) @ (x - e) + e @ e / r

    assert V(x_new, e_new) == pytest.approx(rho * V(x, e), rel=1e-10)

    _, g, H = worst_gradient(rng, L, mu)
    # g+ = g - gamma H m must meet r rho g - r^2 g+ = (rho - r^2) r/(1 + r) m/r: solve for m.
    m = np.linalg.solve((rho - r**2) / (r * (1 + r)) * np.eye(4) - gamma * H, (rho / r - 1) * g)
    new = g - gamma * (H @ m)
    u_new = error_of_norm(rng, r * np.linalg.norm(new - m))

    def W(g, u):
        return r * (g @ g) + u @ u

    assert W(new, u_new) == pytest.approx(rho * W(g, g - m), rel=1e-9)


def lyapunov(id, problem, up, rounds):
    """The guarantee and the values of the theorem's function before every round of a run."""
    found = theorem(id).guarantee(problem.constants(), up)
    extra = {"memory_gap_sq", "shadow_dist_sq"} & {column for column, _ in found.metric.terms}
    trace = simulate(
        found.theorem.method, problem, up, parameters=found.parameters, rounds=rounds,
        checkpoints=np.arange(rounds + 1), columns=sorted(extra),
    )  # fmt: skip
    return found, trace.combine(found.metric.terms)[0]


@pytest.mark.parametrize("id", TIGHT)
@pytest.mark.parametrize("up", ["topk:k=3", "sign", "adversary:delta=0.3", "adversary:delta=0.3,direction=orthogonal"])
def test_the_function_contracts_at_every_round(id, up):
    """Pathwise, for deterministic compressors; EF21's function starts below its bound and contracts from round 1 on."""
    problem = build("quadratic:dim=10,mu=0.2,L=2,radius=3,rotate=1", workers=1)
    found, V = lyapunov(id, problem, up, 60)
    assert V[0] == pytest.approx(float(found.bound(0)))
    assert np.all(V[1:] <= found.rate.contraction * V[:-1] * (1 + 1e-9))


@pytest.mark.parametrize("delta", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("id", TIGHT[:2])
@pytest.mark.parametrize("curvature", ["mu", "L"])
def test_growing_messages_attain_the_rate_along_a_whole_run(id, delta, curvature):
    """C(v) = (1 + r) v on a quadratic whose gap lies in the mu or the L direction: V falls by rho, no faster.

    The iteration has the roots z and -r/z with z^2 = rho (signs reversed for L): the second dies out like (r/rho)^t.
    """
    problem = build("quadratic:dim=2,mu=0.1,L=1,radius=3", workers=1)
    problem.shifts = np.array([[3.0, 0.0] if curvature == "mu" else [0.0, 3.0]])
    found, V = lyapunov(id, problem, f"adversary:delta={delta},direction=grow", 60)
    ratios = V[1:] / V[:-1]
    left = (math.sqrt(1 - delta) / found.rate.contraction) ** 55
    assert ratios[55] == pytest.approx(found.rate.contraction, rel=max(10 * left, 1e-9))
    assert left < 0.2


@pytest.mark.parametrize("delta", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("curvature", "direction"), [("L", "grow"), ("mu", "shrink")])
def test_compressed_descent_attains_its_rate_at_every_round(delta, curvature, direction):
    problem = build("quadratic:dim=2,mu=0.1,L=1,radius=3", workers=1)
    problem.shifts = np.array([[3.0, 0.0] if curvature == "mu" else [0.0, 3.0]])
    found, gap = lyapunov("compressed-gd.tight", problem, f"adversary:delta={delta},direction={direction}", 40)
    assert gap[1:] / gap[:-1] == pytest.approx(found.rate.contraction, rel=1e-6)


@given(kappa=st.floats(1.5, 1e3), delta=st.floats(0.01, 0.99), other=st.floats(0.1, 3.0))
def test_no_other_step_is_better_against_both_ends_of_the_spectrum(kappa, delta, other):
    """Against C(v) = (1 + r) v on mu x^2/2 and on L x^2/2 the larger spectral radius is smallest at the tight step."""
    L, mu, r = 1.0, 1 / kappa, math.sqrt(1 - delta)

    def rate(gamma):
        largest = 0.0
        for h in (mu, L):
            step = np.array([[1 - (1 + r) * gamma * h, -(1 + r)], [-r * gamma * h, -r]])  # (x, e) with e+ = -r p
            largest = max(largest, np.abs(np.linalg.eigvals(step)).max() ** 2)
        return largest

    best = 2 / (L + mu) * (1 - r) / (1 + r)
    assert rate(best) == pytest.approx(1 - contraction_gap(L, mu, delta), rel=1e-6)
    assert rate(other * best) >= rate(best) * (1 - 1e-6)


def test_several_workers_or_noise_are_refused_with_the_reason():
    for id in TIGHT:
        two = theorem(id).guarantee(constants(1.0, 0.1, n=2), Contractive(0.5))
        assert "applies to a single worker (here n = 2)" in two.reason
        noisy = Constants(n=1, L=1.0, mu=0.1, gap0=1.0, sigma_sq=1.0)
        assert "needs exact gradients" in theorem(id).guarantee(noisy, Contractive(0.5)).reason
        free = theorem(id).guarantee(constants(1.0, 0.1), Contractive(0.5), gamma=0.1)
        assert "prescribes gamma" in free.reason
