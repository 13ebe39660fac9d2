"""GENERATE AC and what comes with it: what kernels 2, 4 and 5 have in common (EMV 4.3 Book 3,
6.5.5, and Book 2, 6.6; EMV Contactless Books C-2, C-4, C-5)."""

from typing import TYPE_CHECKING

from kassa.emv import action_analysis, apdu, dol, outcome, tags, terminal_risk, tlv, tvr
from kassa.emv.errors import CardDataError, TlvError

if TYPE_CHECKING:
    from kassa.emv.config_reader import Record
    from kassa.emv.tap import Tap

# D-7: application interchange profile (82)
AIP1_CDA = 0x01
AIP1_SDA = 0x40
AIP2_EMV_MODE = 0x80

# 9F33
_CAPABILITY1_CONTACTS = 0x20
_CAPABILITY2_ONLINE_PIN = 0x40
_CAPABILITY2_SIGNATURE = 0x20
_CAPABILITY2_NO_CVM = 0x08
_CAPABILITY3_SDA = 0x80
_CAPABILITY3_CDA = 0x08

_CDA_DATA = (
    tags.CA_KEY_INDEX,
    tags.ISSUER_CERTIFICATE,
    tags.ISSUER_EXPONENT,
    tags.ICC_CERTIFICATE,
    tags.ICC_EXPONENT,
    tags.SDA_TAGS,
)


def capabilities(settings: "Record", cvm_required: bool, sda: bool = False) -> bytes:
    """Terminal capabilities, 9F33, of a table with contacts, online_pin, signature and cda; no CVM
    is no method where one is required."""
    first = _CAPABILITY1_CONTACTS if settings.contacts else 0
    second = 0 if cvm_required else _CAPABILITY2_NO_CVM
    second |= _CAPABILITY2_ONLINE_PIN if settings.online_pin else 0
    second |= _CAPABILITY2_SIGNATURE if settings.signature else 0
    third = (_CAPABILITY3_SDA if sda else 0) | (_CAPABILITY3_CDA if settings.cda else 0)
    return bytes((first, second, third))


def wanted(tap: "Tap", profile_bit: int, ours: bool) -> bool:
    """Whether a way of authenticating the card is tried: the card's AIP (byte 1) and we have it,
    and there is a date to judge certificates by.  A refund needs none."""
    return bool(
        ours
        and tap.data[tags.AIP][0] & profile_bit
        and tap.oda is not None
        and tap.transaction.date is not None
        and not tap.transaction.is_refund
    )


def prepare_cda(tap: "Tap", rule: str) -> bool:
    """What CDA needs of the card and of us is there; False, and the TVR says why, where it cannot
    be (C2-4).  `rule` is what the decision is noted under."""
    for tag in _CDA_DATA:
        if tag not in tap.data:
            tap.set_tvr(tvr.ICC_DATA_MISSING)
            tap.set_tvr(tvr.CDA_FAILED)
            tap.decide(rule, "no CDA: the card gave no {:X}".format(tag))
            return False
    if not tap.oda.has_key(tap.aid[:5], tap.data[tags.CA_KEY_INDEX], tap.transaction.date):
        tap.set_tvr(tvr.CDA_FAILED)
        tap.decide(rule, "no CDA: no CA key for index " + tap.data[tags.CA_KEY_INDEX].hex())
        return False
    return True


def analyse(tap: "Tap", codes: "Record", authenticated: bool, method: str, rule: str) -> int:
    """The cryptogram to ask for: floor limit, the terminal's risk management and action analysis
    (kernels 4 and 5).

    `authenticated` says that the card is, or by CDA will be; `method` is how the cardholder was
    verified.  What speaks against an offline approval here does so whatever the action codes say.
    """
    indicators = tap.indicators
    if indicators is not None:
        if indicators.floor_limit_exceeded:
            tap.set_tvr(tvr.FLOOR_LIMIT_EXCEEDED)
            tap.go_online(rule, "over the floor limit")
        if indicators.status_check or indicators.zero_amount:
            tap.go_online(rule, "status check or no amount")
    #
    if terminal_risk.listed(tap):
        tap.go_online(rule, "the card is on the exception list")
    terminal_risk.select(tap)
    if not authenticated and not tap.online_only:
        tap.go_online(rule, "nothing proves the card")
    if method == outcome.CVM_ONLINE_PIN and not tap.online_only:
        tap.go_online(rule, "the host verifies the PIN")
    return action_analysis.decide(tap, codes, rule)


async def exchange(tap: "Tap", reference: int) -> "tuple[int, bytes, bytes]":
    """GENERATE AC: (status word, answer, the values of CDOL1 that were sent)."""
    tap.phase("ac")
    values = dol.fill(tap.data[tags.CDOL1], tap.value)
    sw, body = await apdu.exchange(tap.card, apdu.generate_ac(reference, values))
    tap.log.event("emv", "ac", sw="{:04X}".format(sw))
    return sw, body, values


def keep_objects(tap: "Tap", template: bytes, strict: bool) -> None:
    """Keep the objects of a template 77's value in `tap.data`, and in `tap.ac_objects` with their
    headers and in the card's order: CDA hashes them so, without the padding between (ODA-6)."""
    objects = []
    at = 0
    for tag, _, end in tlv.objects(template):
        while not template[at]:
            at += 1
        objects.append((tag, template[at:end]))
        at = end
    tap.ac_objects = objects
    tap.store(tlv.flatten(template), strict)


def keep_answer(tap: "Tap", body: bytes) -> None:
    """Keep the objects of GENERATE AC's answer, format 77 or 80 (C2-9).

    TlvError if it is neither, or gives again what the card gave before; CardDataError without ATC
    or cryptogram information.
    """
    if body[:1] == b"\x77":
        keep_objects(tap, tlv.open_template(body, 0x77), strict=True)
    else:
        value = tlv.open_template(body, 0x80)
        if not 11 <= len(value) <= 43:
            raise TlvError("format 1 has 11 to 43 bytes")
        found = {tags.CID: value[:1], tags.ATC: value[1:3], tags.CRYPTOGRAM: value[3:11]}
        if len(value) > 11:
            found[tags.IAD] = value[11:]
        tap.store(found, strict=True)
    tap.needs(tags.ATC, tags.CID)


def check_type(tap: "Tap", reference: int) -> int:
    """The cryptogram's type; CardDataError unless it is one that `reference` allows (C2-9): TC
    only if TC was asked, ARQC if TC or ARQC was, AAC always."""
    asked, got = reference & apdu.AC_TYPE, tap.data[tags.CID][0] & apdu.AC_TYPE
    if not (got == apdu.AAC or got == asked or (got == apdu.ARQC and asked == apdu.TC)):
        raise CardDataError("card data error")
    return got


def verify(tap: "Tap", reference: int, values: bytes) -> bool:
    """True if the answer is what it claims to be (C2-10): signed where CDA was asked, and a plain
    cryptogram where not; an AAC is never signed.  False, and the TVR says so, if CDA failed.

    `values` are CDOL1's as they were sent.  CardDataError without a cryptogram.
    """
    if reference & apdu.CDA and tap.data[tags.CID][0] & apdu.AC_TYPE != apdu.AAC:
        if tags.SIGNED_DYNAMIC not in tap.data or not tap.oda.cda(tap, values):
            tap.set_tvr(tvr.CDA_FAILED)
            return False
    else:
        tap.needs(tags.CRYPTOGRAM)
    return True
