"""A terminal that waits for what never comes says so, restarts, and remembers why; one that only
waits for a person does not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from simulator.bench import Bench

# What a mistake in each room would look like: its task waits for an event that nobody sets.
ROOMS = {
    "forwarding": ("kassa.payment.forward", "Forwarder", "_send"),
    "host link": ("kassa.host.link", "HostLink", "_rest"),
    "terminal": ("kassa.app.terminal", "Terminal", "until_card_is_gone"),
}
OFFLINE = {
    "offline": {
        "mode": "prefer_online", "per_sale": 5000, "total": 50000, "count": 5, "patience_ms": 500,
    }
}  # fmt: skip


def jam(bench: Bench, module: str, owner: str, method: str) -> None:
    """From now on until the restart `owner.method` never returns."""
    assert bench.world is not None
    event = bench.world.load("asyncio").Event

    async def never(*_: Any, **__: Any) -> None:
        await event().wait()

    setattr(getattr(bench.world.load(module), owner), method, never)


def restarts(bench: Bench) -> list[dict[str, Any]]:
    return [event for event in bench.events if (event["at"], event["is"]) == ("main", "restart")]


async def run_into(bench: Bench, room: str) -> None:
    """Make the room do what it is jammed in."""
    if room != "terminal":
        bench.network.down()
    if room == "host link":
        return
    await bench.press("1250", "ENTER")
    await bench.until_screen("present_card")
    await bench.tap("visa_credit")
    await bench.until_screen("approved", "declined", within_s=60)
    await bench.press("CANCEL")
    bench.network.up()


@pytest.mark.parametrize("room", ROOMS)
def test_a_task_that_is_stuck_is_named_and_the_terminal_restarts(room: str) -> None:
    async def scene() -> None:
        async with Bench(seed=3, terminal=OFFLINE) as bench:
            jam(bench, *ROOMS[room])
            await run_into(bench, room)
            assert await bench.until(lambda: bool(restarts(bench)), within_s=600)
            assert restarts(bench)[0]["task"] == room
            await bench.until_screen("out_of_order")
            assert room in bench.screen.text
            await bench.until_screen("welcome", within_s=60)
            kept = bench.wiring.filesystem().read_file("/state/box.0").decode().splitlines()
            stuck = [line for line in map(json.loads, kept) if "stuck" in line["is"]]
            assert stuck[0]["task"] == room and stuck[0]["error"] == "TaskStuck"
            assert json.loads(kept[-1])["is"] == "restart"
            # It serves customers again, and nothing of the money is lost.
            await bench.until(lambda: not bench.screen.text.count("to send"), within_s=120)
            await bench.press("700", "ENTER")
            await bench.until_screen("present_card")
            await bench.tap("visa_credit")
            await bench.until_screen("approved")

    asyncio.run(scene())


@pytest.mark.parametrize("screen", ["amount", "menu"])
def test_a_terminal_may_wait_for_a_person_for_very_long(screen: str) -> None:
    async def scene() -> None:
        async with Bench(seed=4) as bench:
            await bench.press({"amount": "1", "menu": "MENU"}[screen])
            await bench.until_screen(screen)
            await bench.wait(1200)
            assert bench.screen.name == screen and restarts(bench) == []

    asyncio.run(scene())


def test_a_host_that_cannot_be_reached_for_very_long_is_no_reason_to_restart() -> None:
    async def scene() -> None:
        async with Bench(seed=5, terminal=OFFLINE) as bench:
            bench.network.down()
            await bench.press("1250", "ENTER")
            await bench.until_screen("present_card")
            await bench.tap("visa_credit")
            await bench.until_screen("approved", within_s=60)
            await bench.wait(1200)
            assert restarts(bench) == []

    asyncio.run(scene())
