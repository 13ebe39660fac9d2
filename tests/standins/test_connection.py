"""`asyncio.open_connection` and its streams over the world's network."""

from __future__ import annotations

import pytest

from simulator.network import Network
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import new_world

HOST = ("host.test", 7000)
PROGRAM = """
import asyncio, time

async def talk(port=7000):
    started = time.ticks_ms()
    reader, writer = await asyncio.open_connection("host.test", port)
    opened = time.ticks_diff(time.ticks_ms(), started)
    writer.write(b"ping\\n")
    await writer.drain()
    line = await reader.readline()
    answered = time.ticks_diff(time.ticks_ms(), started)
    writer.write(b"bye\\n")
    rest = await reader.read()
    writer.close()
    await writer.wait_closed()
    return opened, answered, line, rest
"""


class Echo:
    """A host that sends lines back and hangs up after "bye"."""

    def __init__(self, send, close, call_later, terminal) -> None:
        self.send = send
        self.close = close

    def received(self, data: bytes) -> None:
        self.send(data)
        if data == b"bye\n":
            self.close()

    def closed(self) -> None: ...


@pytest.fixture
def network(wiring: Wiring) -> Network:
    network = Network(wiring.clock)
    network.listen(*HOST, Echo)
    return network


def test_bytes_cross_the_network_in_its_time(wiring: Wiring, network: Network):
    world = new_world(wiring=wiring, network=network)
    opened, answered, line, rest = world.run(world.execute(PROGRAM).talk())
    assert (line, rest) == (b"ping\n", b"bye\n")
    assert 145 <= opened <= 160
    assert 295 <= answered <= 315


def test_nobody_there_is_an_oserror(wiring: Wiring, network: Network):
    world = new_world(wiring=wiring, network=network)
    with pytest.raises(OSError, match="ECONNRESET"):
        world.run(world.execute(PROGRAM).talk(7001))


def test_without_a_network_no_host_can_be_reached(world: World):
    with pytest.raises(OSError, match="EHOSTUNREACH"):
        world.run(world.execute(PROGRAM).talk())


def test_a_connection_may_be_given_up_while_it_is_being_made(wiring: Wiring, network: Network):
    network.down()
    world = new_world(wiring=wiring, network=network)
    parts = world.execute(
        PROGRAM + "async def main():\n"
        "    try:\n        await asyncio.wait_for(talk(), 3)\n"
        "    except asyncio.TimeoutError:\n        return time.ticks_ms()\n"
    )
    world.run(parts.main())
    assert 2.9e9 < world.clock.now_ns < 3.1e9


def test_the_end_of_the_world_leaves_no_connection_that_speaks(wiring: Wiring, network: Network):
    world = new_world(wiring=wiring, network=network)
    parts = world.execute(
        "import asyncio\n"
        "async def main():\n"
        "    r, w = await asyncio.open_connection('host.test', 7000)\n"
        "    try:\n        await asyncio.sleep(9)\n"
        "    finally:\n        w.write(b'from the grave')\n"
    )
    heard = []
    Echo.received, received = lambda self, data: heard.append(data), Echo.received
    try:
        with pytest.raises(TimeoutError):
            world.run(parts.main(), timeout_s=2)
        wiring.mcu.power_off()
        wiring.clock.advance_to(wiring.clock.now_ns + 5_000_000_000)
    finally:
        Echo.received = received
    assert heard == []
