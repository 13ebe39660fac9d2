"""The terminal looks after itself: a quiet hour a day, and the host hears how it is."""

from __future__ import annotations

import asyncio
import datetime
import json
from typing import Any

import iso8583
import pytest

from host_tools.iso8583_fields import specification
from simulator.bench import Bench
from tests.on_micropython.run import run_script

NIGHT = datetime.datetime(2026, 1, 6, 3, 27, tzinfo=datetime.UTC)


def told(bench: Bench, what: str) -> list[dict[str, Any]]:
    return [event for event in bench.events if (event["at"], event["is"]) == ("care", what)]


def resets(bench: Bench) -> int:
    return sum((event["at"], event["is"]) == ("bench", "reset") for event in bench.events)


def health(bench: Bench) -> list[dict[str, Any]]:
    return bench.sandbox.acquirer.health.get("KASSA001", [])


def box(bench: Bench) -> list[dict[str, Any]]:
    content = bench.wiring.filesystem().read_file("/state/box.0").decode()
    return [json.loads(line) for line in content.splitlines()]


def night(**settings: Any) -> Bench:
    return Bench(seed=9, start=settings.pop("start", NIGHT), terminal=settings)


def test_in_the_quiet_hour_it_warns_tests_itself_and_comes_back() -> None:
    async def scene() -> None:
        async with night() as bench:
            bench.wiring.printer.paper = "out"
            await bench.until_screen("quiet_hour", within_s=600)
            assert bench.utc() >= NIGHT.replace(minute=30)
            warned = bench.utc()
            await bench.until_screen("self_test", within_s=90)
            assert 59 <= (bench.utc() - warned).total_seconds() <= 62
            await bench.until_screen("welcome", within_s=60)
            assert resets(bench) == 1 and told(bench, "self-test")[0]["bad"] == ["printer"]
            assert [line["check"] for line in box(bench) if "check" in line] == ["printer"]
            # Once a day: neither later in the night nor after a power cut.
            await bench.wait(300)
            await bench.cut_power()
            await bench.power_on()
            await bench.wait(2400)
            assert resets(bench) == 1 and bench.screen.name == "welcome"
            # The host hears of it, with a message that anybody can decode.
            (said,) = health(bench)
            assert said["why"] == "planned" and said["bad"] == ["printer"]
            assert said["boot"] == 2 and said["n"][:2] == [1, 1]
            assert len(said["heap"]) == 4 and said["heap"][0] > 0 and said["c"] == 35

    asyncio.run(scene())


def test_any_key_postpones_the_quiet_hour() -> None:
    async def scene() -> None:
        async with night() as bench:
            await bench.until_screen("quiet_hour", within_s=600)
            await bench.press("5")
            await bench.until_screen("welcome", within_s=5)
            await bench.wait(25 * 60)
            assert resets(bench) == 0 and len(told(bench, "quiet hour postponed")) == 1
            await bench.until_screen("quiet_hour", within_s=600)

    asyncio.run(scene())


def test_it_never_comes_while_a_reversal_is_owed() -> None:
    async def scene() -> None:
        async with night(start=NIGHT.replace(minute=20)) as bench:
            bench.sandbox.acquirer.faults.next("drop_response", "0200")
            await bench.press("1250", "ENTER")
            await bench.until_screen("present_card")
            await bench.tap("visa_credit")
            bench.network.down()
            await bench.until_screen("declined", within_s=60)
            await bench.wait(25 * 60)
            assert not any(shown["name"] == "quiet_hour" for shown in bench.screen.history)
            bench.network.up()
            await bench.until_screen("quiet_hour", within_s=900)

    asyncio.run(scene())


def test_it_can_be_switched_off() -> None:
    async def scene() -> None:
        async with night(care={"restart_at": "off"}) as bench:
            await bench.wait(20 * 60)
            assert resets(bench) == 0 and not told(bench, "self-test")

    asyncio.run(scene())


def test_a_record_that_was_damaged_since_the_start_is_found_in_the_quiet_hour() -> None:
    async def scene() -> None:
        async with night(start=NIGHT.replace(minute=20)) as bench:
            await bench.press("1250", "ENTER")
            await bench.until_screen("present_card")
            await bench.tap("visa_credit")
            await bench.until_screen("approved")
            place = bench.wiring.partition("journal")
            # Somewhere inside the sealed content of the second slot of the block in use.
            bench.wiring.flash.flip(place["offset"] + 4096 + 256 + 80, bit=3)
            await bench.until_screen("self_test", within_s=1500)
            await bench.until_screen("welcome", within_s=60)
            found = [line for line in box(bench) if line.get("check") == "journal"]
            assert found and " 1 damaged" in found[0]["message"]

    asyncio.run(scene())


def test_an_unexpected_restart_is_told_at_once_and_only_once() -> None:
    async def scene() -> None:
        async with night(start=NIGHT.replace(hour=10)) as bench:
            assert bench.world is not None
            bench.world.load("kassa.system.watchdog").Watchdog.feed = lambda self: None
            await bench.until_screen("starting", within_s=20)
            await bench.until_screen("welcome", within_s=30)
            assert await bench.until(lambda: bool(health(bench)), within_s=200)
            assert health(bench)[0]["why"] == "watchdog"
            assert health(bench)[0]["n"][2] == 1
            await bench.wait(600)
            assert len(health(bench)) == 1
            entry = next(m for m in bench.sandbox.acquirer.messages if "health" in m)
            assert entry["mti"] == "0800" and entry["fields"]["70"] == "381"
            assert entry["health"] == health(bench)[0]
            assert len(entry["fields"]["63"]) <= 255
            assert any(line["is"] == "started" for line in box(bench))

    asyncio.run(scene())


def test_a_health_message_is_decoded_by_pyiso8583() -> None:
    from kassa.host import iso8583 as codec

    text = '{"v":"1.0","n":[1,2,3]}'
    fields = {7: "0106033100", 11: "000001", 41: "KASSA001", 42: "KASSA0000000001", 63: text}
    raw = codec.encode("0800", {**fields, 70: "381"})
    decoded, _ = iso8583.decode(bytes(raw), specification())
    assert decoded["t"] == "0800" and decoded["70"].lstrip("0") == "381"
    assert json.loads(decoded["63"]) == {"v": "1.0", "n": [1, 2, 3]}


@pytest.mark.parametrize("value", ["24:00", "03:60", "3:30", "night", 330, "0330", ""])
def test_a_wrong_time_of_day_is_named(value: Any) -> None:
    from kassa.system.config import ConfigError, TerminalConfig

    from simulator import provisioning

    document = provisioning.terminal_document({"care": {"restart_at": value}}, "127.0.0.1", 8583)
    with pytest.raises(ConfigError, match=r"care\.restart_at: .*03:30"):
        TerminalConfig(document, "terminal.json")


@pytest.mark.parametrize(("value", "minute"), [("03:30", 210), ("00:00", 0), ("off", None)])
def test_a_time_of_day_is_understood(value: str, minute: int | None) -> None:
    from kassa.system.config import TerminalConfig

    from simulator import provisioning

    document = provisioning.terminal_document({"care": {"restart_at": value}}, "127.0.0.1", 8583)
    assert TerminalConfig(document, "terminal.json").care.restart_minute == minute


ON_MICROPYTHON = """
import asyncio, json, sys, vfs

class Ram:
    def __init__(self): self.data = bytearray(64 * 4096)
    def readblocks(self, n, buf, off=0):
        off += n * 4096
        buf[:] = self.data[off:off + len(buf)]
    def writeblocks(self, n, buf, off=0):
        off += n * 4096
        self.data[off:off + len(buf)] = buf
    def ioctl(self, op, arg): return {4: 64, 5: 4096}.get(op, 0)

ram = Ram()
vfs.VfsLfs2.mkfs(ram)
vfs.mount(vfs.VfsLfs2(ram), "/flash")

class Any:
    def __init__(self, **facts):
        for name in facts: setattr(self, name, facts[name])

class Esp32:
    HEAP_DATA = 4
    idf_heap_info = staticmethod(lambda caps: [(200000, 60000, 40000, 30000)])
    mcu_temperature = staticmethod(lambda: 41)

class Machine:
    WDT_RESET, HARD_RESET, SOFT_RESET = 3, 2, 5

sys.modules["esp32"], sys.modules["machine"] = Esp32, Machine

from kassa.app.care import Care
from kassa.drivers.errors import DriverError
from kassa.drivers.printer import PrinterStatus
from kassa.system.black_box import BlackBox
from kassa.system.counters import Counters
from kassa.system.log import Log
from kassa.system.state_file import StateFile

async def answer(value): return value
async def no_reader(): raise DriverError("no card reader answers")

book = Any(stored=[], owed=[], settling=None, journal=Any(
    report=Any(tampered=False, rolled_back=False, records=3, quarantined_count=0),
    records=lambda: iter((1, 2, 3)), oldest=1,
    free_slots=500, erases=2))
clock = Any(trusted=True, is_set=True, utc=lambda: (2026, 1, 6, 3, 31, 0),
            local=lambda: (2026, 1, 6, 3, 31, 0))
terminal = Any(
    config=Any(care=Any(restart_minute=210)), clock=clock, log=Log(), idle=True, idle_since=0,
    payments=Any(book=book, forwarder=Any(busy=asyncio.Lock())),
    keypad=Any(stuck=lambda: []),
    link=Any(online=True, routes=Any(all=[])),
    reader=Any(start=no_reader, field=lambda on: answer(None)),
    paper=Any(printer=Any(status=lambda: answer(PrinterStatus(0x12, 0x12, 0x12)))),
    screens=Any(acknowledge=lambda *a, **k: answer(None), show=lambda *a, **k: answer(None)))

def care():
    counters = Counters(StateFile("/flash/counters"))
    counters.started(Machine.HARD_RESET)
    return Care(terminal, Any(ready=True), BlackBox("/flash/box"), counters,
                StateFile("/flash/care"), StateFile("/flash/trend"),
                {"name": "x", "chip": "esp32"}, "1.0", lambda: print("RESTART"))

first = care()
print(first._quiet_hour_is_due())
asyncio.run(first.quiet_hour())
again = care()
print(again._quiet_hour_is_due(), json.dumps(again.figures()))
for line in BlackBox("/flash/box").lines()[:2]:
    print(line)
"""


@pytest.mark.micropython
def test_the_quiet_hour_on_micropython() -> None:
    printed = run_script(ON_MICROPYTHON, heap=1 << 20).splitlines()
    assert printed[0] == "True" and "RESTART" in printed
    due, figures = printed[-3].split(" ", 1)
    told = json.loads(figures)
    assert (
        due == "False" and told["why"] == "planned" and told["bad"] == ["certificates", "reader"]
    )
    assert told["heap"][2] == 64 and told["heap"][0] > 100 and told["c"] == 41
    kept = json.loads(printed[-1])
    assert kept["check"] == "reader" and kept["message"] == "no card reader answers"
