"""Scaffnew and CompressedScaffnew: silent rounds, reductions, control variates of zero mean, masks."""

from __future__ import annotations

import numpy as np
import pytest

import tersegrad as tg
from support.wires import differing, over_threads
from tersegrad.solvers.engines.simulate import simulate
from tersegrad.theory import compressor
from tersegrad.validation.conformance import conforms
from tersegrad.validation.exact import agreement

PROBLEM = "quadratic:dim=6,mu=0.2,L=1,heterogeneity=1,hessians=different"
#: Half of the coordinates of every worker's gradient vanish exactly.
SPARSE = "sparse-least-squares:rows=40,dim=12,overlap=2"
NUMBERS = {"gamma": 0.7, "p": 0.4}


def run(method, up="identity", problem=PROBLEM, rounds=30, **changed):
    options = {"workers": 4, "parameters": NUMBERS, "checkpoints": range(rounds + 1), "seed": 3, "paths": True}
    return simulate(method, problem, up, rounds=rounds, **{**options, **changed})


def masked(s, n=4, eta=None):
    """CompressedScaffnew with the theorem's eta."""
    eta = n * (s - 1) / (s * (n - 1)) if eta is None else eta
    return {"up": f"mask:workers={n},s={s}", "parameters": {**NUMBERS, "eta": eta}}


def test_silent_rounds_send_nothing_and_a_coin_decides_about_round_0_too():
    trace = run("scaffnew", replicas=64, rounds=8)
    up, down = (np.diff(trace.columns[f"bits_{way}_encoded"], axis=1) for way in ("up", "down"))
    assert set(np.unique(up)) == set(np.unique(down)) == {0.0, 64.0 * 6}
    np.testing.assert_array_equal(up, down)
    assert 0 < np.count_nonzero(up[:, 0]) < 64
    assert np.mean(up > 0) == pytest.approx(0.4, abs=0.1)


def test_all_meters_charge_nothing_for_silence_and_count_all_gradients():
    trace = run("scaffnew", rounds=40)
    spoke = np.cumsum(np.diff(trace.columns["bits_up_encoded"][0]) > 0)
    np.testing.assert_array_equal(trace.scalars["bits_up_formula"][1:], 32.0 * 6 * spoke)
    np.testing.assert_array_equal(trace.scalars["bits_down_formula"][1:], 32.0 * 6 * spoke)
    np.testing.assert_array_equal(trace.scalars["gradient_evaluations"], 4 * np.arange(41))
    assert set(trace.scalars["entropy_up"][1:]) == {0.0, 64.0 * 6}


def test_the_models_agree_after_every_communication_and_at_no_other_time():
    trace = run("scaffnew", rounds=40)
    spoke = np.diff(trace.columns["bits_up_encoded"][0]) > 0
    agree = trace.columns["consensus_sq"][0][1:] < 1e-30
    np.testing.assert_array_equal(agree, spoke)


def test_with_a_coin_that_always_shows_heads_it_is_gradient_descent():
    ours = run("scaffnew", parameters={"gamma": 0.7, "p": 1.0})
    np.testing.assert_allclose(ours.paths["x"], run("sgd", parameters={"gamma": 0.7}).paths["x"], rtol=0, atol=1e-13)


@pytest.mark.parametrize("up", ["identity", "mask:workers=4,s=4"])
def test_without_masks_it_is_scaffnew_bit_for_bit(up):
    ours = run("compressed-scaffnew", up, parameters={**NUMBERS, "eta": 1.0})
    theirs = run("scaffnew")
    np.testing.assert_array_equal(ours.paths["x"], theirs.paths["x"])
    np.testing.assert_array_equal(ours.columns["memory_error_sq"], theirs.columns["memory_error_sq"])


def test_it_goes_to_the_solution_where_local_steps_alone_do_not():
    """Exact, on workers that differ; without its control variates the workers drift apart."""
    last = {"checkpoints": range(900, 1000), "paths": False, "rounds": 1000}
    assert run("scaffnew", **last).columns["gap"].max() < 1e-24
    assert run("compressed-scaffnew", **masked(2), **last).columns["gap"].max() < 1e-10
    assert run("compressed-scaffnew", **masked(4, eta=0.0), **last).columns["gap"].mean() > 1e-4


@pytest.mark.parametrize("s", [2, 3])
def test_a_zero_that_is_sent_counts_as_sent(s):
    """The control variates of sparse data, where models are zero at many places, keep the mean zero."""
    trace = run("compressed-scaffnew", problem=SPARSE, rounds=4000, checkpoints=[0], paths=False, **masked(s))
    assert trace.columns["gap"][0, -1] < 1e-9 * trace.columns["gap"][0, 0]
    assert conforms("compressed-scaffnew", SPARSE, f"mask:workers=4,s={s}", workers=4).word == "conforms"


@pytest.mark.parametrize(("n", "s", "dim"), [(4, 2, 6), (5, 3, 7), (7, 1, 3), (3, 3, 4), (9, 2, 2)])
def test_every_coordinate_is_sent_by_s_workers_and_averaged(n, s, dim):
    mask, x = compressor(f"mask:workers={n},s={s}"), np.random.default_rng(0).normal(size=(n, dim))
    u = (np.random.default_rng(1).integers(0, 2**32, (1, mask.draws(dim))) + 0.5) * 2.0**-32
    messages = np.stack([mask.compress(x[i], u, worker=i, workers=n) for i in range(n)])
    sent = ~((messages == 0) & np.signbit(messages))
    assert sent.sum(axis=0).tolist() == [s] * dim
    assert np.ptp(sent.sum(axis=1)) <= 1  # the work is shared out
    np.testing.assert_allclose(messages.mean(axis=0), np.where(sent, x, 0).sum(axis=0) / s, rtol=1e-14)


def test_the_engine_has_the_moments_of_all_ways_in_which_masks_fall():
    found = agreement(
        "compressed-scaffnew", PROBLEM.replace("dim=6", "dim=2"), workers=3, rounds=4, replicas=2048,
        **{**masked(2, n=3), "parameters": {**NUMBERS, "eta": 0.75}},
    )  # fmt: skip
    assert found.word == "agrees"
    assert "memory_error_sq" in found.columns


def test_workers_of_their_own_have_the_same_bits(tmp_path):
    """Masks, silence and coins that real workers toss for themselves."""
    options = {"workers": 4, "rounds": 12, "replicas": 2, "seed": 1, **masked(2)}
    what = "compressed-scaffnew", PROBLEM
    assert differing(tg.simulate(*what, **options), over_threads(*what, **options), tmp_path) == []
