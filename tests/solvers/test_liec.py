"""LIEC-SGD, CSER and NEOLITHIC: pseudo-code, shadow sequences, reductions, and what their bounds say of the errors."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.problem_table import DIFFERENT, NOISY, QUADRATIC
from support.pseudocode import Chosen, agrees, states
from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.solvers.methods.cser import CSER
from tersegrad.solvers.methods.liec import LIEC
from tersegrad.theory import Constants, Contractive, theorem

PAIRS = [
    ("topk:k=3", "topk:k=2"),
    ("sign:block=5", "ternary:block=5"),
    ("randk:k=4", "sign"),
    ("threshold:level=0.1", "qsgd:levels=3"),
    ("randk:k=4,seed=shared", "topk:k=3"),
]


def run(word, problem, up, down, parameters, rounds, seed=0, replica=0, columns=()):
    """The trace of one replica, recorded before every round and at the end."""
    return simulate(
        word, problem, up, down, parameters=parameters, rounds=rounds, seed=seed, first_replica=replica,
        checkpoints=np.arange(rounds + 1), columns=columns, paths=True,
    )  # fmt: skip


def path(word, problem, up, down, parameters, rounds, seed=0, replica=0):
    """x^0, ..., x^T of one replica."""
    return run(word, problem, up, down, parameters, rounds, seed, replica).paths["x"][0]


# ------------------------------------------------------------------------------------------------- pseudo-code


@pytest.mark.parametrize(("up", "down"), PAIRS)
@pytest.mark.parametrize(("word", "H"), [*(("liec", H) for H in (1, 3, 4, 100)), *(("cser", H) for H in (1, 3, 100))])
def test_the_method_follows_its_pseudo_code(word, H, up, down):
    agrees(word, DIFFERENT, up, down, {"gamma": 0.1, "H": H}, seed=3)


@pytest.mark.parametrize(("up", "down"), PAIRS)
@pytest.mark.parametrize("word", ["liec", "cser"])
def test_the_spread_and_the_error_are_recorded(word, up, down):
    problem, p = build(DIFFERENT, workers=3), {"gamma": 0.1, "H": 3}
    trace = run(word, problem, up, down, p, 10, seed=3, replica=2)
    for t, state in enumerate(states(word, problem, up, down, p, 10, seed=3, replica=2), start=1):
        spread = ((state.models - state.x) ** 2).sum(axis=1).mean()
        assert trace.columns["consensus_sq"][0, t] == pytest.approx(spread, rel=1e-10, abs=1e-12)
        if word == "liec":
            error = (state.server_error**2).sum()
            assert trace.columns["error_sq"][0, t] == pytest.approx(error, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("R", [1, 2, 5])
def test_neolithic_follows_its_pseudo_code(R):
    agrees("neolithic", QUADRATIC, "topk:k=2", "sign:block=4", {"gamma": 0.05, "R": R})


# ------------------------------------------------------------------------------------------- shadows, reductions


@pytest.mark.parametrize(("up", "down"), PAIRS)
@pytest.mark.parametrize("H", [1, 4, 1000])
def test_the_shadow_of_liec_follows_uncompressed_sgd_at_every_round(up, down, H):
    """y = xbar - gamma e: y+ = y - gamma avg g_i(x_i); with one common Hessian avg grad f_i(x_i) = grad f(xbar).

    Each round adds at most a few roundings of numbers below max|y|.
    """
    problem, gamma = build(QUADRATIC, workers=3), 0.1
    trace = run("liec", problem, up, down, {"gamma": gamma, "H": H}, 40, seed=5)
    x, y = trace.paths["x"][0], trace.paths["shadow"][0]
    assert np.abs(y[1:] - (y[:-1] - gamma * problem.gradient(x[:-1]))).max() < 1e-14 * max(1.0, np.abs(y).max())
    assert np.allclose(y[H::H], x[H::H], rtol=0, atol=0)  # the server's error is gone after a full round


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_the_mean_of_cser_follows_uncompressed_sgd_at_every_round(up, down):
    problem, gamma = build(QUADRATIC, workers=3), 0.1
    x = path("cser", problem, up, down, {"gamma": gamma, "H": 4}, 40, seed=5)
    assert np.abs(x[1:] - (x[:-1] - gamma * problem.gradient(x[:-1]))).max() < 1e-14 * max(1.0, np.abs(x).max())


@pytest.mark.parametrize(("up", "down"), PAIRS)
def test_model_less_error_is_the_same_on_all_workers_of_cser(up, down):
    def disagreement(view):
        base = view.models - view.states[:, 1]
        return np.abs(base - base[0]).max(axis=(0, 2))

    method = replace(CSER, columns={"disagreement": disagreement})
    problem = build(NOISY, workers=4)
    trace = run(method, problem, up, down, {"gamma": 0.1, "H": 4}, 40, columns=("disagreement",))
    assert trace.columns["consensus_sq"][0, 1:].min() > 1e-6  # the models themselves differ
    assert trace.columns["disagreement"].max() < 40 * 1e-15


SGD = ("sgd", "identity", "identity", {"gamma": 0.2})


@pytest.mark.parametrize(
    "other",
    [
        *(("liec", "identity", "identity", {"gamma": 0.2, "H": H}) for H in (1, 2, 7, 1000)),
        ("liec", "topk:k=2", "sign", {"gamma": 0.2, "H": 1}),
        ("cser", "identity", "topk:k=1", {"gamma": 0.2, "H": 3}),
        ("neolithic", "identity", "identity", {"gamma": 0.2, "R": 1}),
    ],
    ids=lambda m: f"{m[0]}-{m[1]}-{m[3].get('H', '')}",
)
def test_what_loses_nothing_is_parallel_sgd(other):
    problem = build(NOISY, workers=4)
    word, up, down, parameters = other
    assert np.abs(path(*SGD[:1], problem, *SGD[1:], 25) - path(word, problem, up, down, parameters, 25)).max() < 1e-13


@pytest.mark.parametrize("pair", PAIRS)
def test_neolithic_with_one_repeat_is_doublesqueeze_to_the_bit(pair):
    problem = build(NOISY, workers=4)
    a = path("neolithic", problem, *pair, {"gamma": 0.05, "R": 1}, 25, seed=7)
    assert np.array_equal(a, path("doublesqueeze", problem, *pair, {"gamma": 0.05}, 25, seed=7))


def test_repeated_top_k_is_top_rk():
    """The residual of a sent entry, 2^-20 of it, is below every entry that is left in this problem."""
    problem = build(QUADRATIC, workers=3)
    a = path("neolithic", problem, "topk:k=2", "topk:k=3", {"gamma": 0.05, "R": 2}, 5)
    b = path("doublesqueeze", problem, "topk:k=4", "topk:k=6", {"gamma": 0.05}, 5)
    assert np.abs(a - b).max() < 1e-13


def test_neolithic_averages_fresh_samples():
    """Without compression: SGD whose noise has variance sigma^2/(n R). At x* = x^0, E||x^1 - x*||^2 is exact."""
    problem = build("quadratic:dim=8,radius=0,noise=gaussian,sigma_sq=2", workers=2)
    trace = simulate("neolithic", problem, parameters={"gamma": 0.5, "R": 5}, rounds=1, replicas=4000, checkpoints=[1])
    samples = (trace.final**2).sum(axis=1)
    expected = 0.5**2 * 2 / (2 * 5)
    # chi-squared with 8 degrees of freedom: relative standard deviation of the mean sqrt(2/8/4000); 4.9 of them.
    assert abs(samples.mean() / expected - 1) < 4.9 * math.sqrt(2 / 8 / 4000)  # tail probability 1e-6


# ------------------------------------------------------------------------------------------- what the bounds say


@pytest.mark.parametrize(
    ("up", "down"), [("topk:k=1", "topk:k=2"), ("sign", "sign"), ("adversary:direction=grow",) * 2]
)
@pytest.mark.parametrize("H", [2, 5, 16])
def test_server_error_and_spread_of_liec_are_within_their_bounds_at_every_round(up, down, H):
    """Deterministic compressors and exact bounded gradients: the inequalities hold along the path."""
    problem = build("robust:rows=24,dim=5,split=sorted", workers=4)
    gamma = 0.2
    sure = theorem("liec.nonconvex").guarantee(problem.constants(), up, down, gamma=gamma, H=H)
    trace = run("liec", problem, up, down, sure.parameters, 200)
    assert 0 < trace.columns["error_sq"].max() <= sure.analysis["E_H"]
    assert 0 < trace.columns["consensus_sq"].max() <= gamma**2 * sure.analysis["S_H"]


def opposite(models):
    """Two workers whose gradients are always (1, 0, ...) and (-1, 0, ...): G = 1, as heterogeneous as can be."""
    g = np.zeros_like(models)
    g[0, 0], g[1, 0] = 1.0, -1.0
    return g


def equal(models):
    """Gradients that are always (1, 0, ...), on every worker."""
    g = np.zeros_like(models)
    g[:, 0] = 1.0
    return g


@pytest.mark.parametrize("H", [2, 5, 30])
@pytest.mark.parametrize("delta", [0.1, 0.5, 0.9])
def test_the_spread_of_liec_attains_its_bound(H, delta):
    lost = math.sqrt(1 - delta)
    given = Chosen(opposite, lambda v: (1 - lost) * v, lambda v: (1 - lost) * v, 2, 2, 3 * H)
    models = np.array([state.models for state in LIEC.transcription(given, 0.3, H)])
    spread = ((models - models.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).mean(axis=1)
    known = Constants(n=2, L_max=1.0, gap0=1.0, sigma_sq=0.0, G=1.0)
    found = theorem("liec.nonconvex").guarantee(known, Contractive(delta), Contractive(delta), gamma=0.3, H=H)
    assert spread.max() == pytest.approx(0.3**2 * found.analysis["S_H"], rel=1e-12)


@pytest.mark.parametrize("delta", [0.1, 0.5, 0.9])
def test_the_server_error_of_liec_attains_its_bound_in_the_first_round(delta):
    """H = 2, C_up(v) = (1 + r) v, C_down(v) = (1 - r) v: e = r (1 + r) g, and E_2 = (1 + r)^2 r^2."""
    r = math.sqrt(1 - delta)
    given = Chosen(equal, lambda v: (1 + r) * v, lambda v: (1 - r) * v, 2, 2, 6)
    errors = np.array([state.server_error for state in LIEC.transcription(given, 0.3, 2)])
    found = theorem("liec.nonconvex").guarantee(
        Constants(n=2, L_max=1.0, gap0=1.0, sigma_sq=0.0, G=1.0), Contractive(delta), Contractive(delta), H=2
    )
    assert (errors**2).sum(axis=1).max() == pytest.approx(min(4 / delta**2, 1) * (1 + r) ** 2 * r**2, rel=1e-12)
    assert found.analysis["E_H"] == pytest.approx((1 + r) ** 2 * r**2, rel=1e-12)


@pytest.mark.parametrize("H", [1, 4, 20])
@pytest.mark.parametrize(("delta_u", "delta_d"), [(0.3, 0.5), (0.9, 0.2), (0.5, 1.0)])
def test_the_spread_of_cser_comes_up_to_the_sharper_bound(H, delta_u, delta_d):
    """The errors grow by one period and shrink by s = sqrt(1 - delta_d), up to H s/(1 - s) + H - 1 in the end.

    After 200 periods what is missing is s^200 < 1e-9 of it.
    """
    lost, kept = math.sqrt(1 - delta_u), math.sqrt(1 - delta_d)
    given = Chosen(opposite, lambda v: (1 - lost) * v, lambda v: (1 - kept) * v, 2, 2, 200 * H)
    models = np.array([np.zeros((2, 2)), *(state.models for state in CSER.transcription(given, 0.3, H))])
    spread = ((models - models.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).mean(axis=1)
    found = theorem("cser.nonconvex-sharper").guarantee(
        Constants(n=2, L_max=1.0, gap0=1.0, sigma_sq=0.0, G=1.0),
        Contractive(delta_u),
        Contractive(delta_d),
        gamma=0.3,
        H=H,
    )
    at_rounds = spread[:-1]  # before rounds 0, ..., T - 1, where the gradients are taken
    assert at_rounds.max() == pytest.approx(found.curve.floor, rel=1e-6, abs=1e-30)


deltas = st.floats(1e-6, 1.0)
KNOWN = Constants(n=3, L_max=1.0, gap0=1.0, sigma_sq=0.0, G=1.0)


@given(delta=deltas, H=st.integers(1, 10**4), orthogonal=st.booleans())
def test_the_errors_of_liec_never_see_the_compressors_inverse(delta, H, orthogonal):
    """S_H + E_H <= (1 + w)(1 - delta) G^2 (H - 1)^2, w <= 4: bounded for delta to 0, growing with H."""
    C = Contractive(delta, orthogonal=orthogonal)
    found = theorem("liec.nonconvex").guarantee(KNOWN, C, C, H=H)
    longer = theorem("liec.nonconvex").guarantee(KNOWN, C, C, H=H + 1)
    w = 1.0 if orthogonal else (1 + math.sqrt(1 - delta)) ** 2
    total = found.analysis["E_H"] + found.analysis["S_H"]
    assert total <= (1 + w) * (1 - delta) * (H - 1) ** 2 * (1 + 1e-12)
    assert total <= 5 * (H - 1) ** 2
    assert total <= longer.analysis["E_H"] + longer.analysis["S_H"]


def test_only_the_errors_of_liec_stay_bounded_as_compression_gets_stronger():
    """The coefficient of gamma^2 as delta falls a hundredfold: LIEC's stays, the others grow by 1e4 and by 1e8."""

    def drift(id, delta, **fixed):
        C = Contractive(delta, nonexpansive=True, orthogonal=True)
        return theorem(id).guarantee(KNOWN, C, C, gamma=0.1, **fixed).curve.floor

    def growth(id, **fixed):
        return drift(id, 1e-6, **fixed) / drift(id, 1e-4, **fixed)

    assert growth("liec.nonconvex", H=32) == pytest.approx(1, abs=1e-3)
    assert growth("cser.nonconvex-sharper", H=32) == pytest.approx(1e4, rel=1e-2)
    assert growth("doublesqueeze.contractive") == pytest.approx(1e8, rel=1e-2)


@given(up=deltas, down=deltas, H=st.integers(1, 10**4))
def test_the_sharper_bound_of_cser_implies_the_papers_form(up, down, H):
    ask = {"up": Contractive(up), "down": Contractive(down), "gamma": 0.5, "H": H}
    sharp = theorem("cser.nonconvex-sharper").guarantee(KNOWN, **ask)
    assert sharp.bound(5) <= theorem("cser.nonconvex").guarantee(KNOWN, **ask).bound(5) * (1 + 1e-12)


@pytest.mark.parametrize("id", ["liec.nonconvex-shadow", "cser.nonconvex", "cser.nonconvex-sharper"])
def test_without_loss_the_bounds_are_that_of_sgd(id):
    known = Constants(n=5, L=2.0, L_max=3.0, gap0=3.0, sigma_sq=0.7)
    found = theorem(id).guarantee(known, gamma=0.1, H=6)
    assert found.missing == ()
    assert float(found.bound(9)) == pytest.approx(float(theorem("sgd.nonconvex").guarantee(known, gamma=0.1).bound(9)))


@given(
    n=st.integers(1, 10**4), L=st.floats(1e-2, 1e2), gap0=st.floats(1e-2, 1e2), sigma_sq=st.floats(1e-3, 1e3),
    delta=deltas, H=st.integers(1, 100), rounds=st.integers(1, 10**8),
)  # fmt: skip
def test_the_tuned_step_of_liec_implies_its_rate(n, L, gap0, sigma_sq, delta, H, rounds):
    known = Constants(n=n, L_max=L, gap0=gap0, sigma_sq=sigma_sq, G=1.5)
    pair = Contractive(delta), Contractive(delta)
    tuned = theorem("liec.nonconvex-tuned").guarantee(known, *pair, rounds=rounds, H=H)
    there = theorem("liec.nonconvex").guarantee(known, *pair, **tuned.parameters)
    assert there.bound(rounds) <= tuned.bound(rounds) * (1 + 1e-12)


@pytest.mark.parametrize("H", [1, 2, 10])
def test_bits_of_a_period(H):
    """((H - 1) b_C + b_f d)/H each way, by the formula of the theorem and counted in a run of whole periods."""
    known = Constants(n=3, dim=12, L_max=1.0)
    found = theorem("liec.nonconvex").guarantee(known, "sign", "topk:k=3", H=H)
    each = 12 + 32, 3 * (32 + 4)
    assert found.bits_per_round == pytest.approx(((H - 1) * sum(each) + 2 * 32 * 12) / H)
    trace = run("liec", build(QUADRATIC, workers=3), "sign", "topk:k=3", {"gamma": 0.1, "H": H}, 4 * H)
    counted = trace.scalars["bits_up_formula"][-1] + trace.scalars["bits_down_formula"][-1]
    assert counted == pytest.approx(4 * H * found.bits_per_round)


def test_bits_of_cser_and_neolithic_are_those_that_their_runs_count():
    problem, known = build(QUADRATIC, workers=3), Constants(n=3, dim=12, L_max=1.0, gap0=1.0, sigma_sq=0.0)
    for id, parameters in (("cser.nonconvex", {"gamma": 0.1, "H": 5}), ("neolithic.nonconvex", {"gamma": 0.1, "R": 4})):
        found = theorem(id).guarantee(known, "topk:k=3", "topk:k=2", **parameters)
        trace = run(id.split(".")[0], problem, "topk:k=3", "topk:k=2", parameters, 10)
        counted = trace.scalars["bits_up_formula"][-1] + trace.scalars["bits_down_formula"][-1]
        assert counted == pytest.approx(10 * found.bits_per_round), id


def test_a_period_that_is_no_whole_number_is_refused_with_a_sentence():
    half = Contractive(0.5)
    for id, name in (("liec.nonconvex", "H"), ("cser.nonconvex", "H"), ("neolithic.nonconvex", "R")):
        assert theorem(id).guarantee(KNOWN, half, half, **{name: 2.5}).reason == f"{name} = 2.5 must be a whole number"
        assert "is not at least 1" in theorem(id).guarantee(KNOWN, half, half, **{name: 0}).reason
