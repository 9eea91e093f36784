"""Rows in random orders: every row once in an epoch, all orders equally likely, the same in every engine."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

import tersegrad as tg
from support.wires import differing, over_threads
from tersegrad.common.errors import InputError
from tersegrad.problems.least_squares import LeastSquares
from tersegrad.validation import conforms

SAMPLED = "least-squares:rows=12,dim=4,reg=0.2,batch=1,sampling=reshuffled"


def rows_taken(rows, rounds, replicas=1, workers=1, batch=1):
    """Which rows were taken: (replicas, rounds, batch * workers), of a problem whose row j is the axis j."""
    own = LeastSquares(
        data=np.eye(rows), targets=np.ones(rows), reg=0.0, batch=batch, sampling="reshuffled", split="given",
        workers=workers,
    )  # fmt: skip
    trace = tg.simulate(
        "sgd", own, parameters={"gamma": 0.1}, rounds=rounds, replicas=replicas, checkpoints=np.arange(rounds + 1),
        paths=True, columns=False,
    )  # fmt: skip
    moved = np.diff(trace.paths["x"], axis=1) != 0
    return np.array([[np.flatnonzero(move) for move in path] for path in moved])


@pytest.mark.parametrize("batch", [1, 2])
def test_every_row_comes_once_in_an_epoch_and_the_orders_differ(batch):
    rows, workers, epochs, replicas = 12, 2, 3, 5
    per_epoch = rows // workers // batch
    taken = rows_taken(rows, epochs * per_epoch, replicas, workers, batch)
    orders = set()
    for path in taken.reshape(replicas, epochs, per_epoch, -1):
        for epoch in path:
            assert sorted(epoch.ravel()) == list(range(rows))
            first, second = (tuple(epoch[epoch // 6 == worker] % 6) for worker in range(workers))
            orders |= {first, second}
    assert len(orders) > 0.6 * replicas * epochs * workers  # of 720, or 90 in pairs


def test_all_orders_are_equally_likely_whatever_the_epoch():
    count = 3000
    taken = rows_taken(3, 6, count)[..., 0]
    for epoch in (taken[:, :3], taken[:, 3:]):
        seen = Counter(map(tuple, epoch))
        assert set(seen) == set(permutations(range(3)))
        # Five standard deviations of a binomial count of chance 1/6: one run in a hundred thousand.
        assert max(abs(seen[order] - count / 6) for order in seen) < 5 * np.sqrt(count * 5 / 36)


def test_a_batch_of_all_rows_is_the_exact_gradient():
    numbers = {"parameters": {"gamma": 0.1}, "rounds": 7, "workers": 3, "replicas": 2}
    whole = tg.simulate("sgd", "least-squares:rows=12,dim=4,reg=0.2", **numbers)
    batch = tg.simulate("sgd", "least-squares:rows=12,dim=4,reg=0.2,batch=4,sampling=reshuffled", **numbers)
    assert batch.final == pytest.approx(whole.final, rel=1e-13)


@pytest.mark.parametrize(("method", "more"), [("diana-rr", {"alpha": 0.3}), ("ef21", {}), ("neolithic", {"R": 3})])
def test_a_run_that_was_interrupted_amid_an_epoch_goes_on_in_the_same_order(method, more, tmp_path):
    what = (method, SAMPLED, {"diana-rr": "randk:k=2"}.get(method, "topk:k=2"))
    options = {"parameters": {"gamma": 0.05, **more}, "workers": 3, "replicas": 3, "columns": False}
    stored = tmp_path / "run"
    tg.simulate(*what, rounds=6, checkpoint=stored, **options)  # an epoch has 4 rounds
    assert np.array_equal(tg.simulate(*what, rounds=11, resume=stored, **options).final,
                          tg.simulate(*what, rounds=11, **options).final)  # fmt: skip
    assert not differing(tg.simulate(*what, rounds=11, **options), over_threads(*what, rounds=11, **options), tmp_path)


def test_random_reshuffling_of_any_method_follows_its_pseudo_code():
    for method, up in (("ef21", "topk:k=2"), ("doublesqueeze", "sign"), ("neolithic", "topk:k=1")):
        answer = conforms(method, SAMPLED.replace("batch=1", "batch=2"), up, "topk:k=2", workers=3)
        assert answer.word == "conforms", str(answer)


def test_a_memory_for_every_sample_is_that_of_diana_with_one_sample():
    """With one sample a worker DIANA-RR is DIANA with exact gradients."""
    numbers = {"parameters": {"gamma": 0.1, "alpha": 0.3}, "rounds": 20, "workers": 4, "columns": False}
    single = "least-squares:rows=4,dim=5,reg=0.2,batch=1,sampling=reshuffled"
    one = tg.simulate("diana-rr", single, "ternary", **numbers)
    other = tg.simulate("diana", single, "ternary", **numbers)
    assert one.final == pytest.approx(other.final, rel=1e-12)


def test_the_memories_of_the_samples_reach_their_gradients_at_the_minimiser():
    """sample_memory_error_sq vanishes with gamma^2: what remains is the drift within an epoch."""
    ends = []
    for gamma in (0.02, 0.01):
        trace = tg.simulate(
            "diana-rr", SAMPLED, "randk:k=2", parameters={"gamma": gamma, "alpha": 0.5}, rounds=8000, workers=3,
            columns=["sample_memory_error_sq"], replicas=4,
        )  # fmt: skip
        column = trace.columns["sample_memory_error_sq"].mean(axis=0)
        assert column[0] == pytest.approx(
            np.mean([np.sum(g**2, axis=1).mean() for g in tg.problem(SAMPLED, workers=3).sample_gradients_at_star])
        )
        ends.append(column[-1] / column[0])
    assert ends[0] < 1e-3
    assert ends[1] < ends[0] / 2


@pytest.mark.parametrize(
    ("method", "problem", "reason"),
    [
        ("sgd", "least-squares:rows=12,dim=4,sampling=reshuffled", "add batch=1"),
        ("sgd", "least-squares:rows=12,dim=4,batch=3,sampling=reshuffled", "does not divide"),
        ("sgd", "least-squares:rows=12,dim=4,batch=1,sampling=shuffled", "sampling"),
        ("q-rr", "least-squares:rows=12,dim=4,batch=1", "add batch=1,sampling=reshuffled"),
        ("q-rr", "least-squares:rows=12,dim=4,batch=2,sampling=reshuffled", "one at a time"),
        ("q-rr", "quadratic:dim=4", "take a problem with rows"),
    ],
)
def test_what_cannot_be_reshuffled_is_refused(method, problem, reason):
    with pytest.raises(InputError, match=reason):
        tg.simulate(method, problem, parameters={"gamma": 0.1}, rounds=3, workers=3)


def test_the_variance_at_the_minimiser_is_that_of_draws_without_replacement():
    """sigma_star_sq by enumeration of all batches of two rows."""
    known = tg.problem("least-squares:rows=8,dim=3,reg=0.1,batch=2,sampling=reshuffled", workers=2)
    pairs = []
    for g in known.sample_gradients_at_star:
        means = [(g[a] + g[b]) / 2 for a in range(4) for b in range(a)]
        pairs.append(np.mean([np.sum((mean - g.mean(axis=0)) ** 2) for mean in means]))
    assert known.constants().sigma_star_sq == pytest.approx(np.mean(pairs), rel=1e-12)
    assert known.constants().independent_samples is False
    assert known.constants().m is None
