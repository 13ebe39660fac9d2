"""What payment applications of all schemes have in common, and the directory that lists them.

Sources: EMV 4.3 Book 1, 11 and 12 (SELECT, PPSE's relative), Book 3, 6.5 (commands), Book B, 3.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from kassa.emv import dol, tags, tlv

from simulator.cards.inspection import Inspector
from simulator.cards.personalisation import Application

PPSE = b"2PAY.SYS.DDF01"

OK = 0x9000
WRONG_LENGTH = 0x6700
CONDITIONS_NOT_SATISFIED = 0x6985
SWITCH_INTERFACE = 0x6984
SEE_PHONE = 0x6986
WRONG_DATA = 0x6A80
NOT_FOUND = 0x6A82
RECORD_NOT_FOUND = 0x6A83
WRONG_P1P2 = 0x6A86
INS_NOT_SUPPORTED = 0x6D00
CLA_NOT_SUPPORTED = 0x6E00
FILE_INVALIDATED = 0x6283

AAC, TC, ARQC = 0x00, 0x40, 0x80
REFUND = b"\x20"

MS = 1_000_000


class Refused(Exception):
    """A command answered by a status word and nothing else."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


def ppse(applications: Iterable[Application]) -> bytes:
    """The directory's FCI: one entry an application."""
    entries: list[tuple[int, bytes | list]] = []
    for app in applications:
        entry: list[tuple[int, bytes | list]] = [
            (tags.AID_CARD, app.aid),
            (tags.LABEL, app.label.encode()),
            (tags.PRIORITY, bytes([app.priority])),
        ]
        if app.kernel_id:
            entry.append((tags.KERNEL_ID, app.kernel_id))
        entries.append((tags.DIRECTORY_ENTRY, entry))
    proprietary = [(tags.FCI_PROPRIETARY, [(tags.FCI_ISSUER_DATA, entries)])]
    return tlv.encode(tags.FCI_TEMPLATE, [(tags.DF_NAME, PPSE), *proprietary])


class Applet:
    """A payment application between SELECT and the end of a session.

    A subclass gives `pdol` and handles the commands of its scheme in `command`.  `atc` counts
    sessions for the life of the object, as a card's memory does.  `inspector` notes what a
    terminal did wrong and a card would still have answered.
    """

    pdol = b""
    tells_owner = True  # asks by 6986 to be unlocked, when it is asked for processing options
    sends_away = True  # says 6984 then, too, where it wants its contacts used

    def __init__(self, app: Application) -> None:
        self.app = app
        self.atc = 0x0041
        self.unlocked = not app.locked
        self._initiated = False
        self.records: dict[tuple[int, int], bytes] = {}
        self.inspector = Inspector(app.applet)

    def fci(self) -> bytes:
        app = self.app
        inner: list[tuple[int, bytes | list]] = [
            (tags.LABEL, app.label.encode()),
            (tags.PRIORITY, bytes([app.priority])),
            (tags.LANGUAGES, app.languages.encode()),
        ]
        if self.pdol:
            inner.append((tags.PDOL, self.pdol))
        if app.preferred_name:
            inner.append((tags.CODE_TABLE, b"\x01"))
            inner.append((tags.PREFERRED_NAME, app.preferred_name.encode("latin-1")))
        if app.program_id:
            inner.append((tags.FCI_ISSUER_DATA, [(tags.PROGRAM_ID, app.program_id)]))
        template = [(tags.DF_NAME, app.aid), (tags.FCI_PROPRIETARY, inner)]
        return tlv.encode(tags.FCI_TEMPLATE, template)

    def select(self) -> bytes:
        """A new session; Refused with 6283 when the issuer blocked the application."""
        self._initiated = False
        if self.app.blocked:
            raise Refused(FILE_INVALIDATED)
        return self.fci()

    def session_over(self) -> None:
        """The power went.  An owner who was asked to unlock the phone has done so by the next
        tap."""
        self._initiated = False

    def command(self, cla: int, ins: int, p1: int, p2: int, data: bytes) -> bytes:
        """The data of the answer with status 9000; any other status is Refused."""
        if (cla, ins) == (0x00, 0xB2):
            return self._read_record(p1, p2)
        if (cla, ins) == (0x80, 0xA8):
            if p1 or p2:
                raise Refused(WRONG_P1P2)
            given = self._pdol_values(data)
            self.inspector.options(given)
            if self.sends_away and self.app.switch_interface:
                raise Refused(SWITCH_INTERFACE)
            if self.tells_owner and not self.unlocked:
                self.unlocked = True
                raise Refused(SEE_PHONE)
            answer = self._get_processing_options(given)
            self.inspector.told(answer)
            return answer
        raise Refused(INS_NOT_SUPPORTED if cla in (0x00, 0x80) else CLA_NOT_SUPPORTED)

    def _get_processing_options(self, given: dict[int, bytes]) -> bytes:
        raise NotImplementedError

    def response_time_ns(self, cla: int, ins: int, p1: int) -> int:
        """How long this card thinks about a command; the profile's `timing_ms` overrides."""
        name = {0xA4: "select", 0xA8: "gpo", 0xB2: "read_record", 0xAE: "ac"}.get(ins, "other")
        usual = {"select": 14, "gpo": 25, "read_record": 7, "ac": 80, "other": 10}
        if name == "ac" and p1 & 0x10:
            name = "cda"
        return self.app.timing_ms.get(name, {**usual, **self.usual_ms, "cda": 180}[name]) * MS

    usual_ms: ClassVar[Mapping[str, int]] = {}

    def _begin(self) -> None:
        """GET PROCESSING OPTIONS: once a session, and it counts."""
        if self._initiated:
            raise Refused(CONDITIONS_NOT_SATISFIED)
        self._initiated = True
        self.atc += 1

    def _read_record(self, number: int, p2: int) -> bytes:
        if p2 & 0x07 != 0x04:
            raise Refused(WRONG_P1P2)
        if not self._initiated:
            raise Refused(CONDITIONS_NOT_SATISFIED)
        record = self.records.get((p2 >> 3, number))
        self.inspector.read(p2 >> 3, number)
        if record is None:
            raise Refused(RECORD_NOT_FOUND)
        return record

    def _pdol_values(self, data: bytes) -> dict[int, bytes]:
        try:
            values = tlv.open_template(data, 0x83)
        except tlv.TlvError:
            raise Refused(WRONG_DATA) from None
        return split(self.pdol, values)

    def _decide(self, asked: int, amount: int, kind_of_sale: bytes) -> int:
        """TC, ARQC or AAC for a terminal that would take as much as `asked` (Book 3, 9.2.2)."""
        app = self.app
        if asked == AAC or kind_of_sale == REFUND or app.answer == "aac":
            return AAC
        if app.fault == "unasked_tc":
            return TC
        offline = app.answer == "tc" or (not app.answer and amount <= app.offline_limit)
        return TC if asked == TC and offline else ARQC

    @property
    def counter(self) -> bytes:
        """Tag 9F36."""
        return self.atc.to_bytes(2, "big")

    def _record(self, *objects: tuple[int, bytes]) -> bytes:
        return tlv.encode(
            0x70, [(tag, value) for tag, value in objects if tag not in self.app.omit]
        )

    def _answer(self, *objects: tuple[int, bytes]) -> bytes:
        kept = [(tag, v) for tag, v in objects if v and tag not in self.app.omit]
        return tlv.encode(0x77, list(kept))


def amount_of(given: dict[int, bytes]) -> int:
    """Tag 9F02 as a number; Refused with 6A80 if it is none."""
    digits = given[tags.AMOUNT].hex()
    if not digits.isdigit():
        raise Refused(WRONG_DATA)
    return int(digits)


def split(listed: bytes, values: bytes) -> dict[int, bytes]:
    """What the terminal sent for a DOL, by tag; Refused with 6700 when the length does not fit."""
    given, at = {}, 0
    for tag, length in dol.entries(listed):
        given[tag] = values[at : at + length]
        at += length
    if at != len(values):
        raise Refused(WRONG_LENGTH)
    return given


def build_dol(*entries: tuple[int, int]) -> bytes:
    """A DOL of (tag, length) entries."""
    return b"".join(tlv.tag_bytes(tag) + bytes([length]) for tag, length in entries)
