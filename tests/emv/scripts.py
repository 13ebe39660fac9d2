"""Cards of few words for the kernels' tests: answers written out, so that each can be bent."""

from typing import Any

from kassa.emv import tlv

from tests.emv.reader import Scripted

VISA = bytes.fromhex("A0000000031010")
MASTERCARD = bytes.fromhex("A0000000041010")
PDOL_TTQ = bytes.fromhex("9F66049F02069F3704")
SELECT = "00A40400"
PPSE = "00A404000E"
GPO = "80A8"
READ = "00B2"
AC = "80AE"

Objects = dict[int, bytes]


def entry(adf: bytes, priority: int | None = 1, **more: bytes) -> bytes:
    """A directory entry; `kernel` (9F2A) and `extended` (9F29) when given."""
    objects: list[Any] = [(0x4F, adf)]
    if priority is not None:
        objects.append((0x87, bytes([priority])))
    if "kernel" in more:
        objects.append((0x9F2A, more["kernel"]))
    if "extended" in more:
        objects.append((0x9F29, more["extended"]))
    return tlv.encode(0x61, objects)


def ppse(*entries: bytes) -> bytes:
    """The answer to SELECT PPSE with these entries."""
    inside = tlv.encode(0xA5, tlv.encode(0xBF0C, b"".join(entries)))
    return tlv.encode(0x6F, tlv.encode(0x84, b"2PAY.SYS.DDF01") + inside) + b"\x90\x00"


def directory(*entries: bytes, **answers: Any) -> Scripted:
    """A card with this directory whose applications cannot be selected, unless `answers` say
    so."""
    return Scripted({PPSE: ppse(*entries), **answers})


def fci(aid: bytes, pdol: bytes = b"", **objects: bytes) -> bytes:
    """The answer to SELECT of an application; more objects of A5 by tag, such as `x50=b"VISA"`."""
    inside = [(0x9F38, pdol)] if pdol else []
    inside += [(int(name[1:], 16), value) for name, value in objects.items()]
    template: list[Any] = [(0x84, aid), (0xA5, inside)]
    return tlv.encode(0x6F, template) + b"\x90\x00"


def template(tag: int, objects: Objects, changes: dict[int, bytes | None] | None = None) -> bytes:
    """A response template of `objects` after `changes` (None takes one out), with 9000."""
    kept = {t: v for t, v in {**objects, **(changes or {})}.items() if v is not None}
    return tlv.encode(tag, list(kept.items())) + b"\x90\x00"


VISA_GPO: Objects = {
    0x82: bytes.fromhex("2000"),
    0x57: bytes.fromhex("4761739001010119D31122010000000000000F"),
    0x5F34: b"\x01",
    0x9F10: bytes.fromhex("06011203A00000"),
    0x9F26: bytes.fromhex("0102030405060708"),
    0x9F27: b"\x80",
    0x9F36: b"\x00\x42",
    0x9F6C: bytes.fromhex("2800"),
}

MASTERCARD_GPO: Objects = {0x82: bytes.fromhex("1980"), 0x94: bytes.fromhex("10010100")}
MASTERCARD_RECORD: Objects = {
    0x57: bytes.fromhex("5413330089020011D31122010000000000000F"),
    0x5A: bytes.fromhex("5413330089020011"),
    0x5F34: b"\x01",
    0x5F24: bytes.fromhex("311231"),
    0x5F25: bytes.fromhex("240101"),
    0x5F28: bytes.fromhex("0276"),
    0x9F42: bytes.fromhex("0978"),
    0x9F07: bytes.fromhex("FF80"),
    0x9F08: bytes.fromhex("0002"),
    0x8E: bytes.fromhex("00000000000000001F03"),
    0x8C: bytes.fromhex("9F02069F370495059F34039C01"),
    0x9F0D: bytes(5),
    0x9F0E: bytes(5),
    0x9F0F: bytes(5),
}
MASTERCARD_AC: Objects = {
    0x9F27: b"\x80",
    0x9F36: b"\x00\x42",
    0x9F26: bytes.fromhex("0102030405060708"),
    0x9F10: bytes.fromhex("0114A00003000000000000000000000000FF"),
}


def visa(
    changes: dict[int, bytes | None] | None = None,
    *records: bytes,
    pdol: bytes = PDOL_TTQ,
    gpo: Any = None,
    select: Any = None,
) -> Scripted:
    """A Visa card whose GPO answer is VISA_GPO with `changes`; `records` are file 2's, if any."""
    objects = dict(changes or {})
    if records:
        objects.setdefault(0x94, bytes([0x10, 1, len(records), 0]))
    answers: dict[str, Any] = {
        PPSE: ppse(entry(VISA)),
        SELECT: fci(VISA, pdol) if select is None else select,
        GPO: template(0x77, VISA_GPO, objects) if gpo is None else gpo,
    }
    for number, record in enumerate(records, 1):
        answers[f"00B2{number:02X}14"] = record
    return Scripted(answers)


def mastercard(
    record: dict[int, bytes | None] | None = None,
    ac: dict[int, bytes | None] | None = None,
    gpo: dict[int, bytes | None] | None = None,
    fci_answer: bytes | None = None,
    **answers: Any,
) -> Scripted:
    """A Mastercard card with one record; each part with changes, or `answers` for whole commands.

    Keyword answers are `GPO`, `READ`, `AC`, `RECOVER`.
    """
    table: dict[str, Any] = {
        PPSE: ppse(entry(MASTERCARD)),
        SELECT: fci_answer or fci(MASTERCARD),
        GPO: answers.get("GPO", template(0x77, MASTERCARD_GPO, gpo)),
        READ: answers.get("READ", template(0x70, MASTERCARD_RECORD, record)),
        AC: answers.get("AC", template(0x77, MASTERCARD_AC, ac)),
        "80D0": answers.get("RECOVER", "6985"),
    }
    return Scripted(table)


def sent(card: Scripted, prefix: str) -> list[bytes]:
    """The commands `card` got that begin with `prefix` (hexadecimal)."""
    return [command for command in card.commands if command.startswith(bytes.fromhex(prefix))]


def answering(card: Scripted, at: str, answer: Any) -> Scripted:
    """`card`, but commands that begin with `at` are answered so (or raise it)."""
    key = bytes.fromhex(at)
    if key in card.answers:
        card.answers[key] = answer
    else:
        card.answers = {key: answer, **card.answers}
    return card
