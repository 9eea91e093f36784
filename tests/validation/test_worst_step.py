"""One step from the worst state: theorems contract from every state, wrong constants and methods do not."""

from dataclasses import replace

import numpy as np
import pytest

from tersegrad.problems.explicit import ExplicitQuadratic
from tersegrad.solvers.method import method
from tersegrad.theory import Constants, Contractive, Unbiased, theorem
from tersegrad.validation.exact import NotClosed, Recursion
from tersegrad.validation.exact.worst import one_step, worst_step
from tersegrad.validation.variants import add_up

CONTRACT = (
    "diana.pl", "dore.strongly-convex-tuned", "qsgd.strongly-convex", "sgd.strongly-convex", "compressed-gd.tight",
    "error-feedback.tight-single-worker", "ef21.tight-single-worker", "khirirat.q-gd-strongly-convex",
    "murana.strongly-convex",
)  # fmt: skip


@pytest.mark.parametrize("name", CONTRACT)
def test_theorems_contract_from_every_state(name):
    found = worst_step(theorem(name))
    assert found.word == "contracts", found.instance
    assert found.tried > 10


@pytest.mark.parametrize(
    "name", ["ef21.tight-single-worker", "error-feedback.tight-single-worker", "compressed-gd.tight"]
)
def test_tight_theorems_are_attained_in_one_step(name):
    assert worst_step(theorem(name)).ratio == pytest.approx(1.0, abs=1e-9)


def test_the_ratio_is_that_of_the_state_that_is_named():
    """By enumeration: E V+ at the worst state of DIANA, both outcomes of both coins."""
    mu, L, p = 0.1, 1.0, 0.5
    problem = ExplicitQuadratic([[[L]], [[mu]]], [[0.3], [-3.0]])
    sure = theorem("diana.strongly-convex").guarantee(problem.constants(), f"bernoulli:p={p}")
    ratio, z = one_step(sure, problem, f"bernoulli:p={p}", "identity")
    z = z / z[0]
    layout = Recursion("diana", problem, parameters=sure.parameters).layout
    x = z[layout.of("x").start]
    h = z[layout.of("memories").start : layout.of("memories").stop]
    gamma, alpha = sure.parameters["gamma"], sure.parameters["alpha"]
    weights = dict(sure.metric.terms)
    star = problem.gradients_at_star.ravel()

    def V(x, h):
        return weights["dist_sq"] * (x - problem.x_star[0]) ** 2 + weights["memory_error_sq"] * np.mean((h - star) ** 2)

    g, after = np.array([L * (x - 0.3), mu * (x + 3.0)]), 0.0
    for a in (0, 1):
        for b in (0, 1):
            Q = np.array([a, b]) / p * (g - h)
            after += 0.25 * V(x - gamma * (h.mean() + Q.mean()), h + alpha * Q)
    assert ratio == pytest.approx(after / (sure.rate.contraction * V(x, h)), rel=1e-9)
    assert ratio <= 1 + 1e-9


# --------------------------------------------------------------------------- what is wrong is found, without sampling

PROBLEM = ExplicitQuadratic([[[1.0]], [[0.1]], [[1.0]]], [[0.5], [-10.0], [0.5]])
CONSTANTS = Constants(
    n=3, dim=1, L=1.0, L_tilde=1.0, L_max=1.0, mu=0.1, mu_min=0.1, dist0_sq=1.0, sigma_sq=0.0, zeta_star_sq=0.5,
    sigma_star_sq=0.0,
)  # fmt: skip


def worst_of(sure, up, down="identity", **changes):
    problems = [PROBLEM, ExplicitQuadratic(np.ones((3, 1, 1)), np.zeros((3, 1))),
                ExplicitQuadratic(0.1 * np.ones((3, 1, 1)), np.zeros((3, 1)))]  # fmt: skip
    return max(one_step(sure, problem, up, down, **changes)[0] for problem in problems)


def test_a_contraction_factor_that_is_too_small_is_violated():
    sure = theorem("qsgd.strongly-convex").guarantee(CONSTANTS, "bernoulli:p=0.5")
    assert worst_of(sure, "bernoulli:p=0.5") <= 1 + 1e-9
    for name in ("ef21.tight-single-worker", "compressed-gd.tight"):
        tight = theorem(name).guarantee(
            Constants(n=1, L=1.0, mu=0.1, grad0_sq=1.0, gap0=1.0, sigma_sq=0.0), Contractive(0.5)
        )
        claimed = replace(tight, curve=replace(tight.curve, contraction_gap=1.01 * tight.curve.contraction_gap))
        one = ExplicitQuadratic(np.diag([0.1, 1.0])[None], np.zeros((1, 2)))
        grow = max(
            one_step(claimed, one, f"adversary:delta=0.5,direction={d}", "identity")[0] for d in ("grow", "shrink")
        )
        assert grow > 1 + 1e-6


def test_half_of_omega_is_violated():
    up = "bernoulli:p=0.2"  # omega = 4
    for name in ("qsgd.strongly-convex", "diana.strongly-convex"):
        right = theorem(name).guarantee(CONSTANTS, Unbiased(4.0 * (1 + 1e-9)))
        wrong = theorem(name).guarantee(CONSTANTS, Unbiased(2.0))
        assert worst_of(right, up) <= 1 + 1e-9
        assert worst_of(wrong, up) > 1 + 1e-4


def test_shared_coins_and_sums_are_violated():
    sure = theorem("qsgd.strongly-convex").guarantee(CONSTANTS, Unbiased(4.0 * (1 + 1e-6)))
    assert worst_of(sure, "randomblock:blocks=1,scaled=1") <= 1 + 1e-9
    summed = replace(method("qsgd"), server=add_up)
    assert worst_of(sure, "bernoulli:p=0.2", method=summed) > 1.5
    sizes = [[[1.0, 0.0], [0.0, 1.0]]] * 3
    flat = ExplicitQuadratic(sizes, np.array([[1.0, 1.0], [1.0, -1.0], [-2.0, 0.0]]))
    own, shared = (
        one_step(
            theorem("qsgd.strongly-convex").guarantee(replace(flat.constants(), mu=1.0), Unbiased(1.0 + 1e-6)),
            flat, f"randk:k=1,seed={seed}", "identity",
        )[0]
        for seed in ("own", "shared")
    )  # fmt: skip
    assert own <= 1 + 1e-9 < shared


def test_what_is_no_lyapunov_function_is_not_checked():
    for name in ("marina.pl", "ef21-p.strongly-convex"):
        found = worst_step(theorem(name))
        assert found.word == "not checked"
        assert "leaves out" in found.reason
    assert worst_step(theorem("sgd.nonconvex")).reason == "it states no contraction"
    sure = theorem("ef21.nonconvex").guarantee(PROBLEM.constants(), Contractive(0.5))
    with pytest.raises(NotClosed, match="no contraction"):
        one_step(sure, PROBLEM, "adversary:delta=0.5", "identity")
