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
    tvr,
)
from kassa.emv.errors import CardDataError, EmvError
from kassa.emv.kernels import generate_ac, relay
from kassa.emv.kernels.generate_ac import AIP1_CDA, AIP2_EMV_MODE
from kassa.emv.kernels.torn import TornLog
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
            return outcome.end_and_restart(outcome.MESSAGE_PRESENT_AGAIN, "transmission error")
        except CardDataError as error:
            return outcome.end_application(error=error.error, sw=error.sw)
        except EmvError:
            # D-1, D-2: what is not TLV, or holds an object twice, ends the application.
            return outcome.end_application(error="parsing error")

    async def _run(self, tap: "Tap") -> Outcome:
        settings = tap.combination.kernel2
        tap.terminal_data[tags.CAPABILITIES] = (
            settings.card_data_input + b"\0" + settings.security_capability
        )
        command = apdu.get_processing_options(dol.fill(tap.fci.get(tags.PDOL, b""), tap.value))
        tap.phase("gpo")
        sw, body = await apdu.exchange(tap.card, command)
        tap.log.event("emv", "gpo", sw="{:04X}".format(sw))
        # C2-1: anything but 9000 -> Select Next; missing 82 or 94 -> card data missing.
        if sw != apdu.OK:
            return outcome.select_next("status bytes", sw)
        tap.store(records.processing_options(body), strict=True)
        tap.needs(tags.AIP, tags.AFL)
        aip = tap.data[tags.AIP]
        # C2-13: mag-stripe mode is not there; a card that only has it is not guessed at.
        if not aip[1] & AIP2_EMV_MODE:
            raise CardDataError("magstripe not supported")
        cda = bool(
            aip[0] & AIP1_CDA
            and settings.security_capability[0] & _CAPABILITY3_CDA
            and tap.oda is not None
            and not tap.transaction.is_refund
        )
        if not cda:
            tap.set_tvr(tvr.ODA_NOT_PERFORMED)
        await relay.check(tap)

        tap.phase("records")
        count = await records.read_all(tap, tap.data[tags.AFL], strict=True)
        tap.log.event("emv", "records", count=count)

        # C2-2: the limit depends on on-device verification.
        on_device = aip[0] & cvm.AIP1_ON_DEVICE and _takes_on_device(settings)
        limit = settings.limit_on_device if on_device else settings.limit
        amount = tap.transaction.amount_minor
        if limit is not None and amount > limit:
            return outcome.select_next("max limit exceeded")
        # C2-3: mandatory data; the PAN in 57 equals 5A.
        tap.needs(tags.EXPIRY, tags.PAN, tags.CDOL1)
        tap.identify()
        # C2-4
        cda = cda and generate_ac.prepare_cda(tap, "C2-4")
        reference, method, receipt = self._analyse(tap, settings, amount)
        return await self._cryptogram(tap, reference | (apdu.CDA if cda else 0), method, receipt)

    async def issuer_update(
        self, tap: "Tap", answer: "dict[int, bytes]", scripts: "list[bytes]"
    ) -> None:
        """Book C-2 knows no second tap with the issuer's answer: nothing is sent."""

    def _analyse(self, tap: "Tap", settings: "Record", amount: int) -> "tuple[int, str, bool]":
        """Restrictions, cardholder and action analysis: (cryptogram to ask for, CVM, receipt
        wanted)."""
        # C2-5: over the CVM limit (more, not equal) the other capability byte, and a receipt.
        over = tap.combination.cvm_limit is not None and amount > tap.combination.cvm_limit
        capability = settings.cvm_capability if over else settings.cvm_capability_no_cvm
        tap.terminal_data[tags.CAPABILITIES] = (
            settings.card_data_input + capability + settings.security_capability
        )
        restrictions.check(tap)
        if tap.transaction.is_refund:
            # A refund asks for no approval: with TAC Denial all ones it always comes to an AAC
            # (PayPass M/Chip Requirements, refunds).
            tap.decide("C2-8", "refund: AAC")
            return apdu.AAC, cvm.none(tap, "refund"), True
        method = cvm.select(tap, over, _takes_on_device(settings))
        if tap.combination.floor_limit is not None and amount > tap.combination.floor_limit:
            tap.set_tvr(tvr.FLOOR_LIMIT_EXCEEDED)
        return (
            action_analysis.decide(tap, settings),
            method,
            over or method == outcome.CVM_SIGNATURE,
        )

    async def _cryptogram(self, tap: "Tap", reference: int, method: str, receipt: bool) -> Outcome:
        """GENERATE AC, or RECOVER AC for a torn one, and the outcome of its answer."""
        settings = tap.combination.kernel2
        tap.phase("ac")
        values = dol.fill(tap.data[tags.CDOL1], tap.value)
        body = None
        torn = self._torn.find(tap, settings.torn_lifetime_s)
        if torn is not None:
            # C2-11: the same card again: ask for the answer that was lost.
            sw, body = await apdu.exchange(tap.card, apdu.recover_ac(torn.related))
            tap.log.event("emv", "recover", sw="{:04X}".format(sw))
            self._torn.remove(torn)
            if sw == apdu.OK:
                reference, method, receipt, values = torn.restore(tap)
            else:
                body = None
        if body is None:
            try:
                sw, body = await apdu.exchange(tap.card, apdu.generate_ac(reference, values))
            except CardError:
                # C2-11: torn; kept where the card has DRDOL.
                self._torn.keep(tap, settings.torn_records, (reference, method, receipt, values))
                raise
            tap.log.event("emv", "ac", sw="{:04X}".format(sw))
            if sw != apdu.OK:
                raise CardDataError("status bytes", sw)
        # EP-15
        tap.card_read_ok()
        # C2-9: the answer's form, and a cryptogram that was asked for.
        generate_ac.keep_answer(tap, body)
        generate_ac.check_type(tap, reference)
        # C2-10: CDA verified on the answer; an AAC is not signed.
        if not generate_ac.verify(tap, reference, values):
            raise CardDataError("cam failed")
        return _outcome(tap, method, receipt)


def _takes_on_device(settings: "Record") -> bool:
    return bool(settings.configuration[0] & _CONFIGURATION_ON_DEVICE)


def _outcome(tap: "Tap", method: str, receipt: bool) -> Outcome:
    if tap.transaction.is_refund:
        tap.decide("C2-10", "refund: the host decides, whatever the cryptogram")
        return outcome.refund_request()
    # C2-12: the phone wants its owner first (POS cardholder interaction information, DF4B).
    wishes = tap.data.get(tags.INTERACTION)
    if wishes is not None and (wishes[1] & 0x03 or wishes[2] & 0x0F):
        return outcome.end_and_restart(outcome.MESSAGE_SEE_PHONE, "see phone", "l2")
    # C2-10: TC -> approved; ARQC -> online request; AAC -> declined, or another interface.
    kind = tap.data[tags.CID][0] & apdu.AC_TYPE
    if kind == apdu.TC:
        message = (
            outcome.MESSAGE_APPROVED_SIGN
            if method == outcome.CVM_SIGNATURE
            else outcome.MESSAGE_APPROVED
        )
        result = Outcome(outcome.APPROVED, ui=UiRequest(message, outcome.NOT_READY), cvm=method)
    elif kind == apdu.ARQC:
        ui = UiRequest(outcome.MESSAGE_AUTHORISING, outcome.NOT_READY)
        result = Outcome(outcome.ONLINE_REQUEST, ui=ui, cvm=method)
    elif tap.combination.kernel2.card_data_input[0] & _CAPABILITY1_CONTACTS and _plain_card(tap):
        return outcome.try_another_interface(outcome.MESSAGE_INSERT_CARD, error="declined by card")
    else:
        ui = UiRequest(outcome.MESSAGE_NOT_AUTHORISED, outcome.NOT_READY)
        result = Outcome(
            outcome.DECLINED,
            ui=ui,
            cvm=method,
            discretionary={"level": "l2", "error": "declined by card"},
        )
    result.receipt = receipt
    return result


def _plain_card(tap: "Tap") -> bool:
    """True unless third party data (9F6E) name another device: bytes 5-6, where byte 3 bit 80 is
    clear."""
    third_party = tap.data.get(tags.FORM_FACTOR)
    if third_party is None or len(third_party) < 6 or third_party[2] & 0x80:
        return True
    return third_party[4:6] == b"00"
