"""EF21's family, variance reduction and two-way memories: the methods against their pseudo-code and reductions."""

from dataclasses import replace

import numpy as np
import pytest

from support.method_table import PARAMETERS
from support.moments import PSEUDO_CODE, Line, Moments, contractive, unbiased
from support.problem_table import NOISY, PROX, QUADRATIC
from support.pseudocode import agrees, states
from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.solvers.method import Exchange
from tersegrad.solvers.methods.ef21 import EF21, tracking
from tersegrad.solvers.pseudocode import State
from tersegrad.solvers.rules import descend

UPS = ("ternary:block=5", "qsgd:levels=3", "randk:k=4,seed=shared", "topk:k=3", "sign:block=5", "threshold:level=0.1")
TWO_WAY = ("ef21-bc", "artemis", "murana", "ef21-p", "ef21-p-diana")
WORDS = ("ef21", "ef21-sgdm", "ef-bv", "marina", "dasha", *TWO_WAY)
EF21_DENSE_START = replace(
    EF21, special=Exchange(uplink=tracking, everyone=descend, up="identity"), special_when="first"
)
"""EF21 with exact first memories."""


def path(word, problem, up="identity", down="identity", p=None, rounds=15, replica=0, seed=0):
    """x^0, ..., x^T of one replica."""
    trace = simulate(
        word, problem, up, down, parameters=p or PARAMETERS[word], rounds=rounds, first_replica=replica, seed=seed,
        checkpoints=np.arange(rounds + 1), paths=True,
    )  # fmt: skip
    return trace.paths["x"][0]


PAIRS = [
    (word, up, down)
    for word in WORDS
    for up in (UPS if word != "ef21-p" else ("identity",))
    for down in (("ternary:block=5", "topk:k=3") if word in TWO_WAY else ("identity",))
]


@pytest.mark.parametrize(("word", "up", "down"), PAIRS)
def test_method_follows_the_papers_pseudo_code(word, up, down):
    agrees(word, QUADRATIC, up, down, PARAMETERS[word], rounds=15, seed=3)


@pytest.mark.parametrize("word", WORDS)
def test_method_follows_the_papers_pseudo_code_from_a_start_away_from_zero(word):
    """EF21-P's w starts at x^0, which must not be told from its memory starting at 0 only where x^0 = 0."""
    problem = build("pl:dim=12", workers=3)
    assert np.all(problem.x0 != 0)
    up, down = ("topk:k=3" if word != "ef21-p" else "identity"), ("topk:k=3" if word in TWO_WAY else "identity")
    agrees(word, problem, up, down, PARAMETERS[word] | {"gamma": 0.02}, rounds=15, seed=1)


@pytest.mark.parametrize("word", ["ef21", "ef-bv", "ef21-bc"])
def test_the_memory_gap_is_recorded_before_the_rounds_update(word):
    problem = build(QUADRATIC, workers=3)
    down = "topk:k=2" if word in TWO_WAY else "identity"
    start = State(problem.x0, memories=np.zeros((3, problem.dim)))
    gaps = []
    for state in [start, *states(word, problem, "topk:k=2", down, PARAMETERS[word], 9)]:
        g = np.array([problem.worker_gradient(i, state.x) for i in range(3)])
        gaps.append(((state.memories - g) ** 2).sum(axis=1).mean())
    trace = simulate(
        word, problem, "topk:k=2", down, parameters=PARAMETERS[word], rounds=9, checkpoints=np.arange(10),
        columns=["memory_gap_sq"],
    )  # fmt: skip
    assert np.abs(trace.columns["memory_gap_sq"][0] - gaps).max() < 1e-12 * max(gaps)


def same(a, b, problem, rounds=25):
    """Largest difference of two methods' iterates, the same noise in both."""
    return np.abs(path(*a[:1], problem, *a[1:], rounds=rounds) - path(*b[:1], problem, *b[1:], rounds=rounds)).max()


SGD = ("sgd", "identity", "identity", {"gamma": 0.2})


@pytest.mark.parametrize(
    ("word", "p"),
    [
        ("ef21", {}),
        ("ef21-sgdm", {"eta": 1.0}),
        ("ef21-bc", {}),
        ("ef-bv", {"lam": 0.3, "nu": 1.0}),
        ("artemis", {"alpha": 0.6}),
        ("murana", {"lam": 0.6, "beta": 1.0}),
        ("ef21-p", {}),
        ("ef21-p-diana", {"beta": 0.6}),
    ],
)
def test_without_compression_the_methods_are_parallel_sgd(word, p):
    assert same(SGD, (word, "identity", "identity", {"gamma": 0.2, **p}), build(NOISY, workers=4)) < 1e-13


@pytest.mark.parametrize("p", [0.01, 0.5])
def test_marina_without_compression_is_gradient_descent(p):
    """The differences telescope, with exact gradients and with noisy ones."""
    assert same(SGD, ("marina", "identity", "identity", {"gamma": 0.2, "p": p}), build(NOISY, workers=4)) < 1e-13


def test_marina_with_a_coin_that_always_shows_heads_is_gradient_descent():
    assert same(SGD, ("marina", "topk:k=1", "identity", {"gamma": 0.2, "p": 1.0}), build(NOISY, workers=4)) == 0.0


DIANA = ("diana", "ternary:block=5", "identity", {"gamma": 0.1, "alpha": 0.3})


@pytest.mark.parametrize(
    ("word", "p"),
    [
        ("artemis", {"alpha": 0.3}),
        ("ef-bv", {"lam": 0.3, "nu": 1.0}),
        ("murana", {"lam": 0.3, "beta": 1.0}),
        ("ef21-p-diana", {"beta": 0.3}),
    ],
)
def test_reductions_to_diana(word, p):
    other = (word, "ternary:block=5", "identity", {"gamma": 0.1, **p})
    assert same(DIANA, other, build(NOISY, workers=4)) < 1e-13


def test_murana_with_a_plain_downlink_is_diana_with_a_prox():
    other = ("murana", "ternary:block=5", "identity", {"gamma": 0.1, "lam": 0.3, "beta": 1.0})
    assert same(DIANA, other, build(PROX, workers=4)) < 1e-13


def test_murana_is_dore_without_the_servers_memory():
    dore = ("dore", "ternary:block=5", "ternary", {"gamma": 0.1, "alpha": 0.3, "beta": 0.4, "eta": 0.0})
    murana = ("murana", "ternary:block=5", "ternary", {"gamma": 0.1, "lam": 0.3, "beta": 0.4})
    assert same(dore, murana, build(PROX, workers=4)) == 0.0


@pytest.mark.parametrize("up", ["topk:k=3", "ternary:block=5"])
def test_reductions_to_ef21(up):
    problem = build(NOISY, workers=4)
    usual = ("ef21", up, "identity", {"gamma": 0.1})
    assert same(usual, ("ef-bv", up, "identity", {"gamma": 0.1, "lam": 1.0, "nu": 1.0}), problem) == 0.0
    dense_start = (EF21_DENSE_START, up, "identity", {"gamma": 0.1})
    assert same(usual, dense_start, problem) > 1e-3
    assert same(dense_start, ("ef21-bc", up, "identity", {"gamma": 0.1}), problem) < 1e-13
    assert same(dense_start, ("ef21-sgdm", up, "identity", {"gamma": 0.1, "eta": 1.0}), problem) < 1e-13


def test_the_bounds_of_ef21_p_are_about_the_servers_model():
    """At gamma = 0.2 the gradient at the start is grad f(x^0); with top-1 the workers' w lags behind the model x."""
    problem = build(QUADRATIC, workers=3)
    trace = simulate(
        "ef21-p", problem, "identity", "topk:k=1", parameters={"gamma": 0.2}, rounds=1, checkpoints=[0, 1], paths=True
    )
    model = problem.x0 - 0.2 * problem.gradient(problem.x0)
    assert np.abs(trace.final[0] - model).max() < 1e-14
    assert trace.columns["dist_sq"][0, 1] == pytest.approx(np.sum((model - problem.x_star) ** 2))


def test_marina_sends_dense_messages_when_the_coin_shows_heads():
    """Bits by the formula: 32 d in those rounds; their number is binomial, within five standard deviations."""
    problem, rounds, p = build(QUADRATIC, workers=3), 4000, 0.2
    trace = simulate("marina", problem, "topk:k=1", parameters={"gamma": 0.01, "p": p}, rounds=rounds)
    bits = float(trace.scalars["bits_up_formula"][-1])
    sparse, dense = 32 + 4, 32 * 12
    heads = (bits - rounds * sparse) / (dense - sparse)
    assert heads == pytest.approx(round(heads), abs=1e-9)
    assert abs(heads - rounds * p) < 5 * np.sqrt(rounds * p * (1 - p))


def test_ef21_reaches_the_solution_where_memoryless_compression_stalls():
    problem = build(QUADRATIC, workers=4)
    gaps = {
        word: simulate(word, problem, "topk:k=2", parameters={"gamma": 0.1}, rounds=3000).columns["gap"][0, -1]
        for word in ("ef21", "qsgd")
    }
    assert gaps["ef21"] < 1e-14 < 1e-3 < gaps["qsgd"]


class Coordinate(Line):
    """One coordinate of a quadratic with diagonal Hessians, moved so that the minimiser is 0."""

    def __init__(self, problem, j, sigma):
        zero, one = np.zeros(problem.dim), np.eye(problem.dim)[j]
        at_zero = np.array([problem.worker_gradient(i, zero)[j] for i in range(problem.workers)])
        self.n, self.sigma = problem.workers, sigma
        self.a = np.array([problem.worker_gradient(i, one)[j] for i in range(self.n)]) - at_zero
        self.b = -at_zero / self.a
        minimiser = float((self.a * self.b).sum() / self.a.sum())
        self.b -= minimiser
        self.x0 = float(problem.x0[j]) - minimiser


HALF = {"identity": contractive("bernoulli", 1.0), "randk:k=3": unbiased(0.5),
        "randk:k=3,scaled=0": contractive("bernoulli", 0.5)}  # fmt: skip
"""What rand-k does to one of six coordinates."""


@pytest.mark.parametrize(
    ("word", "up", "down"),
    [
        ("ef21", "randk:k=3,scaled=0", "identity"),
        ("ef21-sgdm", "randk:k=3,scaled=0", "identity"),
        ("ef21-bc", "randk:k=3,scaled=0", "randk:k=3,scaled=0"),
        ("ef-bv", "randk:k=3", "identity"),
        ("marina", "randk:k=3", "identity"),
        ("dasha", "randk:k=3", "identity"),
        ("artemis", "randk:k=3", "randk:k=3"),
        ("murana", "randk:k=3", "randk:k=3"),
        ("ef21-p", "identity", "randk:k=3,scaled=0"),
        ("ef21-p-diana", "randk:k=3", "randk:k=3,scaled=0"),
    ],
)
def test_the_mean_over_replicas_is_the_exact_second_moment(word, up, down):
    """E||x^t - x*||^2 with noise: a coordinate that rand-k keeps half of the time is a line with a coin.

    Three means within five standard errors: a right method fails with probability below 1e-5.
    """
    dim, times, sigma_sq = 6, np.array([2, 5, 10]), 3.0
    replicas = 1000 if word != "marina" else 300  # each of which tosses a coin of its own: a block for every replica
    noise = f"noise=gaussian,sigma_sq={sigma_sq}"
    problem = build(f"quadratic:dim={dim},mu=0.3,L=1,hessians=scaled,heterogeneity=1,radius=2,{noise}", workers=2)
    p = PARAMETERS[word] | {"gamma": 0.15}
    dist_sq = simulate(word, problem, up, down, parameters=p, rounds=10, replicas=replicas, checkpoints=times).columns[
        "dist_sq"
    ]
    lines = [Coordinate(problem, j, np.sqrt(sigma_sq / dim)) for j in range(dim)]
    exact = sum(Moments(line, PSEUDO_CODE[word], p, HALF[up], HALF[down], 10).of("x") for line in lines)[times]
    error = dist_sq.std(axis=0, ddof=1) / np.sqrt(replicas)
    assert np.all(np.abs(dist_sq.mean(axis=0) - exact) < 5 * error)
