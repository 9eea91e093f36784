"""Signals that ask a process to end: they become an exception, at once or where the work can be interrupted.

A cluster's scheduler sends SIGTERM before it kills, a closed terminal SIGHUP. The command line has both handled here;
a program that imports the package keeps its own handling.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType


class Ended(KeyboardInterrupt):
    """A signal has asked this process to end.

    Attributes
    ----------
    number
        Of the signal.
    stored
        The checkpoint that was written because of it, and the rounds that are in it; None if there is none.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.stored: tuple[Path, int] | None = None


_state = {"deferred": 0, "asked": 0}
#: When Ctrl-C was pressed first; a second one within so many seconds changes nothing: everything is ending.
_pressed: list[float] = []
PATIENCE = 10.0


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not _pressed:
        _pressed.append(time.monotonic())
        raise KeyboardInterrupt
    if time.monotonic() - _pressed[0] > PATIENCE:
        os._exit(128 + number)


def _handle(number: int, frame: FrameType | None) -> None:
    if _state["deferred"] and not _state["asked"]:
        _state["asked"] = number
        return
    raise Ended(number)


def asked() -> int:
    """The signal that came while signals are deferred; 0 if none did."""
    return _state["asked"]


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into `Ended`, and have Ctrl-C interrupt once; what is ignored (nohup) stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [number for name in names if signal.getsignal(number := getattr(signal, name)) == signal.SIG_DFL]
    _state.update(deferred=0, asked=0)
    _pressed.clear()
    for number in numbers:
        signal.signal(number, _handle)
    own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if own:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        if own and signal.getsignal(signal.SIGINT) is _interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Let the first signal wait until the work looks (`asked`); a second one interrupts at once."""
    _state["deferred"] += 1
    try:
        yield
    finally:
        _state["deferred"] -= 1


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back for a moment; processes started meanwhile never see one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # started later, it would let SIGINT through again
    handler, held = signal.getsignal(signal.SIGINT), list[tuple[int, FrameType | None]]()
    # Another thread, a BLAS's for instance, takes the signal that this one blocks, and the handler still runs here.
    # It is held first, and to the last: whatever comes in between is neither lost nor leaves the signal blocked.
    ours = callable(handler) and threading.current_thread() is threading.main_thread()
    try:
        if ours:
            signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    finally:
        if ours:
            signal.signal(signal.SIGINT, handler)
        if held and callable(handler):
            handler(*held[0])
