"""The command line: ``tersegrad COMMAND``; one module of `commands` per command, loaded when it is called.

Exit status: 0 every bound held, or the calculator found a step; 1 a bound was violated; 2 bad input, in one sentence
on standard error; 3 undecided, no guarantee, or diverged, with the reason; 4 a worker's process was lost; 70 a defect
of tersegrad itself, with its traceback, so that no defect passes for a violated bound; 130 interrupted; 143 ended by
SIGTERM and 129 by SIGHUP; 141 standard output was closed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn, TextIO

import click

from .common.ending import Ended, handled
from .common.errors import InputError, WorkerError, counted, legible, nearest
from .common.front import command_line
from .common.optional import EXTRAS, way_out
from .common.version import __version__

BAD_INPUT, WORKER_LOST, DEFECT, INTERRUPTED, CLOSED_PIPE = 2, 4, 70, 130, 141
#: The status of a process that a signal ended is this plus the signal's number.
SIGNALLED = 128
#: Seconds for which an interrupted command waits for its threads.
PATIENCE = 1.0

COMMANDS = {
    "verify": ("verify", "verify"),
    "constants": ("constants", "constants"),
    "advise": ("advise", "advise"),
    "step-size": ("step_size", "step_size"),
    "compare": ("compare", "compare"),
    "run": ("run", "run"),
    "speedup": ("speedup", "speedup"),
    "frontier": ("frontier", "frontier"),
    "tightness": ("tightness", "tightness"),
    "list": ("catalogue", "list_things"),
    "show": ("catalogue", "show"),
    "certify": ("certify", "certify"),
    "falsify": ("falsify", "falsify"),
    "replay": ("replay", "replay"),
    "figures": ("figures", "draw_figures"),
    "classroom": ("classroom", "classroom"),
    "doctor": ("doctor", "doctor"),
}
"""Command -> its module and its name there."""


class Front(click.Group):
    """A group that loads its commands lazily and reports every mistake in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        return getattr(import_module(f".commands.{module}", __package__), name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise InputError(f"unknown command '{args[0]}'{nearest(args[0], COMMANDS)}; known: {', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        _open_closed_streams()
        if args is None:  # a shell asks what may follow, and is answered
            self._main_shell_completion(extra, "tersegrad")
        with handled(), command_line():
            status = self._status(list(sys.argv[1:] if args is None else args))
            if args is None and status == INTERRUPTED:
                with contextlib.suppress(ValueError):
                    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C changes nothing any more
        if status == INTERRUPTED or status > SIGNALLED:
            _leave_running_threads(status)
        _keep_status()
        sys.exit(status)

    def _status(self, args: list[str]) -> int:
        """Run, and turn whatever happens into an exit status and at most one sentence."""
        try:
            with self.make_context("tersegrad", args) as ctx:
                status = self.invoke(ctx)
            sys.stdout.flush()
            return int(status or 0)
        except click.exceptions.Exit as end:
            return end.exit_code
        except Ended as end:
            stored = ""
            if end.stored is not None:
                stored = f"; {counted(end.stored[1], 'round')} stored: continue with --resume {end.stored[0]}"
            return _say(f"ended by {end}{stored}", SIGNALLED + end.number)
        except (KeyboardInterrupt, click.Abort):
            return _say("interrupted", INTERRUPTED)
        except InputError as mistake:
            return _say(f"error: {mistake}", BAD_INPUT)
        except WorkerError as loss:
            return _say(f"error: {loss}", WORKER_LOST)
        except click.ClickException as mistake:
            return _say(f"error: {usage_sentence(mistake)}", BAD_INPUT)
        except MemoryError:
            return _say(
                "error: there is not enough memory for this; use fewer workers, replicas or coordinates",
                BAD_INPUT,
            )
        except OSError as trouble:
            if trouble.errno == errno.EPIPE:
                _close_output()
                return CLOSED_PIPE
            if trouble.errno == errno.ENOSPC:
                _close_output()
            where = f" '{trouble.filename}'" if trouble.filename else ""
            return _say(f"error: cannot use{where or ' the output'}: {trouble.strerror or trouble}", BAD_INPUT)
        except ModuleNotFoundError as absence:
            package = (absence.name or "").partition(".")[0]
            if package not in EXTRAS:
                traceback.print_exc()
                return DEFECT
            return _say(f"error: this needs {package}, which is not installed: {way_out(package)}", BAD_INPUT)
        except Exception:
            traceback.print_exc()
            return DEFECT


def usage_sentence(mistake: click.ClickException) -> str:
    """A click error as one sentence, the nearest known option suggested."""
    ctx = getattr(mistake, "ctx", None)
    if isinstance(mistake, click.NoSuchOption):
        options = [o for p in ctx.command.get_params(ctx) for o in p.opts if o.startswith("-")] if ctx else []
        return f"no such option '{mistake.option_name}'{nearest(mistake.option_name, options)}"
    text = " ".join(mistake.format_message().split()).rstrip(".").replace("valid integer range", "whole number")
    return text[:1].lower() + text[1:]


def _say(sentence: str, status: int) -> int:
    """Say it on standard error, if anybody can hear it; the status says the rest."""
    try:
        click.echo(legible(sentence), err=True)
        sys.stderr.flush()
    except (OSError, ValueError):
        _close(sys.stderr)
    return status


def _close_output() -> None:
    _close(sys.stdout)


def _close(stream: TextIO) -> None:
    """Nothing more can be written there: keep the interpreter from trying at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_closed_streams() -> None:
    """Give every standard stream that was closed (``>&-``) a place where what is written is lost.

    Otherwise the next file that is opened would get its number, and what is printed would be written there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            if os.open(os.devnull, os.O_RDWR) != number:
                return
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _leave_running_threads(status: int) -> None:
    """End now if a thread is still in a long round: Python would wait for it."""
    if threading.current_thread() is not threading.main_thread():
        return
    until = time.monotonic() + PATIENCE
    others = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    for thread in others:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() for thread in others):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


def _keep_status() -> None:
    """Keep CPython from ending by SIGINT, whatever the status, after Ctrl-C inside source that was being executed.

    Imports execute such source: of named tuples and data classes, and SciPy's of its distributions. CPython remembers
    that the last source it executed was interrupted, even where the exception is caught.
    """
    exec("")


@click.group(cls=Front, invoke_without_command=True)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context) -> int:
    """Put the theory of compressed gradients to the test.

    SPEC is name:key=value,key=value, for example topk:ratio=0.01 or least-squares:rows=1200,dim=500,reg=0.05.

    Exit status: 0 every bound held or a step was found, 1 a bound was violated, 2 bad input, 3 undecided, no guarantee
    or diverged, 4 a worker was lost.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    return 0
