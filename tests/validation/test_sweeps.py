"""Sweeps over executors: the same results wherever they are computed, and nothing left behind."""

import json
import multiprocessing
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tersegrad.common.errors import InputError
from tersegrad.validation import verify
from tersegrad.validation.sweeps import map_pieces, started

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
