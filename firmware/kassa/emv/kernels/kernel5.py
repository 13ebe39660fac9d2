"""Kernel 5: JCB, EMV mode (EMV Contactless Book C-5).  EXPERIMENTAL.

CX-3: written from what is public of the book, confirmed by nobody's cards yet; a configuration
must say `experimental = true` to have it.  GENERATE AC with CDA; the card chooses how its holder
is verified and says so in 9F50, out of what 9F53 offers.

Where knowledge ends the card is sent online or declined, never approved offline:

- Mag-stripe mode and legacy mode do not exist here: a card that does not ask for 9F52, or does
  not answer in EMV mode, makes room for the next application.
- A 9F50 that means nothing to us declines.
- No issuer's answer goes back to the card (9F53 byte 2 bit 80 is never set), and a torn
  transaction starts afresh instead of asking the card for the lost answer (ECHO).
- That a CVM is required stands in 9F53 from the start, not only from CDOL1 on: it is known then.
"""

from typing import TYPE_CHECKING

from kassa.emv import apdu, cvm, dol, outcome, records, restrictions, tags, tvr
from kassa.emv.errors import CardDataError, EmvError
from kassa.emv.kernels import common, generate_ac
from kassa.emv.outcome import Outcome

if TYPE_CHECKING:
    from kassa.emv.config import Record
    from kassa.emv.tap import Tap

_COMPATIBILITY = 0x9F52
_INTERCHANGE = 0x9F53
_VERIFICATION = 0x9F50

# 9F52
_EMV_MODE = b"\x02"
# 9F53
_INTERCHANGE1_CVM_REQUIRED = 0x80
_INTERCHANGE1_SIGNATURE = 0x40
_INTERCHANGE1_ONLINE_PIN = 0x20
_INTERCHANGE1_ON_DEVICE = 0x10
_INTERCHANGE1_CONTACTS = 0x02
# 9F50: the method chosen
_CHOSEN_NONE = 0x00
_CHOSEN_SIGNATURE = 0x10
_CHOSEN_ONLINE_PIN = 0x20
_CHOSEN_ON_DEVICE = 0x30  # and 31 to 3F
# 9F50 -> (method, what 9F53 must offer, CVM results 9F34); Book C-5, 5.8.3
_METHODS = {
    _CHOSEN_SIGNATURE: (outcome.CVM_SIGNATURE, _INTERCHANGE1_SIGNATURE, 0x1E, 0x00),
    _CHOSEN_ONLINE_PIN: (outcome.CVM_ONLINE_PIN, _INTERCHANGE1_ONLINE_PIN, 0x02, 0x00),
    _CHOSEN_ON_DEVICE: (outcome.CVM_CONSUMER_DEVICE, _INTERCHANGE1_ON_DEVICE, 0x01, 0x02),
}


class Kernel5:
    """One instance serves every tap; nothing is kept between them."""

    async def run(self, tap: "Tap") -> Outcome:
        """Take the application selected in `tap` to an outcome."""
        return await common.guarded(self._run, tap, "CX-3")

    async def issuer_update(
        self, tap: "Tap", answer: "dict[int, bytes]", scripts: "list[bytes]"
    ) -> None:
        """9F53 says that no issuer's answer is taken: nothing is sent."""

    async def _run(self, tap: "Tap") -> Outcome:
        settings = tap.combination.kernel5
        _describe_reader(tap, settings)
        # CX-3: no 9F52 in the PDOL means a card of the legacy mode.
        if not dol.asks_for(tap.fci.get(tags.PDOL, b""), _COMPATIBILITY):
            return _next(tap, "legacy mode not supported")
        sw, body = await common.processing_options(tap)
        if sw != apdu.OK:
            return _next(tap, "status bytes", sw)
        try:
            await _read(tap, body)
        except CardDataError as error:
            return _next(tap, error.error, error.sw)
        except EmvError:
            # CX-3: until the card has made its cryptogram, data that are wrong make room for the
            # next application (Book C-5, 5.3 and 5.4).
            return _next(tap, "parsing error")
        cda = _prepare_cda(tap, settings)
        restrictions.check(tap, "CX-3")
        if tap.transaction.is_refund:
            tap.decide("CX-3", "refund: AAC")
            cvm.none(tap, "refund", "CX-3")
            return await self._cryptogram(tap, apdu.AAC)
        _limits(tap)
        reference = generate_ac.analyse(tap, settings, cda, outcome.CVM_NONE, "CX-3")
        if reference == apdu.AAC:
            # Book C-5, 5.7.1.5: declined without asking the card.
            await tap.card_read_ok()
            return common.declined(tap, "CX-3", "action analysis")
        return await self._cryptogram(tap, reference | (apdu.CDA if cda else 0))

    async def _cryptogram(self, tap: "Tap", reference: int) -> Outcome:
        sw, body, values = await generate_ac.exchange(tap, reference)
        # CX-3: 6986 the phone wants its owner, 6984 another interface, all else the next
        # application.
        if sw == apdu.SEE_PHONE:
            return common.see_phone(tap, "CX-3")
        if sw == apdu.NOT_ALLOWED_HERE:
            return outcome.try_another_interface(error="status bytes", sw=sw)
        if sw != apdu.OK:
            return _next(tap, "status bytes", sw)
        # EP-15
        await tap.card_read_ok()
        generate_ac.keep_answer(tap, body)
        kind = generate_ac.check_type(tap, reference)
        if not generate_ac.verify(tap, reference, values):
            return common.declined(tap, "CX-3", "cam failed")
        if tap.transaction.is_refund:
            tap.decide("CX-3", "refund: the host decides, whatever the cryptogram")
            return outcome.refund_request()
        if kind not in (apdu.TC, apdu.ARQC):
            return common.declined(tap, "CX-3", "declined by card")
        method = _verify_cardholder(tap)
        if method is None:
            return common.declined(tap, "CX-3", "cardholder not verified")
        if kind == apdu.ARQC:
            return common.online_request(tap, "CX-3", method)
        if method == outcome.CVM_ONLINE_PIN:
            # A PIN that only the host can verify approves nothing here.
            return common.declined(tap, "CX-3", "online PIN without the host", method)
        return common.approved(tap, "CX-3", method)


def _next(tap: "Tap", error: str, sw: "int | None" = None) -> Outcome:
    tap.decide("CX-3", "the next application: " + error)
    return outcome.select_next(error, sw)


def _describe_reader(tap: "Tap", settings: "Record") -> None:
    """CX-3: 9F52, 9F53 and 9F33 from the configuration and this transaction."""
    required = tap.indicators is not None and tap.indicators.cvm_required
    first = 0
    for wanted, bit in (
        (required, _INTERCHANGE1_CVM_REQUIRED),
        (settings.signature, _INTERCHANGE1_SIGNATURE),
        (settings.online_pin, _INTERCHANGE1_ONLINE_PIN),
        (settings.on_device_cvm, _INTERCHANGE1_ON_DEVICE),
        (settings.contacts, _INTERCHANGE1_CONTACTS),
    ):
        first |= bit if wanted else 0
    tap.terminal_data[_COMPATIBILITY] = _EMV_MODE
    tap.terminal_data[_INTERCHANGE] = bytes((first, 0, 0))
    tap.terminal_data[tags.CAPABILITIES] = generate_ac.capabilities(settings, required)
    cvm.result(tap, outcome.CVM_NONE, 0x3F, 0x00, 0x00)


async def _read(tap: "Tap", body: bytes) -> None:
    """The answer to GET PROCESSING OPTIONS and the records; CardDataError if something is
    missing."""
    # Format 80 belongs to the legacy mode.
    if body[:1] == b"\x80":
        raise CardDataError("legacy mode not supported")
    tap.store(records.processing_options(body), strict=True)
    tap.needs(tags.AIP, tags.AFL)
    if not tap.data[tags.AIP][1] & generate_ac.AIP2_EMV_MODE:
        raise CardDataError("magstripe not supported")
    tap.phase("records")
    count = await records.read_all(tap, tap.data[tags.AFL], strict=True)
    tap.log.event("emv", "records", count=count)
    tap.needs(tags.CDOL1, tags.TRACK2, tags.EXPIRY)
    if _VERIFICATION in tap.data:
        # What the card chose comes with the cryptogram, where it is signed, and not before.
        raise CardDataError("card data error")
    tap.identify()


def _prepare_cda(tap: "Tap", settings: "Record") -> bool:
    """CX-3: CDA when both support it; False, and the TVR says why, where it cannot be."""
    if not generate_ac.wanted(tap, generate_ac.AIP1_CDA, settings.cda):
        tap.set_tvr(tvr.ODA_NOT_PERFORMED)
        return False
    return generate_ac.prepare_cda(tap, "CX-3")


def _limits(tap: "Tap") -> None:
    """Book C-5, 5.5.3: at the floor limit is over it already, unlike Entry Point's."""
    floor = None if tap.indicators is None else tap.indicators.floor_minor
    if floor is not None and tap.transaction.amount_minor >= floor:
        tap.set_tvr(tvr.FLOOR_LIMIT_EXCEEDED)
        tap.go_online("CX-3", "floor limit reached")


def _verify_cardholder(tap: "Tap") -> "str | None":
    """CX-3: what the card chose (9F50), or None where that is not enough (Book C-5, 5.8.3)."""
    if _VERIFICATION not in tap.data:
        raise CardDataError("card data missing")
    chosen = common.exactly(tap, _VERIFICATION, 1)[0]
    offered = tap.terminal_data[_INTERCHANGE][0]
    if chosen == _CHOSEN_NONE:
        if offered & _INTERCHANGE1_CVM_REQUIRED:
            return None
        return _note(tap, cvm.result(tap, outcome.CVM_NONE, 0x1F, 0x00, 0x02))
    known = _METHODS.get(chosen & 0xF0 if chosen & 0xF0 == _CHOSEN_ON_DEVICE else chosen)
    if known is None or not offered & known[1]:
        return None
    return _note(tap, cvm.result(tap, known[0], known[2], 0x00, known[3]))


def _note(tap: "Tap", method: str) -> str:
    tap.decide("CX-3", "{}, 9F34 {}".format(method, tap.terminal_data[tags.CVM_RESULTS].hex()))
    return method
