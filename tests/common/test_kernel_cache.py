"""Compiled kernels on disk: damaged, full, or nowhere to be kept. The run goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

KERNEL = """
from tersegrad.common import kernel_cache
{before}
from numba import njit

@njit("f8(f8)", cache=True)
def twice(x):
    return 2.0 * x

@njit("f8(f8)", cache=True)
def thrice(x):
    return 3.0 * x

if __name__ == "__main__":
    print(twice(21.0), thrice(14.0), sum(twice.stats.cache_hits.values()))
"""


def run(tmp_path, before=""):
    """(what a program with two cached kernels prints, its standard error)."""
    (tmp_path / "program.py").write_text(KERNEL.format(before=before))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "program.py")], capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


def test_a_damaged_cache_is_written_anew(tmp_path):
    """Whatever is left of an index or of compiled code: kernels are compiled again, and found the next time."""
    assert run(tmp_path) == (["42.0", "42.0", "0"], "")
    assert run(tmp_path) == (["42.0", "42.0", "1"], "")
    for suffix in (".nbi", ".nbc"):
        for damaged in (lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"\x80\x05junk."):
            files = list((tmp_path / "cache").rglob(f"*{suffix}"))
            assert len(files) >= 2
            for file in files:
                file.write_bytes(damaged(file.read_bytes()))
            assert run(tmp_path) == (["42.0", "42.0", "0"], ""), (suffix, files[0].read_bytes()[:9])
    assert run(tmp_path) == (["42.0", "42.0", "1"], "")


def test_without_a_folder_for_them_kernels_are_compiled_anew_and_that_is_said_once(tmp_path):
    printed, said = run(tmp_path, "from numba.core import caching; caching.CacheImpl._locator_classes = []")
    assert printed == ["42.0", "42.0", "0"]
    assert said.count("NUMBA_CACHE_DIR") == 1
    assert "there is no folder for compiled kernels" in said


def test_a_full_disk_does_not_end_a_run(tmp_path):
    full = (
        "from numba.core import caching\n"
        "def full(self, name, data): raise OSError(28, 'No space left on device')\n"
        "caching.IndexDataCacheFile._save_data = full\n"
    )
    printed, said = run(tmp_path, full)
    assert printed == ["42.0", "42.0", "0"]
    assert said.count("compiled kernels cannot be stored (No space left on device)") == 1


CALLER = """
from tersegrad.common import kernel_cache
import other
from numba import njit

@njit("f8(f8)", cache=True)
def enlarged(x):
    return other.FACTOR * other.next_one(x)

print(enlarged(20.0), sum(enlarged.stats.cache_hits.values()))
"""
CALLEE = """
from numba import njit

FACTOR = {factor}

@njit(cache=True)
def next_one(x):
    return x + {step}
"""


def test_a_kernel_is_compiled_anew_where_one_that_it_calls_or_a_number_that_it_takes_has_changed(tmp_path):
    """Its own file is the same all the time."""
    (tmp_path / "caller.py").write_text(CALLER)

    def called(**numbers):
        (tmp_path / "other.py").write_text(CALLEE.format(**numbers))
        done = subprocess.run(
            [sys.executable, str(tmp_path / "caller.py")], capture_output=True, text=True, timeout=120, check=False,
            # Python itself takes a module for unchanged that has been rewritten within a second at the same size
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert called(factor=2.0, step=1.0) == ["42.0", "0"]
    assert called(factor=2.0, step=1.0) == ["42.0", "1"]
    assert called(factor=2.0, step=2.0) == ["44.0", "0"]
    assert called(factor=3.0, step=2.0) == ["66.0", "0"]


def test_a_kernel_from_older_code_than_its_file_is_not_taken_for_one_of_the_file(tmp_path):
    """Python takes a ``.pyc`` for that of a file of the same second and size; the next time, it may not."""
    places = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPYCACHEPREFIX": str(tmp_path / "pyc")}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | places
    (tmp_path / "caller.py").write_text(CALLER)

    def called(step):
        (tmp_path / "other.py").write_text(CALLEE.format(factor=2.0, step=step))
        os.utime(tmp_path / "other.py", (1e9, 1e9))
        done = subprocess.run(
            [sys.executable, str(tmp_path / "caller.py")], capture_output=True, text=True, timeout=120, check=True,
            env=environment,
        )  # fmt: skip
        return done.stdout.split()

    assert called(1.0) == ["42.0", "0"]
    assert called(2.0)[0] == "42.0"  # Python's own
    shutil.rmtree(tmp_path / "pyc")
    assert called(2.0) == ["44.0", "0"]
    assert called(2.0) == ["44.0", "1"]


@pytest.mark.parametrize("engine", ["simulate", "processes"])
def test_without_a_compiler_a_run_says_what_it_needs(engine):
    words = ["run", "sgd", "--problem", "quadratic", "--rounds", "3", "--engine", engine]
    done = subprocess.run(
        [sys.executable, "-m", "tersegrad", *words],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: NUMBA_DISABLE_JIT is set")
    assert len(done.stderr.splitlines()) == 1
