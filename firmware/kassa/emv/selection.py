"""Combination selection: which application of the card, by which kernel (Book B, 3.3)."""

from typing import TYPE_CHECKING

from kassa.emv import apdu, dol, tags, tlv
from kassa.emv.errors import EmvError, TlvError

if TYPE_CHECKING:
    from kassa.emv.config import Record
    from kassa.emv.preprocessing import Indicators

# EP-7: the kernel of a RID where the card names none (Book B, table 3-6).
_KERNEL_OF_RID = {
    b"\xa0\x00\x00\x00\x04": 2,  # Mastercard
    b"\xa0\x00\x00\x00\x03": 3,  # Visa
    b"\xa0\x00\x00\x00\x25": 4,  # American Express
    b"\xa0\x00\x00\x00\x65": 5,  # JCB
    b"\xa0\x00\x00\x01\x52": 6,  # Discover
    b"\xa0\x00\x00\x03\x24": 6,
    b"\xa0\x00\x00\x03\x33": 7,  # UnionPay
}
_RID_VISA = b"\xa0\x00\x00\x00\x03"
# A directory of more entries than this is not read to its end.
_MAX_ENTRIES = 16


class NotUsable(EmvError):
    """A candidate that is dropped; `rule` says by which rule, `why` in a technician's words."""

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(why)
        self.rule = rule
        self.why = why


class Candidate:
    """A combination both sides have: `name` is what SELECT takes, `priority` 1 (best) to 15, or 16
    for none."""

    def __init__(
        self,
        adf: bytes,
        name: bytes,
        combination: "Record",
        indicators: "Indicators",
        priority: int,
    ) -> None:
        self.adf = adf
        self.name = name
        self.combination = combination
        self.indicators = indicators
        self.priority = priority


def candidates(ppse: bytes, allowed: "list[tuple[Record, Indicators]]") -> "list[Candidate]":
    """The candidate list, in the card's order, from the answer to SELECT PPSE and the combinations
    allowed.

    An entry that is not as it must be is passed over; a directory that is not TLV gives none.
    """
    found: "list[Candidate]" = []
    try:
        directory = tlv.find(ppse, tags.FCI_TEMPLATE, tags.FCI_PROPRIETARY, tags.FCI_ISSUER_DATA)
        if directory is None:
            return found
        count = 0
        for tag, start, end in tlv.objects(directory):
            if tag == tags.DIRECTORY_ENTRY and count < _MAX_ENTRIES:
                count += 1
                found.extend(_entry(directory[start:end], allowed))
    except TlvError:
        return []
    return found


def _entry(entry: bytes, allowed: "list[tuple[Record, Indicators]]") -> "list[Candidate]":
    try:
        fields = tlv.flatten(entry)
    except TlvError:
        return []
    adf = fields.get(tags.AID_CARD, b"")
    # EP-7: an ADF name has 5 to 16 bytes.
    if not 5 <= len(adf) <= 16:
        return []
    requested = requested_kernel(adf, fields.get(tags.KERNEL_ID, b""))
    if requested is None:
        return []
    # EP-9: 0 or absent comes last.
    priority = (fields.get(tags.PRIORITY) or b"\0")[0] & 0x0F or 16
    extension = fields.get(tags.EXTENDED_SELECTION, b"")
    matching: "list[Candidate]" = []
    for combination, indicators in allowed:
        # EP-7: matches a reader AID whole or as its prefix.
        if not adf.startswith(combination.aid) or requested not in (0, combination.kernel):
            continue
        # EP-9: extended selection is appended when supported; a DF name has at most 16 bytes.
        name = adf
        if combination.extended_selection and len(adf) + len(extension) <= 16:
            name = adf + extension
        candidate = Candidate(adf, name, combination, indicators, priority)
        for i, other in enumerate(matching):
            if other.combination.kernel == combination.kernel:
                # Two reader AIDs for one kernel: the longer says more.
                if len(combination.aid) > len(other.combination.aid):
                    matching[i] = candidate
                break
        else:
            matching.append(candidate)
    return matching


def requested_kernel(adf: bytes, kernel_id: bytes) -> "int | None":
    """The kernel an entry asks for (Book B, 3.3.2.5 C and D): 0 for any, None to skip the
    entry."""
    if not kernel_id:
        return _KERNEL_OF_RID.get(adf[:5], 0)
    # EP-7: top bits 00 or 01 name the kernel in byte 1; 10 and 11 need 3 bytes.
    if not kernel_id[0] & 0x80:
        return kernel_id[0]
    if len(kernel_id) < 3 or not kernel_id[0] & 0x3F:
        return None
    return int.from_bytes(kernel_id[:3], "big")


def take_best(listed: "list[Candidate]") -> Candidate:
    """Remove the best candidate and return it: EP-9, the lowest priority value, ties in the card's
    order."""
    best = 0
    for i in range(1, len(listed)):
        if listed[i].priority < listed[best].priority:
            best = i
    return listed.pop(best)


def usable(candidate: Candidate, sw: int, body: bytes) -> "dict[int, bytes]":
    """The FCI's objects, if the answer to SELECT lets `candidate` be used.

    NotUsable if it does not: the next one's turn (EP-9).
    """
    if sw != apdu.OK:
        raise NotUsable("EP-9", "SELECT answered {:04X}".format(sw))
    try:
        fci = tlv.flatten(tlv.open_template(body, tags.FCI_TEMPLATE))
    except TlvError as error:
        raise NotUsable("EP-9", "FCI cannot be read: " + str(error))
    # The name it answers with is the reader's AID or a longer one, else it is another application:
    # the scheme's keys and limits go by it (Book 1, 12.3.2).
    name = fci.get(tags.DF_NAME)
    if name and not (len(name) <= 16 and name.startswith(candidate.combination.aid)):
        raise NotUsable("EP-9", "answered by another name")
    # EP-10: a Visa AID with kernel 3 must ask for the TTQ.
    visa = candidate.combination.kernel == 3 and candidate.adf.startswith(_RID_VISA)
    if visa and not dol.asks_for(fci.get(tags.PDOL, b""), tags.TTQ):
        raise NotUsable("EP-10", "the PDOL does not name the TTQ")
    return fci
