"""A whole terminal in a slot, in virtual time: it finds a newer version, fetches and starts it."""

from __future__ import annotations

import asyncio
import json
import tomllib
from urllib.parse import urlsplit

import pytest

from simulator import update_server
from simulator.bench import Bench
from simulator.deployed import deploy, slot
from simulator.standins.world import World
from tests.deploy import images
from tests.update import readme
from tests.update.till import served

UPDATE = tomllib.loads(readme.profile())["terminal"]["update"]  # as a technician provisions it
PLACE = urlsplit(UPDATE["url"])


async def into_a_slot(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> update_server.Files:
    """Version 1 in slot_a, beside what is on the terminal already; a server that has version 2.
    From here on boot.py runs first, as on a board.
    """
    start = World.start
    monkeypatch.setattr(World, "start", lambda world: start(world, "boot", "main"))
    await bench.cut_power()
    old, new = (images.whole(f"0.1.0+{number}") for number in (1, 2))
    root = bench.wiring.filesystem()
    kept = {path: root.read_file(path) for path in root.walk("/") if path.count("/") == 2}
    deploy(bench.wiring, old, kept | slot(old, "slot_a"))
    files = update_server.Files(served(new))
    assert PLACE.hostname is not None and PLACE.port is not None
    sandbox = bench.sandbox
    update_server.listen(sandbox.network, files, sandbox.pki, PLACE.hostname, PLACE.port)
    await bench.power_on()
    return files


def came_up(bench: Bench) -> list[str]:
    """From which slots a version did."""
    return [e["slot"] for e in bench.events if e["is"] == "came up" and e["slot"]]


def starts(bench: Bench) -> list[str]:
    """Why the terminal was started, each time."""
    lines = bench.wiring.filesystem().read_file("/state/box.0").decode().splitlines()
    return [line["why"] for line in map(json.loads, lines) if line["is"] == "started"]


def test_the_restart_of_an_update_was_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with Bench(seed=7, terminal={"update": UPDATE}) as bench:
            files = await into_a_slot(bench, monkeypatch)
            assert came_up(bench) == ["slot_a"]
            assert await bench.until(lambda: "slot_b" in came_up(bench), 600), bench.console[-9:]
            assert "files/version.mpy" in [path for path, _ in files.requests]
            await bench.wait(10)
            assert starts(bench) == ["planned"]
            # What nobody meant is told to the host at once.
            assert not bench.sandbox.acquirer.health.get("KASSA001")

    asyncio.run(story())
