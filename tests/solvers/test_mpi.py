"""The engine mpi, under mpiexec: the same bits as the simulation, and errors that end all ranks."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tersegrad as tg
from support.problem_table import NOISY
from support.ranks import ASYNCHRONOUS, SYNCHRONOUS, runs
from support.traces_left import MARK, shared_memory
from support.wires import differing
from tersegrad.cli import main

pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install mpi4py mpich")
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
pytestmark = pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec: pip install mpich")
TESTS = Path(__file__).parents[1]
TERSEGRAD = [MPIEXEC, "-n", "3", str(Path(sys.executable).with_name("tersegrad")), "run"]


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture(autouse=True)
def _sweep():
    """MPICH's own shared memory outlives ranks that are killed or aborted."""
    before = shared_memory("mpich_shm_*")
    yield
    for left in shared_memory("mpich_shm_*") - before:
        left.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Everything that `ranks` runs, in one start of four ranks."""
    place = tmp_path_factory.mktemp("mpi")
    datasets = pytest.importorskip("sklearn.datasets")
    random = np.random.default_rng(5)
    rows = random.standard_normal((31, 6)) * (random.random((31, 6)) < 0.7)
    datasets.dump_svmlight_file(rows, np.where(random.random(31) < 0.5, 1, -1), str(place / "data.svm"))
    subprocess.run(
        [MPIEXEC, "-n", "4", sys.executable, "-m", "support.ranks", str(place)], check=True, timeout=300,
        env=environment(),
    )  # fmt: skip
    return place


@pytest.mark.parametrize("name", [*SYNCHRONOUS, "file", *ASYNCHRONOUS])
def test_ranks_have_the_same_bits_as_the_simulation(name, folder, tmp_path):
    """Asynchronous ranks are replayed from the delays that they recorded; the ranks read their own rows of the file."""
    ((what, options),) = ((w, o) for n, w, o in runs(folder) if n == name)
    if name in ASYNCHRONOUS:
        options["schedule"] = tg.Schedule.load(folder / f"{name}.csv", n=3)
    assert differing(tg.simulate(*what, **options), tg.Trace.load(folder / f"{name}.npz"), tmp_path) == []


def test_shares_only_reads_no_more_than_a_share(folder, tmp_path):
    """The command line, with a file of which nobody reads all: simulated and with ranks, without gap and distance."""
    common = [
        "run", "qsgd", "--problem", f"least-squares:data={folder / 'data.svm'}", "--workers", "2", "--rounds", "20",
        "--up", "ternary", "--set", "gamma=0.05", "--shares-only", "--out",
    ]  # fmt: skip
    ranks = [*TERSEGRAD[:-1], *common, str(tmp_path / "mpi.npz"), "--engine", "mpi"]
    subprocess.run(ranks, check=True, timeout=120, stdout=subprocess.DEVNULL, env=environment())
    with pytest.raises(SystemExit) as end:
        main([*common, str(tmp_path / "simulate.npz")])
    assert end.value.code == 0
    one, two = (tg.Trace.load(tmp_path / f"{engine}.npz") for engine in ("mpi", "simulate"))
    assert differing(one, two, tmp_path) == []
    assert "dist_sq" not in one.columns


def test_a_wrong_number_of_ranks_is_refused_on_all_ranks(nothing_left):
    done = subprocess.run(
        [*TERSEGRAD, "qsgd", "--problem", NOISY, "--workers", "5", "--set", "gamma=0.1", "--engine", "mpi"],
        capture_output=True, text=True, timeout=120, env={**environment(), MARK: nothing_left}, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "mpiexec -n 6" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("shares_only", [[], ["--shares-only"]])
def test_ranks_with_other_data_of_the_same_name_are_refused(nothing_left, shares_only, tmp_path):
    """As on machines with an old copy: worker 1 starts in another folder, where a label is another one."""
    pytest.importorskip("sklearn.datasets")
    rows = [f"{1 if k % 3 else -1} 1:{k % 7}.5 2:{k % 5 + 1}" for k in range(12)]
    for folder, first in (("same", rows[0]), ("other", rows[0].replace("-1 ", "1 ", 1))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.svm").write_text("\n".join([first, *rows[1:]]) + "\n")
    command = [
        TERSEGRAD[3], "run", "sgd", "--problem", "logistic:data=data.svm,reg=0.1", "--workers", "2", "--set",
        "gamma=0.1", "--rounds", "20", "--engine", "mpi", *shares_only,
    ]  # fmt: skip
    done = {}
    for last in ("same", "other"):
        done[last] = subprocess.run(
            [MPIEXEC, "-n", "2", "-wdir", str(tmp_path / "same"), *command,
             ":", "-n", "1", "-wdir", str(tmp_path / last), *command],
            capture_output=True, text=True, timeout=120, env={**environment(), MARK: nothing_left}, check=False,
        )  # fmt: skip
    assert done["same"].returncode == 0, done["same"].stderr
    assert done["other"].returncode == 2
    assert f"worker 1 on host '{socket.gethostname()}' has other data in 'data.svm'" in done["other"].stderr


def test_a_rank_that_raises_ends_all(nothing_left):
    script = (
        "from support import faulty\nimport tersegrad as tg\n"
        "tg.run('qsgd', 'quadratic:dim=4,mu=1', faulty.FAILING, workers=2, parameters={'gamma': 0.5}, rounds=1000,"
        " engine='mpi')\n"
        "tg.run('sgd', 'quadratic:dim=4,mu=1', workers=2, parameters={'gamma': 0.5}, rounds=1000, engine='mpi')\n"
    )
    done = subprocess.run(
        [MPIEXEC, "-n", "3", sys.executable, "-c", script], capture_output=True, text=True, timeout=120,
        env={**environment(), MARK: nothing_left}, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "the dog ate the message" in done.stderr


def test_a_killed_rank_ends_all(nothing_left, tmp_path):
    file = tmp_path / "c"
    ranks = subprocess.Popen(
        [*TERSEGRAD, "qsgd", "--problem", NOISY, "--workers", "2", "--set", "gamma=0.1", "--rounds", "10000000",
         "--engine", "mpi", "--checkpoint", str(file), "--checkpoint-every", "50"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**environment(), MARK: nothing_left},
    )  # fmt: skip
    until = time.monotonic() + 100
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    found = [
        int(place.name)
        for place in Path("/proc").iterdir()
        if place.name.isdigit() and _is_rank(place, nothing_left, b"PMI_RANK=2")
    ]
    assert found
    for process in found:
        os.kill(process, signal.SIGKILL)
    ranks.communicate(timeout=60)
    assert ranks.returncode != 0
    assert file.exists()


def _is_rank(place, mark, rank):
    try:
        words = (place / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"{MARK}={mark}".encode() in words and rank in words
