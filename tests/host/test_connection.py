"""Frames on a stream that breaks, blocks and trickles."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.standins.world import World


class Stream:
    """A stream in the world's asyncio: gives what it is fed, in pieces; takes what it is given."""

    def __init__(self, world: World, pieces: list[bytes | Exception | None] | None = None) -> None:
        self.asyncio = world.load("asyncio")
        self.pieces = list(pieces or [])
        self.written = b""
        self.blocked = False
        self.broken: Exception | None = None
        self.closed = False

    async def readinto(self, buf: Any) -> int | None:
        await self.asyncio.sleep_ms(1)
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        if piece is None:
            return None
        taken = piece[: len(buf)]
        buf[: len(taken)] = taken
        if len(taken) < len(piece):
            self.pieces.insert(0, piece[len(taken) :])
        return len(taken)

    def write(self, data: bytes) -> None:
        if self.broken:
            raise self.broken
        self.written += data

    async def drain(self) -> None:
        while self.blocked:
            await self.asyncio.sleep_ms(10)

    def close(self) -> None:
        pass

    async def wait_closed(self) -> None:
        self.closed = True


def connection(world: World, stream: Stream) -> Any:
    module = world.load("kassa.host.connection")
    return module.Connection(stream, stream, bytearray(1024))


def received(world: World, *pieces: bytes | Exception | None) -> bytes:
    return bytes(world.run(connection(world, Stream(world, list(pieces))).receive()))


def test_a_message_arrives_in_whatever_pieces_it_comes(world: World) -> None:
    for pieces in (
        [b"\x00\x05hello"],
        [bytes([octet]) for octet in b"\x00\x05hello"],
        [b"\x00", None, b"\x05he", None, None, b"llo"],
    ):
        assert received(world, *pieces) == b"hello"


def test_the_next_message_follows_in_the_same_buffer(world: World) -> None:
    ours = connection(world, Stream(world, [b"\x00\x02ab\x00\x03cde"]))
    assert bytes(world.run(ours.receive())) == b"ab"
    assert bytes(world.run(ours.receive())) == b"cde"


@pytest.mark.parametrize("prefix", [b"\x00\x00", b"\x04\x01", b"\xff\xff"])
def test_a_length_that_no_message_has_is_refused(world: World, prefix: bytes) -> None:
    with pytest.raises(ValueError, match="a message of"):
        received(world, prefix, b"x" * 10)


@pytest.mark.parametrize("begun", [b"", b"\x00", b"\x00\x05he"])
def test_an_end_in_the_middle_is_an_end(world: World, begun: bytes) -> None:
    with pytest.raises(EOFError):
        received(world, *([begun] if begun else []), b"")


def test_sending_sends_the_whole_frame(world: World) -> None:
    stream = Stream(world)
    world.run(connection(world, stream).send(b"frame"))
    assert stream.written == b"frame"


def test_two_senders_do_not_mix_their_frames(world: World) -> None:
    stream = Stream(world)
    ours = connection(world, stream)
    stream.blocked = True
    tasks = [stream.asyncio.create_task(ours.send(frame)) for frame in (b"first", b"second")]
    world.run(_sleep(stream, 30))
    assert stream.written == b"first"
    stream.blocked = False
    world.run(_sleep(stream, 30))
    assert stream.written == b"firstsecond"
    assert all(task.done() for task in tasks)


async def _sleep(stream: Stream, ms: int) -> None:
    await stream.asyncio.sleep_ms(ms)


def test_a_frame_cut_off_by_cancellation_ends_the_connection(world: World) -> None:
    errors = world.load("kassa.host.errors")
    stream = Stream(world)
    ours = connection(world, stream)
    stream.blocked = True
    task = stream.asyncio.create_task(ours.send(b"frame"))
    world.run(_sleep(stream, 20))
    task.cancel()
    world.run(_sleep(stream, 20))
    assert not ours.usable
    with pytest.raises(errors.NotConnected):
        world.run(ours.send(b"another"))
    assert stream.written == b"frame"


@pytest.mark.parametrize("error", [OSError(104), ValueError("certificate")])
def test_a_stream_that_breaks_while_sending_leaves_the_outcome_unknown(
    world: World, error: Exception
) -> None:
    errors = world.load("kassa.host.errors")
    stream = Stream(world)
    stream.broken = error
    ours = connection(world, stream)
    with pytest.raises(errors.ConnectionLost):
        world.run(ours.send(b"frame"))
    assert not ours.usable


def test_closing_closes_the_socket(world: World) -> None:
    stream = Stream(world)
    ours = connection(world, stream)
    world.run(ours.close())
    assert stream.closed and not ours.usable
