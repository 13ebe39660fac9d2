"""The proxy before real sockets: the same controls, in real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from simulator.network import NetworkProxy

Talk = tuple[asyncio.StreamReader, asyncio.StreamWriter]


Connect = Callable[[], Awaitable[Talk]]


def with_proxy(test: Callable[[NetworkProxy, Connect], Awaitable[None]]) -> None:
    """Run `test` with a proxy before a server that echoes, and a way to connect to it."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        proxy = NetworkProxy("127.0.0.1", server.sockets[0].getsockname()[1])
        proxy.latency_ms = 40
        port = await proxy.start()
        try:
            await test(proxy, lambda: asyncio.open_connection("127.0.0.1", port))
        finally:
            await proxy.close()
            server.close()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_an_answer_takes_a_round_trip() -> None:
    async def test(proxy: NetworkProxy, connect: Connect) -> None:
        reader, writer = await connect()
        started = time.monotonic()
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        assert 0.04 <= time.monotonic() - started < 0.5

    with_proxy(test)


def test_while_it_is_down_nothing_passes_and_afterwards_everything_does() -> None:
    async def test(proxy: NetworkProxy, connect: Connect) -> None:
        reader, writer = await connect()
        proxy.down()
        assert not proxy.is_up
        writer.write(b"one")
        await asyncio.sleep(0.05)
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(6), 0.2)
        proxy.up()
        assert await reader.readexactly(6) == b"onetwo"

    with_proxy(test)


def test_a_connection_made_while_it_is_down_stays_silent() -> None:
    async def test(proxy: NetworkProxy, connect: Connect) -> None:
        proxy.down()
        reader, writer = await connect()
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(5), 0.2)
        proxy.up()
        assert await reader.readexactly(5) == b"hello"

    with_proxy(test)


def test_an_end_is_passed_on() -> None:
    async def test(proxy: NetworkProxy, connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(b"bye")
        writer.write_eof()
        assert await reader.read() == b"bye"

    with_proxy(test)


def test_hanging_up_cuts_every_connection() -> None:
    async def test(proxy: NetworkProxy, connect: Connect) -> None:
        reader, _ = await connect()
        await asyncio.sleep(0.05)
        proxy.hang_up()
        assert await asyncio.wait_for(reader.read(), 1) == b""

    with_proxy(test)


def test_without_anybody_who_knows_messages_none_can_be_dropped() -> None:
    async def test(proxy: NetworkProxy, connect: Connect) -> None:
        with pytest.raises(ValueError, match="nobody behind this proxy"):
            proxy.drop_next("request")

    with_proxy(test)
