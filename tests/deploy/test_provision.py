"""A deployed board becomes a terminal; the same command again changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host_tools import ca, profile, provision
from host_tools.build import Built
from host_tools.profile import Profile
from simulator import sandbox_profile
from simulator.acquirer.pki import Pki
from tests.deploy.images import KEY
from tests.deploy.world_board import WorldBoard

CODE = "27182818"
TERMINAL = "/config/terminal.json"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KASSA_HOME", str(tmp_path / "shop"))
    return tmp_path


@pytest.fixture
def sandbox(shop: Path) -> Profile:
    path = shop / "sandbox.toml"
    sandbox_profile.write(path, "127.0.0.1", 8583, Pki(shop / "pki"))
    text = path.read_text("utf-8")
    # The keys need the firmware itself; these boards have a handful of files in its place.
    path.write_text(text.partition("[keys]")[0], "utf-8")
    return profile.read(path)


def provisioned(board: WorldBoard, wanted: Profile, code: str = CODE) -> list[str]:
    """The steps in words."""
    said: list[str] = []
    board._stop_program()
    provision.Provisioning(
        board, wanted, KEY, ca.ShopCa(), service_code=code, code_is_in="FILE", say=said.append
    ).run()
    return said


def kept(board: WorldBoard) -> dict[str, Any]:
    """What the terminal has of the service code."""
    return json.loads(board.wiring.filesystem("kassa").read_file(TERMINAL))["service"]


def test_a_terminal_gets_a_hash_of_the_code_and_is_told_where_the_code_is(
    boards: Callable[..., WorldBoard], old: Built, sandbox: Profile
) -> None:
    board = boards(slot_a=old)
    said = provisioned(board, sandbox)
    assert "service menu: its code is in FILE" in said
    assert CODE not in "".join(said) and CODE not in "".join(board.sent)
    found = kept(board)
    derived = hashlib.pbkdf2_hmac(
        "sha256", CODE.encode(), bytes.fromhex(found["salt"]), found["rounds"]
    )
    assert found["hash"] == derived.hex() and found["rounds"] == 2000


def test_the_same_again_writes_nothing_and_another_code_does(
    boards: Callable[..., WorldBoard], old: Built, sandbox: Profile
) -> None:
    board = boards(slot_a=old)
    provisioned(board, sandbox)
    first = kept(board)
    assert "configuration: nothing has changed" in provisioned(board, sandbox)
    assert kept(board) == first
    assert "configuration: terminal.json written" in provisioned(board, sandbox, "314159")
    second = kept(board)
    assert second["salt"] != first["salt"] and second["hash"] != first["hash"]


def test_a_damaged_configuration_is_written_anew(
    boards: Callable[..., WorldBoard], old: Built, sandbox: Profile
) -> None:
    board = boards(slot_a=old)
    provisioned(board, sandbox)
    for damaged in (b"{", b"[1]", b"\xff"):
        board.wiring.filesystem("kassa").write_file(TERMINAL, damaged)
        assert "configuration: terminal.json written" in provisioned(board, sandbox)
        assert len(kept(board)["hash"]) == 64
