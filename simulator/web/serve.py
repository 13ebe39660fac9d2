"""Serve the page until somebody presses Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from simulator.web.app import create_app

HOST = "127.0.0.1"
DEFAULT_PORT = 8000


class ServeError(Exception):
    """The page cannot be served; the message is one line and says what to do."""


def chosen_port(option: int | None = None) -> int:
    """The port: the option, else KASSA_PORT, else 8000.  Raises ServeError when it is no port."""
    text = str(option) if option is not None else os.environ.get("KASSA_PORT", "")
    if not text:
        return DEFAULT_PORT
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise ServeError(f"port {text!r} is not a number from 1 to 65535")
    return int(text)


def run(bench_factory: Callable[[], Any], port: int | None = None) -> None:
    """Serve the page around one bench at 127.0.0.1; prints the address once it can be opened.

    `port` defaults to `chosen_port()`.  Raises ServeError when the port is taken or the terminal
    does not start.
    """
    listener = _listener(chosen_port() if port is None else port)
    try:
        asyncio.run(_serve(bench_factory, listener))
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} is taken: choose another with --port or KASSA_PORT"
        else:
            message = f"port {port} cannot be used: {error.strerror}"
        raise ServeError(message) from error
    return listener


async def _serve(bench_factory: Callable[[], Any], listener: socket.socket) -> None:
    app = create_app(bench_factory)
    # Quiet until it serves: why it does not is ours to tell.
    config = uvicorn.Config(app, log_level="critical", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    print("Switching the terminal on ...", flush=True)
    serving = asyncio.create_task(_run(server, listener))
    while not (server.started or serving.done()):
        await asyncio.sleep(0.02)
    if not server.started:
        raise ServeError(f"the terminal did not start: {app.state.failure}")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    print(f"Kassa is at http://{HOST}:{listener.getsockname()[1]}/", flush=True)
    print("Ctrl-C ends it.", flush=True)
    await serving


async def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    with contextlib.suppress(SystemExit):  # uvicorn's way to say that it could not start
        await server.serve(sockets=[listener])
