"""What kernels 4 to 7 do alike: how a tap ends when it goes wrong, what a status word means, and
the outcomes (EMV Contactless Book A, 6; Books C-3 to C-7)."""

from typing import TYPE_CHECKING

from kassa.emv import apdu, dol, outcome, tags
from kassa.emv.errors import CardDataError, EmvError, TlvError
from kassa.emv.outcome import Outcome, UiRequest
from kassa.system.card import CardError, TwoCards

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kassa.emv.tap import Tap

# The field goes off for 1.3 s, so that the phone lets its owner act (Book C-3, table 5-3).
SEE_PHONE_FIELD_OFF = 13


async def guarded(run: "Callable[[Tap], Awaitable[Outcome]]", tap: "Tap", rule: str) -> Outcome:
    """`run(tap)`; whatever card or air bring about becomes an outcome, noted under `rule`."""
    try:
        return await run(tap)
    except TwoCards:
        return outcome.one_card_only()
    except CardError:
        # Whatever was lost, the card is asked for once more, the same transaction.
        tap.decide("EP-13", "transmission error: the card is asked for again")
        return outcome.end_and_restart(outcome.MESSAGE_PRESENT_AGAIN, "transmission error")
    except CardDataError as error:
        tap.decide(rule, "end: " + error.error)
        return outcome.end_application(error=error.error, sw=error.sw)
    except EmvError:
        # D-1, D-2: what is not TLV, or holds an object twice, ends the application.
        tap.decide("D-1", "what the card sent cannot be read")
        return outcome.end_application(error="parsing error")


async def processing_options(
    tap: "Tap", value_of: "Callable[[int], bytes | None] | None" = None
) -> "tuple[int, bytes]":
    """GET PROCESSING OPTIONS with what the PDOL names: (status word, answer).

    `value_of` gives the values where they are not just the tap's.  They stay in
    `tap.pdol_values`, since signatures cover them (ODA-6).
    """
    pdol = tap.fci.get(tags.PDOL, b"")
    tap.pdol_values = dol.fill(pdol, value_of or tap.value)
    tap.phase("gpo")
    sw, body = await apdu.exchange(tap.card, apdu.get_processing_options(tap.pdol_values))
    tap.log.event("emv", "gpo", sw="{:04X}".format(sw))
    return sw, body


def exactly(tap: "Tap", tag: int, length: int) -> bytes:
    """The card's object `tag`, zeros where it gave none; TlvError unless it has `length` bytes.

    For elements whose meaning, and length, depends on the kernel.
    """
    value = tap.data.get(tag, tap.fci.get(tag))
    if not value:
        return bytes(length)
    if len(value) != length:
        raise TlvError("wrong length")
    return value


def refused(tap: "Tap", sw: int, rule: str) -> Outcome:
    """What a status other than 9000 of GET PROCESSING OPTIONS means: 6984 another interface, 6985
    the next application, 6986 the phone wants its owner, all else the end (as C3-1)."""
    if sw == apdu.NOT_ALLOWED_HERE:
        tap.decide(rule, "the card wants another interface (6984)")
        return outcome.try_another_interface(error="status bytes", sw=sw)
    if sw == apdu.CONDITIONS_NOT_SATISFIED:
        tap.decide(rule, "the card wants another application (6985)")
        return outcome.select_next("status bytes", sw)
    if sw == apdu.SEE_PHONE:
        return see_phone(tap, rule)
    tap.decide(rule, "end: status {:04X}".format(sw))
    return outcome.end_application(error="status bytes", sw=sw)


def see_phone(tap: "Tap", rule: str) -> Outcome:
    """The phone wants its owner: the same transaction again after that (EP-13)."""
    tap.decide(rule, "the device wants its owner first")
    return outcome.try_again(
        outcome.MESSAGE_SEE_PHONE, error="see phone", field_off=SEE_PHONE_FIELD_OFF
    )


def declined(tap: "Tap", rule: str, error: str, method: "str | None" = None) -> Outcome:
    """Declined, offline; `error` is a short name for technicians."""
    tap.decide(rule, "declined: " + error)
    return Outcome(
        outcome.DECLINED,
        ui=UiRequest(outcome.MESSAGE_NOT_AUTHORISED, outcome.CARD_READ_OK),
        cvm=method,
        discretionary={"level": "l2", "error": error},
    )


def approved(tap: "Tap", rule: str, method: str) -> Outcome:
    """Approved, offline."""
    tap.decide(rule, "approved offline")
    message = outcome.MESSAGE_APPROVED
    if method == outcome.CVM_SIGNATURE:
        message = outcome.MESSAGE_APPROVED_SIGN
    result = Outcome(outcome.APPROVED, ui=UiRequest(message, outcome.CARD_READ_OK), cvm=method)
    result.receipt = method == outcome.CVM_SIGNATURE
    return result


def online_request(tap: "Tap", rule: str, method: str) -> Outcome:
    """The host decides."""
    tap.decide(rule, "online request")
    ui = UiRequest(outcome.MESSAGE_AUTHORISING, outcome.PROCESSING)
    result = Outcome(outcome.ONLINE_REQUEST, ui=ui, cvm=method)
    result.receipt = method == outcome.CVM_SIGNATURE
    return result
