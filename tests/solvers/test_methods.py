"""Every method against its pseudo-code, its shadow sequence and its exact reductions."""

import numpy as np
import pytest

from support.method_table import PARAMETERS, fitting
from support.problem_table import PROX, QUADRATIC
from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.solvers.method import known_methods, method
from tersegrad.validation import conforms

TWO_WAY = {word for word in known_methods() if method(word).two_way}
#: The methods that meet all compressors here; the others do in tests of their own.
FIRST = ("sgd", "qsgd", "qsgd-two-way", "diana", "error-feedback", "doublesqueeze", "dore")
UNBIASED = ("ternary:block=5", "qsgd:levels=3", "randk:k=4", "randk:k=4,seed=shared")
BIASED = ("topk:k=3", "sign:block=5", "threshold:level=0.1")


def iterates(word, problem, up, down, parameters, rounds, replica=0, seed=0):
    """x^0, ..., x^T of one replica: final models of runs of every length."""
    path = [problem.x0]
    for t in range(1, rounds + 1):
        trace = simulate(
            word,
            problem,
            up,
            down,
            parameters=parameters,
            rounds=t,
            seed=seed,
            first_replica=replica,
            checkpoints=[t],
        )
        path.append(trace.final[0])
    return np.array(path)


def compressor_pairs(word):
    ups = ("identity",) if word == "sgd" else UNBIASED + BIASED
    return [(u, d) for u in ups for d in (("ternary:block=5", "topk:k=3") if word in TWO_WAY else ("identity",))]


@pytest.mark.parametrize(("word", "up", "down"), [(w, u, d) for w in FIRST for u, d in compressor_pairs(w)])
def test_method_follows_the_papers_pseudo_code_with_any_compressors(word, up, down):
    answer = conforms(word, QUADRATIC, up, down, workers=3, parameters=PARAMETERS[word], seed=3)
    assert answer.word == "conforms", str(answer)


@pytest.mark.parametrize("word", [word for word in known_methods() if method(word).prox and not method(word).clock])
def test_prox_methods_follow_the_pseudo_code_with_a_regulariser(word):
    up, down = ("identity" if word == "sgd" else "ternary"), ("ternary" if word in TWO_WAY else "identity")
    answer = conforms(word, PROX, up, down, workers=3, parameters=PARAMETERS[word])
    assert answer.word == "conforms", str(answer)


def test_one_linear_map_common_to_all_workers_commutes_with_averaging():
    """Rand-k with shared coins is the same mask everywhere: n workers act like one with the mean gradient.

    Up to the rounding of values to the wire, 2^-20 relative, ten times.
    """
    problem = build("quadratic:dim=12,mu=0.2,L=2,heterogeneity=1", workers=4)
    mean = build("quadratic:dim=12,mu=0.2,L=2", workers=1)
    mean.shifts = problem.shifts.mean(axis=0, keepdims=True)
    a = iterates("qsgd", problem, "randk:k=4,seed=shared", "identity", {"gamma": 0.2}, 10)
    b = iterates("qsgd", mean, "randk:k=4,seed=shared", "identity", {"gamma": 0.2}, 10)
    assert np.abs(a - b).max() < 10 * 2.0**-20 * np.abs(a).max()


@pytest.mark.parametrize("up", BIASED + UNBIASED)
@pytest.mark.parametrize("down", ["topk:k=2", "ternary:block=5", "sign"])
def test_shadow_sequence_of_doublesqueeze_follows_uncompressed_sgd_at_every_round(up, down):
    """y = x - gamma (e + avg e_i) satisfies y+ = y - gamma avg g_i for any compressors (Tang et al. 2019)."""
    problem = build(QUADRATIC, workers=3)
    gamma, rounds = 0.05, 30
    x = iterates("doublesqueeze", problem, up, down, {"gamma": gamma}, rounds, seed=5)
    errors = []
    for t in range(1, rounds + 1):
        trace = simulate(
            "doublesqueeze", problem, up, down, parameters={"gamma": gamma}, rounds=t, seed=5, checkpoints=[t]
        )
        errors.append(trace.columns["error_sq"][0, -1])
    shadow = x[0] - gamma * np.cumsum([problem.gradient(v) for v in x[:-1]], axis=0)
    distance = ((x[1:] - shadow) ** 2).sum(axis=1)
    scale = max(distance.max(), 1e-3)
    assert np.abs(distance - gamma**2 * np.array(errors)).max() < 1e-12 * scale


@pytest.mark.parametrize("up", BIASED + UNBIASED)
def test_shadow_sequence_of_error_feedback_follows_uncompressed_sgd(up):
    """x - avg e_i moves by -gamma avg g_i: so ||x - shadow||^2 is the recorded ||avg e_i||^2."""
    problem = build(QUADRATIC, workers=3)
    x = iterates("error-feedback", problem, up, "identity", {"gamma": 0.05}, 20)
    trace = simulate("error-feedback", problem, up, parameters={"gamma": 0.05}, rounds=20, checkpoints=np.arange(21))
    shadow = x[0] - 0.05 * np.cumsum([problem.gradient(v) for v in x[:-1]], axis=0)
    distance = ((x[1:] - shadow) ** 2).sum(axis=1)
    assert np.abs(distance - trace.columns["error_sq"][0, 1:]).max() < 1e-12 * distance.max()


def test_dore_loses_no_information_on_the_downlink_with_eta_one():
    """With R = 0 and eta = 1: xhat + beta e moves by -beta gamma ghat, whatever C_down drops."""
    problem = build(QUADRATIC, workers=2)
    p = {"gamma": 0.05, "alpha": 0.0, "beta": 0.5, "eta": 1.0}
    trace = simulate("dore", problem, "identity", "topk:k=3", parameters=p, rounds=30, checkpoints=np.arange(31))
    x = iterates("dore", problem, "identity", "topk:k=3", p, 30)
    shadow = x[0] - p["beta"] * p["gamma"] * np.cumsum([problem.gradient(v) for v in x[:-1]], axis=0)
    distance = ((x[1:] - shadow) ** 2).sum(axis=1)
    assert np.abs(distance - p["beta"] ** 2 * trace.columns["error_sq"][0, 1:]).max() < 1e-12 * distance.max()


@pytest.mark.parametrize("word", list(known_methods()))
@pytest.mark.parametrize(
    ("spec", "workers", "up"),
    [
        ("quadratic:dim=1", 1, "topk:k=1"),
        ("quadratic:dim=1", 2, "ternary"),
        ("quadratic:dim=6,radius=0", 2, "sign"),
        ("quadratic:dim=6,radius=0", 1, "qsgd:levels=2"),
        ("quadratic:dim=6", 3, "randk:k=6"),
    ],
)
def test_corners_do_not_crash_or_give_nan(word, spec, workers, up):
    """One worker, one coordinate, k = d, a gradient that is zero from the start."""
    up = "identity" if word == "sgd" else up
    down = up if word in TWO_WAY else "identity"
    spec = fitting(word, spec)
    trace = simulate(word, spec, up, down, workers=workers, parameters=PARAMETERS[word], rounds=50)
    assert np.isfinite(trace.final).all()
    assert all(np.isfinite(c).all() for c in trace.columns.values())
    if "radius=0" in spec:
        # One bit has no room for a zero: signSGD steps to and fro, by the norm of six signs at most.
        slack = 1.001 * PARAMETERS[word]["gamma"] * np.sqrt(6) if word == "signsgd" else 0.0
        assert np.abs(trace.final[0]).max() <= slack
