"""GET PROCESSING OPTIONS' answer and the records it points to (EMV 4.3 Book 3, 6.5.8 and 10.2)."""

from typing import TYPE_CHECKING

from kassa.emv import apdu, tags, tlv
from kassa.emv.errors import CardDataError, TlvError

if TYPE_CHECKING:
    from kassa.emv.tap import Tap

# A payment application has a dozen records; a hostile one keeps us no longer than this.
MAX_RECORDS = 48
# Bytes of records that take part in offline data authentication (Book C-2, 4.7.3)
MAX_STATIC_DATA = 2048


def processing_options(body: bytes) -> "dict[int, bytes]":
    """The objects of the answer, format 2 (template 77) or 1 (80: AIP and AFL); TlvError if it is
    neither."""
    if body[:1] == b"\x77":
        return tlv.flatten(tlv.open_template(body, 0x77))
    value = tlv.open_template(body, 0x80)
    if len(value) < 6 or (len(value) - 2) % 4:
        raise TlvError("format 1 has an AIP and whole AFL entries")
    return {tags.AIP: value[:2], tags.AFL: value[2:]}


def file_locator(afl: bytes) -> "list[tuple[int, int, int, int]]":
    """The AFL's entries as (SFI, first record, last record, records for offline data
    authentication).

    CardDataError if an entry is not as Book 3, 10.2 wants it, or if there is too much to read.
    """
    entries = []
    total = 0
    if len(afl) % 4:
        raise CardDataError("parsing error")
    for at in range(0, len(afl), 4):
        sfi, first, last, signed = afl[at] >> 3, afl[at + 1], afl[at + 2], afl[at + 3]
        total += last - first + 1
        if (
            not 1 <= sfi <= 30
            or not 1 <= first <= last
            or signed > last - first + 1
            or total > MAX_RECORDS
        ):
            raise CardDataError("parsing error")
        entries.append((sfi, first, last, signed))
    return entries


async def read_all(tap: "Tap", afl: bytes, strict: bool) -> int:
    """Read every record of `afl` into `tap`; returns how many there were.  `strict` as for
    `Tap.store`.

    Records of SFI 1 to 10 are a template 70; of the others (proprietary) nothing is taken.
    CardDataError for a status other than 9000, TlvError for a record that is not what it must be,
    CardError from the card.
    """
    count = 0
    for sfi, first, last, signed in file_locator(afl):
        for number in range(first, last + 1):
            sw, body = await apdu.exchange(tap.card, apdu.read_record(sfi, number))
            if sw != apdu.OK:
                raise CardDataError("status bytes", sw)
            count += 1
            # C2-3: SFI <= 10 is a 70 template.
            value = body
            if sfi <= 10:
                value = tlv.open_template(body, 0x70)
                tap.store(tlv.flatten(value), strict)
            if tap.oda is not None and number - first < signed:
                _sign(tap, sfi, value)
    return count


def _sign(tap: "Tap", sfi: int, value: bytes) -> None:
    """ODA-3: keep what takes part in offline data authentication: the value of 70, or of a
    proprietary file the whole record, which must be a 70 all the same (Book 3, 10.3)."""
    if len(tap.static_data) + len(value) > MAX_STATIC_DATA:
        tap.static_data_sound = False
        return
    if sfi > 10:
        try:
            tlv.open_template(value, 0x70)
        except TlvError:
            tap.static_data_sound = False
    tap.static_data.extend(value)
