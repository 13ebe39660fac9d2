"""A terminal dies, and another board takes its place: the real firmware on both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from host_tools.build import build
from simulator import emv_configuration, provisioning
from simulator.board_thread import BoardThread
from tests.board import terminals
from tests.board.test_backup import kassa

SIGNER = "/config/signer.json"  # as deploy leaves it


def sell(board: BoardThread, keys: str) -> None:
    online = ("host", "connected")
    assert board.do(board.hands.until_screen, "welcome"), board.hands.screens[-3:]
    assert board.until(lambda: online in {(e["at"], e["is"]) for e in board.hands.events})
    board.do(board.hands.press, keys, "ENTER")
    board.do(board.hands.tap, "visa_credit")
    assert board.do(board.hands.until_screen, "approved"), board.hands.screens[-3:]


def test_another_board_goes_on_selling_where_a_dead_one_ended(
    board: BoardThread,
    new_board: Callable[..., BoardThread],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KASSA_HOME", str(tmp_path))

    sandbox = board.do(terminals.open_sandbox)
    built = build(board.board.board, "0.1.0+1", key=emv_configuration.signing_key())
    config = provisioning.files({}, *sandbox.address, sandbox.pki)
    board.do(terminals.start, board, built, config)
    sell(board, "1250")
    file = str(tmp_path / "shop.kassa")
    status, out, err = kassa("backup", "--port", board.pty(), "--output", file)
    assert status == 0, err
    assert "1 transaction, 12.50 EUR" in out
    sell(board, "700")
    board.do(board.board.cut_power)

    other = new_board(seed=7)
    other.do(terminals.start, other, built, {SIGNER: config[SIGNER]})
    assert other.do(other.hands.until_screen, "out_of_order")
    status, _, err = kassa("restore", file, "--port", other.pty(), "--replacement")
    assert status == 0, err
    other.hands.screens.clear()
    other.hands.events.clear()
    sell(other, "333")
    kept = sandbox.acquirer.ledger.kept("KASSA001")
    assert sorted(kept.values()) == [333, 700, 1250]
    # The second sale was after the backup: its number was not used again.
    assert sorted(int(name.batch) for name in kept) == [1, 1, 1001]
    assert not other.board.violations
    board.do(sandbox.close)
