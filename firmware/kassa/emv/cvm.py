"""Cardholder verification by the card's CVM list (Book C-2, 7.5 "CVM selection"; EMV 4.3 Book 3,
10.5)."""

from typing import TYPE_CHECKING

from kassa.emv import outcome, tags, tvr
from kassa.emv.errors import CardDataError
from kassa.emv.transaction_data import CASH, CASH_DISBURSEMENT, PURCHASE_WITH_CASHBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.emv.tap import Tap

AIP1_ON_DEVICE = 0x02
AIP1_CARDHOLDER_VERIFICATION = 0x10

# CVM codes (Book 3, table 39) in the lower six bits of a rule
_FAIL = 0x00
DEVICE_PIN = 0x01
_ONLINE_PIN = 0x02
_SIGNATURE = 0x1E
NO_CVM = 0x1F
_GO_ON = 0x40

# What 9F33 byte 2 must say for each code that Book 3 knows; 0 cannot be had.
_CAPABILITY = {
    _FAIL: 0x00,
    DEVICE_PIN: 0x80,  # plaintext PIN by the card
    _ONLINE_PIN: 0x40,
    0x03: 0xA0,  # plaintext PIN by the card, and signature
    0x04: 0x10,  # enciphered PIN by the card
    0x05: 0x30,  # enciphered PIN by the card, and signature
    _SIGNATURE: 0x20,
    NO_CVM: 0x08,
}
# A card in the field is not sent a PIN: only these are ever performed (Book C-2, CVM.17).
_CONTACTLESS = (_ONLINE_PIN, _SIGNATURE, NO_CVM)

_UNATTENDED_CASH = (0x14, 0x15, 0x16)


def select(
    tap: "Tap", over_cvm_limit: bool, reader_on_device: bool = False, rule: str = "C2-7"
) -> str:
    """Choose the method and set 9F34 and the TVR accordingly; returns one of `outcome.CVM_...`.

    9F33 must be set before.  `reader_on_device` says that the reader takes the word of a device
    that verified its owner; `rule` is what the decision is noted under.  CardDataError for a CVM
    list that ends in half a rule.
    """
    method = _select(tap, over_cvm_limit, reader_on_device)
    tap.decide(rule, "{}, 9F34 {}".format(method, tap.terminal_data[tags.CVM_RESULTS].hex()))
    return method


def none(tap: "Tap", why: str, rule: str = "C2-7") -> str:
    """No cardholder verification at all (9F34 3F0000), because `why`."""
    tap.decide(rule, "no cardholder verification: " + why)
    return result(tap, outcome.CVM_NONE, 0x3F, 0x00, 0x00)


def _select(tap: "Tap", over_cvm_limit: bool, reader_on_device: bool) -> str:
    # C2-7: on-device verification over the limit; up to it none is needed.
    aip = tap.data[tags.AIP]
    if aip[0] & AIP1_ON_DEVICE and reader_on_device:
        if over_cvm_limit:
            return result(tap, outcome.CVM_CONSUMER_DEVICE, 0x01, 0x00, 0x02)
        return result(tap, outcome.CVM_NONE, 0x3F, 0x00, 0x02)
    # C2-7: no cardholder verification in the AIP -> no CVM.
    if not aip[0] & AIP1_CARDHOLDER_VERIFICATION:
        return result(tap, outcome.CVM_NONE, 0x3F, 0x00, 0x00)
    # C2-7: no 8E -> ICC data missing.  A list without rules counts as none (Book 3, 10.5).
    listed = card_list(tap)
    if not listed:
        tap.set_tvr(tvr.ICC_DATA_MISSING)
        return result(tap, outcome.CVM_NONE, 0x3F, 0x00, 0x00)
    return by_list(tap, listed, tap.terminal_data[tags.CAPABILITIES][1])


def card_list(tap: "Tap") -> bytes:
    """The card's CVM list (8E), b"" if there is none or none with rules; CardDataError if it ends
    in half a rule."""
    listed = tap.data.get(tags.CVM_LIST, b"")
    if len(listed) % 2:
        raise CardDataError("card data error")
    return listed if len(listed) > 8 else b""


def by_list(
    tap: "Tap", listed: bytes, capability: int, device: "Callable[[], bool] | None" = None
) -> str:
    """Choose by the rules of `listed`, in order; sets 9F34 and the TVR.

    `capability` is byte 2 of 9F33.  `device` says, where it is given, whether the device verified
    its owner: that is then what "PIN verified by the card" means (kernel 4).
    """
    if device is not None:
        capability |= _CAPABILITY[DEVICE_PIN]
    for at in range(8, len(listed), 2):
        rule, condition = listed[at], listed[at + 1]
        code = rule & 0x3F
        if not applies(tap, condition, code, capability, listed):
            continue
        # C2-7: unknown methods set the TVR bit.
        if code not in _CAPABILITY:
            tap.set_tvr(tvr.CVM_UNRECOGNISED)
        elif code == DEVICE_PIN and device is not None:
            if device():
                return result(tap, outcome.CVM_CONSUMER_DEVICE, rule, condition, 0x02)
        elif code in _CONTACTLESS and _supported(code, capability):
            if code == _ONLINE_PIN:
                tap.set_tvr(tvr.ONLINE_PIN_ENTERED)
                return result(tap, outcome.CVM_ONLINE_PIN, rule, condition, 0x00)
            if code == _SIGNATURE:
                return result(tap, outcome.CVM_SIGNATURE, rule, condition, 0x00)
            return result(tap, outcome.CVM_NONE, rule, condition, 0x02)
        # C2-7: bit 40 of the rule goes on after failure, where there is another.
        if not rule & _GO_ON or at + 2 == len(listed):
            tap.set_tvr(tvr.CARDHOLDER_NOT_VERIFIED)
            if code == _FAIL:
                return result(tap, outcome.CVM_NONE, rule, condition, 0x01)
            break
    # No rule is left.
    tap.set_tvr(tvr.CARDHOLDER_NOT_VERIFIED)
    return result(tap, outcome.CVM_NONE, 0x3F, 0x00, 0x01)


def _supported(code: int, capability: int) -> bool:
    wanted = _CAPABILITY.get(code, 0)
    return bool(wanted) and capability & wanted == wanted


def applies(tap: "Tap", condition: int, code: int, capability: int, listed: bytes) -> bool:
    """Conditions 00 to 09 (Book 3, table 40); any other is not understood and does not apply."""
    kind = tap.transaction.type
    unattended_cash = kind == CASH and tap.terminal.type[0] in _UNATTENDED_CASH
    manual_cash = kind == CASH_DISBURSEMENT or (kind == CASH and not unattended_cash)
    if condition == 0x00:
        return True
    if condition == 0x01:
        return unattended_cash
    if condition == 0x02:
        return not unattended_cash and not manual_cash and kind != PURCHASE_WITH_CASHBACK
    if condition == 0x03:
        return _supported(code, capability)
    if condition == 0x04:
        return manual_cash
    if condition == 0x05:
        return kind == PURCHASE_WITH_CASHBACK
    if not 0x06 <= condition <= 0x09:
        return False
    # C2-7: amounts X and Y are in the application currency; "under" is less, "over" is more.
    if tap.data.get(tags.CURRENCY_CARD) != tap.terminal_data[tags.CURRENCY]:
        return False
    start = 0 if condition <= 0x07 else 4
    limit = int.from_bytes(listed[start : start + 4], "big")
    amount = tap.transaction.amount_minor
    return amount < limit if condition in (0x06, 0x08) else amount > limit


def result(tap: "Tap", method: str, rule: int, condition: int, success: int) -> str:
    """Set 9F34 to these three bytes; returns `method`."""
    tap.terminal_data[tags.CVM_RESULTS] = bytes((rule, condition, success))
    return method
