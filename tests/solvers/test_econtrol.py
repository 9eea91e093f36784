"""EControl: its reductions, and the sequence that no compressor disturbs."""

from __future__ import annotations

import numpy as np
import pytest

from support.problem_table import NOISY
from tersegrad.solvers import simulate
from tersegrad.validation import conforms

EVERY_ROUND = np.arange(31)


def run(method, problem, up, **parameters):
    return simulate(
        method, problem, up, workers=3, parameters=parameters, rounds=30, replicas=2, checkpoints=EVERY_ROUND,
        paths=True,
    )  # fmt: skip


@pytest.mark.parametrize("up", ["topk:k=3", "sign:block=5", "randk:k=4,scaled=0"])
def test_without_feedback_it_is_ef21(up):
    ours = run("econtrol", NOISY, up, gamma=0.1, eta=0.0)
    assert np.array_equal(ours.paths["x"], run("ef21", NOISY, up, gamma=0.1).paths["x"])


def test_without_compression_it_is_gradient_descent_whatever_the_feedback():
    ours, plain = run("econtrol", NOISY, "identity", gamma=0.2, eta=0.7), run("sgd", NOISY, "identity", gamma=0.2)
    np.testing.assert_allclose(ours.paths["x"], plain.paths["x"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("eta", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("up", ["topk:k=3", "adversary:direction=grow,delta=0.3", "ternary"])
def test_it_is_its_pseudo_code_and_the_model_less_the_errors_follows_uncompressed_descent(up, eta):
    """x - gamma avg e_i moves by -gamma avg g_i(x) in every round, for contractions and for others."""
    found = conforms("econtrol", NOISY, up, parameters={"gamma": 0.05, "eta": eta}, workers=3)
    assert found.word == "conforms", found


def test_an_error_that_is_fed_back_wholly_is_compensated_in_the_next_message():
    """eta = 1 sends C(g - h + e): on the line, with C(v) = v/2, c^0 = g/2 and c^1 = (g - h + e)/2 = g/2 again."""
    ours = run("econtrol", "quadratic:dim=1,mu=1,L=1,radius=1", "adversary:delta=0.75", gamma=1e-9, eta=1.0)
    steps = np.diff(ours.paths["x"][0, :, 0]) / -1e-9
    gradient = steps[0] * 2
    np.testing.assert_allclose(steps[:2] / gradient, [0.5, 1.0], rtol=1e-6)
