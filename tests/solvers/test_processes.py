"""Real workers: the same bits as the simulation, the bytes that were counted, delays that are kept, runs that go on.

Most tests put the workers into threads (`wires`): same protocol, same kernels, same encoded bytes. A few start real
processes.
"""

from __future__ import annotations

import faulthandler
import re
from pathlib import Path

import numpy as np
import pytest

import tersegrad as tg
from support import faulty
from support.method_table import PARAMETERS, call
from support.problem_table import NOISY
from support.wires import Threads, differing, over_threads
from tersegrad.problems import problem as build
from tersegrad.problems.files import Survey
from tersegrad.problems.share import read_share, share
from tersegrad.solvers.context import context
from tersegrad.solvers.engines.distributed import frames, protocol
from tersegrad.solvers.engines.distributed.protocol import MESSAGE
from tersegrad.solvers.method import Method, known_methods, method
from tersegrad.solvers.rules import descend
from tersegrad.theory import InputError, WorkerError, compressor

SAMPLED = "least-squares:rows=45,dim=11,reg=0.1,batch=3"
TWO_WAY = {word for word in known_methods() if method(word).two_way}


@pytest.mark.parametrize("word", [word for word in PARAMETERS if word in known_methods()])
def test_every_method_has_the_same_bits_with_workers_of_their_own(word, tmp_path):
    what, options = call(word, SAMPLED if list(PARAMETERS).index(word) % 2 else NOISY)
    assert differing(tg.simulate(*what, **options), over_threads(*what, **options), tmp_path) == []


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("identity", "sign"), ("topk:k=3", "randk:k=4"), ("randk:k=4,seed=shared", "randk:k=5,seed=shared"),
        ("threshold:level=0.1", "qsgd:levels=16,block=4"), ("natural", "natural-dithering:levels=3"),
        ("permk:workers=3", "topk:k=1"), ("powersgd:rank=1", "rankr:rank=1"), ("sparsifier:k=3", "dynamic"),
        ("bernoulli:p=0.4", "randomblock:blocks=3"),
    ],
)  # fmt: skip
def test_every_compressor_carries_the_same_bits(up, down, tmp_path):
    what, options = call("doublesqueeze", NOISY, replicas=2)
    what = (*what[:2], up, down)
    assert differing(tg.simulate(*what, **options), over_threads(*what, **options), tmp_path) == []


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_any_number_of_workers_and_blocks(workers, tmp_path):
    """Seven replicas are two blocks, of three and four; 1, 2 and 7 workers share 60 rows unevenly."""
    what, options = call("dore", "least-squares:rows=60,dim=9,reg=0.1", workers=workers, replicas=7, rounds=5)
    assert differing(tg.simulate(*what, **options), over_threads(*what, **options), tmp_path) == []


@pytest.mark.parametrize("columns", [["grad_l1_mean"], ["grad_sq_avg", "gap_avg"], ["memory_gap_sq"]])
def test_the_other_columns_have_the_same_bits(columns, tmp_path):
    weights = ("polynomial", 2.0, 1.0) if "gap_avg" in columns else None
    what, options = call("diana", NOISY, columns=columns, average=weights)
    assert differing(tg.simulate(*what, **options), over_threads(*what, **options), tmp_path) == []


@pytest.mark.parametrize("problem", ["quadratic:dim=4,mu=1,L=1", "absolute:dim=4", "pl:dim=5", "three-quadratics"])
def test_problems_of_all_shapes_are_shared(problem, tmp_path):
    parameters = {"gamma": 100.0} if "quadratic:" in problem else {"gamma": 0.01}
    what, options = call("qsgd", problem, parameters=parameters, rounds=40, columns=["grad_sq_mean"])
    trace = tg.simulate(*what, **options)
    assert (trace.diverged is not None) == ("quadratic:" in problem)
    assert differing(trace, over_threads(*what, **options), tmp_path) == []


@pytest.mark.parametrize(
    "word",
    ["delayed-sgd", "delay-adaptive", "iag", "piag", "doublesqueeze-async", "q-iag", "delayed-q-sgd", "dore", "cser"],
)
def test_a_run_that_diverges_has_the_same_bits(word, tmp_path):
    """Some replicas of asynchronous runs diverge in other rounds than others; workers are busy when they do."""
    parameters = {**PARAMETERS[word], "gamma": 40.0}
    what, options = call(word, "quadratic:dim=5,mu=0.2,L=2,heterogeneity=1", parameters=parameters, rounds=90)
    options |= {"columns": (), "schedule": "straggler:factor=3" if method(word).clock else None}
    trace = tg.simulate(*what, **options)
    first = int(trace.first_bad.max())
    assert 0 < first < 90
    for path in trace.paths.values():
        assert not path[:, trace.rounds >= first].any()
        assert path[:, trace.rounds == trace.rounds[trace.rounds < trace.diverged][-1]].any()
    assert differing(trace, over_threads(*what, **options), tmp_path) == []


def test_the_bytes_on_the_wire_are_the_encoder_meter(monkeypatch):
    """What passed as messages, counted by the wire, and the columns bits_up_encoded and bits_down_encoded."""
    passed = {"up": 0, "down": 0}
    receive, write = Threads.receive, frames.MessageCodec.write

    def counting_receive(self, worker):
        answer = receive(self, worker)
        if answer[0] == MESSAGE:
            passed["up"] += answer[1]
        return answer

    def counting_write(self, *rest):
        lengths, data = write(self, *rest)
        if self.comp.name == "ternary":
            passed["down"] += sum(map(len, data))
        return lengths, data

    monkeypatch.setattr(Threads, "receive", counting_receive)
    monkeypatch.setattr(frames.MessageCodec, "write", counting_write)
    what, options = call("dore", NOISY, replicas=1, rounds=20)
    trace = over_threads(*what, **options)
    assert 8 * passed["up"] / 3 == trace.columns["bits_up_encoded"][0, -1]
    assert 8 * passed["down"] == trace.columns["bits_down_encoded"][0, -1]


# -- shares of the data ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["least-squares:rows=10,dim=3", "quadratic:dim=3,rotate=1,hessians=different", NOISY])
def test_a_share_is_one_workers_data_and_computes_the_same(spec):
    problem = build(spec, workers=3)
    kernels = problem.kernels()
    x, no_draws = np.arange(2.0 * problem.dim).reshape(2, -1), np.zeros((2, 0))
    for i in range(3):
        reduced = share(kernels, i, problem.dim)
        assert sum(np.size(a) for a in reduced[:2]) < sum(np.size(a) for a in kernels.data[:2])
        whole, own = np.zeros_like(x), np.zeros_like(x)
        arrays = tuple(np.ascontiguousarray(a) for a in reduced)
        kernels.exact_gradient(i, x, no_draws, tuple(np.ascontiguousarray(a) for a in kernels.data), whole)
        kernels.exact_gradient(0, x, no_draws, arrays, own)
        assert np.array_equal(whole, own)


@pytest.mark.parametrize("options", ["", ",split=sorted", ",homogeneous=1", ",seed=3"])
@pytest.mark.parametrize("first", [0, 1])
def test_every_worker_reads_its_own_rows_of_a_file(options, first, tmp_path, monkeypatch):
    """Read in pieces of 200 bytes; rows, order and labels are those of the whole problem."""
    datasets = pytest.importorskip("sklearn.datasets")
    random = np.random.default_rng(5)
    rows = random.standard_normal((37, 6)) * (random.random((37, 6)) < 0.6)
    rows[:, 0] = 1.0
    path = tmp_path / "data.svm"
    datasets.dump_svmlight_file(rows, np.where(random.random(37) < 0.5, 1, 2), str(path), zero_based=first == 0)
    monkeypatch.setattr("tersegrad.problems.files.PIECE", 200)
    spec = f"logistic:data={path},reg=0.1{options}"
    problem = build(spec, workers=4)
    assert Survey.of(str(path)).dim == problem.dim
    numbers = problem.kernels().data[4].tolist()
    for i in range(4):
        own, targets, index, offsets, _ = read_share({"spec": spec, "workers": 4, "numbers": numbers}, i)
        assert np.array_equal(own, problem.A[problem.span(i)])
        assert np.array_equal(targets, problem.b[problem.span(i)])
        assert (index.tolist(), offsets.tolist()) == ([0], [0, len(own)])


# -- time of one's own -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["doublesqueeze-async", "q-iag", "delayed-q-sgd", "delay-adaptive", "piag", "ringmaster", "rennala"]
)
def test_what_real_workers_did_is_replayed_bit_for_bit(word, tmp_path):
    what, options = call(word, NOISY, schedule=None, rounds=25, columns=["gap_mean"])
    live = over_threads(*what, **options)
    options["schedule"] = live.schedule
    assert live.schedule.steps == 25
    assert differing(tg.simulate(*what, **options), live, tmp_path) == []
    assert differing(live, over_threads(*what, **options), tmp_path) == []


@pytest.mark.parametrize(
    ("word", "parameters", "tau"),
    [("delayed-q-sgd", {"gamma": 0.05, "M": 2}, tau) for tau in (2, 3, 5)]
    + [("q-iag", {"gamma": 0.03}, tau) for tau in (10, 11, 14)],
)
def test_real_workers_keep_to_the_bound_on_the_delays(word, parameters, tau):
    """Six workers, two messages a step or a table that one enters at a time: the least bounds are 2 and 10."""
    what, options = call(word, NOISY, schedule=None, rounds=60, columns=(), workers=6, parameters=parameters)
    live = over_threads(*what, **options, delay_bound=tau)
    assert live.schedule.realised(table=word == "q-iag").maximal <= tau


@pytest.mark.parametrize(("word", "p"), [("ringmaster", {"R": 2}), ("rennala", {"B": 9}), ("rennala", {"B": 1})])
def test_real_workers_drop_what_is_too_old_and_do_not_wait(word, p, tmp_path):
    """Six workers, and nothing older than R - 1 steps (Rennala: only what is of the current model) makes a step."""
    what, options = call(word, NOISY, schedule=None, rounds=60, workers=6, parameters={"gamma": 0.05, **p})
    live = over_threads(*what, **options)
    assert live.schedule.realised().maximal < p.get("R", 1)
    assert (np.diff(live.schedule.starts) == p.get("B", 1)).all()
    assert live.about["delays"]["dropped"] == live.schedule.dropped.sum() > 0
    assert live.scalars["gradient_evaluations"][-1] == live.schedule.workers.size + live.schedule.dropped.sum()
    options["schedule"] = live.schedule
    assert differing(tg.simulate(*what, **options), live, tmp_path) == []
    assert differing(live, over_threads(*what, **options), tmp_path) == []


def test_a_bound_that_cannot_be_kept_is_refused():
    what, options = call("q-iag", NOISY, schedule=None, columns=(), workers=6)
    with pytest.raises(InputError, match="tau >= 10"):
        over_threads(*what, **options, delay_bound=9)


# -- objects of one's own ----------------------------------------------------------------------------------------------


def test_own_objects_go_by_the_names_of_their_modules(tmp_path):
    options = {"workers": 2, "parameters": {"gamma": 0.05}, "rounds": 6}
    what = (faulty.OWN, NOISY, faulty.HALVING)
    assert differing(tg.simulate(*what, **options), over_threads(*what, **options), tmp_path) == []


def test_objects_that_nobody_can_import_are_refused():
    hidden = Method(name="hidden", title="hidden", source="here", parameters=("gamma",), everyone=descend)
    with pytest.raises(InputError, match="top level of a module"):
        over_threads(hidden, NOISY, workers=2, parameters={"gamma": 0.1}, rounds=2)


def test_a_message_that_changes_after_it_was_sent_is_refused():
    with pytest.raises(WorkerError, match="changes a message after it is sent"):
        over_threads(faulty.MEDDLING, NOISY, workers=2, parameters={"gamma": 0.1}, rounds=2)


def test_a_message_that_is_not_finite_travels_as_doubles():
    comp, v = compressor("ternary"), np.array([[1.0, np.nan, np.inf], [1.0, -1.0, 0.0]])
    messages = frames.MessageCodec(comp, 3)
    lengths, data = messages.write(v, v, np.full((2, 3), 0.5), np.zeros((2, 0)), context())
    out = np.zeros((2, 3))
    messages.read(lengths, memoryview(b"".join(data)), None, out)
    assert np.array_equal(out.view(np.int64), v.view(np.int64))


# -- real processes ----------------------------------------------------------------------------------------------------


def test_processes_have_the_same_bits_as_the_simulation(tmp_path):
    """Two blocks of replicas, both channels with memory; more processes than cores on a small machine."""
    what, options = call("dore", SAMPLED, workers=4, rounds=6, replicas=6)
    assert differing(tg.simulate(*what, **options), tg.run(*what, engine="processes", **options), tmp_path) == []


def test_processes_in_their_own_time_are_replayed(tmp_path):
    what, options = call("doublesqueeze-async", NOISY, schedule=None, rounds=40, columns=())
    live = tg.run(*what, engine="processes", **options)
    live.schedule.save(tmp_path / "delays.csv")
    options["schedule"] = tg.Schedule.load(tmp_path / "delays.csv", n=3)
    assert differing(tg.simulate(*what, **options), live, tmp_path) == []


def test_unknown_engines_are_refused():
    with pytest.raises(InputError, match="did you mean 'processes'"):
        tg.run("sgd", NOISY, workers=1, parameters={"gamma": 0.1}, rounds=1, engine="process")


def test_workers_that_need_more_room_at_the_same_time_do_not_wait_for_each_other(tmp_path):
    """Messages of 320 kB outgrow the first blocks of shared memory, in all workers at once."""
    what = ("sgd", "quadratic:dim=40000,heterogeneity=1", "identity", "identity")
    options = {"workers": 4, "parameters": {"gamma": 0.1}, "rounds": 3, "checkpoints": [3], "columns": ()}
    faulthandler.dump_traceback_later(240, exit=True)  # a deadlock must not look like a slow machine
    try:
        real = tg.run(*what, **options, engine="processes")
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert differing(tg.simulate(*what, **options), real, tmp_path) == []


def test_both_writings_of_a_round_name_the_same_steps():
    """The loop of virtual workers and the server of real ones, beside the list in `protocol`."""
    listed = [int(number) for number in re.findall(r"^(\d+)\. ", protocol.__doc__, re.M)]
    assert listed == list(range(1, 14))
    folder = Path(protocol.__file__).parent
    for places in ([folder.parent / "rounds.py"], [folder / "server.py", folder / "protocol.py"]):
        text = "\n".join(place.read_text() for place in places)
        numbers = re.findall(r"\d+", " ".join(re.findall(r"[Ss]teps? ([\d, and]+)", text)))
        assert set(listed) <= set(map(int, numbers)), places
