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
