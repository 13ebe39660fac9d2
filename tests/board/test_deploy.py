"""`kassa deploy` against a bare board: what a technician does, over the real transport."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from host_tools import emv_signing
from host_tools.board import load as load_board
from host_tools.build import build
from host_tools.cli import app
from simulator.board_thread import BoardThread
from tests.conftest import REFERENCE_BOARD


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "theirs"):
        emv_signing.create(folder / f"{name}.pem")
    return folder


@pytest.fixture(scope="module")
def images(keys: Path) -> Path:
    """The images 1 and 2, 2 with other words in one file."""
    board = load_board(REFERENCE_BOARD)
    for name, signer in (("1", "ours"), ("2", "ours"), ("9", "theirs")):
        key = emv_signing.load(keys / f"{signer}.pem")
        build(board, f"0.1.0+{name}", key=key).write(keys / name)
    return keys


@pytest.fixture
def deployed(board: BoardThread, images: Path) -> Iterator[Any]:
    """Runs `kassa deploy` of an image on the module's board: (exit status, output, error)."""
    port = board.pty()

    def deploy(image: str, *options: str, key: str = "ours") -> Any:
        command = ["deploy", "--port", port, "--image", str(images / image)]
        return CliRunner().invoke(app, [*command, "--key", str(images / f"{key}.pem"), *options])

    yield deploy
    board.do(board.board.unplug)


def test_a_bare_board_gets_a_version_and_comes_up(deployed: Any) -> None:
    result = deployed("1", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["slot"], report["version"]) == ("slot_a", "0.1.0+1")
    assert report["kept"] == 0
    assert not report["provisioned"]


def test_the_next_version_goes_into_the_other_slot_and_copies_what_is_the_same(
    deployed: Any,
) -> None:
    result = deployed("2", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["slot"], report["version"]) == ("slot_b", "0.1.0+2")
    assert report["sent"] <= 4  # what names the version


def test_an_older_version_is_refused(deployed: Any) -> None:
    result = deployed("1")
    assert result.exit_code == 1
    assert "0.1.0+1 is older than 0.1.0+2" in str(result.exception)


def test_another_shops_version_is_refused(deployed: Any) -> None:
    result = deployed("9", key="theirs")
    assert result.exit_code == 1
    assert "--take-over" in str(result.exception)
