"""The apps on this machine's own address, in run mode: whoever opens one moves sliders and sees no code."""

from __future__ import annotations

import errno
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from html import escape
from importlib import import_module
from typing import Any, cast

from ...common.errors import InputError
from ...common.optional import needed
from . import Lesson

HOST = "127.0.0.1"
HOSTS = [HOST, "localhost"]
"""By these names alone: a page elsewhere that has its own name lead here is refused."""
PAPER = {"display": {"theme": "light"}}
"""Whatever theme a user of marimo has for notebooks: a projector shows dark on white."""
INDEX = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>tersegrad: classroom</title><link rel="icon" href="data:,">
<style>body {{ font: 1.4rem/1.4 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 2.2rem }} li {{ margin: 0.8rem 0; list-style: none }} ul {{ padding: 0 }} a {{ color: #0072b2 }}
a:focus-visible {{ outline: 3px solid #0072b2; outline-offset: 3px }}</style>
<h1>Classroom</h1><ul>{items}</ul></html>
"""


def warm(lesson: Lesson) -> None:
    """Run an app once as it starts, so that what it computes is compiled and nobody waits.

    Raises
    ------
    InputError
        If marimo is not installed.
    """
    needed("marimo", "the classroom")
    import_module(f"{__package__}.{lesson.file.stem}").app.run()


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket of this machine's own address; port 0 takes a free one.

    Raises
    ------
    InputError
        If the port is taken, or not allowed.
    """
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((HOST, port))
            bound.listen()
        except OSError as trouble:
            taken = "is taken" if trouble.errno == errno.EADDRINUSE else f"cannot be used ({trouble.strerror})"
            raise InputError(f"port {port} {taken}: give another one with --port, or 0 for any that is free") from None
        yield bound


def serve(lessons: list[Lesson], bound: socket.socket) -> None:
    """Serve a page that leads to the apps, and each app below its name, until interrupted.

    What is compiled by then stays, and no collection of garbage walks through it: that takes 0.2 s, and a slider waits.

    Raises
    ------
    InputError
        If marimo is not installed.
    """
    import uvicorn

    gc.collect()
    gc.freeze()
    config = uvicorn.Config(site(lessons), log_level="critical", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[bound])


def site(lessons: list[Lesson]) -> Any:
    """The ASGI application."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import HTMLResponse
    from starlette.routing import Mount, Route

    apps = needed("marimo", "the classroom").create_asgi_app(quiet=True)
    for lesson in lessons:
        apps = apps.with_app(path=f"/{lesson.name}", root=str(lesson.file))
    items = "".join(
        f'<li><a href="/{lesson.name}/">{escape(lesson.title)}</a><br>{escape(lesson.goal)}</li>' for lesson in lessons
    )

    async def index(request: Request) -> HTMLResponse:
        return HTMLResponse(INDEX.format(items=items))

    built = apps.build()
    states = [cast(Any, route).app.state for route in built.routes if isinstance(route, Mount)]
    for state in states:
        state.config_manager = state.config_manager.with_overrides(PAPER)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        for state in states:  # an app below another one is not told that the server ends
            await state.session_manager.shutdown()

    only = [Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)]
    return Starlette(routes=[Route("/", index), Mount("/", built)], middleware=only, lifespan=lifespan)
