"""The network's delays and failures for real sockets: a TCP proxy on the loopback interface.

It stands before the acquirer's TLS server when the firmware runs on the MicroPython binary.  It
sees encrypted bytes only, so whole messages are lost at the acquirer instead (`drop_next`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

ROUND_TRIP_MS = 150.0
RETRANSMIT_S = 1.0
_CHUNK = 65536


class NetworkProxy:
    """Forwards connections to `target`, with the same controls as `simulator.network.Network`.

    While it is down, connections stay open and nothing gets through; new ones are taken and stay
    silent, as if the terminal's SYN had been lost.
    """

    def __init__(
        self,
        target_host: str,
        target_port: int,
        seed: int = 0,
        drop_next: Callable[[str], None] | None = None,
    ) -> None:
        self.latency_ms = ROUND_TRIP_MS
        self.loss = 0.0
        self._target = target_host, target_port
        self._random = random.Random(seed)
        self._drop_next = drop_next
        self._passable = asyncio.Event()
        self._passable.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._connected, host, port)
        return self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
        self.hang_up()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def is_up(self) -> bool:
        return self._passable.is_set()

    def up(self) -> None:
        """The network works again."""
        self._passable.set()

    def down(self) -> None:
        """From now on nothing gets through."""
        self._passable.clear()

    def drop_next(self, direction: str) -> None:
        """Lose the next whole "request" or "response"."""
        if self._drop_next is None:
            raise ValueError("nobody behind this proxy can lose a message")
        self._drop_next(direction)

    def hang_up(self) -> None:
        """Cut every connection."""
        for task in self._tasks:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_writer: asyncio.StreamWriter | None = None
        try:
            await self._cross()
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass  # either end broke, or somebody hung up: both ends hear of it below
        finally:
            self._tasks.discard(task)
            writer.close()
            if far_writer is not None:
                far_writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes one way, in order, each chunk for half a round trip."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def deliver() -> None:
            while True:
                sent_at, data = await queue.get()
                await asyncio.sleep(sent_at + self.latency_ms / 2000 - loop.time())
                await self._cross()
                if not data:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()

        async with asyncio.TaskGroup() as group:
            group.create_task(deliver())
            while True:
                data = await reader.read(_CHUNK)
                queue.put_nowait((loop.time(), data))
                if not data:
                    return

    async def _cross(self) -> None:
        """Wait until a segment gets through: while the network is down, and after losses."""
        timeout_s = RETRANSMIT_S
        while True:
            await self._passable.wait()
            if not self.loss or self._random.random() >= self.loss:
                return
            await asyncio.sleep(timeout_s)
            timeout_s *= 2
