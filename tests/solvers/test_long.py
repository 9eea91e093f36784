"""Rounds of long vectors: the bits of the compiled loop, whatever the threads and however sparse the messages are."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import tersegrad as tg
from support import failing
from support.method_table import PARAMETERS, RESHUFFLED, call
from support.wires import differing, over_threads
from tersegrad.common.errors import InputError
from tersegrad.problems import problem
from tersegrad.solvers import compressors, rules
from tersegrad.solvers.context import context
from tersegrad.solvers.engines import long, metrics, sparse
from tersegrad.solvers.engines.distributed import steps
from tersegrad.solvers.engines.distributed.frames import PLAIN, MessageCodec
from tersegrad.solvers.engines.long import LongBlock, Turns
from tersegrad.solvers.engines.options import RunOptions
from tersegrad.solvers.engines.request import prepare
from tersegrad.solvers.engines.setup import Setup
from tersegrad.solvers.method import method
from tersegrad.theory import compressor

#: All but the asynchronous ones, those with a memory for every sample, and those with a message for every worker.
SPREAD = [
    word for word in PARAMETERS
    if not (method(word).clock or method(word).memory_per_sample or method(word).each)
]  # fmt: skip
NOISY = "quadratic:dim=20,mu=0.1,L=1,heterogeneity=1,noise=gaussian,sigma_sq=0.5"
EXACT = "quadratic:dim=20,mu=0.1,L=1,heterogeneity=1"


@pytest.fixture
def everything_is_long(monkeypatch):
    monkeypatch.setattr(sparse, "LONG", 0)
    monkeypatch.setattr(long, "MUCH", 0)


@pytest.mark.parametrize("word", PARAMETERS)
@pytest.mark.parametrize(
    ("where", "up", "down", "changed"),
    [
        (NOISY, "qsgd:levels=3", "ternary:block=5", {"replicas": 3}),
        (NOISY, "topk:k=3", "topk:k=2", {"replicas": 1}),
        (EXACT, "topk:k=3", "topk:k=2", {"replicas": 1, "columns": False, "paths": False}),
        (EXACT, "randk:k=3,seed=shared", "threshold:level=0.1", {"replicas": 1, "columns": False}),
        (EXACT, "randomblock:blocks=3,scaled=1,seed=own", "randomblock:blocks=6", {"replicas": 1, "columns": False}),
        (EXACT, "sparsifier:k=4", "sparsifier:k=5", {"replicas": 1, "columns": False}),
        (EXACT, "bernoulli:p=0.6", "bernoulli:p=0.7", {"replicas": 1, "columns": False}),
    ],
    ids=["dense", "sparse", "sparse-in-one-pass", "sparse-by-coins", "by-blocks", "by-sizes", "all-or-nothing"],
)
def test_the_bits_are_those_of_the_compiled_loop(word, where, up, down, changed, monkeypatch, tmp_path):
    (word, where, first, second), options = call(word, where, checkpoints=[0, 3, 9], **changed)
    what = (word, where, first if first == "identity" else up, second if second == "identity" else down)
    expected = tg.simulate(*what, **options)
    monkeypatch.setattr(sparse, "LONG", 0)
    monkeypatch.setattr(long, "MUCH", 0)
    monkeypatch.setattr(metrics, "PIECE", 7)
    for threads in (1, 2, 4):
        assert differing(expected, tg.simulate(*what, **options, threads=threads), tmp_path) == []


def test_rows_in_random_orders_are_those_of_the_compiled_loop(monkeypatch, tmp_path):
    """What was drawn before in an epoch is kept for every worker, whichever thread it was on."""
    _, options = call("doublesqueeze", EXACT, replicas=1, workers=4)
    what = ("doublesqueeze", RESHUFFLED, "topk:k=2", "topk:k=2")
    expected = tg.simulate(*what, **options)
    monkeypatch.setattr(sparse, "LONG", 0)
    monkeypatch.setattr(long, "MUCH", 0)
    assert differing(expected, tg.simulate(*what, **options, threads=3), tmp_path) == []


@pytest.mark.parametrize(
    ("word", "up"),
    [
        ("doublesqueeze", "topk:k=3"), ("ef21", "topk:k=3"), ("qsgd", "randk:k=3,seed=shared"), ("diana", "randk:k=3"),
        ("mem-sgd", "threshold:level=0.3"), ("cser", "topk:k=3"), ("dasha", "randk:k=3"), ("delayed-sgd", "identity"),
        ("diana", "randomblock:blocks=3,scaled=1,seed=own"), ("qsgd", "randomblock:blocks=3"),
        ("qsgd", "bernoulli:p=0.4"), ("mem-sgd", "sparsifier:k=4"),
    ],
)  # fmt: skip
def test_real_workers_send_the_same_from_places_and_values(word, up, monkeypatch, tmp_path):
    (word, where, _, down), options = call(word, EXACT, replicas=1)
    expected = over_threads(word, where, up, down, **options)
    monkeypatch.setattr(sparse, "LONG", 0)
    assert differing(expected, over_threads(word, where, up, down, **options), tmp_path) == []


def test_a_message_that_is_not_finite_travels_as_it_is():
    """No codec can write it, and its replica is about to be put to zero."""
    codec, coins = MessageCodec(compressor("topk:k=3"), 20), np.zeros((1, 0))
    message, places = np.zeros((1, 20)), np.array([11, 2, 5])
    message[0, places] = np.inf, 1.0, np.nan
    sent = codec.write_entries(places, message[0, places], 20, coins)
    assert sent == codec.write(message, message, coins, coins, context())
    (length,), (piece,) = sent
    assert length == len(piece) | PLAIN
    found, values, read = codec.read_entries(length, memoryview(piece), 20, None)
    assert found.tolist() == [2, 5, 11]
    assert np.array_equal(values, message[0, found], equal_nan=True)
    assert read == len(piece)


BLOCKS = ["randomblock:blocks=4", "randomblock:blocks=4,scaled=1,seed=own"]
OTHERS = ["bernoulli:p=0.3", "bernoulli:p=0.9", "sparsifier:k=7"]


@pytest.mark.parametrize(
    "up", ["topk:k=4", "randk:k=4", "randk:k=4,seed=shared", "threshold:level=0.5", *BLOCKS, *OTHERS]
)
def test_bytes_of_entries_are_the_bytes_of_the_message(up):
    """In any order, with zeros among them, and with fewer entries than k."""
    comp, random = compressor(up), np.random.default_rng(5)
    coins = random.random(comp.draws(30))
    for scale in (1.0, 0.0):
        message = comp.compress(scale * random.standard_normal(30), coins)
        places = random.permutation(np.union1d(np.flatnonzero(message), [0, 7]))
        data = compressors.encode_entries(comp, places, message[places], 30, coins)
        assert data == compressors.encode(comp, message, coins)
        found, values = compressors.decode_entries(comp, data, 30, coins)
        assert np.array_equal(compressors.decode(comp, data, 30, coins)[found], values)
        assert set(np.flatnonzero(message)) <= set(found)


@pytest.mark.parametrize("word", SPREAD)
def test_what_is_long_is_not_left_to_the_compiled_loop(word, everything_is_long, monkeypatch):
    """The bits above are those of two different programs."""
    monkeypatch.setattr(long.Block, "advance", None)
    what, options = call(word, EXACT, replicas=1, rounds=2)
    assert np.isfinite(tg.simulate(*what, **options, threads=2).final).all()


@pytest.mark.parametrize("up", ["topk:k=7", "randk:k=7", "randk:k=7,scaled=0", "threshold:level=0.8", *BLOCKS, *OTHERS])
@pytest.mark.parametrize("dim", [20, 40_000])
def test_a_sparse_message_is_the_message(up, dim):
    """Ties, zeros, infinities and what is no number among them."""
    comp, random = compressor(up), np.random.default_rng(3)
    compress, params, states = compressors.kernel(comp, dim)
    select = compressors.selector(comp)
    coins = random.random((1, comp.draws(dim)))
    places, values, bits = np.empty(dim, np.int64), np.empty(dim), np.empty(1)
    vectors = [random.standard_normal(dim), np.round(random.standard_normal(dim)), np.zeros(dim)]
    vectors += [np.where(np.arange(dim) < 5, bad, vectors[0]) for bad in (np.inf, np.nan, 1e-310)]
    # What a sample of its entries says about this one is wrong: they are larger than all others.
    vectors.append(np.where(np.arange(dim) % 128 == 0, 2.0, random.random(dim)))
    for v in vectors:
        out, length, state = np.empty((1, dim)), np.empty(1), np.zeros((1, states))
        compress(v[None].copy(), coins, context(), params, state, out, length)
        count = select(v[None].copy(), coins, context(), params, state, places, values, bits)
        assert np.unique(places[:count]).size == count
        message = np.zeros(dim)
        message[places[:count]] = values[:count]
        assert message.tobytes() == out.tobytes()
        assert bits[0] == length[0]
        if np.isfinite(message).all():
            assert compressors.entropy_of_entries(comp, values[:count], dim) == compressors.entropy_bits(comp, message)


def test_the_largest_of_what_is_above_a_floor_are_the_message():
    """As `select` finds them, whatever the floor is; too few entries tell nothing."""
    comp, dim, random = compressor("topk:k=7"), 500, np.random.default_rng(3)
    _, params, _ = compressors.kernel(comp, dim)
    select, among, none = compressors.selector(comp), compressors.sifter(comp), np.zeros((1, 0))
    vectors = [random.standard_normal(dim), np.round(random.standard_normal(dim)), np.zeros(dim)]
    vectors.append(np.where(np.arange(dim) < 5, np.nan, vectors[0]))
    for v in vectors:
        whole, some = ((np.empty(dim, np.int64), np.empty(dim), np.empty(1)) for _ in range(2))
        count = select(v[None], none, context(), params, none, *whole)
        sizes = np.sort(np.where(np.isnan(v), np.inf, np.abs(v)))
        for floor in (0.0, sizes[-100], sizes[-7], sizes[-6]):
            above = np.flatnonzero(~(np.abs(v) < floor))
            some[0][: above.size] = above
            found = among(v[None], none, context(), params, none, above.size, *some)
            if above.size < 7:
                assert found == -1
            else:
                assert found == count
                assert all(a[:count].tobytes() == b[:count].tobytes() for a, b in zip(whole, some, strict=True))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_sifting_piece_by_piece_changes_no_bit(threads, factor, monkeypatch, tmp_path):
    """Nor do floors that are too high, under which nobody finds enough entries."""
    where = f"quadratic:dim={3 * sparse.PIECE + 5},heterogeneity=1"
    options = {"workers": 4, "rounds": 12, "parameters": {"gamma": 0.1}, "threads": threads}
    what = ("doublesqueeze", where, "topk:k=1500", "topk:k=1500")  # some at the ends of pieces
    expected = tg.simulate(*what, **options)
    monkeypatch.setattr(sparse, "LONG", 0)
    monkeypatch.setattr(long, "MUCH", 0)
    sifted, sift = [], LongBlock._sift

    def sifting(block, v, floor, places):
        block.floors[:, sparse.FLOOR] *= factor  # of the workers' next messages
        sifted.append(sift(block, v, factor * floor, places))
        return sifted[-1]

    monkeypatch.setattr(LongBlock, "_sift", sifting)
    assert differing(expected, tg.simulate(*what, **options), tmp_path) == []
    enough = [found >= 1500 for found in sifted if found >= 0]
    assert len(enough) >= 8
    assert any(enough) if factor == 1.0 else not all(enough)


@pytest.mark.parametrize("rule", [rules.identity_rule, rules.subtract, rules.descend])
def test_a_rule_that_leaves_zeros_alone_may_be_handed_the_other_coordinates(rule):
    random, states = np.random.default_rng(1), np.zeros((0, 1, 0))
    x, v = random.standard_normal((1, 50)), random.standard_normal((1, 50))
    x[0, ::7] = -0.0
    v[0, ::2] = 0.0
    params = np.array([0.3, 0.0, 0.0])
    assert rules.leaves_zeros_alone(rule, params)
    changed, some = x.copy(), np.flatnonzero(v[0])
    rule(context(), params, changed, v.copy(), states, states)
    gathered = x[:, some].copy(order="C")
    rule(context(), params, gathered, v[:, some].copy(order="C"), states, states)
    expected = x.copy()
    expected[:, some] = gathered
    assert expected.tobytes() == changed.tobytes()


def test_a_proximal_step_does_not_leave_zeros_alone():
    """It shrinks every coordinate, whatever arrives."""
    assert not rules.leaves_zeros_alone(rules.descend, np.array([0.3, 0.1, 0.0]))
    assert not rules.leaves_zeros_alone(rules.descend, np.array([0.3, 0.0, 0.1]))
    assert not rules.leaves_zeros_alone(rules.set_model, np.array([0.3, 0.0, 0.0]))


def test_what_threads_take_passes_in_order():
    turns, passed, by = Turns(40), [], set()

    def work(number):
        for i in turns:
            time.sleep(0.002 * (i % 3 == number))
            with turns.gate(i):
                passed.append(i)
                by.add(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed == list(range(40))
    assert by == {0, 1, 2}


@pytest.mark.parametrize("own", [failing.WORKER_FAILS, failing.SERVER_FAILS])
def test_a_kernel_that_fails_in_a_thread_ends_the_run(own, everything_is_long):
    with pytest.raises(InputError, match=r"until_round_three'.*failed: ValueError: three is too many"):
        tg.simulate(
            own, EXACT, "topk:k=3", "topk:k=3", workers=4, rounds=9, threads=2,
            parameters={"gamma": 0.1, "alpha": 0.3, "beta": 0.4, "eta": 0.2},
        )  # fmt: skip


def test_replicas_that_diverge_are_found_in_the_same_round(everything_is_long, monkeypatch, tmp_path):
    def run():
        return tg.simulate(
            "doublesqueeze", EXACT, "topk:k=10", "topk:k=10", workers=3, rounds=400, parameters={"gamma": 50.0}
        )

    there = run()
    monkeypatch.setattr(long, "block_for", lambda setup, replicas, threads: long.Block(setup, replicas))
    monkeypatch.setattr(tg.solvers.engines.simulate, "block_for", long.block_for)
    assert 0 < there.first_bad[0] < 400
    assert differing(there, run(), tmp_path) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_a_point_is_evaluated_in_pieces_to_the_bits_of_whole_gradients(threads):
    dim = 3 * steps.PIECE + 5
    where, numbers = f"quadratic:dim={dim},heterogeneity=1", {"gamma": 0.1}
    job = prepare(RunOptions("qsgd", where, workers=3, rounds=1, parameters=numbers))
    setup, x = Setup(job.run), np.random.default_rng(2).standard_normal((1, dim))
    block = LongBlock(setup, [0], threads)
    whole, pieces = long.Block.evaluate(block, setup, x), block.evaluate(setup, x)
    block.close()
    assert [a.tobytes() for a in whole] == [a.tobytes() for a in pieces]


def test_x_is_measured_once_where_few_coordinates_move(everything_is_long, monkeypatch):
    """The way since then bounds it; a dense broadcast may have moved it anywhere."""
    measured = []
    monkeypatch.setattr(long.Block, "within_bounds", lambda block: measured.append(block) or np.ones(1, bool))

    def times(down):
        measured.clear()
        numbers = {"gamma": 0.1}
        tg.simulate("doublesqueeze", EXACT, "topk:k=3", down, workers=4, rounds=9, parameters=numbers)
        return len(measured)

    assert times("topk:k=3") == 1
    assert times("ternary") == 9


def test_short_runs_and_asynchronous_ones_are_left_to_the_compiled_loop():
    def kind(word, where, up, **parameters):
        job = prepare(RunOptions(word, where, up, workers=4, rounds=3, parameters=parameters))
        block = long.block_for(Setup(job.run), job.parts[0], 2)
        block.close()
        return type(block) is LongBlock

    assert not kind("qsgd", EXACT, "topk:k=3", gamma=0.1)
    assert kind("qsgd", "quadratic:dim=40000", "topk:k=3", gamma=0.1)
    assert not kind("qsgd", f"quadratic:dim={long.MUCH // 4 - 1}", "ternary", gamma=0.1)
    assert kind("qsgd", f"quadratic:dim={long.MUCH // 4}", "ternary", gamma=0.1)
    assert not kind("delayed-sgd", f"quadratic:dim={long.MUCH}", "identity", gamma=0.1, M=1)


def test_shares_of_long_vectors_have_the_digests_of_their_arrays(monkeypatch):
    """Read by several threads, the matrix of all workers once."""
    from tersegrad.problems import digest

    p = problem("quadratic:dim=400,heterogeneity=1", workers=5)
    expected = [digest.share_digest(digest.share_of(p, i)[1]) for i in range(5)]
    assert len(set(expected)) == 5
    for much in (0, 1 << 40):
        monkeypatch.setattr(digest, "MUCH", much)
        assert digest.share_digests(p) == expected
