"""A virtual board that lives beside a program which is not asynchronous: in a thread of its own.

with BoardThread() as board:
    subprocess.run(["mpremote", "connect", board.pty(), "exec", "print(1)"])
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self

from simulator.board import VirtualBoard
from simulator.board_hands import Hands

_STARTS_WITHIN_S = 30
_ANSWERS_WITHIN_S = 60


class BoardThread:
    """Takes what `VirtualBoard` takes.

    board, hands: only for what merely looks; whatever acts goes through `do`.
    """

    board: VirtualBoard
    hands: Hands

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._make = lambda: VirtualBoard(*arguments, **settings)
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="virtual board", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result(_STARTS_WITHIN_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Switch it off and save its flash; once is enough, twice does no harm."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(_STARTS_WITHIN_S)

    def do(self, action: Callable[..., Any], *arguments: Any, **settings: Any) -> Any:
        """Call a function (or await a coroutine function) in the board's thread; its result."""

        async def act() -> Any:
            result = action(*arguments, **settings)
            return await result if inspect.isawaitable(result) else result

        future = asyncio.run_coroutine_threadsafe(act(), self._loop)
        return future.result(_ANSWERS_WITHIN_S)

    def pty(self) -> str:
        """Connect a pseudo-terminal; its name."""
        return self.do(lambda: self.board.open_pty())

    def tcp(self) -> str:
        """Connect a free TCP port; its `socket://` address."""
        return self.do(self.board.open_tcp)

    def until(self, happened: Callable[[], bool], within_s: float = 20) -> bool:
        """Wait until something is true; False when it is not in time."""
        return self.do(self.board.until, happened, within_s)

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            else:
                raise

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        async with self._make() as self.board:
            self.hands = Hands(self.board)
            self._ready.set_result(None)
            await self._over.wait()
