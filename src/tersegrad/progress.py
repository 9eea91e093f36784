"""Progress on standard error, for work that takes longer than two seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

DELAY = 2.0
"""Seconds before anything is shown."""


class Bars:
    """Bars on a terminal, one per piece of work, updated from any thread; elsewhere a line per finished piece.

    Parameters
    ----------
    begin
        Called once, when the work reports for the first time: whatever it was given has then been checked.
    """

    def __init__(self, begin: Callable[[], None] | None = None) -> None:
        self._begin = begin
        console = Console(stderr=True)
        self._terminal = console.is_terminal
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[text]}"), console=console, transient=True,
        )  # fmt: skip
        self._timer = threading.Timer(DELAY, self._bars.start)
        self._timer.daemon = True
        self._tasks: dict[str, TaskID] = {}
        self._finished: set[str] = set()
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> Bars:
        if self._terminal:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._terminal:
            self._bars.stop()

    def update(self, name: str, done: float, text: str = "") -> None:
        """Show that a fraction `done` of the work `name` is done."""
        with self._lock:
            if self._begin is not None:
                self._begin()
                self._begin = None
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, total=1.0, text=text)
            self._bars.update(self._tasks[name], completed=done, text=text)
            if done >= 1.0 and name not in self._finished:
                self._finished.add(name)
                if not self._terminal and time.monotonic() - self._began > DELAY:
                    self._console.print(f"{name}: {text}", markup=False, highlight=False, soft_wrap=True)
