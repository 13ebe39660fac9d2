"""The issuer's decision: card, cryptogram, expiry, account, and the amounts that stand for
trouble.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from simulator.acquirer.ledger import Ledger
from simulator.acquirer.messages import Card

APPROVED = "00"
DO_NOT_HONOUR = "05"
FORMAT_ERROR = "30"
INVALID_CARD = "14"
BLOCKED = "62"
INSUFFICIENT_FUNDS = "51"
EXPIRED = "54"
SECURITY_VIOLATION = "63"
WRONG_CRYPTOGRAM = "82"
NO_SUCH_SALE = "12"
BAD_AMOUNT = "13"
DUPLICATE = "94"
ISSUER_UNAVAILABLE = "91"
NO_ANSWER = "68"

# Upper bits of 9F27.
AAC, TC, ARQC = 0x00, 0x40, 0x80

TEST_AMOUNTS = {
    "05": DO_NOT_HONOUR,
    "51": INSUFFICIENT_FUNDS,
    "54": EXPIRED,
    "91": ISSUER_UNAVAILABLE,
}
"""The last two digits of an amount that decline it, whatever card pays."""

NO_ANSWER_AMOUNT = "68"
"""The last two digits of an amount that is booked and never answered."""


class Issuers(Protocol):
    """The issuers behind the acquirer (`simulator.cards.issuers`)."""

    def issuer_for(self, pan: str) -> object:
        """Whoever issued this card; KeyError when nobody here did."""
        ...

    def verify_arqc(
        self,
        pan: str,
        psn: int | None,
        atc: bytes,
        iad: bytes,
        data: Mapping[int, bytes],
        arqc: bytes,
    ) -> bool:
        """Whether the card made this cryptogram over `data` (DE 55 by tag)."""
        ...

    def arpc(
        self,
        pan: str,
        psn: int | None,
        atc: bytes,
        iad: bytes,
        arqc: bytes,
        response_code: bytes,
    ) -> bytes:
        """Issuer authentication data (content of tag 91) for a response code as in 8A."""
        ...


def answer_for_card(issuers: Issuers, card: Card, emv: dict[int, bytes], code: str) -> bytes:
    """DE 55 of an answer: tag 91, where terminal (TTQ byte 3, bit 80) and card (CTQ byte 2, bit
    40) have agreed on a second tap; else b""."""
    ttq, ctq = emv.get(0x9F66, b""), emv.get(0x9F6C, b"")
    if len(ttq) < 4 or len(ctq) < 2 or not ttq[2] & 0x80 or not ctq[1] & 0x40:
        return b""
    answer = b"00" if code == APPROVED else b"05"
    data = issuers.arpc(card.pan, card.psn, emv[0x9F36], emv[0x9F10], emv[0x9F26], answer)
    return bytes([0x91, len(data)]) + data


@dataclass(frozen=True)
class Decision:
    """`code` for DE 39; `why` for the log, without card data."""

    code: str
    why: str


def decide(
    issuers: Issuers,
    ledger: Ledger,
    card: Card,
    emv: dict[int, bytes],
    amount_minor: int,
    currency: str,
    today: datetime.date,
) -> Decision:
    """Approve or decline an online request."""
    try:
        issuers.issuer_for(card.pan)
    except KeyError:
        return Decision(INVALID_CARD, "no such card")
    wrong = _cryptogram_is_wrong(issuers, card, emv, amount_minor, currency, (ARQC, TC))
    if wrong:
        return Decision(WRONG_CRYPTOGRAM, wrong)
    if card.expiry and card.expiry < f"{today:%y%m}":
        return Decision(EXPIRED, "the card has expired")
    account = ledger.open_account(card.pan, currency)
    if account.blocked:
        return Decision(BLOCKED, "the card is blocked")
    test = TEST_AMOUNTS.get(f"{amount_minor:02}"[-2:])
    if test is not None:
        return Decision(test, "test amount")
    if account.balance_minor < amount_minor:
        return Decision(INSUFFICIENT_FUNDS, "the account has not enough")
    return Decision(APPROVED, "approved")


def capture(
    issuers: Issuers, card: Card, emv: dict[int, bytes], amount_minor: int, currency: str
) -> Decision:
    """What becomes of a sale that its card approved offline: the issuer stands by its card's TC,
    whatever the account has by now, and by nothing else.
    """
    try:
        issuers.issuer_for(card.pan)
    except KeyError:
        return Decision(INVALID_CARD, "no such card")
    wrong = _cryptogram_is_wrong(issuers, card, emv, amount_minor, currency, (TC,))
    if wrong:
        return Decision(WRONG_CRYPTOGRAM, wrong)
    # On the day of the sale the card had to be good.
    if 0x9A not in emv:
        return Decision(WRONG_CRYPTOGRAM, "ICC data is incomplete: no date")
    if card.expiry and card.expiry < emv[0x9A].hex()[:4]:
        return Decision(EXPIRED, "the card had expired")
    return Decision(APPROVED, "approved by the card")


def _cryptogram_is_wrong(
    issuers: Issuers,
    card: Card,
    emv: dict[int, bytes],
    amount_minor: int,
    currency: str,
    kinds: tuple[int, ...],
) -> str:
    """Why the cryptogram is not to be believed, "" when it is the card's, of one of these kinds
    and over this amount.

    A terminal that is not content with a card's TC (its signature did not verify, say) asks the
    issuer with that (Book C-3, 5.6); an AAC is never an approval.
    """
    try:
        atc, iad, arqc = emv[0x9F36], emv[0x9F10], emv[0x9F26]
        if emv[0x9F27][0] & 0xC0 not in kinds:
            return "no TC" if kinds == (TC,) else "neither ARQC nor TC"
        asked = emv[0x9F02].hex(), emv[0x5F2A].hex()[-3:]
    except (KeyError, IndexError) as error:
        return f"ICC data is incomplete: {error}"
    if asked != (f"{amount_minor:012}", currency):
        return "the card was asked for another amount"
    if not issuers.verify_arqc(card.pan, card.psn, atc, iad, emv, arqc):
        return "the cryptogram is wrong"
    return ""
