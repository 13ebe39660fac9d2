"""Entry Point among the device's own modules: its clock, its log, its scheduler."""

import json
from typing import Any

from simulator import cards
from simulator.standins.world import World
from tests.emv.reader import SANDBOX


def test_a_tap_in_virtual_time_is_logged_line_by_line(world: World) -> None:
    lines: list[dict[str, Any]] = []
    entry_point = world.load("kassa.emv.entry_point")
    config = world.load("kassa.emv.config").from_json(json.dumps(SANDBOX))
    log = world.load("kassa.system.log").Log(lambda line: lines.append(json.loads(line)))
    data = world.load("kassa.emv.transaction_data").TransactionData
    card = cards.load("mastercard_credit")

    class Present:
        async def transceive(self, apdu: bytes) -> bytes:
            return card.transceive(apdu)

    point = entry_point.EntryPoint(config, log)
    number = bytes.fromhex("a1b2c3d4")
    assert point.prepare(data(1250, 978, 276, "261122", "100000", 7, lambda n: number)) is None
    found = world.run(point.perform(Present()), timeout_s=5)
    assert found.kind == "online_request"
    told = [line["is"] for line in lines if line["is"] != "rule"]
    assert told == ["ppse", "select", "gpo", "records", "ac", "outcome"]
    assert [[line["rule"], line["what"]] for line in lines if line["is"] == "rule"] == [
        list(decision) for decision in found.trail
    ]
    assert all(line["at"] == "emv" for line in lines)
    assert found.pan not in json.dumps(lines)
