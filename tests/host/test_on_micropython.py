"""The codec and the link on the real MicroPython binary, the link over real TLS."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import iso8583 as reference
import pytest
from kassa.host import fields

from host_tools.iso8583_fields import specification
from simulator.acquirer import key_material
from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.pki import SERVER_NAME, Pki
from simulator.acquirer.server import Server, serve
from simulator.network import NetworkProxy
from tests.host.bench import PAN, TRACK2, config_document, emv_data, route
from tests.host.strategies import NUMBERS, PRINTABLE
from tests.on_micropython.run import run_script

pytestmark = pytest.mark.micropython


def random_message(chance: random.Random) -> dict[str, str]:
    """A message as pyiso8583 has it."""
    message = {"t": f"{chance.randrange(10000):04}"}
    for number in chance.sample(NUMBERS, chance.randrange(1, 12)):
        length = fields.length(number)
        if fields.prefix_bytes(number):
            length = chance.randrange(0, min(length, 80) + 1)
        kind = fields.kind(number)
        if kind == fields.BINARY:
            message[str(number)] = chance.randbytes(length).hex().upper()
        else:
            alphabet = {fields.DIGITS: "0123456789", fields.TRACK: "0123456789D"}
            letters = alphabet.get(kind, PRINTABLE)
            message[str(number)] = "".join(chance.choices(letters, k=length))
    return message


_CODEC = """
import json
from kassa.host import iso8583

for text in MESSAGES:
    mti, fields = iso8583.decode(bytes.fromhex(text))
    assert iso8583.encode(mti, fields).hex() == text
    shown = {}
    for number, value in fields.items():
        shown[number] = value.hex().upper() if isinstance(value, bytes) else value
    print(json.dumps([mti, shown]))
for text in GARBAGE:
    try:
        iso8583.decode(bytes.fromhex(text))
    except iso8583.FormatError:
        pass
"""


def test_the_codec_agrees_with_pyiso8583_on_the_device() -> None:
    chance = random.Random(8583)
    messages = [random_message(chance) for _ in range(60)]
    encoded = [bytes(reference.encode(dict(message), specification())[0]) for message in messages]
    garbage = [chance.randbytes(chance.randrange(80)).hex() for _ in range(200)]
    garbage += [(b"\x02\x00" + chance.randbytes(60)).hex() for _ in range(200)]
    for message in encoded:
        cut = chance.randrange(len(message))
        garbage += [message[:cut].hex(), (message[:cut] + b"\xff" + message[cut + 1 :]).hex()]
    script = f"MESSAGES = {[message.hex() for message in encoded]}\nGARBAGE = {garbage}\n"
    lines = run_script(script + _CODEC).splitlines()
    for line, message in zip(lines, messages, strict=True):
        mti, decoded = json.loads(line)
        expected = {name: value for name, value in message.items() if name.isdigit()}
        assert (mti, decoded) == (message["t"], expected)


class TlsBench:
    """The acquirer's TLS server and a proxy before it, in a thread of their own."""

    def __init__(self, pki: Pki, latency_ms: float) -> None:
        self.acquirer = Acquirer()
        self._pki = pki
        self._latency_ms = latency_ms
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.server, self.proxy, self.port = self._in_loop(self._open())

    def _in_loop(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _open(self) -> tuple[Server, NetworkProxy, int]:
        server = await serve(self.acquirer, self._pki, port=0)
        proxy = NetworkProxy("127.0.0.1", server.port)
        proxy.latency_ms = self._latency_ms
        return server, proxy, await proxy.start()

    def close(self) -> None:
        self._in_loop(self.proxy.close())
        self._in_loop(self.server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self.acquirer.ledger.close()


@pytest.fixture
def tls(pki: Pki) -> Iterator[TlsBench]:
    bench = TlsBench(pki, latency_ms=20)
    yield bench
    bench.close()


_LINK = """
import asyncio, json, vfs

from kassa.host import card_block, link as links, messages
from kassa.security.key_store import KeyStore
from kassa.system.clock import Clock
from kassa.system.config import TerminalConfig
from kassa.system.log import Log
from kassa.system.state_file import StateFile

class Rtc:
    moment = (2026, 1, 5, 0, 10, 0, 0, 0)

    def datetime(self, moment=None):
        if moment is not None:
            self.moment = moment
        return self.moment

vfs.mount(vfs.VfsPosix(FOLDER + "/tls"), "/tls")
clock = Clock(Rtc(), StateFile(FOLDER + "/clock.json"))
keys = KeyStore(FOLDER + "/keys.bin")
keys.inject(bytes.fromhex(INITIAL_KEY), bytes.fromhex(INITIAL_KEY_ID))
config = TerminalConfig(json.loads(CONFIG), "test")
link = links.HostLink(config, keys, clock, Log())
builder = messages.Builder(config, clock)
STARTED = (2026, 1, 5, 11, 0, 0)

def sale(stan, amount_minor):
    card = card_block.Card(PAN, "4912", 1, bytes.fromhex(TRACK2))
    emv = bytes.fromhex(EMV[amount_minor])
    return builder.sale(stan, amount_minor, 978, 1, STARTED, emv, card)

async def tell(stan, amount_minor, timeout_ms=3000):
    try:
        answer = await link.exchange(sale(stan, amount_minor), timeout_ms)
        print("RESULT", stan, answer[39])
    except links.HostError as error:
        print("RESULT", stan, type(error).__name__)
"""


def run_link(pki: Pki, tls: TlsBench, tmp_path: Path, main: str, **changes: Any) -> list[str]:
    """Run `main` (an async function's body) on the binary; the RESULT lines it printed."""
    (tmp_path / "tls").mkdir()
    credentials = changes.pop("credentials", pki).terminal("KASSA001")
    for path, content in credentials.as_files().items():
        (tmp_path / path[1:]).write_bytes(content)
    settings = {"routes": [route("proxy", tls.port, "127.0.0.1", **changes)]}
    emv = {amount: emv_data(amount).hex() for amount in (1000, 1250, 1251)}
    constants = {
        "FOLDER": str(tmp_path),
        "INITIAL_KEY": key_material.initial_key("KASSA001").hex(),
        "INITIAL_KEY_ID": key_material.initial_key_id("KASSA001").hex(),
        "CONFIG": json.dumps(config_document(**settings, connect_timeout_ms=2000)),
        "PAN": PAN,
        "TRACK2": TRACK2.hex(),
        "EMV": emv,
    }
    script = "".join(f"{name} = {value!r}\n" for name, value in constants.items()) + _LINK
    script += "async def main():\n    asyncio.create_task(link.run())\n"
    script += "".join(f"    {line}\n" for line in main.strip().splitlines())
    printed = run_script(script + "asyncio.run(main())\n", timeout_s=30)
    return [line for line in printed.splitlines() if line.startswith("RESULT")]


def test_a_sale_goes_through_real_tls_from_the_device(
    pki: Pki, tls: TlsBench, tmp_path: Path
) -> None:
    results = run_link(pki, tls, tmp_path, "await tell(1, 1250)\nawait tell(2, 1251)")
    assert results == ["RESULT 1 00", "RESULT 2 51"]
    assert tls.acquirer.ledger.summary()["approved"] == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop_response", "NoAnswer"),
        ("stall", "NoAnswer"),
        ("wrong_mac", "BadAnswer"),
        ("wrong_stan", "NoAnswer"),
        ("close", "ConnectionLost"),
        ("garbage", "NoAnswer"),
    ],
)
def test_an_awkward_host_gives_the_same_error_on_the_device(
    pki: Pki, tls: TlsBench, tmp_path: Path, fault: str, error: str
) -> None:
    tls.acquirer.faults.next(fault)
    results = run_link(pki, tls, tmp_path, "await tell(1, 1000, 1500)\nawait tell(2, 1250)")
    assert results == [f"RESULT 1 {error}", "RESULT 2 00"]


def test_cancelling_an_exchange_leaves_the_link_in_order_on_the_device(
    pki: Pki, tls: TlsBench, tmp_path: Path
) -> None:
    main = """
while not link.online:
    await asyncio.sleep_ms(10)
task = asyncio.create_task(tell(1, 1000))
await asyncio.sleep_ms(5)
task.cancel()
await asyncio.sleep_ms(200)
await tell(2, 1250)
"""
    assert run_link(pki, tls, tmp_path, main) == ["RESULT 2 00"]


@pytest.mark.parametrize("wrong", ["ca", "name"])
def test_the_device_does_not_talk_to_a_host_it_cannot_verify(
    pki: Pki, tls: TlsBench, tmp_path: Path, wrong: str
) -> None:
    changes: dict[str, Any] = {"server_name": "acquirer.example"}
    if wrong == "ca":
        changes = {"credentials": Pki(tmp_path / "other")}
    assert run_link(pki, tls, tmp_path, "await tell(1, 1000, 4000)", **changes) == [
        "RESULT 1 NotConnected"
    ]
    assert tls.acquirer.messages == []
    assert SERVER_NAME != "acquirer.example"
