"""Kernel 6: Discover and Diners Club, D-PAS EMV mode (EMV Contactless Book C-6).  EXPERIMENTAL.

CX-3: written from what is public of the book, confirmed by nobody's cards yet; a configuration
must say `experimental = true` to have it.  The cryptogram comes with GET PROCESSING OPTIONS, and
so does CDA's signature, over the PDOL's values and that answer.  What the card wants is in 9F71,
its card processing requirements.

Where knowledge ends the card is sent online or declined, never approved offline:

- Mag-stripe modes (D-PAS MS and ZIP), data storage and loyalty approvals do not exist here.
- No issuer's answer goes back to the card.
- An expired card goes online unless 9F71 wants it declined, whether or not it says online; so
  does one that nobody was verified for where somebody should have been.
- CDA that failed leaves no cryptogram to ask the host with, whatever 9F71 says, when the card gave
  none beside the signature.
"""

from typing import TYPE_CHECKING

from kassa.emv import (
    apdu,
    dol,
    outcome,
    records,
    restrictions,
    tags,
    terminal_risk,
    tlv,
    tvr,
)
from kassa.emv.kernels import common, generate_ac
from kassa.emv.outcome import Outcome
from kassa.emv.preprocessing import (
    TTQ1_CONTACT_CHIP,
    TTQ1_OFFLINE_ONLY,
    TTQ1_ONLINE_PIN,
    TTQ1_SIGNATURE,
    TTQ2_CVM_REQUIRED,
    TTQ2_ONLINE_REQUIRED,
    TTQ3_CONSUMER_DEVICE_CVM,
)

if TYPE_CHECKING:
    from kassa.emv.tap import Tap

_REQUIREMENTS = 0x9F71
_VERIFICATION_RESULTS = 0x9F53
# 9F71
_CPR1_ONLINE_PIN = 0x80
_CPR1_SIGNATURE = 0x40
_CPR1_DEVICE_CVM = 0x10
_CPR2_SWITCH_IF_OFFLINE = 0x80  # when the host cannot be asked
_CPR2_ONLINE_IF_CDA_FAILS = 0x40
_CPR2_SWITCH_IF_CDA_FAILS = 0x20
_CPR2_DECLINE_IF_EXPIRED = 0x04
_CPR2_SIGNATURE_INSTEAD = 0x02
_CPR2_NO_CVM_INSTEAD = 0x01
# 9F53, contactless card verification results, byte 2
_RESULTS2_DEVICE_CVM_FAILED = 0x01


class Kernel6:
    """One instance serves every tap; nothing is kept between them."""

    async def run(self, tap: "Tap") -> Outcome:
        """Take the application selected in `tap` to an outcome."""
        return await common.guarded(self._run, tap, "CX-3")

    async def issuer_update(
        self, tap: "Tap", answer: "dict[int, bytes]", scripts: "list[bytes]"
    ) -> None:
        """No second tap is ever asked for: nothing is sent."""

    async def _run(self, tap: "Tap") -> Outcome:
        # CX-3: the PDOL names 9F66, else this is no card of ours.
        if not dol.asks_for(tap.fci.get(tags.PDOL, b""), tags.TTQ):
            return outcome.select_next("card data missing")
        sw, body = await common.processing_options(tap)
        if sw != apdu.OK:
            return common.refused(tap, sw, "CX-3")
        generate_ac.keep_objects(tap, tlv.open_template(body, 0x77), strict=True)
        afl = tap.data.get(tags.AFL)
        if afl:
            tap.phase("records")
            count = await records.read_all(tap, afl, strict=True)
            tap.log.event("emv", "records", count=count)
        # EP-15
        await tap.card_read_ok()
        tap.needs(tags.AIP)
        if tap.transaction.is_refund:
            tap.identify()
            tap.decide("CX-3", "refund: the host decides, whatever the cryptogram")
            return outcome.refund_request()
        tap.needs(tags.CID, tags.ATC, tags.IAD, tags.TRACK2)
        tap.identify()
        kind = tap.data[tags.CID][0] & apdu.AC_TYPE
        if kind not in (apdu.TC, apdu.ARQC):
            return common.declined(tap, "CX-3", "declined by card")
        method = _verify_cardholder(tap)
        if method is None:
            return _other_interface(tap, "cardholder not verified")
        signed = _authenticate(tap, kind)
        restrictions.check(tap, "CX-3")
        return _dispose(tap, kind, signed, method)


def _requirements(tap: "Tap") -> bytes:
    """Card processing requirements (9F71), zeros where the card gave none."""
    return common.exactly(tap, _REQUIREMENTS, 2)


def _verify_cardholder(tap: "Tap") -> "str | None":
    """CX-3: the method, or None where there is none (Book C-6, "CVM common" and "CVM mobile")."""
    ttq, wanted = tap.ttq, _requirements(tap)
    required = ttq[1] & TTQ2_CVM_REQUIRED
    if not required and not wanted[0] & (_CPR1_ONLINE_PIN | _CPR1_SIGNATURE):
        return _note(tap, outcome.CVM_NONE, "none is asked for")
    signature = ttq[0] & TTQ1_SIGNATURE
    if wanted[0] & _CPR1_ONLINE_PIN:
        if ttq[0] & TTQ1_ONLINE_PIN:
            tap.set_tvr(tvr.ONLINE_PIN_ENTERED)
            return _note(tap, outcome.CVM_ONLINE_PIN, "the card wants it")
        if wanted[1] & _CPR2_SIGNATURE_INSTEAD and signature:
            return _note(tap, outcome.CVM_SIGNATURE, "instead of online PIN")
    elif wanted[0] & _CPR1_SIGNATURE and signature:
        return _note(tap, outcome.CVM_SIGNATURE, "the card wants it")
    if ttq[2] & TTQ3_CONSUMER_DEVICE_CVM and wanted[0] & _CPR1_DEVICE_CVM:
        if not common.exactly(tap, _VERIFICATION_RESULTS, 8)[1] & _RESULTS2_DEVICE_CVM_FAILED:
            return _note(tap, outcome.CVM_CONSUMER_DEVICE, "performed")
        if wanted[1] & _CPR2_SIGNATURE_INSTEAD and signature:
            return _note(tap, outcome.CVM_SIGNATURE, "instead of the device's")
    if wanted[1] & _CPR2_NO_CVM_INSTEAD:
        if required:
            tap.go_online("CX-3", "nobody was verified")
        return _note(tap, outcome.CVM_NONE, "instead of what cannot be had")
    tap.set_tvr(tvr.CARDHOLDER_NOT_VERIFIED)
    return None


def _note(tap: "Tap", method: str, why: str) -> str:
    tap.decide("CX-3", "cardholder verification: {} ({})".format(method, why))
    return method


def _authenticate(tap: "Tap", kind: int) -> bool:
    """CX-3: CDA on the answer that held the cryptogram; the TVR says how it went.

    A cryptogram that the host is asked with needs none, but may be had from the signature only.
    """
    if kind == apdu.ARQC and tags.SIGNED_DYNAMIC not in tap.data:
        tap.needs(tags.CRYPTOGRAM)
        tap.set_tvr(tvr.ODA_NOT_PERFORMED)
        return False
    if not generate_ac.wanted(tap, generate_ac.AIP1_CDA, tap.combination.kernel6.cda):
        tap.set_tvr(tvr.ODA_NOT_PERFORMED)
        return False
    if not generate_ac.prepare_cda(tap, "CX-3"):
        return False
    if tags.SIGNED_DYNAMIC in tap.data and tap.oda.cda(tap, b""):
        return True
    tap.set_tvr(tvr.CDA_FAILED)
    return False


def _dispose(tap: "Tap", kind: int, signed: bool, method: str) -> Outcome:
    """CX-3: what comes of cryptogram, signature, restrictions and the card's wishes (Book C-6,
    "terminal action analysis" 1 and 2)."""
    wishes = _requirements(tap)[1]
    # A TC that nothing proves is a failure of CDA, even where none was tried.
    if not signed and (kind == apdu.TC or tvr.is_set(tap.tvr, tvr.CDA_FAILED)):
        if wishes & _CPR2_SWITCH_IF_CDA_FAILS:
            return _other_interface(tap, "cam failed")
        if wishes & _CPR2_ONLINE_IF_CDA_FAILS:
            return _go_online(tap, method)
        if kind == apdu.TC:
            return common.declined(tap, "CX-3", "cam failed", method)
    if tvr.is_set(tap.tvr, tvr.SERVICE_NOT_ALLOWED):
        return common.declined(tap, "CX-3", "service not allowed", method)
    #
    if terminal_risk.listed(tap):
        return common.declined(tap, "CX-3", "exception list", method)
    if tvr.is_set(tap.tvr, tvr.ICC_DATA_MISSING):
        return common.declined(tap, "CX-3", "card data missing", method)
    expired = tvr.is_set(tap.tvr, tvr.EXPIRED) or tags.EXPIRY not in tap.data
    if expired and wishes & _CPR2_DECLINE_IF_EXPIRED:
        return common.declined(tap, "CX-3", "expired", method)
    # Expired otherwise, not yet good, or a cryptogram for the host: the host decides.
    if expired or tvr.is_set(tap.tvr, tvr.NOT_YET_EFFECTIVE) or kind == apdu.ARQC:
        return _go_online(tap, method)
    # A TC: it was told when an online cryptogram was required.
    if tap.ttq[1] & TTQ2_ONLINE_REQUIRED:
        return common.declined(tap, "CX-3", "offline cryptogram where an online one was required")
    #
    if terminal_risk.select(tap) or method == outcome.CVM_ONLINE_PIN:
        return _go_online(tap, method)
    return common.approved(tap, "CX-3", method)


def _go_online(tap: "Tap", method: str) -> Outcome:
    if tap.ttq[0] & TTQ1_OFFLINE_ONLY:
        if _requirements(tap)[1] & _CPR2_SWITCH_IF_OFFLINE:
            return _other_interface(tap, "no way online")
        return common.declined(tap, "CX-3", "no way online", method)
    if tags.CRYPTOGRAM not in tap.data:
        return common.declined(tap, "CX-3", "cam failed", method)
    return common.online_request(tap, "CX-3", method)


def _other_interface(tap: "Tap", error: str) -> Outcome:
    """Another interface where the reader has one, else declined."""
    if tap.ttq[0] & TTQ1_CONTACT_CHIP:
        tap.decide("CX-3", "another interface: " + error)
        return outcome.try_another_interface(outcome.MESSAGE_INSERT_CARD, error=error)
    return common.declined(tap, "CX-3", error)
