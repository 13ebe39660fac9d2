"""What may be put onto a board from a backup, and what never: decided before anything is written.

A backup is a moment of the past, and two things must never go back to a moment of the past on a
terminal that went on: its journal (payments would be lost, others sent again under numbers that
mean something else by now) and its keys (X9.24-3: no key is ever used twice).  So:

| the board's journal | then |
|---|---|
| blank, or no record in it | the backup's is written, and the terminal steps ahead (below) |
| the beginning of the backup's | the same |
| the same as the backup's | it stays; files that are missing are put back |
| the same, but with records missing | the backup's is written |
| goes on after the backup's, and the files are there | refused: the terminal went on |
| goes on after the backup's, and the files are gone | it stays, files are put back around it |
| has records that the backup has not, or is another terminal's | refused |
| not readable with any key there is | kept in a file first, then as if it were blank |

Stepping ahead: the terminal may have gone on after the backup on a chip that is lost, so nothing
of what it may have used since is used again.

- The DUKPT keys go 1,048,576 ahead; a board's own keys stay where they are as new or newer.
- A transaction's name is batch and STAN, so the open batch is 1,000 numbers on; what is stored
  keeps its name, so that the host recognises what it has already had.
- A journal's nonces are a count of starts, four random bytes, and the record's number: the count
  goes 1,000 on, so that even the same random bytes give no nonce again.

Another board than the one that was backed up is taken only when somebody says that the old one is
out of service for good: two boards with one terminal's keys and journal are one too many.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from kassa.journal.anchor import Anchored
from kassa.journal.flash_log import FlashLog
from kassa.journal.report import Report
from kassa.journal.survey import Survey

from host_tools import anchor, journal, key_file, pending
from host_tools.backup import ANCHOR, DEVICE_KEY, TERMINAL, terminal_id
from host_tools.backup_file import JOURNAL, Backup, BackupError
from host_tools.journal import Examination, HostSealer, ImageError, ImagePartition

KEYS = "/state/keys.bin"
BATCH = "/state/batch"
MARKER = "/state/restoring"
SIGNER = "/config/signer.json"
KEYS_AHEAD = 1 << 20
BATCHES_AHEAD = 1_000
STARTS_AHEAD = 1_000
LAST_BATCH = 999_999
_ERASED = b"\xff"
# Of the board's own flash, not of the terminal: which version runs there, what went wrong there.
_STAYS = ("/state/slots", "/state/box.0", "/state/box.1", MARKER)


class RestoreRefused(BackupError):
    """It would not be safe: one line that says why.  Nothing was written."""


@dataclass
class Plan:
    """journal: the image to write, None where the board's stays.  files: what to write, in this
    order.  told: what to tell people.
    """

    journal: bytes | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def make(backup: Backup, before: Backup, replacement: bool = False) -> Plan:
    """What to write.  before: what the board holds now, read the same way.  Raises
    RestoreRefused.
    """
    _check_board(backup, before, replacement)
    decision = _Decision(backup, before)
    plan = Plan()
    if decision.write:
        plan.journal = backup.members[JOURNAL]
    _add_files(plan, decision)
    return plan


def _check_board(backup: Backup, before: Backup, replacement: bool) -> None:
    ours, theirs = backup.facts.get("unique_id"), before.facts.get("unique_id")
    if ours != theirs and not replacement:
        raise RestoreRefused(
            f"the backup is of board {ours}, this is {theirs}; if the old one is out of service "
            "for good (erased, or broken and kept), say --replacement"
        )
    if JOURNAL not in before.members:
        raise RestoreRefused(f"the board's own journal cannot be read: {before.missing[0]}")
    image = backup.members.get(JOURNAL)
    if image is not None and len(image) != len(before.members[JOURNAL]):
        raise RestoreRefused(
            f"the backup's journal has {len(image) >> 10} KiB, the board's partition "
            f"{len(before.members[JOURNAL]) >> 10}: flash the board with the same partitions"
        )

    signers = [each.files.get(SIGNER) for each in (backup, before)]
    if None not in signers and signers[0] != signers[1]:
        raise RestoreRefused(
            "the firmware on the board is signed by another key than the backup's "
            "configuration; deploy it with the backup's shop's key first"
        )


class _Decision:
    """write: whether the backup's journal is written.  ahead: whether the terminal may have gone
    on where nobody sees it.  key: the terminal's device key, None where there is none.
    """

    def __init__(self, backup: Backup, before: Backup) -> None:
        self.backup = backup
        self.before = before
        self.told: list[str] = []
        self.key = _device_key(backup) or _device_key(before)
        self.ahead = True
        interrupted = MARKER in before.files and TERMINAL not in before.files
        image = backup.members.get(JOURNAL)
        self.kept = None if image is None else _open(image, self.key)
        self.write = self.kept is not None
        if image is not None and image.strip(_ERASED) and self.kept is None:
            raise RestoreRefused(
                "the backup's journal cannot be opened: its device key is in no backup given; "
                "name an older one of the same terminal with --files-from"
            )
        if not interrupted:
            self._look_at_board(before.members[JOURNAL])

    def _look_at_board(self, image: bytes) -> None:
        there = _open(image, self.key)
        if not image.strip(_ERASED) or (there is not None and there.head == 0):
            return
        if there is not None:
            self._compare(there)
            return
        others = _open(image, _device_key(self.before))
        if others is not None and others.head:
            raise RestoreRefused(
                f"the board holds another terminal's journal, {others.head} records; have it "
                "send and settle them, then flash the board with --overwrite-journal"
            )
        if others is None:
            self.told.append("The board's journal cannot be read with any key there is.")
            if not self.write:
                raise RestoreRefused("the board's journal is not that of this terminal")

    def _compare(self, there: Examination) -> None:
        if self.kept is None:
            self.write = self.ahead = False
            return
        ours = {record.sequence: (record.kind, record.payload) for record in self.kept.records}
        theirs = {record.sequence: (record.kind, record.payload) for record in there.records}
        if any(ours[number] != theirs[number] for number in ours.keys() & theirs.keys()):
            raise RestoreRefused(
                "the board's journal and the backup's are two different ones of this terminal; "
                "have the board send and settle what it has"
            )
        if there.head > self.kept.head:
            self._went_on(there)
        elif there.head == self.kept.head and _needed(self.kept) <= theirs.keys():
            self.write = self.ahead = False

    def _went_on(self, there: Examination) -> None:
        assert self.kept is not None
        if _device_key(self.before) == self.key:
            raise RestoreRefused(
                f"the terminal went on after the backup: its journal ends at record "
                f"{there.head}, the backup's at {self.kept.head}; restoring it would lose "
                "payments and use keys twice"
            )
        self.write = self.ahead = False
        self.told.append(
            f"The board's own journal stays: it goes on after the backup's, up to {there.head}."
        )


def _add_files(plan: Plan, decision: _Decision) -> None:
    backup, before = decision.backup.files, decision.before.files
    plan.told += decision.told
    if decision.key is not None and before.get(DEVICE_KEY) != decision.key:
        plan.files[DEVICE_KEY] = decision.key
    _add_anchor(plan, decision)
    _add_batch(plan, decision)
    _add_keys(plan, decision)
    special = (DEVICE_KEY, ANCHOR, BATCH, KEYS, TERMINAL, *_STAYS)
    for path, content in sorted(backup.items()):
        newer = path.startswith("/state/") and path in before
        if path not in special and not newer and before.get(path) != content:
            plan.files[path] = content
    # Last: until it is there the terminal does not start, whatever else is half done.
    configured = backup.get(TERMINAL, before.get(TERMINAL))
    if configured is not None and (plan.journal is not None or before.get(TERMINAL) != configured):
        plan.files[TERMINAL] = configured


def _add_anchor(plan: Plan, decision: _Decision) -> None:
    ours = anchor.parse(decision.backup.files.get(ANCHOR))
    theirs = anchor.parse(decision.before.files.get(ANCHOR))
    starts = max(known.starts if known else 0 for known in (ours, theirs)) + STARTS_AHEAD
    if plan.journal is not None:
        found = _anchor(plan.journal, decision.key, ours, starts)
        if found is None and ours is not None:
            found = Anchored(starts, *ours[1:])  # the terminal will say what is wrong with it
        lost = theirs.sequence - decision.kept.head if theirs and decision.kept else 0
        if lost > 0:
            plan.told.append(
                f"The board has had {lost} more records than the backup: they are lost here; "
                "what of them reached the host is in its books."
            )
    elif theirs is None:
        found = _anchor(decision.before.members[JOURNAL], decision.key, None, starts)
    else:
        return
    if found is not None:
        plan.files[ANCHOR] = anchor.to_bytes(found)


def _anchor(
    image: bytes, key: bytes | None, known: Anchored | None, starts: int
) -> Anchored | None:
    """An anchor at the end of a log; None where the log is not the known anchor's."""
    if key is None:
        return None
    report = Report()
    log = FlashLog(ImagePartition(image), HostSealer(key))
    survey = Survey(log, report, known)
    if report.rolled_back or report.replaced:
        return None
    return Anchored(starts, survey.oldest, survey.head, survey.tag, *survey.place)


def _add_batch(plan: Plan, decision: _Decision) -> None:
    ours, theirs = (_batch(each.files.get(BATCH)) for each in (decision.backup, decision.before))
    if not decision.ahead:
        if ours > theirs:
            plan.files[BATCH] = _batch_file(ours)
        return
    if decision.kept is not None:
        ours = max(ours, pending.of(decision.kept.records).batch)
    if MARKER in decision.before.files and theirs >= ours + BATCHES_AHEAD:
        return  # this very restore had come so far
    batch = max(ours, theirs) + BATCHES_AHEAD
    if batch > LAST_BATCH:
        raise RestoreRefused(f"batch {batch} is more than six digits: set the terminal up anew")
    plan.files[BATCH] = _batch_file(batch)
    plan.told.append(f"The next batch is {batch}: no number is used twice.")


def _add_keys(plan: Plan, decision: _Decision) -> None:
    content = decision.backup.files.get(KEYS)
    if content is None:
        return
    ours, theirs = _keys(content), _keys(decision.before.files.get(KEYS))
    if theirs is not None:
        same = ours is not None and theirs.initial_key_id == ours.initial_key_id
        newer = same and ours is not None and theirs.counter >= ours.counter
        own = not same and terminal_id(decision.before) == terminal_id(decision.backup) != ""
        if newer or own or ours is None:
            plan.told.append("The keys on the board stay: they are no older.")
            return
    if ours is None:
        plan.told.append("The keys in the backup are damaged: inject new ones.")
        return
    before = ours.counter
    try:
        ours.step_ahead(KEYS_AHEAD)
    except key_file.KeysError as error:
        plan.told.append(f"No keys: {error}.")
        return
    plan.files[KEYS] = ours.to_bytes()
    plan.told.append(
        f"The keys go on at {ours.counter}, not at {before}: none is used twice. Better still, "
        "inject new ones."
    )


def _open(image: bytes, key: bytes | None) -> Examination | None:
    """The journal in an image, if this key opens it."""
    if key is None:
        return None
    try:
        return journal.examine(image, key)
    except ImageError:
        return None


def _needed(found: Examination) -> set[int]:
    """The records that are not trimmed."""
    return {record.sequence for record in found.records if not record.trimmed}


def _device_key(backup: Backup) -> bytes | None:
    key = backup.files.get(DEVICE_KEY)
    return key if key is not None and len(key) == 16 else None


def _keys(content: bytes | None) -> key_file.KeyFile | None:
    try:
        return None if content is None else key_file.parse(content)
    except key_file.KeysError:
        return None


def _batch(content: bytes | None) -> int:
    try:
        return int(json.loads(content or b"")["batch"])
    except (ValueError, KeyError, TypeError):
        return 1


def _batch_file(batch: int) -> bytes:
    return json.dumps({"batch": batch}).encode()
