"""Progress on standard error, for work that takes longer than two seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import click

from .common.optional import missing

DELAY = 2.0
"""Seconds before anything is shown."""


class Bars:
    """Bars on a terminal, one per piece of work, updated from any thread; elsewhere a line per finished piece.

    Without rich, a terminal gets lines, too.

    Parameters
    ----------
    begin
        Called once, when the work reports for the first time: whatever it was given has then been checked.
    """

    def __init__(self, begin: Callable[[], None] | None = None) -> None:
        self._begin = begin
        self._bars = _bars() if sys.stderr.isatty() and not missing("rich") else None
        if self._bars is not None:
            self._timer = threading.Timer(DELAY, self._bars.start)
            self._timer.daemon = True
        self._tasks: dict[str, Any] = {}
        self._finished: set[str] = set()
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> Bars:
        if self._bars is not None:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._timer.cancel()
            self._bars.stop()

    def update(self, name: str, done: float, text: str = "") -> None:
        """Show that a fraction `done` of the work `name` is done."""
        with self._lock:
            if self._begin is not None:
                self._begin()
                self._begin = None
            if self._bars is not None:
                if name not in self._tasks:
                    self._tasks[name] = self._bars.add_task(name, total=1.0, text=text)
                self._bars.update(self._tasks[name], completed=done, text=text)
            elif done >= 1.0 and name not in self._finished:
                self._finished.add(name)
                if time.monotonic() - self._began > DELAY:
                    click.echo(f"{name}: {text}", err=True)


def _bars() -> Any:
    """The columns of a line: name, bar, share, time, what is being done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[text]}"), console=Console(stderr=True), transient=True,
    )  # fmt: skip
