"""Files that appear whole or not at all, and what is no file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tersegrad as tg
from tersegrad.common.files import whole_file, writable_file, write_whole
from tersegrad.solvers import snapshot
from tersegrad.theory import InputError


def written(path, content=b"new"):
    with whole_file(path, "", "choose another file") as file:
        file.write(content)


def test_a_new_file_has_the_permissions_of_the_umask_and_an_old_one_keeps_its_own(tmp_path):
    before = os.umask(0o027)
    try:
        written(tmp_path / "new")
        (tmp_path / "old").write_text("old")
        (tmp_path / "old").chmod(0o604)
        written(tmp_path / "old")
        trace = tg.simulate("sgd", "quadratic:dim=3", workers=1, parameters={"gamma": 0.1}, rounds=2)
        trace.save(tmp_path / "trace")
        snapshot.write(tmp_path / "checkpoint", {}, [], [])
        write_whole(tmp_path / "report", "text")
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes.pop("old") == 0o604
    assert modes == dict.fromkeys(("new", "trace", "checkpoint", "report"), 0o640)


def test_links_are_followed(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "target").write_text("old")
    for name, target in (("link", "far/target"), ("dangling", "far/none")):
        (tmp_path / name).symlink_to(tmp_path / target)
        written(writable_file(tmp_path / name))
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / target).read_bytes() == b"new"


def test_a_pipe_that_is_read_is_written_to(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="nothing reads what is written there"):
        written(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    content = os.urandom(1 << 18)
    for _ in range(200):
        try:
            written(writable_file(pipe), content)
            break
        except InputError:
            threading.Event().wait(0.05)  # the reader has not opened it yet
    reader.join(20)
    assert got == [content]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="needs devices")
def test_devices_are_written_to_and_stay_devices():
    """As root, to rename a file over /dev/null would replace the device."""
    written(writable_file("/dev/null"))
    assert Path("/dev/null").is_char_device()
    if Path("/dev/full").exists():
        with pytest.raises(InputError, match="No space left"):
            written("/dev/full", b"x" * 100)
        assert Path("/dev/full").is_char_device()


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    script = (
        "import os, sys\n"
        "from tersegrad.common.files import whole_file\n"
        f"with whole_file({str(tmp_path / 'c')!r}, '', '') as file:\n"
        "    file.write(b'half'); file.flush(); print('there', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"there\n"
    from tersegrad.common import files

    written(tmp_path / "c")
    assert len(list(tmp_path.iterdir())) == 2
    other.kill()
    other.communicate()
    files._looked_at.clear()  # as in the next process
    written(tmp_path / "c")
    assert [file.name for file in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("read", [tg.Trace.load, tg.Schedule.load, snapshot.read])
def test_pipes_devices_and_folders_are_not_read(read, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    places = [(tmp_path / "pipe", "a pipe or a device"), (tmp_path, "a folder"), (tmp_path / "none", "No such file")]
    places += [("/dev/zero", "a pipe or a device")] if Path("/dev/zero").exists() else []
    for place, said in places:
        with pytest.raises(InputError, match=said):
            read(place)


def test_a_trace_that_unpacks_to_more_than_memory_is_not_unpacked(tmp_path):
    """Three arrays in 3 kB that say of themselves that they have 4.3 GB each."""
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for k in range(3):
            packed.writestr(f"column/{k}.npy", bytes(1 << 20))
    content = bytearray(path.read_bytes())
    at = -1
    while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
        content[at + 24 : at + 28] = (2**32 - 2).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"unpacks to 12\.9 GB; the limit is 8 GB"):
        tg.Trace.load(path)


def test_a_schedule_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    schedule = tg.Schedule.of([0, 1, 2], [0, 1, 0], [0, 0, 1])
    schedule.save(tmp_path / "s.csv")
    whole = (tmp_path / "s.csv").read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    longer = tg.Schedule.of(np.arange(5), np.arange(5) % 2, np.zeros(5, int))
    with pytest.raises(InputError, match="No space left on device; choose another --schedule-out"):
        longer.save(tmp_path / "s.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["s.csv"]
    assert (tmp_path / "s.csv").read_bytes() == whole
