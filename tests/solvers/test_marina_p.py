"""MARINA-P: every worker gets a message of its own."""

import numpy as np
import pytest

import tersegrad as tg
from tersegrad.common.errors import InputError
from tersegrad.problems import problem
from tersegrad.solvers.engines.options import RunOptions
from tersegrad.solvers.engines.request import prepare
from tersegrad.solvers.method import Exchange, Method
from tersegrad.validation.exact import Recursion
from tersegrad.validation.watching import watch

DIFFERENT = "quadratic:dim=8,mu=0.3,L=1,heterogeneity=1,hessians=different"
NUMBERS = {"gamma": 0.5, "p": 0.3}


def watched(down, workers=4, rounds=12):
    options = RunOptions(
        "marina-p", DIFFERENT, down=down, parameters=NUMBERS, rounds=rounds, workers=workers, columns=False
    )
    return list(watch(prepare(options).run))


def test_the_messages_of_perm_k_add_up_to_the_step():
    """avg w_i = x at every round, up to the rounding of a message to the wire, 2^-20 relative."""
    apart = 0.0
    for record in watched("permk:workers=4"):
        x, w = record.arrays["server_states"][0], record.arrays["models"]
        assert np.abs(w.mean(axis=0) - x).max() < 12 * 2.0**-20 * np.abs(x).max() + 1e-15
        apart = max(apart, float(np.abs(w - x).max()))
    assert apart > 1e-3  # and yet they differ


def test_with_perm_k_and_one_hessian_the_model_is_gradient_descents():
    """By exact moments: grad f_i(w_i) averages to grad f(avg w_i), and avg w_i = x."""
    same = problem("quadratic:dim=4,mu=0.3,L=1,heterogeneity=1", workers=2)
    for name, down in (("marina-p", "permk:workers=2"), ("sgd", "identity")):
        numbers = NUMBERS if name == "marina-p" else {"gamma": NUMBERS["gamma"]}
        found = Recursion(name, same, down=down, parameters=numbers).expected(["dist_sq"], range(9))["dist_sq"]
        expected = found if name == "marina-p" else expected  # noqa: F821
        assert found == pytest.approx(expected, rel=1e-12)


def test_workers_have_coins_of_their_own_and_shared_ones_if_asked():
    own, shared = (
        max(np.ptp(record.arrays["models"], axis=0).max() for record in watched(f"randk:k=2,seed={seed}"))
        for seed in ("own", "shared")
    )
    assert own > 1e-3
    assert shared == 0.0


def test_a_silent_round_leaves_the_workers_where_they_are():
    """w_i moves on the coordinates that were sent to i, by d/k times what the model moves there."""
    before, tails = None, 0
    for record in watched("randk:k=2,seed=own"):
        if before is not None:
            step = record.arrays["server_states"][0] - before.arrays["server_states"][0]
            moved = record.arrays["models"] - before.arrays["models"]
            counts = np.count_nonzero(moved, axis=1)
            if (counts == 2).all():
                tails += 1
                for row in moved:
                    here = np.flatnonzero(row)
                    assert row[here] == pytest.approx(4 * step[here], rel=1e-5)
        before = record
    assert tails >= 3


def test_bits_are_counted_per_worker():
    dim, n, rounds = 64, 4, 200
    quadratic = f"quadratic:dim={dim},heterogeneity=1"
    numbers = {"parameters": {"gamma": 0.1, "p": 0.25}, "rounds": rounds, "workers": n, "replicas": 8}
    dense, perm = (
        tg.simulate("marina-p", quadratic, down=down, **numbers).columns["bits_down_encoded"][:, -1].mean() / rounds
        for down in ("identity", f"permk:workers={n}")
    )
    assert dense == 64 * dim
    # A quarter of the rounds are dense; else everyone gets d/n values of 32 bits and his number in a byte.
    heads = (1 + (rounds - 1) * 0.25) / rounds
    assert perm == pytest.approx(heads * dense + (1 - heads) * (32 * dim / n + 8), rel=0.15)


def test_what_has_no_meaning_is_refused():
    with pytest.raises(InputError, match="a downlink compressor without one"):
        tg.simulate("marina-p", DIFFERENT, down="powersgd:rank=1", parameters=NUMBERS, rounds=3, workers=3)
    alone = Method(name="alone", title="alone", source="nobody", parameters=("gamma",), each=True, two_way=True)
    with pytest.raises(InputError, match="models of their own"):
        tg.simulate(alone, DIFFERENT, down="randk:k=2", parameters={"gamma": 0.1}, rounds=3, workers=3)
    assert not Exchange().each
