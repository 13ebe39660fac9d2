"""Kernel 3: Visa, qVSDC (EMV Contactless Book C-3)."""

from typing import TYPE_CHECKING

from kassa.emv import apdu, dol, outcome, preprocessing, records, tags
from kassa.emv.errors import CardDataError, EmvError
from kassa.emv.outcome import Outcome, UiRequest
from kassa.emv.preprocessing import (
    TTQ1_CONTACT_CHIP,
    TTQ1_OFFLINE_ONLY,
    TTQ1_ONLINE_PIN,
    TTQ1_SIGNATURE,
    TTQ2_CVM_REQUIRED,
    TTQ2_ONLINE_REQUIRED,
    TTQ3_ISSUER_UPDATE,
)
from kassa.emv.transaction_data import (
    CASH,
    CASH_DISBURSEMENT,
    PURCHASE_WITH_CASHBACK,
    comparable_date,
)
from kassa.system.card import CardError, TwoCards

if TYPE_CHECKING:
    from kassa.emv.tap import Tap

# D-6: card transaction qualifiers (9F6C)
CTQ1_ONLINE_PIN = 0x80
CTQ1_SIGNATURE = 0x40
CTQ1_ONLINE_IF_ODA_FAILS = 0x20
CTQ1_SWITCH_IF_ODA_FAILS = 0x10
CTQ1_ONLINE_IF_EXPIRED = 0x08
CTQ1_SWITCH_FOR_CASH = 0x04
CTQ1_SWITCH_FOR_CASHBACK = 0x02
CTQ2_CDCVM_PERFORMED = 0x80
CTQ2_ISSUER_UPDATE = 0x40

_NO_CTQ = b"\0\0"


class Kernel3:
    """One instance serves every tap; nothing is kept between them."""

    async def run(self, tap: "Tap") -> Outcome:
        """Take the application selected in `tap` to an outcome."""
        try:
            return await self._run(tap)
        except TwoCards:
            return outcome.one_card_only()
        except CardError:
            # Book C-3, 5.2.2 and 5.4: whatever was lost, the card is asked for once more.
            return outcome.try_again(error="transmission error")
        except CardDataError as error:
            return outcome.end_application(error=error.error, sw=error.sw)
        except EmvError:
            # D-1, D-2: what is not TLV, or holds an object twice, ends the application.
            return outcome.end_application(error="parsing error")

    async def _run(self, tap: "Tap") -> Outcome:
        if not self._apply_program_limits(tap):
            return outcome.select_next("max limit exceeded")
        # C3-1: the PDOL names 9F66.
        pdol = tap.fci.get(tags.PDOL, b"")
        if not dol.asks_for(pdol, tags.TTQ):
            raise CardDataError("card data missing")
        command = apdu.get_processing_options(dol.fill(pdol, tap.value))
        tap.phase("gpo")
        sw, body = await apdu.exchange(tap.card, command)
        tap.log.event("emv", "gpo", sw="{:04X}".format(sw))
        if sw != apdu.OK:
            return _refused(sw)
        tap.store(records.processing_options(body), strict=False)

        # C3-2: no AFL is legal.
        afl = tap.data.get(tags.AFL)
        if afl:
            tap.phase("records")
            count = await records.read_all(tap, afl, strict=False)
            tap.log.event("emv", "records", count=count)
        tap.card_read_ok()

        if tap.transaction.is_refund:
            # Nobody asks what the card made of it, only whose it is.
            tap.needs(tags.AIP)
            tap.identify()
            tap.decide("C3-3", "refund: the host decides, whatever the cryptogram")
            return outcome.refund_request()
        cid = _cryptogram_type(tap)
        if cid != apdu.AAC:
            # C3-2: mandatory data.
            tap.needs(tags.CRYPTOGRAM, tags.AIP, tags.ATC, tags.IAD, tags.TRACK2)
            tap.identify()
        elif tags.TRACK2 in tap.data or tags.PAN in tap.data:
            tap.identify()
        return self._dispose(tap, cid)

    def _apply_program_limits(self, tap: "Tap") -> bool:
        # C3-8: dynamic reader limits by application program identifier; the longest that fits
        # counts.
        program = tap.fci.get(tags.PROGRAM_ID, b"")
        limits = None
        for entry in tap.combination.program_limits:
            if program.startswith(entry.program) and (
                limits is None or len(entry.program) > len(limits.program)
            ):
                limits = entry
        if limits is None:
            return True
        unit_minor = 10**tap.terminal.currency_exponent
        indicators = preprocessing.preprocess(
            tap.combination.ttq,
            limits,
            None,
            tap.transaction.amount_minor,
            unit_minor,
            tap.online_only,
            tap.transaction.is_refund,
        )
        tap.apply(indicators)
        return indicators.allowed

    def _dispose(self, tap: "Tap", cid: int) -> Outcome:
        # C3-3: AAC -> declined; ARQC -> online; TC -> offline, unless TTQ byte 2 bit 80.
        if cid not in (apdu.ARQC, apdu.TC):
            return _declined("declined by card")
        online = cid == apdu.ARQC or bool(tap.ttq[1] & TTQ2_ONLINE_REQUIRED)
        if not online:
            decision = self._offline(tap)
            if decision is not None and decision.kind != outcome.ONLINE_REQUEST:
                return decision
            online = decision is not None

        # C3-6
        cvm = _cardholder_verification(tap, cid)
        if cvm is None:
            return _declined("cardholder not verified")
        online = online or cvm == outcome.CVM_ONLINE_PIN
        if not online:
            message = outcome.MESSAGE_APPROVED
            if cvm == outcome.CVM_SIGNATURE:
                message = outcome.MESSAGE_APPROVED_SIGN
            result = Outcome(
                outcome.APPROVED, ui=UiRequest(message, outcome.CARD_READ_OK), cvm=cvm
            )
        else:
            result = Outcome(
                outcome.ONLINE_REQUEST,
                ui=UiRequest(outcome.MESSAGE_AUTHORISING, outcome.PROCESSING),
                cvm=cvm,
            )
            # C3-7: both sides can take an issuer's update: a second tap after the host's answer.
            if tap.ttq[2] & TTQ3_ISSUER_UPDATE and _ctq(tap)[1] & CTQ2_ISSUER_UPDATE:
                result.start = outcome.START_B
                result.online_response = "emv_data"
                result.ui_restart = UiRequest(outcome.MESSAGE_PRESENT_AGAIN, outcome.READY_TO_READ)
        result.receipt = cvm == outcome.CVM_SIGNATURE
        return result

    def _offline(self, tap: "Tap") -> "Outcome | None":
        """What stands against an offline approval: an outcome, or None to approve."""
        go_online = Outcome(outcome.ONLINE_REQUEST)
        ctq = _ctq(tap)
        online_capable = not tap.ttq[0] & TTQ1_OFFLINE_ONLY
        # C3-4: expired, or nothing to tell it by.
        expiry, today = tap.data.get(tags.EXPIRY), tap.transaction.date
        if expiry is None or today is None or comparable_date(expiry) < comparable_date(today):
            if ctq[0] & CTQ1_ONLINE_IF_EXPIRED and online_capable:
                return go_online
            return _declined("expired")
        # C3-4: cash and cashback by application usage control and CTQ.
        if tap.transaction.type in (
            CASH,
            CASH_DISBURSEMENT,
            PURCHASE_WITH_CASHBACK,
        ) and not _cash_allowed(tap):
            back = tap.transaction.type == PURCHASE_WITH_CASHBACK
            if ctq[0] & (CTQ1_SWITCH_FOR_CASHBACK if back else CTQ1_SWITCH_FOR_CASH):
                return outcome.try_another_interface(error="service not allowed")
            return _declined("service not allowed")
        # C3-5: a TC needs fDDA; then online if ODA fails, switch interface, or declined, in that
        # order.
        if tap.oda is not None and tap.oda.fdda(tap):
            return None
        if ctq[0] & CTQ1_ONLINE_IF_ODA_FAILS and online_capable:
            return go_online
        if ctq[0] & CTQ1_SWITCH_IF_ODA_FAILS and tap.ttq[0] & TTQ1_CONTACT_CHIP:
            return outcome.try_another_interface(
                outcome.MESSAGE_INSERT_CARD, error="offline data authentication"
            )
        return _declined("offline data authentication")

    async def issuer_update(
        self, tap: "Tap", answer: "dict[int, bytes]", scripts: "list[bytes]"
    ) -> None:
        """The second tap of C3-7: hand the issuer's answer to the card (Book C-3, 5.10).

        `answer` holds 91, `scripts` the commands (86) of its scripts in order.  What the card
        makes of it is logged; the sale was decided by the host and does not depend on it.
        """
        try:
            # C3-7: the sale never fails for want of the second tap.
            authentication = answer.get(tags.ISSUER_AUTHENTICATION)
            if authentication and 8 <= len(authentication) <= 16:
                sw, _ = await apdu.exchange(tap.card, apdu.external_authenticate(authentication))
                tap.log.event("emv", "issuer_authentication", sw="{:04X}".format(sw))
                if sw != apdu.OK:
                    return
            for number, command in enumerate(scripts):
                sw, _ = await apdu.exchange(tap.card, command)
                tap.log.event("emv", "script_command", number=number + 1, sw="{:04X}".format(sw))
                if sw >> 8 not in (0x90, 0x62, 0x63):
                    return
        except CardError as error:
            tap.log.trouble("emv", "issuer_update", error)


def _refused(sw: int) -> Outcome:
    # C3-1: 6984 another interface, 6985 the next application, 6986 the phone wants its owner, all
    # else ends it.
    if sw == apdu.NOT_ALLOWED_HERE:
        return outcome.try_another_interface(error="status bytes", sw=sw)
    if sw == apdu.CONDITIONS_NOT_SATISFIED:
        return outcome.select_next("status bytes", sw)
    if sw == apdu.SEE_PHONE:
        # The field goes off for 1.3 s, so that the phone lets its owner act (Book C-3, table 5-3).
        return outcome.try_again(outcome.MESSAGE_SEE_PHONE, error="see phone", field_off=13)
    return outcome.end_application(error="status bytes", sw=sw)


def _declined(error: str) -> Outcome:
    return Outcome(
        outcome.DECLINED,
        ui=UiRequest(outcome.MESSAGE_NOT_AUTHORISED, outcome.CARD_READ_OK),
        discretionary={"level": "l2", "error": error},
    )


def _ctq(tap: "Tap") -> bytes:
    return tap.data.get(tags.CTQ, _NO_CTQ)


def _cryptogram_type(tap: "Tap") -> int:
    """TC, ARQC or AAC: from 9F27, or where the card left that out, from the CVR in 9F10 (C3-2)."""
    cid = tap.data.get(tags.CID)
    if cid is not None:
        return cid[0] & apdu.AC_TYPE
    tap.needs(tags.IAD)
    iad = tap.data[tags.IAD]
    # The first byte of the CVR that says something: after length, key index, CVN and the CVR's own
    # length; in IAD format 2 (32 bytes, CVN 2x or 4x second) after length, CVN and key index.
    at = 3 if len(iad) == 32 and iad[1] >> 4 in (2, 4) else 4
    if len(iad) <= at:
        raise CardDataError("card data missing")
    cid_byte = (iad[at] & 0x30) << 2
    tap.data[tags.CID] = bytes((cid_byte,))
    return cid_byte


def _cardholder_verification(tap: "Tap", cid: int) -> "str | None":
    """C3-6: the method, or None to decline (Book C-3, 5.7)."""
    ttq, ctq = tap.ttq, tap.data.get(tags.CTQ)
    required = ttq[1] & TTQ2_CVM_REQUIRED
    if ctq is None:
        if not required:
            return outcome.CVM_NONE
        if ttq[0] & TTQ1_SIGNATURE:
            return outcome.CVM_SIGNATURE
        return outcome.CVM_ONLINE_PIN if ttq[0] & TTQ1_ONLINE_PIN else None
    if ctq[0] & CTQ1_ONLINE_PIN and ttq[0] & TTQ1_ONLINE_PIN:
        return outcome.CVM_ONLINE_PIN
    if ctq[1] & CTQ2_CDCVM_PERFORMED:
        related = tap.data.get(tags.FDDA)
        verified = cid == apdu.ARQC if related is None else related[5:7] == ctq
        return outcome.CVM_CONSUMER_DEVICE if verified else None
    if ctq[0] & CTQ1_SIGNATURE and ttq[0] & TTQ1_SIGNATURE:
        return outcome.CVM_SIGNATURE
    # We asked for a method and the card names none that we have: nobody was verified.
    return None if required else outcome.CVM_NONE


def _cash_allowed(tap: "Tap") -> bool:
    country, usage = tap.data.get(tags.ISSUER_COUNTRY), tap.data.get(tags.USAGE_CONTROL)
    if country is None or usage is None:
        return False
    domestic = country == tap.terminal_data[tags.COUNTRY]
    if tap.transaction.type == PURCHASE_WITH_CASHBACK:
        return bool(usage[1] & (0x80 if domestic else 0x40))
    return bool(usage[0] & (0x80 if domestic else 0x40))
