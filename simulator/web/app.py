"""The web application: the page, and a WebSocket that carries the bench to it and its hands back.

/      the page
/ws    messages, JSON: what happens (`view`), and commands (`hands`)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from simulator.web import wallet
from simulator.web.hands import CommandError, Hands
from simulator.web.hub import Hub, Queue
from simulator.web.view import View

STATIC = Path(__file__).parent / "static"
_TICK_S = 0.04
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def create_app(bench_factory: Callable[[], Any]) -> Starlette:
    """The application around one bench, which `bench_factory` makes when the server starts.

    The bench runs as long as the server; every page that comes sees and handles the same one.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        hub = Hub()
        async with _started(app, bench_factory) as bench:
            view = View(bench, wallet.describe(), hub.send)
            hands = Hands(bench, view, wallet.load)
            app.state.hub, app.state.view, app.state.hands = hub, view, hands
            work = (_tick(view), hands.press_keys(), _let_time_pass(bench, view))
            running = [asyncio.create_task(each) for each in work]
            try:
                yield
            finally:
                hub.close()
                hands.close()
                for task in running:
                    task.cancel()

    routes = [
        Route("/", _page),
        WebSocketRoute("/ws", _websocket),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.add_middleware(_Headers)
    return app


@contextlib.asynccontextmanager
async def _started(app: Starlette, bench_factory: Callable[[], Any]) -> AsyncIterator[Any]:
    """The bench, switched on; `app.state.failure` says why when it could not be."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            bench = await stack.enter_async_context(bench_factory())
        except BaseException as error:
            app.state.failure = error
            raise
        yield bench


async def _tick(view: View) -> None:
    while True:
        view.tick()
        await asyncio.sleep(_TICK_S)


async def _let_time_pass(bench: Any, view: View) -> None:
    """Wait with the bench: while somebody does, it restarts a terminal that reset itself.

    What ends the terminal for good (a data sheet disregarded, a dead interpreter) is told on the
    page, and the plug pulled: switching on starts it again.
    """
    while True:
        try:
            await bench.wait(1)
        except Exception as error:  # noqa: BLE001 - whatever it was, the person at the page reads it
            view.notice(f"The terminal stopped: {type(error).__name__}: {error}")
            await bench.cut_power()


async def _page(request: Any) -> FileResponse:
    return FileResponse(STATIC / "index.html")


async def _websocket(socket: WebSocket) -> None:
    """One page, from its coming to its going."""
    if not _same_origin(socket):
        await socket.close(1008)
        return
    await socket.accept()
    state = socket.app.state
    queue = state.hub.join(state.view.snapshot())
    sending = asyncio.create_task(_send_all(socket, queue))
    pressed: set[str] = set()
    try:
        while True:
            await _command(socket, state.hands, pressed)
    except WebSocketDisconnect:
        pass
    finally:
        state.hub.leave(queue)
        state.hands.let_go(pressed)
        sending.cancel()


def _same_origin(socket: WebSocket) -> bool:
    """Pages of other sites may not steer the bench; what is no browser names no origin."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


async def _send_all(socket: WebSocket, queue: Queue) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while (text := await queue.get()) is not None:
            await socket.send_text(text)
        await socket.close(1013)


async def _command(socket: WebSocket, hands: Hands, pressed: set[str]) -> None:
    text = await socket.receive_text()
    try:
        command = json.loads(text)
        if not isinstance(command, dict):
            raise CommandError("a command is a JSON object")
        await hands.do(command)
    except (ValueError, CommandError) as error:
        await socket.send_text(json.dumps({"type": "notice", "text": str(error)}))
        return
    if command["type"] == "key" and not command.get("press"):
        (pressed.add if command.get("down") else pressed.discard)(command["name"])


class _Headers:
    """Adds headers that keep the page to itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)
