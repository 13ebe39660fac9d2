"""Kernel 4: American Express, Expresspay EMV mode (EMV Contactless Book C-4).

CX-2: GENERATE AC with CDA or SDA; 9F6D and 9F6E tell the card what the reader is; a phone's own
verification is in 9F71, what the card can do besides in 9F70; delayed authorisation.

Written from what is public of the book.  Where that leaves a doubt the card is sent online or
declined, never approved offline; three places differ from the book on purpose:

- Mag-stripe mode does not exist here: 9F6E says so, and a card that has only that is ended.
- When somebody must be verified and the card has no CVM list, nobody was: the TVR says that too,
  not only that data are missing.
- A TC is only asked for when the card is authenticated, or is about to be; by SDA, which a copy
  of the card passes as well, up to the amount that needs no signature.

Dynamic reader limits (the set that 9F70 names) are not there: the combination's limits count.
"""

from typing import TYPE_CHECKING

from kassa.emv import (
    apdu,
    cvm,
    dol,
    outcome,
    records,
    restrictions,
    tags,
    tvr,
)
from kassa.emv.errors import CardDataError, EmvError
from kassa.emv.kernels import common, generate_ac
from kassa.emv.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.emv.config import Record
    from kassa.emv.tap import Tap
    from kassa.emv.transaction_data import TransactionData

# The terminal's
_READER = 0x9F6D
_ENHANCED = 0x9F6E
# The card's
_INTERFACES = 0x9F70
_MOBILE_CVM = 0x9F71

# 9F6D: EMV mode; mag-stripe mode has no bit of its own here, 9F6E says that it is not there
_READER_EMV = 0xC0
_READER_CVM_REQUIRED = 0x08
# 9F6E
_ENHANCED1_CONTACTS = 0x80
_ENHANCED1_ONLINE = 0x10  # "partial online": the card leaves before the host answers
_ENHANCED1_MOBILE = 0x08
_ENHANCED1_OTHER_AFTER_DECLINE = 0x04
_ENHANCED2_MOBILE_CVM = 0x80
_ENHANCED2_ONLINE_PIN = 0x40
_ENHANCED2_SIGNATURE = 0x20
_ENHANCED3_OFFLINE_ONLY = 0x80
_ENHANCED3_CVM_REQUIRED = 0x40
_ENHANCED4_DELAYED = 0x40
_ENHANCED4_VERSION = 0x03  # of the book: 2.7 and later

_AIP2_MOBILE = 0x40
# 9F70
_INTERFACES1_CONTACTS = 0x20
_INTERFACES2_DELAYED_KNOWN = 0x80
_INTERFACES2_DELAYED_DOMESTIC = 0x40
_INTERFACES2_DELAYED_ABROAD = 0x20
# 9F71: what was performed, why, how it went
_MOBILE_PERFORMED = 0x01
_MOBILE_FAILED = 0x01
_MOBILE_GOOD = 0x02
_MOBILE_BLOCKED = 0x03

_OFFLINE_ONLY = (0x03, 0x06)
_REFUSALS_OF_A_DEVICE = (
    apdu.NOT_ALLOWED_HERE,
    apdu.CONDITIONS_NOT_SATISFIED,
    apdu.SEE_PHONE,
)


class _OwnerFirst(EmvError):
    """The device must verify its owner before this goes on."""


class Kernel4:
    """Keeps nothing between taps but whether this transaction's owner was sent to the device."""

    def __init__(self) -> None:
        self._sent_to_device: "TransactionData | None" = None

    async def run(self, tap: "Tap") -> Outcome:
        """Take the application selected in `tap` to an outcome."""
        return await common.guarded(self._run, tap, "CX-2")

    async def issuer_update(
        self, tap: "Tap", answer: "dict[int, bytes]", scripts: "list[bytes]"
    ) -> None:
        """The card leaves before the host answers ("partial online"): nothing is sent."""

    async def _run(self, tap: "Tap") -> Outcome:
        settings = tap.combination.kernel4
        _describe_reader(tap, settings)
        sw, body = await common.processing_options(tap, _pdol_values(tap))
        if sw != apdu.OK:
            # CX-2: 6984 another interface, 6985 the next application, 6986 the phone.
            return common.refused(tap, sw, "CX-2")
        tap.store(records.processing_options(body), strict=True)
        tap.needs(tags.AIP, tags.AFL)
        aip = tap.data[tags.AIP]
        if not aip[1] & generate_ac.AIP2_EMV_MODE:
            raise CardDataError("magstripe not supported")
        tap.phase("records")
        count = await records.read_all(tap, tap.data[tags.AFL], strict=True)
        tap.log.event("emv", "records", count=count)
        tap.needs(tags.EXPIRY, tags.PAN, tags.CDOL1)
        tap.identify()
        _interfaces(tap)
        if aip[1] & _AIP2_MOBILE and _mobile_cvm(tap)[2] == _MOBILE_BLOCKED:
            tap.set_tvr(tvr.PIN_TRY_LIMIT_EXCEEDED)

        cda, authenticated = _authenticate(tap, settings)
        restrictions.check(tap, "CX-2")
        if settings.delayed_authorisation and not _delayed_allowed(tap):
            tap.decide("CX-2", "the card does not want its authorisation delayed")
            tap.set_tvr(tvr.SERVICE_NOT_ALLOWED)
        if tap.transaction.is_refund:
            tap.decide("CX-2", "refund: AAC")
            return await self._cryptogram(tap, apdu.AAC, cvm.none(tap, "refund", "CX-2"))
        try:
            method = self._verify_cardholder(tap, settings)
        except _OwnerFirst:
            self._sent_to_device = tap.transaction
            return common.see_phone(tap, "CX-2")
        if method is None:
            return outcome.try_another_interface(
                outcome.MESSAGE_INSERT_CARD, error="cardholder not verified"
            )
        if tap.transaction.amount_minor > tap.unsigned_cap:
            # Static data can be copied: SDA is worth no more than no signature at all.
            authenticated = False
        reference = generate_ac.analyse(tap, settings, cda or authenticated, method, "CX-2")
        if cda and reference != apdu.AAC:
            reference |= apdu.CDA
        return await self._cryptogram(tap, reference, method)

    def _verify_cardholder(self, tap: "Tap", settings: "Record") -> "str | None":
        """CX-2: the card's CVM list, in which "PIN verified by the card" is the device's own
        verification; None where another interface may do better."""
        required = tap.indicators is not None and tap.indicators.cvm_required
        cvm.result(tap, outcome.CVM_NONE, 0x3F, 0x00, 0x00)
        mobile = bool(tap.data[tags.AIP][1] & _AIP2_MOBILE)
        listed = b""
        if tap.data[tags.AIP][0] & cvm.AIP1_CARDHOLDER_VERIFICATION:
            listed = cvm.card_list(tap)
            if not listed:
                tap.set_tvr(tvr.ICC_DATA_MISSING)
        performed = _mobile_cvm(tap)
        if not required:
            if mobile and performed[0] == _MOBILE_PERFORMED and performed[2] == _MOBILE_FAILED:
                self._owner_first(tap)
            method = _without_verification(tap, listed)
            if method is not None:
                _note(tap, method)
                return method

        def device() -> bool:
            return self._device_verified(tap)

        if listed:
            capability = tap.terminal_data[tags.CAPABILITIES][1]
            asked = device if mobile and settings.mobile_cvm else None
            method = cvm.by_list(tap, listed, capability, asked)
        else:
            method = outcome.CVM_NONE
            tap.set_tvr(tvr.CARDHOLDER_NOT_VERIFIED)
        _note(tap, method)
        if tvr.is_set(tap.tvr, tvr.CARDHOLDER_NOT_VERIFIED):
            if settings.contacts and _has_contacts(tap):
                tap.decide("CX-2", "cardholder not verified: another interface")
                return None
            if required:
                tap.go_online("CX-2", "nobody was verified")
        return method

    def _device_verified(self, tap: "Tap") -> bool:
        """What the device says of its owner (9F71); _OwnerFirst when it is worth asking again."""
        performed = _mobile_cvm(tap)
        if performed[0] == _MOBILE_PERFORMED and performed[2] == _MOBILE_GOOD:
            return True
        # Nothing said, or blocked: asking again changes nothing.
        if _MOBILE_CVM in tap.data and performed[2] != _MOBILE_BLOCKED:
            self._owner_first(tap)
        return False

    def _owner_first(self, tap: "Tap") -> None:
        """Send the owner to the device, once in a transaction."""
        if self._sent_to_device is not tap.transaction:
            raise _OwnerFirst("owner first")

    async def _cryptogram(self, tap: "Tap", reference: int, method: str) -> Outcome:
        sw, body, values = await generate_ac.exchange(tap, reference)
        if sw != apdu.OK:
            # CX-2: a device that refuses wants its owner first; once, then it is over.
            mobile = tap.data[tags.AIP][1] & _AIP2_MOBILE
            first = self._sent_to_device is not tap.transaction
            if mobile and first and sw in _REFUSALS_OF_A_DEVICE:
                self._sent_to_device = tap.transaction
                return common.see_phone(tap, "CX-2")
            raise CardDataError("status bytes", sw)
        # EP-15
        await tap.card_read_ok()
        generate_ac.keep_answer(tap, body)
        kind = generate_ac.check_type(tap, reference)
        if not generate_ac.verify(tap, reference, values):
            return common.declined(tap, "CX-2", "cam failed", method)
        if tap.transaction.is_refund:
            tap.decide("CX-2", "refund: the host decides, whatever the cryptogram")
            return outcome.refund_request()
        if kind == apdu.TC:
            return common.approved(tap, "CX-2", method)
        if kind == apdu.ARQC:
            return common.online_request(tap, "CX-2", method)
        if tap.combination.kernel4.contacts and _has_contacts(tap):
            tap.decide("CX-2", "declined by card: another interface")
            return outcome.try_another_interface(
                outcome.MESSAGE_INSERT_CARD, error="declined by card"
            )
        return common.declined(tap, "CX-2", "declined by card", method)


def _describe_reader(tap: "Tap", settings: "Record") -> None:
    """CX-2: 9F6D, 9F6E and 9F33 from the configuration and this transaction."""
    required = tap.indicators is not None and tap.indicators.cvm_required
    reader = _READER_EMV | (_READER_CVM_REQUIRED if required else 0)
    enhanced = bytearray(4)
    enhanced[0] = _ENHANCED1_ONLINE | _ENHANCED1_MOBILE
    if settings.contacts:
        enhanced[0] |= _ENHANCED1_CONTACTS | _ENHANCED1_OTHER_AFTER_DECLINE
    for wanted, bit in (
        (settings.mobile_cvm, _ENHANCED2_MOBILE_CVM),
        (settings.online_pin, _ENHANCED2_ONLINE_PIN),
        (settings.signature, _ENHANCED2_SIGNATURE),
    ):
        enhanced[1] |= bit if wanted else 0
    if tap.terminal.type[0] & 0x0F in _OFFLINE_ONLY:
        enhanced[2] |= _ENHANCED3_OFFLINE_ONLY
    if required:
        enhanced[2] |= _ENHANCED3_CVM_REQUIRED
    enhanced[3] = _ENHANCED4_VERSION | (
        _ENHANCED4_DELAYED if settings.delayed_authorisation else 0
    )
    tap.terminal_data[_READER] = bytes((reader,))
    tap.terminal_data[_ENHANCED] = bytes(enhanced)
    tap.terminal_data[tags.CAPABILITIES] = generate_ac.capabilities(
        settings, required, settings.sda
    )


def _pdol_values(tap: "Tap") -> "Callable[[int], bytes | None]":
    """Cards that do not ask for 9F6E learn of 9F6D by the terminal type ("modified" in the
    book)."""
    pdol = tap.fci.get(tags.PDOL, b"")
    modified = bytes((tap.terminal.type[0] | tap.terminal_data[_READER][0],))
    modify = not dol.asks_for(pdol, _ENHANCED)

    def value(tag: int) -> "bytes | None":
        return modified if modify and tag == tags.TERMINAL_TYPE else tap.value(tag)

    return value


def _interfaces(tap: "Tap") -> bytes:
    """Card interface capabilities (9F70), zeros where the card gave none."""
    return common.exactly(tap, _INTERFACES, 2)


def _mobile_cvm(tap: "Tap") -> bytes:
    """The device's verification results (9F71), zeros where the card gave none."""
    return common.exactly(tap, _MOBILE_CVM, 3)


def _has_contacts(tap: "Tap") -> bool:
    """Whether the card has contacts; one that does not say is taken to."""
    return _INTERFACES not in tap.data or bool(_interfaces(tap)[0] & _INTERFACES1_CONTACTS)


def _delayed_allowed(tap: "Tap") -> bool:
    """CX-2: whether the card takes it that the host is asked later; one that does not say does."""
    allowed = _interfaces(tap)[1]
    country = tap.data.get(tags.ISSUER_COUNTRY)
    if not allowed & _INTERFACES2_DELAYED_KNOWN or country is None:
        return True
    if country == tap.terminal_data[tags.COUNTRY]:
        return bool(allowed & _INTERFACES2_DELAYED_DOMESTIC)
    return bool(allowed & _INTERFACES2_DELAYED_ABROAD)


def _authenticate(tap: "Tap", settings: "Record") -> "tuple[bool, bool]":
    """CX-2: CDA, else SDA, else nothing: (CDA to be asked for, SDA done and good)."""
    if generate_ac.wanted(tap, generate_ac.AIP1_CDA, settings.cda):
        return generate_ac.prepare_cda(tap, "CX-2"), False
    if generate_ac.wanted(tap, generate_ac.AIP1_SDA, settings.sda):
        tap.set_tvr(tvr.SDA_SELECTED)
        good = tap.oda.sda(tap)
        if not good:
            tap.set_tvr(tvr.SDA_FAILED)
        return False, good
    tap.set_tvr(tvr.ODA_NOT_PERFORMED)
    return False, False


def _note(tap: "Tap", method: str) -> None:
    tap.decide("CX-2", "{}, 9F34 {}".format(method, tap.terminal_data[tags.CVM_RESULTS].hex()))


def _without_verification(tap: "Tap", listed: bytes) -> "str | None":
    """Nobody must be verified: no list, or its first "no CVM" that applies; None if there is
    none."""
    if not listed:
        return outcome.CVM_NONE
    for at in range(8, len(listed), 2):
        rule, condition = listed[at], listed[at + 1]
        if rule & 0x3F == cvm.NO_CVM and cvm.applies(
            tap, condition, cvm.NO_CVM, tap.terminal_data[tags.CAPABILITIES][1], listed
        ):
            return cvm.result(tap, outcome.CVM_NONE, rule, condition, 0x02)
    return None
