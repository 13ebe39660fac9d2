"""The firmware's host link on one side, the acquirer on the other, the virtual network between."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

from host_tools.board import load as load_board
from simulator.acquirer import key_material, virtual
from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.pki import SERVER_NAME, Pki
from simulator.cards import issuers
from simulator.clock import NS_PER_MS, VirtualClock
from simulator.network import Connection, Network
from simulator.wiring import Wiring
from tests.conftest import REFERENCE_BOARD, new_world

PAN = "4761739001010119"
TRACK2 = bytes.fromhex("4761739001010119D28122011234512345")
STARTED = (2026, 1, 5, 11, 0, 0)
ANSWER_TIMEOUT_MS = 10_000


def config_document(**host: Any) -> dict[str, Any]:
    return {
        "terminal_id": "KASSA001",
        "merchant": {
            "id": "000000000012345",
            "name": "Kassa Coffee",
            "lines": [],
            "category": "5812",
        },
        "currency": "EUR",
        "country": 276,
        "language": "en",
        "utc_offset_minutes": 60,
        "network": {"ssid": "kassa", "password": ""},
        "host": {
            "routes": [route("first", 8583)],
            "connect_timeout_ms": 5000,
            "answer_timeout_ms": ANSWER_TIMEOUT_MS,
            "echo_s": 60,
        }
        | host,
    }


def route(name: str, port: int, host: str = "10.0.0.1", **changes: Any) -> dict[str, Any]:
    return {"name": name, "host": host, "port": port, "server_name": SERVER_NAME} | changes


class Wire:
    """Sees every byte that passes, and can count connections."""

    def __init__(self, network: Network) -> None:
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        self.attempts_ns: list[int] = []
        self._network = network
        self._connect = network.connect
        network.connect = self.connect  # type: ignore[method-assign]

    def connect(self, host: str, port: int, tls: Any = None) -> Connection:
        self.attempts_ns.append(self._network.clock.now_ns)
        connection = self._connect(host, port, tls)
        send, on_data = connection.send, connection.on_data

        def record_sent(data: bytes) -> None:
            self.sent.append(data)
            send(data)

        def record_received(call: Callable[[bytes], None]) -> None:
            def receive(data: bytes) -> None:
                self.received.append(data)
                call(data)

            on_data(receive)

        connection.send = record_sent  # type: ignore[method-assign]
        connection.on_data = record_received  # type: ignore[method-assign]
        return connection


class HostBench:
    """A terminal's link, running, with `bench.acquirer` at 10.0.0.1:8583.

    listening   (host, port) at which the acquirer answers
    pki         the acquirer's certificates; `credentials` the terminal's, the same CA by default
    """

    def __init__(
        self,
        pki: Pki,
        *,
        listening: tuple[tuple[str, int], ...] = (("10.0.0.1", 8583),),
        credentials: Pki | None = None,
        keys: bool = True,
        utc: tuple[int, ...] = (2026, 1, 5, 10, 0, 0),
        **host: Any,
    ) -> None:
        self.wiring = Wiring(load_board(REFERENCE_BOARD), VirtualClock())
        self.clock = self.wiring.clock
        self.network = Network(self.clock, seed=1)
        self.wire = Wire(self.network)
        self.acquirer = Acquirer(now=self._now)
        for address in listening:
            virtual.listen(self.network, self.acquirer, pki, *address)
        self.world = new_world(
            wiring=self.wiring, root=self.wiring.filesystem(), network=self.network
        )
        files = (credentials or pki).terminal("KASSA001").as_files()
        self.world.root.mkdir("/tls")
        for path, content in files.items():
            self.world.root.write_file(path, content)
        load = self.world.load
        config = load("kassa.system.config").TerminalConfig(config_document(**host), "test")
        memory = load("kassa.system.state_file").StateFile("/state/clock.json")
        self.time = load("kassa.system.clock").Clock(load("machine").RTC(), memory, 60)
        self.time.set_utc(utc)
        self.lines: list[str] = []
        log = load("kassa.system.log").Log(self.lines.append)
        self.keys = load("kassa.security.key_store").KeyStore("/state/keys.bin")
        if keys:
            self.keys.inject(
                key_material.initial_key("KASSA001"), key_material.initial_key_id("KASSA001")
            )
        self.messages = load("kassa.host.messages")
        self.card_block = load("kassa.host.card_block")
        self.errors = load("kassa.host.errors")
        self.builder = self.messages.Builder(config, self.time)
        self.link = load("kassa.host.link").HostLink(config, self.keys, self.time, log)
        self.asyncio = load("asyncio")
        self.running = self.asyncio.create_task(self.link.run())

    def _now(self) -> datetime.datetime:
        start = datetime.datetime(2026, 1, 5, 10, 0, tzinfo=datetime.UTC)
        return start + datetime.timedelta(microseconds=self.clock.now_ns // 1000)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The terminal's log."""
        return [json.loads(line) for line in self.lines]

    def happened(self, what: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["is"] == what]

    def wait(self, seconds: float) -> None:
        """Let the terminal run for a while."""
        self.world.run(self._sleep(int(seconds * 1000)), timeout_s=seconds + 1)

    async def _sleep(self, ms: int) -> None:
        await self.asyncio.sleep_ms(ms)

    def until_online(self, within_s: float = 10) -> float:
        """Wait for the sign-on; how long it took, in milliseconds."""
        start_ns = self.clock.now_ns
        while not self.link.online:
            assert self.clock.now_ns - start_ns < within_s * 1e9, self.lines
            self.wait(0.01)
        return (self.clock.now_ns - start_ns) / NS_PER_MS

    def sale(self, stan: int = 1, amount_minor: int = 1250) -> Any:
        """A request with a Visa card's data."""
        card = self.card_block.Card(PAN, "2812", 1, bytearray(TRACK2))
        return self.builder.sale(stan, amount_minor, 978, 1, STARTED, emv_data(amount_minor), card)

    def exchange(self, request: Any, timeout_ms: int = ANSWER_TIMEOUT_MS) -> dict[int, Any]:
        """The answer's fields, or the link's error; never later than the time-out."""
        start_ns = self.clock.now_ns
        try:
            return self.world.run(
                self.link.exchange(request, timeout_ms), timeout_s=timeout_ms / 1000 + 1
            )
        finally:
            assert (self.clock.now_ns - start_ns) / NS_PER_MS <= timeout_ms + 50

    def start_exchange(self, request: Any, timeout_ms: int = ANSWER_TIMEOUT_MS) -> Any:
        """The task of an exchange that goes on while the test does something else."""
        return self.asyncio.create_task(self.link.exchange(request, timeout_ms))

    def finish(self, task: Any, within_s: float = 20) -> Any:
        """The result of such a task."""
        return self.world.run(self._await(task), timeout_s=within_s)

    async def _await(self, task: Any) -> Any:
        return await task


def emv_data(amount_minor: int) -> bytes:
    """DE 55 of a Visa card (CVN 10) with its cryptogram."""
    iad = bytes.fromhex("06010A03A00000")
    data = {
        0x9F02: bytes.fromhex(f"{amount_minor:012}"),
        0x9F03: bytes(6),
        0x9F1A: bytes.fromhex("0276"),
        0x95: bytes(5),
        0x5F2A: bytes.fromhex("0978"),
        0x9A: bytes.fromhex("260105"),
        0x9C: b"\x00",
        0x9F37: bytes.fromhex("01020304"),
        0x82: bytes.fromhex("2020"),
        0x9F36: bytes.fromhex("0001"),
    }
    arqc = issuers.cryptogram(PAN, 1, data[0x9F36], iad, data)
    content = b""
    for tag, value in (data | {0x9F10: iad, 0x9F26: arqc, 0x9F27: b"\x80"}).items():
        content += tag.to_bytes((tag.bit_length() + 7) // 8) + bytes([len(value)]) + value
    return content
