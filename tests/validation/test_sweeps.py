"""Sweeps over executors: the same results wherever they are computed, and nothing left behind."""

import gc
import json
import multiprocessing
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from tersegrad.common.errors import InputError
from tersegrad.problems import problem
from tersegrad.validation import verification, verify
from tersegrad.validation.sweeps import LostPiecesError, map_pieces, started

IDS = ["sgd.strongly-convex", "qsgd.strongly-convex", "diana.strongly-convex"]


def square(number):
    if number < 0:
        raise InputError(f"{number} is below 0")
    return number**2


def test_results_keep_the_order_of_the_pieces_and_are_reported_as_they_come():
    seen = []
    with started("processes", 2) as pool:
        assert map_pieces(pool, square, range(7), seen.append) == [k**2 for k in range(7)]
    assert sorted(seen) == [k**2 for k in range(7)]
    assert map_pieces(None, square, range(4)) == [0, 1, 4, 9]


def test_verdicts_do_not_depend_on_the_executor():
    request = {"quick": True, "rounds": 200, "replicas": 4}
    here = verify(IDS, **request)
    with started("processes", 2) as pool, ThreadPoolExecutor(2) as threads:
        for executor in (pool, threads):
            there = verify(IDS, **request, executor=executor)
            for a, b in zip(here, there, strict=True):
                assert a.theorem == b.theorem
                assert np.array_equal(a.series.mean, b.series.mean)
                assert (a.verdict, a.margin, a.rate, a.speedup) == (b.verdict, b.margin, b.rate, b.speedup)


class Recorder(Executor):
    """Does what it is given at once, and takes down what that was; breaks when it is given what `lost` names."""

    def __init__(self, lost=lambda work, piece: False):
        self.given, self.lost = [], lost

    def submit(self, work, piece):
        self.given.append((work, piece))
        done = Future()
        if self.lost(work, piece):
            done.set_exception(BrokenExecutor())
        else:
            done.set_result(work(piece))
        return done

    def parts(self):
        """What was asked besides the verdicts, and how often."""
        return Counter(piece[1].key for work, piece in self.given if work is verification._answered)


@pytest.fixture
def forgetful(monkeypatch):
    """No answer is kept in this process."""

    class Nothing(dict):
        def __contains__(self, key):
            return False

    monkeypatch.setattr(verification, "_ANSWERS", Nothing())


#: Two theorems about one method on one problem, and another method on that problem.
SHARING = ["gmc.nonconvex", "gmc.nonconvex-tuned", "sgd.nonconvex"]
FEW = {"quick": True, "rounds": 50, "replicas": 4}


def test_what_verdicts_share_is_asked_once_and_the_verdicts_are_the_same(forgetful, monkeypatch):
    asked = Counter()
    for name in ("conforms", "tested_controls", "records_conform", "constants_conform", "checks_conform"):
        right = getattr(verification, name)

        def counted(*about, name=name, right=right):
            asked[name, *about] += 1
            return right(*about)

        counted.__name__ = name
        monkeypatch.setattr(verification, name, counted)
    pool = Recorder()
    there = verify(SHARING, **FEW, executor=pool)
    assert set(asked.values()) == {1}
    assert {key for key in asked if key[0] == "conforms"} == {("conforms", "gmc"), ("conforms", "sgd")}
    assert set(pool.parts().values()) == {1}
    assert len(pool.given) == len(SHARING) + len(pool.parts())
    here = verify(SHARING, **FEW)
    assert asked["conforms", "gmc"] == 3  # that process asked anew for every verdict
    for a, b in zip(here, there, strict=True):
        assert (a.theorem, a.margin, a.conformance) == (b.theorem, b.margin, b.conformance)
        assert a.conformance.word == "conforms"
        assert [(c.name, c.rejected) for c in a.controls] == [(c.name, c.rejected) for c in b.controls]


def test_what_is_about_an_object_of_the_user_s_stays_with_its_verdict():
    mine, pool = problem("quadratic:dim=5,mu=0.2,L=1,radius=5", workers=2), Recorder()
    (verdict,) = verify(["sgd.convex"], problem=mine, **FEW, executor=pool)
    assert f"problem {mine.spec}" in verdict.conformance.checked
    asked = {name for name, *_ in pool.parts()}
    assert "conforms" in asked
    assert asked.isdisjoint({"problem_conforms", "measures_conform", "constants_conform"})


def test_a_pool_that_is_lost_costs_no_verdict_that_was_reached(forgetful):
    """Its processes end when nothing but what verdicts share is left to do, or earlier."""
    pool = Recorder(lost=lambda work, piece: work is verification._answered)
    assert [v.conformance.word for v in verify(SHARING, **FEW, executor=pool)] == ["conforms"] * 3
    pool = Recorder(lost=lambda work, piece: work is verification._answered or piece.theorem == SHARING[1])
    with pytest.raises(LostPiecesError, match=SHARING[1]) as lost:
        verify(SHARING, **FEW, executor=pool)
    assert [v.theorem for v in lost.value.results] == [SHARING[0], SHARING[2]]
    assert all(v.conformance.word == "conforms" and v.rejected == 3 for v in lost.value.results)


@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="needs a system that forks")
def test_the_pool_s_processes_are_copies_of_one_that_has_imported_what_they_need():
    with started("processes", 2) as pool:
        assert pool.submit(imported, "tersegrad.validation.verification").result()
        assert pool.submit(gc.get_freeze_count).result() > 100_000
        assert {library["num_threads"] for library in pool.submit(blas).result()} == {1}


def blas():
    return [library for library in threadpool_info() if library["user_api"] == "blas"]


def imported(module):
    return module in sys.modules


def test_a_mistake_in_a_process_is_the_users_sentence_and_leaves_no_process():
    with pytest.raises(InputError, match="-3 is below 0"), started("processes", 2) as pool:
        map_pieces(pool, square, [1, -3, 2])
    # The pool's own thread waits for the same processes: for a moment only one of the two knows that they are gone.
    until = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < until:
        time.sleep(0.05)
    assert not multiprocessing.active_children()


def test_an_unknown_executor_is_named():
    with pytest.raises(InputError, match="did you mean 'dask'"), started("dusk"):
        pass


@pytest.mark.skipif(
    shutil.which("mpiexec") is None, reason="needs an mpiexec: pip install mpich, with mpi4py from the extra mpi"
)
def test_ranks_of_an_mpi_job_judge_as_one_process_does(tmp_path):
    pytest.importorskip("mpi4py", reason="needs mpi4py: the extra mpi")
    words = [
        *("mpiexec", "-n", "3", sys.executable, "-m", "mpi4py.futures", "-m", "tersegrad", "verify", *IDS[:2]),
        *("--quick", "--rounds", "200", "--replicas", "4", "--executor", "mpi", "--json", "--out", str(tmp_path)),
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=True)
    here = verify(IDS[:2], quick=True, rounds=200, replicas=4)
    for there, verdict in zip(json.loads(done.stdout)["verdicts"], here, strict=True):
        assert (there["theorem"], there["verdict"]) == (verdict.theorem, verdict.verdict)
        assert there["margin"] == verdict.margin
