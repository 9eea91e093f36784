"""What goes wrong: workers that die, stand still or fail, interruptions, power cuts, damaged files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tersegrad as tg
from support import faulty
from support.method_table import PARAMETERS
from support.problem_table import NOISY
from support.wires import differing, over_threads
from tersegrad.solvers import snapshot
from tersegrad.solvers.engines.saving import Every
from tersegrad.solvers.method import method
from tersegrad.theory import InputError, WorkerError

DORE = {"gamma": 0.1, "alpha": 0.3, "beta": 0.4, "eta": 0.2}


class CutError(Exception):
    """The power is gone."""


def cut_after(rounds):
    """A progress callback that cuts the run off."""
    done = [0]

    def progress(count):
        done[0] += 1
        if done[0] > rounds:
            raise CutError

    return progress


def act_after(rounds, act):
    """A progress callback that does something once."""
    done = [0]

    def progress(count):
        done[0] += 1
        if done[0] == rounds:
            act()

    return progress


def to_worker(number, what):
    """Send a signal to the process of a worker."""
    (person,) = (p for p in multiprocessing.active_children() if p.name == f"worker-{number}")
    os.kill(person.pid, what)


# -- workers -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_killed_worker_is_named_with_its_round_and_the_checkpoint_stays(nothing_left, tmp_path):
    began = []

    def kill():
        began.append(time.monotonic())
        to_worker(1, signal.SIGKILL)

    with pytest.raises(WorkerError, match=r"worker 1 \(process \d+\) was lost in round (50|51): .*SIGKILL"):
        tg.run(
            "dore", NOISY, "ternary", "ternary", workers=2, parameters=DORE, rounds=10**6, engine="processes",
            checkpoint=tmp_path / "c", checkpoint_every=20, progress=act_after(50, kill),
        )  # fmt: skip
    assert time.monotonic() - began[0] < 5
    about, _ = snapshot.read(tmp_path / "c")
    assert about["done"] == {"0": 40}
    assert [file.name for file in tmp_path.iterdir()] == ["c"]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs POSIX signals")
def test_a_worker_that_stands_still_is_given_up(nothing_left):
    with pytest.raises(WorkerError, match=r"worker 0 .* has not responded for 1.5 seconds in round 3"):
        tg.run(
            "qsgd", NOISY, "ternary", workers=2, parameters={"gamma": 0.1}, rounds=10**6, engine="processes",
            patience=1.5, progress=act_after(3, lambda: to_worker(0, signal.SIGSTOP)),
        )  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs the states of processes in /proc")
def test_a_worker_that_is_stopped_while_it_starts_is_given_up(nothing_left):
    def stop():
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for worker in multiprocessing.active_children():
                if worker.name == "worker-1":
                    os.kill(worker.pid, signal.SIGSTOP)
                    return
            time.sleep(0.001)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(WorkerError, match=r"worker 1 .* has not responded for 2 seconds"):
        tg.run("sgd", NOISY, workers=2, parameters={"gamma": 0.1}, rounds=5, engine="processes", patience=2.0)


def test_a_worker_that_raises_says_why(nothing_left):
    said = r"Halving\.encode fails: RuntimeError: the dog ate the message \(worker \d, round \d+\)"
    with pytest.raises(InputError, match=said):
        tg.run(
            "qsgd", "quadratic:dim=4,mu=1", faulty.FAILING, workers=2, parameters={"gamma": 0.5}, rounds=1000,
            engine="processes",
        )  # fmt: skip


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs POSIX signals")
def test_a_worker_that_raises_is_heard_while_another_one_stands_still(nothing_left):
    what = ("qsgd", "quadratic:dim=4,mu=1", faulty.FAILING)
    options = {"workers": 2, "parameters": {"gamma": 0.5}, "rounds": 1000, "engine": "processes"}
    with pytest.raises(InputError) as failure:
        tg.run(*what, **options)
    failing = int(re.search(r"round (\d+)", str(failure.value))[1])
    with pytest.raises(InputError, match=rf"the dog ate the message \(worker 1, round {failing}\)"):
        tg.run(*what, **options, progress=act_after(failing, lambda: to_worker(0, signal.SIGSTOP)))


# -- the whole tree ----------------------------------------------------------------------------------------------------


def wait_for(path, process, than=None):
    """Wait until a file is there, or is another one than before."""
    until = time.monotonic() + 120
    while not path.exists() or path.stat().st_mtime_ns == than:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.02)
    return path.stat().st_mtime_ns


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX process groups")
def test_interrupted_and_killed_runs_go_on_to_the_same_bits(nothing_left, tmp_path):
    """Ctrl-C, then kill -9 of all processes at once, then to the end: the arrays of an uninterrupted simulation."""
    file, out = tmp_path / "run.ckpt", tmp_path / "out.npz"
    command = [
        str(Path(sys.executable).with_name("tersegrad")), "run", "dore", "--problem", NOISY, "--up", "ternary",
        "--down", "topk:k=3", "--workers", "2", "--rounds", "8000", "--set", *(f"{k}={v}" for k, v in DORE.items()),
        "--engine", "processes", "--checkpoint", str(file), "--checkpoint-every", "50", "--out", str(out),
    ]  # fmt: skip

    def start(*more):
        return subprocess.Popen(
            [*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    first = start()
    written = wait_for(file, first)
    os.killpg(first.pid, signal.SIGINT)
    _, words = first.communicate(timeout=60)
    assert (first.returncode, words.splitlines()[-1]) == (130, "interrupted")
    assert "Traceback" not in words
    second = start("--resume", str(file))
    wait_for(file, second, than=written)
    os.killpg(second.pid, signal.SIGKILL)
    second.communicate(timeout=60)
    assert not out.exists()
    third = start("--resume", str(file))
    _, words = third.communicate(timeout=120)
    assert third.returncode == 0, words
    whole = tg.simulate("dore", NOISY, "ternary", "topk:k=3", workers=2, parameters=DORE, rounds=8000)
    assert differing(whole, tg.Trace.load(out), tmp_path) == []


@pytest.mark.parametrize(
    "word", ["dore", "liec", "cser", "marina", "ef21-p-diana", "mem-sgd", "gmc-plus", "q-iag", "iag"]
)
def test_a_run_goes_on_to_the_same_bits_in_every_engine(word, tmp_path):
    """Cut off during 20 rounds: simulated, with real workers, and from one to the other."""
    m = method(word)
    what = (word, NOISY, "qsgd:levels=3", "ternary:block=5" if m.two_way else "identity")
    options = {
        "workers": 3, "parameters": PARAMETERS[word], "rounds": 20, "seed": 4, "paths": True,
        "columns": ["grad_sq_mean", *(["shadow_grad_sq_mean"] if m.shadow else [])], "average": ("geometric", 0.9),
        "schedule": "exponential" if m.clock else None,
    }  # fmt: skip
    whole = tg.simulate(*what, **options)
    for carry_out in (tg.simulate, over_threads):
        file = tmp_path / "c"
        with pytest.raises(CutError):
            carry_out(*what, **options, checkpoint=file, checkpoint_every=5, progress=cut_after(8))
        for go_on in (tg.simulate, over_threads):
            again = go_on(*what, **options, resume=file)
            assert differing(whole, again, tmp_path) == [], (carry_out, go_on)


def test_simulated_blocks_go_on_each_from_where_it_was(tmp_path):
    """Two blocks of four replicas; the checkpoint of real processes has all of them at the same round."""
    what = ("dore", "quadratic:dim=700,heterogeneity=1", "ternary", "ternary")
    options = {"workers": 2, "parameters": DORE, "rounds": 12, "replicas": 7}
    whole = tg.simulate(*what, **options)
    with pytest.raises(CutError):
        tg.simulate(*what, **options, threads=1, checkpoint=tmp_path / "c", checkpoint_every=2, progress=cut_after(18))
    assert len(set(snapshot.read(tmp_path / "c")[0]["done"].values())) == 2
    assert differing(whole, tg.simulate(*what, **options, resume=tmp_path / "c"), tmp_path) == []
    with pytest.raises(InputError, match="--engine simulate"):
        over_threads(*what, **options, resume=tmp_path / "c")


@pytest.mark.parametrize(
    ("word", "links", "p"),
    [
        ("doublesqueeze-async", ("topk:k=3", "topk:k=2"), {"M": 1}),
        ("rennala", (), {"B": 4}),
        ("ringmaster", (), {"R": 2}),
    ],
)
def test_asynchronous_workers_go_on_and_are_replayed(word, links, p, tmp_path):
    what = (word, NOISY, *links)
    options = {"workers": 3, "parameters": {"gamma": 0.05, **p}, "rounds": 30, "replicas": 2, "paths": True}
    with pytest.raises(CutError):
        over_threads(*what, **options, checkpoint=tmp_path / "c", checkpoint_every=5, progress=cut_after(17))
    live = over_threads(*what, **options, resume=tmp_path / "c")
    assert live.schedule.steps == 30
    assert differing(tg.simulate(*what, **options, schedule=live.schedule), live, tmp_path) == []


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A checkpoint file and the run that it belongs to."""
    path = tmp_path_factory.mktemp("stored") / "c"
    what = ("dore", NOISY, "ternary", "ternary")
    options = {"workers": 2, "parameters": DORE, "rounds": 9}
    tg.simulate(*what, **options, checkpoint=path, checkpoint_every=4)
    return path, what, options


def test_a_checkpoint_of_another_run_is_refused_with_what_differs(stored):
    path, what, options = stored
    for name, change in (
        ("rounds", {"rounds": 8}), ("seed", {"seed": 1}), ("parameters", {"parameters": {**DORE, "gamma": 0.2}}),
        ("workers", {"workers": 3}), ("columns", {"columns": ["gap_mean"]}), ("replicas", {"replicas": 2}),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"of another run: {name} was"):
            tg.simulate(*what, **{**options, **change}, resume=path)
    with pytest.raises(InputError, match="method was dore, now it is diana"):
        tg.simulate(
            "diana", NOISY, "ternary", workers=2, parameters={"gamma": 0.1, "alpha": 0.1}, rounds=9, resume=path
        )


def test_a_checkpoint_that_is_cut_off_or_changed_is_refused(stored, tmp_path):
    path, what, options = stored
    whole = path.read_bytes()
    wrong = tmp_path / "wrong"
    for data in (
        b"", whole[:10], whole[: len(whole) // 2], whole[:-1], whole + b"\0", whole[:-40] + b"\1" + whole[-39:],
        b"PK\3\4" + whole,
    ):  # fmt: skip
        wrong.write_bytes(data)
        with pytest.raises(InputError) as caught:
            tg.simulate(*what, **options, resume=wrong)
        assert "wrong" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot read the checkpoint"):
        tg.simulate(*what, **options, resume=tmp_path / "none")
    with pytest.raises(InputError, match="cannot write the checkpoint"):
        tg.simulate(*what, **options, checkpoint=tmp_path / "no" / "such" / "folder", checkpoint_every=2)


def test_a_file_that_cannot_be_written_leaves_the_old_one(stored, tmp_path):
    """The arrays fail half-way: the file is still the old one, and no other file is left."""
    path = tmp_path / "c"
    snapshot.write(path, {"old": 1}, [("a", "float64", (3,))], [np.arange(3.0)])

    def arrays():
        yield np.arange(3.0)
        raise CutError

    with pytest.raises(CutError):
        snapshot.write(path, {"new": 1}, [("a", "float64", (3,)), ("b", "int64", (2,))], arrays())
    about, kept = snapshot.read(path)
    assert about == {"old": 1}
    assert np.array_equal(kept["a"], np.arange(3.0))
    assert [file.name for file in tmp_path.iterdir()] == ["c"]


LIMITS = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
LEAF = st.one_of(st.integers(-3, 2**70), st.text(max_size=5), st.none(), st.floats(allow_nan=False), st.booleans())
TREE = st.recursive(LEAF, lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(st.text(), below)))
KINDS = st.sampled_from(["float64", "int64", "object", "O8"])
ENTRIES = st.lists(st.tuples(st.text(), KINDS, st.lists(LEAF, max_size=3)))
HEADER = st.one_of(TREE, st.fixed_dictionaries({"about": TREE, "arrays": ENTRIES}))


@settings(max_examples=300, **LIMITS)
@given(data=st.data())
def test_no_bytes_crash_the_reader_of_checkpoints(stored, data):
    """Flipped, cut and inserted bytes are caught by the checksum; a header with a fitting checksum by the reader."""
    whole = stored[0].read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "insert", "header"]))
    if kind == "flip":
        changed = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    elif kind == "cut":
        changed = whole[:at]
    elif kind == "insert":
        changed = whole[:at] + data.draw(st.binary(min_size=1, max_size=9)) + whole[at:]
    else:
        header = data.draw(HEADER)
        text = json.dumps(header).encode()
        length = data.draw(st.sampled_from([len(text), -1, 2**62, 0]))
        body = snapshot.MAGIC + length.to_bytes(8, "little", signed=True) + text + data.draw(st.binary(max_size=64))
        changed = body + hashlib.blake2b(body, digest_size=snapshot.CHECKSUM_BYTES).digest()
    with contextlib.suppress(InputError):
        about, arrays = snapshot.parse(changed, "file")
        assert kind == "header"
        assert isinstance(about, dict)
        assert all(array.dtype in (np.float64, np.int64) for array in arrays.values())


@settings(max_examples=150, **LIMITS)
@given(data=st.data())
def test_no_bytes_crash_the_readers_of_traces_and_schedules(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("files")
    trace = tg.simulate("sgd", "quadratic:dim=3", workers=1, parameters={"gamma": 0.1}, rounds=2)
    trace.save(place / "t")
    tg.Schedule.of([0, 0, 1], [0, 1, 0], [0, 0, 1]).save(place / "s")
    for name, kind in (("t", tg.Trace), ("s", tg.Schedule)):
        whole = (place / name).read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        changed = whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + data.draw(st.integers(0, 6)) :]
        (place / name).write_bytes(changed)
        with contextlib.suppress(InputError):
            assert isinstance(kind.load(place / name), kind)


@pytest.mark.parametrize(
    ("text", "expected"), [("500", Every(500, None)), ("30s", Every(None, 30.0)), (7, Every(7, None))]
)
def test_how_often(text, expected):
    assert Every.read(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-3", "s", "nans", "infs", "0s", "1.5", "often"])
def test_what_does_not_say_how_often(text):
    with pytest.raises(InputError, match="how often to store"):
        Every.read(text)
