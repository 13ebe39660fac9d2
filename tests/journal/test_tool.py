"""`kassa journal`: what it shows, what it says, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from host_tools.cli import app
from simulator.chips.nor_flash import BLOCK, PowerCut
from tests.journal.bench import KEY, Terminal

HEX = KEY.hex()


@pytest.fixture
def terminal() -> Terminal:
    terminal = Terminal()
    journal = terminal.start()
    for number in range(20):
        journal.append(number, b"sale %d" % number)
    journal.append(9, bytes(500))
    return terminal


class Tool:
    """Runs the command on the terminal's flash as it is."""

    def __init__(self, folder: Path, terminal: Terminal) -> None:
        self.image = folder / "journal.bin"
        self.anchor = folder / "anchor"
        self.terminal = terminal

    def __call__(self, *arguments: str) -> tuple[int, str]:
        self.image.write_bytes(self.terminal.flash.image())
        self.anchor.write_text(json.dumps(self.terminal.anchor.content))
        command, *options = arguments
        result = CliRunner().invoke(app, ["journal", command, str(self.image), *options])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.output

    def json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        status, printed = self(*arguments, "--json")
        return status, json.loads(printed)


@pytest.fixture
def tool(tmp_path: Path, terminal: Terminal) -> Tool:
    return Tool(tmp_path, terminal)


def test_a_whole_log_verifies(tool: Tool) -> None:
    status, said = tool("verify", "--key", HEX, "--anchor", str(tool.anchor))
    assert status == 0
    assert "21 records from 1 to 21" in said and "nothing is missing" in said


def test_records_are_shown_with_their_content(tool: Tool) -> None:
    status, found = tool.json("read", "--key", HEX)
    assert status == 0
    assert [record["sequence"] for record in found["records"]] == list(range(1, 22))
    assert bytes.fromhex(found["records"][4]["payload"]) == b"sale 4"
    assert found["records"][4]["kind"] == 4
    _, said = tool("read", "--key", HEX)
    assert b"sale 4".hex() in said


def test_without_the_key_nothing_sealed_is_shown(tool: Tool) -> None:
    status, found = tool.json("read")
    assert status == 0 and len(found["records"]) == 21
    assert {record["payload"] for record in found["records"]} == {None}
    _, said = tool("read")
    assert "(sealed)" in said and "Without the key" in said


def test_a_damaged_record_is_named_with_its_place(tool: Tool) -> None:
    tool.terminal.flash.flip(BLOCK + 7 * 256 + 20, 3)
    status, said = tool("verify", "--key", HEX)
    assert status == 1
    assert "Record 7 (block 1, slot 7) is damaged" in said


def test_a_record_that_is_gone_is_missed_even_without_the_key(tool: Tool) -> None:
    block = bytearray(tool.terminal.flash.image(BLOCK, BLOCK))
    block[7 * 256 : 9 * 256] = b"\xff" * 512
    tool.terminal.flash.load(bytes(block), BLOCK)
    for options in ((), ("--key", HEX)):
        status, said = tool("verify", *options)
        assert status == 1 and "Records 7 to 8 are missing." in said


def test_a_changed_link_is_noticed_without_the_key(tool: Tool) -> None:
    tool.terminal.flash.flip(BLOCK + 7 * 256 + 15, 3)
    status, said = tool("verify")
    assert status == 1 and "Record 7 (block 1, slot 7) does not follow" in said


def test_a_damaged_header_is_named(tool: Tool) -> None:
    tool.terminal.flash.flip(BLOCK + 224 + 15, 3)
    status, said = tool("verify", "--key", HEX)
    assert status == 1 and "header of block 1 is damaged" in said


def test_a_cut_write_is_no_damage(tool: Tool) -> None:
    tool.terminal.flash.cut_after(1, "half")
    with pytest.raises(PowerCut):
        tool.terminal.start().append(1, bytes(200))
    for options in ((), ("--key", HEX)):
        status, found = tool.json("verify", *options)
        assert (status, found["torn"], found["records"]) == (0, 1, 21)
        assert "power failed" in found["sentences"][0]


def test_an_older_image_is_told_by_the_anchor(tool: Tool) -> None:
    image = tool.terminal.flash.snapshot()
    journal = tool.terminal.start()
    for _ in range(30):
        journal.append(1, b"later")
    tool.terminal.flash.restore(image)
    status, said = tool("verify", "--key", HEX, "--anchor", str(tool.anchor))
    assert status == 1 and "older state" in said
    assert tool("verify", "--key", HEX)[0] == 0  # which only the anchor can know


def test_trimmed_records_are_shown_as_such(tool: Tool) -> None:
    tool.terminal.start().trim(10)
    status, found = tool.json("read", "--key", HEX, "--anchor", str(tool.anchor))
    assert status == 0 and found["oldest"] == 10
    assert [each["sequence"] for each in found["records"] if each["trimmed"]] == [*range(1, 10)]


def test_a_ring_that_went_round_verifies(tool: Tool) -> None:
    journal = tool.terminal.start()
    for _ in range(500):
        journal.append(1, bytes(220))
        journal.trim(journal.head - 50)
    status, found = tool.json("verify", "--key", HEX, "--anchor", str(tool.anchor))
    assert status == 0 and found["head"] == 521


def test_the_wrong_key_is_said_so(tool: Tool) -> None:
    status, said = tool("verify", "--key", "00" * 16)
    assert status == 2 and "no block is sealed with this key" in said


def test_what_is_no_image_is_said_so(tool: Tool) -> None:
    assert tool("verify", "--key", "beef")[0] == 2
    tool.terminal.flash.load(bytes(range(256)) * 256)
    assert tool("verify") == (2, f"kassa: {tool.image}: this is no image of a journal\n")
    result = CliRunner().invoke(app, ["journal", "read", str(tool.image.parent / "none")])
    assert result.exit_code == 2
    tool.image.write_bytes(bytes(1000))
    result = CliRunner().invoke(app, ["journal", "read", str(tool.image)])
    assert result.exit_code == 2 and "64 KiB to 4 MiB" in result.output


def test_an_empty_partition_is_an_empty_log(tool: Tool) -> None:
    tool.terminal.flash.load(b"\xff" * tool.terminal.flash.size)
    status, found = tool.json("verify")
    assert (status, found["records"]) == (0, 0)
