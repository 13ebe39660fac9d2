"""Pre-processing: what the amount means for one combination, before the field comes on (Book B,
3.1)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kassa.emv.config import Record

# D-5: terminal transaction qualifiers (9F66)
TTQ1_MAGSTRIPE = 0x80
TTQ1_EMV_MODE = 0x20
TTQ1_CONTACT_CHIP = 0x10
TTQ1_OFFLINE_ONLY = 0x08
TTQ1_ONLINE_PIN = 0x04
TTQ1_SIGNATURE = 0x02
TTQ1_ODA_ONLINE = 0x01
TTQ2_ONLINE_REQUIRED = 0x80
TTQ2_CVM_REQUIRED = 0x40
TTQ2_OFFLINE_PIN = 0x20
TTQ3_ISSUER_UPDATE = 0x80
TTQ3_CONSUMER_DEVICE_CVM = 0x40
TTQ4_FDDA_1 = 0x80


class Indicators:
    """Entry Point's pre-processing indicators of one combination (Book A, table 5-3).

    floor_minor is the floor limit that was used, None where there is none.
    """

    def __init__(self, ttq: "bytes | None") -> None:
        self.ttq = None if ttq is None else bytearray(ttq)
        self.allowed = True
        self.status_check = False
        self.zero_amount = False
        self.floor_limit_exceeded = False
        self.floor_minor = None  # type: int | None
        self.cvm_required = False


def preprocess(
    ttq: "bytes | None",
    limits: "Record",
    terminal_floor_limit: "int | None",
    amount_minor: int,
    unit_minor: int,
    online_only: bool,
    refund: bool = False,
) -> Indicators:
    """Indicators for `amount_minor` under `limits` (a combination, or one of its dynamic reader
    limits).

    `unit_minor` is one unit of the currency in minor units (100 for the euro).  `online_only` says
    that the terminal may not approve offline, for whatever reason: an online cryptogram is then
    always required.  A `refund` asks nobody to be verified, whatever its amount (Visa TADG,
    "Refunds and Credits").
    """
    # EP-1: on a fresh copy of the TTQ, its two bits of this transaction cleared.
    indicators = Indicators(ttq)
    copy = indicators.ttq
    if copy is not None:
        copy[1] &= ~(TTQ2_ONLINE_REQUIRED | TTQ2_CVM_REQUIRED) & 0xFF

    # EP-2: status check on exactly one unit; amount zero as its flag says.  No flag allows it
    # (Book B, 3.1.1.4).
    if limits.status_check and amount_minor == unit_minor:
        indicators.status_check = True
    if not amount_minor:
        if limits.zero_amount_allowed is False:
            indicators.allowed = False
        else:
            indicators.zero_amount = True

    # EP-3: at the transaction limit is too much, at the floor limit is not, at the CVM limit asks
    # for one.
    if limits.transaction_limit is not None and amount_minor >= limits.transaction_limit:
        indicators.allowed = False
    floor = terminal_floor_limit if limits.floor_limit is None else limits.floor_limit
    indicators.floor_minor = floor
    if floor is not None and amount_minor > floor:
        indicators.floor_limit_exceeded = True
    if limits.cvm_limit is not None and amount_minor >= limits.cvm_limit and not refund:
        indicators.cvm_required = True

    # EP-4: tell the card in TTQ byte 2.
    if copy is None:
        return indicators
    if copy[0] & TTQ1_OFFLINE_ONLY and (indicators.zero_amount or online_only):
        # An offline-only reader that may not approve offline has nothing to offer either (D-4).
        indicators.allowed = False
    elif (
        indicators.zero_amount
        or indicators.floor_limit_exceeded
        or indicators.status_check
        or online_only
    ):
        copy[1] |= TTQ2_ONLINE_REQUIRED
    if indicators.cvm_required:
        copy[1] |= TTQ2_CVM_REQUIRED
    return indicators
