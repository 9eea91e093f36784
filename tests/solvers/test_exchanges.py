"""The rounds: special exchanges, averages over iterates, sums along shadow sequences, bits by kind of exchange."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from scipy import stats

from tersegrad.common.errors import InputError
from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.solvers.method import Exchange, Method
from tersegrad.solvers.rules import descend, identity_rule
from tersegrad.solvers.signatures import OPTIONS, RULE

QUADRATIC = "quadratic:dim=4,mu=0.2,L=1,heterogeneity=1,noise=gaussian,sigma_sq=0.5"


@njit(RULE, **OPTIONS)
def count(ctx, params, x, v, states, common):
    """x <- x + 1: the model counts exchanges."""
    x += 1.0


def counter(**options):
    """A method whose model counts its special exchanges (and, if they follow the usual ones, nothing else)."""
    return Method(
        name="counter",
        title="counter",
        source="this test",
        everyone=identity_rule,
        special=Exchange(everyone=count),
        **options,
    )


def counts(method, rounds, replicas=1, workers=2, points=None, **parameters):
    trace = simulate(
        method, "quadratic:dim=4", workers=workers, parameters={"gamma": 1.0, **parameters}, rounds=rounds,
        replicas=replicas, checkpoints=np.arange(rounds + 1) if points is None else points, paths=True,
    )  # fmt: skip
    return trace.paths["x"][:, :, 0]


def test_the_first_round_is_special():
    seen = counts(counter(parameters=("gamma",), special_when="first"), 5)
    assert seen[0].tolist() == [0, 1, 1, 1, 1, 1]


def test_every_round_number_H_is_special():
    seen = counts(counter(parameters=("gamma", "H"), special_when="period"), 7, H=3)
    assert seen[0].tolist() == [0, 0, 0, 1, 1, 1, 2, 2]


def test_coins_are_fair_common_to_the_workers_and_independent_over_replicas():
    """400 replicas of 100 rounds with p = 0.3: round 0 is special, the other 99 are Bernoulli trials of each replica.

    The mean count lies outside five standard errors with probability 6e-7; the variance over replicas, that of
    independent coins, is a chi-square quantile: 1e-6 on each side.
    """
    method = counter(parameters=("gamma", "p"), special_when="coin")
    seen = counts(method, 100, replicas=400, points=[1, 100], p=0.3)
    assert (seen[:, 0] == 1).all()
    total = seen[:, -1] - 1
    mean, variance = 99 * 0.3, 99 * 0.3 * 0.7
    assert abs(total.mean() - mean) < 5 * np.sqrt(variance / 400)
    low, high = stats.chi2.ppf([1e-6, 1 - 1e-6], 399) / 399
    assert low < total.var(ddof=1) / variance < high
    assert np.array_equal(seen[:3], counts(method, 100, replicas=3, workers=5, points=[1, 100], p=0.3))


@pytest.mark.parametrize("adds", [False, True])
def test_a_special_exchange_replaces_the_usual_one_or_follows_it(adds):
    """The usual exchange steps x by -gamma grad f, the special one adds 1."""
    method = Method(
        name="both", title="both", source="this test", parameters=("gamma", "H"), everyone=descend,
        special=Exchange(everyone=count, gradient=False, up="identity"), special_when="period", special_adds=adds,
    )  # fmt: skip
    problem = build("quadratic:dim=4,mu=0.2,L=1,heterogeneity=1", workers=3)
    trace = simulate(method, problem, "topk:k=4", parameters={"gamma": 0.1, "H": 3}, rounds=7)
    x = problem.x0
    for t in range(7):
        if (t + 1) % 3 != 0 or adds:
            x = x - 0.1 * problem.gradient(x)
        if (t + 1) % 3 == 0:
            x = x + 1
    assert np.allclose(trace.final[0], x, rtol=0, atol=1e-5)  # values travel with 20 fraction bits
    usual, special = 7 if adds else 5, 2
    assert trace.scalars["gradient_evaluations"][-1] == 3 * usual
    assert trace.scalars["bits_up_formula"][-1] == usual * 4 * (32 + 2) + special * 4 * 32


WEIGHTS = {
    ("polynomial", 3.0, 2.0): lambda t: (3.0 + t) ** 2,
    ("polynomial", 1.0, 0.0): lambda t: np.ones_like(t, dtype=float),
    ("geometric", 0.9): lambda t: 0.9 ** -(t + 1.0),
    ("geometric", 1.05): lambda t: 1.05 ** -(t + 1.0),
}


@pytest.mark.parametrize("weights", WEIGHTS)
def test_averages_over_iterates_are_the_weighted_means_of_the_path(weights):
    problem = build(QUADRATIC, workers=2)
    trace = simulate(
        "sgd", problem, parameters={"gamma": 0.3}, rounds=30, replicas=3, checkpoints=np.arange(31), average=weights,
        columns=["gap_avg", "grad_sq_avg"], paths=True,
    )  # fmt: skip
    w = WEIGHTS[weights](np.arange(30))
    for T in (1, 2, 17, 30):
        mean = np.einsum("t,rtj->rj", w[:T], trace.paths["x"][:, :T]) / w[:T].sum()
        assert np.allclose(trace.columns["gap_avg"][:, T], problem.value(mean) - problem.f_star, rtol=1e-9)
        assert np.allclose(trace.columns["grad_sq_avg"][:, T], trace.columns["grad_sq"][:, :T] @ w[:T] / w[:T].sum())


def test_the_average_after_each_round_leaves_out_the_start():
    problem = build(QUADRATIC, workers=2)
    trace = simulate(
        "sgd", problem, parameters={"gamma": 0.3}, rounds=9, checkpoints=np.arange(10), average=("after",),
        columns=["gap_avg"], paths=True,
    )  # fmt: skip
    mean = trace.paths["x"][:, 1:].mean(axis=1)
    assert np.allclose(trace.columns["gap_avg"][:, -1], problem.value(mean) - problem.f_star, rtol=1e-9)


def test_sums_along_the_shadow_sequence():
    problem = build(QUADRATIC, workers=3)
    trace = simulate(
        "doublesqueeze", problem, "topk:k=1", "sign", parameters={"gamma": 0.2}, rounds=12, replicas=2,
        checkpoints=np.arange(13), columns=["shadow_grad_sq_mean", "shadow_spread_mean"], paths=True,
    )  # fmt: skip
    x, y = trace.paths["x"][:, :-1], trace.paths["shadow"][:, :-1]
    gradients = (problem.gradient(y) ** 2).sum(axis=-1)
    assert np.allclose(trace.columns["shadow_grad_sq_mean"][:, -1], gradients.mean(axis=1), rtol=1e-9)
    assert np.allclose(trace.columns["shadow_spread_mean"][:, -1], ((x - y) ** 2).sum(axis=-1).mean(axis=1), rtol=1e-9)


def test_the_l1_norm_of_the_gradient_is_summed():
    problem = build(QUADRATIC, workers=2)
    trace = simulate(
        "sgd", problem, parameters={"gamma": 0.3}, rounds=8, columns=["grad_l1_mean"], checkpoints=np.arange(9),
        paths=True,
    )  # fmt: skip
    expected = np.abs(problem.gradient(trace.paths["x"][:, :-1])).sum(axis=-1).mean(axis=1)
    assert np.allclose(trace.columns["grad_l1_mean"][:, -1], expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": ["grad_sq_avg"]}, "weights"),
        ({"columns": ["grad_squared"]}, "no such column"),
        ({"schedule": "cyclic"}, "synchronous"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_one_sentence(options, words):
    with pytest.raises(InputError, match=words):
        simulate("sgd", QUADRATIC, workers=2, parameters={"gamma": 0.1}, rounds=3, **options)


@pytest.mark.parametrize(("name", "value"), [("H", 0), ("H", 2.5), ("H", float("inf"))])
def test_counts_are_whole_numbers(name, value):
    with pytest.raises(InputError, match=f"{name} = {value:g} is not possible"):
        counts(counter(parameters=("gamma", "H"), special_when="period"), 3, **{name: value})
