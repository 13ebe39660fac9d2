"""Kernel 3: Visa, qVSDC (EMV Contactless Book C-3)."""

from typing import TYPE_CHECKING

from kassa.emv import apdu, dol, outcome, preprocessing, records, tags, terminal_risk
from kassa.emv.errors import CardDataError, EmvError
from kassa.emv.kernels import common
from kassa.emv.outcome import Outcome, UiRequest
from kassa.emv.preprocessing import (
    TTQ1_CONTACT_CHIP,
    TTQ1_ODA_ONLINE,
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
CTQ1_NOT_AT_ATM = 0x01
CTQ2_CDCVM_PERFORMED = 0x80
CTQ2_ISSUER_UPDATE = 0x40

_NO_CTQ = b"\0\0"
_ATM = (0x14, 0x15, 0x16)


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
            tap.decide("EP-13", "transmission error: the card is asked for again")
            return outcome.try_again(error="transmission error")
        except CardDataError as error:
            tap.decide("EP-12", "end: " + error.error)
            return outcome.end_application(error=error.error, sw=error.sw)
        except EmvError:
            # D-1, D-2: what is not TLV, or holds an object twice, ends the application.
            tap.decide("D-1", "what the card sent cannot be read")
            return outcome.end_application(error="parsing error")

    async def _run(self, tap: "Tap") -> Outcome:
        if not _apply_program_limits(tap):
            return outcome.select_next("max limit exceeded")
        # C3-1: the PDOL names 9F66.
        if not dol.asks_for(tap.fci.get(tags.PDOL, b""), tags.TTQ):
            tap.decide("C3-1", "the card does not ask for the TTQ")
            raise CardDataError("card data missing")
        sw, body = await common.processing_options(tap)
        if sw != apdu.OK:
            # C3-1: 6984 another interface, 6985 the next application, 6986 the phone wants its
            # owner, all else ends it.
            return common.refused(tap, sw, "C3-1")
        tap.store(records.processing_options(body), strict=False)

        # C3-2: no AFL is legal.
        afl = tap.data.get(tags.AFL)
        if afl:
            tap.phase("records")
            count = await records.read_all(tap, afl, strict=False)
            tap.log.event("emv", "records", count=count)
        # EP-15: before anything is computed with it.
        await tap.card_read_ok()

        if tap.transaction.is_refund:
            # Nobody asks what the card made of it, only whose it is.
            tap.needs(tags.AIP)
            tap.identify()
            tap.decide("C3-3", "refund: the host decides, whatever the cryptogram")
            return outcome.refund_request()
        cid = cryptogram_type(tap)
        if cid != apdu.AAC:
            # C3-2: mandatory data.
            tap.needs(tags.CRYPTOGRAM, tags.AIP, tags.ATC, tags.IAD, tags.TRACK2)
            tap.identify()
        elif tags.TRACK2 in tap.data or tags.PAN in tap.data:
            tap.identify()
        return _dispose(tap, cid)

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


def _apply_program_limits(tap: "Tap") -> bool:
    # C3-8: dynamic reader limits by application program identifier; the longest that fits counts.
    program = tap.fci.get(tags.PROGRAM_ID, b"")
    limits = None
    for entry in tap.combination.program_limits:
        if program.startswith(entry.program) and (
            limits is None or len(entry.program) > len(limits.program)
        ):
            limits = entry
    if limits is None:
        return True
    indicators = preprocessing.preprocess(
        tap.combination.ttq,
        limits,
        tap.combination.terminal_floor_limit,
        tap.transaction.amount_minor,
        10**tap.terminal.currency_exponent,
        tap.online_only,
        tap.transaction.is_refund,
    )
    tap.apply(indicators)
    tap.decide("C3-8", "limits of program {}, TTQ {}".format(limits.program.hex(), tap.ttq.hex()))
    return indicators.allowed


def cryptogram_type(tap: "Tap") -> int:
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
    tap.decide("C3-2", "no 9F27: the CVR says {:02X}".format(cid_byte))
    return cid_byte


def _dispose(tap: "Tap", cid: int) -> Outcome:
    # C3-3: AAC -> declined; ARQC -> online; TC -> offline, unless TTQ byte 2 bit 80.
    if cid not in (apdu.ARQC, apdu.TC):
        return common.declined(tap, "C3-3", "declined by card")
    decision = None
    online = True
    if cid == apdu.ARQC:
        tap.decide("C3-3", "ARQC: online")
        if tap.ttq[0] & TTQ1_ODA_ONLINE and tap.oda is not None:
            # What comes of it is the reader's to know; the host decides (Book C-3, 5.6).
            tap.oda.fdda(tap)
    elif tap.ttq[1] & TTQ2_ONLINE_REQUIRED:
        tap.decide("C3-3", "TC, but the terminal asked for an online cryptogram: online")
    else:
        tap.decide("C3-3", "TC: offline")
        decision = _against_offline(tap)
        online = decision is not None
    if decision is not None and decision.kind != outcome.ONLINE_REQUEST:
        return decision

    # C3-6
    cvm = cardholder_verification(tap, cid)
    if cvm is None:
        return common.declined(tap, "C3-6", "cardholder not verified")
    tap.decide("C3-6", "cardholder verification: " + cvm)
    if not online and cvm != outcome.CVM_ONLINE_PIN:
        return common.approved(tap, "C3-3", cvm)
    result = common.online_request(tap, "C3-3", cvm)
    # C3-7: both sides can take an issuer's update: a second tap after the host's answer.
    if tap.ttq[2] & TTQ3_ISSUER_UPDATE and _ctq(tap)[1] & CTQ2_ISSUER_UPDATE:
        tap.decide("C3-7", "issuer update: a second tap after the host's answer")
        result.start = outcome.START_B
        result.online_response = "emv_data"
        result.ui_restart = UiRequest(outcome.MESSAGE_PRESENT_AGAIN, outcome.READY_TO_READ)
    return result


def _against_offline(tap: "Tap") -> "Outcome | None":
    """What stands against approving a TC offline: an outcome, or None to approve."""
    ctq = _ctq(tap)
    # C3-4: expired, or nothing to tell it by.
    expiry, today = tap.data.get(tags.EXPIRY), tap.transaction.date
    if expiry is None or today is None or comparable_date(expiry) < comparable_date(today):
        return _online_or_declined(tap, ctq[0] & CTQ1_ONLINE_IF_EXPIRED, "C3-4", "expired")
    # C3-4: exception list hit -> declined.
    if terminal_risk.listed(tap):
        return common.declined(tap, "C3-4", "card on the exception list")
    refused = _against_cash(tap, ctq)
    if refused is not None:
        return refused
    #
    if terminal_risk.select(tap):
        return _online_or_declined(tap, True, "R-2", "terminal risk management")
    # C3-5: a TC needs fDDA; then online if ODA fails, switch interface, or declined, in that
    # order.
    if tap.oda is not None and tap.oda.fdda(tap):
        tap.decide("C3-5", "fDDA verified")
        return None
    error = "offline data authentication"
    if ctq[0] & CTQ1_ONLINE_IF_ODA_FAILS and _online_capable(tap):
        return _online_or_declined(tap, True, "C3-5", error)
    if ctq[0] & CTQ1_SWITCH_IF_ODA_FAILS and tap.ttq[0] & TTQ1_CONTACT_CHIP:
        tap.decide("C3-5", "fDDA failed: the chip's contacts")
        return outcome.try_another_interface(outcome.MESSAGE_INSERT_CARD, error=error)
    return common.declined(tap, "C3-5", error)


def _against_cash(tap: "Tap", ctq: bytes) -> "Outcome | None":
    """C3-4: cash and cashback by application usage control and CTQ; None where it may be."""
    kind = tap.transaction.type
    if kind not in (CASH, CASH_DISBURSEMENT, PURCHASE_WITH_CASHBACK):
        return None
    if kind == CASH and tap.terminal.type[0] in _ATM and ctq[0] & CTQ1_NOT_AT_ATM:
        return common.declined(tap, "C3-4", "not at contactless ATMs")
    if _cash_allowed(tap):
        return None
    back = kind == PURCHASE_WITH_CASHBACK
    if ctq[0] & (CTQ1_SWITCH_FOR_CASHBACK if back else CTQ1_SWITCH_FOR_CASH):
        tap.decide("C3-4", "service not allowed: another interface")
        return outcome.try_another_interface(error="service not allowed")
    return common.declined(tap, "C3-4", "service not allowed")


def _online_or_declined(tap: "Tap", wanted: "int | bool", rule: str, why: str) -> Outcome:
    """An online request if that is `wanted` and this reader has a line, else declined."""
    if wanted and _online_capable(tap):
        tap.decide(rule, why + ": online")
        return Outcome(outcome.ONLINE_REQUEST)
    return common.declined(tap, rule, why)


def _online_capable(tap: "Tap") -> bool:
    return not tap.ttq[0] & TTQ1_OFFLINE_ONLY


def _ctq(tap: "Tap") -> bytes:
    return tap.data.get(tags.CTQ, _NO_CTQ)


def cardholder_verification(tap: "Tap", cid: int) -> "str | None":
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
