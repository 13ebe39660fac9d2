"""Kernel 2: Mastercard, EMV mode (EMV Contactless Book C-2)."""

from typing import TYPE_CHECKING

from kassa.emv import (
    action_analysis,
    apdu,
    cvm,
    dol,
    outcome,
    records,
    restrictions,
    tags,
    terminal_risk,
    tvr,
)
from kassa.emv.errors import CardDataError, EmvError, TlvError
from kassa.emv.kernels import common, generate_ac, relay
from kassa.emv.kernels.generate_ac import AIP1_CDA, AIP2_EMV_MODE
from kassa.emv.kernels.torn import Asked, TornLog
from kassa.emv.outcome import Outcome, UiRequest
from kassa.system.card import CardError, TwoCards

if TYPE_CHECKING:
    from kassa.emv.config import Record
    from kassa.emv.tap import Tap

# 9F33
_CAPABILITY1_CONTACTS = 0x20
_CAPABILITY3_CDA = 0x08
# DF811B
_CONFIGURATION_ON_DEVICE = 0x20

# Static data tag list 9F4A
_ONLY_AIP = b"\x82"
_NAMES = {apdu.AAC: "AAC", apdu.TC: "TC", apdu.ARQC: "ARQC"}


class Kernel2:
    """Keeps nothing between taps but the torn transactions of the configuration's number and
    lifetime."""

    def __init__(self) -> None:
        self._torn = TornLog()

    async def run(self, tap: "Tap") -> Outcome:
        """Take the application selected in `tap` to an outcome."""
        try:
            return await self._run(tap)
        except TwoCards:
            return outcome.one_card_only()
        except CardError:
            # C2-11: a transmission error ends the application, which starts again at B.
            tap.decide("C2-11", "transmission error: the card is asked for again")
            return outcome.end_and_restart(outcome.MESSAGE_PRESENT_AGAIN, "transmission error")
        except CardDataError as error:
            tap.decide("EP-12", "end: " + error.error)
            return outcome.end_application(error=error.error, sw=error.sw)
        except EmvError:
            # D-1, D-2: what is not TLV, or holds an object twice, ends the application.
            tap.decide("D-1", "what the card sent cannot be read")
            return outcome.end_application(error="parsing error")

    async def _run(self, tap: "Tap") -> Outcome:
        settings = tap.combination.kernel2
        # C2-5: until the amount is compared the terminal has no method.
        tap.terminal_data[tags.CAPABILITIES] = (
            settings.card_data_input + b"\0" + settings.security_capability
        )
        sw, body = await common.processing_options(tap)
        # C2-1: anything but 9000 -> Select Next; missing 82 or 94 -> card data missing.
        if sw != apdu.OK:
            tap.decide("C2-1", "GET PROCESSING OPTIONS: {:04X}, next application".format(sw))
            return outcome.select_next("status bytes", sw)
        tap.store(records.processing_options(body), strict=True)
        tap.needs(tags.AIP, tags.AFL)
        # C2-13: mag-stripe mode is not there; a card that only has it is not guessed at.
        if not tap.data[tags.AIP][1] & AIP2_EMV_MODE:
            tap.decide("C2-13", "the card has no EMV mode, and mag-stripe mode is off")
            raise CardDataError("magstripe not supported")
        await relay.check(tap)

        tap.phase("records")
        count = await records.read_all(tap, tap.data[tags.AFL], strict=True)
        tap.log.event("emv", "records", count=count)

        # C2-2: the limit depends on on-device verification.
        on_device = _on_device(tap)
        limit = settings.limit_on_device if on_device else settings.limit
        if limit is not None and tap.transaction.amount_minor > limit:
            tap.decide("C2-2", "above the reader's transaction limit: next application")
            return outcome.select_next("max limit exceeded")
        # C2-3: mandatory data; the PAN in 57 equals 5A.
        tap.needs(tags.EXPIRY, tags.PAN, tags.CDOL1)
        tap.identify()
        wanted = _cda_wanted(tap)
        # C2-4: the TVR says why not.
        cda = wanted and generate_ac.prepare_cda(tap, "C2-4")
        if not wanted:
            tap.set_tvr(tvr.ODA_NOT_PERFORMED)
        elif tap.data.get(tags.SDA_TAGS) != _ONLY_AIP:
            # Book C-2, S456.26: a list that is not there, or names more, ends the application, the
            # TVR notwithstanding.
            tap.decide("C2-4", "9F4A does not name the AIP alone: end")
            raise CardDataError("card data error")
        asked = _analyse(tap, cda)
        if wanted and not cda and on_device and asked.type != apdu.AAC:
            # A device vouches for its owner, and nothing vouches for the device (Book C-2, GAC.21
            # to GAC.23).
            tap.decide("C2-9", "CDA failed on a device with on-device verification: AAC")
            asked.reference = apdu.AAC
        return await self._cryptogram(tap, asked)

    async def issuer_update(
        self, tap: "Tap", answer: "dict[int, bytes]", scripts: "list[bytes]"
    ) -> None:
        """Book C-2 knows no second tap with the issuer's answer: nothing is sent."""

    async def _cryptogram(self, tap: "Tap", asked: Asked) -> Outcome:
        """GENERATE AC, or RECOVER AC for a torn one, and the outcome of its answer."""
        tap.phase("ac")
        asked.values = dol.fill(tap.data[tags.CDOL1], tap.value)
        body, asked = await self._recover(tap, asked)
        if body is None:
            body = await self._generate(tap, asked)
        # C2-9: the answer's form, and a cryptogram that was asked for.
        generate_ac.keep_answer(tap, body)
        got = generate_ac.check_type(tap, asked.reference)
        tap.decide("C2-9", "asked {}, got {}".format(_NAMES[asked.type], _NAMES[got]))
        # EP-15: before anything is computed with it; not to a phone that has to come back.
        if not _wants_another_tap(tap):
            await tap.card_read_ok()
        # C2-10: CDA verified on the answer; an AAC is not signed.
        if not generate_ac.verify(tap, asked.reference, asked.values):
            tap.decide("C2-10", "CDA failed on the answer: end")
            raise CardDataError("cam failed")
        return _outcome(tap, asked, got)

    async def _recover(self, tap: "Tap", asked: Asked) -> "tuple[bytes | None, Asked]":
        """C2-11: the same card again: ask for the answer that was lost, and what it answers.

        None, and what is to be asked now, where nothing was lost or the card cannot say it again.
        """
        torn = self._torn.find(tap, tap.combination.kernel2.torn_lifetime_s)
        if torn is None:
            return None, asked
        if torn.approves and tap.online_only:
            # What speaks against an offline approval now was not known then.
            self._torn.remove(torn)
            tap.decide("C2-11", "must go online by now: asked afresh")
            return None, asked
        sw, body = await apdu.exchange(tap.card, apdu.recover_ac(torn.related))
        tap.log.event("emv", "recover", sw="{:04X}".format(sw))
        self._torn.remove(torn)
        if sw != apdu.OK:
            tap.decide("C2-11", "the card cannot recover its answer: asked afresh")
            return None, asked
        # Book C-2, S10.12: of format 77, whatever the first answer would have been.
        if body[:1] != b"\x77":
            raise TlvError("a template 77 is recovered")
        tap.decide("C2-11", "the torn transaction is recovered")
        return body, torn.restore(tap)

    async def _generate(self, tap: "Tap", asked: Asked) -> bytes:
        try:
            sw, body = await apdu.exchange(
                tap.card, apdu.generate_ac(asked.reference, asked.values)
            )
        except CardError:
            # C2-11: torn; kept where the card has DRDOL.
            if self._torn.keep(tap, tap.combination.kernel2.torn_records, asked):
                tap.decide("C2-11", "torn in GENERATE AC: kept for recovery")
            raise
        tap.log.event("emv", "ac", sw="{:04X}".format(sw))
        if sw != apdu.OK:
            raise CardDataError("status bytes", sw)
        return body


def _on_device(tap: "Tap") -> bool:
    """D-7: both the card and the reader have on-device verification."""
    settings: "Record" = tap.combination.kernel2
    return bool(
        tap.data[tags.AIP][0] & cvm.AIP1_ON_DEVICE
        and settings.configuration[0] & _CONFIGURATION_ON_DEVICE
    )


def _cda_wanted(tap: "Tap") -> bool:
    """C2-4: CDA when both support it, and there is a date to judge certificates by (D-4); a refund
    asks for an AAC, which nobody signs."""
    settings: "Record" = tap.combination.kernel2
    return bool(
        tap.data[tags.AIP][0] & AIP1_CDA
        and settings.security_capability[0] & _CAPABILITY3_CDA
        and tap.oda is not None
        and tap.transaction.date is not None
        and not tap.transaction.is_refund
    )


def _analyse(tap: "Tap", cda: bool) -> Asked:
    """Restrictions, cardholder verification, risk and action analysis: what to ask the card."""
    settings: "Record" = tap.combination.kernel2
    amount = tap.transaction.amount_minor
    # C2-5: over the CVM limit (more, not equal) the other capability byte, and a receipt.
    over = tap.combination.cvm_limit is not None and amount > tap.combination.cvm_limit
    capability = settings.cvm_capability if over else settings.cvm_capability_no_cvm
    tap.terminal_data[tags.CAPABILITIES] = (
        settings.card_data_input + capability + settings.security_capability
    )
    tap.decide("C2-5", "over the CVM limit" if over else "up to the CVM limit")
    restrictions.check(tap)
    #
    listed = terminal_risk.listed(tap)
    if tap.transaction.is_refund:
        # A refund asks for no approval: with TAC Denial all ones it always comes to an AAC
        # (PayPass M/Chip Requirements, refunds).
        tap.decide("C2-8", "refund: AAC")
        return Asked(apdu.AAC, cvm.none(tap, "refund"), True)
    method = cvm.select(tap, over, bool(settings.configuration[0] & _CONFIGURATION_ON_DEVICE))
    if tap.indicators is not None and tap.indicators.floor_limit_exceeded:
        # EP-3: above the floor limit nobody approves offline, whatever the action codes say.
        tap.set_tvr(tvr.FLOOR_LIMIT_EXCEEDED)
        tap.go_online("EP-3", "over the floor limit")
    elif not listed:
        # over the floor limit, or listed, nothing is left to the dice.
        terminal_risk.select(tap)
    if not tap.online_only:
        _ask_online(tap, cda, method, over)
    reference = action_analysis.decide(tap, settings)
    # C2-9: the CDA bit is asked when selected, but not for an AAC.
    if cda and reference != apdu.AAC:
        reference |= apdu.CDA
    return Asked(reference, method, over or method == outcome.CVM_SIGNATURE)


def _ask_online(tap: "Tap", cda: bool, method: str, over_cvm_limit: bool) -> None:
    """What speaks against an offline approval whatever the action codes say."""
    indicators = tap.indicators
    if indicators is not None and (indicators.status_check or indicators.zero_amount):
        tap.go_online("EP-2", "status check or amount zero")
    elif method == outcome.CVM_ONLINE_PIN:
        tap.go_online("C2-7", "the host verifies the PIN")
    elif not cda and tap.transaction.amount_minor > tap.unsigned_cap:
        tap.go_online("C2-8", "nothing would be signed at this amount")
    elif not cda and over_cvm_limit:
        # AIP and CVM list say whether somebody was verified: unsigned they are anybody's word.
        tap.go_online("C2-7", "nothing proves who was verified")


def _outcome(tap: "Tap", asked: Asked, got: int) -> Outcome:
    if tap.transaction.is_refund:
        tap.decide("C2-10", "refund: the host decides, whatever the cryptogram")
        return outcome.refund_request()
    # C2-12: the phone wants its owner first.
    if _wants_another_tap(tap):
        wishes = tap.data[tags.INTERACTION]
        tap.decide("C2-12", "the device asks for a second tap (DF4B {})".format(wishes.hex()))
        return outcome.end_and_restart(outcome.MESSAGE_SEE_PHONE, "see phone", "l2")
    # C2-10: TC -> approved; ARQC -> online request; AAC -> declined, or another interface.
    method = asked.method
    if got == apdu.TC:
        tap.decide("C2-10", "TC: approved offline, " + (tap.authenticated or "nothing signed"))
        signature = method == outcome.CVM_SIGNATURE
        message = outcome.MESSAGE_APPROVED_SIGN if signature else outcome.MESSAGE_APPROVED
        result = Outcome(outcome.APPROVED, ui=UiRequest(message, outcome.NOT_READY), cvm=method)
    elif got == apdu.ARQC:
        tap.decide("C2-10", "ARQC: online request")
        ui = UiRequest(outcome.MESSAGE_AUTHORISING, outcome.NOT_READY)
        result = Outcome(outcome.ONLINE_REQUEST, ui=ui, cvm=method)
    elif tap.combination.kernel2.card_data_input[0] & _CAPABILITY1_CONTACTS and _plain_card(tap):
        tap.decide("C2-10", "AAC of a plain card: another interface")
        return outcome.try_another_interface(outcome.MESSAGE_INSERT_CARD, error="declined by card")
    else:
        tap.decide("C2-10", "AAC: declined")
        result = Outcome(
            outcome.DECLINED,
            ui=UiRequest(outcome.MESSAGE_NOT_AUTHORISED, outcome.NOT_READY),
            cvm=method,
            discretionary={"level": "l2", "error": "declined by card"},
        )
    result.receipt = asked.receipt
    return result


def _wants_another_tap(tap: "Tap") -> bool:
    """C2-12: POS cardholder interaction information, DF4B, as kernel 2 has it in a purchase."""
    wishes = tap.data.get(tags.INTERACTION)
    refund = tap.transaction.is_refund
    return not refund and wishes is not None and bool(wishes[1] & 0x03 or wishes[2] & 0x0F)


def _plain_card(tap: "Tap") -> bool:
    """True unless third party data (9F6E) name another device: bytes 5-6, where byte 3 bit 80 is
    clear."""
    third_party = tap.data.get(tags.FORM_FACTOR)
    if third_party is None or len(third_party) < 6 or third_party[2] & 0x80:
        return True
    return third_party[4:6] == b"00"
