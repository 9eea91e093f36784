"""``tersegrad classroom``: demonstrations with sliders, in a browser on this machine."""

from __future__ import annotations

import textwrap

import click

from ..common.errors import InputError, nearest
from .options import Whole

PORT = 2718


@click.command()
@click.argument("names", nargs=-1, metavar="[APP ...]")
@click.option(
    "--port",
    metavar="N",
    type=Whole(0, 65535),
    default=PORT,
    show_default=True,
    help="Port of the server; 0 takes any that is free.",
)
@click.option("--list", "listed", is_flag=True, help="List the apps and serve nothing.")
def classroom(names: tuple[str, ...], port: int, listed: bool) -> int:
    """Serve demonstrations with sliders for a lecture: all apps, or those named.

    Curve and bound follow the sliders; every app has a question, and an answer that is hidden until asked for. Only
    this machine can open them, and no network is needed. Ctrl-C stops it. Needs the extra classroom.
    """
    from ..figures.classroom import LESSONS

    for name in names:
        if name not in LESSONS:
            raise InputError(f"unknown app '{name}'{nearest(name, LESSONS)}; known: {', '.join(LESSONS)}")
    chosen = [LESSONS[name] for name in dict.fromkeys(names) or LESSONS]
    if listed:
        for lesson in chosen:
            click.echo(f"{lesson.name}: {lesson.title}")
            click.echo(textwrap.fill(lesson.goal, 80, initial_indent="    ", subsequent_indent="    "))
        return 0
    from ..common.optional import needed
    from ..figures.classroom import _server

    with _server.listening(port) as bound:
        for package in ("marimo", "matplotlib"):
            needed(package, "the classroom")
        for lesson in chosen:
            click.echo(f"compiling {lesson.name}", err=True)
            _server.warm(lesson)
        place = f"{chosen[0].name}/" if len(chosen) == 1 else ""
        try:
            click.echo(f"http://{_server.HOST}:{bound.getsockname()[1]}/{place}\nCtrl-C stops it")
            _server.serve(chosen, bound)
        except KeyboardInterrupt as end:
            if type(end) is not KeyboardInterrupt:
                raise
    return 0
