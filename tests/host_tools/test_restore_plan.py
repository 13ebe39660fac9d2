"""What a restore may write, decided before anything is: each row of the table, each number."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from kassa.payment import records as payments
from kassa.payment.transaction import Transaction

from host_tools import anchor, key_file, restore, restore_plan
from host_tools.backup_file import JOURNAL, Backup
from host_tools.journal import HostSealer
from host_tools.restore_plan import BATCHES_AHEAD, KEYS_AHEAD, STARTS_AHEAD, RestoreRefused
from tests.journal.bench import KEY, SMALL, Terminal, payloads

OTHER_KEY = bytes(16)
IDENTITY = b"12345678"
STAY = "The keys on the board stay: they are no older."
CONFIG = b'{"terminal_id": "KASSA001"}'


def terminal(records: int = 0, key: bytes = KEY, size: int = SMALL) -> Terminal:
    made = Terminal(size, sealer=HostSealer(key))
    journal = made.start()
    for number in range(records):
        journal.append(99, b"record %d" % number)
    journal.anchor_head()
    return made


def keys(counter: int = 1, identity: bytes = IDENTITY) -> bytes:
    file = key_file.KeyFile(identity, 1, {n: bytes([n + 1] * 16) for n in range(32)})
    file.step_ahead(counter - 1)
    return file.to_bytes()


def read(terminal: Terminal, key: bytes = KEY, board: str = "aa") -> Backup:
    """What is read off the terminal's board."""
    members = {
        JOURNAL: terminal.flash.image(),
        "state/device.key": key,
        "state/keys.bin": keys(7),
        "state/journal": json.dumps(terminal.anchor.content).encode(),
        "state/batch": b'{"batch": 5}',
        "state/clock": b"1",
        "config/terminal.json": CONFIG,
        "tls/ca.der": b"ca",
    }
    return Backup({"unique_id": board}, members)


def blank(**more: Any) -> Backup:
    """A new board."""
    return Backup({"unique_id": "aa"}, {JOURNAL: b"\xff" * more.get("size", SMALL)})


def batch(plan: restore_plan.Plan) -> int:
    return json.loads(plan.files["/state/batch"])["batch"]


def starts(content: bytes) -> int:
    found = anchor.parse(content)
    assert found is not None
    return found.starts


def test_a_blank_board_gets_everything_and_steps_ahead() -> None:
    old = terminal(20)
    plan = restore_plan.make(read(old), blank())
    assert plan.journal == old.flash.image()
    assert batch(plan) == 5 + BATCHES_AHEAD
    assert key_file.parse(plan.files["/state/keys.bin"]).counter == 7 + KEYS_AHEAD
    assert starts(plan.files["/state/journal"]) == 1 + STARTS_AHEAD
    assert plan.files["/state/device.key"] == KEY
    assert plan.files["/state/clock"] == b"1" and plan.files["/tls/ca.der"] == b"ca"
    assert list(plan.files)[-1] == "/config/terminal.json"


def test_the_restored_journal_is_the_terminals_own_with_another_epoch() -> None:
    old = terminal(20)
    plan = restore_plan.make(read(old), blank())
    assert plan.journal is not None
    new = Terminal(sealer=HostSealer(KEY))
    new.flash.load(plan.journal)
    new.anchor.content = json.loads(plan.files["/state/journal"])
    journal = new.start()
    assert not journal.report.tampered
    assert len(payloads(journal)) == 20
    # The same random bytes, and yet not the nonces that the old board goes on with.
    old._random.seed(1)
    new._random.seed(1)
    assert new.start()._epoch[:2] != old.start()._epoch[:2]
    assert new.start().append(99, b"next") == 21


def test_the_beginning_of_a_journal_is_gone_on_with() -> None:
    old = terminal(20)
    before = read(old)
    journal = old.start()
    for number in range(20, 60):
        journal.append(99, b"record %d" % number)
    plan = restore_plan.make(read(old), before)
    assert plan.journal == old.flash.image()


def test_the_same_journal_stays_and_only_what_is_missing_is_written() -> None:
    old = terminal(20)
    before = read(old)
    assert restore_plan.make(read(old), before) == restore_plan.Plan(told=[STAY])
    del before.members["tls/ca.der"]
    plan = restore_plan.make(read(old), before)
    assert plan.journal is None and plan.files == {"/tls/ca.der": b"ca"}


def test_a_terminal_that_went_on_is_refused() -> None:
    old = terminal(20)
    backup = read(old)
    old.start().append(99, b"one more")
    with pytest.raises(RestoreRefused, match="ends at record 21, the backup's at 20"):
        restore_plan.make(backup, read(old))


def test_a_journal_that_goes_on_stays_when_only_the_files_are_gone() -> None:
    old = terminal(20)
    backup = read(old)
    journal = old.start()
    for _ in range(40):
        journal.append(99, b"more")
    journal.trim(50)
    lost = Backup({"unique_id": "aa"}, {JOURNAL: old.flash.image()})
    plan = restore_plan.make(backup, lost)
    assert plan.journal is None and plan.files["/state/device.key"] == KEY
    assert key_file.parse(plan.files["/state/keys.bin"]).counter == 7 + KEYS_AHEAD
    old.anchor.content = json.loads(plan.files["/state/journal"])
    again = old.start()
    assert not again.report.tampered and again.head == 60
    assert set(range(50, 61)) <= set(payloads(again))
    assert again.report.quarantined == []


def test_two_journals_of_one_terminal_that_differ_are_refused() -> None:
    old = terminal(20)
    other = terminal(20)
    other.start().append(99, b"this")
    old.start().append(99, b"that")
    with pytest.raises(RestoreRefused, match="two different ones"):
        restore_plan.make(read(old), read(other))


def test_another_terminals_journal_is_refused_unless_it_is_empty() -> None:
    theirs = terminal(3, OTHER_KEY)
    with pytest.raises(RestoreRefused, match="another terminal's journal, 3 records"):
        restore_plan.make(read(terminal(20)), read(theirs, OTHER_KEY, board="aa"))
    fresh = terminal(0, OTHER_KEY)
    fresh.start().prepare()
    plan = restore_plan.make(read(terminal(20)), read(fresh, OTHER_KEY))
    assert plan.journal is not None and plan.files["/state/device.key"] == KEY


def test_an_unreadable_journal_is_written_over_by_a_journal_only() -> None:
    broken = Backup({"unique_id": "aa"}, {JOURNAL: b"\x12" * SMALL})
    plan = restore_plan.make(read(terminal(20)), broken)
    assert plan.journal is not None and "cannot be read with any key" in plan.told[0]
    without = read(terminal(20))
    del without.members[JOURNAL]
    with pytest.raises(RestoreRefused, match="not that of this terminal"):
        restore_plan.make(without, broken)


def test_another_board_is_taken_only_when_the_old_one_is_said_to_be_dead() -> None:
    other = replace(blank(), facts={"unique_id": "bb"})
    with pytest.raises(RestoreRefused, match="of board aa, this is bb"):
        restore_plan.make(read(terminal(20)), other)
    assert restore_plan.make(read(terminal(20)), other, replacement=True).journal is not None


def test_a_board_whose_firmware_another_shop_has_signed_is_refused() -> None:
    backup, before = read(terminal(20)), blank()
    backup.members["config/signer.json"] = b"ours"
    assert restore_plan.make(backup, before).files["/config/signer.json"] == b"ours"
    before.members["config/signer.json"] = b"theirs"
    with pytest.raises(RestoreRefused, match="signed by another key"):
        restore_plan.make(backup, before)


def test_a_partition_of_another_size_is_refused() -> None:
    with pytest.raises(RestoreRefused, match="64 KiB, the board's partition 128"):
        restore_plan.make(read(terminal(20)), blank(size=2 * SMALL))


def test_a_journal_without_its_key_is_refused_until_an_older_backup_has_it() -> None:
    old = around(200)
    older = read(old)
    journal = old.start()
    for _ in range(300):
        journal.append(99, b"later")
        journal.trim(journal.head - 150)
    alone = Backup({"unique_id": "aa"}, {JOURNAL: old.flash.image()})
    with pytest.raises(RestoreRefused, match="--files-from"):
        restore_plan.make(alone, blank())
    plan = restore_plan.make(restore.merged(alone, older), blank())
    assert plan.journal == old.flash.image()
    assert plan.files["/config/terminal.json"] == CONFIG
    old.anchor.content = json.loads(plan.files["/state/journal"])
    journal = old.start()
    assert not journal.report.tampered and len(payloads(journal)) >= 150
    # An older anchor would miss what was trimmed since.
    assert journal.report.quarantined == []
    with pytest.raises(RestoreRefused, match="of two boards"):
        restore.merged(alone, replace(older, facts={"unique_id": "bb"}))


@pytest.mark.parametrize(
    ("there", "counter"),
    [
        (keys(7), None),
        (keys(9), None),
        (keys(6), 7 + KEYS_AHEAD),
        (b"damaged", 7 + KEYS_AHEAD),
        (None, 7 + KEYS_AHEAD),
        (keys(1, b"newkeys!"), None),
    ],
)
def test_keys_never_go_back(there: bytes | None, counter: int | None) -> None:
    before = blank()
    before.members["config/terminal.json"] = CONFIG
    if there is not None:
        before.members["state/keys.bin"] = there
    written = restore_plan.make(read(terminal(20)), before).files.get("/state/keys.bin")
    assert (written and key_file.parse(written).counter) == counter


def test_another_terminals_keys_give_way_to_those_of_the_restored_one() -> None:
    before = blank()
    before.members["config/terminal.json"] = b'{"terminal_id": "KASSA002"}'
    before.members["state/keys.bin"] = keys(1, b"theirs!!")
    written = restore_plan.make(read(terminal(20)), before).files["/state/keys.bin"]
    assert key_file.parse(written).initial_key_id == IDENTITY


@pytest.mark.parametrize(("ours", "theirs", "then"), [(5, 1, 1005), (5, 70, 1070), (70, 5, 1070)])
def test_a_batch_is_after_every_one_that_may_have_been(ours: int, theirs: int, then: int) -> None:
    backup = read(terminal(20))
    backup.members["state/batch"] = b'{"batch": %d}' % ours
    before = blank()
    before.members["state/batch"] = b'{"batch": %d}' % theirs
    assert batch(restore_plan.make(backup, before)) == then


def test_batches_end_before_seven_digits() -> None:
    backup = read(terminal(20))
    backup.members["state/batch"] = b'{"batch": 999500}'
    with pytest.raises(RestoreRefused, match="six digits"):
        restore_plan.make(backup, blank())


def test_what_belongs_to_the_board_stays_there() -> None:
    backup = read(terminal(20))
    for name in ("slots", "box.0", "box.1"):
        backup.members[f"state/{name}"] = b"old"
    files = restore_plan.make(backup, blank()).files
    assert not {"/state/slots", "/state/box.0", "/state/box.1"} & set(files)


def test_what_the_board_has_had_since_is_told() -> None:
    backup = read(terminal(20))
    before = blank()
    before.members["state/journal"] = b'[9, 1, 33, "0000000000000000", 3, 2]'
    plan = restore_plan.make(backup, before)
    assert any("13 more records than the backup" in line for line in plan.told)
    assert starts(plan.files["/state/journal"]) == 9 + STARTS_AHEAD


def around(records: int = 400) -> Terminal:
    """A journal that has gone round its partition: its newest blocks come first there."""
    made = terminal(0)
    journal = made.start()
    for number in range(records):
        journal.append(99, b"record %d" % number)
        journal.trim(journal.head - 150)
    journal.anchor_head()
    return made


def test_a_restore_that_was_cut_off_is_made_again_whatever_it_left() -> None:
    old = around()
    done = restore_plan.make(read(old), blank())
    assert done.journal is not None
    for block in range(1, 16):
        # With the newest block there it looks like the whole, and is half of it.
        image = done.journal[: block * 4096] + b"\xff" * ((16 - block) * 4096)
        before = Backup({"unique_id": "aa"}, {JOURNAL: image, "state/restoring": b"x"})
        before.members |= {name.lstrip("/"): content for name, content in done.files.items()}
        del before.members["config/terminal.json"]
        again = restore_plan.make(read(old), before)
        assert again.journal == done.journal
        # It had come so far: the numbers do not go on once more.
        assert "/state/batch" not in again.files and "/state/keys.bin" not in again.files


def test_a_journal_that_lost_a_block_is_written_again() -> None:
    old = around()
    backup = read(old)
    old.flash.load(b"\xff" * 4096, 3 * 4096)  # still needed
    assert restore_plan.make(backup, read(old)).journal == backup.members[JOURNAL]


def test_a_mark_that_was_left_behind_does_not_make_a_terminal_that_went_on_give_way() -> None:
    old = terminal(20)
    backup = read(old)
    old.start().append(99, b"one more")
    before = read(old)
    before.members["state/restoring"] = b"x"
    with pytest.raises(RestoreRefused, match="went on"):
        restore_plan.make(backup, before)


def test_small_state_that_the_board_has_stays() -> None:
    before = blank()
    before.members["state/clock"] = b"2"
    before.members["tls/ca.der"] = b"another"
    files = restore_plan.make(read(terminal(20)), before).files
    assert "/state/clock" not in files and files["/tls/ca.der"] == b"ca"


def test_without_its_file_the_batch_is_the_journals() -> None:
    old = terminal()
    sale = Transaction("sale", 1250, "EUR", 42, 7, (2026, 11, 22, 10, 0, 0))
    old.start().append(payments.REQUESTED, payments.encode(payments.REQUESTED, sale))
    backup = read(old)
    del backup.members["state/batch"]
    assert batch(restore_plan.make(backup, blank())) == 7 + BATCHES_AHEAD


def test_a_journal_that_was_tampered_with_is_so_after_the_restore() -> None:
    old = terminal(20)
    older = old.flash.snapshot()
    journal = old.start()
    for _ in range(40):
        journal.append(99, b"more")
    old.flash.restore(older)
    plan = restore_plan.make(read(old), blank())
    old.anchor.content = json.loads(plan.files["/state/journal"])
    assert old.start().report.rolled_back
