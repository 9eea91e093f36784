"""How the command line ends: signals, lost processes, closed streams. The status says what happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np
import pytest

import tersegrad as tg
from support.problem_table import NOISY
from tersegrad.common.ending import uninterrupted
from tersegrad.common.errors import legible
from tersegrad.solvers import snapshot

COMMAND = [sys.executable, "-m", "tersegrad"]
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs POSIX signals")


@pytest.fixture(autouse=True)
def signals_are_heard():
    """Under nohup hangups are ignored, and interrupts in a shell's background; processes inherit that."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT)}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def children(pid):
    """The processes whose parent is this one, without Python's own tracker of resources."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdigit() and int((place / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if words and "resource_tracker" not in words:
                    found.append(int(place.name))
        except OSError:
            continue
    return found


def below(pid):
    """The processes that a process has started, and those that these have."""
    return [process for child in children(pid) for process in (child, *below(child))]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(what, seconds=100.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def start(*words):
    return subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# -- the pool of a verification ----------------------------------------------------------------------------------------


LONG = ["sgd.strongly-convex", "qsgd.strongly-convex", "diana.strongly-convex"]


def verification(tmp_path, *more):
    """A verification whose theorems take minutes, in two processes."""
    run = start("verify", *LONG, "--rounds", "3000000", "--jobs", "2", "--out", str(tmp_path), *more)
    until(lambda: len(below(run.pid)) >= 3 or run.poll() is not None)  # two, and the one that they are copies of
    return run


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_pool_ends_with_its_parent(how, nothing_left, tmp_path):
    run = verification(tmp_path)
    pool = below(run.pid)
    run.send_signal(how)
    _, words = run.communicate(timeout=60)
    until(lambda: not any(map(alive, pool)), 20)
    if how != signal.SIGKILL:
        assert run.returncode == 128 + how
        assert words.splitlines()[-1] == f"ended by {how.name}"
        assert "Traceback" not in words


def test_a_killed_process_of_the_pool_loses_no_verdict_that_was_reached(nothing_left, tmp_path):
    """The quick one of three theorems is done when the process of another one is killed."""
    script = (
        "import os, signal, sys, threading, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from tersegrad.validation import sweeps, verification\n"
        "from tersegrad.cli import main\n"
        "answer = verification.map_pieces\n"
        "def fatal(executor, work, pieces, done, names):\n"
        "    def kill(result):\n"
        "        done(result)\n"
        "        for process in list(executor._processes.values()): os.kill(process.pid, signal.SIGKILL)\n"
        "    return answer(executor, work, pieces, kill, names)\n"
        "verification.map_pieces = fatal\n"
        "if __name__ == '__main__':\n"
        f"    main(['verify', *{LONG!r}, '--quick', '--jobs', '2', '--json', '--out', {str(tmp_path / 'r')!r}])\n"
    )
    (tmp_path / "kill.py").write_text(script)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "kill.py")], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 4, done.stderr
    answer = json.loads(done.stdout)
    reached = [verdict["theorem"] for verdict in answer["verdicts"]]
    assert reached
    assert sorted([*reached, *answer["lost"]]) == sorted(LONG)
    assert all(name in done.stderr for name in answer["lost"])
    assert "Traceback" not in done.stderr
    assert (tmp_path / "r" / f"{reached[0]}.json").exists()
    assert (tmp_path / "r" / "report.html").exists()


# -- a run -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["simulate", "processes"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_asked_to_end_is_stored_first(engine, how, nothing_left, tmp_path):
    """The rounds since the last checkpoint are not lost."""
    file = tmp_path / "c"
    words = [
        "run", "qsgd", "--problem", NOISY, "--up", "qsgd:levels=3", "--workers", "2", "--set", "gamma=0.01",
        "--rounds", "100000000", "--engine", engine, "--checkpoint", str(file), "--checkpoint-every", "4s",
        "--seed", "3",
    ]  # fmt: skip
    first = start(*words)
    until(lambda: first.poll() is not None or file.exists())
    before = set(snapshot.read(file)[0]["done"].values())
    time.sleep(1.0)
    first.send_signal(how)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 128 + how, said
    assert "Traceback" not in said
    (done,) = set(snapshot.read(file)[0]["done"].values())
    assert said.splitlines()[-1] == f"ended by {how.name}; {done} rounds stored: continue with --resume {file}"
    assert done > max(before)


def _cpu_seconds(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return np.inf
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("under_way", [False, True])
def test_a_second_interruption_changes_nothing(pause, under_way, nothing_left, tmp_path):
    """Ctrl-C reaches the whole tree; twice, while workers start or run."""
    file = tmp_path / "c"
    run = subprocess.Popen(
        [*COMMAND, "run", "qsgd", "--problem", NOISY, "--up", "qsgd:levels=3", "--workers", "2", "--set", "gamma=0.01",
         "--rounds", "100000000", "--engine", "processes", "--checkpoint", str(file), "--checkpoint-every", "20"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    until(lambda: run.poll() is not None or (file.exists() if under_way else len(children(run.pid)) >= 1))
    os.killpg(run.pid, signal.SIGINT)
    time.sleep(pause)
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert said.splitlines() == ["interrupted"]


@pytest.mark.parametrize("wait", [0.0, 0.2, 0.5])
def test_an_interruption_while_the_pool_s_processes_import_is_said_in_a_word(wait, nothing_left, tmp_path):
    """Ctrl-C reaches the whole tree, also the process that those of the pool are copies of."""
    run = subprocess.Popen(
        [*COMMAND, "verify", *LONG, "--rounds", "3000000", "--jobs", "2", "--out", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    until(lambda: run.poll() is not None or len(children(run.pid)) >= 1)
    time.sleep(wait)
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert said.splitlines() == ["interrupted"]


def test_an_interruption_of_source_that_an_import_executes_has_the_status_of_any_other(tmp_path):
    """CPython remembers it, though it is caught, and would end by SIGINT."""
    (tmp_path / "program.py").write_text(
        "import os, signal\n"
        "from tersegrad import cli\n"
        "cli.import_module = lambda *_: exec('os.kill(os.getpid(), signal.SIGINT)')\n"
        "cli.main(['list'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "program"], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_an_interruption_as_its_holding_back_begins_leaves_nothing_blocked(monkeypatch):
    """Taken by another thread between the two steps of it."""
    resource_tracker.ensure_running()  # blocks signals itself as it starts
    block, reached = signal.pthread_sigmask, []

    def interrupted(how, numbers):
        before = block(how, numbers)
        if how == signal.SIG_BLOCK:
            signal.getsignal(signal.SIGINT)(signal.SIGINT, None)
        return before

    monkeypatch.setattr(signal, "pthread_sigmask", interrupted)
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        reached.append(True)
    assert reached
    assert signal.SIGINT not in block(signal.SIG_BLOCK, ())


def test_the_first_process_of_all_is_started_uninterrupted():
    """Python's own tracker of resources, started with the first process, lets SIGINT through in its parent."""
    script = (
        "import signal\n"
        "from multiprocessing import resource_tracker\n"
        "from tersegrad.common.ending import uninterrupted\n"
        "with uninterrupted():\n"
        "    resource_tracker.ensure_running()\n"
        "    assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())\n"
        "assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=200)


def test_an_interruption_that_another_thread_takes_is_held_back_as_well():
    script = (
        "import os, signal, threading, time\n"
        "from tersegrad.common.ending import uninterrupted\n"
        "threading.Thread(target=time.sleep, args=(2,), daemon=True).start()\n"
        "try:\n"
        "    with uninterrupted():\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        time.sleep(0.5)\n"
        "        held = True\n"
        "except KeyboardInterrupt:\n"
        "    assert held\n"
        "else:\n"
        "    raise AssertionError('it was lost')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=200)


def test_an_interrupted_long_round_does_not_keep_anybody_waiting(nothing_left):
    """One round of minutes: Ctrl-C ends the command at once."""
    run = start(
        "run", "signsgd", "--problem", "quadratic:dim=4", "--workers", "2", "--rounds", "3", "--set", "gamma=0.001",
        "R=1e10",
    )  # fmt: skip
    until(lambda: run.poll() is not None or _cpu_seconds(run.pid) > 3)
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert time.monotonic() - began < 10
    assert run.returncode == 130, said
    assert said.splitlines()[-1] == "interrupted"


# -- closed streams ----------------------------------------------------------------------------------------------------


SHORT = ["run", "sgd", "--problem", "quadratic:dim=4,mu=1", "--workers", "2", "--rounds", "5", "--set", "gamma=0.1"]


def through_shell(line, **options):
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=120, check=False, **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", ["run nope", "nope", "run sgd --problem quadratic --set gama=1"])
def test_bad_input_is_bad_input_when_the_error_cannot_be_written(words):
    line = f"{' '.join(COMMAND)} {words} 2>"
    assert [through_shell(line + place).returncode for place in ("/dev/full", "&-", "/dev/null")] == [2, 2, 2]


@pytest.mark.parametrize("engine", ["simulate", "processes"])
def test_a_run_without_streams_has_its_own_status_and_writes_into_no_file(engine, tmp_path):
    """Standard output that is closed must not become the next file that is opened: the trace, or a socket."""
    whole = [*COMMAND, *SHORT, "--engine", engine, "--out", str(tmp_path / "t.npz")]
    for streams in (">&-", ">&- 2>&-", "<&- >&- 2>&-"):
        done = through_shell(f"{' '.join(whole)} {streams}")
        assert done.returncode == 0, done.stderr
        assert done.stderr in ("", "sgd: 5 rounds\n")  # the second on a machine that is slow today
        assert tg.Trace.load(tmp_path / "t.npz").rounds[-1] == 5


# -- limits ------------------------------------------------------------------------------------------------------------


def test_workers_run_in_an_optimised_interpreter():
    """python -O -O removes assertions and docstrings: nothing may depend on them."""
    words = [sys.executable, "-O", "-O", "-m", "tersegrad", *SHORT, "--engine", "processes"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr


def test_too_many_workers_for_the_limit_of_open_files_is_one_sentence(nothing_left):
    words = " ".join(SHORT).replace("--workers 2", "--workers 100")
    done = through_shell(f"ulimit -n 128; {' '.join(COMMAND)} {words} --engine processes")
    assert done.returncode == 2
    assert "too few processes or open files for 100 workers" in done.stderr
    assert "ulimit -n" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_several_ranks_without_the_engine_mpi_are_refused_and_one_of_them_says_so(tmp_path):
    said = []
    for rank in range(3):
        ranks = {**os.environ, "PMI_SIZE": "3", "PMI_RANK": str(rank)}
        done = subprocess.run(
            [*COMMAND, *SHORT, "--out", str(tmp_path / "t.npz")], capture_output=True, text=True, env=ranks, check=False
        )
        assert done.returncode == 2
        said.append(done.stderr)
    assert "without --engine mpi every one of them would run everything" in said[0]
    assert said[1:] == ["", ""]
    assert not (tmp_path / "t.npz").exists()


def test_sentences_are_legible():
    sentence = legible("a\x1b[31mred\x07" + "x" * 100_000 + "the way out")
    assert sentence.isprintable()
    assert len(sentence) < 1300
    assert sentence.startswith("a\\x1b[31mred")
    assert sentence.endswith("the way out")


def test_where_a_file_cannot_be_written_its_own_option_is_named(tmp_path):
    for option in ("--out", "--checkpoint"):
        done = subprocess.run(
            [*COMMAND, *SHORT, option, str(tmp_path / "no" / "file")], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert f"choose another file with {option}" in done.stderr


@pytest.mark.parametrize("checkpoints", [[np.nan], [1.5], [np.inf], ["x"]])
def test_checkpoints_are_whole_numbers_of_rounds(checkpoints):
    with pytest.raises(tg.InputError, match=r"checkpoints.*(whole number|array of numbers)"):
        tg.simulate("sgd", "quadratic:dim=3", workers=1, parameters={"gamma": 0.1}, rounds=5, checkpoints=checkpoints)
